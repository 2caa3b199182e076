/* The subprotocol wschat.v1: one JSON object in each text message. docs/protocol.md describes it to
 * the authors of clients. */
#include "proto/codec/codec.h"

#include <errno.h>

#include "base/grapheme.h"
#include "base/util.h"
#include "proto/json.h"
#include "proto/codec/kinds.h"

/* ---- reading commands ---- */

enum {
    FIELD_TYPE,
    FIELD_TEXT,
    FIELD_TO,
    FIELD_NAME,
    FIELD_REF,
    FIELD_RE,
    FIELD_DATA,
    FIELD_EMOJI,
    FIELD_ON,
    FIELD_BEFORE,
    FIELD_ROOM,
    FIELD_SINCE,
    FIELD_LIMIT,
    FIELD_TOKEN,
    FIELD_ID,
    FIELD_REASON,
    FIELD_SECONDS,
    FIELD_OF,
    FIELDS,
};

static void v1_refuse(struct command *command, const char *code, const char *why)
{
    command->kind = COMMAND_BAD;
    command->code = code;
    command->why = why;
}

/* Reads a position out of a member, which may be in front of everything. Returns false where it is
 * none. */
static bool decode_pos(struct codec_pos *pos, const struct json_field *field)
{
    return field->type == JSON_STRING && codec_pos_read(field->value, &pos->epoch, &pos->seq);
}

/* The same for the position of something that happened. */
static bool decode_place(struct codec_pos *pos, const struct json_field *field)
{
    return decode_pos(pos, field) && pos->seq > 0;
}

static void decode_direct(struct command *command, const struct json_field *fields)
{
    command->kind = COMMAND_DIRECT;
    if (!json_to_u64(&fields[FIELD_TO], CODEC_ID_MAX, &command->to) || command->to == 0)
        v1_refuse(command, "bad-to", "\"to\" must be the id of a client");
}

static void decode_say(struct command *command, const struct json_field *fields)
{
    enum json_type text = fields[FIELD_TEXT].type, data = fields[FIELD_DATA].type;

    if (text != JSON_STRING && (text != JSON_ABSENT || data == JSON_ABSENT)) {
        v1_refuse(command, "bad-text", "\"text\" must be a string");
        return;
    }
    command->kind = COMMAND_SAY;
    command->text = fields[FIELD_TEXT].value;
    command->data = fields[FIELD_DATA].value;
    if (fields[FIELD_RE].type != JSON_ABSENT && !decode_place(&command->pos, &fields[FIELD_RE]))
        v1_refuse(command, "bad-re", "\"re\" must be the position of a message");
    else if (fields[FIELD_TO].type != JSON_ABSENT)
        decode_direct(command, fields);
}

/* What was said before a position. */
static void decode_history(struct command *command, const struct json_field *fields)
{
    const struct json_field *limit = &fields[FIELD_LIMIT];

    command->kind = COMMAND_HISTORY;
    if (!decode_pos(&command->pos, &fields[FIELD_BEFORE]))
        v1_refuse(command, "bad-before", "\"before\" must be a position");
    else if (!json_to_u64(limit, CODEC_HISTORY_MAX, &command->limit) || command->limit == 0)
        v1_refuse(command, "bad-limit", "\"limit\" must be a number from 1 to 200");
}

/* How much was said in a room since a position of it? */
static void decode_unread(struct command *command, const struct json_field *fields)
{
    const struct json_field *room = &fields[FIELD_ROOM];

    command->kind = COMMAND_UNREAD;
    command->name = room->value;
    if (room->type != JSON_STRING || room->value.len == 0 || !codec_name_is_valid(room->value))
        v1_refuse(command, "bad-room", "\"room\" must be the name of a room");
    else if (!decode_pos(&command->pos, &fields[FIELD_SINCE]))
        v1_refuse(command, "bad-since", "\"since\" must be a position");
}

/* On, unless it says no. */
static void decode_on(struct command *command, const struct json_field *on)
{
    command->is_on = on->type != JSON_FALSE;
    if (on->type != JSON_ABSENT && on->type != JSON_TRUE && on->type != JSON_FALSE)
        v1_refuse(command, "bad-on", "\"on\" must be true or false");
}

static void decode_react(struct command *command, const struct json_field *fields)
{
    const struct json_field *emoji = &fields[FIELD_EMOJI];

    command->kind = COMMAND_REACT;
    command->text = emoji->value;
    if (!decode_place(&command->pos, &fields[FIELD_TO]))
        v1_refuse(command, "bad-to", "\"to\" must be the position of a message");
    else if (emoji->type != JSON_STRING || emoji->value.len > CODEC_EMOJI_MAX ||
             !grapheme_is_one(emoji->value))
        v1_refuse(command, "bad-emoji", "\"emoji\" must be one character of at most 32 bytes");
    else
        decode_on(command, &fields[FIELD_ON]);
}

static void decode_wire(struct command *command, const struct json_field *fields)
{
    command->kind = COMMAND_WIRE;
    decode_on(command, &fields[FIELD_ON]);
}

static void decode_rename(struct command *command, const struct json_field *fields)
{
    if (fields[FIELD_NAME].type != JSON_STRING || !codec_name_is_valid(fields[FIELD_NAME].value)) {
        v1_refuse(command, "bad-name",
                  "\"name\" must be a string of at most 64 bytes without control characters");
        return;
    }
    command->kind = COMMAND_RENAME;
    command->name = fields[FIELD_NAME].value;
}

static void decode_token(struct command *command, const struct json_field *fields)
{
    if (fields[FIELD_TOKEN].type != JSON_STRING) {
        v1_refuse(command, "bad-token", "\"token\" must be a string");
        return;
    }
    command->kind = COMMAND_TOKEN;
    command->text = fields[FIELD_TOKEN].value;
}

/* Somebody is to go: COMMAND_KICK or COMMAND_BAN. */
static void decode_removal(struct command *command, const struct json_field *fields,
                           enum command_kind kind)
{
    const struct json_field *reason = &fields[FIELD_REASON];

    command->kind = kind;
    command->text = reason->value;
    if (!json_to_u64(&fields[FIELD_ID], CODEC_ID_MAX, &command->to) || command->to == 0)
        v1_refuse(command, "bad-id", "\"id\" must be the id of a client");
    else if (reason->type != JSON_ABSENT &&
             (reason->type != JSON_STRING || reason->value.len > CODEC_REASON_MAX))
        v1_refuse(command, "bad-reason", "\"reason\" must be a string of at most 200 bytes");
}

static void decode_ban(struct command *command, const struct json_field *fields)
{
    const struct json_field *seconds = &fields[FIELD_SECONDS];

    decode_removal(command, fields, COMMAND_BAN);
    if (command->kind == COMMAND_BAN && seconds->type != JSON_ABSENT &&
        (!json_to_u64(seconds, CODEC_BAN_MAX, &command->seconds) || command->seconds == 0))
        v1_refuse(command, "bad-seconds", "\"seconds\" must be a number from 1 to 315360000");
}

static void decode_slow(struct command *command, const struct json_field *fields)
{
    command->kind = COMMAND_SLOW;
    if (!json_to_u64(&fields[FIELD_SECONDS], CODEC_SLOW_MAX, &command->seconds))
        v1_refuse(command, "bad-seconds", "\"seconds\" must be a number from 0 to 3600");
}

static void decode_retract(struct command *command, const struct json_field *fields)
{
    command->kind = COMMAND_RETRACT;
    if (!decode_place(&command->pos, &fields[FIELD_OF]))
        v1_refuse(command, "bad-of", "\"of\" must be the position of a message");
}

static bool decode_ref(struct command *command, const struct json_field *ref)
{
    if (ref->type == JSON_ABSENT)
        return true;
    if (ref->type != JSON_STRING || ref->value.len > CODEC_REF_MAX) {
        v1_refuse(command, "bad-ref", "\"ref\" must be a string of at most 128 bytes");
        return false;
    }
    command->ref = ref->value;
    return true;
}

static void decode_type(struct command *command, const struct json_field *fields)
{
    struct str type = fields[FIELD_TYPE].value;

    if (str_equals(type, STR("say")))
        decode_say(command, fields);
    else if (str_equals(type, STR("rename")))
        decode_rename(command, fields);
    else if (str_equals(type, STR("history")))
        decode_history(command, fields);
    else if (str_equals(type, STR("unread")))
        decode_unread(command, fields);
    else if (str_equals(type, STR("kick")))
        decode_removal(command, fields, COMMAND_KICK);
    else if (str_equals(type, STR("ban")))
        decode_ban(command, fields);
    else if (str_equals(type, STR("slow")))
        decode_slow(command, fields);
    else if (str_equals(type, STR("retract")))
        decode_retract(command, fields);
    else if (str_equals(type, STR("react")))
        decode_react(command, fields);
    else if (str_equals(type, STR("typing")))
        command->kind = COMMAND_TYPING;
    else if (str_equals(type, STR("ping")))
        command->kind = COMMAND_PING;
    else if (str_equals(type, STR("wire")))
        decode_wire(command, fields);
    else if (str_equals(type, STR("token")))
        decode_token(command, fields);
    else
        v1_refuse(command, "bad-type", "this \"type\" is not known: see docs/protocol.md");
}

static void v1_decode(struct command *command, char *data, size_t len)
{
    struct json_field fields[FIELDS] = {
        [FIELD_TYPE] = {.name = STR("type")},
        [FIELD_TEXT] = {.name = STR("text")},
        [FIELD_TO] = {.name = STR("to")},
        [FIELD_NAME] = {.name = STR("name")},
        [FIELD_REF] = {.name = STR("ref")},
        [FIELD_RE] = {.name = STR("re")},
        [FIELD_DATA] = {.name = STR("data"), .is_raw = true},
        [FIELD_BEFORE] = {.name = STR("before")},
        [FIELD_ROOM] = {.name = STR("room")},
        [FIELD_SINCE] = {.name = STR("since")},
        [FIELD_LIMIT] = {.name = STR("limit")},
        [FIELD_EMOJI] = {.name = STR("emoji")},
        [FIELD_ON] = {.name = STR("on")},
        [FIELD_TOKEN] = {.name = STR("token")},
        [FIELD_ID] = {.name = STR("id")},
        [FIELD_REASON] = {.name = STR("reason")},
        [FIELD_SECONDS] = {.name = STR("seconds")},
        [FIELD_OF] = {.name = STR("of")},
    };
    int result = json_read_object(data, len, fields, ARRAY_LEN(fields));

    *command = (struct command){.kind = COMMAND_BAD};
    if (result < 0)
        v1_refuse(command, "bad-json", json_error_text((enum json_error) - result));
    else if (!decode_ref(command, &fields[FIELD_REF]))
        return;
    else if (fields[FIELD_TYPE].type != JSON_STRING)
        v1_refuse(command, "bad-type", "\"type\" must be a string");
    else
        decode_type(command, fields);
}

/* ---- writing events ---- */

static const struct str type_names[] = {
    [EVENT_MESSAGE] = {"message", 7}, [EVENT_DIRECT] = {"direct", 6}, [EVENT_JOIN] = {"join", 4},
    [EVENT_LEAVE] = {"leave", 5},     [EVENT_RENAME] = {"rename", 6}, [EVENT_REACT] = {"react", 5},
    [EVENT_COUNT] = {"count", 5},     [EVENT_TYPING] = {"typing", 6}, [EVENT_SLOW] = {"slow", 4},
    [EVENT_RETRACT] = {"retract", 7},
};

struct str codec_v1_type(enum event_kind kind)
{
    return type_names[kind];
}

/* Appends `,"key":`. */
static int append_key(struct buf *out, struct str key)
{
    if (buf_append_str(out, STR(",\"")) < 0 || buf_append_str(out, key) < 0)
        return -1;
    return buf_append_str(out, STR("\":"));
}

/* Each appends `,"key":` and a value; append_json one that is JSON already. */
static int append_number(struct buf *out, struct str key, uint64_t value)
{
    return append_key(out, key) < 0 ? -1 : buf_append_u64(out, value);
}

static int append_string(struct buf *out, struct str key, struct str value)
{
    return append_key(out, key) < 0 ? -1 : json_append_string(out, value);
}

static int append_json(struct buf *out, struct str key, struct str value)
{
    return append_key(out, key) < 0 ? -1 : buf_append_str(out, value);
}

/* A position of the event's room; nothing where `seq` is 0. */
static int append_pos(struct buf *out, struct str key, const struct event *event, uint64_t seq)
{
    char pos[CODEC_POS_MAX];

    if (seq == 0)
        return 0;
    codec_pos_write(pos, event->epoch, seq);
    return append_string(out, key, str_from(pos));
}

static int append_author(struct buf *out, const struct event *event)
{
    if (event->kind != EVENT_TYPING && append_number(out, STR("ts"), event->ts) < 0)
        return -1;
    if (append_number(out, STR("from"), event->from) < 0)
        return -1;
    if (event->kind == EVENT_DIRECT && append_number(out, STR("to"), event->to) < 0)
        return -1;
    return append_string(out, STR("name"), event->name);
}

static int append_text(struct buf *out, const struct event *event)
{
    if (event->is_retracted)
        return buf_append_str(out, STR(",\"text\":\"\",\"retracted\":true"));
    if (event->text.ptr != NULL && append_string(out, STR("text"), event->text) < 0)
        return -1;
    if (append_pos(out, STR("re"), event, event->re) < 0 ||
        (event->data.ptr != NULL && append_json(out, STR("data"), event->data) < 0) ||
        (event->reactions.ptr != NULL && append_json(out, STR("reactions"), event->reactions) < 0))
        return -1;
    return 0;
}

static int append_reaction(struct buf *out, const struct event *event)
{
    if (append_pos(out, STR("to"), event, event->re) < 0 ||
        append_string(out, STR("emoji"), event->text) < 0)
        return -1;
    return append_json(out, STR("on"), event->is_on ? STR("true") : STR("false"));
}

/* What an event has besides its author. */
static int append_content(struct buf *out, const struct event *event)
{
    int result = 0;

    switch (event->kind) {
    case EVENT_MESSAGE:
    case EVENT_DIRECT:
        result = append_text(out, event);
        break;
    case EVENT_REACT:
        result = append_reaction(out, event);
        break;
    case EVENT_RETRACT:
        result = append_pos(out, STR("of"), event, event->re);
        break;
    case EVENT_SLOW:
        result = append_number(out, STR("seconds"), event->re);
        break;
    default:
        return 0;
    }
    if (result < 0)
        return -1;
    return event->ref.ptr == NULL ? 0 : append_string(out, STR("ref"), event->ref);
}

static int append_type(struct buf *out, struct str type)
{
    if (buf_append_str(out, STR("{\"type\":\"")) < 0 || buf_append_str(out, type) < 0)
        return -1;
    return buf_append_char(out, '"');
}

static int append_event(struct buf *out, const struct event *event)
{
    if (event->kind == EVENT_COUNT)
        return append_number(out, STR("count"), event->count);
    if (append_pos(out, STR("pos"), event, event->seq) < 0 || append_author(out, event) < 0)
        return -1;
    return append_content(out, event);
}

static int v1_encode(struct buf *out, const struct event *event)
{
    if (append_type(out, type_names[event->kind]) < 0 || append_event(out, event) < 0)
        return -1;
    return buf_append_char(out, '}');
}

static int v1_encode_error(struct buf *out, const char *code, const char *why, struct str ref)
{
    if (append_type(out, STR("error")) < 0 || append_string(out, STR("code"), str_from(code)) < 0 ||
        append_string(out, STR("text"), str_from(why)) < 0)
        return -1;
    if (ref.ptr != NULL && append_string(out, STR("ref"), ref) < 0)
        return -1;
    return buf_append_char(out, '}');
}

int codec_v1_welcome_begin(struct buf *out, const struct welcome *welcome)
{
    if (append_type(out, STR("welcome")) < 0 || append_number(out, STR("id"), welcome->id) < 0 ||
        append_string(out, STR("room"), welcome->room) < 0 ||
        append_string(out, STR("name"), welcome->name) < 0 ||
        append_string(out, STR("pos"), str_from(welcome->pos)) < 0)
        return -1;
    if (buf_append_str(out, welcome->recovered ? STR(",\"recovered\":true")
                                               : STR(",\"recovered\":false")) < 0 ||
        append_string(out, STR("key"), str_from(welcome->key)) < 0 ||
        append_number(out, STR("count"), welcome->count) < 0)
        return -1;
    return buf_append_str(out, STR(",\"members\":["));
}

int codec_v1_welcome_member(struct buf *out, uint64_t id, struct str name, bool is_first)
{
    if (buf_append_str(out, is_first ? STR("{\"id\":") : STR(",{\"id\":")) < 0 ||
        buf_append_u64(out, id) < 0 || append_string(out, STR("name"), name) < 0)
        return -1;
    return buf_append_char(out, '}');
}

int codec_v1_welcome_end(struct buf *out, const struct welcome *welcome)
{
    if (buf_append_str(out, STR("],\"limits\":{\"message\":")) < 0 ||
        buf_append_u64(out, welcome->max_message) < 0 || buf_append_char(out, '}') < 0 ||
        (welcome->slow > 0 && append_number(out, STR("slow"), welcome->slow) < 0) ||
        (welcome->is_moderator && append_json(out, STR("mod"), STR("true")) < 0) ||
        (welcome->has_typing && append_json(out, STR("typing"), STR("true")) < 0))
        return -1;
    return buf_append_char(out, '}');
}

int codec_v1_pong(struct buf *out, struct str ref)
{
    if (append_type(out, STR("pong")) < 0 ||
        (ref.ptr != NULL && append_string(out, STR("ref"), ref) < 0))
        return -1;
    return buf_append_char(out, '}');
}

int codec_v1_wire(struct buf *out, bool is_on, struct str ref)
{
    if (append_type(out, STR("wire")) < 0 ||
        append_json(out, STR("on"), is_on ? STR("true") : STR("false")) < 0 ||
        (ref.ptr != NULL && append_string(out, STR("ref"), ref) < 0))
        return -1;
    return buf_append_char(out, '}');
}

static int append_hex(struct buf *out, struct str key, const uint8_t *bytes, size_t len)
{
    if (append_key(out, key) < 0 || buf_append_char(out, '"') < 0)
        return -1;
    for (size_t i = 0; i < len; i++) {
        if (buf_printf(out, "%02x", bytes[i]) < 0)
            return -1;
    }
    return buf_append_char(out, '"');
}

static struct str control_name(enum ws_opcode opcode)
{
    if (opcode == WS_CLOSE)
        return STR("close");
    return opcode == WS_PING ? STR("ping") : STR("pong");
}

int codec_v1_control(struct buf *out, const struct ws_control *control)
{
    const uint8_t *payload = control->payload;
    bool has_code = control->opcode == WS_CLOSE && control->len >= 2;

    if (append_type(out, STR("wire")) < 0 ||
        append_string(out, STR("by"), control->is_sent ? STR("server") : STR("client")) < 0 ||
        append_string(out, STR("frame"), control_name(control->opcode)) < 0 ||
        (has_code && append_number(out, STR("code"), (uint64_t)payload[0] << 8 | payload[1]) < 0) ||
        append_number(out, STR("count"), control->count) < 0 ||
        append_number(out, STR("length"), control->len) < 0 ||
        append_hex(out, STR("hex"), payload, control->len) < 0)
        return -1;
    return buf_append_char(out, '}');
}

int codec_v1_unread(struct buf *out, struct str room, uint64_t count, struct str ref)
{
    if (append_type(out, STR("unread")) < 0 || append_string(out, STR("room"), room) < 0 ||
        append_number(out, STR("count"), count) < 0 ||
        (ref.ptr != NULL && append_string(out, STR("ref"), ref) < 0))
        return -1;
    return buf_append_char(out, '}');
}

int codec_v1_banned(struct buf *out, const char *ban, uint64_t until, struct str ref)
{
    if (append_type(out, STR("ban")) < 0 || append_string(out, STR("ban"), str_from(ban)) < 0 ||
        (until > 0 && append_number(out, STR("until"), until) < 0) ||
        (ref.ptr != NULL && append_string(out, STR("ref"), ref) < 0))
        return -1;
    return buf_append_char(out, '}');
}

int codec_v1_history_begin(struct buf *out)
{
    return buf_append_str(out, STR("{\"type\":\"history\",\"events\":["));
}

int codec_v1_history_event(struct buf *out, struct str event, bool is_first)
{
    return !is_first && buf_append_char(out, ',') < 0 ? -1 : buf_append_str(out, event);
}

int codec_v1_history_end(struct buf *out, struct str ref, bool is_end)
{
    if (buf_append_str(out, STR("]")) < 0 ||
        append_json(out, STR("end"), is_end ? STR("true") : STR("false")) < 0 ||
        (ref.ptr != NULL && append_string(out, STR("ref"), ref) < 0))
        return -1;
    return buf_append_char(out, '}');
}

const struct codec codec_v1 = {
    .decode = v1_decode,
    .encode = v1_encode,
    .encode_error = v1_encode_error,
    .own_prefix = {"", 0},
};
