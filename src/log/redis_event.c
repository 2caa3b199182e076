#include "log/redis_event.h"

#include "base/utf8.h"

static const char kinds[] = {
    [EVENT_MESSAGE] = 'M', [EVENT_JOIN] = 'J',    [EVENT_LEAVE] = 'L', [EVENT_RENAME] = 'R',
    [EVENT_REACT] = 'X',   [EVENT_DIRECT] = 'P',  [EVENT_KICK] = 'K',  [EVENT_BAN] = 'B',
    [EVENT_LIFT] = 'U',    [EVENT_RETRACT] = 'T', [EVENT_SLOW] = 'S',  [EVENT_WHO] = 'W'};

#define KIND_DATA 'D'      /* a message with data: what stands for its text has both */
#define KIND_PRIVATE 'Q'   /* a direct message with data */
#define KIND_TAKE_BACK 'Y' /* a reaction that is taken back */

static char redis_kind(const struct event *event)
{
    if (event->kind == EVENT_REACT && !event->is_on)
        return KIND_TAKE_BACK;
    if (event->data.ptr == NULL)
        return kinds[event->kind];
    return event->kind == EVENT_DIRECT ? KIND_PRIVATE : KIND_DATA;
}

/* The text; with data in front of it its length, or "-" where there is data alone. */
static int redis_write_text(struct buf *out, const struct event *event)
{
    if (event->data.ptr == NULL)
        return buf_append_str(out, event->text);
    if ((event->text.ptr == NULL ? buf_append_str(out, STR("-\n"))
                                 : buf_printf(out, "%zu\n", event->text.len)) < 0)
        return -1;
    return buf_append_str(out, event->text) < 0 ? -1 : buf_append_str(out, event->data);
}

int redis_event_write(struct buf *out, const struct event *event)
{
    int result =
        buf_printf(out, "%c %llu %llu %llu %zu ", redis_kind(event), (unsigned long long)event->ts,
                   (unsigned long long)event->from, (unsigned long long)event->re, event->name.len);

    if (result < 0 || (event->ref.ptr == NULL ? buf_append_str(out, STR("-"))
                                              : buf_printf(out, "%zu", event->ref.len)) < 0)
        return -1;
    if (event->author != 0 && event->kind != EVENT_JOIN &&
        buf_printf(out, " %llu", (unsigned long long)event->author) < 0)
        return -1;
    if (buf_append_char(out, '\n') < 0)
        return -1;
    return buf_append_str(out, event->name) < 0 || buf_append_str(out, event->ref) < 0
               ? -1
               : redis_write_text(out, event);
}

/* Takes a number off the front of a line, with the separator behind it. */
static bool redis_take(struct str *line, uint64_t max, uint64_t *number)
{
    return str_to_u64(str_cut(line, ' '), max, number);
}

/* The kind of an event, without what else its letter says. */
static char redis_plain_kind(char kind)
{
    if (kind == KIND_DATA)
        return kinds[EVENT_MESSAGE];
    if (kind == KIND_PRIVATE)
        return kinds[EVENT_DIRECT];
    return kind == KIND_TAKE_BACK ? kinds[EVENT_REACT] : kind;
}

static bool redis_read_kind(struct str word, struct event *event)
{
    if (word.len != 1 || word.ptr[0] == '\0')
        return false;
    event->is_on = word.ptr[0] == kinds[EVENT_REACT];
    if (word.ptr[0] == KIND_DATA || word.ptr[0] == KIND_PRIVATE)
        event->data = STR(""); /* read later */
    for (size_t i = 0; i < sizeof(kinds); i++) {
        if (kinds[i] == redis_plain_kind(word.ptr[0])) {
            event->kind = (enum event_kind)i;
            return true;
        }
    }
    return false;
}

/* Parts what redis_write_text has written. */
static bool redis_read_data(struct event *event)
{
    struct str rest = event->text, len = str_cut(&rest, '\n');
    uint64_t text_len = 0;
    bool has_text = !str_equals(len, STR("-"));

    if (rest.ptr == NULL || (has_text && !str_to_u64(len, rest.len, &text_len)))
        return false;
    event->text = (struct str){has_text ? rest.ptr : NULL, (size_t)text_len};
    event->data = (struct str){rest.ptr + text_len, rest.len - (size_t)text_len};
    return utf8_is_valid(event->text) && utf8_is_valid(event->data);
}

static bool redis_read_texts(struct event *event, struct str rest, uint64_t name_len,
                             struct str ref)
{
    uint64_t ref_len = 0;

    if (!str_equals(ref, STR("-")) && !str_to_u64(ref, CODEC_REF_MAX, &ref_len))
        return false;
    if (rest.len < name_len + ref_len)
        return false;
    event->name = (struct str){rest.ptr, (size_t)name_len};
    if (!str_equals(ref, STR("-")))
        event->ref = (struct str){rest.ptr + name_len, (size_t)ref_len};
    event->text = (struct str){rest.ptr + name_len + ref_len, rest.len - name_len - ref_len};
    if (event->data.ptr != NULL && !redis_read_data(event))
        return false;
    return codec_name_is_valid(event->name) && utf8_is_valid(event->text) &&
           utf8_is_valid(event->ref);
}

/* What redis_event_write has written. */
static bool redis_read_body(struct event *event, struct str rest)
{
    struct str line = str_cut(&rest, '\n'), ref;
    uint64_t name_len;

    if (!(redis_read_kind(str_cut(&line, ' '), event) &&
          redis_take(&line, UINT64_MAX, &event->ts) &&
          redis_take(&line, CODEC_ID_MAX, &event->from) &&
          redis_take(&line, UINT64_MAX, &event->re) &&
          redis_take(&line, CODEC_NAME_MAX, &name_len) &&
          (event->kind != EVENT_REACT || event->re > 0)))
        return false;
    ref = str_cut(&line, ' ');
    if (line.ptr != NULL && !str_to_u64(line, UINT64_MAX, &event->author))
        return false;
    return redis_read_texts(event, rest, name_len, ref);
}

bool redis_errand_is(enum event_kind kind)
{
    return kind == EVENT_DIRECT || kind == EVENT_KICK || kind == EVENT_WHO;
}

bool redis_errand_is_answered(enum event_kind kind)
{
    return redis_errand_is(kind) && kind != EVENT_KICK;
}

bool redis_errand_read(struct redis_errand *errand, struct str bytes)
{
    struct str rest = bytes, line = str_cut(&rest, '\n');

    *errand = (struct redis_errand){.number = 0};
    if (!redis_take(&line, CODEC_ID_MAX, &errand->event.to))
        return false;
    errand->node = str_cut(&line, ' ');
    if (!redis_take(&line, UINT64_MAX, &errand->number) || line.ptr == NULL)
        return false;
    errand->room = line;
    return redis_read_body(&errand->event, rest) && redis_errand_is(errand->event.kind);
}

bool redis_event_read(struct redis_event *told, struct str bytes)
{
    struct str rest = bytes, place = str_cut(&rest, '\n');
    struct event *event = &told->event;

    *told = (struct redis_event){.prev = 0};
    if (!redis_take(&place, UINT64_MAX, &event->seq) ||
        !redis_take(&place, UINT64_MAX, &event->epoch) ||
        !redis_take(&place, UINT64_MAX, &told->prev))
        return false;
    told->node = str_cut(&place, ' ');
    return str_to_u64(place, UINT64_MAX, &told->number) && event->seq > 0 &&
           redis_read_body(event, rest) && !redis_errand_is(event->kind);
}
