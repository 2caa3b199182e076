#include "web/router.h"

#include <stdio.h>
#include <string.h>

#include "proto/http/query.h"
#include "proto/uri.h"
#include "web/admin.h"
#include "web/api.h"
#include "web/upgrade.h"
#include "web/files.h"
#include "web/qr_image.h"
#include "web/web.h"

/* A path longer than this, decoded, is nobody's. */
#define PATH_MAX_DECODED 256

/* Decodes a path. An encoded slash would be one segment for a proxy in front and two here, so such
 * a path is nobody's. Returns an empty slice for that, and for what is too long. */
static struct str router_decode_path(struct str raw, char out[PATH_MAX_DECODED])
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
static bool router_take_base(struct str *path, struct str base)
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
static void router_redirect(const struct answer *answer, const struct http_request *request,
                            struct str base)
{
    const char *segment = (const char *)memrchr(base.ptr, '/', base.len) + 1;
    bool has_query = request->query.ptr != NULL;
    char fields[WEB_BASE_MAX + HTTP_LINE_MAX + 64];

    snprintf(fields, sizeof(fields), "Location: %.*s/%s%.*s\r\nCache-Control: no-cache\r\n",
             (int)(base.ptr + base.len - segment), segment, has_query ? "?" : "",
             has_query ? (int)request->query.len : 0, has_query ? request->query.ptr : "");
    answer_text(answer, 308, "The chat is below this path, with a slash at its end.", fields);
}

/* The id of `/ws/{id}`, one segment. Returns false for other paths. */
static bool router_is_chat(struct str path, struct str *id)
{
    const struct str prefix = STR("/ws/");

    if (path.len < prefix.len || memcmp(path.ptr, prefix.ptr, prefix.len) != 0)
        return false;
    *id = (struct str){path.ptr + prefix.len, path.len - prefix.len};
    return memchr(id->ptr, '/', id->len) == NULL;
}

/* A path below the base. */
static void router_answer_path(const struct answer *answer, const struct http_request *request,
                               struct str path)
{
    struct str id;

    if (str_equals(path, STR("/healthz")))
        admin_answer_health(answer);
    else if (str_equals(path, STR("/ws")))
        upgrade_open_echo(answer, request);
    else if (router_is_chat(path, &id))
        upgrade_open_chat(answer, request, id);
    else if (str_equals(path, STR("/qr.svg")))
        qr_image_answer(answer, request);
    else
        files_answer(answer, request, ASSETS_PUBLIC, path);
}

static void router_answer_public(const struct answer *answer, const struct http_request *request,
                                 struct str path)
{
    const struct web *web = web_of(answer->conn);

    if (api_take(answer, request))
        return;
    if (web->is_stopping)
        answer_refuse(answer, 503, "The server is shutting down.", ANSWER_RETRY_AFTER);
    else if (web->base.len > 0 && str_equals(path, web->base))
        router_redirect(answer, request, web->base);
    else if (path.len == 0 || path.ptr[0] != '/' || !router_take_base(&path, web->base))
        files_answer(answer, request, ASSETS_PUBLIC, STR("/."));
    else
        router_answer_path(answer, request, path);
}

void router_bad_request(struct conn *conn, int status, const char *text)
{
    struct answer answer = {.conn = conn, .is_head = conn->is_head};

    answer_refuse(&answer, status, text, "");
}

/* Does the rate of its address allow one more request? Answers and returns false if not. */
static bool router_check_rate(const struct answer *answer)
{
    struct conn *conn = answer->conn;

    if (!conn->peer.is_known ||
        address_table_ask(&web_of(conn)->addresses, &conn->peer.ip, conn_clock(conn)->now_ns))
        return true;
    answer_text(answer, 429, "This address asks too often: try again in a second.",
                "Retry-After: 1\r\n");
    return false;
}

/* Is the request for a name that this server has? A page under a name that an attacker makes point
 * here is of the same origin as its requests, so only the name tells them apart (RFC 9110, 7.4). */
static bool router_check_host(const struct answer *answer, const struct http_request *request)
{
    const struct web *web = web_of(answer->conn);
    struct str host, port;
    bool is_known = web->host_count == 0;

    if (!is_known && uri_authority_parse(request->host, &host, &port)) {
        for (size_t i = 0; i < web->host_count && !is_known; i++)
            is_known = str_equals_nocase(web->hosts[i], host);
    }
    if (!is_known)
        answer_refuse(answer, 421, "This server has another name: see --host.", "");
    return is_known;
}

void router_request(struct conn *conn, const struct http_request *request)
{
    struct answer answer = answer_to(conn, request);
    char text[PATH_MAX_DECODED];
    struct str path = router_decode_path(request->path, text);
    const char *wrong = web_of(conn)->realip(conn, request);

    if (wrong != NULL)
        answer_refuse(&answer, 400, wrong, "");
    else if (request->path.len == 0 || request->path.ptr[0] != '/')
        answer_not_allowed(&answer); /* CONNECT, or OPTIONS for the whole server */
    else if (conn->is_admin)
        admin_answer(&answer, request, path);
    else if (router_check_host(&answer, request) && router_check_rate(&answer))
        router_answer_public(&answer, request, path);
}
