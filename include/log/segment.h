/* Segments: the files of a journal, as bytes. Numbers are little endian.
 *
 *      0               8         12       16            24              32
 *      +---------------+---------+---------+-------------+---------------+
 *      | magic         | version | crc32c  | life        | number        |    the header
 *      +---------------+---------+---------+-------------+---------------+
 *      | record | record | record ...                                       each at a multiple of 8
 *
 *      0     4        8      9       10         11        12     16   24   32     40    48
 *      +-----+--------+------+-------+----------+---------+------+----+----+------+-----+
 *      | len | crc32c | type | flags | name_len | ref_len | room | seq | ts | from | aux | name ref
 *      +-----+--------+------+-------+----------+---------+------+----+----+------+-----+ text 0..7
 *
 * A record that has `re`, `author` or `data` has them in front of its text, as its flags say: re in
 * 8 bytes, author in 8, the length of data in 4, data.
 *
 * `len` counts all but the zeros that fill up to a multiple of 8. The checksum of a record begins
 * with the place where it stands: the life and the number of its segment, and its offset. So what
 * lay there before, or was meant for another place, is no record.
 *
 * What is added later is a type or a flag more. The checksum tells it from what is damaged: whoever
 * does not know a type or a flag says that a newer version wrote it, and does not begin. What
 * nobody misses has the flag "may be skipped": of that only the head is read, so that its room
 * counts on. The version of the header changes where the head of a record or its checksum does;
 * version 1 did not have this rule. */
#ifndef LOG_SEGMENT_H
#define LOG_SEGMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

#define SEGMENT_VERSION 2 /* the older ones are read, too */
#define SEGMENT_HEADER 32
#define SEGMENT_HEAD 48 /* of a record */
#define SEGMENT_ALIGN 8

/* Bytes of a text, and of a record, at most. */
#define SEGMENT_TEXT_MAX ((size_t)80 << 20)
#define SEGMENT_RECORD_MAX (SEGMENT_HEAD + 255 + 255 + SEGMENT_TEXT_MAX)

struct segment_id {
    uint64_t life;   /* random, made with the segment */
    uint64_t number; /* from 1, one more for each segment of a journal */
};

/* What the fields of a record say, where it is not what they are called. */
enum segment_type {
    SEGMENT_UNKNOWN, /* of a newer version, and may be skipped; never written */
    SEGMENT_ROOM,    /* `room` is its number, `name` its name, `from` its epoch, `aux` the seq of
                            the newest message that it has forgotten, `ts` that of the newest
                            reaction. Stands in each segment before all
                            other records of the room */
    SEGMENT_MESSAGE, /* `aux`: seq of the message before it in the room; 0: there was none */
    SEGMENT_JOIN, /* `text`: the SHA-256 of the seat's key, cut to its length; empty: it has none */
    SEGMENT_LEAVE,
    SEGMENT_RENAME,
    SEGMENT_SEAT, /* a seat as it is once `seq` has happened; `text` as for a join. Tells again what
                     would be forgotten with an old segment */
    SEGMENT_BAN,  /* of the room LOG_BANS: `re` is the number of the ban, `text` what it is, as
                     JSON; without `is_on` it is lifted */
    SEGMENT_SYNCED, /* the first `aux` bytes of this segment were on the disk when this was written
                     */
    SEGMENT_CLOSE,  /* the server ended as it should */
    SEGMENT_REACT, /* `re`: seq of the message; `text`: the emoji; `aux`: seq of the reaction before
                      it in the room; 0: there was none. With has_no_text the message is taken
                      back */
    SEGMENT_SLOW,  /* `re`: seconds */
    SEGMENT_TYPES,
};

struct segment_record {
    enum segment_type type;
    bool has_ref;
    bool has_data;
    bool has_no_text; /* a message of data alone; without data it was taken back */
    bool is_on;       /* of a reaction: it is given */
    bool may_skip;    /* whoever does not know this type loses nothing */
    uint32_t room;
    uint64_t seq;
    uint64_t ts; /* milliseconds since 1970 */
    uint64_t from;
    uint64_t aux;
    struct str name, ref; /* at most 255 bytes each */
    struct str text;
    uint64_t re;     /* 0: none */
    uint64_t author; /* of a message: event.author; 0: none */
    struct str data; /* where has_data is set */
};

void segment_header_write(uint8_t out[SEGMENT_HEADER], const struct segment_id *id);

/* Makes the checksum of a header right, or of a record that stands at `offset` of its segment and
 * whose length is one that segment_is_plausible takes. */
void segment_header_seal(uint8_t header[SEGMENT_HEADER]);
void segment_record_seal(uint8_t *record, const struct segment_id *id, uint64_t offset);

enum segment_result {
    SEGMENT_OK,
    SEGMENT_END,   /* nothing is left */
    SEGMENT_BAD,   /* what stands here is nothing that was written so, or only a part of it */
    SEGMENT_NEWER, /* as it was written, by a later version: a header, or a record */
};

/* Reads the header of `len` bytes of a segment. */
enum segment_result segment_header_read(struct segment_id *id, const uint8_t *data, size_t len);

/* Bytes that a record takes, a multiple of 8. */
size_t segment_record_size(const struct segment_record *record);

/* Writes those bytes as the record at `offset` of a segment. */
void segment_record_write(uint8_t *out, const struct segment_id *id, uint64_t offset,
                          const struct segment_record *record);

/* Could a record begin here, as far as can be told without its checksum? */
bool segment_is_plausible(const uint8_t *at, size_t left);

/* Reads the record that stands at `offset` of its segment; its bytes begin at `at`, where `left`
 * bytes can be read, and its slices point there. SEGMENT_OK: *size is what it takes. */
enum segment_result segment_record_read(struct segment_record *record, const struct segment_id *id,
                                        uint64_t offset, const uint8_t *at, size_t left,
                                        size_t *size);

/* The same for a record that segment_record_write has just made: nothing is checked. */
void segment_record_peek(struct segment_record *record, const uint8_t *at);

#endif
