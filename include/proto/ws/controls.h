/* Control frames (RFC 6455, 5.5) that came or went since their connection's peer was told of them:
 * browsers hide them. Those of one kind and direction are one entry with a count, so that what is
 * told does not grow with what came. */
#ifndef PROTO_WS_CONTROLS_H
#define PROTO_WS_CONTROLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"
#include "proto/ws/frame.h"

/* Opcodes of control frames, in both directions. */
#define WS_CONTROLS 6

struct ws_control {
    enum ws_opcode opcode;
    bool is_sent;   /* by this end */
    uint32_t count; /* how many there were */
    uint8_t len;    /* of the last one's payload */
    uint8_t payload[WS_CONTROL_MAX];
};

/* All zero: there were none. */
struct ws_controls {
    struct ws_control kinds[WS_CONTROLS];
    bool are_there;
};

/* Notes a control frame, whose payload is `prefix` and then `len` bytes: WS_CONTROL_MAX at most. */
void ws_controls_note(struct ws_controls *controls, enum ws_opcode opcode, bool is_sent,
                      struct str prefix, const void *payload, size_t len);

/* Takes out one kind, an answer behind what it answers, and closes last. Returns
 * false where there is none. */
bool ws_controls_take(struct ws_controls *controls, struct ws_control *control);

#endif
