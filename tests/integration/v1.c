#include "v1.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- JSON ---- */

/* Where the value of a field begins; NULL: there is none. A quote within a string is escaped, so
 * this cannot be somebody's text. */
static const char *find_value(const char *json, const char *name)
{
    char field[64];
    const char *found;

    snprintf(field, sizeof(field), "\"%s\":", name);
    found = strstr(json, field);
    return found == NULL ? NULL : found + strlen(field);
}

bool v1_has(const char *json, const char *name)
{
    return find_value(json, name) != NULL;
}

void v1_string(const char *json, const char *name, char out[V1_TEXT])
{
    const char *value = find_value(json, name);
    size_t len;

    if (value == NULL || *value != '"')
        ck_abort_msg("no string \"%s\" in %.300s", name, json);
    len = strcspn(value + 1, "\"\\");
    ck_assert_uint_lt(len, V1_TEXT);
    ck_assert_int_eq(value[1 + len], '"');
    memcpy(out, value + 1, len);
    out[len] = '\0';
}

uint64_t v1_number(const char *json, const char *name)
{
    const char *value = find_value(json, name);

    if (value == NULL || *value < '0' || *value > '9')
        ck_abort_msg("no number \"%s\" in %.300s", name, json);
    return strtoull(value, NULL, 10);
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Characters that the next sign of a template may take of the text, least and most. */
static void reach(const char *template, const char *text, size_t *least, size_t *most)
{
    *least = *most = 0;
    if (*template == '*') {
        while (text[*most] != '\0' && text[*most] != '"')
            *most += text[*most] == '\\' && text[*most + 1] != '\0' ? 2 : 1;
    } else if (*template == '#') {
        while (is_digit(text[*most]))
            (*most)++;
        *least = 1;
    } else if (*text == (*template == '\'' ? '"' : *template)) {
        *least = *most = 1;
    } else {
        *least = 1;
    }
}

bool v1_matches(const char *template, const char *text)
{
    size_t least, most;

    if (*template == '\0')
        return *text == '\0';
    reach(template, text, &least, &most);
    for (size_t n = least; n <= most; n++) {
        if (v1_matches(template + 1, text + n))
            return true;
    }
    return false;
}

/* ---- Coming ---- */

void v1_expect_upgrade(struct client *c)
{
    struct response *r = response_read(c, false);
    const char *protocol;

    if (r->status != 101)
        ck_abort_msg("no upgrade: %s%s", r->head, r->body);
    protocol = response_field(r, "Sec-WebSocket-Protocol");
    ck_assert_ptr_nonnull(protocol);
    ck_assert_str_eq(protocol, "wschat.v1");
    ck_assert_str_eq(response_field(r, "Sec-WebSocket-Accept"), WS_SAMPLE_ACCEPT);
    response_free(r);
}

static struct client *send_request(const struct server *s, uint64_t id, const char *query)
{
    struct client *c = client_connect(s);
    char target[2048];

    ck_assert_int_lt(snprintf(target, sizeof(target), "/ws/%llu?%s", (unsigned long long)id, query),
                     (int)sizeof(target));
    ws_request(c, target, V1_FIELDS);
    return c;
}

struct client *v1_connect(const struct server *s, uint64_t id, const char *query)
{
    struct client *c = send_request(s, id, query);

    v1_expect_upgrade(c);
    return c;
}

static char *read_text(struct client *c)
{
    struct frame frame;

    if (!ws_read(c, &frame))
        ck_abort_msg("the connection ended where a message was due");
    if (frame.opcode != WS_TEXT)
        ck_abort_msg("frame %d \"%.200s\" came in place of a message", (int)frame.opcode,
                     frame.opcode == WS_CLOSE ? frame.data + 2 : frame.data);
    return frame.data;
}

void seat_read_welcome(struct seat *seat)
{
    char *json = read_text(seat->c);
    char type[V1_TEXT];

    v1_string(json, "type", type);
    ck_assert_str_eq(type, "welcome");
    ck_assert_uint_eq(v1_number(json, "id"), seat->id);
    v1_string(json, "key", seat->key);
    v1_string(json, "pos", seat->pos);
    seat->recovered = strstr(json, "\"recovered\":true") != NULL;
    ck_assert(seat->recovered || strstr(json, "\"recovered\":false") != NULL);
    seat->count = (unsigned)v1_number(json, "count");
    free(json);
}

struct seat *seat_open(const struct server *s, uint64_t id, const char *query)
{
    struct seat *seat = calloc(1, sizeof(*seat));

    ck_assert_ptr_nonnull(seat);
    seat->id = id;
    seat->c = v1_connect(s, id, query);
    seat_read_welcome(seat);
    return seat;
}

struct client *seat_connect(struct seat *seat, const struct server *s, const char *more)
{
    struct client *before = seat->c;
    char query[1024];

    snprintf(query, sizeof(query), "since=%s&key=%s%s", seat->pos, seat->key, more);
    seat->c = v1_connect(s, seat->id, query);
    return before;
}

void seat_return(struct seat *seat, const struct server *s)
{
    char key[V1_TEXT];

    memcpy(key, seat->key, sizeof(key));
    ck_assert_ptr_null(seat_connect(seat, s, ""));
    seat_read_welcome(seat);
    ck_assert(seat->recovered);
    ck_assert_str_eq(seat->key, key);
}

/* ---- Going ---- */

void seat_leave(struct seat *seat)
{
    ws_leave(seat->c);
    free(seat);
}

void seat_drop(struct seat *seat)
{
    if (seat->c != NULL)
        client_close(seat->c);
    free(seat);
}

void seat_break(struct seat *seat)
{
    client_close(seat->c);
    seat->c = NULL;
}

void seat_reset(struct seat *seat)
{
    client_reset(seat->c);
    seat->c = NULL;
}

/* ---- Talking ---- */

void seat_send(struct seat *seat, const char *format, ...)
{
    va_list args;
    char *text;
    int len;

    va_start(args, format);
    len = vasprintf(&text, format, args);
    va_end(args);
    ck_assert_int_ge(len, 0);
    for (char *at = text; *at != '\0'; at++)
        *at = *at == '\'' ? '"' : *at;
    ws_send_text(seat->c, text);
    free(text);
}

void seat_say(struct seat *seat, const char *text)
{
    seat_send(seat, "{'type':'say','text':'%s'}", text);
}

char *seat_read(struct seat *seat)
{
    char *json = read_text(seat->c);

    if (v1_has(json, "pos"))
        v1_string(json, "pos", seat->pos);
    return json;
}

void seat_expect(struct seat *seat, const char *format, ...)
{
    char *json = seat_read(seat);
    va_list args;
    char *template;
    int len;

    va_start(args, format);
    len = vasprintf(&template, format, args);
    va_end(args);
    ck_assert_int_ge(len, 0);
    if (!v1_matches(template, json))
        ck_abort_msg("\"%.300s\" came in place of \"%.300s\"", json, template);
    free(template);
    free(json);
}

void seat_expect_message(struct seat *seat, uint64_t from, const char *text)
{
    seat_expect(seat, "{'type':'message','pos':'*','ts':#,'from':%llu,'name':'','text':'%s'}",
                (unsigned long long)from, text);
}

void seat_expect_presence(struct seat *seat, const char *type, uint64_t from, const char *name)
{
    seat_expect(seat, "{'type':'%s','pos':'*','ts':#,'from':%llu,'name':'%s'}", type,
                (unsigned long long)from, name);
}

void seat_expect_error(struct seat *seat, const char *code, const char *ref)
{
    if (ref == NULL)
        seat_expect(seat, "{'type':'error','code':'%s','text':'*'}", code);
    else
        seat_expect(seat, "{'type':'error','code':'%s','text':'*','ref':'%s'}", code, ref);
}

void seat_sync(struct seat *seat)
{
    ws_sync(seat->c);
}

void seat_await_away(struct seat *seat, uint64_t id)
{
    bool is_away = false;

    while (!is_away) {
        char *json;

        seat_send(seat, "{'type':'say','text':'?','to':%llu,'ref':'away?'}",
                  (unsigned long long)id);
        json = seat_read(seat);
        is_away = v1_matches("{'type':'error','code':'away','text':'*','ref':'away?'}", json);
        if (!is_away && strstr(json, "\"type\":\"direct\"") == NULL)
            ck_abort_msg("\"%.300s\" came while %llu was expected to be away", json,
                         (unsigned long long)id);
        free(json);
    }
}
