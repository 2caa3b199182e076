/* A state as bytes: what one process hands to the next, as records.
 *
 *      u32 len | u32 crc32c | u16 type | payload of len bytes          all numbers little endian
 *                             `---- checksum over these ----'
 *
 * Who writes gathers a record at a time. Who reads trusts nothing: each getter checks what is left
 * of the record, the first thing that is wrong stays, and from then on every getter gives zeros. So
 * a reader may read a whole row of fields and look once at the end; but before it allocates, loops
 * or uses a number as an index it must look at that number. */
#ifndef BASE_HAND_H
#define BASE_HAND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/str.h"

#define HAND_HEADER 10 /* bytes in front of a payload */

/* Bytes of a payload, at most: a frame of the longest message that may be allowed fits. Mostly one
 * is ended as soon as hand_is_long says so. */
#define HAND_RECORD_MAX ((size_t)512 << 20)

/* Which module a record is of: the high byte of its type. */
enum hand_part {
    HAND_PROCESS = 0x0000, /* of the hand-over itself: limits, clock, end */
    HAND_CHAT = 0x0100,
    HAND_LOG = 0x0200,
    HAND_WEB = 0x0300,
    HAND_CONNS = 0x0400,
    HAND_SERVER = 0x0500,
};

/* ---- writing ---- */

struct hand_writer {
    struct buf out; /* whole records, and the one that is being gathered; owned */
    /* Takes all that is in `out`, which is emptied behind it. Called between two records where at
     * least HAND_FLUSH bytes wait, and by hand_flush. Returns 0, or -1 where it cannot. NULL: all
     * stays in `out`. */
    int (*flush)(void *owner, struct str bytes);
    void *owner;
    size_t start;   /* in `out`: of the record that is being gathered */
    size_t longest; /* HAND_RECORD_MAX */
    uint64_t count; /* records that are whole */
    bool is_failed; /* memory was out, the flush failed, or a record was too long */
};

#define HAND_FLUSH ((size_t)256 * 1024)

void hand_writer_init(struct hand_writer *w, int (*flush)(void *owner, struct str bytes),
                      void *owner);
void hand_writer_deinit(struct hand_writer *w);

/* A record without a payload, for which no memory is needed. */
void hand_empty(uint8_t out[HAND_HEADER], uint16_t type);

/* Begins a record, and ends it. Between the two come the fields. */
void hand_begin(struct hand_writer *w, uint16_t type);
void hand_end(struct hand_writer *w);

void hand_put_bool(struct hand_writer *w, bool value);
void hand_put_u8(struct hand_writer *w, uint8_t value);
void hand_put_u16(struct hand_writer *w, uint16_t value);
void hand_put_u32(struct hand_writer *w, uint32_t value);
void hand_put_u64(struct hand_writer *w, uint64_t value);

/* So many bytes without their number, for what always has the same. */
void hand_put_raw(struct hand_writer *w, const void *bytes, size_t len);

/* The number of bytes, and these. */
void hand_put_bytes(struct hand_writer *w, const void *bytes, size_t len);

/* The same for a slice; one whose ptr is NULL is told apart from one that is empty. */
void hand_put_str(struct hand_writer *w, struct str s);

/* A number of things that follow within the same record, see hand_get_count. */
void hand_put_count(struct hand_writer *w, size_t count);

/* Has the record HAND_FLUSH bytes or more? Then what is still to come belongs into another. */
bool hand_is_long(const struct hand_writer *w);

/* Hands on all that is there. Returns 0, or -1 where anything failed since the beginning. */
int hand_flush(struct hand_writer *w);

/* ---- reading ---- */

struct hand_reader {
    /* Reads exactly `len` bytes; returns 0, or -1 where there are not so many. */
    int (*fill)(void *owner, void *to, size_t len);
    void *owner;
    struct buf record; /* the payload; owned */
    size_t at;         /* in it: of the next field */
    uint16_t type;     /* of the record */
    uint64_t count;    /* records that were read */
    const char *why;   /* the first thing that was wrong, a static text; NULL: nothing yet */
};

void hand_reader_init(struct hand_reader *r, int (*fill)(void *owner, void *to, size_t len),
                      void *owner);
void hand_reader_deinit(struct hand_reader *r);

/* Reads the next record, and checks that nothing of the one before was left over. Slices of that
 * one are void. Returns false where anything is wrong. */
bool hand_next(struct hand_reader *r);

/* The same where only one of this type will do. */
bool hand_expect(struct hand_reader *r, uint16_t type);

/* Checks that nothing of the record is left over. Returns whether all was right until now. */
bool hand_is_through(struct hand_reader *r);

/* Bytes of the record that were not read. */
size_t hand_left(const struct hand_reader *r);

bool hand_get_bool(struct hand_reader *r);
uint8_t hand_get_u8(struct hand_reader *r);
uint16_t hand_get_u16(struct hand_reader *r);
uint32_t hand_get_u32(struct hand_reader *r);
uint64_t hand_get_u64(struct hand_reader *r);
void hand_get_raw(struct hand_reader *r, void *to, size_t len);

/* The number where it is at most `max`; a larger one is wrong, and gives 0. */
uint64_t hand_upto(struct hand_reader *r, uint64_t value, uint64_t max);

/* The slice is good until the next record. Longer than `max` is wrong. */
struct str hand_get_bytes(struct hand_reader *r, size_t max);
struct str hand_get_str(struct hand_reader *r, size_t max);

/* A number of things that follow, each at least `each` bytes long (1 or more): so there are no more
 * of them than the record has bytes, nor more than `max`. */
size_t hand_get_count(struct hand_reader *r, size_t each, size_t max);

/* Says what is wrong, where nothing was yet; returns false. */
bool hand_fail(struct hand_reader *r, const char *why);

/* hand_fail where `holds` is not so. Returns whether all was right until now. */
bool hand_check(struct hand_reader *r, bool holds, const char *why);

/* Nothing was wrong until now? */
static inline bool hand_is_good(const struct hand_reader *r)
{
    return r->why == NULL;
}

#endif
