/* The gate: who may enter which room, and until when. Open to all, unless there is a file of keys.
 *
 *      request --token, or none--> visitor --it becomes a WebSocket--> pass --its time is over-->
 *                                                                        ^  |        4401
 *                                                                        '--' renewed
 */
#ifndef WEB_GATE_H
#define WEB_GATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "auth/key_file.h"
#include "auth/token.h"
#include "base/hand.h"
#include "proto/http/request.h"
#include "proto/ws/handshake.h"

#define GATE_CLOSE_TOKEN 4401 /* no token, a bad one, or one that has expired */

struct conn;

/* What one connection was let in with. */
struct pass {
    struct conn *conn;
    uint64_t expires;   /* milliseconds since 1970 */
    uint64_t person;    /* see token_person */
    uint8_t everywhere; /* rights in each room, whatever its name */
    uint8_t sub_len;
    char sub[]; /* who it is */
};

struct gate {
    const char *file; /* of the keys; NULL: there is none */
    struct key_file keys;
    struct str audience;
    struct str issuer;
    uint8_t anonymous;    /* rights of who has no token; RIGHTS_NONE: nobody enters without one */
    bool is_in_query;     /* a token may stand in the query */
    struct pass **passes; /* one in each place; a heap: the one that expires first is the first;
                             owned, as they are */
    size_t count;
    size_t size;
};

/* Somebody at the gate. */
struct visitor {
    struct token token; /* where it has one */
    bool has_token;
    uint8_t rights; /* enum right, and RIGHT_NAME */
};

/* Why somebody is not let in. */
struct gate_refusal {
    int status;      /* of HTTP: 400, 401, 403; 0: nothing is wrong */
    const char *why; /* a few words that tell nothing of the token */
    bool is_late;    /* 401 because a token that was good has expired */
};

/* Room for such words and the name of a room. */
#define GATE_TOLD_MAX 192

/* Writes why, and which room it is about (empty: none): for who asks by HTTP, and may have asked
 * for another room than was meant. */
void gate_tell(char out[GATE_TOLD_MAX], const char *why, struct str room);

/* Reads the file of keys, if there is one. Returns 0, or -1 where a line in `problem` says what is
 * wrong. */
int gate_open(struct gate *gate, char *problem, size_t size);

/* Is there any key? Without one everything is open. */
static inline bool gate_is_on(const struct gate *gate)
{
    return gate->keys.count > 0;
}

/* Makes a key of its own, for this run, where there is no file. Returns 0, or -1 with errno ENOMEM.
 */
int gate_make_key(struct gate *gate, void (*random)(void *bytes, size_t len));

/* What the subjects of those who know the password begin with, and how long their tokens are good;
 * and those of moderators. */
#define GATE_GUEST "guest-"
#define GATE_GUEST_SECONDS (12 * 3600)
#define GATE_MODERATOR_SECONDS (30 * 24 * 3600)

/* Appends a token, good until `expires` (seconds since 1970), for all rooms: one for people; one
 * that carries all rights. Each returns 0, or -1 with errno ENOMEM. */
int gate_make_guest(const struct gate *gate, uint64_t expires,
                    void (*random)(void *bytes, size_t len), struct buf *out);
int gate_make_moderator(const struct gate *gate, uint64_t expires, struct buf *out);

/* Reads it anew, and logs what came of it. Whoever is in stays. */
void gate_reload(struct gate *gate);

/* Wipes the keys, frees everything. */
void gate_close(struct gate *gate);

/* Finds out who asks: reads the token of a request, from where gate_look_at finds it. `origins`: of
 * whose pages cookies are taken; NULL: none are. */
struct gate_refusal gate_recognize(const struct gate *gate, const struct http_request *request,
                                   const struct origin_list *origins, uint64_t now,
                                   struct visitor *visitor);

/* What a visitor that was recognized may do in a room. */
uint8_t gate_rights(const struct gate *gate, const struct visitor *visitor, struct str room);

/* Looks at the token of a request for a room (empty: for none, so that no right is needed): in
 * Authorization, in the subprotocols, in a cookie if the request is from a page of our own, or in
 * the query where that is allowed. `now`: milliseconds since 1970. */
struct gate_refusal gate_look_at(const struct gate *gate, const struct http_request *request,
                                 const struct origin_list *origins, struct str room, uint64_t now,
                                 struct visitor *visitor);

/* Lets a visitor in, behind a connection that has just become a member. Returns 0, or -1 with errno
 * ENOMEM. */
int gate_let_in(struct gate *gate, struct conn *conn, const struct visitor *visitor);

/* Was this member let in with a token of that subject? */
bool gate_is_of(const struct gate *gate, const struct conn *conn, struct str sub);

/* The subject that a member was let in with; ptr is NULL where it has none. */
struct str gate_sub_of(const struct gate *gate, const struct conn *conn);

/* What a member may do in each room, whatever its name. */
uint8_t gate_rights_everywhere(const struct gate *gate, const struct conn *conn);

/* See token_person; 0: it has no token. */
uint64_t gate_person_of(const struct gate *gate, const struct conn *conn);

/* A member shows another token: of the same subject, if it had one; for the room that it is in.
 * Returns NULL, and who that makes it, or why it must go, and by which close code. It may do no
 * more than before. */
const char *gate_look_again(const struct gate *gate, const struct conn *conn, struct str text,
                            struct str room, uint64_t now, struct visitor *visitor, uint16_t *code);

/* From now on a member may do what that allows. Returns 0, or -1 with errno ENOMEM. */
int gate_renew(struct gate *gate, struct conn *conn, const struct visitor *visitor);

/* The connection is a member no longer. */
void gate_let_out(struct gate *gate, struct conn *conn);

/* Closes whose time is over. */
void gate_expire(struct gate *gate, uint64_t now);

/* When the next one is over, in milliseconds since 1970; UINT64_MAX: never. */
static inline uint64_t gate_deadline(const struct gate *gate)
{
    return gate->count > 0 ? gate->passes[0]->expires : UINT64_MAX;
}

/* ---- to another process ---- */

/* Writes the keys where they were made for this run, and reads them: tokens stay good. Where there
 * is a file both processes read that. take returns false where anything is wrong. */
void gate_hand(struct hand_writer *w, const struct gate *gate);
bool gate_take(struct gate *gate, struct hand_reader *r);

/* The same of what a connection was let in with. */
void gate_hand_pass(struct hand_writer *w, const struct gate *gate, const struct conn *conn);
bool gate_take_pass(struct gate *gate, struct conn *conn, struct hand_reader *r);

#endif
