#include "web/files.h"

#include <string.h>

#include "web/later.h"

/* Programs take the client library from here; a module of another origin needs leave to be read
 * (Fetch, 3.2). */
static bool files_is_for_all(struct str path)
{
    return str_equals(path, STR("/wschat.js"));
}

static int files_write_fields(struct buf *out, const struct answer *answer,
                              const struct asset *asset, bool is_for_all)
{
    bool is_admin = answer->conn->is_admin;

    if (buf_append_str(out, STR("Cache-Control: no-cache\r\n")) < 0 ||
        buf_append_str(out, is_admin ? STR(ANSWER_ADMIN) : STR(ANSWER_SAFETY)) < 0)
        return -1;
    if (is_for_all && buf_append_str(out, STR("Access-Control-Allow-Origin: *\r\n")) < 0)
        return -1;
    if (!assets_are_in_folder() && buf_append_str(out, STR("Vary: Accept-Encoding\r\n")) < 0)
        return -1;
    if (asset->coding == HTTP_CODING_GZIP &&
        buf_append_str(out, STR("Content-Encoding: gzip\r\n")) < 0)
        return -1;
    return buf_append_str(out, STR("ETag: ")) < 0 || buf_append(out, asset->etag, ETAG_SIZE) < 0 ||
                   buf_append_str(out, STR("\r\n")) < 0
               ? -1
               : 0;
}

static struct str files_etag(const struct asset *asset)
{
    return (struct str){asset->etag, ETAG_SIZE};
}

/* `is_known`: the client has it already. */
static void files_send(const struct answer *answer, const struct asset *asset, struct str path,
                       bool is_known)
{
    struct http_response response = {.status = is_known ? 304 : 200, .type = asset->type};
    struct buf fields;

    buf_init(&fields);
    if (files_write_fields(&fields, answer, asset, files_is_for_all(path)) < 0) {
        http_respond(answer->conn, NULL, &asset->body, true, false);
    } else {
        response.extra = (struct str){(char *)fields.data, fields.len};
        answer_send(answer, &response, &asset->body);
    }
    buf_deinit(&fields);
}

/* What came of looking for it. Answers and returns false where there is nothing to send. */
static bool files_is_found(const struct answer *answer, enum assets_result result,
                           struct asset *asset)
{
    if (result == ASSETS_UNKNOWN) {
        answer_text(answer, 404, "There is nothing at this path.", "");
        return false;
    }
    if (answer->is_get && result == ASSETS_FOUND)
        return true;
    if (result == ASSETS_FOUND)
        http_body_release(&asset->body);
    if (answer->is_get)
        answer_text(answer, 500, "The file could not be read.", "");
    else
        answer_not_allowed(answer);
    return false;
}

/* ---- files of a folder ---- */

/* Takes what stands in front of `end` off a text. */
static struct str files_take(struct str *text, char end)
{
    const char *at = memchr(text->ptr, end, text->len);
    size_t len = at == NULL ? text->len : (size_t)(at - text->ptr);
    struct str taken = {text->ptr, len};

    len += at != NULL;
    *text = (struct str){text->ptr + len, text->len - len};
    return taken;
}

/* `text`: what files_put_off has written. */
static void files_answer_from_folder(const struct answer *answer, struct str text)
{
    enum assets_site site = answer->conn->is_admin ? ASSETS_ADMIN : ASSETS_PUBLIC;
    struct str path = files_take(&text, '\0');
    bool is_known = false;
    struct asset asset;

    if (!files_is_found(answer, assets_read(&asset, site, path), &asset))
        return;
    while (text.len > 0)
        is_known |= http_etag_list_has(files_take(&text, '\n'), files_etag(&asset));
    files_send(answer, &asset, path, is_known);
}

/* What is needed of a request: the path, and the values of If-None-Match, each with its end. */
static int files_write_request(struct buf *out, const struct http_request *request, struct str path)
{
    struct str value;
    size_t line = 0;

    if (buf_append_str(out, path) < 0 || buf_append_char(out, '\0') < 0)
        return -1;
    while (http_field_next(&request->fields, &line, HTTP_FIELD_IF_NONE_MATCH, &value)) {
        if (buf_append_str(out, value) < 0 || buf_append_char(out, '\n') < 0)
            return -1;
    }
    return 0;
}

static void files_put_off(const struct answer *answer, const struct http_request *request,
                          struct str path)
{
    struct buf text;

    buf_init(&text);
    if (files_write_request(&text, request, path) < 0)
        stream_drop(&answer->conn->stream, STREAM_END_MEMORY);
    else
        later_answer(answer, files_answer_from_folder, (struct str){(char *)text.data, text.len});
    buf_deinit(&text);
}

/* What is built in is there packed and as it is. */
static void files_answer_embedded(const struct answer *answer, const struct http_request *request,
                                  enum assets_site site, struct str path)
{
    enum http_coding coding = http_coding_choose(&request->fields);
    bool is_refused = coding == HTTP_CODING_NEITHER;
    struct asset asset;
    enum assets_result result =
        assets_find(&asset, site, path, is_refused ? HTTP_CODING_GZIP : coding);

    if (!files_is_found(answer, result, &asset))
        return;
    if (is_refused)
        answer_text(answer, 406, "It comes in gzip, or as it is.", "Vary: Accept-Encoding\r\n");
    else
        files_send(answer, &asset, path, http_etag_matches(request, files_etag(&asset)));
}

void files_answer(const struct answer *answer, const struct http_request *request,
                  enum assets_site site, struct str path)
{
    if (assets_are_in_folder())
        files_put_off(answer, request, path);
    else
        files_answer_embedded(answer, request, site, path);
}
