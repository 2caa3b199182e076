#include "keeper/rebirth.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/str.h"
#include "keeper/worker.h"
#include "net/socket.h"

static int write_fd(char *out, size_t size, int fd)
{
    return fd < 0 ? snprintf(out, size, "-") : snprintf(out, size, "%d", fd);
}

void rebirth_write(char out[REBIRTH_TEXT_MAX], const struct rebirth *rebirth)
{
    const char *end = out + REBIRTH_TEXT_MAX;
    char inherited[INHERITED_TEXT_MAX];

    inherited_write(inherited, &rebirth->inherited);
    out += snprintf(out, (size_t)(end - out), REBIRTH_VERSION ";%ld;", (long)rebirth->worker);
    out += write_fd(out, (size_t)(end - out), rebirth->supervisor);
    for (size_t i = 0; i < rebirth->inherited.count; i++) {
        *out++ = i == 0 ? ';' : ',';
        out += write_fd(out, (size_t)(end - out), rebirth->files[i]);
    }
    snprintf(out, (size_t)(end - out), ";%s;%s", inherited, rebirth->path);
}

static bool rebirth_read_fd(int *fd, struct str text)
{
    uint64_t value;

    *fd = -1;
    if (str_equals(text, STR("-")))
        return true;
    if (!str_to_u64(text, INT32_MAX, &value))
        return false;
    *fd = (int)value;
    return true;
}

static bool read_files(struct rebirth *rebirth, struct str text)
{
    size_t count = 0;

    while (text.ptr != NULL) {
        if (count == INHERITED_LISTENERS_MAX ||
            !rebirth_read_fd(&rebirth->files[count++], str_cut(&text, ',')))
            return false;
    }
    return count == rebirth->inherited.count;
}

static bool rebirth_read_inherited(struct rebirth *rebirth, struct str text)
{
    char copy[INHERITED_TEXT_MAX];

    if (text.len >= sizeof(copy))
        return false;
    snprintf(copy, sizeof(copy), "%.*s", (int)text.len, text.ptr);
    return inherited_read(&rebirth->inherited, copy) && rebirth->inherited.estate < 0;
}

bool rebirth_read(struct rebirth *rebirth, const char *text)
{
    struct str rest = str_from(text), part[5];
    uint64_t worker;

    memset(rebirth, 0, sizeof(*rebirth));
    for (size_t i = 0; i < 5; i++) {
        part[i] = str_cut(&rest, ';');
        if (rest.ptr == NULL)
            return false;
    }
    if (!str_equals(part[0], STR(REBIRTH_VERSION)) || !str_to_u64(part[1], INT32_MAX, &worker) ||
        worker == 0 || rest.len == 0 || rest.len >= sizeof(rebirth->path))
        return false;
    rebirth->worker = (pid_t)worker;
    memcpy(rebirth->path, rest.ptr, rest.len);
    return rebirth_read_fd(&rebirth->supervisor, part[2]) &&
           rebirth_read_inherited(rebirth, part[4]) && read_files(rebirth, part[3]);
}

/* Lets all of it be inherited, or nothing. Returns 0, or -1 with errno. */
static int let_inherit_all(const struct rebirth *rebirth, int is_inherited)
{
    const struct inherited *inherited = &rebirth->inherited;
    int result = worker_let_inherit(inherited->keeper, is_inherited);

    if (rebirth->supervisor >= 0)
        result |= worker_let_inherit(rebirth->supervisor, is_inherited);
    for (size_t i = 0; i < inherited->count; i++) {
        result |= worker_let_inherit(inherited->listeners[i].fd, is_inherited);
        if (rebirth->files[i] >= 0)
            result |= worker_let_inherit(rebirth->files[i], is_inherited);
    }
    return result;
}

const char *rebirth_take(struct rebirth *rebirth)
{
    const char *text = getenv(REBIRTH_NAME);
    bool is_right;

    memset(rebirth, 0, sizeof(*rebirth));
    if (text == NULL)
        return NULL;
    is_right = rebirth_read(rebirth, text) && let_inherit_all(rebirth, 0) == 0;
    for (size_t i = 0; is_right && i < rebirth->inherited.count; i++)
        is_right = socket_adopt(rebirth->inherited.listeners[i].fd) == 0;
    unsetenv(REBIRTH_NAME);
    return is_right ? NULL : REBIRTH_NAME " is for a keeper alone: take it out of the environment";
}

void rebirth_exec(const struct rebirth *rebirth, int program, char *const *argv)
{
    static char text[REBIRTH_TEXT_MAX];
    int saved;

    rebirth_write(text, rebirth);
    if (let_inherit_all(rebirth, 1) == 0 && setenv(REBIRTH_NAME, text, 1) == 0)
        fexecve(program, argv, environ);
    saved = errno;
    unsetenv(REBIRTH_NAME);
    let_inherit_all(rebirth, 0);
    errno = saved;
}
