/* The files and the network that the running server may reach: a domain of landlock(7). */
#ifndef SERVER_LANDLOCK_H
#define SERVER_LANDLOCK_H

#include <stdint.h>

/* What may be done with what lies beneath a folder. */
enum landlock_right { LANDLOCK_READ, LANDLOCK_REMOVE, LANDLOCK_WRITE };

struct landlock {
    int fd;  /* -1: none */
    int abi; /* the version that is used; 0: the kernel has none */
};

/* Begins a domain in which nothing is allowed of what this kernel can refuse: files, and by its
 * version TCP ports, abstract unix sockets, signals. */
void landlock_init(struct landlock *l);

/* Lets files beneath a folder be read, or removed, or made, written, renamed and removed. What is
 * not a folder that can be opened stays out of reach. */
void landlock_allow(struct landlock *l, const char *folder, enum landlock_right right);

/* Lets connections be made to this TCP port. */
void landlock_allow_connecting(struct landlock *l, uint16_t port);

/* Enters the domain, for ever; the process must have no new privileges (prctl(2)). What is open
 * stays open. Returns the version that is in force, 0 where there is none. Frees the object. */
int landlock_enter(struct landlock *l);

/* Frees it without entering. */
void landlock_deinit(struct landlock *l);

#endif
