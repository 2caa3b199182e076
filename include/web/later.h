/* Answers that take calls of the system to make, as for a file of a folder: they are made in a step
 * of the tick of their own, not from within the reading of a request. Still in the same tick. */
#ifndef WEB_LATER_H
#define WEB_LATER_H

#include "web/answer.h"

struct web;

/* Lets `make` answer in later_tick, with a copy of `text`. Drops the connection where memory is
 * out.
 */
void later_answer(const struct answer *answer,
                  void (*make)(const struct answer *answer, struct str text), struct str text);

/* Makes all answers that wait. */
void later_tick(struct web *web);

#endif
