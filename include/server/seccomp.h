/* The system calls that the running server may make: a filter of seccomp(2). */
#ifndef SERVER_SECCOMP_H
#define SERVER_SECCOMP_H

#include <stdbool.h>

/* What some servers need besides what all need. */
struct seccomp_needs {
    bool reading;  /* open files for reading, and look at what was opened */
    bool removing; /* remove files */
    bool writing;  /* make, write, sync, rename and remove files in `folder`, and tell it by `event`
                    */
    bool connecting; /* make connections */
    bool handing;    /* receive descriptors */
    int folder, event;
};

/* Refuses every other call of all threads from now on, with EPERM; a call of another architecture
 * kills the process. It cannot be undone, and the process must have no new privileges (prctl(2)).
 * Returns 0, or -1 with errno: ENOSYS where no filter is known for this processor, or what the
 * kernel says. */
int seccomp_enter(const struct seccomp_needs *needs);

#endif
