#include "proto/codec/v1_client.h"

#include "base/util.h"
#include "proto/json.h"
#include "proto/codec/codec.h"

/* Members of a frame, in the order of `fields` below. */
enum member {
    TYPE,
    ID,
    FROM,
    TO,
    TS,
    COUNT,
    POS,
    KEY,
    ROOM,
    NAME,
    TEXT,
    DATA,
    REF,
    CODE,
    MEMBERS,
    LIMITS,
    RECOVERED,
    SECONDS,
    RETRACTED,
    MEMBERS_OF_A_FRAME,
};

static enum v1_type v1_type_of(struct str word)
{
    static const char *const words[] = {
        [V1_WELCOME] = "welcome", [V1_MESSAGE] = "message", [V1_DIRECT] = "direct",
        [V1_JOIN] = "join",       [V1_LEAVE] = "leave",     [V1_RENAME] = "rename",
        [V1_COUNT] = "count",     [V1_ERROR] = "error",     [V1_SLOW] = "slow",
        [V1_RETRACT] = "retract", [V1_BAN] = "ban",
    };

    for (size_t i = V1_WELCOME; i < ARRAY_LEN(words); i++) {
        if (str_equals(word, str_from(words[i])))
            return (enum v1_type)i;
    }
    return V1_OTHER;
}

static bool take_number(const struct json_field *field, uint64_t *out)
{
    return field->type == JSON_ABSENT || json_to_u64(field, CODEC_ID_MAX, out);
}

static bool take_string(const struct json_field *field, struct str *out)
{
    if (field->type == JSON_STRING)
        *out = field->value;
    return field->type == JSON_STRING || field->type == JSON_ABSENT;
}

/* The slice of an object or array points into the frame, which may be changed. */
static char *own_text(char *data, struct str slice)
{
    return data + (slice.ptr - data);
}

static bool take_limit(struct v1_event *frame, char *data, const struct json_field *limits)
{
    struct json_field message = {.name = STR("message")};

    if (limits->type == JSON_ABSENT)
        return true;
    return limits->type == JSON_OBJECT &&
           json_read_object(own_text(data, limits->value), limits->value.len, &message, 1) == 0 &&
           take_number(&message, &frame->limit);
}

/* Has the frame what its type cannot do without? */
static bool is_whole_event(const struct v1_event *frame)
{
    switch (frame->type) {
    case V1_WELCOME:
        return frame->id > 0 && frame->pos.ptr != NULL && frame->key.ptr != NULL &&
               frame->limit > 0 && frame->room.ptr != NULL && frame->name.ptr != NULL;
    case V1_MESSAGE: /* one from 0 is a program's */
        return frame->has_from && frame->pos.ptr != NULL && frame->text.ptr != NULL;
    case V1_DIRECT:
        return frame->from > 0 && frame->text.ptr != NULL;
    case V1_JOIN:
    case V1_LEAVE:
    case V1_RENAME:
    case V1_SLOW:
    case V1_RETRACT:
        return frame->from > 0;
    default:
        return true;
    }
}

static bool take_members(struct v1_event *frame, char *data, const struct json_field *fields)
{
    frame->type = v1_type_of(fields[TYPE].value);
    frame->recovered = fields[RECOVERED].type == JSON_TRUE;
    frame->is_retracted = fields[RETRACTED].type == JSON_TRUE;
    frame->has_from = fields[FROM].type != JSON_ABSENT;
    if (fields[MEMBERS].type == JSON_ARRAY)
        frame->members =
            (struct v1_members){own_text(data, fields[MEMBERS].value), fields[MEMBERS].value.len};
    return take_number(&fields[ID], &frame->id) && take_number(&fields[FROM], &frame->from) &&
           take_number(&fields[TO], &frame->to) && take_number(&fields[TS], &frame->ts) &&
           take_number(&fields[COUNT], &frame->count) &&
           take_number(&fields[SECONDS], &frame->seconds) &&
           take_string(&fields[POS], &frame->pos) && take_string(&fields[KEY], &frame->key) &&
           take_string(&fields[ROOM], &frame->room) && take_string(&fields[NAME], &frame->name) &&
           take_string(&fields[TEXT], &frame->text) && take_string(&fields[REF], &frame->ref) &&
           take_string(&fields[CODE], &frame->code) && take_limit(frame, data, &fields[LIMITS]);
}

/* A message of data alone has nothing to be shown. */
static bool is_for_programs(const struct json_field *fields)
{
    enum v1_type type = v1_type_of(fields[TYPE].value);

    return (type == V1_MESSAGE || type == V1_DIRECT) && fields[TEXT].type == JSON_ABSENT &&
           fields[DATA].type != JSON_ABSENT;
}

bool v1_event_read(struct v1_event *frame, char *data, size_t len)
{
    struct json_field fields[MEMBERS_OF_A_FRAME] = {
        [TYPE] = {.name = STR("type")},
        [ID] = {.name = STR("id")},
        [FROM] = {.name = STR("from")},
        [TO] = {.name = STR("to")},
        [TS] = {.name = STR("ts")},
        [COUNT] = {.name = STR("count")},
        [POS] = {.name = STR("pos")},
        [KEY] = {.name = STR("key")},
        [ROOM] = {.name = STR("room")},
        [NAME] = {.name = STR("name")},
        [TEXT] = {.name = STR("text")},
        [REF] = {.name = STR("ref")},
        [CODE] = {.name = STR("code")},
        [MEMBERS] = {.name = STR("members")},
        [LIMITS] = {.name = STR("limits")},
        [RECOVERED] = {.name = STR("recovered")},
        [SECONDS] = {.name = STR("seconds")},
        [RETRACTED] = {.name = STR("retracted")},
        [DATA] = {.name = STR("data"), .is_raw = true},
    };

    *frame = (struct v1_event){.type = V1_OTHER};
    if (json_read_object(data, len, fields, ARRAY_LEN(fields)) < 0 ||
        fields[TYPE].type != JSON_STRING)
        return false;
    if (v1_type_of(fields[TYPE].value) == V1_OTHER || is_for_programs(fields))
        return take_string(&fields[POS], &frame->pos);
    return take_members(frame, data, fields) && is_whole_event(frame);
}

/* Bytes of the object that `list` begins with. The list is valid JSON, so only strings and braces
 * matter. */
static size_t object_len(struct str list)
{
    bool is_string = false;
    size_t depth = 0;

    for (size_t i = 0; i < list.len; i++) {
        char c = list.ptr[i];

        if (c == '\\')
            i++;
        else if (c == '"')
            is_string = !is_string;
        else if (!is_string && c == '{')
            depth++;
        else if (!is_string && c == '}' && --depth == 0)
            return i + 1;
    }
    return list.len;
}

bool v1_member_next(struct v1_members *members, uint64_t *id, struct str *name)
{
    struct json_field fields[] = {{.name = STR("id")}, {.name = STR("name")}};
    char *open = members->len > 0 ? memchr(members->next, '{', members->len) : NULL;
    size_t len;

    if (open == NULL)
        return false;
    members->len -= (size_t)(open - members->next);
    len = object_len((struct str){open, members->len});
    members->next = open + len;
    members->len -= len;
    *name = (struct str){NULL, 0};
    return json_read_object(open, len, fields, ARRAY_LEN(fields)) == 0 &&
           json_to_u64(&fields[0], CODEC_ID_MAX, id) && take_string(&fields[1], name);
}

int v1_say(struct buf *out, struct str text, uint64_t to, struct str ref)
{
    size_t before = out->len;

    if (buf_append_str(out, STR("{\"type\":\"say\",\"text\":")) == 0 &&
        json_append_string(out, text) == 0 &&
        (to == 0 || buf_printf(out, ",\"to\":%llu", (unsigned long long)to) == 0) &&
        buf_append_str(out, STR(",\"ref\":")) == 0 && json_append_string(out, ref) == 0 &&
        buf_append_char(out, '}') == 0)
        return 0;
    out->len = before;
    return -1;
}

int v1_rename(struct buf *out, struct str name)
{
    size_t before = out->len;

    if (buf_append_str(out, STR("{\"type\":\"rename\",\"name\":")) == 0 &&
        json_append_string(out, name) == 0 && buf_append_char(out, '}') == 0)
        return 0;
    out->len = before;
    return -1;
}

/* Appends `{"type":"TYPE"`, and `,"id":N` where there is one. */
static int begin_command(struct buf *out, const char *type, uint64_t id)
{
    int result = buf_printf(out, "{\"type\":\"%s\"", type);

    if (result == 0 && id > 0)
        result = buf_printf(out, ",\"id\":%llu", (unsigned long long)id);
    return result;
}

/* Appends `,"name":"text"`, and the end. Takes it all back where memory was out. */
static int end_command(struct buf *out, size_t before, int result, const char *name,
                       struct str text)
{
    if (result == 0 && text.len > 0 &&
        (buf_printf(out, ",\"%s\":", name) < 0 || json_append_string(out, text) < 0))
        result = -1;
    if (result == 0 && buf_append_char(out, '}') == 0)
        return 0;
    out->len = before;
    return -1;
}

static int append_seconds(struct buf *out, uint64_t seconds)
{
    return buf_printf(out, ",\"seconds\":%llu", (unsigned long long)seconds);
}

int v1_kick(struct buf *out, uint64_t id, struct str reason)
{
    size_t before = out->len;

    return end_command(out, before, begin_command(out, "kick", id), "reason", reason);
}

int v1_ban(struct buf *out, uint64_t id, uint64_t seconds, struct str reason)
{
    size_t before = out->len;
    int result = begin_command(out, "ban", id);

    if (result == 0)
        result = buf_printf(out, ",\"ref\":\"%llu\"", (unsigned long long)id);
    if (result == 0 && seconds > 0)
        result = append_seconds(out, seconds);
    return end_command(out, before, result, "reason", reason);
}

int v1_slow(struct buf *out, uint64_t seconds)
{
    size_t before = out->len;
    int result = begin_command(out, "slow", 0);

    if (result == 0)
        result = append_seconds(out, seconds);
    return end_command(out, before, result, "", STR(""));
}

int v1_retract(struct buf *out, struct str pos)
{
    size_t before = out->len;

    return end_command(out, before, begin_command(out, "retract", 0), "of", pos);
}
