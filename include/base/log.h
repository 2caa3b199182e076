/* Logging: one line on stderr for each event, as logfmt (key=value) or JSON. Values are escaped, so
 * that nothing a peer chose can break a line or reach a terminal unescaped. Lines wait for
 * log_flush: so no call of the system hides behind a line, and a tick costs one for all of them. */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/hand.h"
#include "base/str.h"

enum log_level { LOG_ERROR, LOG_WARNING, LOG_INFO, LOG_DEBUG };

/* Sets what is written and how; the defaults are LOG_INFO and text. */
void log_setup(enum log_level level, bool json);

bool log_is_enabled(enum log_level level);

/* Says one line, or counts it as lost (and says so with the next one) where too many wait already:
 * the message and then pairs of key (const char *) and value (const char *), ended by NULL. A pair
 * whose value is NULL is left out. A key that begins with # (which is not written) has a number as
 * its value, which JSON writes without quotes. */
void log_line(enum log_level level, const char *message, ...) __attribute__((sentinel));

/* Lines of one kind that peers can cause as often as they like: only so many a second are written,
 * the others are counted. All zero at first. */
struct log_flow {
    uint64_t credit;     /* thousandths of a line that may be written */
    uint64_t updated;    /* when it was right, monotonic milliseconds */
    uint64_t suppressed; /* lines that were left out since the last one */
};

/* Sets how many lines a second each flow has (at once: twice as many); 0, which is the default: no
 * limit. */
void log_set_rate(uint64_t lines);

/* May the flow write a line of this level now (monotonic milliseconds)? Counts the line as
 * suppressed where it is over its rate. Who has to format values for a line asks first. */
bool log_flow_admits(struct log_flow *flow, enum log_level level, uint64_t now);

/* As log_line, for a line that log_flow_admits has just allowed. It tells how many were suppressed
 * before it. */
void log_flow_line(struct log_flow *flow, enum log_level level, const char *message, ...)
    __attribute__((sentinel));

/* Writes a flow, for another process; reads it. */
void log_flow_hand(struct hand_writer *w, const struct log_flow *flow);
void log_flow_take(struct log_flow *flow, struct hand_reader *r);

/* Says a line that a person at the terminal waits for, whatever the level is set to: as text just
 * "wschat: message". */
void log_announce(enum log_level level, const char *message);

/* Says lines of a picture as they are, where lines are text and stderr is a terminal. */
void log_picture(struct str lines);

/* Writes the lines that wait, as far as stderr takes them; it never blocks. Returns false where
 * some still wait. */
bool log_flush(void);

/* Sees to it that they are also written where the program ends: by exit, abort, or a fault of its
 * own. Nothing can be done where it is killed. */
void log_flush_at_end(void);

#define log_error(...) log_line(LOG_ERROR, __VA_ARGS__, (char *)0)
#define log_warning(...) log_line(LOG_WARNING, __VA_ARGS__, (char *)0)
#define log_info(...) log_line(LOG_INFO, __VA_ARGS__, (char *)0)
#define log_debug(...) log_line(LOG_DEBUG, __VA_ARGS__, (char *)0)

#endif
