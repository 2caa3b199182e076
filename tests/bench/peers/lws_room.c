/* The tutorial's room on libwebsockets: one ring of messages for all, a tail for each session, and
 * as many messages for each writable callback as the socket takes. */
#include <libwebsockets.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RING 8192 /* messages */
#define LARGEST (32 << 20)

/* A message as it goes to the others and to its sender; each text has LWS_PRE bytes in front. */
struct message {
    char *says;
    char *wrote; /* NULL for a leave notice */
    size_t says_len;
    size_t wrote_len;
    struct lws *sender;
};

struct session {
    struct session *next;
    struct lws *wsi;
    uint32_t tail;
    char id[24]; /* empty: the echo */
    char *part;  /* an unfinished message, or the echo's answer */
    size_t part_len;
    size_t part_cap;
    bool is_binary;
    bool has_answer;
};

static struct lws_ring *ring;
static struct session *sessions;
static volatile sig_atomic_t stopped;

static void message_free(void *p)
{
    struct message *m = p;

    free(m->says);
    free(m->wrote);
}

static char *text(size_t *len, const char *a, const char *b, const char *c, const char *data,
                  size_t n)
{
    size_t head = strlen(a) + strlen(b) + strlen(c);
    char *p = malloc(LWS_PRE + head + n + 1);

    if (p == NULL)
        exit(1);
    snprintf(p + LWS_PRE, head + 1, "%s%s%s", a, b, c);
    if (n > 0)
        memcpy(p + LWS_PRE + head, data, n);
    *len = head + n;
    return p;
}

static void publish(struct message *m)
{
    if (lws_ring_insert(ring, m, 1) != 1) {
        message_free(m);
        return;
    }
    for (struct session *s = sessions; s != NULL; s = s->next)
        lws_callback_on_writable(s->wsi);
}

static void say(struct session *s, const char *data, size_t len)
{
    struct message m = {.sender = s->wsi};

    m.says = text(&m.says_len, "Client #", s->id, " says: ", data, len);
    m.wrote = text(&m.wrote_len, "You wrote: ", "", "", data, len);
    publish(&m);
}

/* Writes until the socket is full. Returns whether the connection goes on. */
static bool write_some(struct session *s)
{
    const struct message *m;
    bool goes_on = true;

    while (goes_on && !lws_send_pipe_choked(s->wsi) &&
           (m = lws_ring_get_element(ring, &s->tail)) != NULL) {
        bool is_own = m->sender == s->wsi;
        char *p = is_own ? m->wrote : m->says;
        size_t len = is_own ? m->wrote_len : m->says_len;

        goes_on = lws_write(s->wsi, (unsigned char *)p + LWS_PRE, len, LWS_WRITE_TEXT) >= 0;
        lws_ring_consume(ring, &s->tail, NULL, 1);
    }
    if (lws_ring_get_element(ring, &s->tail) != NULL)
        lws_callback_on_writable(s->wsi);
    return goes_on;
}

/* Frees what all have sent: once for each turn of the loop, not for each message. */
static void trim(void)
{
    size_t most = 0;
    uint32_t oldest = 0;

    for (struct session *s = sessions; s != NULL; s = s->next) {
        size_t waiting = lws_ring_get_count_waiting_elements(ring, &s->tail);

        if (s == sessions || waiting > most) {
            most = waiting;
            oldest = s->tail;
        }
    }
    if (sessions != NULL)
        lws_ring_update_oldest_tail(ring, oldest);
}

static void enter(struct session *s, struct lws *wsi)
{
    char path[64] = "";

    memset(s, 0, sizeof(*s));
    s->wsi = wsi;
    lws_hdr_copy(wsi, path, sizeof(path), WSI_TOKEN_GET_URI);
    if (sscanf(path, "/ws/%19[0-9]", s->id) != 1)
        return;
    s->tail = lws_ring_get_oldest_tail(ring);
    lws_ring_consume(ring, &s->tail, NULL, lws_ring_get_count_waiting_elements(ring, &s->tail));
    s->next = sessions;
    sessions = s;
}

static void leave(struct session *s)
{
    struct message m = {.sender = NULL};

    free(s->part);
    if (s->id[0] == '\0')
        return;
    lws_ll_fwd_remove(struct session, next, s, sessions);
    m.says = text(&m.says_len, "Client #", s->id, " left the chat", NULL, 0);
    publish(&m);
}

static void receive(struct session *s, const char *data, size_t len)
{
    if (s->id[0] != '\0' && s->part_len == 0 && lws_is_final_fragment(s->wsi)) {
        say(s, data, len);
        return;
    }
    if (s->part_cap < LWS_PRE + s->part_len + len) {
        s->part_cap = (LWS_PRE + s->part_len + len) * 2;
        s->part = realloc(s->part, s->part_cap);
        if (s->part == NULL)
            exit(1);
    }
    memcpy(s->part + LWS_PRE + s->part_len, data, len);
    s->part_len += len;
    if (!lws_is_final_fragment(s->wsi) || lws_remaining_packet_payload(s->wsi) > 0)
        return;
    if (s->id[0] != '\0') {
        say(s, s->part + LWS_PRE, s->part_len);
        s->part_len = 0;
        return;
    }
    s->is_binary = lws_frame_is_binary(s->wsi);
    s->has_answer = true;
    lws_rx_flow_control(s->wsi, 0); /* one answer at a time */
    lws_callback_on_writable(s->wsi);
}

static bool answer(struct session *s)
{
    if (!s->has_answer)
        return true;
    s->has_answer = false;
    lws_rx_flow_control(s->wsi, 1);
    if (lws_write(s->wsi, (unsigned char *)s->part + LWS_PRE, s->part_len,
                  s->is_binary ? LWS_WRITE_BINARY : LWS_WRITE_TEXT) < 0)
        return false;
    s->part_len = 0;
    return true;
}

static int on_event(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in,
                    size_t len)
{
    switch (reason) {
    case LWS_CALLBACK_ESTABLISHED:
        enter(user, wsi);
        return 0;
    case LWS_CALLBACK_CLOSED:
        leave(user);
        return 0;
    case LWS_CALLBACK_RECEIVE:
        receive(user, in, len);
        return 0;
    case LWS_CALLBACK_SERVER_WRITEABLE:
        return (((struct session *)user)->id[0] != '\0' ? write_some(user) : answer(user)) ? 0 : -1;
    default:
        return 0;
    }
}

static void on_signal(int number)
{
    (void)number;
    stopped = 1;
}

int main(void)
{
    static const struct lws_protocols protocols[] = {
        {.name = "room",
         .callback = on_event,
         .per_session_data_size = sizeof(struct session),
         .rx_buffer_size = 65536},
        {.name = NULL},
    };
    struct lws_context_creation_info info = {.port = CONTEXT_PORT_NO_LISTEN_SERVER};
    struct lws_context *context;
    struct lws_vhost *host;

    lws_set_log_level(LLL_ERR, NULL);
    signal(SIGTERM, on_signal);
    ring = lws_ring_create(sizeof(struct message), RING, message_free);
    info.options = LWS_SERVER_OPTION_EXPLICIT_VHOSTS;
    info.pt_serv_buf_size = 65536;
    context = lws_create_context(&info);
    info.port = 0;
    info.iface = "127.0.0.1";
    info.protocols = protocols;
    host = context != NULL ? lws_create_vhost(context, &info) : NULL;
    if (ring == NULL || host == NULL)
        return 1;
    fprintf(stderr, "lws: listening on http://127.0.0.1:%d/\n", lws_get_vhost_listen_port(host));
    while (!stopped && lws_service(context, 0) >= 0)
        trim();
    lws_context_destroy(context);
    lws_ring_destroy(ring);
    return 0;
}
