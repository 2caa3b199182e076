/* What a newcomer is sent of the past. For the chat alone. */
#ifndef CHAT_REPLAY_H
#define CHAT_REPLAY_H

#include "chat/core.h"

/* What somebody who enters wants of the past. */
struct replay_wish {
    uint64_t epoch; /* of the position that it knows */
    uint64_t seq;
    uint64_t history; /* messages, where the position does not say better */
    bool has_position;
};

/* What it is to be sent: what lies behind `after`, up to `until`. */
struct replay {
    uint64_t after; /* place in the channel's order */
    uint64_t until;
    bool recovered; /* exactly what came after the position that was asked for */
};

struct replay_wish replay_read_wish(const struct chat_entry *entry);

/* The record at a place of a history, with its frame as it is now; it is charged for that. NULL:
 * errno is ENOMEM. */
struct record *replay_record(struct chat *chat, struct history *history, size_t place,
                             enum rendition kind);

/* Finds what to replay up to `until`: all that came after the position that is known where that is
 * still possible, else the last messages, as many as are wanted, or as few as memory that slow
 * readers hold allows. */
struct replay replay_plan(struct chat *chat, struct channel *channel, enum rendition kind,
                          const struct replay_wish *wish, uint64_t until);

/* Puts that behind what is in the queue. Returns 0, or -1 with errno ENOMEM. */
int replay_send(struct chat *chat, struct channel *channel, enum rendition kind,
                const struct replay *replay, struct sendq *out);

/* Puts the welcome of wschat.v1 behind what is in the seat's queue. Returns 0, or -1 with errno
 * ENOMEM. */
int replay_welcome(struct chat *chat, const struct client *client, const struct replay *replay);

/* Lists so many of those who sit elsewhere, as members of a welcome; `is_first`: nobody was listed
 * before. Returns 0, or -1 with errno ENOMEM. */
int replay_list_elsewhere(const struct channel *channel, struct buf *out, size_t listed,
                          bool is_first);

/* Bytes of a key as text, the NUL included. */
#define KEY_TEXT_SIZE (2 * CLIENT_KEY_SIZE + 1)

/* Writes a seat's key as text. */
void replay_write_key(char out[KEY_TEXT_SIZE], const uint8_t key[CLIENT_KEY_SIZE]);

#endif
