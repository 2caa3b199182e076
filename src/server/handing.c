#include "server/handing.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/util.h"
#include "keeper/upgrade.h"

/* How long the heir may take to start, and then all the other steps, in milliseconds. */
#define START_TIMEOUT 10000
#define STEPS_TIMEOUT 10000

/* How long the old worker goes on where something cannot be handed over at once, and how often it
 * looks for that, in milliseconds. */
#define OBSTACLE_TIMEOUT 1000
#define OBSTACLE_PAUSE 10

/* How long a record that has begun to come may take, and last words, in milliseconds. */
#define WORD_TIMEOUT 1000

static const char *const memory_is_out = "not enough memory";

static uint64_t handing_now(void)
{
    return clock_monotonic_ns() / CLOCK_NS_PER_MS;
}

/* ---- an end without a hand-over ---- */

static void handing_tell(const struct handing *h, const char *why)
{
    char message[HANDOVER_TEXT_MAX + sizeof(UPGRADE_REFUSED)];
    int len = snprintf(message, sizeof(message), UPGRADE_REFUSED "%s", why);

    send(h->keeper.fd, message, min_size((size_t)len, sizeof(message) - 1),
         MSG_NOSIGNAL | MSG_DONTWAIT);
}

/* An heir that could not be told to stop takes the end of the socket for that of this process. So
 * the socket stays open until the heir has ended, which the keeper sees to. */
static void handing_bury_dead(struct handing *h)
{
    if (h->is_unheard)
        wire_deinit(&h->unheard);
    h->is_unheard = false;
}

/* The heir must not think that this process is dead when the socket closes. */
static void handing_drop(struct handing *h)
{
    h->wire.deadline = handing_now() + WORD_TIMEOUT;
    reactor_watch(h->reactor, &h->heir, 0);
    if (wire_say(&h->wire, HANDOVER_STOP) == 0 || wire_is_hung_up(&h->wire)) {
        wire_deinit(&h->wire);
    } else {
        handing_bury_dead(h);
        h->unheard = h->wire;
        h->is_unheard = true;
    }
    h->heir.fd = -1;
    h->is_due = h->is_heard = false;
    h->deadline = UINT64_MAX;
}

void handing_refuse(struct handing *handing, const char *why)
{
    if (handing->heir.fd < 0)
        return;
    handing_drop(handing);
    handing_tell(handing, why);
}

/* ---- what the heir says ---- */

/* Keeps what the heir says as the reason. */
static void read_why(struct handing *h, struct hand_reader *r)
{
    struct str why = hand_get_bytes(r, sizeof(h->heirs_why) - 1);

    snprintf(h->heirs_why, sizeof(h->heirs_why), "%.*s", (int)why.len, why.ptr);
    h->why = h->heirs_why;
}

/* Why did the wire fail? */
static const char *wire_failure(const struct handing *h)
{
    return h->wire.is_late ? "the new worker did not answer in time"
                           : "the new worker ended before it had everything";
}

/* Reads the next record, which must be of this type; else sets `why`. */
static bool hear_heir(struct handing *h, struct hand_reader *r, uint16_t type)
{
    if (!hand_next(r))
        h->why = h->wire.is_late || h->wire.is_over ? wire_failure(h) : r->why;
    else if (r->type == HANDOVER_WHY)
        read_why(h, r);
    else if (r->type != type)
        h->why = "the new worker says what it must not";
    return h->why == NULL;
}

/* The heir may have said why it ended. */
static void hear_last_words(struct handing *h)
{
    struct hand_reader r;

    h->why = NULL;
    h->wire.is_over = h->wire.is_late = false;
    h->wire.deadline = handing_now() + WORD_TIMEOUT;
    hand_reader_init(&r, wire_fill, &h->wire);
    hear_heir(h, &r, HANDOVER_WHY);
    hand_reader_deinit(&r);
}

static void check_hello(struct handing *h, struct hand_reader *r)
{
    uint16_t format = hand_get_u16(r);
    uint32_t room;

    if (hand_is_good(r) && format != HANDOVER_FORMAT) {
        h->why = "the new program hands over in another way than this one: restart it";
        return;
    }
    room = hand_get_u32(r);
    if (!hand_is_through(r))
        h->why = r->why;
    else if (room < handover_count(&h->parts))
        h->why = "the new program has less room for connections";
}

/* Until the end of a tick that leaves nothing half done. */
static void handing_wait(struct handing *h)
{
    h->is_due = true;
    h->next_look = handing_now();
    h->deadline = h->next_look + OBSTACLE_TIMEOUT;
}

/* The heir says that it is there, or ends. */
static void handing_hear_heir(struct handing *h)
{
    struct hand_reader r;

    h->is_heard = false;
    h->why = NULL;
    h->wire.deadline = handing_now() + WORD_TIMEOUT;
    hand_reader_init(&r, wire_fill, &h->wire);
    if (hear_heir(h, &r, HANDOVER_HELLO))
        check_hello(h, &r);
    hand_reader_deinit(&r);
    reactor_watch(h->reactor, &h->heir, 0);
    if (h->why != NULL)
        handing_refuse(h, h->why);
    else
        handing_wait(h);
}

/* ---- what the keeper says ---- */

/* Returns the length of what it says, and with it a descriptor or -1. */
static ssize_t hear_keeper(const struct handing *h, char *text, size_t size, int *fd)
{
    union {
        struct cmsghdr head;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control;
    struct iovec iov = {text, size};
    struct msghdr message = {.msg_iov = &iov,
                             .msg_iovlen = 1,
                             .msg_control = control.bytes,
                             .msg_controllen = sizeof(control.bytes)};
    ssize_t n = recvmsg(h->keeper.fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    const struct cmsghdr *head = n < 0 ? NULL : CMSG_FIRSTHDR(&message);

    *fd = -1;
    if (head != NULL && head->cmsg_level == SOL_SOCKET && head->cmsg_type == SCM_RIGHTS)
        memcpy(fd, CMSG_DATA(head), sizeof(*fd));
    return n;
}

/* It is talked to between two ticks. */
static void on_heir(struct reactor_source *source, uint32_t events)
{
    (void)events;
    CONTAINER_OF(source, struct handing, heir)->is_heard = true;
}

static void on_keeper(struct reactor_source *source, uint32_t events)
{
    (void)events;
    CONTAINER_OF(source, struct handing, keeper)->is_asked = true;
}

/* The keeper begins no other before the heir of the last one has ended. */
static void handing_begin(struct handing *h, int fd)
{
    if (h->heir.fd >= 0) /* the keeper has given that one up */
        handing_drop(h);
    handing_bury_dead(h);
    if (wire_init(&h->wire, fd, 0) < 0) {
        handing_tell(h, memory_is_out);
        return;
    }
    h->heir = (struct reactor_source){.ready = on_heir, .fd = fd};
    h->deadline = handing_now() + START_TIMEOUT;
    if (reactor_watch(h->reactor, &h->heir, EPOLLIN) < 0)
        handing_refuse(h, memory_is_out);
}

static void handing_hear_keeper(struct handing *h)
{
    char text[sizeof(UPGRADE_ASKED)];
    int fd;
    ssize_t n = hear_keeper(h, text, sizeof(text), &fd);

    h->is_asked = false;
    if (n == 0) /* it is gone: SIGTERM says so, too */
        reactor_watch(h->reactor, &h->keeper, 0);
    if (fd < 0) {
        if (n > 0)
            handing_tell(h, "there is no descriptor for the socket to the new worker");
        return;
    }
    if ((size_t)n == sizeof(UPGRADE_ASKED) - 1 && memcmp(text, UPGRADE_ASKED, (size_t)n) == 0)
        handing_begin(h, fd);
    else
        close(fd);
}

int handing_init(struct handing *handing, const struct handover_parts *parts,
                 struct reactor *reactor, int keeper)
{
    *handing = (struct handing){
        .parts = *parts,
        .reactor = reactor,
        .keeper = {.ready = on_keeper, .fd = keeper},
        .heir = {.ready = on_heir, .fd = -1},
        .deadline = UINT64_MAX,
    };
    return keeper < 0 ? 0 : reactor_watch(reactor, &handing->keeper, EPOLLIN);
}

uint64_t handing_deadline(const struct handing *handing)
{
    return min_u64(handing->deadline, handing->is_due ? handing->next_look : UINT64_MAX);
}

void handing_tick(struct handing *handing, uint64_t now)
{
    const char *obstacle = "the new worker did not start in time";

    if (handing->is_asked)
        handing_hear_keeper(handing);
    if (handing->is_heard)
        handing_hear_heir(handing);
    if (now < handing->deadline)
        return;
    if (handing->is_due)
        obstacle = handover_obstacle(&handing->parts);
    handing_refuse(handing, obstacle != NULL ? obstacle : "it was never at rest");
}

/* ---- the steps ---- */

static bool send_batch(struct handing *h, struct hand_reader *r, const int *fds, size_t count)
{
    struct hand_writer w;
    bool is_sent;

    hand_writer_init(&w, NULL, NULL);
    hand_begin(&w, HANDOVER_BATCH);
    hand_put_u32(&w, (uint32_t)count);
    hand_end(&w);
    is_sent =
        hand_flush(&w) == 0 &&
        wire_send_fds(&h->wire, (struct str){(const char *)w.out.data, w.out.len}, fds, count) == 0;
    hand_writer_deinit(&w);
    return is_sent && hear_heir(h, r, HANDOVER_ACK) && hand_is_through(r);
}

static bool send_begin(struct handing *h, size_t count)
{
    struct hand_writer w;
    int result;

    hand_writer_init(&w, wire_flush, &h->wire);
    hand_begin(&w, HANDOVER_BEGIN);
    hand_put_u32(&w, (uint32_t)count);
    hand_end(&w);
    result = hand_flush(&w);
    hand_writer_deinit(&w);
    return result == 0;
}

/* An heir takes no more of them than it has acknowledged. */
static bool send_descriptors(struct handing *h, struct hand_reader *r)
{
    size_t count = handover_count(&h->parts);
    int *fds = malloc(max_size(count, 1) * sizeof(*fds));
    bool is_sent = fds != NULL;

    if (fds == NULL)
        h->why = memory_is_out;
    else
        handover_list(&h->parts, fds);
    is_sent = is_sent && send_begin(h, count);
    for (size_t i = 0; is_sent && i < count; i += HANDOVER_FDS)
        is_sent = send_batch(h, r, fds + i, min_size(count - i, HANDOVER_FDS));
    free(fds);
    return is_sent;
}

static bool send_state(struct handing *h, uint64_t frozen)
{
    struct hand_writer w;
    int result;

    hand_writer_init(&w, wire_flush, &h->wire);
    handover_write(&w, &h->parts, frozen);
    result = hand_flush(&w);
    hand_writer_deinit(&w);
    if (result < 0 && !h->wire.is_over && !h->wire.is_late)
        h->why = memory_is_out;
    return result == 0;
}

static bool hand_all(struct handing *h)
{
    uint64_t frozen = clock_monotonic_ns();
    struct hand_reader r;
    bool is_done;

    h->why = NULL;
    h->wire.deadline = frozen / CLOCK_NS_PER_MS + STEPS_TIMEOUT;
    hand_reader_init(&r, wire_fill, &h->wire);
    is_done = send_descriptors(h, &r) && send_state(h, frozen) &&
              hear_heir(h, &r, HANDOVER_READY) && wire_say(&h->wire, HANDOVER_GO) == 0;
    hand_reader_deinit(&r);
    return is_done;
}

bool handing_run(struct handing *handing)
{
    if (!handing->is_due)
        return false;
    if (handover_obstacle(&handing->parts) != NULL) {
        handing->next_look = handing_now() + OBSTACLE_PAUSE;
        return false;
    }
    if (hand_all(handing))
        return true;
    if (handing->why == NULL && handing->wire.is_late)
        handing->why = wire_failure(handing);
    if (handing->why == NULL)
        hear_last_words(handing);
    handing_refuse(handing, handing->why);
    return false;
}
