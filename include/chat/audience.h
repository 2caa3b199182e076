/* Audience: who listens here to a channel, and what they are still to be sent.
 *
 * For each rendition in use there is a ring and a dense set of the queues that read it. Who
 * publishes does not look at them; serving them is the one walk, and there the tail of a ring is
 * raised. */
#ifndef CHAT_AUDIENCE_H
#define CHAT_AUDIENCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/hand.h"
#include "chat/rendition.h"
#include "chat/shared_window.h"
#include "out/ring.h"
#include "out/sendq.h"

/* The readers of one ring, in an array that a walk goes through in memory order. A queue knows its
 * place (sendq.slot). */
struct reader_set {
    struct sendq **items; /* size places, owned */
    size_t count;
    size_t size;
};

struct audience {
    struct ring ring[RENDITIONS];
    struct reader_set readers[RENDITIONS];
    struct shared_window windows[RENDITIONS - RENDITIONS_PLAIN]; /* of those that are packed */
    bool has_news[RENDITIONS]; /* its readers have something new to send */
    struct {
        bool is_begun;
        uint8_t kind;  /* enum rendition */
        size_t left;   /* readers of this kind that were not served yet: the first ones */
        uint64_t low;  /* position of its ring that the slowest of the others wants */
        uint64_t head; /* where its ring ended when the walk began */
    } walk;            /* through the readers, which may take more than one tick */
};

/* Makes an empty one, whose rings may grow to so many bytes. */
void audience_init(struct audience *a, const size_t ring_size[RENDITIONS]);

/* The readers must have been removed, or never be used as such again. */
void audience_deinit(struct audience *a);

/* From now on the queue gets what is published for this rendition. Returns 0, or -1 with errno
 * ENOMEM. */
int audience_add(struct audience *a, enum rendition kind, struct sendq *out);

/* Lets a reader go; its queue keeps at most `keep` bytes. Returns what sendq_detach does. */
int audience_remove(struct audience *a, enum rendition kind, struct sendq *out, size_t keep);

/* Has every ring in use room for a frame of this rendition's longest? If not, the readers are to be
 * served first. */
bool audience_has_room(const struct audience *a, const size_t longest[RENDITIONS]);

/* The window of a packed rendition. */
static inline struct shared_window *audience_window(struct audience *a, enum rendition kind)
{
    return &a->windows[kind - RENDITIONS_PLAIN];
}

/* Puts a frame into a ring, and never fails: where there is no room its slowest readers lose what
 * they had, and without memory all readers of it are marked as incomplete. Both find out when they
 * are served. */
void audience_publish(struct audience *a, enum rendition kind, const struct buf *frame);

/* The readers of a ring missed something for want of memory. */
void audience_mark_incomplete(struct audience *a, enum rendition kind);

/* Has much been published since the walk began that is under way? */
bool audience_is_behind(const struct audience *a);

/* Says that all readers are to be served, also those without news: the tails rise. */
void audience_press(struct audience *a);

/* Serves the readers of the rings with news, each by serve(out), which may remove that reader and
 * none but it, and may publish; it returns what that costs. Readers that are added meanwhile may be
 * left out. Takes the costs off *budget, and stops when that is spent, to go on there the next
 * time. Returns whether all were served that had news. */
bool audience_serve(struct audience *a, size_t (*serve)(struct sendq *out), int64_t *budget);

/* Raises the tails to what the slowest readers still want; gives back the rings that nobody wants
 * anything of, and all windows. */
void audience_give_back(struct audience *a);

/* How far the slowest reader is behind, in bytes of its ring. */
uint64_t audience_lag(const struct audience *a);

/* ---- from one process to the next ---- */

/* What is known of an audience without its readers, within a record; and what its rings and windows
 * hold, as records of these types, which begin with the rendition. */
void audience_hand(struct hand_writer *w, const struct audience *a);
void audience_hand_rings(struct hand_writer *w, uint16_t ring_type, uint16_t window_type,
                         const struct audience *a);

/* Takes these into an empty one: the first, and then whatever record of the others comes. */
void audience_take(struct hand_reader *r, struct audience *a);
void audience_take_ring(struct hand_reader *r, struct audience *a);
void audience_take_window(struct hand_reader *r, struct audience *a);

/* A reader that was taken, and the place that it had in its set. */
struct taken_reader {
    struct reader_set *set;
    struct sendq *out;
    uint32_t slot;
};

/* A queue that read this rendition goes on where it was; what is known of it is appended to
 * `taken`. Returns false where that makes no sense. */
bool audience_take_reader(struct hand_reader *r, struct audience *a, enum rendition kind,
                          struct sendq *out, uint32_t slot, struct buf *taken);

/* All readers were taken: they stand in the order in which they stood, which is the one in which
 * they are told, and closed. */
void audience_sort_taken(struct buf *taken);

#endif
