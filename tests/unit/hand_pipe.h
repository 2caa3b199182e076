/* A state that was written and is read again, whole, cut, or changed: with checksums that are
 * right, so that the readers of modules have to find out themselves. */
#ifndef TESTS_UNIT_HAND_PIPE_H
#define TESTS_UNIT_HAND_PIPE_H

#include <endian.h>
#include <stdint.h>
#include <string.h>

#include "base/crc32c.h"
#include "base/hand.h"

/* Bytes that are read as a state. */
struct hand_source {
    const uint8_t *bytes;
    size_t len;
    size_t at; /* what was read */
};

static inline int hand_source_fill(void *owner, void *to, size_t len)
{
    struct hand_source *source = owner;

    if (len > source->len - source->at)
        return -1;
    memcpy(to, source->bytes + source->at, len);
    source->at += len;
    return 0;
}

struct hand_pipe {
    struct hand_writer w;
    struct hand_reader r;
    size_t at;  /* what was read */
    size_t len; /* what there is to read */
};

static int hand_pipe_fill(void *owner, void *to, size_t len)
{
    struct hand_pipe *pipe = owner;

    if (len > pipe->len - pipe->at)
        return -1;
    memcpy(to, pipe->w.out.data + pipe->at, len);
    pipe->at += len;
    return 0;
}

static inline void hand_pipe_init(struct hand_pipe *pipe)
{
    *pipe = (struct hand_pipe){.at = 0};
    hand_writer_init(&pipe->w, NULL, NULL);
    hand_reader_init(&pipe->r, hand_pipe_fill, pipe);
}

static inline void hand_pipe_deinit(struct hand_pipe *pipe)
{
    hand_writer_deinit(&pipe->w);
    hand_reader_deinit(&pipe->r);
}

/* What was written can be read, from its beginning. */
static inline void hand_pipe_rewind(struct hand_pipe *pipe)
{
    hand_reader_deinit(&pipe->r);
    hand_reader_init(&pipe->r, hand_pipe_fill, pipe);
    pipe->at = 0;
    pipe->len = pipe->w.out.len;
}

/* The checksum of the record at `start` is right again. Returns the place of the next one. */
static inline size_t hand_pipe_seal(struct hand_pipe *pipe, size_t start)
{
    uint8_t *header = pipe->w.out.data + start;
    uint32_t len, crc;

    memcpy(&len, header, sizeof(len));
    len = le32toh(len);
    crc = htole32(crc32c(0, header + 8, len + 2));
    memcpy(header + 4, &crc, sizeof(crc));
    return start + HAND_HEADER + len;
}

/* Changes a byte of a payload. Returns false where there is none at this place. */
static inline bool hand_pipe_flip(struct hand_pipe *pipe, size_t place, uint8_t bits)
{
    size_t start = 0, next = 0;

    while (next <= place && next < pipe->w.out.len) {
        start = next;
        next = hand_pipe_seal(pipe, start);
    }
    if (next <= place || place < start + HAND_HEADER)
        return false;
    pipe->w.out.data[place] ^= bits;
    hand_pipe_seal(pipe, start);
    return true;
}

/* The record that `place` lies in ends there. Returns false where there is none. */
static inline bool hand_pipe_cut(struct hand_pipe *pipe, size_t place)
{
    size_t start = 0, next = 0;
    uint32_t len;

    while (next <= place && next < pipe->w.out.len) {
        start = next;
        next = hand_pipe_seal(pipe, start);
    }
    if (next <= place || place < start + HAND_HEADER)
        return false;
    len = htole32((uint32_t)(place - start - HAND_HEADER));
    memcpy(pipe->w.out.data + start, &len, sizeof(len));
    memmove(pipe->w.out.data + place, pipe->w.out.data + next, pipe->w.out.len - next);
    pipe->w.out.len -= next - place;
    hand_pipe_seal(pipe, start);
    return true;
}

#endif
