#include "base/hand.h"

#include <endian.h>
#include <string.h>

#include "base/crc32c.h"
#include "base/util.h"

/* The length of a slice that there is not. */
#define HAND_NO_STR UINT32_MAX

/* Bytes of a record that memory is asked for before they are there: who claims to send more has to
 * send it. */
#define HAND_PIECE ((size_t)64 * 1024)

static const char *const hand_short = "a record is too short";

/* ---- writing ---- */

void hand_writer_init(struct hand_writer *w, int (*flush)(void *owner, struct str bytes),
                      void *owner)
{
    *w = (struct hand_writer){.flush = flush, .owner = owner, .longest = HAND_RECORD_MAX};
}

void hand_writer_deinit(struct hand_writer *w)
{
    buf_deinit(&w->out);
}

/* Where so many bytes may be written, behind what is there; NULL: nowhere. A state has millions of
 * fields, so mostly this is all that is called for one. */
static inline uint8_t *hand_claim(struct hand_writer *w, size_t len)
{
    uint8_t *where;

    if (w->is_failed || (len > w->out.cap - w->out.len && buf_reserve(&w->out, len) < 0)) {
        w->is_failed = true;
        return NULL;
    }
    where = w->out.data + w->out.len;
    w->out.len += len;
    return where;
}

void hand_put_raw(struct hand_writer *w, const void *bytes, size_t len)
{
    uint8_t *where = len > 0 ? hand_claim(w, len) : NULL;

    if (where != NULL)
        memcpy(where, bytes, len);
}

void hand_put_u8(struct hand_writer *w, uint8_t value)
{
    uint8_t *where = hand_claim(w, sizeof(value));

    if (where != NULL)
        *where = value;
}

void hand_put_bool(struct hand_writer *w, bool value)
{
    hand_put_u8(w, value);
}

void hand_put_u16(struct hand_writer *w, uint16_t value)
{
    uint8_t *where = hand_claim(w, sizeof(value));

    value = htole16(value);
    if (where != NULL)
        memcpy(where, &value, sizeof(value));
}

void hand_put_u32(struct hand_writer *w, uint32_t value)
{
    uint8_t *where = hand_claim(w, sizeof(value));

    value = htole32(value);
    if (where != NULL)
        memcpy(where, &value, sizeof(value));
}

void hand_put_u64(struct hand_writer *w, uint64_t value)
{
    uint8_t *where = hand_claim(w, sizeof(value));

    value = htole64(value);
    if (where != NULL)
        memcpy(where, &value, sizeof(value));
}

void hand_put_count(struct hand_writer *w, size_t count)
{
    if (count >= UINT32_MAX)
        w->is_failed = true;
    hand_put_u32(w, (uint32_t)count);
}

void hand_put_bytes(struct hand_writer *w, const void *bytes, size_t len)
{
    hand_put_count(w, len);
    hand_put_raw(w, bytes, len);
}

void hand_put_str(struct hand_writer *w, struct str s)
{
    if (s.ptr == NULL)
        hand_put_u32(w, HAND_NO_STR);
    else
        hand_put_bytes(w, s.ptr, s.len);
}

static size_t payload_len(const struct hand_writer *w)
{
    return w->out.len - w->start - HAND_HEADER;
}

bool hand_is_long(const struct hand_writer *w)
{
    return !w->is_failed && payload_len(w) >= HAND_FLUSH;
}

void hand_begin(struct hand_writer *w, uint16_t type)
{
    w->start = w->out.len;
    hand_put_u32(w, 0);
    hand_put_u32(w, 0);
    hand_put_u16(w, type);
}

void hand_empty(uint8_t out[HAND_HEADER], uint16_t type)
{
    uint32_t crc;

    memset(out, 0, HAND_HEADER);
    out[8] = (uint8_t)type;
    out[9] = (uint8_t)(type >> 8);
    crc = htole32(crc32c(0, out + 8, 2));
    memcpy(out + 4, &crc, sizeof(crc));
}

void hand_end(struct hand_writer *w)
{
    uint8_t *header;
    uint32_t len, crc;

    if (!w->is_failed && payload_len(w) > w->longest)
        w->is_failed = true;
    if (w->is_failed)
        return;
    header = w->out.data + w->start;
    len = htole32((uint32_t)payload_len(w));
    crc = htole32(crc32c(0, header + 8, payload_len(w) + 2));
    memcpy(header, &len, sizeof(len));
    memcpy(header + 4, &crc, sizeof(crc));
    w->count++;
    if (w->out.len >= HAND_FLUSH)
        hand_flush(w);
}

int hand_flush(struct hand_writer *w)
{
    if (w->is_failed)
        return -1;
    if (w->flush == NULL || w->out.len == 0)
        return 0;
    if (w->flush(w->owner, (struct str){(char *)w->out.data, w->out.len}) < 0) {
        w->is_failed = true;
        return -1;
    }
    w->out.len = 0;
    return 0;
}

/* ---- reading ---- */

void hand_reader_init(struct hand_reader *r, int (*fill)(void *owner, void *to, size_t len),
                      void *owner)
{
    *r = (struct hand_reader){.fill = fill, .owner = owner};
}

void hand_reader_deinit(struct hand_reader *r)
{
    buf_deinit(&r->record);
}

bool hand_fail(struct hand_reader *r, const char *why)
{
    if (r->why == NULL)
        r->why = why;
    return false;
}

bool hand_check(struct hand_reader *r, bool holds, const char *why)
{
    return holds ? hand_is_good(r) : hand_fail(r, why);
}

size_t hand_left(const struct hand_reader *r)
{
    return r->record.len - r->at;
}

bool hand_is_through(struct hand_reader *r)
{
    return hand_check(r, hand_left(r) == 0, "a record is too long");
}

/* Reads the payload, in pieces. */
static bool read_payload(struct hand_reader *r, size_t len)
{
    r->record.len = 0;
    r->at = 0;
    while (r->record.len < len) {
        size_t piece = min_size(len - r->record.len, HAND_PIECE);

        if (buf_reserve(&r->record, piece) < 0)
            return hand_fail(r, "out of memory");
        if (r->fill(r->owner, r->record.data + r->record.len, piece) < 0)
            return hand_fail(r, "the state ends within a record");
        r->record.len += piece;
    }
    return true;
}

bool hand_next(struct hand_reader *r)
{
    uint8_t header[HAND_HEADER];
    uint32_t len, crc;

    if (!hand_is_through(r))
        return false;
    if (r->fill(r->owner, header, sizeof(header)) < 0)
        return hand_fail(r, "the state ends too early");
    memcpy(&len, header, sizeof(len));
    memcpy(&crc, header + 4, sizeof(crc));
    memcpy(&r->type, header + 8, sizeof(r->type));
    r->type = le16toh(r->type);
    if (le32toh(len) > HAND_RECORD_MAX)
        return hand_fail(r, "a record is longer than any may be");
    if (!read_payload(r, le32toh(len)))
        return false;
    if (crc32c(crc32c(0, header + 8, 2), r->record.data, r->record.len) != le32toh(crc))
        return hand_fail(r, "a record's checksum is wrong");
    r->count++;
    return true;
}

bool hand_expect(struct hand_reader *r, uint16_t type)
{
    return hand_next(r) && hand_check(r, r->type == type, "a record is not the one that is due");
}

void hand_get_raw(struct hand_reader *r, void *to, size_t len)
{
    if (!hand_check(r, len <= hand_left(r), hand_short)) {
        memset(to, 0, len);
        return;
    }
    if (len > 0)
        memcpy(to, r->record.data + r->at, len);
    r->at += len;
}

uint8_t hand_get_u8(struct hand_reader *r)
{
    uint8_t value;

    hand_get_raw(r, &value, sizeof(value));
    return value;
}

bool hand_get_bool(struct hand_reader *r)
{
    return hand_upto(r, hand_get_u8(r), true) != 0;
}

uint16_t hand_get_u16(struct hand_reader *r)
{
    uint16_t wire;

    hand_get_raw(r, &wire, sizeof(wire));
    return le16toh(wire);
}

uint32_t hand_get_u32(struct hand_reader *r)
{
    uint32_t wire;

    hand_get_raw(r, &wire, sizeof(wire));
    return le32toh(wire);
}

uint64_t hand_get_u64(struct hand_reader *r)
{
    uint64_t wire;

    hand_get_raw(r, &wire, sizeof(wire));
    return le64toh(wire);
}

uint64_t hand_upto(struct hand_reader *r, uint64_t value, uint64_t max)
{
    return hand_check(r, value <= max, "a number is too large") ? value : 0;
}

static struct str get_slice(struct hand_reader *r, size_t len, size_t max)
{
    hand_check(r, len <= hand_left(r), hand_short);
    if (!hand_check(r, len <= max, "a text is too long"))
        return (struct str){NULL, 0};
    r->at += len;
    return (struct str){(char *)r->record.data + r->at - len, len};
}

struct str hand_get_bytes(struct hand_reader *r, size_t max)
{
    return get_slice(r, hand_get_u32(r), max);
}

struct str hand_get_str(struct hand_reader *r, size_t max)
{
    uint32_t len = hand_get_u32(r);

    return len == HAND_NO_STR ? (struct str){NULL, 0} : get_slice(r, len, max);
}

size_t hand_get_count(struct hand_reader *r, size_t each, size_t max)
{
    size_t count = hand_upto(r, hand_get_u32(r), max);

    return hand_check(r, count <= hand_left(r) / each, hand_short) ? count : 0;
}
