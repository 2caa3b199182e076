#include "web/router.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "web/assets.h"
#include "web/entry.h"
#include "server/realip.h"
#include "server/server.h"
#include "base/util.h"
#include "proto/http/query.h"
#include "proto/http/response.h"
#include "proto/ws/handshake.h"

/* A path longer than this, decoded, is nobody's. */
#define PATH_MAX_DECODED 256

/* How many messages a client of wschat.v1 is replayed when it does not say. */
#define V1_HISTORY 50

#define ALLOW_GET "Allow: GET, HEAD\r\n"
#define RETRY_AFTER "Retry-After: 5\r\n"
#define UPGRADE_FIELDS "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"

/* Sent with every page. Nothing inline, nothing from elsewhere, and nobody may frame it. */
#define SAFETY_FIELDS                                                                              \
    "Content-Security-Policy: default-src 'none'; script-src 'self'; style-src 'self'; "           \
    "img-src 'self' data:; connect-src 'self'; manifest-src 'self'; base-uri 'none'; "             \
    "form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; "             \
    "trusted-types 'none'\r\n"                                                                     \
    "Referrer-Policy: no-referrer\r\n"

/* What is for operators is for pages of this very origin: no other may even embed it. */
#define ADMIN_FIELDS SAFETY_FIELDS "Cross-Origin-Resource-Policy: same-origin\r\n"

#define FRESH_FIELDS "Cache-Control: no-store\r\n"

/* An answer in the making. */
struct answer {
    struct conn *conn;
    bool is_head;    /* the method is HEAD: no body */
    bool keep_alive; /* the client would go on */
    bool is_http_1_0;
};

/* ---- answers ---- */

/* A response counts once it is on its way: not where memory was out for it. */
static void count_response(const struct answer *answer, int status)
{
    if (answer->conn->state == CONN_DEAD)
        return;
    server_of(answer->conn)->responses[status]++;
    answer->conn->status = (uint16_t)status;
}

static int64_t unix_time(const struct conn *conn)
{
    return (int64_t)(conn->pool->wall / 1000);
}

/* Sends a head and maybe a body, which is released in any case. */
static void send_answer(const struct answer *answer, const struct http_response *response,
                        const void *body, void (*release)(void *))
{
    struct buf head;
    bool has_body = body != NULL && !answer->is_head && response->status != 304;

    buf_init(&head);
    if (!has_body && release != NULL)
        release((void *)(uintptr_t)body);
    if (http_response_head(&head, response, unix_time(answer->conn)) < 0) {
        if (has_body && release != NULL)
            release((void *)(uintptr_t)body);
        conn_drop(answer->conn, CONN_END_MEMORY);
    } else {
        conn_respond(answer->conn, &head, has_body ? body : NULL, response->length, release,
                     response->keep_alive);
        count_response(answer, response->status);
    }
    buf_deinit(&head);
}

/* One line of text. */
static void send_text(const struct answer *answer, int status, const char *text, const char *fields)
{
    struct buf bytes;
    struct http_response response = {
        .status = status,
        .type = STR("text/plain; charset=utf-8"),
        .length = strlen(text) + 1,
        .keep_alive = answer->keep_alive,
        .is_http_1_0 = answer->is_http_1_0,
        .extra = str_from(fields),
    };

    buf_init(&bytes);
    if (http_response_head(&bytes, &response, unix_time(answer->conn)) < 0 ||
        (!answer->is_head &&
         (buf_append_str(&bytes, str_from(text)) < 0 || buf_append_char(&bytes, '\n') < 0)))
        conn_drop(answer->conn, CONN_END_MEMORY);
    else
        conn_respond(answer->conn, &bytes, NULL, 0, NULL, answer->keep_alive);
    count_response(answer, status);
    buf_deinit(&bytes);
}

/* A refusal after which the connection ends: whatever the client sends on, it is not HTTP for sure.
 */
static void refuse(const struct answer *answer, int status, const char *text, const char *fields)
{
    struct answer last = *answer;

    conn_note_end(answer->conn, CONN_END_REFUSED, text);
    last.keep_alive = false;
    send_text(&last, status, text, fields);
}

void router_bad_request(struct conn *conn, int status, const char *text)
{
    struct answer answer = {.conn = conn};

    refuse(&answer, status, text, "");
}

/* ---- pages ---- */

static void send_asset(const struct answer *answer, const struct http_request *request,
                       const struct asset *asset)
{
    struct buf extra;
    struct http_response response = {
        .status =
            http_etag_matches(request, (struct str){asset->etag, ASSET_ETAG_SIZE}) ? 304 : 200,
        .type = asset->type,
        .length = asset->len,
        .keep_alive = answer->keep_alive,
        .is_http_1_0 = answer->is_http_1_0,
    };

    buf_init(&extra);
    if (buf_append_str(&extra, STR("Cache-Control: no-cache\r\n")) < 0 ||
        buf_append_str(&extra, answer->conn->is_admin ? STR(ADMIN_FIELDS) : STR(SAFETY_FIELDS)) <
            0 ||
        buf_append_str(&extra, STR("ETag: ")) < 0 ||
        buf_append(&extra, asset->etag, ASSET_ETAG_SIZE) < 0 ||
        buf_append_str(&extra, STR("\r\n")) < 0) {
        if (asset->release != NULL)
            asset->release((void *)(uintptr_t)asset->data);
        conn_drop(answer->conn, CONN_END_MEMORY);
    } else {
        response.extra = (struct str){(char *)extra.data, extra.len};
        send_answer(answer, &response, asset->data, asset->release);
    }
    buf_deinit(&extra);
}

/* Answers with a file of a site, where it has one for the path. */
static void answer_file(const struct answer *answer, const struct http_request *request,
                        enum assets_site site, struct str path)
{
    bool is_get = str_equals(request->method, STR("GET")) || answer->is_head;
    struct asset asset = {.release = NULL};
    enum assets_result found = assets_find(&asset, site, path);

    if (found == ASSETS_UNKNOWN) {
        send_text(answer, 404, "There is nothing at this path.", "");
    } else if (!is_get) {
        if (asset.release != NULL)
            asset.release((void *)(uintptr_t)asset.data);
        send_text(answer, 405, "This path knows GET and HEAD only.", ALLOW_GET);
    } else if (found == ASSETS_FAILED) {
        send_text(answer, 500, "The file could not be read.", "");
    } else {
        send_asset(answer, request, &asset);
    }
}

static void answer_health(const struct answer *answer, const struct http_request *request)
{
    if (!str_equals(request->method, STR("GET")) && !answer->is_head)
        send_text(answer, 405, "This path knows GET and HEAD only.", ALLOW_GET);
    else if (server_of(answer->conn)->is_stopping)
        refuse(answer, 503, "The server is shutting down.", RETRY_AFTER);
    else
        send_text(answer, 200, "ok", FRESH_FIELDS);
}

/* ---- WebSocket ---- */

/* A parameter of the query, decoded. Returns 1 where it is there, 0 where not, -1 where it is given
 * twice or cannot be decoded into `size` bytes. */
static int parameter(const struct http_request *request, struct str name, char *out, size_t size,
                     struct str *value)
{
    struct str raw;
    ptrdiff_t len;
    int count;

    *value = (struct str){NULL, 0};
    if (request->query.len == 0)
        return 0;
    count = http_query_get(request->query, name, &raw);
    if (count == 0)
        return 0;
    len = http_percent_decode(out, size, raw, true);
    if (count > 1 || len < 0)
        return -1;
    *value = (struct str){out, (size_t)len};
    return 1;
}

/* Space for the decoded parameters of an entry. */
struct entry_text {
    char room[CODEC_NAME_MAX];
    char name[CODEC_NAME_MAX];
    char history[24];
    char since[HTTP_LINE_MAX];
    char key[HTTP_LINE_MAX];
};

/* Reads the parameters of `/ws/{client_id}?room=R&name=N&history=K&since=POS&key=KEY`.
 * Returns NULL, or what is wrong. */
static const char *read_entry(const struct http_request *request, struct chat_entry *entry,
                              struct entry_text *text)
{
    struct str history;
    int found = parameter(request, STR("room"), text->room, sizeof(text->room), &entry->room);

    if (found == 0)
        entry->room = STR("lobby");
    else if (found < 0 || entry->room.len == 0 || !codec_name_is_valid(entry->room))
        return "room must be given once: 1 to 64 bytes of UTF-8 without control characters.";
    if (parameter(request, STR("name"), text->name, sizeof(text->name), &entry->name) < 0 ||
        (entry->name.len > 0 && !codec_name_is_valid(entry->name)))
        return "name must be given once: at most 64 bytes of UTF-8 without control characters.";
    entry->history = entry->codec == CODEC_V1 ? V1_HISTORY : 0;
    found = parameter(request, STR("history"), text->history, sizeof(text->history), &history);
    if (found < 0 || (found > 0 && !str_to_u64(history, UINT32_MAX, &entry->history)))
        return "history must be given once: a number of messages up to 4294967295.";
    if (parameter(request, STR("since"), text->since, sizeof(text->since), &entry->since) < 0)
        return "since must be given once, percent-encoded.";
    if (parameter(request, STR("key"), text->key, sizeof(text->key), &entry->key) < 0)
        return "key must be given once, percent-encoded.";
    return NULL;
}

/* May the request become a WebSocket? Answers and returns false if not. */
static bool check_upgrade(const struct answer *answer, const struct http_request *request,
                          char accept[WS_ACCEPT_SIZE])
{
    struct server *server = server_of(answer->conn);
    bool is_get = str_equals(request->method, STR("GET")) || answer->is_head;
    int error = -ws_handshake_check(request, accept);

    if ((error != 0 || request->minor == 0) && !ws_handshake_is_wanted(request)) {
        if (is_get)
            send_text(answer, 426, "This is a WebSocket: connect with ws:// or wss://.",
                      UPGRADE_FIELDS);
        else
            send_text(answer, 405, "This path knows GET and HEAD only.", ALLOW_GET);
        return false;
    }
    if (error != 0) {
        int status = ws_handshake_status((enum ws_handshake_error)error);

        refuse(answer, status, ws_handshake_text((enum ws_handshake_error)error),
               status == 426   ? UPGRADE_FIELDS
               : status == 405 ? ALLOW_GET
                               : "");
        return false;
    }
    if (!ws_origin_is_allowed(request, &server->origins)) {
        refuse(answer, 403, "Pages of this origin may not connect: see --allow-origin.", "");
        return false;
    }
    return true;
}

static void refuse_full(const struct answer *answer)
{
    refuse(answer, 503, "All places are taken: try again later.", RETRY_AFTER);
}

/* Do the limits of its address allow one more WebSocket? `entry`: who enters the chat; NULL:
 * nobody. Who comes back to its own seat does not count twice. Answers and returns false if not. */
static bool check_address(const struct answer *answer, const struct chat_entry *entry)
{
    struct conn *conn = answer->conn;
    struct server *server = server_of(conn);
    struct sendq *replaced = entry != NULL ? chat_replaces(&server->chat, entry) : NULL;
    uint32_t place = replaced != NULL ? CONTAINER_OF(replaced, struct conn, out)->address : 0;

    if (!conn->peer.is_known)
        return true;
    switch (address_table_enter(&server->addresses, &conn->peer.ip, conn->pool->now_ns, place,
                                &conn->address)) {
    case ADDRESS_TOO_MANY:
        refuse(answer, 429, "Too many clients are connected from this address: try again later.",
               RETRY_AFTER);
        return false;
    case ADDRESS_TOO_FAST:
        refuse(answer, 429, "This address connects too often: try again in a second.",
               "Retry-After: 1\r\n");
        return false;
    default:
        return true;
    }
}

static void upgrade(const struct answer *answer, const char accept[WS_ACCEPT_SIZE], bool is_v1,
                    const struct ws_reader_limits *limits)
{
    static const char head[] =
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Accept: ";
    static const char end[] = "\r\n\r\n",
                      v1_end[] = "\r\nSec-WebSocket-Protocol: " CODEC_V1_PROTOCOL "\r\n\r\n";
    char text[sizeof(head) + WS_ACCEPT_SIZE + sizeof(v1_end)];
    size_t len = sizeof(head) - 1 + WS_ACCEPT_SIZE;

    memcpy(text, head, sizeof(head) - 1);
    memcpy(text + sizeof(head) - 1, accept, WS_ACCEPT_SIZE);
    if (is_v1)
        memcpy(text + len, v1_end, sizeof(v1_end) - 1);
    else
        memcpy(text + len, end, sizeof(end) - 1);
    len += (is_v1 ? sizeof(v1_end) : sizeof(end)) - 1;
    if (!conn_upgrade(answer->conn, (struct str){text, len}, limits)) {
        server_leave_address(answer->conn);
        return;
    }
    count_response(answer, 101);
    server_of(answer->conn)->websockets++;
}

static void open_echo(const struct answer *answer, const struct http_request *request)
{
    struct server *server = server_of(answer->conn);
    char accept[WS_ACCEPT_SIZE];

    if (!check_upgrade(answer, request, accept))
        return;
    if (server->websockets >= server->max_clients)
        refuse_full(answer);
    else if (check_address(answer, NULL))
        upgrade(answer, accept, false, &server->echo_limits);
}

static void open_chat(const struct answer *answer, const struct http_request *request,
                      struct str id)
{
    struct server *server = server_of(answer->conn);
    struct chat_entry entry = {.codec = CODEC_TEXT};
    struct entry_text text;
    char accept[WS_ACCEPT_SIZE];
    const char *wrong;

    if (!str_to_u64(id, CODEC_ID_MAX, &entry.id) || entry.id == 0) {
        refuse(answer, 400,
               "A client id is a number from 1 to 9223372036854775807, as Date.now() gives.", "");
        return;
    }
    chat_expect(&server->chat, entry.id);
    if (!check_upgrade(answer, request, accept))
        return;
    if (ws_protocol_is_offered(request, STR(CODEC_V1_PROTOCOL)))
        entry.codec = CODEC_V1;
    wrong = read_entry(request, &entry, &text);
    if (wrong != NULL) {
        refuse(answer, 400, wrong, "");
    } else if ((server->websockets >= server->max_clients || chat_is_full(&server->chat)) &&
               !chat_has_id(&server->chat, entry.id)) {
        refuse_full(answer);
    } else if (check_address(answer, &entry)) {
        answer->conn->client_id = entry.id;
        answer->conn->codec = (uint8_t)entry.codec;
        upgrade(answer, accept, entry.codec == CODEC_V1, &server->chat_limits);
        if (answer->conn->state == CONN_OPEN)
            entry_enter(answer->conn, &entry);
    }
}

/* ---- for operators ---- */

static void send_metrics(const struct answer *answer)
{
    struct buf body;
    struct http_response response = {
        .status = 200,
        .type = STR("text/plain; version=0.0.4; charset=utf-8"),
        .keep_alive = answer->keep_alive,
        .is_http_1_0 = answer->is_http_1_0,
        .extra = STR(FRESH_FIELDS ADMIN_FIELDS),
    };

    buf_init(&body);
    if (metrics_write(&body, server_of(answer->conn)) < 0) {
        buf_deinit(&body);
        conn_drop(answer->conn, CONN_END_MEMORY);
        return;
    }
    response.length = body.len;
    send_answer(answer, &response, body.data, free);
}

static void answer_admin(const struct answer *answer, const struct http_request *request,
                         struct str path)
{
    bool is_get = str_equals(request->method, STR("GET")) || answer->is_head;

    if (path.len == 0 || path.ptr[0] != '/')
        answer_file(answer, request, ASSETS_ADMIN, STR("/."));
    else if (str_equals(path, STR("/healthz")))
        answer_health(answer, request);
    else if (!str_equals(path, STR("/metrics")))
        answer_file(answer, request, ASSETS_ADMIN, path);
    else if (!is_get)
        send_text(answer, 405, "This path knows GET and HEAD only.", ALLOW_GET);
    else
        send_metrics(answer);
}

/* ---- routes ---- */

/* Decodes a path. An encoded slash would be one segment for a proxy in front and two here, so such
 * a path is nobody's. Returns an empty slice for that, and for what is too long. */
static struct str decode_path(struct str raw, char out[PATH_MAX_DECODED])
{
    ptrdiff_t slashes = 0, len;

    if (raw.len > 0 && raw.len <= PATH_MAX_DECODED && memchr(raw.ptr, '%', raw.len) == NULL)
        return raw;
    len = http_percent_decode(out, PATH_MAX_DECODED, raw, false);
    for (ptrdiff_t i = 0; i < len; i++)
        slashes += out[i] == '/';
    for (size_t i = 0; i < raw.len; i++)
        slashes -= raw.ptr[i] == '/';
    return (struct str){out, len > 0 && slashes == 0 ? (size_t)len : 0};
}

/* Takes the base path off a path; what is left begins with a slash. Only /healthz is also found
 * without it, since who asks for that asks the server itself. Returns false where the path is not
 * below it. */
static bool take_base(struct str *path, struct str base)
{
    if (str_equals(*path, STR("/healthz")))
        return true;
    if (path->len <= base.len || memcmp(path->ptr, base.ptr, base.len) != 0 ||
        path->ptr[base.len] != '/')
        return false;
    *path = (struct str){path->ptr + base.len, path->len - base.len};
    return true;
}

/* From /chat to /chat/, from which the page's relative addresses count. So is the Location: only
 * the proxy in front knows the scheme, the host, and the path as they are seen from outside. */
static void redirect_to_base(const struct answer *answer, const struct http_request *request,
                             struct str base)
{
    const char *segment = (const char *)memrchr(base.ptr, '/', base.len) + 1;
    bool has_query = request->query.ptr != NULL;
    char fields[OPTIONS_BASE_MAX + HTTP_LINE_MAX + 64];

    snprintf(fields, sizeof(fields), "Location: %.*s/%s%.*s\r\nCache-Control: no-cache\r\n",
             (int)(base.ptr + base.len - segment), segment, has_query ? "?" : "",
             has_query ? (int)request->query.len : 0, has_query ? request->query.ptr : "");
    send_text(answer, 308, "The chat is below this path, with a slash at its end.", fields);
}

static void answer_public(const struct answer *answer, const struct http_request *request,
                          struct str path)
{
    const struct server *server = server_of(answer->conn);
    const struct str prefix = STR("/ws/"), base = server->options->base_path;

    if (server->is_stopping)
        refuse(answer, 503, "The server is shutting down.", RETRY_AFTER);
    else if (base.len > 0 && str_equals(path, base))
        redirect_to_base(answer, request, base);
    else if (path.len == 0 || path.ptr[0] != '/' || !take_base(&path, base))
        answer_file(answer, request, ASSETS_PUBLIC, STR("/."));
    else if (str_equals(path, STR("/healthz")))
        answer_health(answer, request);
    else if (str_equals(path, STR("/ws")))
        open_echo(answer, request);
    else if (path.len >= prefix.len && memcmp(path.ptr, prefix.ptr, prefix.len) == 0 &&
             memchr(path.ptr + prefix.len, '/', path.len - prefix.len) == NULL)
        open_chat(answer, request, (struct str){path.ptr + prefix.len, path.len - prefix.len});
    else
        answer_file(answer, request, ASSETS_PUBLIC, path);
}

void router_request(struct conn *conn, const struct http_request *request)
{
    struct answer answer = {
        .conn = conn,
        .is_head = str_equals(request->method, STR("HEAD")),
        .keep_alive = request->keep_alive,
        .is_http_1_0 = request->minor == 0,
    };
    char text[PATH_MAX_DECODED];
    struct str path = decode_path(request->path, text);
    const char *wrong = realip_request(conn, request);

    if (wrong != NULL)
        refuse(&answer, 400, wrong, "");
    else if (conn->is_admin)
        answer_admin(&answer, request, path);
    else
        answer_public(&answer, request, path);
}
