/* Runs `wschat join` for a test, with pipes or on a terminal of its own, and plays servers that no
 * real one would be. Every failure fails the running test. */
#ifndef TESTS_JOINER_H
#define TESTS_JOINER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "client.h"
#include "harness.h"

/* ---- The program ---- */

struct joiner {
    pid_t pid;     /* the process to wait for */
    pid_t program; /* the program itself; on a terminal it has a parent there, as below a shell */
    int in;        /* to its standard input; -1: closed */
    int out;       /* from its standard output; on a terminal the same as `in` */
    int err;       /* from its stderr; on a terminal -1 */
    int terminal;  /* -1: it has none; the test closes it */
    struct buf out_text, err_text; /* what came so far; NUL-terminated behind len */
};

/* Starts `wschat join` with these arguments. */
struct joiner joiner_start(const char *const *args);

/* The same on a terminal of so many rows and columns. */
struct joiner joiner_start_on_terminal(const char *const *args, const char *term, int rows,
                                       int columns);

/* Waits until a program on a terminal is stopped. */
void joiner_wait_stop(struct joiner *j);

void joiner_write(struct joiner *j, const char *text);
void joiner_end_input(struct joiner *j);

/* Waits until it writes something; false at its end. */
bool joiner_read_more(struct joiner *j);

/* Waits until its output contains the text. */
void joiner_wait_for(struct joiner *j, const char *text);

/* Reads what is still to come and waits for its end. Returns the exit status; 128 + n when signal n
 * ended it. */
int joiner_wait_exit(struct joiner *j);

/* Frees its texts. */
void joiner_free(struct joiner *j);

/* It ends with that status, and `needle` (NULL: nothing at all) is on its stderr. Frees it. */
void joiner_expect_exit(struct joiner *j, int status, const char *needle);

/* It ends with 0, whatever is on its stderr. Frees it. */
void joiner_expect_success(struct joiner *j);

/* A URL of a server on this computer, with a path and a query; valid until the next call. */
const char *joiner_url(uint16_t port, const char *path);

/* ---- The screen of a terminal ---- */

#define SCREEN_ROWS 50
#define SCREEN_COLUMNS 120

/* What a terminal shows that understands what the program writes, and nothing else: anything else
 * fails the test. */
struct picture {
    uint32_t cells[SCREEN_ROWS][SCREEN_COLUMNS];
    int rows, columns;
    int row, column;
    bool pastes; /* pasted text comes in brackets */
    int bells;
};

/* The screen after all that the program wrote. */
void picture_draw(struct picture *p, const struct joiner *j, int rows, int columns);

/* A row without the blanks at its end. Valid until the next call but three. */
const char *picture_row(const struct picture *p, int row);

/* ---- Servers of the test ---- */

struct fake {
    int fd;
    uint16_t port;
};

/* Its connections hold little that nobody reads. */
struct fake fake_listen(void);

/* Takes the next connection and reads its request. `target` (NULL: no matter) has 1024 bytes. */
struct client *fake_accept(const struct fake *fake, char *key, char *target);

/* The same, and answers 101. */
struct client *fake_open(const struct fake *fake, char *target);

/* The subprotocols that the last one offered. */
const char *fake_offered(void);

/* A text frame. ' stands for ". */
void fake_say(struct client *c, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The key of its welcomes. */
extern const char *fake_key;

/* A welcome with a limit of 65536 bytes, for id 7 or another one. */
void fake_welcome(struct client *c, bool recovered);
void fake_welcome_as(struct client *c, unsigned long long id, bool recovered);

/* A close frame. */
void fake_send_close(struct client *c, unsigned code, const char *reason);

/* Reads a masked frame. Returns false at the end of the connection. */
bool fake_read(struct client *c, struct frame *frame);

/* The next frame is a say of that text; its ref goes to `ref` (128 bytes). */
void fake_expect_say(struct client *c, const char *text, char *ref);

/* The next frame is a rename. */
void fake_expect_rename(struct client *c, const char *name);

/* The next frame is a close with 1000: answers it. */
void fake_expect_close(struct client *c);

#endif
