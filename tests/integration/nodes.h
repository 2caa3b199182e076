/* Several servers that share their rooms by way of real redis-servers, which listen on unix sockets
 * in the folder of the test. Every failure fails the running test. */
#ifndef TESTS_NODES_H
#define TESTS_NODES_H

#include <stdbool.h>
#include <sys/types.h>
#include <sys/un.h>

#include "v1.h"

/* How many redis-servers a test may have: 0, 1, ... */
#define REDISES 2

/* ---- Redis ---- */

/* Where it listens; valid as test_path is. */
const char *redis_path(int which);
struct sockaddr_un redis_address(int which);

/* A connection to one of them; -1: nobody listens. */
int redis_connect(int which);

/* Says something, and waits for the whole of an answer that fits one line. */
void redis_say(int fd, const char *command);

/* Says that to the first, or to any. */
void redis_do(const char *command);
void redis_do_at(int which, const char *command);

/* The number behind the first `mark` of what the first answers. */
int redis_number(const char *command, const char *mark);

/* How often the first was told to do that. */
unsigned long redis_calls(const char *command);

/* Starts it and waits until it answers. `keeps`: what it has is there again after a kill. */
void redis_start_one(int which, bool keeps);
void redis_start(bool keeps);

void redis_kill_one(int which);
void redis_kill(void);

/* The second becomes a replica of the first, and has all that that has. */
void redis_replicate(void);

/* Whoever asks for the first has the second from now on. */
void redis_lead_to_second(void);

/* Fixtures: those of the harness, and the first Redis. */
void nodes_setup(void);
void nodes_teardown(void);

/* ---- nodes ---- */

/* A node of the first Redis with one option more; and one that is connected to it. */
struct server *node_start_with(const char *option, const char *value);
struct server *node_start(void);

/* Like node_start_with, where Redis is reached by another socket: a file of the folder of the test.
 */
struct server *node_start_at(const char *file, const char *option, const char *value);

/* A socket by which the first Redis is reached as long as nothing is in between: its file, in the
 * folder of the test, is what node_start_at takes. While it is cut no byte passes, in either
 * direction, and no connection ends. Then what was said meanwhile arrives, late. */
struct relay {
    const char *file;
    pid_t pid;
};
void relay_start(struct relay *relay, const char *file);
void relay_cut(const struct relay *relay);
void relay_mend(const struct relay *relay);

/* From now on it says one and the same line to each that is connected, without end, and hears
 * nothing. */
void relay_make_false(const struct relay *relay);

/* As relay_mend, where what was said meanwhile arrives later than what is said now. */
void relay_mend_late(const struct relay *relay);

/* The lease of the node called "doomed" is over. */
void expire_doomed(void);

/* The status of /healthz. */
int node_health(const struct server *s);

/* ---- people ---- */

/* The seat comes back, at whichever node. */
void come_back(struct seat *seat, const struct server *s, bool recovered);

/* The next message; what is told of others is passed over. */
void expect_text(struct seat *seat, const char *text);

#endif
