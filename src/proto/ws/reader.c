#include "proto/ws/reader.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/hand_long.h"
#include "base/tuning.h"
#include "base/utf8.h"
#include "base/util.h"
#include "proto/ws/inflate.h"

/* What is put aside between two calls while a frame or a message is unfinished.
 *
 * Frames do not nest, so at most one is open, and while the payload of one is read no header is:
 * they share `small`. A message does stay open while control frames pass through. */
struct ws_reader_rest {
    struct ws_frame_header frame; /* the open frame */
    uint64_t done;                /* bytes of its payload taken so far */
    struct buf message;           /* payload of the open message, or of the one just delivered */
    struct buf context;           /* what was unpacked last, where that is kept */
    size_t work;                  /* that it took to unpack the message */
    struct utf8 utf8;             /* where the text of the open message stands */
    uint8_t opcode;               /* of the open message, or WS_CONTINUATION when there is none */
    bool is_in_frame;
    bool is_deflated;              /* the open message is compressed */
    uint8_t header_len;            /* bytes of an incomplete header in `small` */
    uint8_t small[WS_CONTROL_MAX]; /* that header, or the payload of a control frame */
};

/* Bytes that a compressed message may have beyond nine eighths of the longest one. */
#define DEFLATE_SPARE 64

/* Bytes that the matches of a message may reach back (RFC 7692, 7.1.2). */
#define CONTEXT_MAX 32768

struct input {
    uint8_t *ptr;
    size_t len;
};

static uint8_t *input_take(struct input *in, size_t len)
{
    uint8_t *taken = in->ptr;

    in->ptr += len;
    in->len -= len;
    return taken;
}

void ws_reader_init(struct ws_reader *r, const struct ws_reader_limits *limits)
{
    *r = (struct ws_reader){limits, NULL};
}

static void free_message(const struct ws_reader *r, struct buf *message)
{
    if (r->limits->buf_pool != NULL)
        buf_pool_put(r->limits->buf_pool, message);
    else
        buf_deinit(message);
}

void ws_reader_deinit(struct ws_reader *r)
{
    if (r->rest == NULL)
        return;
    free_message(r, &r->rest->message);
    buf_deinit(&r->rest->context);
    free(r->rest);
    r->rest = NULL;
}

void ws_reader_release(struct ws_reader *r)
{
    struct ws_reader_rest *rest = r->rest;

    if (rest == NULL || rest->is_in_frame || rest->opcode != WS_CONTINUATION ||
        rest->header_len > 0)
        return;
    if (rest->context.len > 0)
        free_message(r, &rest->message);
    else
        ws_reader_deinit(r);
}

/* Makes sure of `rest`; returns 0 or an error. */
static int need_rest(struct ws_reader *r)
{
    if (r->rest == NULL)
        r->rest = calloc(1, sizeof(*r->rest));
    return r->rest == NULL ? -WS_ERROR_OUT_OF_MEMORY : 0;
}

static bool is_in_message(const struct ws_reader *r)
{
    return r->rest != NULL && r->rest->opcode != WS_CONTINUATION;
}

static bool is_in_frame(const struct ws_reader *r)
{
    return r->rest != NULL && r->rest->is_in_frame;
}

static bool is_control(uint8_t opcode)
{
    return opcode >= WS_CLOSE;
}

static enum ws_error check_data_opcode(const struct ws_reader *r, uint8_t opcode)
{
    if (opcode == WS_CONTINUATION)
        return is_in_message(r) ? WS_OK : WS_ERROR_UNEXPECTED_CONTINUATION;
    if (is_in_message(r))
        return WS_ERROR_EXPECTED_CONTINUATION;
    return WS_OK;
}

/* Does the frame begin a compressed message? Only its first frame says so (RFC 7692, 6.1). */
static bool is_deflated_start(const struct ws_reader *r, const struct ws_frame_header *h)
{
    return r->limits->accept_deflated && h->rsv == WS_RSV1 &&
           (h->opcode == WS_TEXT || h->opcode == WS_BINARY);
}

/* What the first byte of a header shows. */
static enum ws_error check_first_byte(const struct ws_reader *r, const struct ws_frame_header *h)
{
    if (h->rsv != 0 && !is_deflated_start(r, h))
        return WS_ERROR_RESERVED_BITS;
    if (h->opcode > WS_PONG || (h->opcode > WS_BINARY && h->opcode < WS_CLOSE))
        return WS_ERROR_RESERVED_OPCODE;
    if (!is_control(h->opcode))
        return check_data_opcode(r, h->opcode);
    return h->fin ? WS_OK : WS_ERROR_CONTROL_FRAGMENTED;
}

/* What the second byte shows. Of longer lengths it says only that they are longer than 125. */
static enum ws_error check_second_byte(const struct ws_reader *r, const struct ws_frame_header *h,
                                       uint8_t byte)
{
    uint8_t length = byte & 0x7f;

    if (h->masked != r->limits->expect_masked)
        return h->masked ? WS_ERROR_MASKED : WS_ERROR_NOT_MASKED;
    if (h->opcode == WS_BINARY && !r->limits->accept_binary)
        return WS_ERROR_BINARY_REFUSED; /* only now: a frame that breaks the protocol does that */
    if (is_control(h->opcode) && length > WS_CONTROL_MAX)
        return WS_ERROR_CONTROL_TOO_LONG;
    if (h->opcode == WS_CLOSE && length == 1)
        return WS_ERROR_CLOSE_TOO_SHORT;
    return WS_OK;
}

/* Bytes of the longest message as it may come. A compressed one may be longer than what comes out
 * of it: fixed codes have up to nine bits, and blocks have headers. */
static uint64_t longest(const struct ws_reader *r, const struct ws_frame_header *h)
{
    uint64_t max = r->limits->max_message;
    bool is_deflated = is_in_message(r) ? r->rest->is_deflated : h->rsv != 0;

    return is_deflated ? max + max / 8 + DEFLATE_SPARE : max;
}

/* The open message never exceeds the limit, so the difference cannot be negative. */
static bool is_too_big(const struct ws_reader *r, const struct ws_frame_header *h)
{
    uint64_t before = is_in_message(r) ? r->rest->message.len : 0;

    return !is_control(h->opcode) && h->length > longest(r, h) - before;
}

/* Decodes and checks a header as far as it is there, in the order of its bytes: that is what makes
 * the error the same however they arrive. Returns as ws_frame_decode. */
static int decode_header(const struct ws_reader *r, struct ws_frame_header *h, const uint8_t *bytes,
                         size_t len)
{
    int size = ws_frame_decode(h, bytes, len);
    enum ws_error error = len >= 1 ? check_first_byte(r, h) : WS_OK;

    if (error == WS_OK && len >= 2)
        error = check_second_byte(r, h, bytes[1]);
    if (error != WS_OK)
        return -(int)error;
    if (size >= 0 && is_too_big(r, h))
        return -WS_ERROR_MESSAGE_TOO_BIG;
    return size;
}

/* Adds input to the beginning of a header that was put aside. Returns 1 with the header in *h, 0
 * when more is needed, or an error. */
static int resume_header(struct ws_reader *r, struct ws_frame_header *h, struct input *in)
{
    struct ws_reader_rest *rest = r->rest;
    size_t had = rest->header_len;
    size_t added = min_size(in->len, WS_HEADER_MAX - had);
    int size;

    memcpy(rest->small + had, in->ptr, added);
    size = decode_header(r, h, rest->small, had + added);
    if (size <= 0) {
        rest->header_len = (uint8_t)(had + added);
        input_take(in, added);
        return size;
    }
    rest->header_len = 0;
    input_take(in, (size_t)size - had);
    return 1;
}

/* Reads the header of the next frame. Returns as resume_header. */
static int reader_read_header(struct ws_reader *r, struct ws_frame_header *h, struct input *in)
{
    int size;

    if (r->rest != NULL && r->rest->header_len > 0)
        return resume_header(r, h, in);
    size = decode_header(r, h, in->ptr, in->len);
    if (size > 0) {
        input_take(in, (size_t)size);
        return 1;
    }
    if (size == 0)
        return need_rest(r) < 0 ? -WS_ERROR_OUT_OF_MEMORY : resume_header(r, h, in);
    return size;
}

/* Unmasks bytes of a frame's payload, of which `done` came before. Returns whether they are known
 * to be ASCII. */
static bool unmask(uint8_t *payload, const struct ws_frame_header *h, uint64_t done, size_t len)
{
    return h->masked && ws_mask(payload, len, h->key, (size_t)(done % 4));
}

/* Takes `len` bytes of data, of which `done` were taken before, unmasks them and feeds them to
 * `text` (NULL: they are not text), piece by piece, so that what is not ASCII is checked while the
 * processor's first cache still holds it. Returns false where it is not UTF-8. */
static inline bool take_data(struct input *in, const struct ws_frame_header *h, uint64_t done,
                             size_t len, struct utf8 *text)
{
    while (len > 0) {
        size_t step = min_size(len, TUNE_CHECK);
        uint8_t *piece = input_take(in, step);
        bool is_ascii = unmask(piece, h, done, step);

        if (text != NULL && !(is_ascii && utf8_is_complete(text)) && !utf8_feed(text, piece, step))
            return false;
        done += step;
        len -= step;
    }
    return true;
}

/* Remembers that `taken` more bytes of the open frame's payload are in. Returns whether that was
 * all of it. */
static bool advance_frame(struct ws_reader_rest *rest, const struct ws_frame_header *h,
                          size_t taken)
{
    rest->done += taken;
    rest->is_in_frame = rest->done < h->length;
    if (rest->is_in_frame) {
        rest->frame = *h;
        return false;
    }
    rest->done = 0;
    return true;
}

/* Bytes of the frame's payload that the input has. */
static size_t available(const struct input *in, const struct ws_frame_header *h, uint64_t done)
{
    return h->length - done < in->len ? (size_t)(h->length - done) : in->len;
}

/* Is the rest of the payload, which is all of it, in the input? */
static bool is_whole_message(const struct ws_reader *r, const struct input *in,
                             const struct ws_frame_header *h)
{
    return !is_in_frame(r) && in->len >= h->length;
}

static int deliver_control(const struct ws_frame_header *h, uint8_t *payload,
                           struct ws_message *out)
{
    size_t len = (size_t)h->length;

    *out = (struct ws_message){(enum ws_opcode)h->opcode, payload, len, len, 0};
    if (h->opcode != WS_CLOSE || len == 0)
        return 1;
    out->close_code = (uint16_t)(payload[0] << 8 | payload[1]);
    if (!ws_close_code_is_valid(out->close_code))
        return -WS_ERROR_CLOSE_BAD_CODE;
    if (!utf8_is_valid((struct str){(const char *)payload + 2, len - 2}))
        return -WS_ERROR_CLOSE_REASON_NOT_UTF8;
    return 1;
}

static int read_control(struct ws_reader *r, const struct ws_frame_header *h, struct input *in,
                        struct ws_message *out)
{
    struct ws_reader_rest *rest;
    uint8_t *payload;
    size_t count;

    if (is_whole_message(r, in, h)) {
        payload = input_take(in, (size_t)h->length);
        unmask(payload, h, 0, (size_t)h->length);
        return deliver_control(h, payload, out);
    }
    if (need_rest(r) < 0)
        return -WS_ERROR_OUT_OF_MEMORY;
    rest = r->rest;
    count = available(in, h, rest->done);
    payload = rest->small + rest->done;
    memcpy(payload, input_take(in, count), count);
    unmask(payload, h, rest->done, count);
    return advance_frame(rest, h, count) ? deliver_control(h, rest->small, out) : 0;
}

/* A message of one frame that lies whole in the input. */
static int deliver_in_place(const struct ws_frame_header *h, struct input *in,
                            struct ws_message *out)
{
    uint8_t *payload = in->ptr;
    size_t len = (size_t)h->length;
    struct utf8 text = {0};

    if (!take_data(in, h, 0, len, h->opcode == WS_TEXT ? &text : NULL) || !utf8_is_complete(&text))
        return -WS_ERROR_TEXT_NOT_UTF8;
    *out = (struct ws_message){(enum ws_opcode)h->opcode, payload, len, len, 0};
    return 1;
}

/* Takes `len` more bytes of the open message out of the input. Returns false where they cannot be
 * part of a text. */
static bool take_more(struct ws_reader_rest *rest, struct input *in,
                      const struct ws_frame_header *h, size_t len)
{
    bool is_text = rest->opcode == WS_TEXT && !rest->is_deflated;

    return take_data(in, h, rest->done, len, is_text ? &rest->utf8 : NULL);
}

/* Puts payload of the open message aside. Returns 0 or an error. */
static int append_payload(struct ws_reader_rest *rest, struct input *in,
                          const struct ws_frame_header *h, size_t len)
{
    const uint8_t *payload = in->ptr;

    if (!take_more(rest, in, h, len))
        return -WS_ERROR_TEXT_NOT_UTF8;
    return buf_append(&rest->message, payload, len) < 0 ? -WS_ERROR_OUT_OF_MEMORY : 0;
}

/* Unpacks a message that stands for itself. */
static enum inflate_error unpack_alone(const struct ws_reader *r, struct buf *plain)
{
    struct ws_reader_rest *rest = r->rest;
    const struct buf *packed = &rest->message;

    if (r->limits->buf_pool != NULL && packed->len >= TUNE_READ_BUFFER)
        buf_pool_take(r->limits->buf_pool, plain);
    return inflate_message(plain, packed->data, packed->len, (size_t)r->limits->max_message,
                           &rest->work);
}

/* Unpacks a message that may reach back to those before it, and remembers it. */
static enum inflate_error unpack_behind(const struct ws_reader *r, struct buf *plain)
{
    struct ws_reader_rest *rest = r->rest;
    struct buf *context = &rest->context;
    size_t before = context->len;
    enum inflate_error error = inflate_message(context, rest->message.data, rest->message.len,
                                               (size_t)r->limits->max_message, &rest->work);

    if (error != INFLATE_OK)
        return error;
    if (context->len > before &&
        buf_append(plain, context->data + before, context->len - before) < 0)
        return INFLATE_NO_MEMORY;
    /* To move it each time would take longer than to unpack a short message. */
    if (context->len > 2 * CONTEXT_MAX)
        buf_consume(context, context->len - CONTEXT_MAX);
    return INFLATE_OK;
}

/* Puts what comes out of a compressed message in its place. Returns 0 or an error. */
static int unpack(const struct ws_reader *r)
{
    static const enum ws_error errors[] = {WS_OK, WS_ERROR_DEFLATE, WS_ERROR_MESSAGE_TOO_BIG,
                                           WS_ERROR_OUT_OF_MEMORY};
    struct ws_reader_rest *rest = r->rest;
    enum inflate_error error;
    struct buf plain;

    buf_init(&plain);
    error = r->limits->has_context ? unpack_behind(r, &plain) : unpack_alone(r, &plain);
    free_message(r, &rest->message);
    rest->message = plain;
    if (error != INFLATE_OK)
        return -(int)errors[error];
    if (rest->opcode == WS_TEXT)
        utf8_feed(&rest->utf8, plain.data, plain.len);
    return 0;
}

/* The open message is complete. Its bytes stay where they are until ws_reader_release. */
static int deliver_assembled(const struct ws_reader *r, struct ws_message *out)
{
    struct ws_reader_rest *rest = r->rest;
    struct buf *message = &rest->message;
    int error = rest->is_deflated ? unpack(r) : 0;

    if (error < 0)
        return error;
    if (rest->opcode == WS_TEXT && !utf8_is_complete(&rest->utf8))
        return -WS_ERROR_TEXT_NOT_UTF8;
    *out = (struct ws_message){(enum ws_opcode)rest->opcode,
                               message->len > 0 ? message->data : rest->small, message->len,
                               rest->is_deflated ? rest->work : message->len, 0};
    rest->opcode = WS_CONTINUATION;
    return 1;
}

static int read_data(struct ws_reader *r, const struct ws_frame_header *h, struct input *in,
                     struct ws_message *out)
{
    struct ws_reader_rest *rest;
    size_t count;
    int error;

    if (h->opcode != WS_CONTINUATION && h->fin && h->rsv == 0 && is_whole_message(r, in, h))
        return deliver_in_place(h, in, out);
    if (need_rest(r) < 0)
        return -WS_ERROR_OUT_OF_MEMORY;
    rest = r->rest;
    if (h->opcode != WS_CONTINUATION) {
        rest->opcode = h->opcode;
        rest->is_deflated = h->rsv != 0;
    }
    if (r->limits->buf_pool != NULL && h->length >= TUNE_READ_BUFFER)
        buf_pool_take(r->limits->buf_pool, &rest->message);
    count = available(in, h, rest->done);
    error = append_payload(rest, in, h, count);
    if (error < 0)
        return error;
    if (!advance_frame(rest, h, count) || !h->fin)
        return 0;
    return deliver_assembled(r, out);
}

/* Takes the header of what nearly always comes: a short message in one frame, whole and allowed,
 * with nothing unfinished before it. Returns false for anything else. */
static bool take_plain_header(const struct ws_reader *r, struct ws_frame_header *h,
                              struct input *in)
{
    size_t size = r->rest == NULL ? ws_frame_decode_plain(h, in->ptr, in->len) : 0;

    if (size == 0 || h->length > in->len - size || h->length > r->limits->max_message ||
        !r->limits->expect_masked || (h->opcode == WS_BINARY && !r->limits->accept_binary) ||
        r->limits->on_frame != NULL)
        return false;
    input_take(in, size);
    return true;
}

/* Reads the next frame, or what the input has of it. Returns as ws_reader_next, and 0 also when a
 * frame is finished that completes no message. */
static int reader_read_frame(struct ws_reader *r, struct input *in, struct ws_message *out)
{
    struct ws_frame_header h;

    if (take_plain_header(r, &h, in))
        return deliver_in_place(&h, in, out);
    if (is_in_frame(r)) {
        h = r->rest->frame;
    } else {
        int n = reader_read_header(r, &h, in);

        if (n <= 0)
            return n;
        if (r->limits->on_frame != NULL)
            r->limits->on_frame(r, &h);
    }
    return is_control(h.opcode) ? read_control(r, &h, in, out) : read_data(r, &h, in, out);
}

int ws_reader_next(struct ws_reader *r, uint8_t **data, size_t *len, struct ws_message *out)
{
    struct input in = {*data, *len};
    int n = 0;

    ws_reader_release(r);
    while (n == 0 && in.len > 0)
        n = reader_read_frame(r, &in, out);
    *data = in.ptr;
    *len = in.len;
    return n;
}

size_t ws_reader_room(struct ws_reader *r, uint8_t **where)
{
    struct buf *message;
    uint64_t missing;

    if (!is_in_frame(r) || is_control(r->rest->frame.opcode))
        return 0;
    message = &r->rest->message;
    missing = r->rest->frame.length - r->rest->done;
    if (missing < TUNE_READ_BUFFER)
        return 0;
    if (message->cap == message->len && buf_reserve(message, TUNE_READ_BUFFER) < 0)
        return 0;
    *where = message->data + message->len;
    return missing < message->cap - message->len ? (size_t)missing : message->cap - message->len;
}

int ws_reader_received(struct ws_reader *r, size_t len, struct ws_message *out)
{
    struct ws_reader_rest *rest = r->rest;
    struct ws_frame_header h = rest->frame;
    struct input in = {rest->message.data + rest->message.len, len};

    if (!take_more(rest, &in, &h, len))
        return -WS_ERROR_TEXT_NOT_UTF8;
    rest->message.len += len;
    if (!advance_frame(rest, &h, len) || !h.fin)
        return 0;
    return deliver_assembled(r, out);
}

bool ws_reader_keep(struct ws_reader *r, const struct ws_message *message, struct buf *kept)
{
    if (r->rest == NULL || message->len == 0 || message->data != r->rest->message.data)
        return false;
    *kept = r->rest->message;
    buf_init(&r->rest->message);
    return true;
}

/* ---- to another process ---- */

static void hand_frame(struct hand_writer *w, const struct ws_frame_header *h)
{
    hand_put_u64(w, h->length);
    hand_put_u8(w, h->opcode);
    hand_put_u8(w, h->rsv);
    hand_put_bool(w, h->fin);
    hand_put_bool(w, h->masked);
    hand_put_raw(w, h->key, sizeof(h->key));
}

/* Bytes of `small` that are in use. */
static size_t small_len(const struct ws_reader_rest *rest)
{
    if (rest->is_in_frame)
        return is_control(rest->frame.opcode) ? (size_t)rest->done : 0;
    return rest->header_len;
}

void ws_reader_hand(struct hand_writer *w, const struct ws_reader *r)
{
    const struct ws_reader_rest *rest = r->rest;

    hand_put_bool(w, rest != NULL);
    if (rest == NULL)
        return;
    hand_put_bool(w, rest->is_in_frame);
    if (rest->is_in_frame)
        hand_frame(w, &rest->frame);
    hand_put_u64(w, rest->done);
    hand_put_u8(w, rest->opcode);
    hand_put_bool(w, rest->is_deflated);
    hand_put_bytes(w, rest->small, small_len(rest));
    hand_put_long(w, rest->message.data, rest->opcode != WS_CONTINUATION ? rest->message.len : 0);
}

static void take_frame(struct ws_frame_header *h, struct hand_reader *from)
{
    h->length = hand_get_u64(from);
    h->opcode = hand_get_u8(from);
    h->rsv = hand_get_u8(from);
    h->fin = hand_get_bool(from);
    h->masked = hand_get_bool(from);
    hand_get_raw(from, h->key, sizeof(h->key));
}

/* Is the open message one that may have begun, with what there is of it? */
static bool is_message_sound(struct ws_reader *r)
{
    struct ws_reader_rest *rest = r->rest;

    if (rest->opcode == WS_CONTINUATION)
        return !rest->is_deflated && rest->message.len == 0;
    if ((rest->opcode != WS_TEXT && rest->opcode != WS_BINARY) ||
        (rest->opcode == WS_BINARY && !r->limits->accept_binary) ||
        (rest->is_deflated && !r->limits->accept_deflated))
        return false;
    if (rest->message.len > longest(r, &rest->frame))
        return false;
    return rest->opcode != WS_TEXT || rest->is_deflated ||
           utf8_feed(&rest->utf8, rest->message.data, rest->message.len);
}

/* Is the open frame one that may have come here, and is not over? */
static bool is_frame_sound(const struct ws_reader *r)
{
    const struct ws_reader_rest *rest = r->rest;
    const struct ws_frame_header *h = &rest->frame;

    if (!rest->is_in_frame)
        return rest->done == 0;
    if (rest->done >= h->length || h->masked != r->limits->expect_masked || h->opcode > WS_PONG)
        return false;
    if (is_control(h->opcode))
        return h->fin && h->rsv == 0 && h->length <= WS_CONTROL_MAX &&
               !(h->opcode == WS_CLOSE && h->length == 1);
    if (rest->opcode == WS_CONTINUATION ||
        (h->opcode != WS_CONTINUATION && h->opcode != rest->opcode) ||
        (h->rsv != 0 && (h->opcode == WS_CONTINUATION || h->rsv != WS_RSV1)))
        return false;
    if (h->opcode != WS_CONTINUATION &&
        (rest->is_deflated != (h->rsv != 0) || rest->message.len != rest->done))
        return false;
    return rest->message.len >= rest->done &&
           h->length - rest->done <= longest(r, h) - rest->message.len;
}

/* The bytes in `small` are those of the open control frame, or of a header that is not whole. */
static bool is_small_sound(const struct ws_reader *r)
{
    const struct ws_reader_rest *rest = r->rest;
    struct ws_frame_header h;

    return rest->header_len == 0 || decode_header(r, &h, rest->small, rest->header_len) == 0;
}

static bool take_small(struct ws_reader_rest *rest, struct hand_reader *from)
{
    bool is_in_control = rest->is_in_frame && is_control(rest->frame.opcode);
    struct str small = hand_get_bytes(from, sizeof(rest->small));

    if (is_in_control ? small.len != rest->done
                      : small.len >= WS_HEADER_MAX || (rest->is_in_frame && small.len > 0))
        return false;
    if (small.len > 0)
        memcpy(rest->small, small.ptr, small.len);
    rest->header_len = is_in_control ? 0 : (uint8_t)small.len;
    return true;
}

bool ws_reader_take(struct ws_reader *r, struct hand_reader *from)
{
    struct ws_reader_rest *rest;
    bool is_sound;

    if (!hand_get_bool(from))
        return hand_is_good(from);
    if (need_rest(r) < 0)
        return hand_fail(from, "out of memory");
    rest = r->rest;
    rest->is_in_frame = hand_get_bool(from);
    if (rest->is_in_frame)
        take_frame(&rest->frame, from);
    rest->done = hand_get_u64(from);
    rest->opcode = hand_get_u8(from);
    rest->is_deflated = hand_get_bool(from);
    is_sound = take_small(rest, from);
    if (!hand_get_long(from, &rest->message, (size_t)r->limits->max_message * 2 + DEFLATE_SPARE))
        return false;
    is_sound = is_sound && is_message_sound(r) && is_frame_sound(r) && is_small_sound(r);
    if (!is_sound)
        return hand_fail(from, "a message that nobody can have sent");
    ws_reader_release(r);
    return true;
}
