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

void timer_set(struct timer *timer, struct timer_class *class, uint64_t now, uint64_t deadline)
{
    timer_start(timer, class, now);
    if (timer->class != NULL && deadline < timer->deadline)
        timer->deadline = deadline;
}

static bool timer_is_earlier(struct list *a, struct list *b)
{
    return CONTAINER_OF(a, struct timer, link)->deadline <=
           CONTAINER_OF(b, struct timer, link)->deadline;
}

/* Merges two sorted lists into a third, which is empty. */
static void merge(struct list *to, struct list *a, struct list *b)
{
    while (!list_is_empty(a) && !list_is_empty(b))
        list_append(to, list_take_first(timer_is_earlier(a->next, b->next) ? a : b));
    while (!list_is_empty(a))
        list_append(to, list_take_first(a));
    while (!list_is_empty(b))
        list_append(to, list_take_first(b));
}

/* Sorted lists of 1, 2, 4, ... timers, as the digits of a number that is counted up. */
#define SORT_DIGITS 32

static void timer_move_all(struct list *to, struct list *from)
{
    while (!list_is_empty(from))
        list_append(to, list_take_first(from));
}

void timer_class_sort(struct timer_class *class)
{
    struct list digits[SORT_DIGITS], carry, merged, *first;

    for (size_t i = 0; i < SORT_DIGITS; i++)
        list_init(&digits[i]);
    list_init(&carry);
    list_init(&merged);
    while ((first = list_take_first(&class->running)) != NULL) {
        size_t i = 0;

        list_append(&carry, first);
        for (; i < SORT_DIGITS - 1 && !list_is_empty(&digits[i]); i++) {
            merge(&merged, &digits[i], &carry);
            timer_move_all(&carry, &merged);
        }
        timer_move_all(&digits[i], &carry);
    }
    for (size_t i = 0; i < SORT_DIGITS; i++) {
        merge(&merged, &digits[i], &carry);
        timer_move_all(&carry, &merged);
    }
    timer_move_all(&class->running, &carry);
}

static struct timer *first_of(const struct timer_class *class)
{
    return list_is_empty(&class->running) ? NULL
                                          : CONTAINER_OF(class->running.next, struct timer, link);
}

void timer_class_expire(struct timer_class *class, uint64_t now, size_t most)
{
    struct timer *timer;

    while (most-- > 0 && (timer = first_of(class)) != NULL && timer->deadline <= now) {
        timer_stop(timer);
        class->expired(timer, class);
    }
}

uint64_t timer_class_deadline(const struct timer_class *class)
{
    const struct timer *timer = first_of(class);

    return timer == NULL ? UINT64_MAX : timer->deadline;
}
