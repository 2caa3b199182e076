#include "proto/uri.h"

#include <arpa/inet.h>
#include <string.h>

#define PORT_MAX 65535

static bool is_one_of(char c, const char *set)
{
    return c != '\0' && strchr(set, c) != NULL;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* unreserved / sub-delims (RFC 3986, 2.3 and 2.2): all that a registered name may hold unencoded.
 */
static bool is_name_char(char c)
{
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           is_one_of(c, "-._~!$&'()*+,;=");
}

static bool is_path_char(char c)
{
    return is_name_char(c) || is_one_of(c, ":@/");
}

static bool is_query_char(char c)
{
    return is_path_char(c) || c == '?';
}

int uri_hex_value(char c)
{
    if (is_digit(c))
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

static bool is_made_of(struct str s, bool (*is_plain)(char c))
{
    size_t i = 0;

    while (i < s.len) {
        if (is_plain(s.ptr[i])) {
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
    return is_made_of(path, is_path_char);
}

bool uri_query_is_valid(struct str query)
{
    return is_made_of(query, is_query_char);
}

static bool is_unreserved(char c)
{
    return is_name_char(c) && !is_one_of(c, "!$&'()*+,;=");
}

static bool segment_is_plain(struct str segment)
{
    if (segment.len == 0 || str_equals(segment, STR(".")) || str_equals(segment, STR("..")))
        return false;
    for (size_t i = 0; i < segment.len; i++) {
        if (!is_unreserved(segment.ptr[i]))
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
        if (!is_digit(port.ptr[i]))
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
        if (uri_hex_value(address.ptr[i]) < 0 && !is_one_of(address.ptr[i], ":."))
            return false;
        text[i] = address.ptr[i];
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
    return host->len > 0 && is_made_of(*host, is_name_char);
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
