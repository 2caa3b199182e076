/* Who waits to enter: for the files of seats alone. */
#ifndef CHAT_ENTERING_H
#define CHAT_ENTERING_H

#include <stdbool.h>
#include <stdint.h>

#include "chat/client_table.h"
#include "chat/replay.h"

/* Who waits to take a seat: a connection, the room it wants, and what it wants to hear there. */
struct entering {
    struct channel *channel; /* which stays as long as this does */
    struct sendq *out;
    struct replay_wish wish;
    uint64_t bans_made; /* so many had come when it began to wait */
    enum codec_kind codec;
    bool has_proof; /* it showed a key, which is of no seat here */
    bool is_new;    /* it is another client than the one that leaves the seat */
    bool is_packed; /* it takes compressed frames */
    bool has_name;  /* it gives the seat this name */
    uint8_t name_len;
    uint8_t proof[CLIENT_KEY_SIZE];
    char name[CODEC_NAME_MAX];
};

#endif
