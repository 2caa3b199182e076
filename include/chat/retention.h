/* What the chat keeps of the past, and what it forgets. For the chat alone.
 *
 * All rooms share a memory. Where it is full, the room whose records weigh most loses its oldest;
 * but where none takes more than a sixteenth, rooms with members and rooms without have each one
 * half as long as they need it: no number of rooms that somebody made and left takes what people in
 * other rooms have said. Frames that were made for a replay go before any record does.
 */
#ifndef CHAT_RETENTION_H
#define CHAT_RETENTION_H

#include "chat/core.h"

/* Begins with nothing. */
void retention_init(struct chat *chat);

/* Remembers an event that was committed, with the log's word for it. Where memory does not allow
 * it, all before it is forgotten too: a replay has no holes. `author`: of a message; NULL: nobody
 * here. */
void retention_remember(struct chat *chat, struct channel *channel, const struct event *event,
                        const struct client *author, uint32_t word);

/* The frames of a record take so many bytes more. */
void retention_count_frame(struct chat *chat, struct record *record, size_t bytes);

/* Neither this coming or going nor any before it is replayed: a join without its leave would be
 * wrong. */
void retention_skip(struct chat *chat, struct channel *channel, const struct event *event,
                    uint32_t word);

/* The record at a place of a history, with no frames that tell reactions as they were: one that is
 * being sent stays with who sends it, and another takes its place. NULL: errno is ENOMEM. */
struct record *retention_renew(struct chat *chat, struct history *history, size_t place);

/* Keeps all histories together within their memory. `busy` is the channel that is being used, which
 * stays in any case. */
void retention_forget_excess(struct chat *chat, const struct channel *busy);

/* The channel with this name, made where there is none. NULL: errno is ENOMEM. */
struct channel *retention_channel(struct chat *chat, struct str name);

/* Forgets all that is kept of a channel; `gone` is the seq of the last message that it will never
 * have. */
void retention_forget_channel(struct chat *chat, struct channel *channel, uint64_t gone);

/* Removes the channel if nobody wants it. */
void retention_tidy(struct chat *chat, struct channel *channel);

/* Removes a channel without members and all that it keeps. */
void retention_remove_channel(struct chat *chat, struct channel *channel);

/* ---- from one process to the next ---- */

/* A record of a channel that is being taken over, newer than all before, and the chat's from now
 * on: where there may be fewer of them here, the oldest goes. Returns false where it makes no
 * sense.
 */
bool retention_take(struct hand_reader *r, struct chat *chat, struct channel *channel,
                    struct record *record);

/* The channel has all its members and records. */
void retention_take_weight(struct chat *chat, struct channel *channel);

#endif
