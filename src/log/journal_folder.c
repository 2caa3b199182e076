#include "log/journal_folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "log/segment.h"

#define LOCK_NAME "lock"
#define CLOSED_NAME "closed"
#define NEW_NAME "new" /* what is written and not yet in its place */

#define FILE_MODE 0600

/* A segment is full at 8 MiB, unless its only record is longer. */
#define FILE_MAX ((uint64_t)(SEGMENT_HEADER + SEGMENT_RECORD_MAX) + ((uint64_t)16 << 20))

int journal_folder_open(const char *path)
{
    return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

/* ---- lock ---- */

int journal_folder_lock(int folder)
{
    int fd = openat(folder, LOCK_NAME, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, FILE_MODE);

    if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) == 0)
        return fd;
    close(fd);
    errno = EWOULDBLOCK;
    return -1;
}

int journal_folder_open_lock(int folder, int mode)
{
    return openat(folder, LOCK_NAME, mode | O_CLOEXEC | O_NOFOLLOW);
}

bool journal_folder_is_locked(int folder)
{
    int fd = journal_folder_open_lock(folder, O_RDONLY);
    bool is_locked;

    if (fd < 0)
        return false;
    is_locked = flock(fd, LOCK_SH | LOCK_NB) < 0;
    close(fd);
    return is_locked;
}

/* ---- names ---- */

void journal_segment_name(char out[JOURNAL_NAME_SIZE], uint64_t number)
{
    snprintf(out, JOURNAL_NAME_SIZE, "%016" PRIx64, number);
}

static bool folder_read_name(const char *name, uint64_t *number)
{
    if (strlen(name) != JOURNAL_NAME_SIZE - 1 ||
        strspn(name, "0123456789abcdef") != JOURNAL_NAME_SIZE - 1)
        return false;
    *number = strtoull(name, NULL, 16);
    return true;
}

static int compare_numbers(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;

    return left < right ? -1 : left > right;
}

static int add_name(struct buf *numbers, const char *name)
{
    uint64_t number;

    return folder_read_name(name, &number) ? buf_append(numbers, &number, sizeof(number)) : 0;
}

/* Reads names until there are no more. Returns 0, or -1 with errno. */
static int folder_read_names(DIR *dir, struct buf *numbers)
{
    struct dirent *entry;
    int result = 0;

    errno = 0;
    while (result == 0 && (entry = readdir(dir)) != NULL)
        result = add_name(numbers, entry->d_name);
    return result < 0 || errno != 0 ? -1 : 0;
}

int journal_folder_list(int folder, struct journal_list *list)
{
    int fd = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), result, error;
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    struct buf numbers;

    *list = (struct journal_list){NULL, 0};
    if (dir == NULL) {
        if (fd >= 0)
            close(fd);
        return -1;
    }
    buf_init(&numbers);
    result = folder_read_names(dir, &numbers);
    error = errno;
    closedir(dir);
    list->numbers = (uint64_t *)(void *)numbers.data;
    list->count = numbers.len / sizeof(uint64_t);
    if (list->count > 0)
        qsort(list->numbers, list->count, sizeof(uint64_t), compare_numbers);
    errno = error;
    return result;
}

void journal_list_deinit(struct journal_list *list)
{
    free(list->numbers);
    *list = (struct journal_list){NULL, 0};
}

/* ---- reading ---- */

static int read_rest(int fd, struct buf *out, uint64_t size)
{
    while (size > 0) {
        ssize_t n = read(fd, out->data + out->len, size);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return (int)n; /* shorter than it was a moment ago */
        out->len += (size_t)n;
        size -= (uint64_t)n;
    }
    return 0;
}

static int read_file(int fd, struct buf *out)
{
    struct stat st;

    if (fstat(fd, &st) < 0)
        return -1;
    if (!S_ISREG(st.st_mode) || (uint64_t)st.st_size > FILE_MAX) {
        errno = EFBIG;
        return -1;
    }
    if (st.st_size == 0)
        return 0;
    return buf_reserve(out, (size_t)st.st_size) < 0 ? -1 : read_rest(fd, out, (uint64_t)st.st_size);
}

static int read_named(int folder, const char *name, struct buf *out)
{
    int fd = openat(folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK), result, error;

    if (fd < 0)
        return -1;
    result = read_file(fd, out);
    error = errno;
    close(fd);
    errno = error;
    return result;
}

int journal_folder_read(int folder, uint64_t number, struct buf *out)
{
    char name[JOURNAL_NAME_SIZE];

    journal_segment_name(name, number);
    return read_named(folder, name, out);
}

/* ---- writing ---- */

int journal_write_all(int fd, const uint8_t *data, size_t len, uint64_t offset)
{
    while (len > 0) {
        ssize_t n = pwrite(fd, data, len, (off_t)offset);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            errno = n == 0 ? ENOSPC : errno; /* no file system does that, and none may hang us */
            return -1;
        }
        data += n;
        len -= (size_t)n;
        offset += (uint64_t)n;
    }
    return 0;
}

/* Writes the file `new`, for good. Returns 0, or -1 with errno. */
static int write_new(int folder, const uint8_t *data, size_t len)
{
    int fd =
        openat(folder, NEW_NAME, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, FILE_MODE);
    int result, error;

    if (fd < 0)
        return -1;
    result = journal_write_all(fd, data, len, 0) < 0 || fsync(fd) < 0 ? -1 : 0;
    error = errno;
    close(fd);
    errno = error;
    return result;
}

static int put_file(int folder, const char *name, const uint8_t *data, size_t len)
{
    if (write_new(folder, data, len) < 0 || renameat(folder, NEW_NAME, folder, name) < 0 ||
        fsync(folder) < 0)
        return -1;
    return 0;
}

int journal_folder_replace(int folder, uint64_t number, const uint8_t *data, size_t len)
{
    char name[JOURNAL_NAME_SIZE];

    journal_segment_name(name, number);
    return put_file(folder, name, data, len);
}

/* ---- the end ---- */

/* `closed` is a segment of another life, so to speak: a header with the number, and one record. */
#define END_LIFE ((uint64_t)0)
#define END_SIZE (SEGMENT_HEADER + SEGMENT_HEAD)

int journal_folder_close(int folder, const struct journal_end *end)
{
    struct segment_id id = {END_LIFE, end->number};
    struct segment_record record = {.type = SEGMENT_CLOSE, .aux = end->len};
    uint8_t bytes[END_SIZE];

    segment_header_write(bytes, &id);
    segment_record_write(bytes + SEGMENT_HEADER, &id, SEGMENT_HEADER, &record);
    return put_file(folder, CLOSED_NAME, bytes, sizeof(bytes));
}

int journal_folder_reopen(int folder)
{
    if (unlinkat(folder, CLOSED_NAME, 0) < 0)
        return errno == ENOENT ? 0 : -1;
    return fsync(folder);
}

static bool parse_end(struct journal_end *end, const struct buf *file)
{
    struct segment_record record;
    struct segment_id id;
    size_t size;

    if (segment_header_read(&id, file->data, file->len) != SEGMENT_OK || file->len != END_SIZE ||
        segment_record_read(&record, &id, SEGMENT_HEADER, file->data + SEGMENT_HEADER, SEGMENT_HEAD,
                            &size) != SEGMENT_OK ||
        record.type != SEGMENT_CLOSE)
        return false;
    *end = (struct journal_end){id.number, record.aux};
    return true;
}

int journal_folder_end(int folder, struct journal_end *end)
{
    struct buf file;
    int result = 1;

    buf_init(&file);
    if (read_named(folder, CLOSED_NAME, &file) < 0)
        result = errno == ENOENT ? 0 : -1;
    else if (!parse_end(end, &file)) {
        errno = EBADMSG;
        result = -1;
    }
    buf_deinit(&file);
    return result;
}
