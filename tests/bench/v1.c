#include "v1.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <zlib.h>

#define SAY "{\"type\":\"say\",\"text\":\""
#define TEXT_MAX 4096
#define PLAIN_MAX 8192
#define POOL 8192 /* bytes of words that texts are cut from */

/* Two characters of a stamp would be escaped in JSON. */
static void swap(uint8_t *stamp, uint8_t from, uint8_t to)
{
    for (size_t i = 0; i < STAMP_SIZE; i++)
        if (stamp[i] == from)
            stamp[i] = to;
}

int v1_prepare(struct traffic *t)
{
    static const char *const words[] = {"the ",  "room ", "is ",   "open ", "tea ",  "please ",
                                        "when ", "we ",   "come ", "home ", "late ", "today "};
    uint32_t seed = 1;
    size_t at = 0;

    t->pool = malloc(POOL + TEXT_MAX);
    if (t->pool == NULL || t->size > TEXT_MAX)
        return -1;
    while (at < POOL + TEXT_MAX - 8) {
        const char *word;

        seed = seed * 1664525u + 1013904223u;
        word = words[(seed >> 16) % (sizeof(words) / sizeof(words[0]))];
        memcpy(t->pool + at, word, strlen(word));
        at += strlen(word);
    }
    memset(t->pool + at, '.', POOL + TEXT_MAX - at);
    return 0;
}

/* What follows the stamp. */
static const uint8_t *text_of(const struct traffic *t, const struct stamp *stamp)
{
    return t->pool + (stamp->seq * 7919 + stamp->sender * 104729) % POOL;
}

bool v1_checks(const struct traffic *t, const struct session *s)
{
    return s->index < t->senders || s->index % 50 == 0;
}

static size_t write_say(const struct traffic *t, const struct session *s, uint64_t time,
                        uint8_t *out)
{
    static const uint8_t key[4] = {0x37, 0xfa, 0x21, 0x3d};
    struct ws_frame_header h = {.length = sizeof(SAY) - 1 + t->size + 2,
                                .opcode = WS_TEXT,
                                .fin = true,
                                .masked = true,
                                .key = {key[0], key[1], key[2], key[3]}};
    struct stamp stamp = {.sender = s->index, .seq = s->seq, .time = time};
    size_t head = ws_frame_encode(out, &h), at = head + sizeof(SAY) - 1;

    memcpy(out + head, SAY, sizeof(SAY) - 1);
    stamp_write(out + at, &stamp);
    swap(out + at, '\\', '!');
    swap(out + at, 0x7f, '#');
    memcpy(out + at + STAMP_SIZE, text_of(t, &stamp), t->size - STAMP_SIZE);
    memcpy(out + at + t->size, "\"}", 2);
    ws_mask(out + head, (size_t)h.length, key, 0);
    return head + (size_t)h.length;
}

const char *v1_send(struct traffic *t, struct session *s, uint64_t time)
{
    uint8_t frame[WS_HEADER_MAX + sizeof(SAY) + TEXT_MAX + 2];

    for (; s->credit > 0; s->credit--, s->seq++) {
        size_t len = write_say(t, s, time, frame);

        if (send(s->fd, frame, len, MSG_NOSIGNAL | MSG_DONTWAIT) != (ssize_t)len)
            return "a message was not taken";
    }
    return NULL;
}

/* Unpacks a payload, with what came before. Returns its length, or 0 where it is broken. */
static size_t unpack(struct session *s, const uint8_t *payload, size_t len, uint8_t *plain)
{
    static const uint8_t tail[] = {0, 0, 0xff, 0xff};
    z_stream *z = s->unpacker;

    if (z == NULL) {
        z = s->unpacker = calloc(1, sizeof(*z));
        if (z == NULL || inflateInit2(z, -15) != Z_OK)
            return 0;
    }
    z->next_in = (Bytef *)(uintptr_t)payload;
    z->avail_in = (uInt)len;
    z->next_out = plain;
    z->avail_out = PLAIN_MAX;
    if (inflate(z, Z_SYNC_FLUSH) != Z_OK || z->avail_in > 0)
        return 0;
    z->next_in = (Bytef *)(uintptr_t)tail;
    z->avail_in = sizeof(tail);
    inflate(z, Z_SYNC_FLUSH); /* no progress is no error here */
    return PLAIN_MAX - z->avail_out;
}

static const char *check(struct traffic *t, struct session *s, const uint8_t *json, size_t len)
{
    static const char mark[] = "\"text\":\"";
    const uint8_t *at = memmem(json, len, mark, sizeof(mark) - 1);
    uint8_t stamp[STAMP_SIZE];

    if (at == NULL || (size_t)(json + len - at) < sizeof(mark) - 1 + t->size)
        return "no message, or one of another size";
    at += sizeof(mark) - 1;
    memcpy(stamp, at, STAMP_SIZE);
    swap(stamp, '!', '\\');
    swap(stamp, '#', 0x7f);
    s->stamp = stamp_read(stamp);
    if (memcmp(at + STAMP_SIZE, text_of(t, &s->stamp), t->size - STAMP_SIZE) != 0)
        return "the payload was changed";
    s->kind = s->stamp.sender == s->index ? MESSAGE_WROTE : MESSAGE_SAYS;
    return NULL;
}

const char *v1_take(struct traffic *t, struct session *s, const struct ws_frame_header *h,
                    const uint8_t *payload)
{
    static uint8_t plain[PLAIN_MAX];
    size_t len = (size_t)h->length;
    const char *error = NULL;

    s->kind = MESSAGE_COUNTED;
    if (v1_checks(t, s)) {
        if (h->rsv != 0) {
            len = unpack(s, payload, len, plain);
            payload = plain;
            if (len == 0)
                return "a message that cannot be unpacked";
        }
        if (t->is_counting)
            error = check(t, s, payload, len);
    }
    if (error != NULL || !t->is_counting)
        return error;
    s->received++;
    t->bytes += t->size;
    t->on_message(t->owner, s);
    return NULL;
}
