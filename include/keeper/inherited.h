/* What a worker gets from the keeper that starts it: open descriptors, and one variable that says
 * which. */
#ifndef KEEPER_INHERITED_H
#define KEEPER_INHERITED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The variable. */
#define INHERITED_NAME "WSCHAT_WORKER"

#define INHERITED_LISTENERS_MAX 64

/* Bytes of its longest value, with the NUL. */
#define INHERITED_TEXT_MAX (24 + 12 * (INHERITED_LISTENERS_MAX + 2))

struct inherited_listener {
    int fd;
    bool is_admin;
};

struct inherited {
    int keeper;        /* what sd_notify(3) would say goes there; the keeper passes it on */
    uint64_t interval; /* ms between two signs of life; 0: none are asked for */
    int estate;        /* stream socket: the worker before hands over what it has; -1: it has begun
                          with nothing */
    struct inherited_listener listeners[INHERITED_LISTENERS_MAX];
    size_t count; /* 0: no keeper has started us */
};

/* Writes the value of the variable: the keeper, the interval, and the listeners, an "a" behind
 * those of --admin; last the estate, if there is one, with an "e": "5,15000,3,4a,7e". */
void inherited_write(char out[INHERITED_TEXT_MAX], const struct inherited *inherited);

/* Reads it. Returns false where it is not exactly such a value. The descriptors have not been
 * looked at. */
bool inherited_read(struct inherited *inherited, const char *text);

/* Reads the variable and takes it out of the environment; the descriptors will not be inherited
 * further. Returns NULL, or what is wrong. Where there is no such variable *inherited is zero. */
const char *inherited_take(struct inherited *inherited);

#endif
