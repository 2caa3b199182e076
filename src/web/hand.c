#include "web/hand.h"

#include "base/hand_long.h"
#include "chat/hand.h"
#include "chat/listen.h"
#include "session/conn_hand.h"
#include "web/api.h"

enum web_record {
    WEB_RECORD_ADDRESSES = HAND_WEB,
    WEB_RECORD_GATE,
    WEB_RECORD_KEYS,
    WEB_RECORD_CONNS,
    WEB_RECORD_COUNTERS,
    WEB_RECORD_CONN = HAND_CONNS,
};

/* ---- writing ---- */

static void web_hand_conn(struct hand_writer *w, const struct web *web, const struct conn *conn)
{
    hand_begin(w, WEB_RECORD_CONN);
    conn_hand(w, conn);
    hand_go_on(w);
    hand_put_u32(w, conn->address);
    gate_hand_pass(w, &web->gate, conn);
    if (conn->is_listener) {
        hand_put_bool(w, conn->member.stream.listener != NULL);
        if (conn->member.stream.listener != NULL)
            listener_hand(w, conn->member.stream.listener);
    } else if (conn->is_member) {
        hand_put_bool(w, conn->member.client != NULL);
        if (conn->member.client != NULL)
            hand_put_u32(w, chat_hand_seat(web->chat, conn->member.client));
    }
    hand_end(w);
}

static void web_hand_conns(struct hand_writer *w, const struct web *web)
{
    const struct pool *pool = &web->conns->pool;

    hand_begin(w, WEB_RECORD_CONNS);
    hand_put_u32(w, (uint32_t)conns_descriptors(web->conns, NULL, 0));
    hand_end(w);
    for (size_t i = 0; i < pool->used && !w->is_failed; i++) {
        struct stream *stream = pool_at(pool, i);

        if (stream != NULL)
            web_hand_conn(w, web, conn_of(stream));
    }
}

static void web_hand_counters(struct hand_writer *w, const struct web *web)
{
    hand_put_u64(w, web->echoes);
    for (uint16_t status = 1; status <= WEB_STATUS_MAX; status++) {
        if (web->responses[status] == 0)
            continue;
        hand_put_u16(w, status);
        hand_put_u64(w, web->responses[status]);
    }
    hand_put_u16(w, 0);
    for (size_t i = 0; i < ADDRESS_RESULTS; i++)
        hand_put_u64(w, web->addresses.results[i]);
    hand_put_u64(w, web->addresses.refused_requests);
    log_flow_hand(w, &web->refused_origins);
    conns_hand_counters(w, web->conns);
}

void web_hand(struct hand_writer *w, const struct web *web)
{
    hand_begin(w, WEB_RECORD_ADDRESSES);
    address_table_hand(w, &web->addresses);
    hand_end(w);
    hand_begin(w, WEB_RECORD_GATE);
    gate_hand(w, &web->gate);
    password_hand(w, &web->password);
    hand_end(w);
    hand_begin(w, WEB_RECORD_KEYS);
    idempotency_hand(w, &web->idempotency);
    hand_end(w);
    web_hand_conns(w, web);
    hand_begin(w, WEB_RECORD_COUNTERS);
    web_hand_counters(w, web);
    hand_end(w);
}

/* ---- reading ---- */

/* Seats that wait for their owners count for those who pay for them. */
static bool web_take_payers(struct web *web, struct hand_reader *r)
{
    const struct client_table *clients = &web->chat->clients;

    for (size_t i = 0; i < clients->used; i++) {
        const struct client *client = &clients->clients[i];

        if (client->id != 0 && client->pays &&
            !hand_check(r, address_table_hold(&web->addresses, client->payer),
                        "nobody pays for a seat"))
            return false;
    }
    return true;
}

static bool web_take_address(struct web *web, struct hand_reader *r, struct conn *conn)
{
    uint32_t address = hand_get_u32(r);

    if (address == 0)
        return hand_is_good(r);
    if (!hand_check(r, address_table_hold(&web->addresses, address), "an address has no place"))
        return false;
    conn->address = address;
    return true;
}

/* What a member is in the chat. */
static bool web_take_member(struct web *web, struct hand_reader *r, struct conn *conn)
{
    struct member_state *member = &conn->member;
    struct sendq *out = &conn->stream.out;

    if (!hand_get_bool(r))
        return hand_is_good(r);
    if (!hand_check(r, !conn->is_closing, "somebody who leaves is in a room"))
        return false;
    if (conn->is_listener) {
        member->stream.listener = listener_take(r, web->chat, out);
        return member->stream.listener != NULL;
    }
    member->client = chat_take_seat(r, web->chat, hand_get_u32(r), out);
    return member->client != NULL &&
           hand_check(r, member->client->is_held == conn->is_held,
                      "somebody is held who is not, or the other way round") &&
           hand_check(r,
                      !member->client->pays &&
                          (member->client->payer == 0 || member->client->payer == conn->address),
                      "a seat is on the account of another than its connection");
}

/* The body of a request may not be longer than it could be. */
static bool web_is_bounded(const struct web *web, const struct conn *conn)
{
    return conn->is_member || conn->http.whole <= HTTP_PENDING_MAX + api_longest_body(web);
}

static bool web_take_conn(struct web *web, struct hand_reader *r, int fd)
{
    bool has_ring;
    struct conn *conn;

    if (!hand_expect(r, WEB_RECORD_CONN))
        return false;
    conn = conn_take(web->conns, r, fd, &has_ring);
    if (conn == NULL || !hand_get_on(r))
        return false;
    if (!web_take_address(web, r, conn) || !gate_take_pass(&web->gate, conn, r) ||
        (conn->is_member && !web_take_member(web, r, conn)))
        return false;
    return hand_check(r, web_is_bounded(web, conn), "a request is too long") &&
           hand_check(r, has_ring == (conn->stream.out.box != NULL),
                      "a connection has a ring and no room, or the other way round");
}

static bool web_take_conns(struct web *web, struct hand_reader *r, const int *fds, size_t count)
{
    const struct pool *pool = &web->conns->pool;

    if (!hand_expect(r, WEB_RECORD_CONNS) ||
        !hand_check(r, hand_get_u32(r) == count, "there are more connections than descriptors") ||
        !hand_check(r, count <= pool->capacity - pool->count,
                    "there are more connections than places"))
        return false;
    for (size_t i = 0; i < count; i++) {
        if (!web_take_conn(web, r, fds[i]))
            return false;
    }
    return hand_check(r, web->conns->members <= web->max_members,
                      "there are more clients than places") &&
           hand_is_through(r);
}

static bool web_take_counters(struct web *web, struct hand_reader *r)
{
    uint16_t status;

    web->echoes = hand_get_u64(r);
    while ((status = hand_get_u16(r)) != 0) {
        if (!hand_check(r, status <= WEB_STATUS_MAX, "a status that nobody sends"))
            return false;
        web->responses[status] = hand_get_u64(r);
    }
    for (size_t i = 0; i < ADDRESS_RESULTS; i++)
        web->addresses.results[i] = hand_get_u64(r);
    web->addresses.refused_requests = hand_get_u64(r);
    log_flow_take(&web->refused_origins, r);
    return conns_take_counters(web->conns, r) && hand_is_through(r);
}

/* Lets go of the descriptors, which are still somebody else's. */
static void web_leave_descriptors(struct web *web)
{
    struct pool *pool = &web->conns->pool;

    for (size_t i = 0; i < pool->used; i++) {
        struct stream *stream = pool_at(pool, i);

        if (stream != NULL)
            stream->source.fd = -1;
    }
}

bool web_take(struct web *web, struct hand_reader *r, const int *fds, size_t count)
{
    if (hand_expect(r, WEB_RECORD_ADDRESSES) && address_table_take(&web->addresses, r) &&
        hand_expect(r, WEB_RECORD_GATE) && gate_take(&web->gate, r) &&
        password_take(&web->password, r) && hand_expect(r, WEB_RECORD_KEYS) &&
        idempotency_take(&web->idempotency, r) && web_take_payers(web, r) &&
        web_take_conns(web, r, fds, count) && hand_expect(r, WEB_RECORD_COUNTERS) &&
        web_take_counters(web, r))
        return true;
    web_leave_descriptors(web);
    return false;
}
