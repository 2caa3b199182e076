#include "proto/uri.h"

#include <arpa/inet.h>
#include <string.h>

#include "base/ascii.h"

#define PORT_MAX 65535

int uri_hex_value(char c)
{
    if (!ascii_is(c, ASCII_HEX))
        return -1;
    return ascii_is(c, ASCII_DIGIT) ? c - '0' : (c | 0x20) - 'a' + 10;
}

/* Is it made of characters of a class, and of percent-encoded ones? */
static bool is_made_of(struct str s, uint8_t class)
{
    size_t i = 0;

    while (i < s.len) {
        if (ascii_is(s.ptr[i], class)) {
            i++;
        } else if (s.ptr[i] == '%' && s.len - i > 2 && uri_hex_value(s.ptr[i + 1]) >= 0 &&
                   uri_hex_value(s.ptr[i + 2]) >= 0) {
            i += 3;
        } else {
            return false;
        }
    }
    return true;
}

bool uri_path_is_valid(struct str path)
{
    return is_made_of(path, ASCII_PATH);
}

bool uri_query_is_valid(struct str query)
{
    return is_made_of(query, ASCII_QUERY);
}

static bool segment_is_plain(struct str segment)
{
    if (segment.len == 0 || str_equals(segment, STR(".")) || str_equals(segment, STR("..")))
        return false;
    for (size_t i = 0; i < segment.len; i++) {
        if (!ascii_is(segment.ptr[i], ASCII_UNRESERVED))
            return false;
    }
    return true;
}

bool uri_base_read(struct str *base, struct str text)
{
    struct str rest;

    if (text.len == 0 || text.ptr[0] != '/')
        return false;
    if (text.ptr[text.len - 1] == '/')
        text.len--;
    rest = text;
    str_cut(&rest, '/');
    while (rest.ptr != NULL) {
        if (!segment_is_plain(str_cut(&rest, '/')))
            return false;
    }
    *base = text;
    return true;
}

/* *DIGIT (3.2.3): leading zeros are allowed, so the value is bounded and not the length. */
static bool port_is_valid(struct str port)
{
    unsigned value = 0;

    for (size_t i = 0; i < port.len; i++) {
        if (!ascii_is(port.ptr[i], ASCII_DIGIT))
            return false;
        value = value * 10 + (unsigned)(port.ptr[i] - '0');
        if (value > PORT_MAX)
            return false;
    }
    return true;
}

static bool ipv6_is_valid(struct str address)
{
    char text[INET6_ADDRSTRLEN];
    struct in6_addr parsed;

    if (address.len >= sizeof(text))
        return false;
    for (size_t i = 0; i < address.len; i++) {
        char c = address.ptr[i];

        if (!ascii_is(c, ASCII_HEX) && c != ':' && c != '.')
            return false;
        text[i] = c;
    }
    text[address.len] = '\0';
    return inet_pton(AF_INET6, text, &parsed) == 1;
}

/* Takes "[address]" off the front of *rest. */
static bool literal_take(struct str *rest, struct str *host)
{
    const char *close = memchr(rest->ptr, ']', rest->len);

    if (close == NULL)
        return false;
    *host = (struct str){rest->ptr, (size_t)(close - rest->ptr) + 1};
    rest->ptr += host->len;
    rest->len -= host->len;
    return ipv6_is_valid((struct str){host->ptr + 1, host->len - 2});
}

/* Takes a registered name or an IPv4 address, which looks like one, off the front of *rest. */
static bool name_take(struct str *rest, struct str *host)
{
    const char *colon = memchr(rest->ptr, ':', rest->len);

    *host = (struct str){rest->ptr, colon == NULL ? rest->len : (size_t)(colon - rest->ptr)};
    rest->ptr += host->len;
    rest->len -= host->len;
    return host->len > 0 && is_made_of(*host, ASCII_NAME);
}

bool uri_authority_parse(struct str authority, struct str *host, struct str *port)
{
    struct str rest = authority;

    *port = (struct str){NULL, 0};
    if (rest.len == 0)
        return false;
    if (!(rest.ptr[0] == '[' ? literal_take(&rest, host) : name_take(&rest, host)))
        return false;
    if (rest.len == 0)
        return true;
    if (rest.ptr[0] != ':')
        return false;
    *port = (struct str){rest.ptr + 1, rest.len - 1};
    return port_is_valid(*port);
}
