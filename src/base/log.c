#include "base/log.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

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

/* Lines that wait for log_flush, or for stderr to take them; the first of them may have lost its
 * beginning to it. So no line is ever glued to half of another. */
static struct buf waiting;

/* More than a tick mostly says; a stderr that nobody reads costs no more. */
#define WAITING_MAX (256 * 1024)

/* Lines that found no place there. */
static unsigned long lost;

/* Puts a line behind those that wait, and takes it over. Returns false where it is lost. */
static bool put_line(struct buf *line)
{
    bool is_put =
        line->len <= WAITING_MAX - waiting.len && buf_append(&waiting, line->data, line->len) == 0;

    lost += !is_put;
    buf_deinit(line);
    return is_put;
}

bool log_flush(void)
{
    int saved = errno;

    if (waiting.len > 0)
        buf_consume(&waiting, stdfds_write_stderr(waiting.data, waiting.len));
    errno = saved;
    return waiting.len == 0;
}

static void flush_at_exit(void)
{
    log_flush();
}

/* A fault of the program, or somebody's signal that looks like one. What raised it comes again as
 * soon as this returns, and then nothing handles it (SA_RESETHAND). */
static void flush_at_fault(int number, siginfo_t *info, void *context)
{
    (void)number, (void)context;
    log_flush();
    if (info->si_code <= 0)
        abort();
}

void log_flush_at_end(void)
{
    static const int faults[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT};
    struct sigaction old,
        action = {.sa_sigaction = flush_at_fault, .sa_flags = (int)(SA_SIGINFO | SA_RESETHAND)};

    atexit(flush_at_exit);
    for (size_t i = 0; i < ARRAY_LEN(faults); i++) {
        /* Who is there already, as a sanitizer is, has more to say. */
        if (sigaction(faults[i], NULL, &old) == 0 && old.sa_handler == SIG_DFL)
            sigaction(faults[i], &action, NULL);
    }
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

/* Returns false where the line is lost. */
static bool write_line(enum log_level level, const char *message, uint64_t suppressed,
                       va_list pairs)
{
    int saved = errno;
    struct buf line;
    bool is_put;

    buf_init(&line);
    append_time(&line);
    append_pair(&line, "level", level_names[level]);
    append_pair(&line, "msg", message);
    append_count(&line, "#lost_lines", lost);
    append_count(&line, "#suppressed", suppressed);
    append_pairs(&line, pairs);
    buf_append_str(&line, as_json ? STR("}\n") : STR("\n"));
    is_put = put_line(&line);
    if (is_put)
        lost = 0;
    errno = saved;
    return is_put;
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

void log_picture(struct str lines)
{
    struct buf copy;

    if (as_json || isatty(STDERR_FILENO) == 0)
        return;
    buf_init(&copy);
    buf_append_str(&copy, lines);
    put_line(&copy);
}

void log_flow_hand(struct hand_writer *w, const struct log_flow *flow)
{
    hand_put_u64(w, flow->credit);
    hand_put_u64(w, flow->updated);
    hand_put_u64(w, flow->suppressed);
}

void log_flow_take(struct log_flow *flow, struct hand_reader *r)
{
    flow->credit = hand_get_u64(r);
    flow->updated = hand_get_u64(r);
    flow->suppressed = hand_get_u64(r);
}
