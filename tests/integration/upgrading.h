/* A server with a keeper, whose program can be replaced while it runs. Every failure fails the
 * running test. */
#ifndef TESTS_UPGRADING_H
#define TESTS_UPGRADING_H

#include "harness.h"

/* Starts it with --keeper and further options (NULL: none) from a copy of the program,
 * upgrade_program. */
struct server *upgrade_start(const char *const *more);

/* The path of the copy. */
const char *upgrade_program(void);

/* Hands over, and waits until the keeper is the new program. */
void upgrade(struct server *s);

/* The process that serves now: the first worker, or the last that took over. */
pid_t upgrade_worker(struct server *s);

/* How often that was said. */
unsigned upgrade_count(const struct server *s, const char *words);

/* Waits until that was said so often in all. */
void upgrade_wait_for(struct server *s, const char *words, unsigned times);

#endif
