/* Calls that fail when a test says so. The linker (--wrap) sends these calls of the program here;
 * until a test asks for a fault they go straight on to libc.
 *
 *      fault_fail_nth(FAULT_MALLOC, 1, ENOMEM);   the next malloc, calloc or realloc fails
 *      fault_short(FAULT_SEND, 1);                every send and sendmsg takes one byte at most
 */
#ifndef TESTS_WRAP_H
#define TESTS_WRAP_H

#include <stdbool.h>
#include <stddef.h>

enum fault_call {
    FAULT_MALLOC,  /* malloc, calloc, realloc */
    FAULT_MMAP,    /* mmap, mremap */
    FAULT_READ,    /* recv, recvmsg */
    FAULT_SEND,    /* send, sendmsg */
    FAULT_ACCEPT,  /* accept4 */
    FAULT_WAIT,    /* epoll_wait */
    FAULT_CONTROL, /* epoll_ctl */
    FAULT_SOCKET,  /* socket, epoll_create1 */
    FAULT_FILE,    /* read, write, writev: files, signals, the log */
    FAULT_COUNT,
};

/* No faults any more, all counts zero. Call it at the start of every test. */
void fault_reset(void);

/* The nth call from now on (1: the next) fails with errno `err`; those before and after it do not.
 */
void fault_fail_nth(enum fault_call call, long nth, int err);

/* From the nth call on, all fail. */
void fault_fail_from(enum fault_call call, long nth, int err);

/* Every second call fails (EINTR, EAGAIN): nothing may be lost. */
void fault_fail_alternating(enum fault_call call, int err);

/* FAULT_READ and FAULT_SEND: at most so many bytes pass at once (0: no limit).
 * FAULT_WAIT: so many events. */
void fault_short(enum fault_call call, size_t most);

/* From now on what the program writes to stderr goes to `out` instead, NUL-terminated, as far as it
 * fits into `size` bytes, which are emptied; NULL: as usual again. */
void fault_catch_log(char *out, size_t size);

/* How many calls there were since fault_reset. */
long fault_count(enum fault_call call);

/* Has the fault asked for by fault_fail_nth happened? */
bool fault_has_struck(enum fault_call call);

#endif
