#include "proto/http/response_parse.h"

#include <string.h>

#include "base/ascii.h"
#include "base/util.h"
#include "proto/http/request.h"

#define VERSION_SIZE 8 /* bytes of "HTTP/1.1" */
#define STATUS_SIZE 3

const char *http_response_parse_error_text(enum http_response_parse_error error)
{
    static const char *const texts[] = {
        [HTTP_RESPONSE_PARSE_OCTET] = "a byte that is not allowed in a response head",
        [HTTP_RESPONSE_PARSE_STATUS_LINE] = "a malformed status line",
        [HTTP_RESPONSE_PARSE_VERSION] = "another protocol than HTTP/1.1",
        [HTTP_RESPONSE_PARSE_STATUS] = "a status that is none",
        [HTTP_RESPONSE_PARSE_FIELD] = "a malformed header line",
        [HTTP_RESPONSE_PARSE_TOO_LONG] = "a response head that does not end",
    };

    return texts[error];
}

/* status-line = HTTP-version SP status-code SP [ reason-phrase ] (RFC 9112, 4) */
static int status_line_parse(struct http_parsed_response *reply, struct str line)
{
    const char *text = line.ptr;
    const char *status = text + VERSION_SIZE + 1;

    if (line.len < VERSION_SIZE || memcmp(text, "HTTP/1.", 7) != 0 ||
        !ascii_is(text[7], ASCII_DIGIT))
        return -HTTP_RESPONSE_PARSE_VERSION;
    if (line.len < VERSION_SIZE + 1 + STATUS_SIZE + 1 || text[VERSION_SIZE] != ' ' ||
        !ascii_is(status[0], ASCII_DIGIT) || !ascii_is(status[1], ASCII_DIGIT) ||
        !ascii_is(status[2], ASCII_DIGIT) || status[3] != ' ')
        return -HTTP_RESPONSE_PARSE_STATUS_LINE;
    reply->status = (status[0] - '0') * 100 + (status[1] - '0') * 10 + (status[2] - '0');
    reply->reason = (struct str){status + 4, line.len - (size_t)(status + 4 - text)};
    return reply->status >= 100 && reply->status <= 599 ? 0 : -HTTP_RESPONSE_PARSE_STATUS;
}

/* A line that begins with a blank would have a name that is no token. */
static int field_line_check(struct str line)
{
    struct str value = line;
    struct str name = str_cut(&value, ':');

    return value.ptr != NULL && http_is_token(name) ? 0 : -HTTP_RESPONSE_PARSE_FIELD;
}

/* HTAB, VCHAR, blank and obs-text (RFC 9110, 5.5; RFC 9112, 4). */
static bool is_response_octet(char c)
{
    unsigned char octet = (unsigned char)c;

    return octet == '\t' || (octet >= 0x20 && octet != 0x7f);
}

/* Goes on to the end of the current line. Returns 1 with scan->pos behind its LF, 0 when the bytes
 * run out, or -error. */
static int response_line_scan(struct http_response_parse_scan *scan, const char *data, size_t len)
{
    size_t end = min_size(len, HTTP_RESPONSE_PARSE_MAX);
    size_t pos = scan->pos;

    if (pos == scan->line || data[pos - 1] != '\r') {
        while (pos < end && is_response_octet(data[pos]))
            pos++;
        if (pos < end && data[pos] != '\r')
            return -HTTP_RESPONSE_PARSE_OCTET;
        if (pos < end)
            pos++;
        scan->pos = (uint32_t)pos;
    }
    if (pos == end)
        return pos == HTTP_RESPONSE_PARSE_MAX ? -HTTP_RESPONSE_PARSE_TOO_LONG : 0;
    if (data[pos] != '\n')
        return -HTTP_RESPONSE_PARSE_OCTET;
    scan->pos++;
    return 1;
}

/* Sets *reply from a head whose lines were all judged when they came. */
static int response_finish(struct http_parsed_response *reply, const char *data,
                           const struct http_response_parse_scan *scan)
{
    struct str fields = {data, scan->line};
    struct str line = str_cut(&fields, '\n');

    line.len--;
    status_line_parse(reply, line);
    http_fields_read(&reply->fields, fields);
    return (int)scan->pos;
}

int http_response_parse(struct http_parsed_response *reply, const char *data, size_t len,
                        struct http_response_parse_scan *scan)
{
    for (;;) {
        struct str line;
        int result = response_line_scan(scan, data, len);

        if (result <= 0)
            return result;
        line = (struct str){data + scan->line, scan->pos - scan->line - 2};
        if (line.len == 0 && scan->line > 0)
            return response_finish(reply, data, scan);
        result = scan->line == 0 ? status_line_parse(reply, line) : field_line_check(line);
        if (result < 0)
            return result;
        scan->line = scan->pos;
    }
}
