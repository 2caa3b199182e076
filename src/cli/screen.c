#include "cli/screen.h"

#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/util.h"
#include "cli/glyph.h"
#include "cli/wrap.h"

#define COLUMNS_STANDARD 80
#define COLUMNS_LEAST 4
#define ROWS_STANDARD 24
#define ERASE_SCREEN STR("\x1b[H\x1b[J")
#define COLUMNS_TYPING 10 /* columns that the label must leave */

/* A pipe that poll calls writable takes so many bytes without blocking (POSIX: PIPE_BUF is at least
 * 512; Linux: 4096). */
#define WRITE_MAX 4096

#define ERASE_LINE STR("\r\x1b[J") /* to the end of the screen: a narrower window wraps it */
#define PASTE_ON "\x1b[?2004h"     /* pasted text comes in brackets */
#define PASTE_OFF "\x1b[?2004l"

void screen_init(struct screen *s)
{
    *s = (struct screen){.columns = COLUMNS_STANDARD,
                         .rows = ROWS_STANDARD,
                         .is_terminal = isatty(STDOUT_FILENO) == 1};
}

void screen_deinit(struct screen *s)
{
    screen_restore(s);
    buf_deinit(&s->out);
    buf_deinit(&s->shown);
}

int screen_raw(struct screen *s)
{
    struct termios raw;

    if (s->is_raw)
        return 0;
    if (!s->is_saved && tcgetattr(STDIN_FILENO, &s->saved) < 0)
        return -1;
    s->is_saved = true;
    raw = s->saved;
    raw.c_iflag &= ~(tcflag_t)(ICRNL | INLCR | IGNCR | IXON | ISTRIP);
    raw.c_lflag &= ~(tcflag_t)(ECHO | ICANON | ISIG | IEXTEN);
    raw.c_cc[VMIN] = 1;
    raw.c_cc[VTIME] = 0;
    if (tcsetattr(STDIN_FILENO, TCSADRAIN, &raw) < 0)
        return -1;
    s->is_raw = true;
    s->is_prompt_shown = false;
    screen_measure(s);
    buf_append_str(&s->out, STR(PASTE_ON));
    return 0;
}

size_t screen_pending(const struct screen *s)
{
    return s->out.len - s->written;
}

int screen_raw_again(struct screen *s)
{
    s->is_raw = false;
    return screen_raw(s);
}

static void write_now(const void *data, size_t len)
{
    const char *at = data;

    while (len > 0) {
        ssize_t n = write(STDOUT_FILENO, at, len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return;
        at += n;
        len -= (size_t)n;
    }
}

static void hide_prompt(struct screen *s)
{
    if (s->is_prompt_shown)
        buf_append_str(&s->out, ERASE_LINE);
    s->is_prompt_shown = false;
}

void screen_restore(struct screen *s)
{
    if (!s->is_raw)
        return;
    hide_prompt(s);
    buf_append_str(&s->out, STR(PASTE_OFF));
    write_now(s->out.data + s->written, screen_pending(s));
    s->out.len = s->written = 0;
    tcsetattr(STDIN_FILENO, TCSADRAIN, &s->saved);
    s->is_raw = false;
}

void screen_measure(struct screen *s)
{
    struct winsize size;

    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) < 0)
        return;
    if (size.ws_col > 0)
        s->columns = size.ws_col < COLUMNS_LEAST ? COLUMNS_LEAST : size.ws_col;
    if (size.ws_row > 0)
        s->rows = size.ws_row;
}

/* The last part of the lines that has so many of them. */
static struct str last_lines(struct str lines, size_t count)
{
    size_t at = lines.len;

    while (at > 0) {
        if (lines.ptr[at - 1] == '\n' && count-- == 0)
            break;
        at--;
    }
    return (struct str){lines.ptr + at, lines.len - at};
}

/* Some terminals break old lines anew and some cut them, so nobody knows where the pieces of the
 * prompt are. What scrolled out of the window is the terminal's. */
static void write_again(struct screen *s)
{
    struct buf lines;

    buf_init(&lines);
    buf_append_str(&s->out, ERASE_SCREEN);
    if (wrap_append(&lines, (struct str){(char *)s->shown.data, s->shown.len}, s->columns) == 0)
        buf_append_str(&s->out,
                       last_lines((struct str){(char *)lines.data, lines.len}, s->rows - 1));
    buf_deinit(&lines);
    s->is_prompt_shown = false;
}

void screen_resize(struct screen *s)
{
    size_t columns = s->columns;

    screen_measure(s);
    if (s->is_raw && s->columns < columns)
        write_again(s);
}

/* Remembers lines, and forgets the oldest. */
static void keep_shown(struct screen *s, struct str lines)
{
    size_t extra;
    const uint8_t *end;

    if (buf_append_str(&s->shown, lines) < 0 || s->shown.len <= 2 * SCREEN_SHOWN_MAX)
        return;
    extra = s->shown.len - SCREEN_SHOWN_MAX;
    end = memchr(s->shown.data + extra, '\n', SCREEN_SHOWN_MAX);
    buf_consume(&s->shown, end == NULL ? s->shown.len : (size_t)(end - s->shown.data) + 1);
}

int screen_print(struct screen *s, struct str lines)
{
    hide_prompt(s);
    if (!s->is_terminal)
        return buf_append_str(&s->out, lines);
    if (s->is_raw)
        keep_shown(s, lines);
    else
        screen_measure(s);
    return wrap_append(&s->out, lines, s->columns);
}

void screen_bell(struct screen *s)
{
    buf_append_char(&s->out, '\a');
}

/* Never reaches the last column, for there terminals differ. */
void screen_draw_prompt(struct screen *s, struct str label, struct line_editor *editor)
{
    size_t left = glyph_text_width(label);
    struct line_view view;
    size_t column;

    if (left + COLUMNS_TYPING > s->columns) {
        label = STR("> ");
        left = label.len;
    }
    view = line_editor_view(editor, s->columns > left + 3 ? s->columns - left - 1 : 2);
    column = left + view.cursor;
    buf_append_str(&s->out, ERASE_LINE);
    buf_append_str(&s->out, label);
    line_editor_append(&s->out, view.text);
    buf_append_char(&s->out, '\r');
    if (column > 0)
        buf_printf(&s->out, "\x1b[%zuC", column);
    s->is_prompt_shown = true;
}

void screen_write(struct screen *s)
{
    ssize_t n =
        write(STDOUT_FILENO, s->out.data + s->written, min_size(screen_pending(s), WRITE_MAX));

    if (n < 0 && (errno == EINTR || errno == EAGAIN))
        return;
    if (n < 0) {
        s->has_failed = true;
        return;
    }
    s->written += (size_t)n;
    if (s->written == s->out.len || s->written > SCREEN_PENDING_MAX) {
        buf_consume(&s->out, s->written);
        s->written = 0;
    }
}
