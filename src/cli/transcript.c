#include "cli/transcript.h"

#include <stdio.h>
#include <time.h>

#include "cli/glyph.h"

#define PLAIN "\x1b[0m"
#define FAINT "\x1b[2m"
#define NAME_COLOURS 6
#define INDENT "      " /* below the time */

/* A line that is being written. The first failure is remembered. */
struct writer {
    struct buf *out;
    bool is_coloured;
    bool has_failed;
};

static void put(struct writer *w, const char *text)
{
    w->has_failed |= buf_append_str(w->out, str_from(text)) < 0;
}

static void put_safe(struct writer *w, struct str text)
{
    w->has_failed |= glyph_append_safe(w->out, text) < 0;
}

static void writer_put_u64(struct writer *w, uint64_t number)
{
    w->has_failed |= buf_append_u64(w->out, number) < 0;
}

static void put_style(struct writer *w, const char *style)
{
    if (w->is_coloured)
        put(w, style);
}

static void put_time(struct writer *w, uint64_t ts)
{
    time_t seconds = (time_t)(ts / 1000);
    char text[16] = "";
    struct tm local;

    if (localtime_r(&seconds, &local) != NULL)
        strftime(text, sizeof(text), "%H:%M ", &local);
    put_style(w, FAINT);
    put(w, text);
    put_style(w, PLAIN);
}

static void put_name(struct writer *w, struct str name)
{
    w->has_failed |= glyph_append_name(w->out, name) < 0;
}

/* A name, with the id where somebody else looks the same, or the number of one who has none; each
 * id has its colour. */
static void put_who(struct writer *w, const struct session *s, uint64_t id, struct str name)
{
    char style[16];

    snprintf(style, sizeof(style), "\x1b[1;%dm", 31 + (int)(id % NAME_COLOURS));
    put_style(w, style);
    if (name.len > 0) {
        put_name(w, name);
        if (names_need_id(&s->names, id, name)) {
            put(w, " #");
            writer_put_u64(w, id);
        }
    } else {
        put(w, "Client #");
        writer_put_u64(w, id);
    }
    put_style(w, PLAIN);
}

/* Lines of a text stand below each other, so that nobody can fake a line of somebody else. */
static void writer_put_text(struct writer *w, struct str text)
{
    struct str line = str_cut(&text, '\n');

    for (;;) {
        if (text.ptr != NULL && line.len > 0 && line.ptr[line.len - 1] == '\r')
            line.len--;
        for (struct str part; line.ptr != NULL;) {
            part = str_cut(&line, '\t');
            put_safe(w, part);
            put(w, line.ptr != NULL ? "    " : "");
        }
        put(w, "\n");
        if (text.ptr == NULL)
            return;
        put(w, INDENT);
        line = str_cut(&text, '\n');
    }
}

static void put_message(struct writer *w, const struct session *s, const struct v1_event *frame)
{
    put_time(w, frame->ts);
    put_who(w, s, frame->from, frame->name);
    if (frame->type == V1_DIRECT) {
        put(w, " to ");
        if (session_is_own(s, frame->to))
            put(w, "you");
        else
            put_who(w, s, frame->to, roster_name(&s->roster, frame->to));
        put(w, " only");
    }
    put(w, ": ");
    writer_put_text(w, frame->is_retracted ? STR("(taken back)") : frame->text);
}

/* The answer does not name anybody, but has the ref that v1_ban gave it. */
static void put_banned(struct writer *w, const struct session *s, struct str ref)
{
    uint64_t id = 0;

    put(w, "* ");
    if (str_to_u64(ref, CODEC_ID_MAX, &id))
        put_who(w, s, id, roster_name(&s->roster, id));
    else
        put(w, "Somebody");
    put(w, " may not come in again\n");
}

/* What moderators did; and who took something back. */
static void put_order(struct writer *w, const struct session *s, const struct v1_event *frame)
{
    if (frame->type == V1_BAN) {
        put_banned(w, s, frame->ref);
        return;
    }
    put_time(w, frame->ts);
    put(w, "* ");
    put_who(w, s, frame->from, frame->name);
    if (frame->type == V1_RETRACT) {
        put(w, " took a message back\n");
    } else if (frame->seconds == 0) {
        put(w, ": everybody may speak as often as they like\n");
    } else {
        put(w, ": everybody may speak once in ");
        writer_put_u64(w, frame->seconds);
        put(w, " s\n");
    }
}

static void put_presence(struct writer *w, const struct session *s, const struct v1_event *frame)
{
    struct str name = frame->name;

    if (frame->type != V1_RENAME && session_is_own(s, frame->from))
        return;
    if (frame->type == V1_RENAME)
        name = roster_name(&s->roster, frame->from);
    put_time(w, frame->ts);
    put(w, "* ");
    put_who(w, s, frame->from, name);
    if (frame->type == V1_RENAME) {
        put(w, " took the name ");
        put_who(w, s, frame->from, frame->name);
        put(w, "\n");
    } else {
        put(w, frame->type == V1_JOIN ? " joined\n" : " left the chat\n");
    }
}

static void put_others(struct writer *w, uint64_t count)
{
    if (count <= 1) {
        put(w, ", alone\n");
        return;
    }
    put(w, ", with ");
    writer_put_u64(w, count - 1);
    put(w, count == 2 ? " other\n" : " others\n");
}

/* Coming back is told by a note of the session, as losing the connection was. */
static void put_welcome(struct writer *w, const struct session *s, const struct v1_event *frame)
{
    if (s->is_welcome && s->since[0] != '\0')
        return;
    put(w, "* you are in ");
    put_name(w, frame->room);
    put(w, " as ");
    put_who(w, s, frame->id, frame->name);
    put_others(w, frame->count);
}

int transcript_frame(struct buf *out, const struct session *s, const struct v1_event *frame,
                     bool is_coloured)
{
    struct writer w = {out, is_coloured, false};

    switch (frame->type) {
    case V1_WELCOME:
        put_welcome(&w, s, frame);
        break;
    case V1_MESSAGE:
    case V1_DIRECT:
        put_message(&w, s, frame);
        break;
    case V1_JOIN:
    case V1_LEAVE:
    case V1_RENAME:
        put_presence(&w, s, frame);
        break;
    case V1_SLOW:
    case V1_RETRACT:
    case V1_BAN:
        put_order(&w, s, frame);
        break;
    default:
        break;
    }
    return w.has_failed ? -1 : 0;
}

int transcript_note(struct buf *out, struct str text, bool is_coloured)
{
    struct writer w = {out, is_coloured, false};

    put_style(&w, FAINT);
    put(&w, "* ");
    put_safe(&w, text);
    put_style(&w, PLAIN);
    put(&w, "\n");
    return w.has_failed ? -1 : 0;
}

int transcript_members(struct buf *out, const struct session *s, bool is_coloured)
{
    struct writer w = {out, is_coloured, false};

    put(&w, "* ");
    writer_put_u64(&w, s->roster.count);
    put(&w, " here:");
    for (size_t i = 0; i < s->roster.known; i++) {
        const struct roster_member *member = &s->roster.members[i];

        put(&w, i > 0 ? ", " : " ");
        put_who(&w, s, member->id, (struct str){member->name, member->name_len});
        if (member->name_len > 0 &&
            !names_need_id(&s->names, member->id, (struct str){member->name, member->name_len})) {
            put(&w, " #");
            writer_put_u64(&w, member->id);
        }
    }
    put(&w, s->roster.count > s->roster.known ? " and more\n" : "\n");
    return w.has_failed ? -1 : 0;
}
