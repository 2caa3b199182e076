/* One client of the load generator: connects, upgrades, sends stamped messages, and takes apart
 * what comes back as cheaply as it can, checking every byte. Uses the client side of the frame
 * codec. */
#ifndef BENCH_SESSION_H
#define BENCH_SESSION_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "stamp.h"

#define SESSION_REST_MAX 512          /* an unfinished head, or the start of an unfinished frame */
#define SESSION_INBOX 262144          /* bytes of one read, shared by all */
#define SESSION_ID_BASE 1700000000000 /* ids look like Date.now(): 13 digits */

enum session_state { SESSION_NONE, SESSION_CONNECTING, SESSION_UPGRADING, SESSION_OPEN };

enum message_kind {
    MESSAGE_SAYS,    /* Client #ID says: payload */
    MESSAGE_WROTE,   /* You wrote: payload */
    MESSAGE_ECHO,    /* payload */
    MESSAGE_COUNTED, /* one that nobody looks into */
};

struct session {
    int fd;
    uint32_t index; /* in the crowd; also the number of a sender */
    uint64_t id;    /* what it calls itself in the URL */
    uint8_t state;
    uint8_t kind;        /* of the message that is arriving */
    bool wants_write;    /* waits for EPOLLOUT */
    uint16_t rest_len;   /* bytes in rest */
    uint32_t credit;     /* messages it may send now */
    uint32_t seq;        /* of its next message, so the number it sent so far */
    uint32_t acked;      /* own messages that came back */
    uint64_t received;   /* messages */
    uint64_t order;      /* hash over the messages in the order they came */
    uint64_t started_at; /* connect was called */
    uint64_t body_left;  /* bytes of the arriving message that are still to come */
    size_t body_at;      /* their place in the fill */
    struct stamp stamp;  /* of the arriving message */
    size_t sent_at;      /* bytes sent of a message that is half out; its start is in head */
    uint8_t head[14 + STAMP_SIZE];
    uint8_t rest[SESSION_REST_MAX];
    bool is_stream; /* it listens to an event stream, and never sends */
    bool is_packed; /* the server agreed to permessage-deflate (v1.c) */
    void *unpacker; /* what was said before, where it unpacks (v1.c) */
};

/* What all sessions of a run share. */
struct traffic {
    int epoll;
    struct sockaddr_in server;
    uint32_t rooms; /* above 1, clients are spread over so many: "?room=rN" */
    uint32_t senders;
    bool is_v1;         /* speaks wschat.v1, or words to an echo (v1.c) */
    bool is_events;     /* those who do not send listen to event streams of the same JSON */
    bool is_counting;   /* what comes from now on was sent to be counted (v1.c) */
    bool is_echo;       /* /ws instead of /ws/ID */
    bool is_binary;     /* frames are binary */
    bool has_languages; /* texts are German, Chinese and emoji; before crowd_init */
    size_t size;        /* payload bytes, at least STAMP_SIZE */
    uint8_t *fill;      /* what each payload holds behind its stamp: size - STAMP_SIZE bytes, */
    uint8_t *masked;    /* and the same masked */
    uint8_t *pool;      /* words that texts of wschat.v1 are cut from, */
    void *packer;       /* and what packs those for an echo */
    uint64_t epoch;     /* where time begins, on the monotonic clock */
    uint64_t now;       /* at the last read or send, since then, in ns */
    uint64_t bytes;     /* payload bytes received in whole messages */
    uint64_t wire;      /* bytes received */
    uint64_t reads;     /* recv calls that brought something */
    uint64_t broken;    /* things that must not happen: bad bytes, lost connections */
    char why[160];      /* the first of them */
    void *owner;        /* for the functions below */
    void (*on_open)(void *owner, struct session *s);
    void (*on_message)(void *owner, struct session *s);           /* s->kind, s->stamp */
    void (*on_left)(void *owner, struct session *s, uint64_t id); /* somebody left the room */
    uint8_t inbox[SESSION_REST_MAX + SESSION_INBOX];
};

/* Nanoseconds since t->epoch; also put into t->now. */
uint64_t traffic_clock(struct traffic *t);

/* Makes fill and masked for t->size. Returns 0, or -1 without memory. */
int traffic_prepare(struct traffic *t);

/* Counts a thing that must not happen; the first one is kept as text. */
void traffic_broken(struct traffic *t, const char *what, const struct session *s);

/* Begins to connect. Returns 0, or -1 with errno. */
int session_connect(struct traffic *t, struct session *s);

/* Handles epoll events of the session. */
void session_event(struct traffic *t, struct session *s, uint32_t events);

/* Sends the messages that s->credit allows, stamped with `time`. */
void session_send(struct traffic *t, struct session *s, uint64_t time);

/* Resets the connection; nothing to do where there is none. */
void session_reset(struct session *s);

#endif
