/* Messages on their way: each leaves when the server sends its ref back, and not before. So it
 * survives a broken connection and arrives once. */
#ifndef CLI_UNSENT_H
#define CLI_UNSENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/str.h"

#define UNSENT_MAX 128          /* messages that may be on their way; more must wait */
#define UNSENT_BYTES_MAX 262144 /* and the bytes of them; the last one may go beyond */
#define UNSENT_REF_MAX 40       /* characters of a ref, the NUL included */

enum unsent_state {
    UNSENT_WAITING, /* known not to have arrived */
    UNSENT_SENDING,
    UNSENT_DOUBT, /* sent, then the connection broke: the replay will tell */
};

struct unsent_entry {
    enum unsent_state state;
    uint64_t to;     /* whom it is for; 0: the room */
    uint64_t from;   /* the id that it was sent from last; 0: not yet */
    uint64_t number; /* from 1 on, in the order in which they were said */
    char ref[UNSENT_REF_MAX];
    struct buf text;
};

struct unsent {
    struct unsent_entry *entries[UNSENT_MAX]; /* in order; owned */
    size_t count;
    size_t bytes;
    uint64_t added;  /* so many have ever been */
    uint64_t secret; /* so that nobody can guess a ref */
};

void unsent_init(struct unsent *u, uint64_t secret);
void unsent_deinit(struct unsent *u);

bool unsent_is_full(const struct unsent *u);

/* Adds a copy at the end, waiting. Returns it, or NULL where there is no memory, or UNSENT_MAX are
 * there. */
struct unsent_entry *unsent_add(struct unsent *u, struct str text, uint64_t to);

/* Counts a message that will not be sent, so that the numbers are those of the lines. */
void unsent_skip(struct unsent *u);

/* The message with that ref, or NULL. */
struct unsent_entry *unsent_find(const struct unsent *u, struct str ref);

/* The first message in that state, or NULL. */
struct unsent_entry *unsent_first(const struct unsent *u, enum unsent_state state);

/* Frees a message. */
void unsent_remove(struct unsent *u, struct unsent_entry *entry);

/* Moves all of one state to another. */
void unsent_move(struct unsent *u, enum unsent_state from, enum unsent_state to);

#endif
