#include "cli/session.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/util.h"

#define FIRST_PAUSE 500 /* milliseconds; random up to this, doubled each time */
#define MAX_PAUSE 15000
#define STABLE 5000 /* milliseconds online, after which pauses are short again */
#define CLOSE_REPLACED 4000
#define CLOSE_ID_IN_USE 4009
#define CLOSE_TOKEN 4401
#define CLOSE_FORBIDDEN 4403

static void on_text(struct link *link, char *data, size_t len);
static void on_ended(struct link *link, const struct link_end *end);
static const struct link_host link_calls = {on_text, on_ended};

static struct session *of_link(struct link *link)
{
    return CONTAINER_OF(link, struct session, link);
}

static uint64_t random_u64(void)
{
    uint64_t value;

    if (getrandom(&value, sizeof(value), 0) != sizeof(value))
        abort(); /* cannot be: it is short, and the kernel's pool was ready long ago */
    return value;
}

static void copy_text(char *out, size_t size, struct str text)
{
    snprintf(out, size, "%.*s", (int)min_size(text.len, size), text.len > 0 ? text.ptr : "");
}

void session_init(struct session *s, const struct session_host *host,
                  const struct session_settings *settings, uint64_t id)
{
    const struct target *target = &settings->target;

    *s = (struct session){.host = host, .settings = settings};
    s->id = target->id != 0 ? target->id : id;
    copy_text(s->room, sizeof(s->room), str_from(target->room));
    copy_text(s->name, sizeof(s->name), str_from(target->name));
    copy_text(s->key, sizeof(s->key), str_from(target->key));
    copy_text(s->since, sizeof(s->since), str_from(target->since));
    link_init(&s->link, &link_calls);
    s->link.ping_interval = settings->ping_interval;
    s->link.ping_timeout = settings->ping_timeout;
    roster_init(&s->roster);
    unsent_init(&s->unsent, random_u64());
    buf_init(&s->raw);
}

void session_deinit(struct session *s)
{
    link_deinit(&s->link);
    roster_deinit(&s->roster);
    unsent_deinit(&s->unsent);
    buf_deinit(&s->raw);
}

bool session_is_own(const struct session *s, uint64_t id)
{
    return id == s->id && s->has_seat;
}

bool session_is_live(const struct session *s)
{
    return s->state == SESSION_ONLINE && s->barrier[0] == '\0';
}

/* ---- the end, and the next beginning ---- */

static void note(struct session *s, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void note(struct session *s, const char *format, ...)
{
    char text[2 * LINK_TEXT_MAX];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    s->host->note(s, text);
}

/* It cannot go on. */
static void session_give_up(struct session *s, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
static void session_give_up(struct session *s, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(s->error, sizeof(s->error), format, args);
    va_end(args);
    s->state = SESSION_OVER;
}

/* Another id: the time, as in the tutorial, moved a little. */
static void renew_id(struct session *s)
{
    s->id += 1 + random_u64() % 999;
    s->key[0] = '\0';
}

/* Waits for a random time, at first up to half a second, each time up to twice as long; or for as
 * long as the server said. */
static void wait_to_retry(struct session *s, uint64_t least)
{
    uint64_t bound = MAX_PAUSE;

    if (s->attempt < 5)
        bound = (uint64_t)FIRST_PAUSE << s->attempt;
    s->attempt++;
    s->retry_at = s->now + least + random_u64() % bound;
    s->state = SESSION_WAITING;
}

static void append_parameter(struct buf *out, const char *name, const char *value)
{
    if (value[0] == '\0')
        return;
    buf_printf(out, "&%s=", name);
    target_append_encoded(out, str_from(value));
}

/* A key that is no name of a subprotocol still goes by the query. */
static void connect_now(struct session *s)
{
    const struct target *target = &s->settings->target;
    struct buf path, protocols;

    buf_init(&path);
    buf_init(&protocols);
    buf_printf(&path, "%.*s/ws/%llu?history=%llu", (int)target->prefix.len,
               target->prefix.len > 0 ? target->prefix.ptr : "", (unsigned long long)s->id,
               (unsigned long long)target->history);
    append_parameter(&path, "room", s->room);
    append_parameter(&path, "name", s->name);
    append_parameter(&path, "since", s->since);
    if (!pass_is_token(str_from(s->key)))
        append_parameter(&path, "key", s->key);
    buf_append(&path, target->rest.data, target->rest.len);
    pass_append_protocols(&protocols, s->key, s->token);
    s->state = SESSION_CONNECTING;
    link_start(&s->link, &target->address, (struct str){(char *)path.data, path.len},
               (struct str){(char *)protocols.data, protocols.len}, s->now);
    buf_deinit(&path);
    buf_deinit(&protocols);
}

/* Reads the token. Returns false where it is over. */
static bool read_token(struct session *s)
{
    const char *file = s->settings->token_file;
    const char *wrong = NULL;

    if (file == NULL)
        memcpy(s->token, s->settings->target.token, sizeof(s->token));
    else
        wrong = pass_read(s->token, file);
    if (wrong != NULL)
        session_give_up(s, "no token can be read from %s: %s", file, wrong);
    return wrong == NULL;
}

void session_start(struct session *s, uint64_t now)
{
    s->now = s->lost_at = now;
    if (read_token(s))
        connect_now(s);
}

/* ---- saying ---- */

static void fail(struct session *s, struct unsent_entry *entry, struct str why)
{
    s->host->failed(s, entry, why);
    unsent_remove(&s->unsent, entry);
}

static void fail_too_long(struct session *s, struct unsent_entry *entry, size_t len)
{
    char why[128];

    snprintf(why, sizeof(why), "it is too long for the server, which takes %llu bytes, not %zu",
             (unsigned long long)s->limit, len);
    fail(s, entry, str_from(why));
}

/* Returns 0, or -1 where there is no memory. */
static int send_entry(struct session *s, struct unsent_entry *entry)
{
    struct buf frame;
    struct str text = {(char *)entry->text.data, entry->text.len};
    int result;

    buf_init(&frame);
    result = v1_say(&frame, text, entry->to, str_from(entry->ref));
    if (result == 0 && frame.len > s->limit) {
        fail_too_long(s, entry, frame.len);
    } else if (result == 0) {
        result = link_send(&s->link, (struct str){(char *)frame.data, frame.len});
        entry->state = UNSENT_SENDING;
        entry->from = s->id;
    }
    buf_deinit(&frame);
    return result;
}

/* Sends what waits, unless it is not yet known what arrived before. */
static int session_flush(struct session *s)
{
    struct unsent_entry *entry;

    if (s->state != SESSION_ONLINE || unsent_first(&s->unsent, UNSENT_DOUBT) != NULL)
        return 0;
    while ((entry = unsent_first(&s->unsent, UNSENT_WAITING)) != NULL) {
        if (send_entry(s, entry) < 0)
            return -1;
    }
    return 0;
}

int session_say(struct session *s, struct str text, uint64_t to)
{
    return unsent_add(&s->unsent, text, to) == NULL ? -1 : session_flush(s);
}

int session_command(struct session *s, struct str frame)
{
    return s->state == SESSION_ONLINE ? link_send(&s->link, frame) : -1;
}

static void send_name(struct session *s)
{
    struct buf frame;

    buf_init(&frame);
    if (v1_rename(&frame, str_from(s->name)) == 0)
        link_send(&s->link, (struct str){(char *)frame.data, frame.len});
    buf_deinit(&frame);
}

void session_rename(struct session *s, struct str name)
{
    copy_text(s->name, sizeof(s->name), name);
    if (s->state == SESSION_ONLINE)
        send_name(s);
}

int session_enter(struct session *s, struct str room, uint64_t now)
{
    s->now = now;
    if (s->unsent.count > 0)
        return -1;
    copy_text(s->room, sizeof(s->room), room);
    s->since[0] = s->key[0] = s->said[0] = '\0';
    s->is_moving = s->link.state == LINK_OPEN;
    link_close(&s->link, now);
    return 0;
}

void session_finish(struct session *s, uint64_t now)
{
    s->now = now;
    if (s->is_finishing || s->state == SESSION_OVER)
        return;
    s->is_finishing = true;
    if (s->link.state == LINK_OPEN)
        link_close(&s->link, now);
    else
        s->state = SESSION_OVER;
}

/* ---- hearing ---- */

/* Frames keep their order, so a message to ourselves comes back behind the whole replay: then what
 * has not come back never arrived. */
static void seek_end(struct session *s)
{
    struct buf frame;

    s->barrier[0] = '\0';
    if (s->has_seat && !s->settings->seeks_end && unsent_first(&s->unsent, UNSENT_DOUBT) == NULL)
        return;
    snprintf(s->barrier, sizeof(s->barrier), "%016llx-end%llu",
             (unsigned long long)s->unsent.secret, (unsigned long long)++s->barriers);
    buf_init(&frame);
    if (v1_say(&frame, (struct str){"", 0}, s->id, str_from(s->barrier)) == 0)
        link_send(&s->link, (struct str){(char *)frame.data, frame.len});
    buf_deinit(&frame);
}

static void fill_roster(struct session *s, const struct v1_event *frame)
{
    struct v1_members members = frame->members;
    struct str name;
    uint64_t id;

    roster_clear(&s->roster);
    while (v1_member_next(&members, &id, &name)) {
        roster_put(&s->roster, id, name);
        names_see(&s->names, id, name);
    }
    s->roster.count = frame->count;
}

/* Where it was told that the connection is lost. */
static void tell_return(struct session *s)
{
    if (s->is_lost_told)
        note(s, "connected again to %s as %s, %llu here", s->room,
             s->name[0] != '\0' ? s->name : "(no name)", (unsigned long long)s->roster.count);
    s->is_lost_told = false;
}

static void got_welcome(struct session *s, const struct v1_event *frame)
{
    bool had_place = s->since[0] != '\0';

    if (frame->id != s->id) {
        session_give_up(s, "the server gave us another id than we asked for");
        return;
    }
    s->has_seat = !had_place || str_equals(frame->key, str_from(s->key));
    copy_text(s->key, sizeof(s->key), frame->key);
    copy_text(s->room, sizeof(s->room), frame->room);
    s->limit = frame->limit;
    s->welcomed_at = s->now;
    s->is_welcome = true;
    s->state = SESSION_ONLINE;
    fill_roster(s, frame);
    tell_return(s);
    if (had_place && !frame->recovered)
        note(s, "the server restarted or the break was too long: messages may be missing%s",
             unsent_first(&s->unsent, UNSENT_DOUBT) != NULL
                 ? ", and what is sent again may come twice"
                 : "");
    if (!str_equals(frame->name, str_from(s->name)))
        send_name(s);
    seek_end(s);
}

/* An id, a ref and a text together: refs are told to everybody, and ids change hands. */
static void got_own(struct session *s, const struct v1_event *frame)
{
    struct unsent_entry *entry = unsent_find(&s->unsent, frame->ref);

    if (frame->type == V1_MESSAGE && !frame->is_retracted && session_is_own(s, frame->from))
        copy_text(s->said, sizeof(s->said), frame->pos);
    if (entry != NULL && frame->from == entry->from &&
        str_equals(frame->text, (struct str){(char *)entry->text.data, entry->text.len}))
        unsent_remove(&s->unsent, entry);
}

static void got_error(struct session *s, const struct v1_event *frame)
{
    struct unsent_entry *entry = unsent_find(&s->unsent, frame->ref);

    if (entry != NULL)
        fail(s, entry, frame->text);
    else
        note(s, "the server says: %.*s", (int)min_size(frame->text.len, LINK_TEXT_MAX),
             frame->text.len > 0 ? frame->text.ptr : "");
}

/* A replay may tell of people who are in the list already. */
static void got_presence(struct session *s, const struct v1_event *frame)
{
    bool is_known = roster_has(&s->roster, frame->from);

    if (frame->type == V1_COUNT)
        s->roster.count = frame->count;
    else if (frame->type == V1_RENAME)
        roster_put(&s->roster, frame->from, frame->name);
    else if (frame->from == s->id)
        return;
    else if (frame->type == V1_JOIN) {
        roster_put(&s->roster, frame->from, frame->name);
        s->roster.count += !is_known;
    } else {
        roster_remove(&s->roster, frame->from);
        s->roster.count -= s->roster.count > 0;
    }
}

static bool is_barrier(struct session *s, const struct v1_event *frame)
{
    return s->barrier[0] != '\0' && str_equals(frame->ref, str_from(s->barrier)) &&
           (frame->type == V1_ERROR || frame->from == s->id);
}

static void got_frame(struct session *s, const struct v1_event *frame)
{
    switch (frame->type) {
    case V1_WELCOME:
        got_welcome(s, frame);
        break;
    case V1_MESSAGE:
    case V1_DIRECT:
        got_own(s, frame);
        break;
    case V1_ERROR:
        got_error(s, frame);
        break;
    case V1_OTHER:
    case V1_SLOW:
    case V1_RETRACT:
    case V1_BAN:
        break;
    default:
        got_presence(s, frame);
    }
    if (frame->pos.len > 0)
        copy_text(s->since, sizeof(s->since), frame->pos);
}

/* Reads a frame and remembers how it was before. */
static bool session_read_frame(struct session *s, struct v1_event *frame, char *data, size_t len)
{
    s->raw.len = 0;
    if (buf_append(&s->raw, data, len) < 0) {
        session_give_up(s, "out of memory");
        return false;
    }
    if (!v1_event_read(frame, data, len) ||
        (frame->type == V1_WELCOME) != (s->state == SESSION_CONNECTING)) {
        session_give_up(s, "the server sent what is not wschat.v1");
        return false;
    }
    return true;
}

static void on_text(struct link *link, char *data, size_t len)
{
    struct session *s = of_link(link);
    struct v1_event frame;

    if (s->state == SESSION_OVER || s->is_moving || !session_read_frame(s, &frame, data, len))
        return;
    if (is_barrier(s, &frame)) {
        s->barrier[0] = '\0';
        s->has_seat = true;
        unsent_move(&s->unsent, UNSENT_DOUBT, UNSENT_WAITING);
    } else {
        if (frame.type != V1_WELCOME)
            names_see(&s->names, frame.from, frame.name);
        s->host->frame(s, &frame, (struct str){(char *)s->raw.data, s->raw.len});
        got_frame(s, &frame);
    }
    if (session_flush(s) < 0)
        session_give_up(s, "out of memory");
}

/* ---- losing the connection ---- */

/* No replay tells of direct messages, and sending one again might say it twice. */
static void doubt(struct session *s)
{
    size_t i = 0;

    while (i < s->unsent.count) {
        struct unsent_entry *entry = s->unsent.entries[i];

        if (entry->to != 0 && entry->state == UNSENT_SENDING)
            fail(s, entry, STR("the connection broke; it may have arrived"));
        else
            i++;
    }
    unsent_move(&s->unsent, UNSENT_SENDING, UNSENT_DOUBT);
}

static bool status_is_passing(int status)
{
    return status == 429 || status == 500 || (status >= 502 && status <= 504);
}

/* The server does not take the token, or wants one. The file may have a new one by now; else nobody
 * is helped by asking again and again. */
static void unknown(struct session *s, const struct link_end *end)
{
    char before[PASS_MAX];

    memcpy(before, s->token, sizeof(before));
    if (before[0] == '\0')
        session_give_up(s, "the server wants a token (--token-file): %s", end->text);
    else if (read_token(s) && strcmp(before, s->token) == 0)
        session_give_up(s, "the server does not take our token: %s", end->text);
    else if (s->state != SESSION_OVER)
        wait_to_retry(s, 0);
}

static void refused(struct session *s, const struct link_end *end)
{
    if (end->code == 401) {
        unknown(s, end);
        return;
    }
    if (!status_is_passing(end->code)) {
        session_give_up(s, "the server refuses with status %d: %s", end->code, end->text);
        return;
    }
    wait_to_retry(s, end->retry_after * 1000);
    s->is_lost_told = s->is_welcome;
    note(s, "the server cannot take us now, status %d: %s; trying again", end->code, end->text);
}

static void left(struct session *s, const struct link_end *end)
{
    struct unsent_entry *first = unsent_first(&s->unsent, UNSENT_DOUBT);

    switch (end->code) {
    case CLOSE_REPLACED:
        session_give_up(s, "another connection took this seat over, with its key");
        return;
    case CLOSE_FORBIDDEN:
        session_give_up(s, "the server lets us into %s no more: %s",
                        s->room[0] != '\0' ? s->room : "lobby", end->text);
        return;
    case CLOSE_TOKEN:
        unknown(s, end);
        return;
    case CLOSE_ID_IN_USE:
        if (s->settings->target.id != 0) {
            session_give_up(s, "the id %llu is in use; take another one, or none",
                            (unsigned long long)s->id);
            return;
        }
        renew_id(s);
        break;
    case WS_CLOSE_PROTOCOL_ERROR:
    case WS_CLOSE_UNSUPPORTED_DATA:
    case WS_CLOSE_INVALID_DATA:
        session_give_up(s, "the server does not understand us: %d %s", end->code, end->text);
        return;
    case WS_CLOSE_TOO_BIG:
        if (first != NULL)
            fail(s, first, STR("it is too long for the server"));
        break;
    default:
        s->is_lost_told = s->is_welcome;
        note(s, "the server closed the connection: %d %s; trying again", end->code, end->text);
    }
    wait_to_retry(s, 0);
}

/* Who was never let in may have mistyped the address. */
static void broken(struct session *s, const struct link_end *end)
{
    if (!s->is_welcome) {
        session_give_up(s, "cannot connect: %s", end->text);
        return;
    }
    if (!s->is_lost_told)
        note(s, "the connection is lost: %s; trying again", end->text);
    s->is_lost_told = true;
    wait_to_retry(s, 0);
}

static void on_ended(struct link *link, const struct link_end *end)
{
    struct session *s = of_link(link);

    if (s->state == SESSION_OVER)
        return;
    if (s->is_finishing) {
        s->state = SESSION_OVER;
        return;
    }
    s->has_seat = false;
    if (s->is_moving) {
        s->is_moving = false;
        s->retry_at = s->lost_at = s->now;
        s->state = SESSION_WAITING;
        return;
    }
    if (s->state == SESSION_ONLINE) {
        s->lost_at = s->now;
        if (s->now - s->welcomed_at >= STABLE)
            s->attempt = 0;
    }
    s->barrier[0] = '\0';
    doubt(s);
    switch (end->kind) {
    case LINK_REFUSED:
        refused(s, end);
        break;
    case LINK_FAULTY:
        session_give_up(s, "%s", end->text);
        break;
    case LINK_LEFT:
        left(s, end);
        break;
    default:
        broken(s, end);
    }
}

/* ---- time ---- */

void session_ready(struct session *s, short events, uint64_t now)
{
    s->now = now;
    link_ready(&s->link, events, now);
}

static uint64_t give_up_at(const struct session *s)
{
    bool is_lost = s->state == SESSION_CONNECTING || s->state == SESSION_WAITING;

    return is_lost && s->settings->give_up > 0 ? s->lost_at + s->settings->give_up : UINT64_MAX;
}

uint64_t session_deadline(const struct session *s)
{
    uint64_t deadline = link_deadline(&s->link);

    if (s->state == SESSION_OVER)
        return UINT64_MAX;
    if (s->state == SESSION_WAITING && s->retry_at < deadline)
        deadline = s->retry_at;
    return give_up_at(s) < deadline ? give_up_at(s) : deadline;
}

void session_tick(struct session *s, uint64_t now)
{
    s->now = now;
    if (s->state == SESSION_OVER)
        return;
    if (give_up_at(s) <= now) {
        session_give_up(s, "there was no connection for as long as --give-up allows");
        return;
    }
    if (s->state == SESSION_WAITING && s->retry_at <= now)
        connect_now(s);
    else
        link_tick(&s->link, now);
}
