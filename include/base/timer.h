/* Timers of classes. All timers of a class run for the same time, so a class is a list in order of
 * deadline: starting, stopping and expiring cost O(1), without a heap and without a file
 * descriptor. */
#ifndef BASE_TIMER_H
#define BASE_TIMER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"

struct timer {
    struct list link;
    struct timer_class *class; /* NULL: not running */
    uint64_t deadline;         /* monotonic milliseconds */
};

struct timer_class {
    struct list running;
    uint64_t length; /* milliseconds; 0: its timers never run */
    void (*expired)(struct timer *timer, const struct timer_class *class);
};

void timer_class_init(struct timer_class *class, uint64_t length,
                      void (*expired)(struct timer *timer, const struct timer_class *class));

/* Makes a timer that is not running. */
void timer_init(struct timer *timer);

/* Starts a timer, anew where it is running, in this class or in another one. Of a class of length
 * 0: stops it. */
void timer_start(struct timer *timer, struct timer_class *class, uint64_t now);

void timer_stop(struct timer *timer);

/* Lets a timer that is not running run until a deadline that was set elsewhere, at most for the
 * length of its class from now. It expires once timer_class_sort has been called. */
void timer_set(struct timer *timer, struct timer_class *class, uint64_t now, uint64_t deadline);

/* Puts the timers of a class in the order of their deadlines. */
void timer_class_sort(struct timer_class *class);

static inline bool timer_is_of(const struct timer *timer, const struct timer_class *class)
{
    return timer->class == class;
}

/* Stops timers whose deadline has come, the first ones first and so many at most, and calls
 * `expired` for each. The others stay due. */
void timer_class_expire(struct timer_class *class, uint64_t now, size_t most);

/* The next deadline of the class, UINT64_MAX where nothing runs. */
uint64_t timer_class_deadline(const struct timer_class *class);

#endif
