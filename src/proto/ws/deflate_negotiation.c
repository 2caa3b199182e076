#include "proto/ws/deflate_negotiation.h"

#include <stdio.h>
#include <string.h>

#include "base/util.h"

enum parameter {
    SERVER_NO_TAKEOVER,
    CLIENT_NO_TAKEOVER,
    SERVER_BITS,
    CLIENT_BITS,
    PARAMETERS,
};

struct value {
    struct str text;
    bool is_there;
};

static struct str trimmed(struct str s)
{
    while (s.len > 0 && (s.ptr[0] == ' ' || s.ptr[0] == '\t'))
        s = (struct str){s.ptr + 1, s.len - 1};
    while (s.len > 0 && (s.ptr[s.len - 1] == ' ' || s.ptr[s.len - 1] == '\t'))
        s.len--;
    return s;
}

/* Takes what is in front of the next `mark`, trimmed. Returns whether the mark was there. A quoted
 * string may hold marks, but no parameter here may have such a value. */
static bool take_until(struct str *rest, char mark, struct str *piece)
{
    const char *at = rest->len > 0 ? memchr(rest->ptr, mark, rest->len) : NULL;
    size_t len = at != NULL ? (size_t)(at - rest->ptr) : rest->len;
    size_t skipped = at != NULL ? len + 1 : len;

    *piece = trimmed((struct str){rest->ptr, len});
    *rest = (struct str){rest->ptr + skipped, rest->len - skipped};
    return at != NULL;
}

/* A value may be quoted, and is to be a token then, too (RFC 6455, 9.1). */
static struct str unquoted(struct str s)
{
    if (s.len >= 2 && s.ptr[0] == '"' && s.ptr[s.len - 1] == '"')
        return (struct str){s.ptr + 1, s.len - 2};
    return s;
}

/* 8 to 15, without a leading zero (7.1.2); else 0. */
static uint8_t window_bits(struct str s)
{
    if (s.len == 1 && (s.ptr[0] == '8' || s.ptr[0] == '9'))
        return (uint8_t)(s.ptr[0] - '0');
    if (s.len == 2 && s.ptr[0] == '1' && s.ptr[1] >= '0' && s.ptr[1] <= '5')
        return (uint8_t)(10 + s.ptr[1] - '0');
    return 0;
}

/* Takes a parameter into its place. Returns false for what may not stand in an offer. */
static bool take_parameter(enum parameter which, struct value *value, bool has_value,
                           struct str text)
{
    if (value->is_there)
        return false;
    *value = (struct value){unquoted(text), true};
    switch (which) {
    case SERVER_BITS:
        return has_value && window_bits(value->text) != 0;
    case CLIENT_BITS:
        return !has_value || window_bits(value->text) != 0;
    default:
        return !has_value;
    }
}

static bool read_parameter(struct str piece, struct value values[PARAMETERS])
{
    static const struct {
        const char *name;
        size_t len;
    } known[PARAMETERS] = {
        [SERVER_NO_TAKEOVER] = {"server_no_context_takeover", 26},
        [CLIENT_NO_TAKEOVER] = {"client_no_context_takeover", 26},
        [SERVER_BITS] = {"server_max_window_bits", 22},
        [CLIENT_BITS] = {"client_max_window_bits", 22},
    };
    struct str name;
    bool has_value = take_until(&piece, '=', &name);

    for (unsigned i = 0; i < PARAMETERS; i++) {
        if (str_equals(name, (struct str){known[i].name, known[i].len}))
            return take_parameter((enum parameter)i, &values[i], has_value, trimmed(piece));
    }
    return false;
}

/* Reads one element of the list: an offer, or what is said to one. */
static bool read_extension(struct str offer, struct value values[PARAMETERS],
                           struct ws_deflate *agreed)
{
    struct str piece;
    bool has_more = take_until(&offer, ';', &piece);

    if (!str_equals(piece, STR("permessage-deflate")))
        return false;
    while (has_more) {
        has_more = take_until(&offer, ';', &piece);
        if (!read_parameter(piece, values))
            return false;
    }
    agreed->server_bits = window_bits(values[SERVER_BITS].text);
    agreed->server_no_takeover = values[SERVER_NO_TAKEOVER].is_there;
    return true;
}

bool ws_deflate_negotiate(const struct http_fields *fields, struct ws_deflate *agreed)
{
    struct str line, offer, agent;
    size_t at = 0;

    http_field_get(fields, HTTP_FIELD_USER_AGENT, &agent);
    if (ws_deflate_is_broken_in(agent))
        return false;
    while (http_field_next(fields, &at, HTTP_FIELD_SEC_WEBSOCKET_EXTENSIONS, &line)) {
        while (http_list_next(&line, &offer)) {
            struct value values[PARAMETERS] = {0};

            if (read_extension(offer, values, agreed))
                return true;
        }
    }
    return false;
}

int ws_deflate_check_response(const struct http_fields *fields, struct ws_deflate *agreed)
{
    struct value values[PARAMETERS] = {0};
    struct str line, extension, other;
    size_t at = 0;

    if (!http_field_next(fields, &at, HTTP_FIELD_SEC_WEBSOCKET_EXTENSIONS, &line))
        return 0;
    if (!http_list_next(&line, &extension) || !read_extension(extension, values, agreed) ||
        (values[CLIENT_BITS].is_there && values[CLIENT_BITS].text.len == 0) ||
        http_list_next(&line, &other) ||
        http_field_next(fields, &at, HTTP_FIELD_SEC_WEBSOCKET_EXTENSIONS, &line))
        return -1;
    return 1;
}

void ws_deflate_response(char out[WS_DEFLATE_RESPONSE_SIZE], const struct ws_deflate *agreed)
{
    char bits[32] = "";

    if (agreed->server_bits != 0)
        snprintf(bits, sizeof(bits), "; server_max_window_bits=%u", agreed->server_bits);
    snprintf(out, WS_DEFLATE_RESPONSE_SIZE, "permessage-deflate; client_no_context_takeover%s%s",
             agreed->server_no_takeover ? "; server_no_context_takeover" : "", bits);
}

/* What follows the first `mark`; empty where there is none. */
static struct str behind_mark(struct str s, struct str mark)
{
    const char *at = s.len > 0 ? memmem(s.ptr, s.len, mark.ptr, mark.len) : NULL;

    if (at == NULL)
        return STR("");
    at += mark.len;
    return (struct str){at, s.len - (size_t)(at - s.ptr)};
}

/* Does what follows 15 and its separator begin with 0 to 3, and no other digit behind it? */
static bool is_broken_minor(struct str version)
{
    return version.len >= 2 && version.ptr[0] >= '0' && version.ptr[0] <= '3' &&
           (version.ptr[1] < '0' || version.ptr[1] > '9');
}

bool ws_deflate_is_broken_in(struct str user_agent)
{
    struct str version = behind_mark(user_agent, STR("Version/15."));

    if (is_broken_minor(version) && behind_mark(version, STR("Safari/")).len > 0)
        return true;
    /* Every browser there, and every page within an app, is made of the system's own WebKit. */
    return is_broken_minor(behind_mark(user_agent, STR("iPhone OS 15_"))) ||
           is_broken_minor(behind_mark(user_agent, STR("CPU OS 15_")));
}
