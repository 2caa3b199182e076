#include "base/timer.h"

#include <stddef.h>

#include "base/util.h"

void timer_class_init(struct timer_class *class, uint64_t length,
                      void (*expired)(struct timer *timer, const struct timer_class *class))
{
    list_init(&class->running);
    class->length = length;
    class->expired = expired;
}

void timer_init(struct timer *timer)
{
    list_init(&timer->link);
    timer->class = NULL;
    timer->deadline = 0;
}

void timer_stop(struct timer *timer)
{
    list_remove(&timer->link);
    timer->class = NULL;
}

void timer_start(struct timer *timer, struct timer_class *class, uint64_t now)
{
    timer_stop(timer);
    if (class->length == 0)
        return;
    timer->class = class;
    timer->deadline = now + class->length;
    list_append(&class->running, &timer->link);
}

static struct timer *first_of(const struct timer_class *class)
{
    return list_is_empty(&class->running) ? NULL
                                          : CONTAINER_OF(class->running.next, struct timer, link);
}

void timer_class_expire(struct timer_class *class, uint64_t now)
{
    struct timer *timer;

    while ((timer = first_of(class)) != NULL && timer->deadline <= now) {
        timer_stop(timer);
        class->expired(timer, class);
    }
}

uint64_t timer_class_deadline(const struct timer_class *class)
{
    const struct timer *timer = first_of(class);

    return timer == NULL ? UINT64_MAX : timer->deadline;
}
