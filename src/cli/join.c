#include "cli/join.h"

#include <errno.h>
#include <langinfo.h>
#include <locale.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/stdfds.h"
#include "base/tuning.h"
#include "base/util.h"
#include "cli/completion.h"
#include "cli/glyph.h"
#include "cli/line_editor.h"
#include "cli/line_reader.h"
#include "cli/screen.h"
#include "cli/session.h"
#include "cli/signals.h"
#include "cli/transcript.h"
#include "cli/typed.h"

#define LINE_MAX_BYTES (1 << 20) /* of a line from a pipe, whatever the server would take */
#define PROMPT_ROOM 24           /* bytes of the room's name in the prompt */
#define EXIT_USAGE 2

/* How the user and the program speak with each other. */
enum mode {
    MODE_EDIT, /* a terminal on both sides: the line editor */
    MODE_TYPE, /* a terminal that edits lines itself (TERM=dumb, or the output goes elsewhere) */
    MODE_PIPE, /* each line of standard input is a message, as it is */
};

struct join {
    const struct join_options *options;
    struct session_settings settings;
    struct session session;
    struct screen screen;
    enum mode mode;
    bool is_coloured;

    struct line_editor editor;
    struct rooms rooms; /* where one has been */
    bool is_dirty;      /* the prompt must be drawn again */

    struct line_reader lines;
    char input[TUNE_READ_BUFFER]; /* read and not yet taken */
    const char *input_at;
    size_t input_len;
    bool has_input_ended;

    struct signals signals;
    int ends_seen;
    uint64_t failures; /* messages that were not sent and will not be */
};

static struct join *of_session(struct session *s)
{
    return CONTAINER_OF(s, struct join, session);
}

static uint64_t clock_ms(clockid_t clock)
{
    struct timespec now;

    clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* ---- telling ---- */

/* One line on stderr; the text may be a peer's. */
static void join_complain(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void join_complain(const char *format, ...)
{
    char text[4 * LINK_TEXT_MAX];
    struct buf line;
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    buf_init(&line);
    if (glyph_append_safe(&line, str_from(text)) == 0)
        fprintf(stderr, "wschat: %.*s\n", (int)line.len, (char *)line.data);
    buf_deinit(&line);
}

/* Prints lines that were made. */
static void join_print(struct join *j, struct buf *lines, int result)
{
    if (result == 0)
        screen_print(&j->screen, (struct str){(char *)lines->data, lines->len});
    buf_deinit(lines);
}

static void join_tell(struct join *j, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
static void join_tell(struct join *j, const char *format, ...)
{
    char text[4 * LINK_TEXT_MAX];
    struct buf lines;
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    if (j->mode == MODE_PIPE || j->options->json) {
        join_complain("%s", text);
        return;
    }
    buf_init(&lines);
    join_print(j, &lines, transcript_note(&lines, str_from(text), j->is_coloured));
}

static void on_note(struct session *s, const char *text)
{
    join_tell(of_session(s), "%s", text);
}

static void on_failed(struct session *s, const struct unsent_entry *entry, struct str why)
{
    struct join *j = of_session(s);
    int shown = (int)min_size(why.len, LINK_TEXT_MAX);

    j->failures++;
    if (j->mode == MODE_PIPE)
        join_tell(j, "line %llu was not sent: %.*s", (unsigned long long)entry->number, shown,
                  why.ptr);
    else
        join_tell(j, "not sent: %.*s: %.*s", (int)min_size(entry->text.len, LINK_TEXT_MAX),
                  (const char *)entry->text.data, shown, why.ptr);
}

/* A JSON text may be broken by line ends between its members; they mean nothing there. */
static void print_json(struct join *j, struct str raw)
{
    struct buf *out = &j->screen.out;
    struct str part;

    for (struct str rest = raw; rest.ptr != NULL;) {
        part = str_cut(&rest, '\n');
        for (struct str piece; part.ptr != NULL;) {
            piece = str_cut(&part, '\r');
            glyph_append_safe(out, piece);
        }
    }
    buf_append_char(out, '\n');
}

/* Is it news that calls me? */
static bool is_for_me(const struct session *s, const struct v1_event *frame)
{
    if (!session_is_live(s) || session_is_own(s, frame->from))
        return false;
    return frame->type == V1_DIRECT ||
           (frame->type == V1_MESSAGE && typed_mentions(frame->text, str_from(s->name)));
}

static void on_frame(struct session *s, const struct v1_event *frame, struct str raw)
{
    struct join *j = of_session(s);
    struct buf lines;

    if (j->options->quiet)
        return;
    buf_init(&lines);
    if (j->options->json)
        print_json(j, raw);
    else
        join_print(j, &lines, transcript_frame(&lines, s, frame, j->is_coloured));
    if (j->mode == MODE_EDIT && is_for_me(s, frame))
        screen_bell(&j->screen);
    if (j->mode == MODE_EDIT && frame->type == V1_WELCOME && !s->is_welcome)
        join_tell(j, "/help for the commands, Ctrl-D leaves");
    j->is_dirty = true;
}

static const struct session_host session_calls = {on_frame, on_note, on_failed};

/* ---- what is typed ---- */

static void end_input(struct join *j)
{
    j->has_input_ended = true;
    if (j->mode == MODE_EDIT && j->session.unsent.count > 0)
        join_tell(j, "waiting for the server to acknowledge; Ctrl-C ends at once");
}

static void say(struct join *j, struct str text, uint64_t to)
{
    if (session_say(&j->session, text, to) < 0) {
        j->failures++;
        join_tell(j, "not sent: out of memory");
    }
}

static void rename_to(struct join *j, struct str name)
{
    if (codec_name_is_valid(name))
        session_rename(&j->session, name);
    else
        join_tell(j, "a name is at most 64 bytes of UTF-8 without control characters");
}

/* As people write it: #tea means tea, also with the wide sign of a Chinese keyboard. */
static struct str room_of(struct str text)
{
    while (text.len > 0) {
        struct glyph glyph = glyph_first(text);

        if (glyph.code != '#' && glyph.code != 0xff03)
            break;
        text = (struct str){text.ptr + glyph.len, text.len - glyph.len};
    }
    return str_trim(text);
}

static void enter_room(struct join *j, struct str room)
{
    rooms_put(&j->rooms, str_from(j->session.room));
    if (room.len == 0)
        join_tell(j, "you are in %s; /room ROOM enters another one", j->session.room);
    else if (!codec_name_is_valid(room))
        join_tell(j, "a room is 1 to 64 bytes of UTF-8 without control characters");
    else if (session_enter(&j->session, room, clock_ms(CLOCK_MONOTONIC)) < 0)
        join_tell(j, "what you said here is not acknowledged yet; try again");
}

static void show_members(struct join *j)
{
    struct buf lines;

    buf_init(&lines);
    join_print(j, &lines, transcript_members(&lines, &j->session, j->is_coloured));
}

/* Appends the frame of a command for the room, or for what was said last. */
static int append_order(struct buf *out, const struct session *s, const struct typed *typed)
{
    switch (typed->kind) {
    case TYPED_KICK:
        return v1_kick(out, typed->to, typed->text);
    case TYPED_BAN:
        return v1_ban(out, typed->to, typed->seconds, typed->text);
    case TYPED_SLOW:
        return v1_slow(out, typed->seconds);
    default:
        return v1_retract(out, str_from(s->said));
    }
}

static void give_order(struct join *j, const struct typed *typed)
{
    struct buf frame;

    if (typed->kind == TYPED_RETRACT && j->session.said[0] == '\0') {
        join_tell(j, "there is nothing of yours to take back");
        return;
    }
    buf_init(&frame);
    if (append_order(&frame, &j->session, typed) < 0 ||
        session_command(&j->session, (struct str){(char *)frame.data, frame.len}) < 0)
        join_tell(j, "there is no connection; try again later");
    buf_deinit(&frame);
}

static void obey(struct join *j, struct str line)
{
    struct typed typed = typed_read(line, &j->session.roster);
    int shown = (int)min_size(typed.text.len, LINK_TEXT_MAX);

    switch (typed.kind) {
    case TYPED_SAY:
        if (typed.text.len > 0)
            say(j, typed.text, typed.to);
        break;
    case TYPED_NAME:
        rename_to(j, typed.text);
        break;
    case TYPED_ROOM:
        enter_room(j, room_of(typed.text));
        break;
    case TYPED_WHO:
        show_members(j);
        break;
    case TYPED_HELP:
        join_tell(j, "%s", TYPED_HELP_TEXT);
        break;
    case TYPED_QUIT:
        end_input(j);
        break;
    case TYPED_KICK:
    case TYPED_BAN:
    case TYPED_SLOW:
    case TYPED_RETRACT:
        give_order(j, &typed);
        break;
    case TYPED_USAGE:
        join_tell(j, "%s", TYPED_USAGE_TEXT);
        break;
    case TYPED_UNKNOWN:
        join_tell(j, "%.*s? See /help; begin with // to send it as it is", shown, typed.text.ptr);
        break;
    case TYPED_EMPTY:
        join_tell(j, "/msg WHO TEXT: %s", typed.text.len > 0 ? "which text?" : "to whom?");
        break;
    case TYPED_NOBODY:
        join_tell(j, "to whom? \"%.*s\" begins with no name of one person here, and no #id", shown,
                  typed.text.ptr);
    }
}

static void enter_line(struct join *j)
{
    struct buf line;

    if (unsent_is_full(&j->session.unsent)) {
        join_tell(j, "too many messages wait to be sent; try again later");
        return;
    }
    line_editor_take(&j->editor, &line);
    obey(j, (struct str){line.len > 0 ? (char *)line.data : "", line.len});
    buf_deinit(&line);
}

static void suspend(struct join *j)
{
    screen_restore(&j->screen);
    signals_suspend();
    screen_raw(&j->screen);
    j->is_dirty = true;
}

/* Where nothing can be added, the bell says so. */
static void complete(struct join *j)
{
    struct completion found;

    if (!completion_find(&found, line_editor_before(&j->editor), &j->session.roster, &j->rooms)) {
        screen_bell(&j->screen);
        return;
    }
    line_editor_complete(&j->editor, found.begun, found.text);
    if (found.is_whole)
        line_editor_complete(&j->editor, 0, STR(" "));
}

static void type_key(struct join *j, char byte)
{
    j->is_dirty = true;
    switch (line_editor_feed(&j->editor, byte)) {
    case LINE_NONE:
        break;
    case LINE_ENTERED:
        enter_line(j);
        break;
    case LINE_INTERRUPT:
        session_finish(&j->session, clock_ms(CLOCK_MONOTONIC));
        break;
    case LINE_END:
        end_input(j);
        break;
    case LINE_SUSPEND:
        suspend(j);
        break;
    case LINE_COMPLETE:
        complete(j);
        break;
    case LINE_REDRAW:
        buf_append_str(&j->screen.out, STR("\x1b[H\x1b[2J"));
        break;
    }
}

/* ---- what comes by lines ---- */

static void take_line(struct join *j, enum line_result result, struct str line)
{
    if (result == LINE_READY && j->mode == MODE_PIPE) {
        say(j, line, 0);
    } else if (result == LINE_READY) {
        obey(j, line);
    } else if (result == LINE_TOO_LONG) {
        unsent_skip(&j->session.unsent);
        j->failures++;
        join_tell(j, "line %llu was not sent: it is longer than %zu bytes",
                  (unsigned long long)j->session.unsent.added, j->lines.max);
    }
}

/* Takes lines out of what was read, as many as may be on their way. */
static void take_lines(struct join *j)
{
    enum line_result result = LINE_READY;
    struct str line = {NULL, 0};

    j->lines.max = (size_t)(j->session.limit < LINE_MAX_BYTES ? j->session.limit : LINE_MAX_BYTES);
    while (!unsent_is_full(&j->session.unsent) && result != LINE_MORE) {
        result = line_reader_next(&j->lines, &j->input_at, &j->input_len, &line);
        take_line(j, result, line);
    }
    if (j->has_input_ended && j->input_len == 0 && !unsent_is_full(&j->session.unsent))
        take_line(j, line_reader_rest(&j->lines, &line), line);
}

static void join_read_input(struct join *j)
{
    ssize_t n = read(STDIN_FILENO, j->input, sizeof(j->input));

    if (n < 0 && (errno == EINTR || errno == EAGAIN))
        return;
    j->input_at = j->input;
    j->input_len = n > 0 ? (size_t)n : 0;
    if (n <= 0)
        end_input(j);
    for (size_t i = 0; j->mode == MODE_EDIT && i < j->input_len; i++)
        type_key(j, j->input[i]);
    if (j->mode == MODE_EDIT)
        j->input_len = 0;
}

static bool wants_input(const struct join *j)
{
    const struct session *s = &j->session;

    if (s->is_finishing || s->state == SESSION_OVER)
        return false;
    if (j->mode == MODE_EDIT)
        return true;
    return !j->has_input_ended && s->limit > 0 && j->input_len == 0 &&
           !unsent_is_full(&s->unsent) && screen_pending(&j->screen) < SCREEN_PENDING_MAX;
}

/* Is everything said and acknowledged? */
static bool is_done(const struct join *j)
{
    return j->has_input_ended && !j->options->stay && j->input_len == 0 &&
           !line_reader_is_inside(&j->lines) && j->session.unsent.count == 0 &&
           j->session.is_welcome;
}

/* ---- the prompt ---- */

static void draw_prompt(struct join *j)
{
    const struct session *s = &j->session;
    struct str room = {s->room, strlen(s->room)};
    struct buf label;

    buf_init(&label);
    while (room.len > PROMPT_ROOM)
        room.len -= glyph_last_len(room);
    if (s->is_welcome)
        glyph_append_safe(&label, room);
    if (!s->is_welcome)
        buf_append_str(&label, STR("connecting"));
    else if (s->state != SESSION_ONLINE && s->unsent.count > 0)
        buf_printf(&label, " (offline, %zu unsent)", s->unsent.count);
    else if (s->state != SESSION_ONLINE)
        buf_append_str(&label, STR(" (offline)"));
    buf_append_str(&label, STR("> "));
    screen_draw_prompt(&j->screen, (struct str){(char *)label.data, label.len}, &j->editor);
    buf_deinit(&label);
    j->is_dirty = false;
}

/* ---- the loop ---- */

static void obey_signals(struct join *j, uint64_t now)
{
    struct signals *s = &j->signals;

    if (s->ends > j->ends_seen)
        session_finish(&j->session, now);
    j->ends_seen = s->ends;
    if (s->stop)
        suspend(j);
    if (s->cont) /* SIGSTOP cannot be seen, and then a shell had the terminal */
        screen_raw_again(&j->screen);
    if (s->resized)
        screen_resize(&j->screen);
    else if (s->cont)
        screen_measure(&j->screen);
    j->is_dirty |= s->resized || s->cont;
    s->stop = s->cont = s->resized = false;
}

static bool is_over(const struct join *j)
{
    return j->screen.has_failed || j->signals.ends > 1 ||
           (j->session.state == SESSION_OVER && screen_pending(&j->screen) == 0);
}

/* Waits for whatever comes next and handles it. A peer whose lines nobody takes is not read. */
static void turn(struct join *j)
{
    bool is_stuck = screen_pending(&j->screen) >= SCREEN_PENDING_MAX;
    short events = link_events(&j->session.link);
    struct pollfd fds[] = {
        {.fd = wants_input(j) ? STDIN_FILENO : -1, .events = POLLIN},
        {.fd = is_stuck || events == 0 ? -1 : j->session.link.fd, .events = events},
        {.fd = screen_pending(&j->screen) > 0 ? STDOUT_FILENO : -1, .events = POLLOUT},
    };
    uint64_t deadline = is_stuck ? UINT64_MAX : session_deadline(&j->session);
    enum session_state before = j->session.state;
    uint64_t now = clock_ms(CLOCK_MONOTONIC);

    if (signals_poll(&j->signals, fds, ARRAY_LEN(fds), now, deadline) < 0)
        memset(fds, 0, sizeof(fds));
    now = clock_ms(CLOCK_MONOTONIC);
    obey_signals(j, now);
    if (fds[2].revents != 0)
        screen_write(&j->screen);
    session_ready(&j->session, fds[1].revents, now);
    if (fds[0].revents != 0)
        join_read_input(j);
    if (j->mode != MODE_EDIT)
        take_lines(j);
    if (!is_stuck)
        session_tick(&j->session, now);
    if (is_done(j))
        session_finish(&j->session, now);
    j->is_dirty |= j->session.state != before;
}

static void join_loop(struct join *j)
{
    while (!is_over(j)) {
        turn(j);
        if (j->screen.is_raw && j->session.state != SESSION_OVER &&
            (j->is_dirty || !j->screen.is_prompt_shown))
            draw_prompt(j);
    }
}

/* ---- beginning and end ---- */

static bool is_dumb(void)
{
    const char *term = getenv("TERM");

    return term == NULL || term[0] == '\0' || strcmp(term, "dumb") == 0;
}

static void choose_mode(struct join *j)
{
    const char *no_color = getenv("NO_COLOR");
    bool is_out_terminal = isatty(STDOUT_FILENO) == 1;

    if (isatty(STDIN_FILENO) != 1 || j->options->json)
        j->mode = MODE_PIPE;
    else
        j->mode = is_out_terminal && !is_dumb() ? MODE_EDIT : MODE_TYPE;
    j->is_coloured = j->options->colour == COLOUR_ALWAYS ||
                     (j->options->colour == COLOUR_AUTO && is_out_terminal && !is_dumb() &&
                      (no_color == NULL || no_color[0] == '\0'));
}

/* Widths are asked of libc, which must know that text is UTF-8. */
static void choose_locale(void)
{
    setlocale(LC_CTYPE, "");
    if (strcmp(nl_langinfo(CODESET), "UTF-8") != 0)
        setlocale(LC_CTYPE, "C.UTF-8");
}

/* The exit status, and the line that says why. */
static int judge(const struct join *j)
{
    const struct session *s = &j->session;
    uint64_t lost = s->unsent.count + line_reader_is_inside(&j->lines);

    if (j->screen.has_failed)
        join_complain("cannot write to standard output");
    else if (s->error[0] != '\0' && lost > 0)
        join_complain("%s; not acknowledged: %llu", s->error, (unsigned long long)lost);
    else if (s->error[0] != '\0')
        join_complain("%s", s->error);
    else if (lost > 0)
        join_complain("ended before everything was acknowledged; not acknowledged: %llu",
                      (unsigned long long)lost);
    else if (j->failures > 0 && j->mode == MODE_PIPE)
        join_complain("messages that were not sent: %llu", (unsigned long long)j->failures);
    else
        return EXIT_SUCCESS;
    return EXIT_FAILURE;
}

int join_run(const struct join_options *options)
{
    static struct join join;
    const char *why = target_read(&join.settings.target, &options->target);
    int status;

    if (why != NULL) {
        join_complain("%s: %s; see wschat join --help", options->target.url, why);
        return EXIT_USAGE;
    }
    stdfds_fill();
    choose_locale();
    join.options = options;
    join.settings.ping_interval = options->ping_interval;
    join.settings.ping_timeout = options->ping_timeout;
    join.settings.give_up = options->give_up;
    join.settings.token_file = options->token_file;
    choose_mode(&join);
    join.settings.seeks_end = join.mode != MODE_PIPE;
    session_init(&join.session, &session_calls, &join.settings, clock_ms(CLOCK_REALTIME));
    screen_init(&join.screen);
    line_editor_init(&join.editor);
    line_reader_init(&join.lines, 0);
    /* Before signals are held back and the terminal is taken: the resolver may need its time. */
    session_start(&join.session, clock_ms(CLOCK_MONOTONIC));
    signals_setup(join.mode == MODE_EDIT);
    if (join.mode == MODE_EDIT)
        screen_raw(&join.screen);
    join_loop(&join);
    screen_restore(&join.screen);
    status = judge(&join);
    session_deinit(&join.session);
    screen_deinit(&join.screen);
    line_editor_deinit(&join.editor);
    line_reader_deinit(&join.lines);
    target_deinit(&join.settings.target);
    return status;
}
