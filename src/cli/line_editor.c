#include "cli/line_editor.h"

#include <string.h>

#include "base/util.h"
#include "cli/glyph.h"

#define CTRL(letter) ((letter)&0x1f)
#define ESCAPE '\x1b'
#define DELETE '\x7f'
#define NEWLINE_SHOWN STR("\xe2\x86\xb5") /* U+21B5 */

void line_editor_init(struct line_editor *e)
{
    memset(e, 0, sizeof(*e));
}

void line_editor_deinit(struct line_editor *e)
{
    buf_deinit(&e->line);
    buf_deinit(&e->killed);
    buf_deinit(&e->draft);
    for (size_t i = 0; i < e->history_count; i++)
        buf_deinit(&e->history[i]);
}

/* ---- places in the line ---- */

static const char *text_of(const struct line_editor *e)
{
    return e->line.data == NULL ? "" : (const char *)e->line.data;
}

static struct str before(const struct line_editor *e)
{
    return (struct str){text_of(e), e->cursor};
}

static struct str behind_cursor(const struct line_editor *e)
{
    return (struct str){text_of(e) + e->cursor, e->line.len - e->cursor};
}

/* A line feed is one column here, for it is shown as a sign. */
static size_t glyph_width_of(struct glyph glyph)
{
    return glyph.code == '\n' ? 1 : (size_t)glyph_width(glyph.code);
}

/* Bytes of a character on screen: a character and the combining ones behind it. */
static size_t step_right(struct str text)
{
    size_t len = 0;

    while (len < text.len) {
        struct glyph glyph = glyph_first((struct str){text.ptr + len, text.len - len});

        if (len > 0 && glyph_width_of(glyph) > 0)
            break;
        len += glyph.len;
    }
    return len;
}

static size_t step_left(struct str text)
{
    size_t len = 0;

    while (len < text.len) {
        size_t last = glyph_last_len((struct str){text.ptr, text.len - len});

        len += last;
        if (glyph_width_of(glyph_first((struct str){text.ptr + text.len - len, last})) > 0)
            break;
    }
    return len;
}

static bool is_space(char c)
{
    return c == ' ' || c == '\n';
}

static size_t word_left(struct str text)
{
    size_t at = text.len;

    while (at > 0 && is_space(text.ptr[at - 1]))
        at--;
    while (at > 0 && !is_space(text.ptr[at - 1]))
        at--;
    return text.len - at;
}

static size_t word_right(struct str text)
{
    size_t at = 0;

    while (at < text.len && is_space(text.ptr[at]))
        at++;
    while (at < text.len && !is_space(text.ptr[at]))
        at++;
    return at;
}

/* ---- changes ---- */

static void insert(struct line_editor *e, const void *data, size_t len)
{
    if (len == 0 || e->line.len + len > LINE_EDITOR_MAX || buf_reserve(&e->line, len) < 0)
        return;
    memmove(e->line.data + e->cursor + len, e->line.data + e->cursor, e->line.len - e->cursor);
    memcpy(e->line.data + e->cursor, data, len);
    e->line.len += len;
    e->cursor += len;
}

/* Removes `len` bytes behind the cursor. */
static void erase(struct line_editor *e, size_t len)
{
    if (len == 0)
        return;
    memmove(e->line.data + e->cursor, e->line.data + e->cursor + len,
            e->line.len - e->cursor - len);
    e->line.len -= len;
}

static void erase_left(struct line_editor *e, size_t len)
{
    e->cursor -= len;
    erase(e, len);
}

/* Remembers what a kill takes. */
static void keep_killed(struct line_editor *e, struct str text)
{
    if (text.len == 0)
        return;
    e->killed.len = 0;
    buf_append_str(&e->killed, text);
}

static void kill_right(struct line_editor *e)
{
    keep_killed(e, behind_cursor(e));
    erase(e, behind_cursor(e).len);
}

static void kill_left(struct line_editor *e, size_t len)
{
    keep_killed(e, (struct str){before(e).ptr + e->cursor - len, len});
    erase_left(e, len);
}

static void set_line(struct line_editor *e, const struct buf *text)
{
    e->line.len = 0;
    buf_append(&e->line, text->data, text->len);
    e->cursor = e->line.len;
    e->scroll = 0;
}

static void clear(struct line_editor *e)
{
    e->line.len = e->cursor = e->scroll = 0;
    e->history_at = e->history_count;
}

/* ---- history ---- */

static void recall(struct line_editor *e, size_t at)
{
    if (e->history_at == e->history_count) {
        e->draft.len = 0;
        buf_append(&e->draft, e->line.data, e->line.len);
    }
    e->history_at = at;
    set_line(e, at == e->history_count ? &e->draft : &e->history[at]);
}

static void recall_older(struct line_editor *e)
{
    if (e->history_at > 0)
        recall(e, e->history_at - 1);
}

static void recall_newer(struct line_editor *e)
{
    if (e->history_at < e->history_count)
        recall(e, e->history_at + 1);
}

static bool is_last_in_history(const struct line_editor *e)
{
    const struct buf *last = e->history_count > 0 ? &e->history[e->history_count - 1] : NULL;

    return last != NULL && last->len == e->line.len &&
           memcmp(last->data, e->line.data, last->len) == 0;
}

static void remember(struct line_editor *e)
{
    struct buf copy;

    buf_init(&copy);
    if (e->line.len == 0 || is_last_in_history(e) ||
        buf_append(&copy, e->line.data, e->line.len) < 0)
        return;
    if (e->history_count == LINE_EDITOR_HISTORY) {
        buf_deinit(&e->history[0]);
        memmove(e->history, e->history + 1, sizeof(e->history) - sizeof(e->history[0]));
        e->history_count--;
    }
    e->history[e->history_count++] = copy;
}

void line_editor_take(struct line_editor *e, struct buf *line)
{
    remember(e);
    *line = e->line;
    buf_init(&e->line);
    clear(e);
}

struct str line_editor_before(const struct line_editor *e)
{
    return before(e);
}

void line_editor_complete(struct line_editor *e, size_t begun, struct str text)
{
    erase_left(e, begun);
    insert(e, text.ptr, text.len);
}

/* ---- keys ---- */

/* What Enter, Ctrl-C and Ctrl-D do depends on the line. */
static enum line_event control_key(struct line_editor *e, char key)
{
    switch (key) {
    case '\r':
    case '\n':
        return LINE_ENTERED;
    case CTRL('c'):
        if (e->line.len == 0)
            return LINE_INTERRUPT;
        clear(e);
        return LINE_NONE;
    case CTRL('d'):
        if (e->line.len == 0)
            return LINE_END;
        erase(e, step_right(behind_cursor(e)));
        return LINE_NONE;
    case CTRL('z'):
        return LINE_SUSPEND;
    case CTRL('l'):
        return LINE_REDRAW;
    case '\t':
        return LINE_COMPLETE;
    default:
        return LINE_NONE;
    }
}

static void move_key(struct line_editor *e, char key)
{
    switch (key) {
    case CTRL('a'):
        e->cursor = 0;
        break;
    case CTRL('e'):
        e->cursor = e->line.len;
        break;
    case CTRL('b'):
        e->cursor -= step_left(before(e));
        break;
    case CTRL('f'):
        e->cursor += step_right(behind_cursor(e));
        break;
    case CTRL('p'):
        recall_older(e);
        break;
    case CTRL('n'):
        recall_newer(e);
        break;
    default:
        break;
    }
}

static void edit_key(struct line_editor *e, char key)
{
    switch (key) {
    case DELETE:
    case CTRL('h'):
        erase_left(e, step_left(before(e)));
        break;
    case CTRL('k'):
        kill_right(e);
        break;
    case CTRL('u'):
        kill_left(e, e->cursor);
        break;
    case CTRL('w'):
        kill_left(e, word_left(before(e)));
        break;
    case CTRL('y'):
        insert(e, e->killed.data, e->killed.len);
        break;
    default:
        break;
    }
}

/* Each of the three knows its own keys and ignores the others. */
static enum line_event single_key(struct line_editor *e, char key)
{
    move_key(e, key);
    edit_key(e, key);
    return control_key(e, key);
}

/* The sequences that terminals send for the keys that matter: as xterm, in both of its modes, and
 * as the Linux console. "1;5C" is Right with Ctrl, "1;3C" with Alt. */
static const struct {
    const char *sequence; /* behind the ESC */
    char key;             /* the control key that does the same; or one of those below */
} sequences[] = {
    {"[D", CTRL('b')},   {"OD", CTRL('b')}, {"[C", CTRL('f')},  {"OC", CTRL('f')},
    {"[A", CTRL('p')},   {"OA", CTRL('p')}, {"[B", CTRL('n')},  {"OB", CTRL('n')},
    {"[H", CTRL('a')},   {"OH", CTRL('a')}, {"[1~", CTRL('a')}, {"[7~", CTRL('a')},
    {"[F", CTRL('e')},   {"OF", CTRL('e')}, {"[4~", CTRL('e')}, {"[8~", CTRL('e')},
    {"[3~", 'x'},        {"[1;5D", '<'},    {"[1;3D", '<'},     {"b", '<'},
    {"[1;5C", '>'},      {"[1;3C", '>'},    {"f", '>'},         {"d", 'd'},
    {"\x7f", CTRL('w')}, {"\b", CTRL('w')}, {"[200~", 'p'},     {"[5D", '<'},
    {"[5C", '>'},        {"OM", '\r'},
};

static enum line_event sequence_key(struct line_editor *e, char key)
{
    switch (key) {
    case 'x':
        erase(e, step_right(behind_cursor(e)));
        return LINE_NONE;
    case '<':
        e->cursor -= word_left(before(e));
        return LINE_NONE;
    case '>':
        e->cursor += word_right(behind_cursor(e));
        return LINE_NONE;
    case 'd':
        erase(e, word_right(behind_cursor(e)));
        return LINE_NONE;
    case 'p':
        e->is_pasting = true;
        return LINE_NONE;
    default:
        return single_key(e, key);
    }
}

/* Is a sequence behind ESC whole? One byte; or "[" with parameters and a final byte from @ to ~
 * (ECMA-48, 5.4); or "O" and one byte. */
static bool sequence_is_whole(struct str s)
{
    if (s.len == 0)
        return false;
    if (s.ptr[0] == '[')
        return s.len > 1 && s.ptr[s.len - 1] >= '@' && s.ptr[s.len - 1] <= '~';
    return s.ptr[0] != 'O' || s.len == 2;
}

static enum line_event escape_finish(struct line_editor *e)
{
    struct str typed = {e->sequence + 1, e->sequence_len - 1};

    if (!sequence_is_whole(typed))
        return LINE_NONE;
    e->sequence_len = 0;
    for (size_t i = 0; i < ARRAY_LEN(sequences); i++) {
        if (str_equals(typed, str_from(sequences[i].sequence)))
            return sequence_key(e, sequences[i].key);
    }
    return LINE_NONE;
}

/* A character, once its last byte is there. What is none is dropped. */
static void text_finish(struct line_editor *e)
{
    struct str typed = {e->sequence, e->sequence_len};
    uint8_t first = (uint8_t)typed.ptr[0];
    size_t wanted = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : first >= 0xc0 ? 2 : 1;

    if (typed.len < wanted)
        return;
    e->sequence_len = 0;
    if (glyph_first(typed).is_valid)
        insert(e, typed.ptr, typed.len);
}

/* Within a paste only its end is looked for: other sequences are dropped as far as they look like
 * it. */
static void paste_escape(struct line_editor *e)
{
    static const char end[] = "\x1b[201~";
    size_t len = e->sequence_len;

    if (len == sizeof(end) - 1 && memcmp(e->sequence, end, len) == 0)
        e->is_pasting = false;
    else if (memcmp(e->sequence, end, len) == 0)
        return;
    e->sequence_len = e->sequence[len - 1] == ESCAPE ? 1 : 0;
}

/* Pasted text is text, whatever it holds. A CR is a line feed, a TAB a blank; other control
 * characters are left out. */
static void paste_finish(struct line_editor *e)
{
    char c = e->sequence[0];

    if (c == ESCAPE) {
        paste_escape(e);
        return;
    }
    if ((unsigned char)c >= 0x80) {
        text_finish(e);
        return;
    }
    e->sequence_len = 0;
    if (c == '\r' || c == '\n')
        insert(e, "\n", 1);
    else if (c == '\t')
        insert(e, " ", 1);
    else if ((unsigned char)c >= 0x20 && c != DELETE)
        insert(e, &c, 1);
}

enum line_event line_editor_feed(struct line_editor *e, char byte)
{
    char first;

    /* A key that no table knows, or a character that is cut short, gives way to the next one. */
    if (e->sequence_len == LINE_EDITOR_SEQUENCE ||
        (e->sequence_len > 0 && byte == ESCAPE && !e->is_pasting) ||
        (e->sequence_len > 0 && (uint8_t)e->sequence[0] >= 0x80 && ((uint8_t)byte & 0xc0) != 0x80))
        e->sequence_len = 0;
    e->sequence[e->sequence_len++] = byte;
    first = e->sequence[0];
    if (e->is_pasting) {
        paste_finish(e);
        return LINE_NONE;
    }
    if (first == ESCAPE)
        return escape_finish(e);
    if ((unsigned char)first >= 0x20 && first != DELETE) {
        text_finish(e);
        return LINE_NONE;
    }
    e->sequence_len = 0;
    return single_key(e, byte);
}

/* ---- what is shown ---- */

static size_t shown_width(struct str text)
{
    size_t width = 0;

    while (text.len > 0) {
        struct glyph glyph = glyph_first(text);

        width += glyph_width_of(glyph);
        text = (struct str){text.ptr + glyph.len, text.len - glyph.len};
    }
    return width;
}

/* Scrolls so that the cursor is in sight and no room is wasted on the right: by half the columns at
 * a time, so that typing does not scroll at each key. */
static void scroll_to_cursor(struct line_editor *e, size_t columns)
{
    const char *text = text_of(e);

    if (e->cursor < e->scroll || e->scroll > e->line.len || columns > e->columns ||
        shown_width((struct str){text, e->line.len}) < columns)
        e->scroll = 0;
    e->columns = columns;
    if (shown_width((struct str){text + e->scroll, e->cursor - e->scroll}) < columns)
        return;
    while (shown_width((struct str){text + e->scroll, e->cursor - e->scroll}) > columns / 2)
        e->scroll += step_right((struct str){text + e->scroll, e->cursor - e->scroll});
}

struct line_view line_editor_view(struct line_editor *e, size_t columns)
{
    struct line_view view = {.width = 0};
    struct str rest;

    scroll_to_cursor(e, columns);
    rest = (struct str){text_of(e) + e->scroll, e->line.len - e->scroll};
    view.cursor = shown_width((struct str){rest.ptr, e->cursor - e->scroll});
    view.text = (struct str){rest.ptr, 0};
    while (rest.len > 0) {
        size_t len = step_right(rest);
        size_t width = shown_width((struct str){rest.ptr, len});

        if (view.width + width > columns)
            break;
        view.width += width;
        view.text.len += len;
        rest = (struct str){rest.ptr + len, rest.len - len};
    }
    return view;
}

int line_editor_append(struct buf *out, struct str text)
{
    while (text.ptr != NULL) {
        struct str part = str_cut(&text, '\n');

        if (glyph_append_safe(out, part) < 0 ||
            (text.ptr != NULL && buf_append_str(out, NEWLINE_SHOWN) < 0))
            return -1;
    }
    return 0;
}
