/* Bans: who may not enter which rooms, and until when. For the chat, and for those at the door.
 *
 * Each is an event of the room LOG_BANS, which nobody can enter, and counts from its commit on: so
 * it is kept, brought back and told to other servers like what people say. Its text is a JSON
 * object, which programs are shown as it is:
 *
 *      {"ban":"00c0ffee00c0ffee","rooms":["tea","team-*"],"sub":"ada","address":"192.0.2.7",
 *       "until":1700000000000,"reason":"...","by":"grace"}
 *
 * A ban ends as soon as the time of day has reached its end, or as long after it was heard of as it
 * was long then: so it is never longer than asked for, whatever is done to the clock. */
#ifndef CHAT_BANS_H
#define CHAT_BANS_H

#include "base/buf.h"
#include "chat/core.h"

struct chat_post;

/* BAN_SHARE: who asks has as many as it may. */
enum ban_result { BAN_OK, BAN_FULL, BAN_SHARE, BAN_NO_MEMORY };

/* The ban that keeps this person out of a room (or where `is_at_password`, of any); NULL: none
 * does. */
const struct ban *bans_find(const struct chat *chat, const struct ban_person *person,
                            struct str room);

/* Is the ban for this person, in the rooms that it is for? */
bool ban_is_of(const struct ban *ban, const struct ban_person *person);

/* All bans of this person, whatever the rooms: for who asks about many of them. What it returns is
 * good until bans change, or somebody else is looked for. */
struct ban_list bans_collect(struct chat *chat, const struct ban_person *person);

/* Is one of these bans for some room that the pattern stands for? */
bool ban_list_meets(const struct ban_list *list, struct str pattern);

/* The ban of this name; NULL: there is none. */
const struct ban *bans_get(const struct chat *chat, struct str name);

/* The bans behind one of this number, in the order of numbers. What it returns is good until bans
 * change, or they are sorted again. */
struct ban_list bans_sort(struct chat *chat, uint64_t after);

void ban_write_name(char out[BAN_NAME_SIZE], uint64_t number);

/* Reads it back. Returns false where it is none. */
bool ban_read_name(struct str name, uint64_t *number);

/* Can it be read as an address, or a network? */
bool ban_address_is_valid(struct str text);

/* Makes the event of a ban, its text in `json`, which is empty, and must live as long. With BAN_OK
 * it has one of the places until it is settled.
 *
 * So that nobody can take all places, each subject may have a part of those that are left (all who
 * have none count as one): with n askers that take what they can, (1 - 1/11)^n of the places are
 * still free. Nothing gives way to a new one: a ban never ends because of another. */
enum ban_result bans_event(struct chat *chat, struct ban_wish *wish, struct buf *json,
                           struct event *event);

/* Asks for a ban, or the end of one, on behalf of a program: post->event is what bans_event made,
 * or a lift. See chat_post. */
enum ban_result bans_post(struct chat *chat, struct chat_post *post);

/* The event that ends a ban. */
struct event ban_lift(const struct ban *ban);

/* The channel of bans, made where there is none, and followed from now on. NULL: errno is ENOMEM.
 */
struct channel *bans_channel(struct chat *chat);

/* ---- for the chat alone ---- */

/* Such an event was committed; `is_own`: it was asked for here. */
void bans_committed(struct chat *chat, struct channel *channel, const struct event *event,
                    uint32_t word, bool is_own);

/* The next ban because of which nobody was looked at; NULL: there is none. */
const struct ban *bans_take_fresh(struct chat *chat);

/* One that waited is settled, or was never asked for. */
void bans_settled(struct chat *chat, const struct event *event);

/* Forgets all; what waits for its commit still does. */
void bans_clear(struct chat *chat);

/* See log_calls.walk_records. */
void bans_walk(struct chat *chat,
               void (*each)(void *arg, const struct event *event, uint32_t *word), void *arg);

/* All bans, as records of this type of which the first has what is known of them together; and back
 * into a table without any, once its room is there. */
void bans_hand_all(struct hand_writer *w, uint16_t type, const struct bans *bans);
void bans_take_all(struct hand_reader *r, uint16_t type, struct chat *chat);

#endif
