/* RESP3, the protocol of Redis and Valkey (https://redis.io/docs/reference/protocol-spec/), and
 * with it RESP2, of which it is a superset: the client's side.
 *
 * Replies are looked at twice: resp_scan finds where the next one ends, however it was cut, and
 * resp_next walks through it. Strict: streamed aggregates and attributes, which nobody here asks
 * for, are errors. */
#ifndef PROTO_RESP_H
#define PROTO_RESP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/str.h"

/* Bytes of a line that is a text, and of one that is a number, without its type and its end. */
#define RESP_LINE_MAX 65536
#define RESP_NUMBER_MAX 20

enum resp_type {
    RESP_TEXT,   /* simple, bulk and verbatim strings */
    RESP_ERROR,  /* simple and bulk errors */
    RESP_NUMBER, /* of 64 bits */
    RESP_OTHER,  /* doubles, big numbers and booleans, as they stand there */
    RESP_NULL,   /* those of RESP2 too */
    RESP_ARRAY,  /* arrays and sets; maps, as twice as many values */
    RESP_PUSH,   /* what was not asked for */
};

/* One value; those of an aggregate follow it. `text` points into the bytes that were read. */
struct resp_value {
    enum resp_type type;
    struct str text; /* of all that is no aggregate and no null */
    int64_t number;
    size_t count; /* of an aggregate */
};

/* How far a reply was looked at; zero before each. */
struct resp_scan {
    size_t at;       /* where the next value begins */
    size_t searched; /* up to where the end of its first line was looked for */
    size_t open;     /* values that must follow that one */
};

enum resp_result { RESP_MORE, RESP_DONE, RESP_BROKEN };

/* Looks for the end of the reply at the start of `data`, which may be longer or shorter, from where
 * it stopped before. RESP_DONE: the reply has scan->at bytes. RESP_BROKEN: it is none, or is longer
 * than `max`. */
enum resp_result resp_scan(struct resp_scan *scan, const uint8_t *data, size_t len, size_t max);

/* What is left of a whole reply. */
struct resp_cursor {
    const uint8_t *at;
    const uint8_t *end;
};

/* Takes the next value off a reply that resp_scan found whole. Returns false at its end. */
bool resp_next(struct resp_cursor *cursor, struct resp_value *value);

/* Takes a value with all that is in it. Returns false at the end. */
bool resp_skip(struct resp_cursor *cursor);

/* Takes the next value. Returns whether it is one of this type. */
bool resp_expect(struct resp_cursor *cursor, enum resp_type type, struct resp_value *value);

/* Appends the beginning of a command of so many words, and one word. Each returns 0, or -1 with
 * errno ENOMEM. */
int resp_command(struct buf *out, size_t words);
int resp_word(struct buf *out, struct str word);
int resp_word_u64(struct buf *out, uint64_t number);

#endif
