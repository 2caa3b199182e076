#include "chat/kept.h"

#include <errno.h>

#include "base/mapping.h"
#include "base/util.h"

int kept_init(struct kept *k, size_t payers, const struct client_table *clients)
{
    size_t seats = clients->capacity;

    *k = (struct kept){.clients = clients, .group_count = payers, .seat_count = seats};
    k->groups = mapping_new(payers * sizeof(*k->groups));
    k->levels = mapping_new((seats + 1) * sizeof(*k->levels));
    k->kin = mapping_new(seats * sizeof(*k->kin));
    if (k->groups == NULL || k->levels == NULL || k->kin == NULL) {
        kept_deinit(k);
        errno = ENOMEM;
        return -1;
    }
    return 0;
}

void kept_deinit(struct kept *k)
{
    mapping_free(k->groups, k->group_count * sizeof(*k->groups));
    mapping_free(k->levels, (k->seat_count + 1) * sizeof(*k->levels));
    mapping_free(k->kin, k->seat_count * sizeof(*k->kin));
    k->groups = NULL;
    k->levels = NULL;
    k->kin = NULL;
}

static struct list *kept_kin_of(const struct kept *k, const struct client *seat)
{
    return &k->kin[client_table_place(k->clients, seat)];
}

static struct kept_group *kept_group_of(const struct kept *k, const struct client *seat)
{
    return &k->groups[seat->payer];
}

/* Puts a group, which is on no level, on that of its count. A level is reached from the one below,
 * so all below are ready. */
static void kept_settle(struct kept *k, struct kept_group *group)
{
    if (group->count == 0)
        return;
    while (k->ready <= group->count)
        list_init(&k->levels[k->ready++]);
    list_append(&k->levels[group->count], &group->level);
    k->most = max_size(k->most, group->count);
}

void kept_add(struct kept *k, struct client *seat)
{
    struct kept_group *group = kept_group_of(k, seat);

    if (group->count == 0) {
        list_init(&group->seats);
        list_init(&group->level);
    }
    list_append(&group->seats, kept_kin_of(k, seat));
    seat->is_kept = true;
    list_remove(&group->level);
    group->count++;
    kept_settle(k, group);
}

void kept_remove(struct kept *k, struct client *seat)
{
    struct kept_group *group = kept_group_of(k, seat);

    if (!seat->is_kept)
        return;
    seat->is_kept = false;
    list_remove(kept_kin_of(k, seat));
    list_remove(&group->level);
    group->count--;
    kept_settle(k, group);
    /* Where it was the only one with the most, it is on the level below now. */
    if (list_is_empty(&k->levels[k->most]))
        k->most--;
}

struct client *kept_first_of_most(const struct kept *k)
{
    const struct kept_group *group;

    if (k->most < 2)
        return NULL;
    group = CONTAINER_OF(k->levels[k->most].next, struct kept_group, level);
    return &k->clients->clients[group->seats.next - k->kin];
}

/* ---- from one process to the next ---- */

void kept_hand(struct hand_writer *w, uint16_t type, const struct kept *k)
{
    hand_begin(w, type);
    for (size_t count = 1; count <= k->most; count++) {
        const struct list *level = &k->levels[count];

        for (struct list *at = level->next; at != level; at = at->next) {
            const struct kept_group *group = CONTAINER_OF(at, struct kept_group, level);

            hand_put_u32(w, (uint32_t)(group - k->groups));
        }
    }
    hand_end(w);
}

void kept_take(struct hand_reader *r, struct kept *k)
{
    while (hand_is_good(r) && hand_left(r) > 0) {
        uint32_t payer = hand_get_u32(r);
        struct kept_group *group = &k->groups[payer < k->group_count ? payer : 0];

        if (!hand_check(r, group->count > 0 && payer < k->group_count, "nobody waits for a payer"))
            return;
        list_remove(&group->level);
        kept_settle(k, group);
    }
}
