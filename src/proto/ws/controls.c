#include "proto/ws/controls.h"

/* Its place: the order in which they are told. An answer stands behind what it answers. */
static size_t controls_place(enum ws_opcode opcode, bool is_sent)
{
    if (opcode == WS_CLOSE)
        return is_sent ? 5 : 4;
    if (opcode == WS_PING)
        return is_sent ? 2 : 0;
    return is_sent ? 1 : 3;
}

void ws_controls_note(struct ws_controls *controls, enum ws_opcode opcode, bool is_sent,
                      struct str prefix, const void *payload, size_t len)
{
    struct ws_control *control = &controls->kinds[controls_place(opcode, is_sent)];

    controls->are_there = true;
    control->opcode = opcode;
    control->is_sent = is_sent;
    control->count++;
    control->len = (uint8_t)(prefix.len + len);
    if (prefix.len > 0)
        memcpy(control->payload, prefix.ptr, prefix.len);
    if (len > 0)
        memcpy(control->payload + prefix.len, payload, len);
}

bool ws_controls_take(struct ws_controls *controls, struct ws_control *control)
{
    for (size_t i = 0; controls->are_there && i < WS_CONTROLS; i++) {
        if (controls->kinds[i].count == 0)
            continue;
        *control = controls->kinds[i];
        controls->kinds[i].count = 0;
        return true;
    }
    controls->are_there = false;
    return false;
}
