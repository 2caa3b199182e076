/* Seats: who enters, takes over, moves, is renamed, leaves.
 *
 * A seat has at most one event of its own (not counting messages) that waits for the log. What it
 * wants next is done when the answer comes: seat_advance looks at what the seat is and at what it
 * should be, and takes the next step. */
#ifndef CHAT_SEAT_H
#define CHAT_SEAT_H

#include "chat/core.h"

/* Whom would this entry replace? The payer of the seat that its key would take; 0: nobody that is
 * known. */
uint32_t chat_replaces(const struct chat *chat, const struct chat_entry *entry);

/* The queue of the connection that this id sits on, or that waits to; NULL: it has none. */
struct sendq *chat_queue_of(const struct chat *chat, uint64_t id);

/* Asks for a seat for a client whose frames go to `out`, behind what is in it already. With CHAT_OK
 * *client is its seat from now on, until chat_leave or the hook let_go. Once the log has committed
 * what that takes, maybe before this returns, it is told what its codec tells of its welcome, and
 * what it asked for is replayed. Otherwise *client is as it was, and nobody hears of it. */
enum chat_result chat_enter(struct chat *chat, const struct chat_entry *entry, struct sendq *out,
                            struct client **client);

/* The client's connection is over; its queue keeps a bounded part of what is still to be sent, and
 * is the caller's alone again. What it said is said, also what still waits for the log; its leave
 * comes after that. `is_broken`: the connection was lost rather than closed, so a seat of wschat.v1
 * is kept for a while. Returns what sendq_detach does. `client` may no longer exist afterwards. */
int chat_leave(struct chat *chat, struct client *client, bool is_broken);

/* The room that a seat is in, or that its connection waits for; ptr is NULL where there is none. */
struct str chat_room_of(const struct client *client);

/* ---- for the chat alone ---- */

/* Are as many seats taken as there may be clients? Those that are kept count. */
bool seat_are_all_taken(const struct chat *chat);

/* Takes the next step of all seats that are due, as far as their channels have room. */
void seat_advance_due(struct chat *chat);

/* Asks for another name; `ref` is told where that is refused. Returns 0, or -1 with errno ENOMEM.
 */
int seat_rename(struct chat *chat, struct client *client, struct str name, struct str ref);

/* Gives up the seats whose time is over, and asks again for leaves that were refused. */
void seat_expire(struct chat *chat);

/* A JOIN, LEAVE or RENAME was committed. `seat` is who asked for it, or NULL. */
void seat_committed(struct chat *chat, struct channel *channel, const struct event *event,
                    struct client *seat, uint32_t word);

/* A log brings one back that nobody here asked for. A seat with a key waits for its owner; others
 * leave as soon as that can be told. */
void seat_restore(struct chat *chat, struct channel *channel, const struct event *event,
                  uint32_t word);

/* A shared log tells of a seat at another server. */
void seat_told_elsewhere(struct chat *chat, struct channel *channel, const struct event *event,
                         uint32_t word);

/* See log_calls.evict. */
void seat_evict(struct chat *chat, struct channel *channel, uint64_t id, bool has_moved);

/* Lets all readers of a channel go, to come again; seats whose owners have their keys stay. */
void seat_let_all_go(struct chat *chat, struct channel *channel);

/* A JOIN, LEAVE or RENAME was refused. */
void seat_refused(struct chat *chat, struct channel *channel, const struct event *event,
                  struct client *seat, enum log_refusal why);

/* The connection of a client must be closed: the chat lets go of it. */
void seat_let_go(struct chat *chat, struct client *client, uint16_t code, const char *reason);

/* Its next step is to be taken as soon as that can be. */
void seat_make_due(struct chat *chat, struct client *client);

/* Frees what a seat owns, and its place. */
void seat_free(struct chat *chat, struct client *client);

/* The code and the sentence of a refusal. */
const char *seat_refusal_code(enum log_refusal why);
const char *seat_refusal_text(enum log_refusal why);

#endif
