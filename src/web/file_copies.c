#include "web/file_copies.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/list.h"
#include "base/util.h"

#define SETTLES 2 /* seconds after its change in which a file may change unseen */

struct version {
    dev_t device;
    ino_t file;
    off_t size;
    struct timespec changed; /* its content */
    struct timespec touched; /* ... or its name, owner or time, which can be set back */
};

struct copy {
    struct list link; /* in `copies`, the one that was asked for last at the end */
    struct version version;
    bool is_fresh; /* it was read so soon after a change that another may be unseen */
    size_t responses;
    size_t len;
    char etag[ETAG_SIZE];
    char bytes[];
};

static struct list copies = {&copies, &copies}; /* all that may be given out again */
static size_t kept;                             /* how many these are */
static size_t kept_bytes, all_bytes;

static struct copy *copy_of(struct list *link)
{
    return CONTAINER_OF(link, struct copy, link);
}

size_t file_copies_bytes(void)
{
    return all_bytes;
}

static void copy_free(struct copy *copy)
{
    all_bytes -= copy->len;
    free(copy);
}

/* It is not given out any more; who has it keeps it. */
static void copy_forget(struct copy *copy)
{
    list_remove(&copy->link);
    kept--;
    kept_bytes -= copy->len;
    if (copy->responses == 0)
        copy_free(copy);
}

/* Who is sent a copy has its bytes alone. */
static void copy_release(void *bytes)
{
    struct copy *copy = CONTAINER_OF(bytes, struct copy, bytes);

    copy->responses--;
    if (copy->responses == 0 && !list_is_linked(&copy->link))
        copy_free(copy);
}

static bool same_time(struct timespec a, struct timespec b)
{
    return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

static bool same_version(const struct version *a, const struct version *b)
{
    return a->device == b->device && a->file == b->file && a->size == b->size &&
           same_time(a->changed, b->changed) && same_time(a->touched, b->touched);
}

static bool is_settled(const struct version *version, time_t now)
{
    return now > version->touched.tv_sec + SETTLES && now > version->changed.tv_sec + SETTLES;
}

/* The copy of a version, where there is one that may still be right. Older ones of the same file
 * are forgotten on the way. */
static struct copy *copy_find(const struct version *version, time_t now)
{
    struct copy *found = NULL;
    struct list *next;

    for (struct list *link = copies.next; link != &copies; link = next) {
        struct copy *copy = copy_of(link);

        next = link->next;
        if (copy->version.device != version->device || copy->version.file != version->file)
            continue;
        if (same_version(&copy->version, version) && !(copy->is_fresh && is_settled(version, now)))
            found = copy;
        else
            copy_forget(copy);
    }
    return found;
}

static ssize_t file_read_all(int fd, char *out, size_t size)
{
    size_t len = 0;
    ssize_t n = 1;

    while (len < size && n != 0) {
        n = read(fd, out + len, size - len);
        if (n < 0 && errno != EINTR)
            return -1;
        len += n > 0 ? (size_t)n : 0;
    }
    return (ssize_t)len;
}

static struct copy *copy_read(int fd, const struct version *version, time_t now)
{
    struct copy *copy = malloc(sizeof(*copy) + (size_t)version->size);
    ssize_t len = copy != NULL ? file_read_all(fd, copy->bytes, (size_t)version->size) : -1;

    if (len < 0) {
        free(copy);
        return NULL;
    }
    list_init(&copy->link);
    copy->version = *version;
    copy->is_fresh = !is_settled(version, now);
    copy->responses = 0;
    copy->len = (size_t)len;
    all_bytes += copy->len;
    etag_write(copy->etag, copy->bytes, copy->len);
    return copy;
}

/* Makes room for one more, from the one that was asked for longest ago on. Where it is on its way
 * it keeps its memory until it has arrived. */
static void copies_make_room(size_t len)
{
    while (kept > 0 && (kept == FILE_COPIES_KEPT || kept_bytes + len > FILE_COPIES_BYTES))
        copy_forget(copy_of(copies.next));
}

int file_copies_take(struct http_body *body, char etag[ETAG_SIZE], int fd, const struct stat *st,
                     time_t now)
{
    struct version version = {.device = st->st_dev,
                              .file = st->st_ino,
                              .size = st->st_size,
                              .changed = st->st_mtim,
                              .touched = st->st_ctim};
    struct copy *copy = copy_find(&version, now);

    if (copy != NULL) {
        list_remove(&copy->link);
    } else {
        copy = copy_read(fd, &version, now);
        if (copy == NULL)
            return -1;
        copies_make_room(copy->len);
        kept++;
        kept_bytes += copy->len;
    }
    list_append(&copies, &copy->link);
    copy->responses++;
    *body = (struct http_body){copy->bytes, copy->len, copy_release};
    memcpy(etag, copy->etag, ETAG_SIZE);
    return 0;
}
