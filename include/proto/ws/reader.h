/* Reads one direction of a WebSocket connection: bytes in, whole messages and control frames out
 * (RFC 6455, sections 5 and 8.1). What it delivers, and the error it ends with, do not depend on
 * how the bytes are cut.
 *
 * A compressed message (RFC 7692) is put aside as it comes and unpacked when it is whole. It may
 * not be longer than what a message of the greatest length may need, and what comes out is bounded
 * by max_message as any other.
 *
 * Pull it until it says that it needs more:
 *
 *      while ((n = ws_reader_next(&reader, &data, &len, &message)) > 0)
 *          handle(&message);
 *      if (n < 0)
 *          close with ws_error_code(-n), and never call it again
 */
#ifndef PROTO_WS_READER_H
#define PROTO_WS_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/buf_pool.h"
#include "base/hand.h"
#include "proto/ws/frame.h"

struct ws_reader;

/* What is allowed. Belongs to the caller, outlives the readers, and may serve any number of them.
 */
struct ws_reader_limits {
    uint64_t max_message; /* bytes of the longest message; control frames do not count */
    bool accept_binary;
    bool accept_deflated; /* permessage-deflate was agreed on */
    bool has_context;     /* ... and compressed messages may reach back to those before them */
    bool expect_masked;   /* true: reads from a client; false: reads from a server */
    struct buf_pool
        *buf_pool; /* where the memory of long messages comes from; NULL: nowhere special */

    /* Told of each frame once its header is read and allowed; NULL: nobody is. */
    void (*on_frame)(const struct ws_reader *r, const struct ws_frame_header *header);
};

/* Between two messages it owns no memory, but for the context of compressed messages where that was
 * agreed on: at most the last 64 KiB that were unpacked and one message, and about twice that while
 * it grows. The bytes of an unfinished frame or message are put aside
 * in `rest`, which grows with the bytes received: at most about twice their number, whatever a
 * header claims and however many fragments there are. */
struct ws_reader {
    const struct ws_reader_limits *limits;
    struct ws_reader_rest *rest; /* owned; NULL while nothing is unfinished */
};

struct ws_message {
    enum ws_opcode opcode; /* WS_TEXT, WS_BINARY: a whole message. WS_CLOSE, WS_PING, WS_PONG: a
                              control frame */
    uint8_t *data;         /* unmasked payload, never NULL; for WS_CLOSE the code and the reason */
    size_t len;
    size_t work;         /* that it took, in bytes: its length, or more where it was compressed */
    uint16_t close_code; /* of WS_CLOSE: the code, or 0 when the payload is empty (1005); else 0 */
};

void ws_reader_init(struct ws_reader *r, const struct ws_reader_limits *limits);

/* Frees what was put aside. */
void ws_reader_deinit(struct ws_reader *r);

/* Takes input from *data and *len, which it moves on, and unmasks it in place. *data is never NULL.
 * Returns
 * - 1: one message is in *out. Its bytes may be changed. They are valid until the next call with
 * this reader, or until the input is reused: a message of one frame that lies whole in the input is
 * not copied.
 * - 0: all input is taken and more is needed.
 * - below 0: -enum ws_error, the connection has failed. All messages before the bad frame have been
 * delivered by then. An error is found once the header field, the byte of a text, or the close
 * frame that shows it is there.
 *
 * After an error, or once it has delivered a WS_CLOSE, it must not be called again: nothing that
 * follows a close frame counts (RFC 6455, 5.5.1). */
int ws_reader_next(struct ws_reader *r, uint8_t **data, size_t *len, struct ws_message *out);

/* Gives back the memory of what was delivered, where nothing else is unfinished. ws_reader_next
 * does that too, but a peer may fall silent before. */
void ws_reader_release(struct ws_reader *r);

/* Where the next bytes of a long payload can be received directly, so that they are not copied:
 * sets *where and returns how many bytes fit there, or 0 where there is no such payload (or no
 * memory) and ws_reader_next is to be used. What it offers grows with what was received, at most
 * about twice that. */
size_t ws_reader_room(struct ws_reader *r, uint8_t **where);

/* Says that `len` bytes (1 to what ws_reader_room returned just before) were received there.
 * Returns as ws_reader_next. */
int ws_reader_received(struct ws_reader *r, size_t len, struct ws_message *out);

/* Gives the memory of the message that was delivered last to the caller: *kept is a buffer with it.
 * Returns false where that cannot be done: the message lies in the input, or is empty. */
bool ws_reader_keep(struct ws_reader *r, const struct ws_message *message, struct buf *kept);

/* ---- to another process ---- */

/* Writes what is unfinished. Not for readers with a context. */
void ws_reader_hand(struct hand_writer *w, const struct ws_reader *r);

/* Reads it into a new reader: only what that could have come to by itself is taken. Returns false
 * where anything is wrong; ws_reader_deinit is right in any case. */
bool ws_reader_take(struct ws_reader *r, struct hand_reader *from);

#endif
