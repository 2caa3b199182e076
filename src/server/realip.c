#include "server/realip.h"

#include "server/server.h"
#include "proto/forwarded.h"

static struct trusted_list trusted_by(const struct options *options)
{
    return (struct trusted_list){options->trusted_proxy.items, options->trusted_proxy.count};
}

static bool is_trusted(const struct options *options, const struct peer *peer)
{
    struct trusted_list trusted = trusted_by(options);

    return peer->is_known ? trusted_list_has(&trusted, &peer->ip) : options->trusted_proxy.has_unix;
}

void realip_accepted(struct conn *conn)
{
    const struct options *options = server_of(conn)->options;

    conn->is_trusted = is_trusted(options, &conn->peer);
    if (!conn->is_trusted)
        return;
    if (options->proxy_header == PROXIED_BY_PROTOCOL)
        conn->header = CONN_HEADER_MUST;
    else if (options->proxy_header == PROXIED_AUTO)
        conn->header = CONN_HEADER_MAY;
}

void realip_proxy_header(struct conn *conn, const struct proxy_header *header)
{
    if (header->is_local)
        return;
    conn->is_trusted =
        header->source.is_known && is_trusted(server_of(conn)->options, &header->source);
    if (header->source.is_known)
        conn->peer = conn->origin = header->source;
}

static bool is_same(const struct peer *a, const struct peer *b)
{
    return a->is_known == b->is_known && (!a->is_known || ip_equals(&a->ip, &b->ip));
}

/* Reads those of the two fields that count here. */
static const char *read_fields(const struct options *options, const struct http_request *request,
                               struct peer *peer)
{
    struct trusted_list trusted = trusted_by(options);
    struct peer x_client = *peer, client = *peer;
    enum forwarded_result x_result = FORWARDED_ABSENT, result = FORWARDED_ABSENT;

    if (options->proxy_header != PROXIED_BY_FORWARDED)
        x_result = x_forwarded_for_read(request, &trusted, &x_client);
    if (options->proxy_header != PROXIED_BY_X_FORWARDED_FOR)
        result = forwarded_read(request, &trusted, &client);
    if (result == FORWARDED_MALFORMED)
        return "The Forwarded header has a quoted string without an end.";
    if (x_result == FORWARDED_TOLD && result == FORWARDED_TOLD && !is_same(&client, &x_client))
        return "Forwarded and X-Forwarded-For name different clients.";
    *peer = result == FORWARDED_TOLD ? client : x_client;
    return NULL;
}

const char *realip_request(struct conn *conn, const struct http_request *request)
{
    const struct options *options = server_of(conn)->options;

    conn->peer = conn->origin;
    if (!conn->is_trusted || options->proxy_header == PROXIED_BY_PROTOCOL)
        return NULL;
    return read_fields(options, request, &conn->peer);
}
