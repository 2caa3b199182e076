#include "exposition.h"

#include <ctype.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_LABELS 8
#define MAX_SERIES 8192
#define TEXT_SIZE 256

/* A text in pieces. What is quoted from it points into it. */
struct piece {
    const char *ptr;
    size_t len;
};

struct label {
    struct piece name;
    struct piece value;
};

struct sample {
    struct piece name;
    struct piece series; /* the name and the labels, as written */
    struct label labels[MAX_LABELS];
    size_t label_count;
    double value;
};

/* The metric whose lines are being read. */
struct family {
    char name[TEXT_SIZE];
    char type[TEXT_SIZE];
    unsigned lines; /* HELP, TYPE, samples */
    double bound;   /* of the last bucket */
    double count;   /* in it */
    int part;       /* of a histogram: 0 buckets, 1 +Inf was there, 2 _sum, 3 _count */
};

static struct {
    struct family family;
    struct piece series[MAX_SERIES];
    size_t series_count;
    char families[MAX_SERIES][64];
    size_t family_count;
    unsigned line;
    char error[2 * TEXT_SIZE];
} reader;

/* Notes the first error. Returns false. */
static bool wrong(const char *format, ...) __attribute__((format(printf, 1, 2)));

static bool wrong(const char *format, ...)
{
    int len = snprintf(reader.error, sizeof(reader.error), "line %u: ", reader.line);
    va_list args;

    va_start(args, format);
    vsnprintf(reader.error + len, sizeof(reader.error) - (size_t)len, format, args);
    va_end(args);
    return false;
}

static bool is_equal(struct piece piece, const char *text)
{
    return piece.len == strlen(text) && memcmp(piece.ptr, text, piece.len) == 0;
}

static bool ends_with(const char *text, const char *end)
{
    size_t len = strlen(text), size = strlen(end);

    return len > size && strcmp(text + len - size, end) == 0;
}

/* Takes a name off *at: small letters, digits, underscores. */
static struct piece take_name(const char **at)
{
    struct piece name = {*at, 0};

    while (islower((unsigned char)**at) || **at == '_' ||
           (name.len > 0 && isdigit((unsigned char)**at))) {
        (*at)++;
        name.len++;
    }
    return name;
}

/* ---- names ---- */

/* Units other than the base ones, and words that say nothing, as parts of a name. */
static const char *const bad_words[] = {
    "ms",      "milliseconds", "us",     "microseconds", "ns",        "nanoseconds", "minutes",
    "hours",   "days",         "kb",     "mb",           "kilobytes", "kib",         "megabytes",
    "mib",     "bits",         "secs",   "sec",          "byte",      "second",      "percent",
    "counter", "gauge",        "metric", "count",        "sum",       "bucket"};

static bool check_words(const char *name)
{
    for (const char *at = name; *at != '\0'; at += *at == '_') {
        size_t len = strcspn(at, "_");

        for (size_t i = 0; i < ARRAY_LEN(bad_words); i++) {
            if (is_equal((struct piece){at, len}, bad_words[i]))
                return wrong("%s: \"%s\" in the name", name, bad_words[i]);
        }
        if (len == 0)
            return wrong("%s: an empty word in the name", name);
        at += len;
    }
    return true;
}

static bool check_type(const char *name, const char *type)
{
    bool is_total = ends_with(name, "_total");

    if (strcmp(type, "counter") != 0 && strcmp(type, "gauge") != 0 &&
        strcmp(type, "histogram") != 0)
        return wrong("%s: no type: %s", name, type);
    if (is_total != (strcmp(type, "counter") == 0))
        return wrong("%s: a %s must%s end in _total", name, type, is_total ? " not" : "");
    if (strcmp(type, "histogram") == 0 && !ends_with(name, "_seconds") &&
        !ends_with(name, "_bytes"))
        return wrong("%s: a histogram without a base unit", name);
    return check_words(name);
}

/* ---- HELP and TYPE ---- */

/* Nothing of the metric that ends here may be missing. */
static bool end_family(void)
{
    const struct family *f = &reader.family;

    if (f->lines == 1)
        return wrong("%s: HELP without TYPE", f->name);
    if (f->lines > 1 && strcmp(f->type, "histogram") == 0 && f->part != 3)
        return wrong("%s: the histogram is not whole", f->name);
    return true;
}

static bool begin_family(const char *name)
{
    for (size_t i = 0; i < reader.family_count; i++) {
        if (strcmp(reader.families[i], name) == 0)
            return wrong("%s: a second HELP", name);
    }
    if (reader.family_count == MAX_SERIES || strlen(name) >= sizeof(reader.families[0]))
        return wrong("%s: too long, or one too many", name);
    snprintf(reader.families[reader.family_count++], sizeof(reader.families[0]), "%s", name);
    reader.family = (struct family){.lines = 1, .bound = -INFINITY};
    snprintf(reader.family.name, sizeof(reader.family.name), "%s", name);
    return true;
}

static bool read_help(const char *name, const char *text)
{
    if (!end_family())
        return false;
    if (*text == '\0' || *text == ' ')
        return wrong("%s: no help", name);
    for (const char *at = text; *at != '\0'; at++) {
        if (*at == '\\' && *++at != '\\' && *at != 'n')
            return wrong("%s: an escape that does not exist in its help", name);
    }
    return begin_family(name);
}

static bool read_type(const char *name, const char *type)
{
    struct family *f = &reader.family;

    if (strcmp(f->name, name) != 0 || f->lines != 1)
        return wrong("%s: TYPE must follow its HELP", name);
    f->lines = 2;
    snprintf(f->type, sizeof(f->type), "%s", type);
    return check_type(name, type);
}

static bool read_comment(const char *line)
{
    char keyword[8], name[TEXT_SIZE];
    int len = 0;

    if (sscanf(line, "# %7[A-Z] %255[a-z0-9_] %n", keyword, name, &len) != 2 || len == 0 ||
        line[len - 1] != ' ')
        return wrong("neither HELP nor TYPE");
    if (strcmp(keyword, "HELP") == 0)
        return read_help(name, line + len);
    if (strcmp(keyword, "TYPE") == 0)
        return read_type(name, line + len);
    return wrong("neither HELP nor TYPE");
}

/* ---- samples ---- */

/* Takes `"value"` off *at. */
static bool read_label_value(const char **at, struct piece *value)
{
    if (*(*at)++ != '"')
        return wrong("a label value without quotes");
    value->ptr = *at;
    for (; **at != '"'; (*at)++) {
        bool is_known = **at != '\\' || strchr("\\\"n", *++*at) != NULL;

        if (**at == '\0' || !is_known)
            return wrong("a label value that does not end, or an escape that does not exist");
    }
    value->len = (size_t)(*at - value->ptr);
    (*at)++;
    return true;
}

/* Takes `{name="value",...}` off *at. */
static bool read_labels(const char **at, struct sample *sample)
{
    do {
        struct label *label = &sample->labels[sample->label_count];

        (*at)++;
        if (sample->label_count++ == MAX_LABELS)
            return wrong("too many labels");
        label->name = take_name(at);
        if (label->name.len == 0 || *(*at)++ != '=')
            return wrong("no label name");
        for (const struct label *other = sample->labels; other < label; other++) {
            if (other->name.len == label->name.len &&
                memcmp(other->name.ptr, label->name.ptr, label->name.len) == 0)
                return wrong("a label name twice");
        }
        if (!read_label_value(at, &label->value))
            return false;
    } while (**at == ',');
    return *(*at)++ == '}' || wrong("labels do not end");
}

/* A number and nothing else. */
static bool read_value(const char *text, double *value)
{
    static const char *const special[] = {"+Inf", "-Inf", "NaN"};
    char *end;

    for (size_t i = 0; i < ARRAY_LEN(special); i++) {
        if (strcmp(text, special[i]) == 0) {
            *value = i == 0 ? INFINITY : i == 1 ? -INFINITY : NAN;
            return true;
        }
    }
    if (!isdigit((unsigned char)*text) && *text != '-')
        return wrong("no number: \"%s\"", text);
    *value = strtod(text, &end);
    return *end == '\0' || wrong("more than a number: \"%s\"", text);
}

static bool note_series(struct piece series)
{
    for (size_t i = 0; i < reader.series_count; i++) {
        if (reader.series[i].len == series.len &&
            memcmp(reader.series[i].ptr, series.ptr, series.len) == 0)
            return wrong("a series twice: %.*s", (int)series.len, series.ptr);
    }
    if (reader.series_count == MAX_SERIES)
        return wrong("too many series");
    reader.series[reader.series_count++] = series;
    return true;
}

static bool read_bucket(struct family *f, const struct sample *sample)
{
    char text[TEXT_SIZE];
    double bound;

    if (sample->label_count != 1 || !is_equal(sample->labels[0].name, "le") || f->part != 0)
        return wrong("%s: no bucket here", f->name);
    snprintf(text, sizeof(text), "%.*s", (int)sample->labels[0].value.len,
             sample->labels[0].value.ptr);
    if (!read_value(text, &bound))
        return false;
    if (!(bound > f->bound))
        return wrong("%s: bounds that do not grow", f->name);
    if (!(sample->value >= f->count))
        return wrong("%s: a bucket with less than the one before", f->name);
    f->bound = bound;
    f->count = sample->value;
    f->part = isinf(bound) ? 1 : 0;
    return true;
}

static bool read_part(struct family *f, const struct sample *sample)
{
    struct piece suffix = {sample->name.ptr + strlen(f->name), sample->name.len - strlen(f->name)};

    if (is_equal(suffix, "_bucket"))
        return read_bucket(f, sample);
    if (sample->label_count != 0)
        return wrong("%s: labels", f->name);
    if (is_equal(suffix, "_sum") && f->part == 1) {
        f->part = 2;
        return sample->value >= 0 || wrong("%s: a negative sum", f->name);
    }
    if (!is_equal(suffix, "_count") || f->part != 2)
        return wrong("%s: buckets up to +Inf, _sum and _count must follow each other", f->name);
    f->part = 3;
    return sample->value == f->count || wrong("%s: _count is not that of +Inf", f->name);
}

static bool judge_sample(const struct sample *sample)
{
    struct family *f = &reader.family;
    size_t len = strlen(f->name);

    if (f->lines < 2 || sample->name.len < len || memcmp(sample->name.ptr, f->name, len) != 0)
        return wrong("%.*s: no HELP and TYPE in front of it", (int)sample->name.len,
                     sample->name.ptr);
    f->lines++;
    if (!note_series(sample->series))
        return false;
    if (strcmp(f->type, "histogram") == 0)
        return read_part(f, sample);
    if (sample->name.len != len)
        return wrong("%.*s: no HELP and TYPE in front of it", (int)sample->name.len,
                     sample->name.ptr);
    if (isnan(sample->value))
        return wrong("%s: not a number", f->name);
    if (strcmp(f->type, "counter") == 0 && !(sample->value >= 0 && !isinf(sample->value)))
        return wrong("%s: a counter cannot be that", f->name);
    return true;
}

static bool read_sample(const char *line)
{
    struct sample sample = {.label_count = 0};
    const char *at = line;

    sample.name = take_name(&at);
    if (sample.name.len == 0)
        return wrong("no name");
    if (*at == '{' && !read_labels(&at, &sample))
        return false;
    sample.series = (struct piece){line, (size_t)(at - line)};
    if (*at != ' ')
        return wrong("no blank in front of the value");
    return read_value(at + 1, &sample.value) && judge_sample(&sample);
}

const char *exposition_error(const char *text)
{
    /* Series point into the lines until the end, so they are cut in one copy. */
    char *copy = strdup(text), *line = copy, *end;
    bool is_right = true;

    ck_assert_ptr_nonnull(copy);
    reader.family = (struct family){.lines = 0};
    reader.series_count = reader.family_count = 0;
    reader.line = 0;
    while (is_right && *line != '\0') {
        reader.line++;
        end = strchr(line, '\n');
        if (end == NULL) {
            is_right = wrong("it does not end");
            break;
        }
        *end = '\0';
        is_right = *line == '#' ? read_comment(line) : read_sample(line);
        line = end + 1;
    }
    is_right = is_right && end_family();
    free(copy);
    return is_right ? NULL : reader.error;
}

/* ---- the admin listener ---- */

uint16_t admin_port(struct server *s)
{
    unsigned port = 0;

    server_wait_for(s, "/metrics\n");
    ck_assert_int_eq(sscanf(strstr((char *)s->err.data, "metrics on ") + strlen("metrics on "),
                            "http://127.0.0.1:%u/", &port),
                     1);
    return (uint16_t)port;
}

struct response *admin_get(struct server *s, const char *target)
{
    struct server admin = *s;

    admin.port = admin_port(s);
    return http_get(&admin, target, "");
}

char *metrics_read(struct server *s)
{
    struct response *r = admin_get(s, "/metrics");
    const char *error;
    char *body = r->body;

    ck_assert_int_eq(r->status, 200);
    ck_assert_str_eq(response_field(r, "Content-Type"), "text/plain; version=0.0.4; charset=utf-8");
    error = exposition_error(body);
    if (error != NULL)
        ck_abort_msg("%s", error);
    free(r->head);
    free(r);
    return body;
}

double metric(const char *text, const char *series)
{
    size_t len = strlen(series);

    for (const char *at = text; at != NULL; at = strchr(at, '\n')) {
        at += *at == '\n';
        if (strncmp(at, series, len) == 0 && at[len] == ' ')
            return strtod(at + len, NULL);
    }
    ck_abort_msg("there is no %s", series);
}

void metric_expect(const char *text, const char *series, unsigned long long value)
{
    double got = metric(text, series);

    if (got != (double)value)
        ck_abort_msg("%s is %.0f in place of %llu", series, got, value);
}
