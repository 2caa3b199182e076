#include "proto/forwarded.h"

#include <string.h>

#include "base/ascii.h"
#include "base/str.h"
#include "base/util.h"

/* The last elements of a list, in a ring. */
struct tail {
    struct str items[FORWARDED_HOPS_MAX];
    size_t count; /* that were ever put into it */
};

bool trusted_list_has(const struct trusted_list *list, const struct ip *ip)
{
    for (size_t i = 0; i < list->count; i++) {
        if (ip_network_has(&list->items[i], ip))
            return true;
    }
    return false;
}

static void tail_put(struct tail *tail, struct str item)
{
    tail->items[tail->count++ % FORWARDED_HOPS_MAX] = item;
}

/* Walks from the right. `read_hop` reads the peer that an element names, or returns false. */
static void walk(const struct tail *tail, bool (*read_hop)(struct str element, struct peer *hop),
                 const struct trusted_list *trusted, struct peer *client)
{
    size_t hops = min_size(tail->count, FORWARDED_HOPS_MAX);

    for (size_t i = 1; i <= hops; i++) {
        struct peer hop = {.is_known = true};

        if (!read_hop(tail->items[(tail->count - i) % FORWARDED_HOPS_MAX], &hop))
            return;
        *client = hop;
        if (!trusted_list_has(trusted, &hop.ip))
            return;
    }
}

/* ---- nodes (RFC 7239, 6) ---- */

/* "_" and at least one of ALPHA / DIGIT / "." / "_" / "-" */
static bool is_obfuscated(struct str text)
{
    if (text.len < 2 || text.ptr[0] != '_')
        return false;
    for (size_t i = 1; i < text.len; i++) {
        char c = text.ptr[i];

        if (!ascii_is(c, ASCII_LETTER | ASCII_DIGIT) && c != '.' && c != '_' && c != '-')
            return false;
    }
    return true;
}

/* 1*5DIGIT, leading zeros included, up to 65535 */
static bool read_port(struct str text, uint16_t *port)
{
    unsigned value = 0;

    if (text.len == 0 || text.len > 5)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9')
            return false;
        value = value * 10 + (unsigned)(text.ptr[i] - '0');
    }
    *port = (uint16_t)value;
    return value <= UINT16_MAX;
}

/* What follows an address: nothing, or a colon and a port, which may be obfuscated. */
static bool read_tail_port(struct str rest, struct peer *hop)
{
    if (rest.len == 0)
        return true;
    if (rest.ptr[0] != ':')
        return false;
    rest = (struct str){rest.ptr + 1, rest.len - 1};
    return is_obfuscated(rest) || read_port(rest, &hop->port);
}

/* IPv4 [ ":" port ] or "[" IPv6 "]" [ ":" port ] */
static bool read_node(struct str text, struct peer *hop)
{
    bool is_v6 = text.len > 0 && text.ptr[0] == '[';
    const char *end;
    struct str address = text;

    if (is_v6) {
        end = memchr(text.ptr, ']', text.len);
        if (end == NULL)
            return false;
        address = (struct str){text.ptr + 1, (size_t)(end - text.ptr) - 1};
        text = (struct str){end + 1, text.len - address.len - 2};
    } else {
        end = memchr(text.ptr, ':', text.len);
        address.len = end == NULL ? text.len : (size_t)(end - text.ptr);
        text = (struct str){text.ptr + address.len, text.len - address.len};
    }
    return (memchr(address.ptr, ':', address.len) != NULL) == is_v6 && ip_read(&hop->ip, address) &&
           read_tail_port(text, hop);
}

/* ---- Forwarded (RFC 7239, 4) ---- */

/* Takes the next ";" separated pair off an element. A semicolon within quotes separates nothing. */
static bool next_pair(struct str *rest, struct str *pair)
{
    bool is_quoted = false;
    size_t i;

    if (rest->len == 0)
        return false;
    for (i = 0; i < rest->len && (is_quoted || rest->ptr[i] != ';'); i++) {
        if (rest->ptr[i] == '"')
            is_quoted = !is_quoted;
        else if (rest->ptr[i] == '\\' && is_quoted)
            i++; /* there is one more: the string has its end */
    }
    *pair = str_trim((struct str){rest->ptr, i});
    i = min_size(i + 1, rest->len);
    *rest = (struct str){rest->ptr + i, rest->len - i};
    return true;
}

/* Is every quoted string of the line closed? */
static bool is_balanced(struct str line)
{
    bool is_quoted = false;

    for (size_t i = 0; i < line.len; i++) {
        if (line.ptr[i] == '"')
            is_quoted = !is_quoted;
        else if (line.ptr[i] == '\\' && is_quoted && i + 1 < line.len)
            i++;
    }
    return !is_quoted;
}

/* Writes the text of a quoted string; returns its length, or -1 where it is none or does not fit:
 * no address is that long. */
static ptrdiff_t unquote(struct str quoted, char out[IP_TEXT_MAX])
{
    size_t len = 0, i;

    for (i = 1; i < quoted.len && quoted.ptr[i] != '"'; i++) {
        if (quoted.ptr[i] == '\\')
            i++;
        if (len == IP_TEXT_MAX)
            return -1;
        out[len++] = quoted.ptr[i];
    }
    return i + 1 == quoted.len ? (ptrdiff_t)len : -1;
}

/* The value of `for`: a token, in which no colon and no bracket can stand, or a quoted string. */
static bool read_for(struct str value, struct peer *hop)
{
    char text[IP_TEXT_MAX];
    ptrdiff_t len;

    if (value.len == 0 || value.ptr[0] != '"')
        return memchr(value.ptr, ':', value.len) == NULL && read_node(value, hop);
    len = unquote(value, text);
    return len >= 0 && read_node((struct str){text, (size_t)len}, hop);
}

/* Names are compared without case; none may be there twice, and pairs may be empty. */
static bool read_element(struct str element, struct peer *hop)
{
    bool is_found = false;
    struct str pair;

    while (next_pair(&element, &pair)) {
        struct str value = pair;
        struct str name = str_cut(&value, '=');

        if (!str_equals_nocase(name, STR("for")))
            continue;
        if (is_found || value.ptr == NULL || !read_for(value, hop))
            return false;
        is_found = true;
    }
    return is_found;
}

enum forwarded_result forwarded_read(const struct http_request *request,
                                     const struct trusted_list *trusted, struct peer *client)
{
    struct str value, element;
    size_t line = 0;
    struct tail tail = {.count = 0};
    bool is_there = false;

    while (http_field_next(&request->fields, &line, HTTP_FIELD_FORWARDED, &value)) {
        is_there = true;
        if (!is_balanced(value))
            return FORWARDED_MALFORMED;
        while (http_list_next(&value, &element))
            tail_put(&tail, element);
    }
    walk(&tail, read_element, trusted, client);
    return is_there ? FORWARDED_TOLD : FORWARDED_ABSENT;
}

/* ---- X-Forwarded-For ---- */

/* Without brackets, more than one colon means a bare IPv6 address. */
static bool read_x_hop(struct str element, struct peer *hop)
{
    return ip_read(&hop->ip, element) || read_node(element, hop);
}

enum forwarded_result x_forwarded_for_read(const struct http_request *request,
                                           const struct trusted_list *trusted, struct peer *client)
{
    struct str value;
    size_t line = 0;
    struct tail tail = {.count = 0};
    bool is_there = false;

    while (http_field_next(&request->fields, &line, HTTP_FIELD_X_FORWARDED_FOR, &value)) {
        is_there = true;
        while (value.ptr != NULL) {
            struct str element = str_trim(str_cut(&value, ','));

            if (element.len > 0)
                tail_put(&tail, element);
        }
    }
    walk(&tail, read_x_hop, trusted, client);
    return is_there ? FORWARDED_TOLD : FORWARDED_ABSENT;
}
