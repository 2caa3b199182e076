#include "v1.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <zlib.h>

#define SAY "{\"type\":\"say\",\"text\":\""
#define OFFER "Sec-WebSocket-Extensions: permessage-deflate\r\n"
#define TEXT_MAX 4096
#define MESSAGE_MAX (TEXT_MAX + 128) /* of what is said, packed or not */
#define PLAIN_MAX 8192
#define POOL 8192 /* bytes of words that texts are cut from */

/* Two characters of a stamp would be escaped in JSON. */
static void swap(uint8_t *stamp, uint8_t from, uint8_t to)
{
    for (size_t i = 0; i < STAMP_SIZE; i++)
        if (stamp[i] == from)
            stamp[i] = to;
}

const char *v1_fields(const struct traffic *t)
{
    return t->is_echo ? OFFER : "Sec-WebSocket-Protocol: wschat.v1\r\n" OFFER;
}

/* Nothing is kept from one message to the next: a server may ask for that. */
static z_stream *packer_new(void)
{
    z_stream *z = calloc(1, sizeof(*z));

    if (z != NULL && deflateInit2(z, 1, Z_DEFLATED, -15, 1, Z_DEFAULT_STRATEGY) != Z_OK) {
        free(z);
        z = NULL;
    }
    return z;
}

int v1_prepare(struct traffic *t)
{
    static const char *const words[] = {"the ",  "room ", "is ",   "open ", "tea ",  "please ",
                                        "when ", "we ",   "come ", "home ", "late ", "today "};
    uint32_t seed = 1;
    size_t at = 0;

    t->pool = malloc(POOL + TEXT_MAX);
    t->packer = packer_new();
    if (t->pool == NULL || t->packer == NULL || t->size > TEXT_MAX)
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
    return t->is_echo || s->index < t->senders || s->index % 50 == 0;
}

/* Writes a text: its stamp, and words. */
static void write_text(const struct traffic *t, const struct stamp *stamp, uint8_t *out)
{
    stamp_write(out, stamp);
    swap(out, '\\', '!');
    swap(out, 0x7f, '#');
    memcpy(out + STAMP_SIZE, text_of(t, stamp), t->size - STAMP_SIZE);
}

/* What is to be said, before it is packed. Returns its length. */
static size_t write_message(const struct traffic *t, const struct stamp *stamp, uint8_t *out)
{
    if (t->is_echo) {
        write_text(t, stamp, out);
        return t->size;
    }
    memcpy(out, SAY, sizeof(SAY) - 1);
    write_text(t, stamp, out + sizeof(SAY) - 1);
    memcpy(out + sizeof(SAY) - 1 + t->size, "\"}", 2);
    return sizeof(SAY) - 1 + t->size + 2;
}

/* Packs a message by itself. Returns its length, without the 00 00 FF FF at its end. */
static size_t pack(z_stream *z, uint8_t *message, size_t len, uint8_t *out)
{
    deflateReset(z);
    z->next_in = message;
    z->avail_in = (uInt)len;
    z->next_out = out;
    z->avail_out = MESSAGE_MAX;
    deflate(z, Z_SYNC_FLUSH);
    return MESSAGE_MAX - z->avail_out - 4;
}

static size_t write_say(const struct traffic *t, const struct session *s, uint64_t time,
                        uint8_t *out)
{
    struct stamp stamp = {.sender = s->index, .seq = s->seq, .time = time};
    struct ws_frame_header h = {
        .opcode = WS_TEXT, .fin = true, .masked = true, .key = {0x37, 0xfa, 0x21, 0x3d}};
    uint8_t plain[MESSAGE_MAX], packed[MESSAGE_MAX];
    const uint8_t *payload = plain;
    size_t head, len = write_message(t, &stamp, plain);

    if (t->is_echo && s->is_packed) {
        len = pack(t->packer, plain, len, packed);
        payload = packed;
        h.rsv = WS_RSV1;
    }
    h.length = len;
    head = ws_frame_encode(out, &h);
    memcpy(out + head, payload, len);
    ws_mask(out + head, len, h.key, 0);
    return head + len;
}

const char *v1_send(struct traffic *t, struct session *s, uint64_t time)
{
    uint8_t frame[WS_HEADER_MAX + MESSAGE_MAX];

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

static const char *check(struct traffic *t, struct session *s, const uint8_t *message, size_t len)
{
    static const char mark[] = "\"text\":\"";
    const uint8_t *at = message;
    uint8_t stamp[STAMP_SIZE];

    if (!t->is_echo) {
        at = memmem(message, len, mark, sizeof(mark) - 1);
        at = at != NULL ? at + sizeof(mark) - 1 : message + len;
    }
    if ((size_t)(message + len - at) < t->size || (t->is_echo && len != t->size))
        return "no message, or one of another size";
    memcpy(stamp, at, STAMP_SIZE);
    swap(stamp, '!', '\\');
    swap(stamp, '#', 0x7f);
    s->stamp = stamp_read(stamp);
    if (memcmp(at + STAMP_SIZE, text_of(t, &s->stamp), t->size - STAMP_SIZE) != 0)
        return "the payload was changed";
    s->kind = t->is_echo                    ? MESSAGE_ECHO
              : s->stamp.sender == s->index ? MESSAGE_WROTE
                                            : MESSAGE_SAYS;
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
