#include "crowd.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>

#define EVENTS 1024
#define SECOND 1000000000ull

int crowd_init(struct crowd *c, uint32_t count, size_t size, uint16_t port)
{
    struct traffic *t = &c->traffic;

    c->sessions = calloc(count, sizeof(*c->sessions));
    if (c->sessions == NULL)
        return -1;
    c->count = count;
    for (uint32_t i = 0; i < count; i++) {
        c->sessions[i].index = i;
        c->sessions[i].id = SESSION_ID_BASE + i;
    }
    t->server = (struct sockaddr_in){
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    t->size = size;
    t->epoch = 0;
    t->epoch = traffic_clock(t);
    t->epoll = epoll_create1(EPOLL_CLOEXEC);
    return t->epoll < 0 ? -1 : traffic_prepare(t);
}

void crowd_poll(struct crowd *c, uint64_t until)
{
    static struct epoll_event events[EVENTS];
    uint64_t before = traffic_clock(&c->traffic);
    uint64_t wait = until > before ? until - before : 0;
    struct timespec ts = {.tv_sec = (time_t)(wait / SECOND), .tv_nsec = (long)(wait % SECOND)};
    int n = epoll_pwait2(c->traffic.epoll, events, EVENTS, &ts, NULL);

    traffic_clock(&c->traffic);
    for (int i = 0; i < n; i++)
        session_event(&c->traffic, events[i].data.ptr, events[i].events);
}

void crowd_run(struct crowd *c, uint64_t until)
{
    do
        crowd_poll(c, until);
    while (c->traffic.now < until);
}

/* Who connects at this place: sender number i at the middle of part i of the row, others in
 * between. */
static uint32_t client_at(const struct crowd *c, uint32_t count, uint32_t place)
{
    uint32_t part = count / (c->senders > 0 ? c->senders : 1);
    uint32_t turn = place / part;
    uint32_t before = turn + (place % part > part / 2);

    if (c->senders == 0)
        return place;
    if (turn < c->senders && place % part == part / 2)
        return turn;
    return c->senders + place - (before < c->senders ? before : c->senders);
}

int crowd_connect(struct crowd *c, uint32_t first, uint32_t count, uint32_t in_flight)
{
    struct traffic *t = &c->traffic;
    uint64_t deadline = traffic_clock(t) + 60 * SECOND;
    uint32_t open_before = c->open;
    uint32_t begun = 0;

    while (c->open - open_before < count) {
        while (begun < count && begun < c->open - open_before + in_flight) {
            struct session *s = &c->sessions[client_at(c, first + count, first + begun++)];

            if (session_connect(t, s) < 0) {
                traffic_broken(t, strerror(errno), s);
                return -1;
            }
        }
        crowd_poll(c, deadline);
        if (t->broken > 0 || t->now >= deadline)
            return -1;
    }
    return 0;
}

void crowd_reset(struct crowd *c)
{
    for (uint32_t i = 0; i < c->count; i++)
        session_reset(&c->sessions[i]);
    c->open = 0;
}
