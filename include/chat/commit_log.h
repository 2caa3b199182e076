/* Commit log: what gives the events of a room their one order, before anybody is told of them.
 *
 * Appending hands an event over; some time later, in the same order for each room, the log gives it
 * a seq and calls `committed`. A log in memory does that before append returns; one that waits for
 * a disk or for another server may do it at any later time, from its own turn in the tick, with its
 * own copy of the event. */
#ifndef CHAT_COMMIT_LOG_H
#define CHAT_COMMIT_LOG_H

#include "proto/codec/codec.h"

struct room;

struct commit_log {
    /* Takes an event for the room; event->seq and event->epoch are the log's to set. Its slices
     * need not outlive the call. Returns 0; or -1 with errno where it was not taken and nobody will
     * hear of it. */
    int (*append)(struct commit_log *log, struct room *room, struct event *event);

    /* Set by whoever publishes. Returns 0, or -1 with errno ENOMEM where the event could not be
     * published: a log in memory forgets it then. */
    int (*committed)(void *owner, struct room *room, const struct event *event);
    void *owner;
};

/* A log that keeps nothing: events are committed at once. */
void commit_memory_init(struct commit_log *log);

#endif
