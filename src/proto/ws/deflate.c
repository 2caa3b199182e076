#include "proto/ws/deflate.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "proto/ws/deflate_block.h"

/* How hard it looks. A match of NICE bytes is taken at once; one of LAZY is not compared with what
 * begins a byte later; one of GOOD has a quarter of the places looked at for a better one. */
#define CHAIN 128
#define NICE 128
#define LAZY 16
#define GOOD 8

/* A match of three bytes from further away takes more bits than three bytes do. */
#define FAR 4096

/* Bytes that a comparison may read behind the end. */
#define SLACK 8

/* Bytes in front of the end where a match is not looked for while more of the message is to come:
 * it could be longer than what is there. */
#define LOOKAHEAD (DEFLATE_MATCH_MAX + DEFLATE_MATCH_MIN + 1)

struct deflate_window {
    uint64_t base;   /* position of bytes[0] */
    size_t at;       /* what is packed next, from `bytes` on */
    size_t end;      /* of what there is */
    size_t chained;  /* places in front of this one are in the chains */
    uint64_t began;  /* the last message: where */
    uint64_t forgot; /* what is in front of this position is no longer known to be there */
    unsigned bits;
    unsigned hash_bits;
    uint8_t *bytes;  /* twice the window, and slack */
    uint32_t *heads; /* for each hash the last position with it, of which these are the low bits */
    uint16_t *links; /* for each place of the window: how far it is to the one before; 0: too far */
    const struct deflate_reach *reach; /* of the message at hand */
};

struct match {
    unsigned length; /* below DEFLATE_MATCH_MIN: none */
    unsigned distance;
};

struct deflate_block *deflate_block_new(void)
{
    struct deflate_block *block = malloc(sizeof(*block));

    if (block != NULL)
        deflate_block_init(block);
    return block;
}

void deflate_block_free(struct deflate_block *block)
{
    free(block);
}

static size_t window_size(const struct deflate_window *window)
{
    return (size_t)1 << window->bits;
}

size_t deflate_window_cost(unsigned bits)
{
    size_t size = (size_t)1 << bits;

    return sizeof(struct deflate_window) + size * (sizeof(uint32_t) + sizeof(uint16_t) + 2) + SLACK;
}

struct deflate_window *deflate_window_new(unsigned bits)
{
    struct deflate_window *window = calloc(1, deflate_window_cost(bits));
    size_t size = (size_t)1 << bits;

    if (window == NULL)
        return NULL;
    window->bits = window->hash_bits = bits;
    window->heads = (uint32_t *)(void *)(window + 1);
    window->links = (uint16_t *)(void *)(window->heads + size);
    window->bytes = (uint8_t *)(void *)(window->links + size);
    return window;
}

void deflate_window_free(struct deflate_window *window)
{
    free(window);
}

uint64_t deflate_position(const struct deflate_window *window)
{
    return window->base + window->end;
}

/* ---- chains ---- */

static unsigned hash_at(const struct deflate_window *window, size_t place)
{
    const uint8_t *p = window->bytes + place;
    uint32_t three = (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16;

    return three * 2654435761u >> (32 - window->hash_bits);
}

/* Puts a place at the front of its chain. Returns how far it is to the one before, as far as is
 * known: more than 32 bits say goes round, and what is too far is not looked at. */
static inline uint32_t chain_in(struct deflate_window *window, size_t place)
{
    uint32_t *head = &window->heads[hash_at(window, place)];
    uint32_t position = (uint32_t)(window->base + place);
    uint32_t before = position - *head;

    *head = position;
    window->links[position & (window_size(window) - 1)] =
        before <= window_size(window) ? (uint16_t)before : 0;
    return before;
}

/* Puts all places in front of `place` into the chains, whose three bytes are there. */
static void chain_up_to(struct deflate_window *window, size_t place)
{
    size_t last = window->end < DEFLATE_MATCH_MIN ? 0 : window->end - DEFLATE_MATCH_MIN + 1;

    for (; window->chained < min_size(place, last); window->chained++)
        chain_in(window, window->chained);
}

/* ---- matches ---- */

/* The place of the first byte that is not the same in two words as they lie in memory. */
static inline unsigned first_difference(uint64_t x, uint64_t y)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    return (unsigned)__builtin_ctzll(x ^ y) / 8;
#else
    return (unsigned)__builtin_clzll(x ^ y) / 8;
#endif
}

/* How many bytes are the same at both places, at most `max`. May read SLACK bytes behind them. */
static inline unsigned same_bytes(const uint8_t *a, const uint8_t *b, unsigned max)
{
    for (unsigned len = 0; len < max; len += 8) {
        uint64_t x, y;

        memcpy(&x, a + len, sizeof(x));
        memcpy(&y, b + len, sizeof(y));
        if (x != y)
            return (unsigned)min_size(len + first_difference(x, y), max);
    }
    return max;
}

/* Do both begin with the same two bytes? */
static inline bool same_two(const uint8_t *a, const uint8_t *b)
{
    uint16_t x, y;

    memcpy(&x, a, sizeof(x));
    memcpy(&y, b, sizeof(y));
    return x == y;
}

/* How far back a match may begin that stands at this place. */
static size_t reach_at(const struct deflate_window *window, size_t place)
{
    uint64_t floor = window->reach->floor > window->forgot ? window->reach->floor : window->forgot;
    uint64_t position = window->base + place;
    size_t reach = min_size(place, min_size(window->reach->distance, window_size(window)));

    if (position <= floor)
        return 0;
    return position - floor < reach ? (size_t)(position - floor) : reach;
}

/* Follows a chain for a longer match than `best`. `distance` is that of the first candidate. What
 * a chain says may be stale, so distances that do not exist end it, and bytes decide. */
static struct match longer_match(const struct deflate_window *window, uint32_t distance,
                                 struct match best, unsigned tries)
{
    const uint8_t *here = window->bytes + window->at;
    unsigned max = (unsigned)min_size(window->end - window->at, DEFLATE_MATCH_MAX);
    uint32_t reach = (uint32_t)reach_at(window, window->at), mask = (1u << window->bits) - 1;
    uint32_t position = (uint32_t)(window->base + window->at);

    for (; tries > 0 && distance <= reach && distance > 0 && best.length < max; tries--) {
        const uint8_t *there = here - distance;
        uint32_t link = window->links[(position - distance) & mask];

        if (same_two(there + best.length - 1, here + best.length - 1) && same_two(there, here)) {
            unsigned length = same_bytes(there, here, max);

            if (length > best.length)
                best = (struct match){length, distance};
            if (length >= NICE)
                break;
        }
        if (link == 0)
            break;
        distance += link;
    }
    return best;
}

/* The longest match at the place at hand that is longer than `least`; puts the place into the
 * chains. */
static struct match find_match(struct deflate_window *window, unsigned least)
{
    struct match none = {least, 0}, match;
    uint32_t before;

    if (window->end - window->at < DEFLATE_MATCH_MIN)
        return (struct match){0, 0};
    chain_up_to(window, window->at);
    before = chain_in(window, window->at);
    window->chained = window->at + 1;
    match = longer_match(window, before, none, least >= GOOD ? CHAIN / 4 : CHAIN);
    if (match.distance == 0 || match.length < DEFLATE_MATCH_MIN ||
        (match.length == DEFLATE_MATCH_MIN && match.distance > FAR))
        return (struct match){0, 0};
    return match;
}

/* ---- packing ---- */

struct packing {
    struct deflate_block *block;
    struct deflate_window *window;
    struct deflate_bits bits;
    const uint8_t *data; /* what the block at hand began with */
};

static int packing_write_block(struct packing *packing)
{
    size_t covers = packing->block->covers;
    int result = deflate_block_write(packing->block, &packing->bits, packing->data);

    packing->data += covers;
    return result;
}

static inline int packing_need_token(struct packing *packing)
{
    return deflate_block_is_full(packing->block) ? packing_write_block(packing) : 0;
}

static int packing_put_literal(struct packing *packing)
{
    struct deflate_window *window = packing->window;

    if (packing_need_token(packing) < 0)
        return -1;
    deflate_block_add_literal(packing->block, window->bytes[window->at++]);
    return 0;
}

static int packing_put_match(struct packing *packing, struct match match)
{
    if (packing_need_token(packing) < 0)
        return -1;
    deflate_block_add_match(packing->block, match.distance, match.length);
    packing->window->at += match.length;
    chain_up_to(packing->window, packing->window->at);
    return 0;
}

/* Packs what there is up to `until`. A match is taken where none that begins a byte later is
 * longer. */
static int packing_go(struct packing *packing, size_t until)
{
    struct deflate_window *window = packing->window;
    struct match match = {0, 0};

    while (window->at < until) {
        struct match next;

        if (match.length == 0)
            match = find_match(window, DEFLATE_MATCH_MIN - 1);
        if (match.length == 0) {
            if (packing_put_literal(packing) < 0)
                return -1;
            continue;
        }
        window->at++;
        next = match.length < LAZY ? find_match(window, match.length) : (struct match){0, 0};
        window->at--;
        if ((next.length > 0 ? packing_put_literal(packing) : packing_put_match(packing, match)) <
            0)
            return -1;
        match = next;
    }
    return 0;
}

/* Moves what the window has to the front of its memory, where there is no room for more. */
static void window_slide(struct deflate_window *window)
{
    size_t gone = window->at > window_size(window) ? window->at - window_size(window) : 0;

    memmove(window->bytes, window->bytes + gone, window->end - gone);
    window->base += gone;
    window->at -= gone;
    window->end -= gone;
    window->chained -= min_size(gone, window->chained);
}

/* Takes as much of the message into the window as fits. Returns how much. */
static size_t window_fill(struct deflate_window *window, const uint8_t *data, size_t len)
{
    size_t step;

    if (len > 2 * window_size(window) - window->end)
        window_slide(window);
    step = min_size(len, 2 * window_size(window) - window->end);
    if (step > 0)
        memcpy(window->bytes + window->end, data, step);
    window->end += step;
    return step;
}

static int pack(struct packing *packing, const uint8_t *data, size_t len)
{
    struct deflate_window *window = packing->window;

    do {
        size_t step = window_fill(window, data, len);
        size_t until = window->end;

        data += step;
        len -= step;
        if (len > 0)
            until -= min_size(LOOKAHEAD, (window->end - window->at) / 2);
        if (packing_go(packing, until) < 0)
            return -1;
    } while (len > 0);
    if (packing_write_block(packing) < 0)
        return -1;
    return deflate_block_end(&packing->bits);
}

int deflate_message(struct deflate_block *block, struct deflate_window *window, struct buf *out,
                    const uint8_t *data, size_t len, const struct deflate_reach *reach)
{
    struct packing packing = {.block = block, .window = window, .bits = {.out = out}, .data = data};
    size_t before = out->len;
    int result;

    window->began = deflate_position(window);
    window->reach = reach;
    result = pack(&packing, data, len);
    window->reach = NULL;
    if (result < 0) {
        out->len = before;
        window->end = window->at;
        deflate_undo(window);
    }
    return result;
}

/* Takes the places from `place` on out of their chains, the last one first: each leads to the one
 * that was in front before. The last two bytes that stay will begin with others, so they go, too.
 */
static void chain_back_to(struct deflate_window *window, size_t place)
{
    uint32_t mask = (1u << window->bits) - 1;

    place -= min_size(place, DEFLATE_MATCH_MIN - 1);
    while (window->chained > place) {
        uint32_t position = (uint32_t)(window->base + --window->chained);
        uint32_t link = window->links[position & mask];

        window->heads[hash_at(window, window->chained)] =
            position - (link != 0 ? link : (uint32_t)window_size(window) + 1);
    }
}

void deflate_undo(struct deflate_window *window)
{
    if (window->began >= window->base) {
        size_t place = (size_t)(window->began - window->base);

        chain_back_to(window, place);
        window->end = window->at = place;
    } else {
        window->forgot = deflate_position(window);
    }
}

/* ---- from one process to the next ---- */

void deflate_window_hand(struct hand_writer *w, const struct deflate_window *window)
{
    hand_put_u64(w, window->base);
    hand_put_u64(w, window->began);
    hand_put_u64(w, window->forgot);
    hand_put_u32(w, (uint32_t)window->chained);
    hand_put_bytes(w, window->bytes, window->end);
}

/* The chains are made anew: what they led to in front of the window's memory is too far away. */
struct deflate_window *deflate_window_take(struct hand_reader *r, unsigned bits)
{
    struct deflate_window *window = deflate_window_new(bits);
    size_t chained;
    struct str bytes;

    if (window == NULL) {
        hand_fail(r, "out of memory");
        return NULL;
    }
    window->base = hand_upto(r, hand_get_u64(r), UINT64_MAX / 2);
    window->began = hand_get_u64(r);
    window->forgot = hand_get_u64(r);
    chained = hand_get_u32(r);
    bytes = hand_get_bytes(r, 2 * window_size(window));
    if (bytes.len > 0)
        memcpy(window->bytes, bytes.ptr, bytes.len);
    window->at = window->end = bytes.len;
    if (!hand_check(r, window->began <= deflate_position(window) && chained <= bytes.len,
                    "a window of compression makes no sense")) {
        deflate_window_free(window);
        return NULL;
    }
    chain_up_to(window, chained);
    return window;
}
