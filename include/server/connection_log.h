/* Connection log: one line for the end of each connection, with who it was, from where, how long,
 * how much, and why it ended. No contents of messages. */
#ifndef SERVER_CONNECTION_LOG_H
#define SERVER_CONNECTION_LOG_H

#include "base/log.h"
#include "session/conn.h"

/* Each kind has a rate of its own: a flood of one does not hide the others. All zero at first. */
struct connection_log {
    struct log_flow websockets;
    struct log_flow refusals; /* HTTP that an operator may want to know of */
    struct log_flow http;     /* other HTTP, told at LOG_DEBUG only */
    struct log_flow pauses;
};

/* Writes the line of a connection that is about to be freed. */
void connection_log_end(struct connection_log *log, const struct conn *conn);

/* Says that accepting pauses, and why. */
void connection_log_pause(struct connection_log *log, uint64_t now, const char *error);

/* Tells what was suppressed and not yet told: for the end of the program. */
void connection_log_finish(struct connection_log *log);

/* Writes the rates of lines, into the record at hand, for another process; reads them. */
void connection_log_hand(struct hand_writer *w, const struct connection_log *log);
bool connection_log_take(struct connection_log *log, struct hand_reader *r);

#endif
