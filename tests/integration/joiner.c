#include "joiner.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <wchar.h>

#include "cli/glyph.h"
#include "proto/ws/handshake.h"
#include "proto/ws/reader.h"
#include "v1.h"

#define MAX_WORDS 32

/* ---- The program ---- */

extern char **environ;

static void clean_environment(const char *term)
{
    for (char **e = environ; *e != NULL;) {
        char name[256];

        snprintf(name, sizeof(name), "%.*s", (int)strcspn(*e, "="), *e);
        if (strncmp(name, "WSCHAT_", 7) == 0 || strncmp(name, "LC_", 3) == 0)
            unsetenv(name);
        else
            e++;
    }
    setenv("TERM", term, 1);
    setenv("LANG", "C.UTF-8", 1);
    setenv("TZ", "UTC", 1);
}

static void run(const char *const *args, const char *term)
{
    const char *words[MAX_WORDS] = {"wschat", "join"};

    for (size_t i = 0; args[i] != NULL; i++) {
        words[i + 2] = args[i];
        words[i + 3] = NULL;
    }
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    signal(SIGPIPE, SIG_DFL);
    /* A shell has them ignored in what runs in its background. */
    signal(SIGHUP, SIG_DFL);
    signal(SIGINT, SIG_DFL);
    signal(SIGQUIT, SIG_DFL);
    clean_environment(term);
    execv(program_path(), (char *const *)(const void *)words);
    _exit(127);
}

struct joiner joiner_start(const char *const *args)
{
    struct joiner j = {.pid = 0};
    int in[2], out[2], err[2];

    ck_assert_int_eq(pipe2(in, O_CLOEXEC), 0);
    ck_assert_int_eq(pipe2(out, O_CLOEXEC), 0);
    ck_assert_int_eq(pipe2(err, O_CLOEXEC), 0);
    fcntl(out[1], F_SETPIPE_SZ, 1 << 20);
    j.pid = fork();
    ck_assert_int_ge(j.pid, 0);
    if (j.pid == 0) {
        dup2(in[0], STDIN_FILENO);
        dup2(out[1], STDOUT_FILENO);
        dup2(err[1], STDERR_FILENO);
        run(args, "xterm");
    }
    j.program = j.pid;
    close(in[0]);
    close(out[1]);
    close(err[1]);
    j.in = in[1];
    j.out = out[0];
    j.err = err[0];
    j.terminal = -1;
    return j;
}

/* What a shell does: runs the program in a process group of its own, in front. Tells the process
 * id, and "stopped" each time. Nobody could be stopped by the terminal without such a parent. */
static void run_below(const char *const *args, const char *term, int report)
{
    pid_t pid = fork();
    int status;

    if (pid == 0) {
        setpgid(0, 0);
        signal(SIGTTOU, SIG_IGN);
        tcsetpgrp(STDIN_FILENO, getpid());
        signal(SIGTTOU, SIG_DFL);
        run(args, term);
    }
    dprintf(report, "pid %d\n", (int)pid);
    while (waitpid(pid, &status, WUNTRACED) == pid && WIFSTOPPED(status))
        dprintf(report, "stopped\n");
    _exit(WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
}

struct joiner joiner_start_on_terminal(const char *const *args, const char *term, int rows,
                                       int columns)
{
    struct joiner j = {.pid = 0};
    struct winsize size = {.ws_row = (unsigned short)rows, .ws_col = (unsigned short)columns};
    int report[2];

    ck_assert_int_eq(pipe2(report, O_CLOEXEC), 0);
    j.pid = forkpty(&j.out, NULL, NULL, &size);
    ck_assert_int_ge(j.pid, 0);
    if (j.pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        run_below(args, term, report[1]);
    }
    close(report[1]);
    j.in = j.terminal = j.out;
    j.err = report[0];
    joiner_wait_for(&j, "pid ");
    j.program = (pid_t)strtol((char *)j.err_text.data + strlen("pid "), NULL, 10);
    j.err_text.len = 0;
    return j;
}

void joiner_wait_stop(struct joiner *j)
{
    joiner_wait_for(j, "stopped\n");
    j->err_text.len = 0;
    j->err_text.data[0] = '\0';
}

void joiner_write(struct joiner *j, const char *text)
{
    size_t len = strlen(text);

    while (len > 0) {
        ssize_t n = write(j->in, text, len);

        ck_assert_int_gt(n, 0);
        text += n;
        len -= (size_t)n;
    }
}

void joiner_end_input(struct joiner *j)
{
    close(j->in);
    j->in = -1;
}

/* Appends what can be read, and a NUL that does not count. Returns false at the end. */
static bool take(int fd, struct buf *text)
{
    char bytes[4096];
    ssize_t n = read(fd, bytes, sizeof(bytes));

    ck_assert(n >= 0 || errno == EIO); /* EIO: nobody has the terminal any more */
    if (n > 0)
        ck_assert_int_eq(buf_append(text, bytes, (size_t)n), 0);
    ck_assert_int_eq(buf_append_char(text, '\0'), 0);
    text->len--;
    return n > 0;
}

static const char *text_of(const struct buf *text)
{
    return text->len > 0 ? (char *)text->data : "";
}

bool joiner_read_more(struct joiner *j)
{
    struct pollfd fds[] = {{j->out, POLLIN, 0}, {j->err, POLLIN, 0}};

    if (j->out < 0 && j->err < 0)
        return false;
    if (poll(fds, 2, deadline_ms()) <= 0)
        ck_abort_msg("wschat join hangs; stdout:\n%s\nstderr:\n%s", text_of(&j->out_text),
                     text_of(&j->err_text));
    if (fds[0].revents != 0 && !take(j->out, &j->out_text))
        j->out = -1;
    if (fds[1].revents != 0 && !take(j->err, &j->err_text))
        j->err = -1;
    return true;
}

void joiner_wait_for(struct joiner *j, const char *text)
{
    while (strstr(text_of(&j->out_text), text) == NULL &&
           strstr(text_of(&j->err_text), text) == NULL) {
        if (!joiner_read_more(j))
            ck_abort_msg("wschat join ended without \"%s\"; stdout:\n%s\nstderr:\n%s", text,
                         text_of(&j->out_text), text_of(&j->err_text));
    }
}

int joiner_wait_exit(struct joiner *j)
{
    int status;

    while (joiner_read_more(j))
        continue;
    ck_assert_int_eq(waitpid(j->pid, &status, 0), j->pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

void joiner_free(struct joiner *j)
{
    buf_deinit(&j->out_text);
    buf_deinit(&j->err_text);
}

void joiner_expect_exit(struct joiner *j, int status, const char *needle)
{
    int got = joiner_wait_exit(j);
    const char *text = text_of(&j->err_text);

    if (got != status)
        ck_abort_msg("exit status %d in place of %d; stderr:\n%s", got, status, text);
    if (needle == NULL ? *text != '\0' : strstr(text, needle) == NULL)
        ck_abort_msg("\"%s\" is wanted, and stderr says:\n%s", needle == NULL ? "" : needle, text);
    joiner_free(j);
}

void joiner_expect_success(struct joiner *j)
{
    ck_assert_int_eq(joiner_wait_exit(j), 0);
    joiner_free(j);
}

const char *joiner_url(uint16_t port, const char *path)
{
    static char url[2048];

    snprintf(url, sizeof(url), "ws://127.0.0.1:%u%s", port, path);
    return url;
}

/* ---- The screen ---- */

static void scroll_down(struct picture *p)
{
    if (p->row + 1 < p->rows) {
        p->row++;
        return;
    }
    memmove(p->cells[0], p->cells[1], sizeof(p->cells[0]) * (size_t)(p->rows - 1));
    memset(p->cells[p->rows - 1], 0, sizeof(p->cells[0]));
}

static void put(struct picture *p, uint32_t code)
{
    int width = wcwidth((wchar_t)code);

    if (width <= 0)
        return;
    if (p->column + width > p->columns) {
        p->column = 0;
        scroll_down(p);
    }
    p->cells[p->row][p->column] = code;
    if (width == 2)
        p->cells[p->row][p->column + 1] = UINT32_MAX;
    p->column += width;
}

/* Takes an escape sequence; returns its bytes. */
static size_t obey(struct picture *p, const char *text)
{
    size_t len = 2 + strspn(text + 2, "?0123456789;");
    int number = atoi(text + 2 + (text[2] == '?'));

    ck_assert_int_eq(text[1], '[');
    switch (text[len]) {
    case 'm':
        break;
    case 'C':
        /* It stops at the edge, as a terminal's does. */
        p->column = p->column + number < p->columns ? p->column + number : p->columns - 1;
        break;
    case 'H':
        p->row = p->column = 0;
        break;
    case 'J':
        for (int row = p->row; row < p->rows; row++) {
            int from = row == p->row ? p->column : 0;

            memset(&p->cells[row][from], 0, sizeof(uint32_t) * (size_t)(p->columns - from));
        }
        break;
    case 'h':
    case 'l':
        ck_assert_int_eq(number, 2004);
        p->pastes = text[len] == 'h';
        break;
    default:
        ck_abort_msg("a sequence that no test knows: ESC %.*s", (int)len, text + 1);
    }
    return len + 1;
}

static size_t draw_next(struct picture *p, const char *text, size_t len)
{
    struct glyph glyph = glyph_first((struct str){text, len});

    if (*text == '\x1b')
        return obey(p, text);
    if (*text == '\r')
        p->column = 0;
    else if (*text == '\a')
        p->bells++;
    else if (*text == '\n')
        scroll_down(p);
    else if (glyph_is_unsafe(glyph.code))
        ck_abort_msg("U+%04X reached the terminal", (unsigned)glyph.code);
    else
        put(p, glyph.code);
    return glyph.len;
}

void picture_draw(struct picture *p, const struct joiner *j, int rows, int columns)
{
    const char *text = text_of(&j->out_text);
    size_t at = 0;

    ck_assert_int_le(rows, SCREEN_ROWS);
    ck_assert_int_le(columns, SCREEN_COLUMNS);
    memset(p, 0, sizeof(*p));
    p->rows = rows;
    p->columns = columns;
    while (at < j->out_text.len)
        at += draw_next(p, text + at, j->out_text.len - at);
}

static size_t append_utf8(char *out, uint32_t code)
{
    size_t len = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;

    for (size_t i = len; i-- > 1; code >>= 6)
        out[i] = (char)(0x80 | (code & 0x3f));
    out[0] = (char)(len == 1 ? code : code | (0xf00u >> len & 0xff));
    return len;
}

const char *picture_row(const struct picture *p, int row)
{
    static char rows[4][SCREEN_COLUMNS * 4 + 1];
    static size_t turn;
    char *text = rows[turn = (turn + 1) % 4];
    size_t len = 0, end = 0;

    for (int column = 0; column < p->columns; column++) {
        uint32_t code = p->cells[row][column];

        if (code == UINT32_MAX)
            continue;
        len += append_utf8(text + len, code == 0 ? ' ' : code);
        if (code != 0 && code != ' ')
            end = len;
    }
    text[end] = '\0';
    return text;
}

/* ---- Servers of the test ---- */

struct fake fake_listen(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof(address);
    struct fake fake = {.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    int small = 16384;

    ck_assert_int_ge(fake.fd, 0);
    setsockopt(fake.fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
    ck_assert_int_eq(bind(fake.fd, (struct sockaddr *)&address, len), 0);
    ck_assert_int_eq(listen(fake.fd, 8), 0);
    ck_assert_int_eq(getsockname(fake.fd, (struct sockaddr *)&address, &len), 0);
    fake.port = ntohs(address.sin_port);
    return fake;
}

/* A field of a request, whose value has at most 63 bytes. */
static void find_field(const char *head, const char *name, char value[64])
{
    const char *at = strstr(head, name);

    ck_assert_ptr_nonnull(at);
    ck_assert_int_eq(sscanf(at + strlen(name), ": %63[^\r]", value), 1);
}

static char offered[1024];

const char *fake_offered(void)
{
    return offered;
}

struct client *fake_accept(const struct fake *fake, char *key, char *target)
{
    struct pollfd pfd = {fake->fd, POLLIN, 0};
    struct client *c = calloc(1, sizeof(*c));
    size_t len = 0;
    char *end;

    ck_assert_ptr_nonnull(c);
    if (poll(&pfd, 1, deadline_ms()) <= 0)
        ck_abort_msg("nobody connects");
    c->fd = accept4(fake->fd, NULL, NULL, SOCK_CLOEXEC);
    ck_assert_int_ge(c->fd, 0);
    do {
        ck_assert(client_fill(c, ++len));
        len = c->in.len;
        end = memmem(c->in.data, len, "\r\n\r\n", 4);
    } while (end == NULL);
    end[2] = '\0';
    if (target != NULL)
        ck_assert_int_eq(sscanf((char *)c->in.data, "GET %1023s HTTP/1.1", target), 1);
    if (key != NULL)
        find_field((char *)c->in.data, "Sec-WebSocket-Key", key);
    find_field((char *)c->in.data, "Sec-WebSocket-Protocol", offered);
    buf_consume(&c->in, (size_t)(end + 4 - (char *)c->in.data));
    return c;
}

struct client *fake_open(const struct fake *fake, char *target)
{
    char key[64], accept[WS_ACCEPT_SIZE];
    struct client *c = fake_accept(fake, key, target);

    ws_accept_key(accept, str_from(key));
    client_print(c,
                 "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                 "Connection: Upgrade\r\nSec-WebSocket-Accept: %.*s\r\n"
                 "Sec-WebSocket-Protocol: wschat.v1\r\n\r\n",
                 WS_ACCEPT_SIZE, accept);
    return c;
}

/* In one piece, so that no part of it waits for an acknowledgement by TCP. */
static void send_frame(struct client *c, enum ws_opcode opcode, const void *data, size_t len)
{
    struct ws_frame_header header = {.fin = true, .opcode = (uint8_t)opcode, .length = len};
    uint8_t head[WS_HEADER_MAX];
    struct buf frame;

    buf_init(&frame);
    buf_append(&frame, head, ws_frame_encode(head, &header));
    buf_append(&frame, data, len);
    client_send(c, frame.data, frame.len);
    buf_deinit(&frame);
}

void fake_say(struct client *c, const char *format, ...)
{
    char text[4096];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    for (char *at = text; *at != '\0'; at++)
        *at = *at == '\'' ? '"' : *at;
    send_frame(c, WS_TEXT, text, strlen(text));
}

const char *fake_key = "K-_0";

void fake_welcome_as(struct client *c, unsigned long long id, bool recovered)
{
    fake_say(c,
             "{'type':'welcome','id':%llu,'room':'tea','name':'','pos':'p0','recovered':%s,"
             "'key':'%s','count':1,'members':[{'id':%llu,'name':''}],"
             "'limits':{'message':65536}}",
             id, recovered ? "true" : "false", fake_key, id);
}

void fake_welcome(struct client *c, bool recovered)
{
    fake_welcome_as(c, 7, recovered);
}

void fake_send_close(struct client *c, unsigned code, const char *reason)
{
    char payload[WS_CONTROL_MAX] = {(char)(code >> 8), (char)code};
    size_t len = strlen(reason);

    memcpy(payload + 2, reason, len);
    send_frame(c, WS_CLOSE, payload, len + 2);
}

bool fake_read(struct client *c, struct frame *frame)
{
    struct ws_frame_header header;
    int size = 0;

    for (size_t len = 1; size == 0; len++) {
        if (!client_fill(c, len))
            return false;
        size = ws_frame_decode(&header, c->in.data, c->in.len);
    }
    ck_assert_int_gt(size, 0);
    ck_assert(header.masked && header.fin && header.rsv == 0);
    ck_assert(client_fill(c, (size_t)size + header.length));
    frame->opcode = (enum ws_opcode)header.opcode;
    frame->len = header.length;
    frame->data = calloc(1, frame->len + 1);
    ck_assert_ptr_nonnull(frame->data);
    memcpy(frame->data, c->in.data + size, frame->len);
    ws_mask(frame->data, frame->len, header.key, 0);
    buf_consume(&c->in, (size_t)size + frame->len);
    return true;
}

void fake_expect_say(struct client *c, const char *text, char *ref)
{
    struct frame frame;
    char got[V1_TEXT];

    ck_assert(fake_read(c, &frame));
    ck_assert_int_eq(frame.opcode, WS_TEXT);
    v1_string(frame.data, "text", got);
    ck_assert_str_eq(got, text);
    v1_string(frame.data, "ref", ref);
    free(frame.data);
}

void fake_expect_rename(struct client *c, const char *name)
{
    struct frame frame;
    char got[V1_TEXT];

    ck_assert(fake_read(c, &frame));
    v1_string(frame.data, "type", got);
    ck_assert_str_eq(got, "rename");
    v1_string(frame.data, "name", got);
    ck_assert_str_eq(got, name);
    free(frame.data);
}

void fake_expect_close(struct client *c)
{
    struct frame frame;

    ck_assert(fake_read(c, &frame));
    ck_assert_int_eq(frame.opcode, WS_CLOSE);
    ck_assert_uint_eq(frame.len, 2);
    ck_assert_mem_eq(frame.data, "\x03\xe8", 2);
    free(frame.data);
    fake_send_close(c, 1000, "");
}
