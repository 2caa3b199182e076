/* A conversation in wschat.v1: keeps the seat across broken connections, sends each message until
 * it came back, and knows who is here (docs/protocol.md, "A client that comes back"). */
#ifndef CLI_SESSION_H
#define CLI_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cli/link.h"
#include "cli/names.h"
#include "cli/pass.h"
#include "cli/roster.h"
#include "cli/target.h"
#include "cli/unsent.h"
#include "proto/codec/v1_client.h"

struct session_settings {
    struct target target;
    uint64_t ping_interval, ping_timeout; /* milliseconds; 0: never */
    uint64_t give_up;                     /* milliseconds without a connection; 0: never */
    const char *token_file;               /* where the token stands; NULL: it has none */
    bool seeks_end;                       /* find out where each replay ends, for session_is_live */
};

struct session;
struct session_host {
    /* A frame of the server; `raw` is the same as it came. */
    void (*frame)(struct session *s, const struct v1_event *frame, struct str raw);
    /* Something that the user should know. */
    void (*note)(struct session *s, const char *text);
    /* A message that will never be acknowledged. */
    void (*failed)(struct session *s, const struct unsent_entry *entry, struct str why);
};

enum session_state { SESSION_CONNECTING, SESSION_ONLINE, SESSION_WAITING, SESSION_OVER };

struct session {
    const struct session_host *host;
    const struct session_settings *settings;
    struct link link;
    enum session_state state;
    bool is_finishing;             /* the close handshake was asked for */
    char error[2 * LINK_TEXT_MAX]; /* why it is over; empty: it was asked for */

    uint64_t id;
    bool has_seat;  /* the id is ours: from the welcome on, until a replay tells that it left */
    bool is_moving; /* it closes to enter another room */
    bool is_lost_told;
    char room[CODEC_NAME_MAX + 1];
    char name[CODEC_NAME_MAX + 1];
    char key[TARGET_SECRET_MAX];   /* empty: none */
    char since[TARGET_SECRET_MAX]; /* empty: none */
    char token[PASS_MAX];          /* empty: none */
    char said[TARGET_SECRET_MAX];  /* where the last own message stands; empty: nowhere */
    uint64_t limit;                /* bytes of a message that the server takes; 0: not yet known */
    bool is_welcome;               /* it has been online */

    struct roster roster;
    struct names names; /* of everybody who was heard of in this room */
    struct unsent unsent;
    char barrier[UNSENT_REF_MAX]; /* a note to ourselves that ends the replay; empty: none */
    uint64_t barriers;

    unsigned attempt;     /* connections in a row that failed */
    uint64_t retry_at;    /* SESSION_WAITING: when the next begins; monotonic milliseconds */
    uint64_t welcomed_at; /* SESSION_ONLINE */
    uint64_t lost_at;     /* since when there is no connection */
    uint64_t now;         /* of the call at hand */
    struct buf raw;       /* the frame at hand, as it came */
};

/* `id` is taken where the target names none. The settings outlive the session. */
void session_init(struct session *s, const struct session_host *host,
                  const struct session_settings *settings, uint64_t id);
void session_deinit(struct session *s);

/* Begins to connect. The token is read before; where that fails the session is over. */
void session_start(struct session *s, uint64_t now);

/* Is it our id, as far as the events that came until now tell? Somebody else may have had it while
 * we were away: after a replay told that it left, until the replay ends. */
bool session_is_own(const struct session *s, uint64_t id);

/* Is what comes now news? False during a replay; its end is known only with settings->seeks_end. */
bool session_is_live(const struct session *s);

/* Says something: now, or when there is a connection. `to` 0: to the room. Returns 0, or -1 where
 * there is no memory. Too long a message is told by `failed`. Call it only while
 * unsent_is_full(&s->unsent) is false. */
int session_say(struct session *s, struct str text, uint64_t to);

/* Sends a command that is answered by an error or an event, and not repeated. Returns 0, or -1
 * where there is no connection or no memory. */
int session_command(struct session *s, struct str frame);

/* Takes another name, which is valid. */
void session_rename(struct session *s, struct str name);

/* Leaves the room for another one, whose name is valid. Returns 0, or -1 where a message is not
 * acknowledged yet: it was meant for this room. */
int session_enter(struct session *s, struct str room, uint64_t now);

/* Leaves now; what is not acknowledged by the end stays in s->unsent. */
void session_finish(struct session *s, uint64_t now);

/* Goes on with what poll said of s->link.fd (link_events tells what to ask for). */
void session_ready(struct session *s, short events, uint64_t now);

/* When session_tick must be called; UINT64_MAX: never. */
uint64_t session_deadline(const struct session *s);
void session_tick(struct session *s, uint64_t now);

#endif
