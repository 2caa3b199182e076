#include "proto/http/request.h"

#include <string.h>

#include "base/ascii.h"
#include "base/util.h"
#include "proto/uri.h"

static const struct {
    int status;
    const char *text;
} errors[] = {
    [HTTP_ERROR_OCTET] = {400, "The request holds a byte that is not allowed there."},
    [HTTP_ERROR_EMPTY_LINES] = {400, "There are too many empty lines before the request."},
    [HTTP_ERROR_REQUEST_LINE] = {400, "The request line must be: method, target, version."},
    [HTTP_ERROR_METHOD] = {400, "The method is not a token."},
    [HTTP_ERROR_VERSION] = {400, "The HTTP version is malformed."},
    [HTTP_ERROR_VERSION_UNKNOWN] = {505, "Only HTTP/1.1 and HTTP/1.0 are spoken here."},
    [HTTP_ERROR_TARGET] = {400, "The request target is malformed."},
    [HTTP_ERROR_FIELD] = {400, "A header line is not a name, a colon and a value."},
    [HTTP_ERROR_FOLD] = {400, "A header line begins with a blank."},
    [HTTP_ERROR_HOST_MISSING] = {400, "The Host header is missing."},
    [HTTP_ERROR_HOST_REPEATED] = {400, "There is more than one Host header."},
    [HTTP_ERROR_HOST] = {400, "The Host header is not a host and a port."},
    [HTTP_ERROR_LENGTH] = {400, "Content-Length must be one plain number."},
    [HTTP_ERROR_CODING] = {400, "Transfer-Encoding is malformed or does not belong there."},
    [HTTP_ERROR_CODING_AND_LENGTH] = {400,
                                      "Transfer-Encoding and Content-Length exclude each other."},
    [HTTP_ERROR_CODING_UNKNOWN] = {501, "Transfer-Encoding is not supported."},
    [HTTP_ERROR_BODY] = {413, "A request must not have a body here."},
    [HTTP_ERROR_LINE_TOO_LONG] = {414, "The request line is too long."},
    [HTTP_ERROR_HEAD_TOO_LONG] = {431, "The request head is too long."},
};

int http_error_status(enum http_error error)
{
    return errors[error].status;
}

const char *http_error_text(enum http_error error)
{
    return errors[error].text;
}

_Static_assert(HTTP_HEAD_MAX <= HTTP_FIELDS_SIZE_MAX, "all lines of a head can be told apart");

static struct str str_skip(struct str s, size_t count)
{
    return (struct str){s.ptr + count, s.len - count};
}

static struct str etag_without_weakness(struct str etag)
{
    return etag.len > 1 && memcmp(etag.ptr, "W/", 2) == 0 ? str_skip(etag, 2) : etag;
}

/* Takes the next opaque-tag, in its quotes, off a list of entity-tags. These are not quoted
 * strings: a backslash in them is a character like any other, so http_list_next would cut them
 * wrongly. */
static bool etag_next(struct str *rest, struct str *opaque)
{
    const char *close;

    while (rest->len > 0 && (rest->ptr[0] == ',' || rest->ptr[0] == ' ' || rest->ptr[0] == '\t'))
        *rest = str_skip(*rest, 1);
    *rest = etag_without_weakness(*rest);
    if (rest->len == 0 || rest->ptr[0] != '"')
        return false;
    close = memchr(rest->ptr + 1, '"', rest->len - 1);
    if (close == NULL)
        return false;
    *opaque = (struct str){rest->ptr, (size_t)(close - rest->ptr) + 1};
    *rest = str_skip(*rest, opaque->len);
    return true;
}

bool http_etag_list_has(struct str list, struct str etag)
{
    struct str each, opaque = etag_without_weakness(etag);

    if (str_equals(list, STR("*")))
        return true;
    while (etag_next(&list, &each)) {
        if (str_equals(each, opaque))
            return true;
    }
    return false;
}

bool http_etag_matches(const struct http_request *req, struct str etag)
{
    struct str value;
    size_t line = 0;

    while (http_field_next(&req->fields, &line, HTTP_FIELD_IF_NONE_MATCH, &value)) {
        if (http_etag_list_has(value, etag))
            return true;
    }
    return false;
}

/* The request line (RFC 9112, 3) */

static int version_parse(struct http_request *req, struct str version)
{
    const char *text = version.ptr;

    if (version.len != 8 || memcmp(text, "HTTP/", 5) != 0 || !ascii_is(text[5], ASCII_DIGIT) ||
        text[6] != '.' || !ascii_is(text[7], ASCII_DIGIT))
        return -HTTP_ERROR_VERSION;
    if (text[5] != '1')
        return -HTTP_ERROR_VERSION_UNKNOWN;
    req->minor = text[7] == '0' ? 0 : 1;
    return 0;
}

static bool path_and_query_parse(struct http_request *req, struct str text)
{
    req->query = text;
    req->path = str_cut(&req->query, '?');
    return uri_path_is_valid(req->path) && uri_query_is_valid(req->query);
}

/* 3.2.2. Other schemes are refused: what they name cannot be here. */
static bool absolute_form_parse(struct http_request *req, struct str text)
{
    struct str scheme, host, port;
    size_t len = 0;

    scheme = str_cut(&text, ':');
    if (!str_equals_nocase(scheme, STR("http")) && !str_equals_nocase(scheme, STR("https")))
        return false;
    if (text.len < 2 || memcmp(text.ptr, "//", 2) != 0)
        return false;
    text = str_skip(text, 2);
    while (len < text.len && text.ptr[len] != '/' && text.ptr[len] != '?')
        len++;
    req->host = (struct str){text.ptr, len};
    if (!uri_authority_parse(req->host, &host, &port) ||
        !path_and_query_parse(req, str_skip(text, len)))
        return false;
    if (req->path.len == 0)
        req->path = STR("/");
    return true;
}

/* 3.2.3: here the port is a must. */
static bool authority_form_parse(struct http_request *req, struct str text)
{
    struct str host, port;

    req->host = text;
    req->path = (struct str){text.ptr, 0};
    return uri_authority_parse(text, &host, &port) && port.len > 0;
}

static bool target_parse(struct http_request *req)
{
    req->host = req->query = (struct str){NULL, 0};
    if (str_equals(req->method, STR("CONNECT")))
        return authority_form_parse(req, req->target);
    if (req->target.ptr[0] == '/')
        return path_and_query_parse(req, req->target);
    if (str_equals(req->target, STR("*"))) {
        req->path = req->target;
        return str_equals(req->method, STR("OPTIONS"));
    }
    return absolute_form_parse(req, req->target);
}

/* Sets all of *req that the request line tells. The version goes before the target, whose forms are
 * those of HTTP/1.x. */
static int request_line_parse(struct http_request *req, struct str line)
{
    int error;

    req->method = str_cut(&line, ' ');
    req->target = str_cut(&line, ' ');
    if (req->target.len == 0 || line.len == 0 || memchr(line.ptr, ' ', line.len) != NULL)
        return -HTTP_ERROR_REQUEST_LINE;
    if (!http_is_token(req->method))
        return -HTTP_ERROR_METHOD;
    error = version_parse(req, line);
    if (error < 0)
        return error;
    return target_parse(req) ? 0 : -HTTP_ERROR_TARGET;
}

/* The head as a whole */

static int host_check(struct http_request *req)
{
    struct str value, host, port;
    unsigned count = http_field_get(&req->fields, HTTP_FIELD_HOST, &value);

    if (count > 1)
        return -HTTP_ERROR_HOST_REPEATED;
    if (count == 0)
        return req->minor == 0 ? 0 : -HTTP_ERROR_HOST_MISSING;
    if (!uri_authority_parse(value, &host, &port))
        return -HTTP_ERROR_HOST;
    if (req->host.len == 0)
        req->host = value;
    return 0;
}

/* Is every element a transfer-coding, which is a token and maybe parameters (RFC 9112, 7)? Counts
 * them. */
static bool coding_list_check(struct str list, unsigned *count)
{
    struct str element;

    while (http_list_next(&list, &element)) {
        if (!http_is_token(str_trim(str_cut(&element, ';'))))
            return false;
        (*count)++;
    }
    return true;
}

/* Transfer-Encoding is there, so the request is refused; this finds the reason. */
static int coding_error(const struct http_request *req)
{
    struct str value;
    size_t line = 0;
    unsigned count = 0;

    if (req->minor == 0)
        return -HTTP_ERROR_CODING;
    while (http_field_next(&req->fields, &line, HTTP_FIELD_TRANSFER_ENCODING, &value)) {
        if (!coding_list_check(value, &count))
            return -HTTP_ERROR_CODING;
    }
    return count == 0 ? -HTTP_ERROR_CODING : -HTTP_ERROR_CODING_UNKNOWN;
}

/* 1*DIGIT up to 2^63-1 (RFC 9110, 8.6). */
static int length_read(struct str text, uint64_t *length)
{
    uint64_t value = 0;

    if (text.len == 0)
        return -HTTP_ERROR_LENGTH;
    for (size_t i = 0; i < text.len; i++) {
        if (!ascii_is(text.ptr[i], ASCII_DIGIT) || value > INT64_MAX / 10)
            return -HTTP_ERROR_LENGTH;
        value = value * 10 + (uint64_t)(text.ptr[i] - '0');
    }
    if (value > INT64_MAX)
        return -HTTP_ERROR_LENGTH;
    *length = value;
    return 0;
}

/* RFC 9112, 6 */
static int body_check(struct http_request *req)
{
    struct str coding, length;
    bool has_coding = http_field_get(&req->fields, HTTP_FIELD_TRANSFER_ENCODING, &coding) > 0;
    unsigned lengths = http_field_get(&req->fields, HTTP_FIELD_CONTENT_LENGTH, &length);

    req->body_len = 0;
    if (has_coding)
        return lengths > 0 ? -HTTP_ERROR_CODING_AND_LENGTH : coding_error(req);
    if (lengths > 1)
        return -HTTP_ERROR_LENGTH;
    return lengths == 1 ? length_read(length, &req->body_len) : 0;
}

static bool wants_keep_alive(const struct http_request *req)
{
    if (http_field_has_token(&req->fields, HTTP_FIELD_CONNECTION, STR("close")))
        return false;
    return req->minor == 1 ||
           http_field_has_token(&req->fields, HTTP_FIELD_CONNECTION, STR("keep-alive"));
}

/* Sets *req, as far as its lines tell, from a head whose lines are all well-formed. */
static void lines_read(struct http_request *req, const char *data, const struct http_scan *scan)
{
    struct str fields = {data + scan->start, scan->line - scan->start};
    struct str line = str_cut(&fields, '\n');

    line.len--;
    request_line_parse(req, line); /* cannot fail: it was judged when it came */
    http_fields_read(&req->fields, fields);
}

/* Sets the rest of *req from its lines; the scan stands behind the empty one. */
static int request_finish(struct http_request *req, const struct http_scan *scan)
{
    int error = host_check(req);

    if (error == 0)
        error = body_check(req);
    if (error < 0)
        return error;
    req->keep_alive = wants_keep_alive(req);
    req->expects_continue = req->minor == 1 && http_field_has_token(&req->fields, HTTP_FIELD_EXPECT,
                                                                    STR("100-continue"));
    return (int)scan->pos;
}

/* The scan */

/* May the octet stand in a line? Only fields know HTAB and obs-text (RFC 9110, 5.5). */
static bool is_request_octet(char c, bool is_request_line)
{
    unsigned char octet = (unsigned char)c;

    if (octet >= 0x20 && octet <= 0x7e)
        return true;
    return !is_request_line && (octet == '\t' || octet >= 0x80);
}

/* Passes what every line may hold, a word at a time. The sums have the top bit of a byte that is
 * below 0x20 or above 0x7e, and maybe bits of bytes of higher value, but none below the first. */
static size_t skip_plain(const char *data, size_t pos, size_t end)
{
    const uint64_t ones = UINT64_C(0x0101010101010101);
    uint64_t word, other;

    for (; pos + sizeof(word) <= end; pos += sizeof(word)) {
        memcpy(&word, data + pos, sizeof(word));
        other = (word | (word - 0x20 * ones) | (word + ones)) & 0x80 * ones;
        if (other == 0)
            continue;
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
        pos += (size_t)__builtin_ctzll(other) / 8;
#endif
        break;
    }
    return pos;
}

/* Goes on to the end of the current line. Returns 1 with scan->pos behind its LF, 0 when the bytes
 * run out, or -error. */
static int request_line_scan(struct http_scan *scan, const char *data, size_t len)
{
    bool is_request_line = scan->line == scan->start;
    size_t limit = scan->start + (is_request_line ? HTTP_LINE_MAX : HTTP_HEAD_MAX);
    size_t end = min_size(len, limit);
    size_t pos = scan->pos;

    if (pos == scan->line || data[pos - 1] != '\r') {
        pos = skip_plain(data, pos, end);
        while (pos < end && is_request_octet(data[pos], is_request_line))
            pos++;
        scan->pos = (uint32_t)pos;
        if (pos == len)
            return 0;
        if (pos == limit && is_request_line && data[pos] != '\r')
            return -HTTP_ERROR_LINE_TOO_LONG;
        if (pos - scan->start >= HTTP_HEAD_MAX)
            return -HTTP_ERROR_HEAD_TOO_LONG;
        if (data[pos] != '\r')
            return -HTTP_ERROR_OCTET;
        pos = ++scan->pos;
    }
    if (pos == len)
        return 0;
    if (pos - scan->start >= HTTP_HEAD_MAX)
        return -HTTP_ERROR_HEAD_TOO_LONG;
    if (data[pos] != '\n')
        return -HTTP_ERROR_OCTET;
    scan->pos++;
    return 1;
}

/* Reads a line of at least one byte. Returns 0, with the field and its value, or -error. A known
 * name is a token for sure. */
static int field_line_parse(struct str line, enum http_field *field, struct str *value)
{
    const char *colon;
    struct str name;

    if (line.ptr[0] == ' ' || line.ptr[0] == '\t')
        return -HTTP_ERROR_FOLD;
    colon = memchr(line.ptr, ':', line.len);
    if (colon == NULL)
        return -HTTP_ERROR_FIELD;
    name = (struct str){line.ptr, (size_t)(colon - line.ptr)};
    *field = http_field_named(name);
    if (*field == HTTP_FIELD_OTHER && !http_is_token(name))
        return -HTTP_ERROR_FIELD;
    *value = str_skip(line, name.len + 1);
    return 0;
}

/* Judges the grammar of a complete line that does not end the head, so that the first bad line
 * decides, and not how much of the head has come. Puts what it tells into *req, which has the lines
 * before it if `has_line`; else all of them are read again when the last one is there. */
static int line_check(struct http_request *req, struct http_scan *scan, struct str line,
                      bool has_line)
{
    enum http_field field;
    struct str value;
    int result;

    if (scan->line != scan->start) {
        result = field_line_parse(line, &field, &value);
        if (result == 0 && has_line)
            http_fields_add(&req->fields, field, value);
        return result;
    }
    if (line.len > 0) {
        http_fields_begin(&req->fields, line.ptr + line.len + 2);
        return request_line_parse(req, line);
    }
    scan->start = scan->pos; /* an empty line in front of the request (RFC 9112, 2.2) */
    return scan->start <= HTTP_LEADING_MAX ? 0 : -HTTP_ERROR_EMPTY_LINES;
}

int http_request_parse(struct http_request *req, const char *data, size_t len,
                       struct http_scan *scan)
{
    bool has_line = scan->line == scan->start; /* by the time that the head ends */

    for (;;) {
        struct str line;
        int result = request_line_scan(scan, data, len);

        if (result <= 0)
            return result;
        line = (struct str){data + scan->line, scan->pos - scan->line - 2};
        if (line.len == 0 && scan->line != scan->start)
            break;
        result = line_check(req, scan, line, has_line);
        if (result < 0)
            return result;
        scan->line = scan->pos;
    }
    if (!has_line)
        lines_read(req, data, scan);
    return request_finish(req, scan);
}
