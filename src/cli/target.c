#include "cli/target.h"

#include <string.h>
#include <sys/un.h>

#include "base/util.h"
#include "proto/http/query.h"

#define HISTORY_MAX 100000

static const char *const bad_room = "a room is 1 to 64 bytes of UTF-8 without control characters";
static const char *const bad_name =
    "a name is at most 64 bytes of UTF-8 without control characters";

/* ---- the path ---- */

static bool is_digits(struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] < '0' || s.ptr[i] > '9')
            return false;
    }
    return s.len > 0;
}

/* Bytes of the path up to its last slash, that one left out. */
static size_t folder_len(struct str path)
{
    size_t len = path.len;

    while (len > 0 && path.ptr[len - 1] != '/')
        len--;
    return len > 0 ? len - 1 : 0;
}

static bool ends_with_ws(struct str path)
{
    return path.len >= 3 && memcmp(path.ptr + path.len - 3, "/ws", 3) == 0;
}

/* Takes ".../ws/ID", ".../ws/", ".../ws", ".../" or nothing. What is in front belongs to a proxy.
 */
static const char *read_path(struct target *target, struct str path)
{
    size_t len = folder_len(path);
    struct str last = {path.ptr + len + 1, path.len > len ? path.len - len - 1 : 0};
    struct str folder = {path.ptr, len};

    if (ends_with_ws(path) || path.len == 0) {
        folder = path;
    } else if (is_digits(last) && ends_with_ws(folder)) {
        if (!str_to_u64(last, CODEC_ID_MAX, &target->id) || target->id == 0)
            return "an id is a number from 1 to 9223372036854775807";
    } else if (last.len > 0) {
        return "the path of a chat ends in /ws/ID, or in / where any id will do";
    }
    if (ends_with_ws(folder))
        folder.len -= 3;
    target->prefix = folder;
    return NULL;
}

/* ---- the query ---- */

static const char *const own_names[] = {"room", "name", "history", "since", "key"};

static bool is_own_name(struct str raw)
{
    char name[16];
    ptrdiff_t len = http_percent_decode(name, sizeof(name), raw, true);

    for (size_t i = 0; i < ARRAY_LEN(own_names); i++) {
        if (len >= 0 && str_equals((struct str){name, (size_t)len}, str_from(own_names[i])))
            return true;
    }
    return false;
}

/* Keeps what is not ours as it is. */
static int keep_rest(struct target *target, struct str query)
{
    while (query.ptr != NULL) {
        struct str pair = str_cut(&query, '&');
        struct str value = pair;

        if (pair.len == 0 || is_own_name(str_cut(&value, '=')))
            continue;
        if (buf_append_char(&target->rest, '&') < 0 || buf_append_str(&target->rest, pair) < 0)
            return -1;
    }
    return 0;
}

/* Decodes a parameter into `out` of `size` bytes, as a NUL-terminated string. Returns false where
 * it is there and has a control character or is too long. */
static bool read_text(char *out, size_t size, struct str query, const char *name)
{
    struct str raw;
    ptrdiff_t len;

    if (http_query_get(query, str_from(name), &raw) == 0)
        return true;
    len = http_percent_decode(out, size - 1, raw, true);
    if (len < 0 || memchr(out, '\0', (size_t)len) != NULL)
        return false;
    out[len] = '\0';
    return true;
}

static bool target_read_name(char out[CODEC_NAME_MAX + 1], struct str query, const char *name)
{
    return read_text(out, CODEC_NAME_MAX + 1, query, name) && codec_name_is_valid(str_from(out));
}

static const char *read_query(struct target *target, struct str query)
{
    struct str raw;

    for (size_t i = 0; i < ARRAY_LEN(own_names); i++) {
        if (http_query_get(query, str_from(own_names[i]), &raw) > 1)
            return "a parameter stands twice in the URL";
    }
    if (!target_read_name(target->room, query, "room") ||
        (http_query_get(query, STR("room"), &raw) > 0 && raw.len == 0))
        return bad_room;
    if (!target_read_name(target->name, query, "name"))
        return bad_name;
    if (http_query_get(query, STR("history"), &raw) > 0 &&
        !str_to_u64(raw, HISTORY_MAX, &target->history))
        return "history is a number from 0 to 100000";
    if (!read_text(target->since, sizeof(target->since), query, "since") ||
        !read_text(target->key, sizeof(target->key), query, "key"))
        return "since or key is too long";
    return keep_rest(target, query) < 0 ? "out of memory" : NULL;
}

/* ---- URL and options ---- */

/* A link for moderators ends with #token=T. Takes that off. Returns NULL, or what is wrong. */
static const char *read_link(struct target *target, struct str *link)
{
    struct str rest = *link, text = str_cut(&rest, '#');
    struct str prefix = STR("token=");

    if (rest.len < prefix.len || memcmp(rest.ptr, prefix.ptr, prefix.len) != 0)
        return NULL;
    rest = (struct str){rest.ptr + prefix.len, rest.len - prefix.len};
    if (!pass_is_token(rest) || rest.len >= sizeof(target->token))
        return "there is no token behind #token=";
    memcpy(target->token, rest.ptr, rest.len);
    target->token[rest.len] = '\0';
    *link = text;
    return NULL;
}

static const char *read_url(struct target *target, const char *text)
{
    struct str link = str_from(text);
    struct ws_url url;
    const char *why;
    int error;

    if (strncmp(text, "unix:", 5) == 0) {
        target->address.unix_path = str_from(text + 5);
        target->address.authority = STR("localhost");
        if (target->address.unix_path.len == 0 ||
            target->address.unix_path.len >= sizeof(((struct sockaddr_un *)0)->sun_path))
            return "the path of a unix socket has 1 to 107 bytes";
        return NULL;
    }
    why = read_link(target, &link);
    if (why != NULL)
        return why;
    error = ws_url_parse(&url, link);
    if (error < 0)
        return ws_url_error_text((enum ws_url_error) - error);
    target->address.host = url.host;
    target->address.port = url.port;
    target->address.authority = url.authority;
    why = read_path(target, url.path);
    return why != NULL ? why : read_query(target, url.query);
}

static bool set_name(char out[CODEC_NAME_MAX + 1], const char *text)
{
    struct str name = str_from(text);

    if (!codec_name_is_valid(name))
        return false;
    memcpy(out, name.ptr, name.len);
    out[name.len] = '\0';
    return true;
}

const char *target_read(struct target *target, const struct target_options *options)
{
    const char *why;

    *target = (struct target){.history = options->history};
    why = read_url(target, options->url);
    if (why != NULL)
        return why;
    if (options->has_history)
        target->history = options->history;
    if (options->id != 0)
        target->id = options->id;
    if (options->name != NULL && !set_name(target->name, options->name))
        return bad_name;
    if (options->room != NULL &&
        (options->room[0] == '\0' || !set_name(target->room, options->room)))
        return bad_room;
    return NULL;
}

void target_deinit(struct target *target)
{
    buf_deinit(&target->rest);
}

static bool is_unreserved(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c != '\0' && strchr("-._~", c) != NULL);
}

int target_append_encoded(struct buf *out, struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        int result = is_unreserved(text.ptr[i])
                         ? buf_append_char(out, text.ptr[i])
                         : buf_printf(out, "%%%02X", (unsigned)(uint8_t)text.ptr[i]);

        if (result < 0)
            return -1;
    }
    return 0;
}
