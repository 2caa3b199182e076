#include "net/address_table.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"

Suite *suite_address_table(void);

#define SECOND ((uint64_t)1000000000)

/* A time at which nothing has happened yet. */
#define START (1000 * SECOND)

static const struct hash_seed seed = {0x9e3779b97f4a7c15, 0xbf58476d1ce4e5b9};
/* All addresses that differ in their last bytes only want entries side by side. */
static const struct hash_seed plain = {0, 1};

static struct address_table table;

static void teardown(void)
{
    address_table_deinit(&table);
}

/* `rate` handshakes a second, `burst` at once. */
static void init(size_t capacity, uint64_t max_clients, uint64_t rate, uint64_t burst)
{
    struct address_limits limits = {.max_clients = max_clients, .v4_bits = 32, .v6_bits = 64};

    limits.handshakes = rate_of(rate, burst);
    ck_assert_int_eq(address_table_init(&table, capacity, &limits, seed), 0);
}

static struct ip ip(const char *text)
{
    struct ip address;

    ck_assert(ip_read(&address, str_from(text)));
    return address;
}

static enum address_result enter(const char *text, uint64_t now, uint32_t *place)
{
    struct ip address = ip(text);

    return address_table_enter(&table, &address, now, 0, place);
}

/* Must be allowed; returns the place. */
static uint32_t in(const char *text, uint64_t now)
{
    uint32_t place;

    ck_assert_int_eq(enter(text, now, &place), ADDRESS_OK);
    ck_assert_uint_ne(place, 0);
    return place;
}

static void refused(const char *text, uint64_t now, enum address_result result)
{
    uint32_t place = 77;

    ck_assert_int_eq(enter(text, now, &place), result);
    ck_assert_uint_eq(place, 0);
}

static void out(uint32_t place, uint64_t now)
{
    address_table_leave(&table, place, now);
}

START_TEST(clients_up_to_the_limit)
{
    uint32_t places[3];

    init(8, 3, 0, 0);
    for (int i = 0; i < 3; i++)
        places[i] = in("192.0.2.1", START);
    refused("192.0.2.1", START, ADDRESS_TOO_MANY);
    in("192.0.2.2", START);
    ck_assert_uint_eq(table.count, 2);
    out(places[1], START);
    in("192.0.2.1", START);
    refused("192.0.2.1", START, ADDRESS_TOO_MANY);
    ck_assert_uint_eq(table.results[ADDRESS_OK], 5);
    ck_assert_uint_eq(table.results[ADDRESS_TOO_MANY], 2);
}
END_TEST

START_TEST(without_a_rate_nobody_is_remembered)
{
    init(8, 1, 0, 0);
    out(in("192.0.2.1", START), START);
    ck_assert_uint_eq(table.count, 0);
    out(in("192.0.2.1", START), START + SECOND);
    ck_assert_uint_eq(table.count, 0);
}
END_TEST

START_TEST(a_burst_and_then_the_rate)
{
    init(8, 0, 10, 3);
    for (int i = 0; i < 3; i++)
        out(in("192.0.2.1", START), START);
    refused("192.0.2.1", START, ADDRESS_TOO_FAST);
    refused("192.0.2.1", START + SECOND / 10 - 1, ADDRESS_TOO_FAST);
    out(in("192.0.2.1", START + SECOND / 10), START + SECOND / 10);
    refused("192.0.2.1", START + SECOND / 10, ADDRESS_TOO_FAST);
    out(in("192.0.2.2", START), START);
    /* All of it is back after 0.3 s without a handshake. */
    for (int i = 0; i < 3; i++)
        out(in("192.0.2.1", START + SECOND), START + SECOND);
    refused("192.0.2.1", START + SECOND, ADDRESS_TOO_FAST);
    ck_assert_uint_eq(table.results[ADDRESS_TOO_FAST], 4);
}
END_TEST

START_TEST(a_refusal_costs_nothing)
{
    uint32_t place;

    init(8, 1, 1, 2);
    place = in("192.0.2.1", START);
    for (int i = 0; i < 10; i++)
        refused("192.0.2.1", START, ADDRESS_TOO_MANY);
    out(place, START);
    place = in("192.0.2.1", START);
    out(place, START);
    for (int i = 0; i < 10; i++)
        refused("192.0.2.1", START, ADDRESS_TOO_FAST);
    in("192.0.2.1", START + SECOND);
}
END_TEST

START_TEST(who_replaces_its_own_does_not_count_twice)
{
    struct ip home = ip("192.0.2.1"), other = ip("192.0.2.2");
    uint32_t old, place, elsewhere;

    init(8, 1, 0, 0);
    old = in("192.0.2.1", START);
    elsewhere = in("192.0.2.2", START);
    /* A client of another address makes no room for this one. */
    ck_assert_int_eq(address_table_enter(&table, &home, START, elsewhere, &place),
                     ADDRESS_TOO_MANY);
    ck_assert_int_eq(address_table_enter(&table, &other, START, old, &place), ADDRESS_TOO_MANY);
    ck_assert_int_eq(address_table_enter(&table, &home, START, old, &place), ADDRESS_OK);
    ck_assert_uint_eq(place, old);
    out(old, START);
    refused("192.0.2.1", START, ADDRESS_TOO_MANY);
    out(place, START);
    in("192.0.2.1", START);
}
END_TEST

START_TEST(a_prefix_counts_as_one)
{
    struct address_limits limits = {.max_clients = 1, .v4_bits = 24, .v6_bits = 56};

    ck_assert_int_eq(address_table_init(&table, 8, &limits, seed), 0);
    in("192.0.2.1", START);
    refused("192.0.2.255", START, ADDRESS_TOO_MANY);
    refused("::ffff:192.0.2.7", START, ADDRESS_TOO_MANY);
    in("192.0.3.1", START);
    in("2001:db8:0:100::1", START);
    refused("2001:db8:0:1ff:ffff::", START, ADDRESS_TOO_MANY);
    in("2001:db8:0:200::1", START);
    ck_assert_uint_eq(table.count, 4);
}
END_TEST

START_TEST(without_limits_everybody_enters)
{
    struct address_limits limits = {.v4_bits = 32, .v6_bits = 64};
    uint32_t places[100];

    ck_assert_int_eq(address_table_init(&table, 8, &limits, seed), 0);
    for (size_t i = 0; i < ARRAY_LEN(places); i++) {
        ck_assert_int_eq(enter("192.0.2.1", START, &places[i]), ADDRESS_OK);
        ck_assert_uint_eq(places[i], places[0]);
    }
    ck_assert_uint_eq(table.count, 1);
    for (size_t i = 0; i < ARRAY_LEN(places); i++)
        out(places[i], START);
    ck_assert_uint_eq(table.count, 0);
}
END_TEST

/* What is kept counts like a client, though it is not refused. */
START_TEST(what_is_kept_counts)
{
    uint32_t place;

    init(8, 2, 0, 0);
    place = in("192.0.2.1", START);
    address_table_keep(&table, place);
    refused("192.0.2.1", START, ADDRESS_TOO_MANY);
    out(place, START); /* the client; what is kept stays */
    ck_assert_uint_eq(in("192.0.2.1", START), place);
    refused("192.0.2.1", START, ADDRESS_TOO_MANY);
    address_table_keep(&table, place);
    for (int i = 0; i < 3; i++)
        out(place, START);
    ck_assert_uint_eq(table.count, 0);
}
END_TEST

START_TEST(the_one_used_longest_ago_is_recycled)
{
    static const char *const addresses[] = {"192.0.2.1", "192.0.2.2", "192.0.2.3"};

    init(3, 0, 1, 1);
    for (size_t i = 0; i < ARRAY_LEN(addresses); i++)
        out(in(addresses[i], START), START);
    refused("192.0.2.1", START, ADDRESS_TOO_FAST); /* used just now */
    out(in("192.0.2.4", START), START);            /* recycles .2 */
    ck_assert_uint_eq(table.count, 3);
    refused("192.0.2.1", START, ADDRESS_TOO_FAST);
    refused("192.0.2.3", START, ADDRESS_TOO_FAST);
    refused("192.0.2.4", START, ADDRESS_TOO_FAST);
    out(in("192.0.2.2", START), START); /* recycles .1 */
    out(in("192.0.2.1", START), START);
}
END_TEST

START_TEST(an_address_with_clients_is_never_recycled)
{
    uint32_t place;

    init(2, 1, 1, 1);
    place = in("192.0.2.1", START);
    for (unsigned i = 1; i < 1000; i++) {
        struct ip address = {{0x20, 0x01, [6] = (uint8_t)(i >> 8), [7] = (uint8_t)i}};
        uint32_t other;

        ck_assert_int_eq(address_table_enter(&table, &address, START, 0, &other), ADDRESS_OK);
        out(other, START);
        ck_assert_uint_le(table.count, 2);
    }
    refused("192.0.2.1", START, ADDRESS_TOO_MANY);
    in("192.0.2.2", START);
    refused("192.0.2.3", START, ADDRESS_TOO_MANY); /* all places have clients */
    out(place, START + 9 * SECOND);
    in("192.0.2.3", START + 9 * SECOND);
}
END_TEST

/* Strangers that come once and go: their places are free again as soon as their rate is. */
START_TEST(the_table_stays_small)
{
    uint64_t now = START;

    init(1000, 0, 10, 5);
    for (unsigned i = 0; i < 20000; i++) {
        struct ip address = {
            {0x20, 0x01, [5] = (uint8_t)(i >> 16), [6] = (uint8_t)(i >> 8), [7] = (uint8_t)i}};
        uint32_t place;

        ck_assert_int_eq(address_table_enter(&table, &address, now, 0, &place), ADDRESS_OK);
        out(place, now);
        now += SECOND / 100;
    }
    ck_assert_uint_le(table.used, 12);
}
END_TEST

START_TEST(a_clock_that_goes_back_locks_nobody_out)
{
    init(8, 0, 1, 2);
    out(in("192.0.2.1", START), START);
    out(in("192.0.2.1", START), START);
    refused("192.0.2.1", START / 2, ADDRESS_TOO_FAST);
    in("192.0.2.1", START / 2 + 2 * SECOND);
}
END_TEST

/* ---- against a naive model ---- */

#define MODEL_MAX 64

/* What is known, the address used longest ago first; clients and all in one array. */
struct model {
    struct {
        unsigned id;
        uint32_t clients;
        uint64_t rate_ns;
    } items[MODEL_MAX];
    size_t count;
};

static void model_remove(struct model *m, size_t at)
{
    memmove(&m->items[at], &m->items[at + 1], (--m->count - at) * sizeof(m->items[0]));
}

static size_t model_find(const struct model *m, unsigned id)
{
    size_t at = 0;

    while (at < m->count && m->items[at].id != id)
        at++;
    return at;
}

static size_t model_first_idle(const struct model *m)
{
    size_t at = 0;

    while (at < m->count && m->items[at].clients > 0)
        at++;
    return at;
}

/* Puts one at the end, unless nothing is to be known of it. */
static void model_settle(struct model *m, size_t at, uint64_t now)
{
    struct model copy = *m;

    model_remove(m, at);
    if (copy.items[at].clients > 0 || copy.items[at].rate_ns > now)
        m->items[m->count++] = copy.items[at];
}

/* Returns where the id is, count where there is no room for it. */
static size_t model_find_or_add(struct model *m, unsigned id, uint64_t now)
{
    size_t at = model_find(m, id);

    if (at < m->count)
        return at;
    for (int i = 0; i < 2; i++) {
        size_t idle = model_first_idle(m);

        if (idle < m->count && (m->items[idle].rate_ns <= now || m->count == table.capacity))
            model_remove(m, idle);
        else
            break;
    }
    if (m->count == table.capacity)
        return m->count;
    m->items[m->count].id = id;
    m->items[m->count].clients = 0;
    m->items[m->count].rate_ns = 0;
    return m->count++;
}

static enum address_result model_enter(struct model *m, unsigned id, uint64_t now, bool replaces)
{
    const struct address_limits *l = &table.limits;
    size_t at = model_find_or_add(m, id, now);
    enum address_result result = ADDRESS_OK;
    uint64_t rate;

    if (at == m->count)
        return ADDRESS_TOO_MANY;
    rate = m->items[at].rate_ns < now ? now : m->items[at].rate_ns;
    rate = rate > now + l->handshakes.burst_ns ? now + l->handshakes.burst_ns : rate;
    if (l->max_clients > 0 && m->items[at].clients - replaces >= l->max_clients) {
        result = ADDRESS_TOO_MANY;
    } else if (l->handshakes.step_ns > 0) {
        result = rate + l->handshakes.step_ns > now + l->handshakes.burst_ns ? ADDRESS_TOO_FAST
                                                                             : ADDRESS_OK;
        m->items[at].rate_ns = result == ADDRESS_OK ? rate + l->handshakes.step_ns : rate;
    }
    m->items[at].clients += result == ADDRESS_OK;
    model_settle(m, at, now);
    return result;
}

static uint64_t state;

static unsigned roll(unsigned sides)
{
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(state >> 33) % sides;
}

/* Time goes on a little, jumps, or goes back. */
static uint64_t next_time(uint64_t now)
{
    switch (roll(40)) {
    case 0:
        return now + (uint64_t)roll(10) * SECOND;
    case 1:
        return now - (uint64_t)roll(3) * SECOND;
    default:
        return now + (uint64_t)roll(20) * SECOND / 1000;
    }
}

/* Clients that are in: where, and whose. */
struct guests {
    uint32_t places[MODEL_MAX * 4];
    unsigned ids[MODEL_MAX * 4];
    unsigned count;
};

static void turn_in(struct model *m, struct guests *g, unsigned ids, uint64_t now)
{
    unsigned id = roll(ids), old = g->count > 0 ? roll(g->count) : 0;
    bool has_old = g->count > 0 && roll(4) == 0;
    struct ip address = {{0x20, 0x01, [7] = (uint8_t)id, [15] = (uint8_t)roll(256)}};
    enum address_result expected = model_enter(m, id, now, has_old && g->ids[old] == id);
    uint32_t place;

    ck_assert_int_eq(
        address_table_enter(&table, &address, now, has_old ? g->places[old] : 0, &place), expected);
    if (expected != ADDRESS_OK)
        return;
    g->places[g->count] = place;
    g->ids[g->count++] = id;
}

static void turn_out(struct model *m, struct guests *g, uint64_t now)
{
    unsigned at = roll(g->count);
    size_t item = model_find(m, g->ids[at]);

    m->items[item].clients--;
    model_settle(m, item, now);
    address_table_leave(&table, g->places[at], now);
    g->places[at] = g->places[--g->count];
    g->ids[at] = g->ids[g->count];
}

static void play(size_t capacity, unsigned ids, struct address_limits limits, struct hash_seed with)
{
    struct model m = {.count = 0};
    struct guests g = {.count = 0};
    uint64_t now = START;

    ck_assert_int_eq(address_table_init(&table, capacity, &limits, with), 0);
    for (int turn = 0; turn < 20000; turn++) {
        now = next_time(now);
        if (g.count == 0 || (roll(2) == 0 && g.count < ARRAY_LEN(g.ids)))
            turn_in(&m, &g, ids, now);
        else
            turn_out(&m, &g, now);
        ck_assert_uint_eq(table.count, m.count);
        ck_assert_uint_le(table.used, capacity);
    }
    while (g.count > 0)
        turn_out(&m, &g, now);
    address_table_deinit(&table);
}

START_TEST(random_against_model)
{
    const struct rate none = {0, 0};
    const struct address_limits both = {3, {SECOND / 50, SECOND / 10}, none, 32, 64};
    const struct address_limits clients = {2, none, none, 32, 64};
    const struct address_limits rate = {0, {SECOND, 4 * SECOND}, none, 32, 64};
    const struct address_limits all[] = {both, clients, rate};

    state = (uint64_t)_i + 1;
    for (size_t i = 0; i < ARRAY_LEN(all); i++) {
        play(MODEL_MAX, 32, all[i], seed);
        play(MODEL_MAX, 32, all[i], plain);
        play(8, 24, all[i], seed);
        play(8, 9, all[i], plain);
        play(1, 3, all[i], seed);
    }
}
END_TEST

START_TEST(requests_have_a_rate_of_their_own)
{
    const struct address_limits limits = {.requests = rate_of(10, 2), .v4_bits = 32, .v6_bits = 64};
    struct ip a = ip("192.0.2.1"), b = ip("192.0.2.2");

    ck_assert_int_eq(address_table_init(&table, 8, &limits, seed), 0);
    ck_assert(address_table_ask(&table, &a, SECOND));
    ck_assert(address_table_ask(&table, &a, SECOND));
    ck_assert(!address_table_ask(&table, &a, SECOND));
    ck_assert(address_table_ask(&table, &b, SECOND));
    ck_assert(!address_table_ask(&table, &a, SECOND + SECOND / 10 - 1));
    ck_assert(address_table_ask(&table, &a, SECOND + SECOND / 10));
    ck_assert_uint_eq(table.refused_requests, 2);
    /* handshakes are another matter */
    ck_assert_uint_ne(in("192.0.2.1", SECOND + SECOND / 10), 0);
}
END_TEST

START_TEST(without_a_rate_requests_are_not_remembered)
{
    struct ip a = ip("192.0.2.1");

    init(8, 3, 0, 1);
    for (int i = 0; i < 100; i++)
        ck_assert(address_table_ask(&table, &a, SECOND));
    ck_assert_uint_eq(table.count, 0);
}
END_TEST

Suite *suite_address_table(void)
{
    Suite *suite = suite_create("address_table");
    TCase *cases = tcase_create("address_table");

    tcase_add_checked_fixture(cases, NULL, teardown);
    tcase_add_test(cases, clients_up_to_the_limit);
    tcase_add_test(cases, without_a_rate_nobody_is_remembered);
    tcase_add_test(cases, a_burst_and_then_the_rate);
    tcase_add_test(cases, a_refusal_costs_nothing);
    tcase_add_test(cases, who_replaces_its_own_does_not_count_twice);
    tcase_add_test(cases, a_prefix_counts_as_one);
    tcase_add_test(cases, without_limits_everybody_enters);
    tcase_add_test(cases, what_is_kept_counts);
    tcase_add_test(cases, the_one_used_longest_ago_is_recycled);
    tcase_add_test(cases, an_address_with_clients_is_never_recycled);
    tcase_add_test(cases, the_table_stays_small);
    tcase_add_test(cases, a_clock_that_goes_back_locks_nobody_out);
    tcase_add_test(cases, requests_have_a_rate_of_their_own);
    tcase_add_test(cases, without_a_rate_requests_are_not_remembered);
    tcase_add_loop_test(cases, random_against_model, 0, 4);
    suite_add_tcase(suite, cases);
    return suite;
}
