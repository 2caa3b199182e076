/* Records that go on in others (base/hand.h): for byte strings and rows that may be longer than one
 * record. All records of such a row have the same type. */
#ifndef BASE_HAND_LONG_H
#define BASE_HAND_LONG_H

#include "base/hand.h"

/* Bytes that fit behind hand_go_on and hand_get_on, at least, where records are as long as they may
 * be; else a quarter of one. */
#define HAND_SPARE ((size_t)64 * 1024)

/* What follows is in this record, or else in the next one: in this one as long as there is room. */
void hand_go_on(struct hand_writer *w);

/* Finds it. Slices of the record before are void then. */
bool hand_get_on(struct hand_reader *r);

/* A byte string of any length. */
void hand_put_long(struct hand_writer *w, const void *bytes, size_t len);

/* Appends one of at most `max` bytes to a buffer, whose memory grows with what has come. Slices
 * that were read before are void. Returns whether all was right until now. */
bool hand_get_long(struct hand_reader *r, struct buf *to, size_t max);

#endif
