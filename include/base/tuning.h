/* Sizes that are a matter of tuning, not of meaning. The tiny build (make tiny) shrinks them until
 * every wrap, split and refill happens all the time; the whole test suite must pass there too. */
#ifndef BASE_TUNING_H
#define BASE_TUNING_H

#ifdef WSCHAT_TINY
#define TUNE_READ_BUFFER 16  /* bytes of one read from a socket */
#define TUNE_CHECK 5         /* bytes of a payload that are unmasked and checked at a time */
#define TUNE_RING_MIN 256    /* bytes an ring starts with; a power of two */
#define TUNE_IOV 2           /* spans of one sendmsg */
#define TUNE_SEND_SHARE 8192 /* bytes that a stream sends before others have their turn */
#define TUNE_EVENTS 2        /* events of one epoll_wait */
#define TUNE_ACCEPT_BATCH 1  /* connections accepted in one tick */
#define TUNE_CLIENT_TABLE 8  /* places the client table has at least; a power of two */
#define TUNE_SEGMENT 4096    /* bytes at which a file of the journal is full */
#else
#define TUNE_READ_BUFFER 65536
#define TUNE_CHECK 8192
#define TUNE_RING_MIN 4096
#define TUNE_IOV 64
#define TUNE_SEND_SHARE 262144
#define TUNE_EVENTS 512
#define TUNE_ACCEPT_BATCH 16
#define TUNE_CLIENT_TABLE 64
#define TUNE_SEGMENT (8 << 20)
#endif

#endif
