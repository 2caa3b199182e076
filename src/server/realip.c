#include "server/realip.h"

#include "proto/forwarded.h"

static bool realip_trusts(const struct realip *realip, const struct peer *peer)
{
    return peer->is_known ? trusted_list_has(&realip->trusted, &peer->ip) : realip->trusts_unix;
}

void realip_accepted(const struct realip *realip, struct conn *conn)
{
    conn->is_trusted = realip_trusts(realip, &conn->peer);
    if (!conn->is_trusted)
        return;
    if (realip->proxied == PROXIED_BY_PROTOCOL)
        conn->header = CONN_HEADER_MUST;
    else if (realip->proxied == PROXIED_AUTO)
        conn->header = CONN_HEADER_MAY;
}

void realip_proxy_header(const struct realip *realip, struct conn *conn,
                         const struct proxy_header *header)
{
    if (header->is_local)
        return;
    conn->is_trusted = header->source.is_known && realip_trusts(realip, &header->source);
    if (header->source.is_known)
        conn->peer = conn->http.origin = header->source;
}

static bool realip_is_same(const struct peer *a, const struct peer *b)
{
    return a->is_known == b->is_known && (!a->is_known || ip_equals(&a->ip, &b->ip));
}

/* Reads those of the two fields that count here. */
static const char *realip_read_fields(const struct realip *realip,
                                      const struct http_request *request, struct peer *peer)
{
    struct peer x_client = *peer, client = *peer;
    enum forwarded_result x_result = FORWARDED_ABSENT, result = FORWARDED_ABSENT;

    if (realip->proxied != PROXIED_BY_FORWARDED)
        x_result = x_forwarded_for_read(request, &realip->trusted, &x_client);
    if (realip->proxied != PROXIED_BY_X_FORWARDED_FOR)
        result = forwarded_read(request, &realip->trusted, &client);
    if (result == FORWARDED_MALFORMED)
        return "The Forwarded header has a quoted string without an end.";
    if (x_result == FORWARDED_TOLD && result == FORWARDED_TOLD &&
        !realip_is_same(&client, &x_client))
        return "Forwarded and X-Forwarded-For name different clients.";
    *peer = result == FORWARDED_TOLD ? client : x_client;
    return NULL;
}

const char *realip_request(const struct realip *realip, struct conn *conn,
                           const struct http_request *request)
{
    conn->peer = conn->http.origin;
    if (!conn->is_trusted || realip->proxied == PROXIED_BY_PROTOCOL)
        return NULL;
    return realip_read_fields(realip, request, &conn->peer);
}
