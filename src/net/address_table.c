#include "net/address_table.h"

#include <errno.h>
#include <string.h>

#include "base/hand_long.h"
#include "base/mapping.h"
#include "base/tuning.h"
#include "base/util.h"

/* So many idle addresses are looked at when a new one comes. One is made at a time, so two are
 * enough to get rid of those that nobody needs sooner than others come. */
#define SWEEP 2

int address_table_init(struct address_table *t, size_t capacity,
                       const struct address_limits *limits, struct hash_seed seed)
{
    *t = (struct address_table){.capacity = capacity, .limits = *limits, .seed = seed};
    list_init(&t->idle);
    t->index_size = max_size((size_t)round_up_pow2(capacity + capacity / 3 + 1), TUNE_CLIENT_TABLE);
    t->addresses = mapping_new(capacity * sizeof(*t->addresses));
    t->index = mapping_new(t->index_size * sizeof(*t->index));
    if (t->addresses == NULL || t->index == NULL) {
        address_table_deinit(t);
        errno = ENOMEM;
        return -1;
    }
    return 0;
}

void address_table_deinit(struct address_table *t)
{
    mapping_free(t->addresses, t->capacity * sizeof(*t->addresses));
    mapping_free(t->index, t->index_size * sizeof(*t->index));
    t->addresses = NULL;
    t->index = NULL;
}

/* ---- places ---- */

static size_t address_home_of(const struct address_table *t, const struct ip *prefix)
{
    struct str bytes = {(const char *)prefix->bytes, sizeof(prefix->bytes)};

    return (size_t)hash_str(&t->seed, bytes) & (t->index_size - 1);
}

/* The entry of the index that holds the prefix, or the empty one where it would go. There always is
 * an empty one. */
static size_t address_entry_of(const struct address_table *t, const struct ip *prefix)
{
    size_t entry = address_home_of(t, prefix);

    while (t->index[entry] != 0 && !ip_equals(&t->addresses[t->index[entry] - 1].prefix, prefix))
        entry = (entry + 1) & (t->index_size - 1);
    return entry;
}

/* Empties an entry and moves the entries behind it back, as far as that brings them nearer to their
 * home. */
static void address_close_gap(struct address_table *t, size_t gap)
{
    size_t mask = t->index_size - 1;

    for (size_t entry = (gap + 1) & mask; t->index[entry] != 0; entry = (entry + 1) & mask) {
        size_t home = address_home_of(t, &t->addresses[t->index[entry] - 1].prefix);

        if (((entry - home) & mask) < ((entry - gap) & mask))
            continue;
        t->index[gap] = t->index[entry];
        gap = entry;
    }
    t->index[gap] = 0;
}

static void forget(struct address_table *t, struct address *address)
{
    size_t entry = address_entry_of(t, &address->prefix);
    uint32_t place = t->index[entry];

    address_close_gap(t, entry);
    list_remove(&address->idle);
    address->next_free = t->free;
    t->free = place;
    t->count--;
}

/* Returns a free place + 1; there is one. */
static uint32_t address_take_place(struct address_table *t)
{
    uint32_t place = t->free;

    if (place == 0)
        return (uint32_t)++t->used;
    t->free = t->addresses[place - 1].next_free;
    return place;
}

/* ---- rates ---- */

/* Who has done nothing for so long that all may be done at once is like anybody else. */
static bool is_worthless(const struct address *address, uint64_t now_ns)
{
    return address->clients == 0 && address->handshakes_ns <= now_ns &&
           address->requests_ns <= now_ns;
}

/* ---- addresses ---- */

static struct address *first_idle(const struct address_table *t)
{
    return list_is_empty(&t->idle) ? NULL : CONTAINER_OF(t->idle.next, struct address, idle);
}

/* Makes room for one more: of idle addresses, first those that nobody needs, and then any. */
static void table_make_room(struct address_table *t, uint64_t now_ns)
{
    struct address *first;

    for (int i = 0; i < SWEEP && (first = first_idle(t)) != NULL; i++) {
        if (!is_worthless(first, now_ns) && t->count < t->capacity)
            return;
        forget(t, first);
    }
}

/* Returns the place of the prefix + 1; 0 where all are taken by others that have clients. */
static uint32_t find_or_add(struct address_table *t, const struct ip *prefix, uint64_t now_ns)
{
    uint32_t place = t->index[address_entry_of(t, prefix)];
    struct address *address;

    if (place != 0)
        return place;
    table_make_room(t, now_ns);
    if (t->count == t->capacity)
        return 0;
    place = address_take_place(t);
    t->index[address_entry_of(t, prefix)] = place;
    t->count++;
    address = &t->addresses[place - 1];
    *address = (struct address){.prefix = *prefix};
    list_init(&address->idle);
    return place;
}

/* An address without clients is worth its place as long as its rate tells something. */
static void settle(struct address_table *t, struct address *address, uint64_t now_ns)
{
    list_remove(&address->idle);
    if (is_worthless(address, now_ns))
        forget(t, address);
    else if (address->clients == 0)
        list_append(&t->idle, &address->idle);
}

static enum address_result address_judge(const struct address_table *t, struct address *address,
                                         uint64_t now_ns, uint32_t leaving)
{
    uint64_t max = t->limits.max_clients;

    if (max > 0 && address->clients - leaving >= max)
        return ADDRESS_TOO_MANY;
    return rate_take(&t->limits.handshakes, &address->handshakes_ns, now_ns) ? ADDRESS_OK
                                                                             : ADDRESS_TOO_FAST;
}

static enum address_result enter(struct address_table *t, const struct ip *ip, uint64_t now_ns,
                                 uint32_t replaced, uint32_t *place)
{
    struct ip prefix = ip_prefix(ip, t->limits.v4_bits, t->limits.v6_bits);
    uint32_t found = find_or_add(t, &prefix, now_ns);
    enum address_result result;
    struct address *address;

    if (found == 0)
        return ADDRESS_TOO_MANY;
    address = &t->addresses[found - 1];
    result = address_judge(t, address, now_ns, replaced == found);
    if (result == ADDRESS_OK) {
        address->clients++;
        *place = found;
    }
    settle(t, address, now_ns);
    return result;
}

enum address_result address_table_enter(struct address_table *t, const struct ip *ip,
                                        uint64_t now_ns, uint32_t replaced, uint32_t *place)
{
    enum address_result result;

    *place = 0;
    result = enter(t, ip, now_ns, replaced, place);
    t->results[result]++;
    return result;
}

bool address_table_ask(struct address_table *t, const struct ip *ip, uint64_t now_ns)
{
    bool is_allowed = true;
    struct address *address;
    struct ip prefix;
    uint32_t found;

    if (t->limits.requests.step_ns == 0)
        return true;
    prefix = ip_prefix(ip, t->limits.v4_bits, t->limits.v6_bits);
    found = find_or_add(t, &prefix, now_ns);
    if (found > 0) {
        address = &t->addresses[found - 1];
        is_allowed = rate_take(&t->limits.requests, &address->requests_ns, now_ns);
        settle(t, address, now_ns);
    }
    t->refused_requests += !is_allowed;
    return is_allowed;
}

void address_table_keep(struct address_table *t, uint32_t place)
{
    t->addresses[place - 1].clients++;
}

void address_table_leave(struct address_table *t, uint32_t place, uint64_t now_ns)
{
    struct address *address;

    if (place == 0)
        return;
    address = &t->addresses[place - 1];
    address->clients--;
    settle(t, address, now_ns);
}

/* ---- to another process ---- */

static void address_hand(struct hand_writer *w, const struct address_table *t,
                         const struct address *address)
{
    hand_put_bool(w, true);
    hand_go_on(w);
    hand_put_u32(w, (uint32_t)(address - t->addresses));
    hand_put_raw(w, address->prefix.bytes, sizeof(address->prefix.bytes));
    hand_put_u64(w, address->handshakes_ns);
    hand_put_u64(w, address->requests_ns);
}

void address_table_hand(struct hand_writer *w, const struct address_table *t)
{
    for (size_t i = 0; i < t->used; i++) {
        if (t->addresses[i].clients > 0)
            address_hand(w, t, &t->addresses[i]);
    }
    for (struct list *at = t->idle.next; at != &t->idle; at = at->next)
        address_hand(w, t, CONTAINER_OF(at, struct address, idle));
    hand_put_bool(w, false);
}

/* Was this place given to somebody? Those that never were are all zero. */
static bool address_is_taken(const struct address *address)
{
    return address->idle.next != NULL;
}

static bool address_take(struct address_table *t, struct hand_reader *r)
{
    struct address *address;
    size_t entry, place;

    if (!hand_get_on(r))
        return false;
    place = (size_t)hand_get_u32(r);
    if (!hand_check(r, place < t->capacity, "there are more addresses than can be"))
        return false;
    address = &t->addresses[place];
    if (!hand_check(r, !address_is_taken(address), "two addresses have one place"))
        return false;
    hand_get_raw(r, address->prefix.bytes, sizeof(address->prefix.bytes));
    address->handshakes_ns = hand_get_u64(r);
    address->requests_ns = hand_get_u64(r);
    entry = address_entry_of(t, &address->prefix);
    if (!hand_check(r, t->index[entry] == 0, "an address has two places"))
        return false;
    t->index[entry] = (uint32_t)place + 1;
    list_init(&address->idle);
    list_append(&t->idle, &address->idle);
    t->used = max_size(t->used, place + 1);
    t->count++;
    return true;
}

bool address_table_take(struct address_table *t, struct hand_reader *r)
{
    while (hand_get_bool(r)) {
        if (!address_take(t, r))
            return false;
    }
    for (size_t i = t->used; i-- > 0;) {
        struct address *address = &t->addresses[i];

        if (address_is_taken(address))
            continue;
        address->next_free = t->free;
        t->free = (uint32_t)i + 1;
    }
    return hand_is_good(r);
}

bool address_table_hold(struct address_table *t, uint32_t place)
{
    struct address *address;

    if (place == 0 || place > t->used || !address_is_taken(&t->addresses[place - 1]))
        return false;
    address = &t->addresses[place - 1];
    list_remove(&address->idle);
    address->clients++;
    return true;
}
