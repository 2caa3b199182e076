/* What the server keeps of its rights once it runs: no new privileges, no file and no connection of
 * its own making (app/landlock.h), no system call but those of the tick (app/seccomp.h). */
#ifndef SERVER_SANDBOX_H
#define SERVER_SANDBOX_H

#include <stdbool.h>

#include "server/landlock.h"
#include "server/seccomp.h"

struct sandbox {
    bool is_on;
    struct landlock landlock;
    struct seccomp_needs needs;
};

/* Begins a sandbox in which nothing is allowed but what is open; or none at all, where it is off.
 * Exceptions are made while the folders can still be opened: before root's rights are given up. */
void sandbox_init(struct sandbox *s, bool is_on);

/* Lets the files beneath a folder be read. */
void sandbox_allow_reading(struct sandbox *s, const char *folder);

/* Lets a file be removed. Rights are those of folders: all that lies beneath the folder of the file
 * can be removed then, as far as its owner allows. */
void sandbox_allow_removing(struct sandbox *s, const char *file);

/* Enters it, for ever, as far as this kernel can, and says in one line of the log what is in force.
 * Frees the object. */
void sandbox_enter(struct sandbox *s);

#endif
