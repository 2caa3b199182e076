#include "web/admin.h"

#include <stdlib.h>

#include "base/ip.h"
#include "chat/view.h"
#include "proto/uri.h"
#include "web/files.h"
#include "web/later.h"
#include "web/web.h"

void admin_answer_health(const struct answer *answer)
{
    struct web *web = web_of(answer->conn);
    bool is_partial = false;
    bool has_names = answer->conn->is_admin; /* addresses are not for everybody */
    const char *ailment = web->ailment != NULL ? web->ailment(web, has_names, &is_partial) : NULL;

    if (!answer->is_get)
        answer_not_allowed(answer);
    else if (web->is_stopping)
        answer_refuse(answer, 503, "The server is shutting down.", ANSWER_RETRY_AFTER);
    else if (ailment != NULL && !is_partial)
        answer_refuse(answer, 503, ailment, ANSWER_RETRY_AFTER);
    else if (ailment != NULL)
        answer_text(answer, 200, ailment, ANSWER_FRESH);
    else
        answer_text(answer, 200, "ok", ANSWER_FRESH);
}

/* Sends a text that was made; where that failed, memory is out. */
static void admin_send(const struct answer *answer, struct str type, struct buf *text, int result)
{
    struct http_response response = {
        .status = 200, .type = type, .extra = STR(ANSWER_FRESH ANSWER_ADMIN)};
    struct http_body body = {.data = text->data, .len = text->len, .release = free};

    if (result == 0) {
        answer_send(answer, &response, &body);
        return;
    }
    buf_deinit(text);
    stream_drop(&answer->conn->stream, STREAM_END_MEMORY);
}

static void admin_answer_metrics(const struct answer *answer, struct str unused)
{
    struct web *web = web_of(answer->conn);
    struct buf text;

    (void)unused;
    buf_init(&text);
    admin_send(answer, STR("text/plain; version=0.0.4; charset=utf-8"), &text,
               web->metrics(&text, web));
}

static void admin_answer_past(const struct answer *answer, struct str unused)
{
    struct web *web = web_of(answer->conn);
    struct buf text;

    (void)unused;
    buf_init(&text);
    admin_send(answer, STR("text/plain; charset=utf-8"), &text, web->past(&text, web));
}

static void admin_answer_busiest(const struct answer *answer, struct str unused)
{
    struct buf text;

    (void)unused;
    buf_init(&text);
    admin_send(answer, STR("application/json"), &text,
               view_busiest(web_of(answer->conn)->chat, &text));
}

/* Names of rooms may be all that keeps others out of them. A page whose name an attacker makes
 * point here is of the same origin as what it asks for, but its name is neither an address nor one
 * of this server's. Who sends no Host is no browser. */
static bool admin_is_own_name(const struct web *web, struct str authority)
{
    struct str host, port;
    struct ip ip;

    if (authority.len == 0)
        return true;
    if (!uri_authority_parse(authority, &host, &port))
        return false;
    for (size_t i = 0; i < web->host_count; i++) {
        if (str_equals_nocase(web->hosts[i], host))
            return true;
    }
    return host.ptr[0] == '[' || ip_read(&ip, host) || str_equals_nocase(host, STR("localhost"));
}

static void admin_make_later(const struct answer *answer,
                             void (*make)(const struct answer *answer, struct str unused))
{
    if (answer->is_get)
        later_answer(answer, make, STR(""));
    else
        answer_not_allowed(answer);
}

void admin_answer(const struct answer *answer, const struct http_request *request, struct str path)
{
    if (path.len == 0 || path.ptr[0] != '/')
        files_answer(answer, request, ASSETS_ADMIN, STR("/."));
    else if (str_equals(path, STR("/healthz")))
        admin_answer_health(answer);
    else if (str_equals(path, STR("/metrics")))
        admin_make_later(answer, admin_answer_metrics);
    else if (str_equals(path, STR("/past")))
        admin_make_later(answer, admin_answer_past);
    else if (!str_equals(path, STR("/busiest")))
        files_answer(answer, request, ASSETS_ADMIN, path);
    else if (admin_is_own_name(web_of(answer->conn), request->host))
        admin_make_later(answer, admin_answer_busiest);
    else
        answer_refuse(answer, 421, "Ask by an address, localhost, or a name of --host.", "");
}
