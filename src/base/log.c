#include "base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/buf.h"
#include "base/stdfds.h"
#include "base/utf8.h"
#include "base/util.h"

/* What a line takes of a flow's credit; so the credit of each millisecond is a whole number. */
#define LINE_COST 1000

/* A flow that was quiet for so many milliseconds has all its credit again. */
#define FLOW_FULL_AFTER 2000

static enum log_level threshold = LOG_INFO;
static bool as_json;
static uint64_t flow_rate; /* lines a second; 0: no limit */

static const char *const level_names[] = {"error", "warning", "info", "debug"};

void log_setup(enum log_level level, bool json)
{
    threshold = level;
    as_json = json;
}

bool log_is_enabled(enum log_level level)
{
    return level <= threshold;
}

/* Reads a character of UTF-8 that is not ASCII. Returns its bytes, 0 where there is none. */
static size_t read_character(const char *text, uint32_t *code)
{
    unsigned char lead = (unsigned char)text[0];
    size_t len = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;

    if (lead < 0xc0 || strnlen(text, len) < len || !utf8_is_valid((struct str){text, len}))
        return 0;
    *code = lead & 0x7fu >> len;
    for (size_t i = 1; i < len; i++)
        *code = *code << 6 | ((unsigned char)text[i] & 0x3f);
    return len;
}

static void append_escape(struct buf *line, uint32_t code)
{
    if (code >= 0x10000)
        buf_printf(line, "\\u%04x\\u%04x", (unsigned)(0xd800 + ((code - 0x10000) >> 10)),
                   (unsigned)(0xdc00 + (code & 0x3ff)));
    else
        buf_printf(line, "\\u%04x", (unsigned)code);
}

/* Appends text between double quotes, with everything but printable ASCII escaped, since it could
 * hurt a terminal: valid in JSON and in logfmt. A byte that is not UTF-8 becomes U+FFFD. */
static void append_quoted(struct buf *line, const char *text)
{
    buf_append_char(line, '"');
    while (*text != '\0') {
        unsigned char c = (unsigned char)*text;
        uint32_t code = c;
        size_t len = c < 0x80 ? 1 : read_character(text, &code);

        if (c == '"' || c == '\\')
            buf_printf(line, "\\%c", c);
        else if (c < 0x20 || c >= 0x7f)
            append_escape(line, len > 0 ? code : 0xfffd);
        else
            buf_append_char(line, (char)c);
        text += len > 0 ? len : 1;
    }
    buf_append_char(line, '"');
}

static bool is_plain(const char *text)
{
    if (*text == '\0')
        return false;
    for (; *text != '\0'; text++) {
        unsigned char c = (unsigned char)*text;

        if (c <= 0x20 || c >= 0x7f || c == '"' || c == '=' || c == '\\')
            return false;
    }
    return true;
}

static void append_pair(struct buf *line, const char *key, const char *value)
{
    bool is_number = key[0] == '#';

    key += is_number;
    if (as_json) {
        buf_append_char(line, line->len > 0 ? ',' : '{');
        append_quoted(line, key);
        buf_append_char(line, ':');
    } else {
        buf_printf(line, "%s%s=", line->len > 0 ? " " : "", key);
    }
    if (as_json ? is_number : is_plain(value))
        buf_append_str(line, str_from(value));
    else
        append_quoted(line, value);
}

static void append_time(struct buf *line)
{
    struct timespec now;
    struct tm utc;
    char text[40];
    size_t len;

    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &utc);
    len = strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &utc);
    snprintf(text + len, sizeof(text) - len, ".%03dZ", (int)(now.tv_nsec / 1000000));
    append_pair(line, "time", text);
}

/* Lines that were lost because stderr took nothing, and what it has not taken of the last line that
 * it took some of: that comes before anything else, so no line is ever glued to half of another. */
static unsigned long lost;
static struct buf tail;

/* Writes a line, which it takes over. Returns false where it is lost. */
static bool put_line(struct buf *line)
{
    size_t done = stdfds_write_stderr(tail.data, tail.len);

    buf_consume(&tail, done);
    done = tail.len > 0 ? 0 : stdfds_write_stderr(line->data, line->len);
    if (done == 0) {
        lost++;
        buf_deinit(line);
        return false;
    }
    tail = *line;
    buf_consume(&tail, done);
    return true;
}

static void append_count(struct buf *line, const char *key, uint64_t count)
{
    char text[24];

    if (count == 0)
        return;
    snprintf(text, sizeof(text), "%llu", (unsigned long long)count);
    append_pair(line, key, text);
}

static void append_pairs(struct buf *line, va_list pairs)
{
    const char *key;

    while ((key = va_arg(pairs, const char *)) != NULL) {
        const char *value = va_arg(pairs, const char *);

        if (value != NULL)
            append_pair(line, key, value);
    }
}

/* Returns false where the line could not be written. */
static bool write_line(enum log_level level, const char *message, uint64_t suppressed,
                       va_list pairs)
{
    int saved = errno;
    struct buf line;
    bool is_written;

    buf_init(&line);
    append_time(&line);
    append_pair(&line, "level", level_names[level]);
    append_pair(&line, "msg", message);
    append_count(&line, "#lost_lines", lost);
    append_count(&line, "#suppressed", suppressed);
    append_pairs(&line, pairs);
    buf_append_str(&line, as_json ? STR("}\n") : STR("\n"));
    is_written = put_line(&line);
    if (is_written)
        lost = 0;
    errno = saved;
    return is_written;
}

void log_line(enum log_level level, const char *message, ...)
{
    va_list pairs;

    if (!log_is_enabled(level))
        return;
    va_start(pairs, message);
    write_line(level, message, 0, pairs);
    va_end(pairs);
}

void log_set_rate(uint64_t lines)
{
    flow_rate = lines;
}

static void refill(struct log_flow *flow, uint64_t now)
{
    uint64_t full = FLOW_FULL_AFTER * flow_rate;
    uint64_t passed = now > flow->updated ? now - flow->updated : 0;

    flow->updated = now;
    if (passed >= FLOW_FULL_AFTER || flow->credit + passed * flow_rate > full)
        flow->credit = full;
    else
        flow->credit += passed * flow_rate;
}

bool log_flow_admits(struct log_flow *flow, enum log_level level, uint64_t now)
{
    if (!log_is_enabled(level))
        return false;
    if (flow_rate == 0)
        return true;
    refill(flow, now);
    if (flow->credit >= LINE_COST)
        return true;
    flow->suppressed++;
    return false;
}

void log_flow_line(struct log_flow *flow, enum log_level level, const char *message, ...)
{
    va_list pairs;

    if (flow_rate > 0)
        flow->credit -= LINE_COST;
    va_start(pairs, message);
    if (write_line(level, message, flow->suppressed, pairs))
        flow->suppressed = 0;
    va_end(pairs);
}

void log_announce(enum log_level level, const char *message)
{
    struct buf line;

    buf_init(&line);
    if (as_json) {
        append_time(&line);
        append_pair(&line, "level", level_names[level]);
        append_pair(&line, "msg", message);
        buf_append_str(&line, STR("}\n"));
    } else {
        buf_printf(&line, "wschat: %s\n", message);
    }
    put_line(&line);
}
