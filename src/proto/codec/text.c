/* The plain text of the tutorial: every message is what somebody says, and the exact strings are
 * its contract. */
#include "proto/codec/codec.h"
#include "proto/codec/kinds.h"

static void text_decode(struct command *command, char *data, size_t len)
{
    *command = (struct command){.kind = COMMAND_SAY, .text = {data != NULL ? data : "", len}};
}

static int append_client(struct buf *out, uint64_t id)
{
    if (buf_append_str(out, STR("Client #")) < 0)
        return -1;
    return buf_append_u64(out, id);
}

static int text_append_line(struct buf *out, uint64_t id, struct str verb, struct str text)
{
    if (append_client(out, id) < 0 || buf_append_str(out, verb) < 0)
        return -1;
    return buf_append_str(out, text);
}

/* A message of data alone has no words. */
static int append_words(struct buf *out, const struct event *event, struct str verb)
{
    return event->text.ptr == NULL ? 0 : text_append_line(out, event->from, verb, event->text);
}

/* The tutorial knows neither joins nor names, so these are not told. */
static int text_encode(struct buf *out, const struct event *event)
{
    switch (event->kind) {
    case EVENT_MESSAGE:
        return append_words(out, event, STR(" says: "));
    case EVENT_DIRECT:
        return append_words(out, event, STR(" whispers: "));
    case EVENT_LEAVE:
        return text_append_line(out, event->from, STR(" left the chat"), STR(""));
    case EVENT_JOIN:
    case EVENT_RENAME:
    case EVENT_REACT:
    case EVENT_RETRACT:
    case EVENT_SLOW:
    case EVENT_BAN:
    case EVENT_LIFT:
    case EVENT_COUNT:
    case EVENT_TYPING:
    case EVENT_KICK:
    case EVENT_WHO:
        break;
    }
    return 0;
}

/* No message is wrong in plain text, so there is nobody to tell. */
static int text_encode_error(struct buf *out, const char *code, const char *why, struct str ref)
{
    (void)out;
    (void)code;
    (void)why;
    (void)ref;
    return 0;
}

const struct codec codec_text = {
    .decode = text_decode,
    .encode = text_encode,
    .encode_error = text_encode_error,
    .own_prefix = {"You wrote: ", 11},
};
