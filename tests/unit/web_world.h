/* A whole server by hand, but for its listeners: people with their connections, rooms, and the
 * clock. It can be handed over to another one. */
#ifndef TESTS_UNIT_WEB_WORLD_H
#define TESTS_UNIT_WEB_WORLD_H

#include "base/buf.h"
#include "chat/chat.h"
#include "session/conns.h"
#include "web/web.h"

#define WEB_PEERS 8

struct hand_pipe;

/* Somebody at the other end. */
struct web_peer {
    int fd;         /* -1: gone */
    struct buf got; /* all that it ever took */
};

struct web_world {
    struct reactor reactor;
    struct conns conns;
    struct chat chat;
    struct web web;
    struct web_peer peers[WEB_PEERS];
    unsigned chance; /* what comes out of `random` next */
    bool is_handing;
    void (*before_take)(void); /* what is written is about to be read; NULL: nobody wants to know */
    char token[1024];
};

extern struct web_world web_world;

void web_setup(void);
void web_teardown(void);

/* A new connection; its buffers are as small as the system allows. */
void web_connect(size_t peer);

/* Those who are there: four in the room a, one in b, one who listens to a, and one who only asks by
 * HTTP. */
enum { TEXT_1, TEXT_2, V1_1, V1_PACKED, OTHER_ROOM, LISTENER, BROWSER, PEOPLE };
void web_enter_all(void);

/* Sends so many bytes, as far as the system takes them, and lets the server work. */
void web_say(size_t peer, const void *bytes, size_t len);
void web_ask(size_t peer, const char *request);

/* Takes at most so many bytes. */
void web_take_some(size_t peer, size_t most);

/* All take all that there is for them. */
void web_take_all(void);

void web_tick(void);
void web_pass(uint64_t ms);

/* Hands all over. web_take_over returns false where what was written is wrong. */
void web_hand_over(void);
void web_hand_all(struct hand_pipe *pipe);
bool web_take_over(struct hand_pipe *pipe);

#endif
