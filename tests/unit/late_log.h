/* The late log: one that commits some turns after it was asked, with its own copies of all it was
 * told, and refuses when a test wants it to. What runs on it runs on a log on disk, or on another
 * server. */
#ifndef TESTS_LATE_LOG_H
#define TESTS_LATE_LOG_H

#include "base/hash.h"
#include "log/log.h"

struct late_log;

/* Makes one. `turns`: after so many turns an event is committed; 0: after a random number of them,
 * from 1 to 4, another for each. Never fails. */
struct log *late_log_new(struct hash_seed seed, unsigned turns);

/* From now on refuses the next `count` events when their time has come. */
void late_log_refuse(struct log *log, unsigned count, enum log_refusal why);

/* How many events wait. */
size_t late_log_waiting(const struct log *log);

#endif
