/* The socket over which a worker hands all that it has to the next one: records of base/hand.h in
 * both directions, and descriptors. Nothing here goes by way of the reactor: who waits, waits until
 * a deadline. The drawing of the steps is in server/handover.h. */
#ifndef SERVER_HANDOVER_WIRE_H
#define SERVER_HANDOVER_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/hand.h"

/* What both must agree on: it grows whenever a record of any module changes. */
#define HANDOVER_FORMAT 1

/* The longest version that is told, and the longest reason. */
#define HANDOVER_TEXT_MAX 160

enum handover_record {
    HANDOVER_HELLO = HAND_PROCESS + 1,
    HANDOVER_WHY,
    HANDOVER_BEGIN,
    HANDOVER_BATCH,
    HANDOVER_ACK,
    HANDOVER_CLOCK,
    HANDOVER_END,
    HANDOVER_READY,
    HANDOVER_GO,
    HANDOVER_STOP,
};

/* Descriptors in one message: the kernel takes 253 at most (SCM_MAX_FD), and only so many may be on
 * their way to a process that an unprivileged user sends (unix(7), ETOOMANYREFS). */
#define HANDOVER_FDS 200

struct handover_wire {
    int fd;            /* stream socket, non-blocking; owned */
    uint64_t deadline; /* monotonic ms; UINT64_MAX: it waits for as long as the other end lives */
    bool is_over;      /* the other end has closed it */
    bool is_late;      /* the deadline has passed */
    uint8_t *input;    /* what was received ahead of its reader; owned */
    size_t at, end;    /* in it */
    uint64_t bytes;    /* sent and received */
    int *fds;          /* received; owned, and so is each of them */
    size_t count, max; /* of them: there are, may come */
};

/* Takes the descriptor. So many descriptors may be received: 0 where none are wanted. Returns 0, or
 * -1 with errno ENOMEM: then the descriptor is closed. */
int wire_init(struct handover_wire *wire, int fd, size_t max_fds);

/* Closes the socket; the descriptors that were received belong to the caller. */
void wire_deinit(struct handover_wire *wire);

/* Closes what was received. */
void wire_close_received(struct handover_wire *wire);

/* Sends all bytes. Returns 0, or -1: is_over, is_late. */
int wire_send(struct handover_wire *wire, struct str bytes);

/* The same with descriptors that travel with the first of them: 1 to HANDOVER_FDS. */
int wire_send_fds(struct handover_wire *wire, struct str bytes, const int *fds, size_t count);

/* Receives exactly `len` bytes, and with them whatever descriptors come. Returns 0, or -1: is_over,
 * is_late, or more descriptors than may come. */
int wire_receive(struct handover_wire *wire, void *to, size_t len);

/* Is there something to be received at once? */
bool wire_is_ready(const struct handover_wire *wire);

/* Has the other end closed it, or ended? */
bool wire_is_hung_up(const struct handover_wire *wire);

/* Sends one record without a payload, for which no memory is needed. Returns as wire_send. */
int wire_say(struct handover_wire *wire, uint16_t type);

/* For hand_writer_init and hand_reader_init, whose owner is the wire. */
int wire_flush(void *wire, struct str bytes);
int wire_fill(void *wire, void *to, size_t len);

#endif
