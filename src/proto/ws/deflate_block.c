#include "proto/ws/deflate_block.h"

#include <string.h>

#include "base/util.h"

#define LENGTH_CODE_BITS 7 /* of the longest code of a code length (RFC 1951, 3.2.7) */
#define HEADER_BITS 3      /* of every block */
#define COUNTS_BITS 14     /* HLIT, HDIST and HCLEN */
#define STORED_BITS 32     /* LEN and NLEN */
#define LENGTHS_MAX (DEFLATE_LITERALS + DEFLATE_DISTANCES)

/* A block whose fixed codes take fewer bits than this is not worth codes of its own: to write those
 * takes nearly as many. */
#define DYNAMIC_MIN 400

enum block_kind { BLOCK_STORED, BLOCK_FIXED, BLOCK_DYNAMIC };

/* ---- bits ---- */

/* Puts up to 48 bits behind what is held. There must be room for eight bytes. */
static inline void put_bits(struct deflate_bits *bits, uint64_t value, unsigned count)
{
    bits->held |= value << bits->count;
    bits->count += count;
}

/* Moves whole bytes out. */
static inline void flush_bytes(struct deflate_bits *bits)
{
    struct buf *out = bits->out;

    for (; bits->count >= 8; bits->count -= 8, bits->held >>= 8)
        out->data[out->len++] = (uint8_t)bits->held;
}

/* As flush_bytes, at one stroke, where the order of bytes in a word allows that. */
static inline void flush_word(struct deflate_bits *bits)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    struct buf *out = bits->out;
    unsigned whole = bits->count & ~7u;

    memcpy(out->data + out->len, &bits->held, sizeof(bits->held));
    out->len += whole / 8;
    bits->held >>= whole;
    bits->count -= whole;
#else
    flush_bytes(bits);
#endif
}

static void put_whole(struct deflate_bits *bits, uint64_t value, unsigned count)
{
    put_bits(bits, value, count);
    flush_bytes(bits);
}

static void deflate_align(struct deflate_bits *bits)
{
    if (bits->count % 8 != 0)
        put_whole(bits, 0, 8 - bits->count % 8);
}

/* ---- codes ---- */

/* Symbols that occur, the rarest first. */
struct ranking {
    uint32_t keys[DEFLATE_LITERALS]; /* how often << 9 | symbol */
    size_t count;
};

static void rank_symbols(struct ranking *ranking, const uint32_t *counts, size_t size)
{
    ranking->count = 0;
    for (size_t symbol = 0; symbol < size; symbol++) {
        uint32_t key = counts[symbol] << 9 | (uint32_t)symbol;
        size_t at = ranking->count;

        if (counts[symbol] == 0)
            continue;
        for (; at > 0 && ranking->keys[at - 1] > key; at--)
            ranking->keys[at] = ranking->keys[at - 1];
        ranking->keys[at] = key;
        ranking->count++;
    }
}

/* A tree of leaves and of what joins two of them. */
struct tree {
    uint32_t weights[2 * DEFLATE_LITERALS];
    uint16_t parents[2 * DEFLATE_LITERALS];
};

/* Takes the lighter one of the next leaf and the next joint, both of which come in the order of
 * their weights. */
static size_t take_lightest(const struct tree *tree, size_t *leaf, size_t leaves, size_t *joint,
                            size_t joints_end)
{
    if (*leaf < leaves && (*joint == joints_end || tree->weights[*leaf] <= tree->weights[*joint]))
        return (*leaf)++;
    return (*joint)++;
}

/* Counts the codes of each length in the best code without a limit; longer ones than `limit` count
 * as that. There are two symbols or more. */
static void count_lengths(const struct ranking *ranking, unsigned limit,
                          unsigned counts[DEFLATE_CODE_BITS + 1])
{
    struct tree tree;
    uint16_t depth[2 * DEFLATE_LITERALS];
    size_t leaves = ranking->count, leaf = 0, joint = leaves, end = leaves;

    for (size_t i = 0; i < leaves; i++)
        tree.weights[i] = ranking->keys[i] >> 9;
    for (; end < 2 * leaves - 1; end++) {
        size_t a = take_lightest(&tree, &leaf, leaves, &joint, end);
        size_t b = take_lightest(&tree, &leaf, leaves, &joint, end);

        tree.weights[end] = tree.weights[a] + tree.weights[b];
        tree.parents[a] = tree.parents[b] = (uint16_t)end;
    }
    depth[end - 1] = 0;
    memset(counts, 0, (DEFLATE_CODE_BITS + 1) * sizeof(counts[0]));
    for (size_t i = end - 1; i-- > 0;) {
        depth[i] = (uint16_t)(depth[tree.parents[i]] + 1);
        if (i < leaves)
            counts[depth[i] < limit ? depth[i] : limit]++;
    }
}

/* Where the limit made the code too full, shorter codes become longer ones until it is whole. */
static void fit_lengths(unsigned counts[DEFLATE_CODE_BITS + 1], unsigned limit)
{
    unsigned long taken = 0;

    for (unsigned length = 1; length <= limit; length++)
        taken += (unsigned long)counts[length] << (limit - length);
    for (; taken > 1ul << limit; taken--) {
        unsigned length = limit - 1;

        while (counts[length] == 0)
            length--;
        counts[limit]--;
        counts[length]--;
        counts[length + 1] += 2;
    }
}

/* Gives each symbol its code, from the lengths alone (3.2.2). */
static void make_codes(struct deflate_codes *codes, size_t size)
{
    unsigned next[DEFLATE_CODE_BITS + 2] = {0}, counts[DEFLATE_CODE_BITS + 1] = {0};

    for (size_t i = 0; i < size; i++)
        counts[codes->lengths[i]]++;
    counts[0] = 0;
    for (unsigned length = 1; length <= DEFLATE_CODE_BITS; length++)
        next[length + 1] = (next[length] + counts[length]) << 1;
    for (size_t i = 0; i < size; i++) {
        if (codes->lengths[i] != 0)
            codes->bits[i] =
                (uint16_t)deflate_reverse(next[codes->lengths[i]]++, codes->lengths[i]);
    }
}

/* The best codes for symbols that occur so often. Two at least get one: there are programs that
 * take nothing less for a code. */
static void build_codes(struct deflate_codes *codes, uint32_t *counts, size_t size, unsigned limit)
{
    unsigned lengths[DEFLATE_CODE_BITS + 1];
    struct ranking ranking;
    size_t at = 0;

    rank_symbols(&ranking, counts, size);
    for (size_t symbol = 0; ranking.count < 2; symbol++) {
        if (counts[symbol] > 0)
            continue;
        counts[symbol] = 1;
        rank_symbols(&ranking, counts, size);
    }
    count_lengths(&ranking, limit, lengths);
    fit_lengths(lengths, limit);
    memset(codes->lengths, 0, size);
    for (unsigned length = limit; length > 0; length--) {
        for (unsigned i = 0; i < lengths[length]; i++)
            codes->lengths[ranking.keys[at++] & 511] = (uint8_t)length;
    }
    make_codes(codes, size);
}

void deflate_block_init(struct deflate_block *block)
{
    memset(block, 0, sizeof(*block));
    deflate_fixed_lengths(block->fixed_literals.lengths);
    make_codes(&block->fixed_literals, DEFLATE_LITERALS);
    memset(block->fixed_distances.lengths, 5, DEFLATE_DISTANCES);
    make_codes(&block->fixed_distances, DEFLATE_DISTANCES);
}

/* ---- the lengths of a block's own codes, as they are written ---- */

struct header {
    size_t literals; /* lengths that are written */
    size_t distances;
    size_t order;               /* lengths of the code of code lengths */
    uint16_t runs[LENGTHS_MAX]; /* symbols; what follows a repetition is in the high byte */
    size_t run_count;
    struct deflate_codes codes; /* of the code lengths */
    size_t bits;                /* that all this takes */
};

static size_t used_length(const uint8_t *lengths, size_t size, size_t least)
{
    while (size > least && lengths[size - 1] == 0)
        size--;
    return size;
}

/* Bits that follow the symbols 16, 17 and 18 (3.2.7). */
static unsigned repeat_bits(unsigned symbol)
{
    static const uint8_t bits[] = {2, 3, 7};

    return symbol < 16 ? 0 : bits[symbol - 16];
}

static void add_run(struct header *header, uint32_t *counts, unsigned symbol, size_t more)
{
    header->runs[header->run_count++] = (uint16_t)(symbol | more << 8);
    counts[symbol]++;
}

/* Writes `times` equal lengths as few symbols. */
static void add_runs(struct header *header, uint32_t *counts, unsigned length, size_t times)
{
    if (length != 0) {
        add_run(header, counts, length, 0);
        times--;
    }
    while (times >= 3) {
        size_t most = length != 0 ? 6 : times < 11 ? 10 : 138;
        size_t step = min_size(times, most);
        unsigned symbol = length != 0 ? 16 : times < 11 ? 17 : 18;

        add_run(header, counts, symbol, step - (symbol == 18 ? 11 : 3));
        times -= step;
    }
    for (; times > 0; times--)
        add_run(header, counts, length, 0);
}

static void find_runs(struct header *header, uint32_t *counts, const uint8_t *lengths, size_t size)
{
    for (size_t at = 0; at < size;) {
        size_t end = at + 1;

        while (end < size && lengths[end] == lengths[at])
            end++;
        add_runs(header, counts, lengths[at], end - at);
        at = end;
    }
}

static void make_header(struct header *header, const struct deflate_block *block)
{
    uint8_t lengths[LENGTHS_MAX];
    uint32_t counts[DEFLATE_CODE_LENGTHS] = {0};

    header->literals = used_length(block->literals.lengths, DEFLATE_LITERALS, 257);
    header->distances = used_length(block->distances.lengths, DEFLATE_DISTANCES, 1);
    memcpy(lengths, block->literals.lengths, header->literals);
    memcpy(lengths + header->literals, block->distances.lengths, header->distances);
    header->run_count = 0;
    find_runs(header, counts, lengths, header->literals + header->distances);
    build_codes(&header->codes, counts, DEFLATE_CODE_LENGTHS, LENGTH_CODE_BITS);
    header->order = DEFLATE_CODE_LENGTHS;
    while (header->order > 4 && header->codes.lengths[deflate_length_order[header->order - 1]] == 0)
        header->order--;
    header->bits = COUNTS_BITS + 3 * header->order;
    for (size_t i = 0; i < header->run_count; i++) {
        unsigned symbol = header->runs[i] & 0xff;

        header->bits += header->codes.lengths[symbol] + repeat_bits(symbol);
    }
}

static void write_header(struct deflate_bits *bits, const struct header *header)
{
    put_whole(bits, header->literals - 257, 5);
    put_whole(bits, header->distances - 1, 5);
    put_whole(bits, header->order - 4, 4);
    for (size_t i = 0; i < header->order; i++)
        put_whole(bits, header->codes.lengths[deflate_length_order[i]], 3);
    for (size_t i = 0; i < header->run_count; i++) {
        unsigned symbol = header->runs[i] & 0xff;

        put_whole(bits, header->codes.bits[symbol], header->codes.lengths[symbol]);
        put_whole(bits, header->runs[i] >> 8, repeat_bits(symbol));
    }
}

/* ---- what is inside ---- */

/* Bits that the symbols take with these codes, and what follows lengths and distances. */
static size_t cost_of(const struct deflate_block *block, const struct deflate_codes *literals,
                      const struct deflate_codes *distances)
{
    size_t bits = literals->lengths[DEFLATE_END_OF_BLOCK];

    for (size_t i = 0; i < DEFLATE_END_OF_BLOCK; i++)
        bits += (size_t)block->literal_counts[i] * literals->lengths[i];
    for (size_t i = 0; i < DEFLATE_LENGTHS; i++)
        bits += (size_t)block->literal_counts[DEFLATE_FIRST_LENGTH + i] *
                (literals->lengths[DEFLATE_FIRST_LENGTH + i] + (size_t)deflate_length_bits[i]);
    for (size_t i = 0; i < DEFLATE_DISTANCES; i++)
        bits += (size_t)block->distance_counts[i] *
                (distances->lengths[i] + (size_t)deflate_distance_bits[i]);
    return bits;
}

static inline void write_match(struct deflate_bits *bits, const struct deflate_codes *literals,
                               const struct deflate_codes *distances, uint32_t token)
{
    unsigned length = token & 0xffff, distance = token >> 16;
    unsigned which = deflate_length_symbol(length), far = deflate_distance_symbol(distance);
    unsigned symbol = DEFLATE_FIRST_LENGTH + which;

    put_bits(bits, literals->bits[symbol], literals->lengths[symbol]);
    put_bits(bits, length - deflate_length_base[which], deflate_length_bits[which]);
    put_bits(bits, distances->bits[far], distances->lengths[far]);
    put_bits(bits, distance - deflate_distance_base[far], deflate_distance_bits[far]);
}

static void write_tokens(const struct deflate_block *block, struct deflate_bits *bits,
                         const struct deflate_codes *literals,
                         const struct deflate_codes *distances)
{
    for (size_t i = 0; i < block->count; i++) {
        uint32_t token = block->tokens[i];

        if (token >> 16 == 0)
            put_bits(bits, literals->bits[token], literals->lengths[token]);
        else
            write_match(bits, literals, distances, token);
        flush_word(bits);
    }
    put_whole(bits, literals->bits[DEFLATE_END_OF_BLOCK], literals->lengths[DEFLATE_END_OF_BLOCK]);
}

/* ---- blocks ---- */

/* Bits of so many bytes without compression: up to seven of them are filled up. */
static size_t stored_cost(size_t len)
{
    size_t blocks = (len + DEFLATE_STORED_MAX - 1) / DEFLATE_STORED_MAX;

    return 8 * len + blocks * (HEADER_BITS + 7 + STORED_BITS);
}

static void write_stored(struct deflate_bits *bits, const uint8_t *bytes, size_t len)
{
    while (len > 0) {
        size_t step = min_size(len, DEFLATE_STORED_MAX);

        put_whole(bits, BLOCK_STORED << 1, HEADER_BITS);
        deflate_align(bits);
        put_whole(bits, step, 16);
        put_whole(bits, step ^ 0xffff, 16);
        memcpy(bits->out->data + bits->out->len, bytes, step);
        bits->out->len += step;
        bytes += step;
        len -= step;
    }
}

/* The shortest form. Makes the block's own codes and their header where they may be that. */
static enum block_kind choose_kind(struct deflate_block *block, struct header *header, size_t *bits)
{
    size_t fixed = cost_of(block, &block->fixed_literals, &block->fixed_distances);
    size_t stored = stored_cost(block->covers), own;

    *bits = HEADER_BITS + fixed;
    if (fixed < DYNAMIC_MIN)
        return *bits <= stored ? BLOCK_FIXED : BLOCK_STORED;
    block->literal_counts[DEFLATE_END_OF_BLOCK] = 1;
    build_codes(&block->literals, block->literal_counts, DEFLATE_LITERALS, DEFLATE_CODE_BITS);
    build_codes(&block->distances, block->distance_counts, DEFLATE_DISTANCES, DEFLATE_CODE_BITS);
    make_header(header, block);
    own = header->bits + cost_of(block, &block->literals, &block->distances);
    if (min_size(own, fixed) + HEADER_BITS > stored) {
        *bits = stored;
        return BLOCK_STORED;
    }
    *bits = HEADER_BITS + min_size(own, fixed);
    return own < fixed ? BLOCK_DYNAMIC : BLOCK_FIXED;
}

static void block_clear(struct deflate_block *block)
{
    block->count = block->covers = 0;
    memset(block->literal_counts, 0, sizeof(block->literal_counts));
    memset(block->distance_counts, 0, sizeof(block->distance_counts));
}

int deflate_block_write(struct deflate_block *block, struct deflate_bits *bits,
                        const uint8_t *bytes)
{
    struct header header;
    enum block_kind kind;
    size_t cost;

    if (block->count == 0)
        return 0;
    kind = choose_kind(block, &header, &cost);
    if (buf_reserve(bits->out, cost / 8 + 16) < 0) {
        block_clear(block);
        return -1;
    }
    if (kind == BLOCK_STORED) {
        write_stored(bits, bytes, block->covers);
    } else {
        put_whole(bits, (uint64_t)kind << 1, HEADER_BITS);
        if (kind == BLOCK_DYNAMIC) {
            write_header(bits, &header);
            write_tokens(block, bits, &block->literals, &block->distances);
        } else {
            write_tokens(block, bits, &block->fixed_literals, &block->fixed_distances);
        }
    }
    block_clear(block);
    return 0;
}

int deflate_block_end(struct deflate_bits *bits)
{
    if (buf_reserve(bits->out, 2) < 0)
        return -1;
    put_whole(bits, BLOCK_STORED << 1, HEADER_BITS);
    deflate_align(bits);
    return 0;
}
