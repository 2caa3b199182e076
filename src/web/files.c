#include "web/files.h"

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
    return buf_append_str(out, STR("ETag: ")) < 0 || buf_append(out, asset->etag, ETAG_SIZE) < 0 ||
                   buf_append_str(out, STR("\r\n")) < 0
               ? -1
               : 0;
}

static void files_send(const struct answer *answer, const struct http_request *request,
                       const struct asset *asset, bool is_for_all)
{
    struct str etag = {asset->etag, ETAG_SIZE};
    struct http_response response = {
        .status = http_etag_matches(request, etag) ? 304 : 200,
        .type = asset->type,
    };
    struct buf fields;

    buf_init(&fields);
    if (files_write_fields(&fields, answer, asset, is_for_all) < 0) {
        http_respond(answer->conn, NULL, &asset->body, true, false);
    } else {
        response.extra = (struct str){(char *)fields.data, fields.len};
        answer_send(answer, &response, &asset->body);
    }
    buf_deinit(&fields);
}

void files_answer(const struct answer *answer, const struct http_request *request,
                  enum assets_site site, struct str path)
{
    struct asset asset;

    if (!answer->is_get && assets_has(site, path)) {
        answer_not_allowed(answer);
        return;
    }
    switch (assets_find(&asset, site, path)) {
    case ASSETS_UNKNOWN:
        answer_text(answer, 404, "There is nothing at this path.", "");
        return;
    case ASSETS_FAILED:
        answer_text(answer, 500, "The file could not be read.", "");
        return;
    case ASSETS_FOUND:
        files_send(answer, request, &asset, files_is_for_all(path));
        return;
    }
}
