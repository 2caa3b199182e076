/* Standard output, and the terminal behind it: lines that scroll up, and below them, where the
 * user types, one prompt that is erased before a line comes and drawn again afterwards. */
#ifndef CLI_SCREEN_H
#define CLI_SCREEN_H

#include <stdbool.h>
#include <stddef.h>
#include <termios.h>

#include "base/buf.h"
#include "base/str.h"
#include "cli/line_editor.h"

#define SCREEN_PENDING_MAX                                                                         \
    65536 /* bytes that may wait to be written; more is not to be asked for */

#define SCREEN_SHOWN_MAX 65536 /* bytes of lines that can be written again */

struct screen {
    struct buf out; /* what was printed; the first `written` bytes are out */
    size_t written;
    bool has_failed; /* standard output takes no more */
    bool is_raw;     /* the terminal gives each key as it is typed */
    bool is_prompt_shown;
    bool is_terminal; /* standard output is one: lines are broken where it is wide */
    size_t columns, rows;
    struct buf shown; /* the last lines, as they were before they were broken */
    bool is_saved;
    struct termios saved; /* what the terminal was set to when it was first taken over */
};

void screen_init(struct screen *s);
void screen_deinit(struct screen *s);

/* Takes the terminal at standard input over, and gives it back. Idempotent. screen_raw returns 0,
 * or -1 with errno; screen_restore writes at once. */
int screen_raw(struct screen *s);

/* As screen_raw, after somebody else may have had the terminal unseen. */
int screen_raw_again(struct screen *s);
void screen_restore(struct screen *s);

/* Looks how large the terminal is. */
void screen_measure(struct screen *s);

/* The same, after it was made larger or smaller: in a narrower one the terminal has broken the
 * lines anew, and the prompt with them, so that the screen is written again. */
void screen_resize(struct screen *s);

/* Prints whole lines, which are safe, above the prompt. Returns 0, or -1 with errno ENOMEM. */
int screen_print(struct screen *s, struct str lines);

/* Rings. */
void screen_bell(struct screen *s);

/* Draws the prompt: a label, which is safe to be shown, and what is being typed. */
void screen_draw_prompt(struct screen *s, struct str label, struct line_editor *editor);

/* Bytes that wait to be written. */
size_t screen_pending(const struct screen *s);

/* Writes a part of what waits, after poll said that it can be done. */
void screen_write(struct screen *s);

#endif
