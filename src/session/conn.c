#include "session/conn.h"

#include <stdlib.h>

void conn_become_member(struct conn *conn, const struct session_ops *ops)
{
    conn->stream.ops = &ops->stream;
    conn->member = (struct member_state){0};
    conn->is_member = true;
    conn->messages = 0;
    conns_of(conn)->members++;
}

int conn_leave(struct conn *conn, uint16_t code, bool is_broken)
{
    struct conns *conns = conns_of(conn);

    conns->counters.closes[code - CONN_CLOSE_FIRST]++;
    conns->members--;
    conn->close_code = code;
    conn->is_closing = true;
    conn->stream.is_paused = false;
    conn->stream.is_ending = true;
    return conns->on_close(conn, is_broken);
}

void conn_free_member(struct conn *conn)
{
    free(conn->member.room);
}
