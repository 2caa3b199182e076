#include "keeper/inherited.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "net/socket.h"

#define FD_MAX ((uint64_t)INT32_MAX)

void inherited_write(char out[INHERITED_TEXT_MAX], const struct inherited *inherited)
{
    int len = snprintf(out, INHERITED_TEXT_MAX, "%d,%llu", inherited->keeper,
                       (unsigned long long)inherited->interval);

    for (size_t i = 0; i < inherited->count; i++) {
        const struct inherited_listener *listener = &inherited->listeners[i];

        len += snprintf(out + len, INHERITED_TEXT_MAX - (size_t)len, ",%d%s", listener->fd,
                        listener->is_admin ? "a" : "");
    }
    if (inherited->estate >= 0)
        snprintf(out + len, INHERITED_TEXT_MAX - (size_t)len, ",%de", inherited->estate);
}

static bool read_fd(int *fd, struct str text)
{
    uint64_t value;

    if (!str_to_u64(text, FD_MAX, &value))
        return false;
    *fd = (int)value;
    return true;
}

static bool read_listener(struct inherited *inherited, struct str text)
{
    struct inherited_listener *listener = &inherited->listeners[inherited->count];

    if (inherited->count == INHERITED_LISTENERS_MAX)
        return false;
    listener->is_admin = text.len > 0 && text.ptr[text.len - 1] == 'a';
    text.len -= listener->is_admin;
    inherited->count++;
    return read_fd(&listener->fd, text);
}

/* What stands behind the interval: the listeners, and one thing more. */
static bool read_item(struct inherited *inherited, struct str text)
{
    if (inherited->estate >= 0)
        return false;
    if (text.len == 0 || text.ptr[text.len - 1] != 'e')
        return read_listener(inherited, text);
    text.len--;
    return read_fd(&inherited->estate, text);
}

bool inherited_read(struct inherited *inherited, const char *text)
{
    struct str rest = str_from(text), keeper, interval;

    memset(inherited, 0, sizeof(*inherited));
    inherited->estate = -1;
    keeper = str_cut(&rest, ',');
    interval = str_cut(&rest, ',');
    if (interval.ptr == NULL || !read_fd(&inherited->keeper, keeper) ||
        !str_to_u64(interval, UINT64_MAX, &inherited->interval))
        return false;
    while (rest.ptr != NULL) {
        if (!read_item(inherited, str_cut(&rest, ',')))
            return false;
    }
    return inherited->count > 0;
}

const char *inherited_take(struct inherited *inherited)
{
    const char *text = getenv(INHERITED_NAME);
    bool is_right;

    memset(inherited, 0, sizeof(*inherited));
    inherited->estate = -1;
    if (text == NULL)
        return NULL;
    is_right =
        inherited_read(inherited, text) && fcntl(inherited->keeper, F_SETFD, FD_CLOEXEC) == 0;
    for (size_t i = 0; is_right && i < inherited->count; i++)
        is_right = socket_adopt(inherited->listeners[i].fd) == 0;
    if (is_right && inherited->estate >= 0)
        is_right = fcntl(inherited->estate, F_SETFD, FD_CLOEXEC) == 0;
    unsetenv(INHERITED_NAME);
    return is_right ? NULL
                    : INHERITED_NAME " is for a keeper alone: take it out of the environment";
}
