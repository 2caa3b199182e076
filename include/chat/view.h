/* What programs read of rooms, as JSON: which there are, who is in one, what was said. Each appends
 * one object and returns 0, or -1 with errno ENOMEM. */
#ifndef CHAT_VIEW_H
#define CHAT_VIEW_H

#include "chat/core.h"

#define VIEW_LIMIT_MAX 1000 /* rooms or events of one answer */

/* Which rooms to list. */
struct view_rooms {
    struct str prefix; /* how their names begin */
    struct str after;  /* only names behind this, in byte order; ptr is NULL: from the first on */
    size_t limit;      /* 1 to VIEW_LIMIT_MAX */

    /* May this room be seen, and who is in it? */
    bool (*may_see)(void *owner, struct str room, bool *with_members);
    void *owner;
};

/* `{"rooms":[{"room":R,"members":N,"pos":P}],"more":B}` */
int view_rooms(const struct chat *chat, const struct view_rooms *wish, struct buf *out);

#define VIEW_BUSIEST 10

/* The rooms in which most was said within the last minute, then those with most members:
 * `{"rooms":[{"room":R,"members":N,"messages":N}]}`, at most VIEW_BUSIEST of them. */
int view_busiest(const struct chat *chat, struct buf *out);

/* `{"room":R,"count":N,"members":[{"id":I,"name":N}]}`, at most presence_limit of them. */
int view_members(const struct chat *chat, struct str room, struct buf *out);

/* Which events to show. */
struct view_events {
    struct str since; /* a position as it came: what came after it; ptr is NULL: the last ones */
    uint64_t last;    /* messages, where `since` does not say better */
    size_t limit;     /* 1 to VIEW_LIMIT_MAX */
    bool with_presence;
};

/* `{"events":[...],"recovered":B,"pos":P,"more":B}`; `pos` is where to go on, and missing where the
 * room is not there. */
int view_events(struct chat *chat, struct str room, const struct view_events *wish,
                struct buf *out);

#endif
