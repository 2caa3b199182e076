/* Seats that are kept for owners who are away, by who pays for them: when all seats are taken, the
 * oldest of whoever has the most gives way.
 *
 *      levels       groups (by payer)
 *      +---+
 *      | 1 | <---> group 7 <---> group 2     each has one kept seat
 *      | 2 |
 *      | 3 | <---> group 5                   ... three: `most`; its seats, the oldest first
 *      +---+
 *
 * A payer is a number that means nothing here. All arrays are anonymous mappings made once: what
 * was never used costs no memory. Every call costs O(1). */
#ifndef CHAT_KEPT_H
#define CHAT_KEPT_H

#include <stddef.h>
#include <stdint.h>

#include "base/hand.h"
#include "base/list.h"
#include "chat/client_table.h"

struct kept_group {
    struct list seats; /* the one that is away longest first */
    struct list level; /* among the groups that have as many */
    uint32_t count;
};

struct kept {
    struct kept_group *groups; /* group_count places */
    struct list *levels;       /* seat_count + 1 places; `ready` of them have been used */
    struct list *kin;          /* of each place of the table: among the seats of its group */
    const struct client_table *clients;
    size_t group_count;
    size_t seat_count;
    size_t ready;
    size_t most; /* seats of the group that has the most; 0: no group has one */
};

/* Makes it for payers below `payers` and for the seats of a table, which stays where it is. Returns
 * 0, or -1 with errno ENOMEM. */
int kept_init(struct kept *k, size_t payers, const struct client_table *clients);

/* Gives the memory back. No seat needs to have been removed. */
void kept_deinit(struct kept *k);

/* The seat waits for its owner from now on, and is in no group yet. */
void kept_add(struct kept *k, struct client *seat);

/* It does not wait any more; does nothing where it is in no group. */
void kept_remove(struct kept *k, struct client *seat);

/* The oldest seat of a group that has the most; NULL where no group has more than one. */
struct client *kept_first_of_most(const struct kept *k);

/* The order of the groups on each level, as records of this type. It is taken once all seats were
 * added again in the order in which they wait. */
void kept_hand(struct hand_writer *w, uint16_t type, const struct kept *k);
void kept_take(struct hand_reader *r, struct kept *k);

#endif
