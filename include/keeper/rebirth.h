/* A keeper that starts its own program anew, within the same process: its children stay its
 * children, its descriptors stay open, and one variable of the environment tells what it was. */
#ifndef KEEPER_REBIRTH_H
#define KEEPER_REBIRTH_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "keeper/inherited.h"

/* The variable, and the version of its value. A program that reads another one says so by another
 * number, and keepers of that number alone become it. */
#define REBIRTH_NAME "WSCHAT_REBIRTH"
#define REBIRTH_VERSION "1"

struct rebirth {
    pid_t worker;
    int supervisor;                     /* -1: there is none */
    struct inherited inherited;         /* of the worker; `keeper` is where it is heard */
    int files[INHERITED_LISTENERS_MAX]; /* of the listeners, see struct listening; -1: none */
    char path[PATH_MAX];                /* of the program */
};

/* Bytes of the longest value, with the NUL. */
#define REBIRTH_TEXT_MAX (PATH_MAX + INHERITED_TEXT_MAX + 12 * (INHERITED_LISTENERS_MAX + 4))

/* Writes the value of the variable: version, worker, supervisor, files, what inherited_write says,
 * path: "1;812;4;-,-;5,15000,3,8a;/usr/bin/wschat". */
void rebirth_write(char out[REBIRTH_TEXT_MAX], const struct rebirth *rebirth);

/* Reads it. Returns false where it is not exactly such a value. */
bool rebirth_read(struct rebirth *rebirth, const char *text);

/* Reads the variable and takes it out of the environment; the descriptors will not be inherited
 * further. Returns NULL, or what is wrong. Where there is no such variable the worker is 0. */
const char *rebirth_take(struct rebirth *rebirth);

/* Becomes the program `program`, as by O_PATH. Returns where that could not be done, with errno:
 * everything is as it was. */
void rebirth_exec(const struct rebirth *rebirth, int program, char *const *argv);

#endif
