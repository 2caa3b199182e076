#include "auth/key_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/util.h"

static bool key_has_control(struct str line)
{
    for (size_t i = 0; i < line.len; i++) {
        if ((unsigned char)line.ptr[i] < 0x20 || line.ptr[i] == 0x7f)
            return true;
    }
    return false;
}

static bool key_is_named_twice(const struct key_file *keys, struct str kid)
{
    for (size_t i = 0; i < keys->count; i++) {
        if (kid.len > 0 && str_equals(keys->items[i].kid, kid))
            return true;
    }
    return false;
}

static const char *key_file_add(struct key_file *keys, struct str line)
{
    struct jwt_key key = {.secret = line};
    struct str rest = line, before = str_cut(&rest, ':');

    if (rest.ptr != NULL)
        key = (struct jwt_key){before, rest};
    if (key_has_control(line))
        return "a control character (a line end of Windows, for example)";
    if (rest.ptr != NULL && (key.kid.len == 0 || memchr(rest.ptr, ':', rest.len) != NULL))
        return "a secret has no colon, and a name is not empty: SECRET or KID:SECRET";
    if (key.secret.len < JWT_SECRET_MIN)
        return "a secret is shorter than 32 bytes";
    if (key_is_named_twice(keys, key.kid))
        return "two keys have one name";
    if (keys->count == KEY_FILE_KEYS_MAX)
        return "more than 16 keys";
    keys->items[keys->count++] = key;
    return NULL;
}

const char *key_file_parse(struct key_file *keys, struct str text, unsigned *line)
{
    const char *wrong = NULL;

    keys->count = 0;
    for (*line = 0; wrong == NULL && text.ptr != NULL; ++*line) {
        struct str each = str_cut(&text, '\n');

        if (each.len > 0)
            wrong = key_file_add(keys, each);
    }
    if (wrong != NULL || keys->count > 0)
        return wrong;
    *line = 0;
    return "no key: each line is SECRET or KID:SECRET";
}

/* Reads all of the file behind `fd`. Returns 0, or -1 with errno: EFBIG where it is too long. */
static int key_file_load(struct buf *text, int fd)
{
    for (;;) {
        ssize_t n;

        if (buf_reserve(text, KEY_FILE_SIZE_MAX + 1 - text->len) < 0)
            return -1;
        n = read(fd, text->data + text->len, KEY_FILE_SIZE_MAX + 1 - text->len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? -1 : 0;
        text->len += (size_t)n;
        if (text->len > KEY_FILE_SIZE_MAX) {
            errno = EFBIG;
            return -1;
        }
    }
}

static int key_file_open(struct key_file *keys, const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    struct stat status;
    int result = -1;

    if (fd < 0)
        return -1;
    if (fstat(fd, &status) == 0) {
        keys->is_open_to_others = (status.st_mode & (S_IRWXG | S_IRWXO)) != 0;
        result = key_file_load(&keys->text, fd);
    }
    close(fd);
    return result;
}

int key_file_read(struct key_file *keys, const char *path, char *problem, size_t size)
{
    struct key_file fresh = {.count = 0};
    const char *wrong = NULL;
    unsigned line = 0;

    if (key_file_open(&fresh, path) < 0)
        wrong = strerror(errno);
    else
        wrong =
            key_file_parse(&fresh, (struct str){(char *)fresh.text.data, fresh.text.len}, &line);
    if (wrong == NULL) {
        key_file_deinit(keys);
        *keys = fresh;
        return 0;
    }
    if (line > 0)
        snprintf(problem, size, "line %u: %s", line, wrong);
    else
        snprintf(problem, size, "%s", wrong);
    key_file_deinit(&fresh);
    return -1;
}

void key_file_deinit(struct key_file *keys)
{
    if (keys->text.data != NULL)
        explicit_bzero(keys->text.data, keys->text.cap);
    buf_deinit(&keys->text);
    keys->count = 0;
}
