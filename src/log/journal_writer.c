#include "log/journal_writer.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "log/journal_folder.h"
#include "log/segment.h"

#define SYNC_PATIENCE_MS 50 /* a sync that takes longer may keep a write waiting, too */
#define STACK_SIZE ((size_t)128 << 10)
#define JOB_KEEP ((size_t)1 << 20) /* bytes of memory that an empty job may hold on to */

/* ---- jobs ---- */

void journal_job_init(struct journal_job *job)
{
    *job = (struct journal_job){.parts = NULL};
}

void journal_job_deinit(struct journal_job *job)
{
    buf_deinit(&job->bytes);
    free(job->parts);
    journal_job_init(job);
}

void journal_job_clear(struct journal_job *job)
{
    if (job->bytes.cap > JOB_KEEP)
        buf_deinit(&job->bytes);
    job->bytes.len = 0;
    job->part_count = 0;
    job->remove = 0;
    job->must_sync = false;
}

int journal_job_part(struct journal_job *job, const struct journal_part *part)
{
    if (job->part_count == job->part_size) {
        size_t size = job->part_size == 0 ? 4 : job->part_size * 2;
        struct journal_part *parts = realloc(job->parts, size * sizeof(*parts));

        if (parts == NULL)
            return -1;
        job->parts = parts;
        job->part_size = size;
    }
    job->parts[job->part_count++] = *part;
    return 0;
}

/* ---- time ---- */

static uint64_t clock_ns(clockid_t clock)
{
    struct timespec now;

    clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static uint64_t now_ms(void)
{
    return clock_ns(CLOCK_MONOTONIC) / 1000000;
}

/* ---- the thread's work ---- */

/* Returns -1, for its callers to return. */
static int writer_fail(struct journal_writer *w, const char *call, bool is_lost)
{
    if (w->outcome.error == 0 || is_lost) {
        w->outcome.error = errno;
        w->outcome.call = call;
    }
    w->outcome.is_lost |= is_lost;
    pthread_mutex_lock(&w->lock);
    w->counters.failures++;
    pthread_mutex_unlock(&w->lock);
    return -1;
}

static void count_sync(struct journal_writer *w, uint64_t ns)
{
    size_t bucket = 0;

    while (bucket + 1 < JOURNAL_SYNC_BUCKETS && ns > (uint64_t)64000 << bucket)
        bucket++;
    pthread_mutex_lock(&w->lock);
    w->counters.syncs++;
    w->counters.sync_ns += ns;
    w->counters.sync_buckets[bucket]++;
    pthread_mutex_unlock(&w->lock);
}

/* Whether a failed sync lost what it was to save cannot be found out: a second one says that all is
 * well, because the kernel has marked the pages as clean. So all is lost with the first. */
static int writer_sync(struct journal_writer *w)
{
    uint64_t began = clock_ns(CLOCK_MONOTONIC);

    if (!w->is_dirty)
        return 0;
    if (fdatasync(w->fd) < 0)
        return writer_fail(w, "fdatasync", true);
    w->is_dirty = false;
    w->outcome.synced_segment = w->segment;
    w->outcome.synced_offset = w->offset;
    count_sync(w, clock_ns(CLOCK_MONOTONIC) - began);
    return 0;
}

/* The lock is held. */
static void sleep_until_changed(struct journal_writer *w)
{
    w->is_asleep = true;
    pthread_cond_wait(&w->changed, &w->lock);
    w->is_asleep = false;
}

/* The same between two jobs, while the giver may write to the segment (journal_writer_try). What is
 * written in the meantime may be on the disk or not. The lock is held, and let go for the sync. */
static void sync_between(struct journal_writer *w)
{
    uint64_t began = clock_ns(CLOCK_MONOTONIC), segment = w->segment, offset = w->offset;
    int error;

    w->is_dirty = false;
    w->syncing_since = now_ms();
    pthread_mutex_unlock(&w->lock);
    error = fdatasync(w->fd) < 0 ? errno : 0;
    if (error == 0)
        count_sync(w, clock_ns(CLOCK_MONOTONIC) - began);
    pthread_mutex_lock(&w->lock);
    w->syncing_since = 0;
    while (w->is_lent)
        sleep_until_changed(w);
    if (error != 0) {
        w->outcome.error = error;
        w->outcome.call = "fdatasync";
        w->outcome.is_lost = true;
        w->counters.failures++;
    } else {
        w->outcome.synced_segment = segment;
        w->outcome.synced_offset = offset;
    }
}

static void note_dirty(struct journal_writer *w, size_t len)
{
    if (!w->is_dirty)
        w->dirty_since = now_ms();
    w->is_dirty = true;
    pthread_mutex_lock(&w->lock);
    w->counters.bytes += len;
    pthread_mutex_unlock(&w->lock);
}

/* Takes back what a failed write left, for good: it was refused and must not come back. */
static int writer_truncate(struct journal_writer *w, int fd, uint64_t offset)
{
    int error = errno;

    if (ftruncate(fd, (off_t)offset) < 0)
        return writer_fail(w, "ftruncate", true);
    if (fdatasync(fd) < 0)
        return writer_fail(w, "fdatasync", true);
    errno = error;
    return 0;
}

/* A file that somebody removed takes what is written, and nobody will find it again. */
static int check_linked(int fd)
{
    struct stat st;

    if (fstat(fd, &st) < 0)
        return -1;
    errno = ENOENT;
    return st.st_nlink > 0 ? 0 : -1;
}

static int append_bytes(struct journal_writer *w, const struct journal_part *part,
                        const uint8_t *data)
{
    if (journal_write_all(w->fd, data, part->len, part->offset) < 0 || check_linked(w->fd) < 0) {
        writer_fail(w, "write", false);
        writer_truncate(w, w->fd, part->offset);
        return -1;
    }
    note_dirty(w, part->len);
    w->offset = part->offset + part->len;
    return 0;
}

/* The space is asked for at once, so that a full disk is found between two segments rather than
 * within one; the file does not get longer. Not every file system can do that. */
static int reserve_space(const struct journal_writer *w, int fd)
{
    if (fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, (off_t)w->segment_size) == 0)
        return 0;
    return errno == ENOSPC || errno == EDQUOT ? -1 : 0;
}

/* The header is on the disk, and the name of the file, before anything is written behind it. */
static int fill_new(struct journal_writer *w, int fd, const uint8_t *header)
{
    if (reserve_space(w, fd) < 0 || journal_write_all(fd, header, SEGMENT_HEADER, 0) < 0)
        return writer_fail(w, "write", false);
    if (fdatasync(fd) < 0 || fsync(w->folder) < 0)
        return writer_fail(w, "fsync", true);
    return 0;
}

/* The last segment is on the disk before the next begins. */
static int writer_begin_segment(struct journal_writer *w, const struct journal_part *part,
                                const uint8_t *data)
{
    char name[JOURNAL_NAME_SIZE];
    int fd;

    if (w->segment == part->segment)
        return 0;
    if (writer_sync(w) < 0)
        return -1;
    journal_segment_name(name, part->segment);
    fd = openat(w->folder, name,
                O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW |
                    (w->unfilled == part->segment ? O_TRUNC : O_EXCL),
                0600);
    if (fd < 0)
        return writer_fail(w, "open", false);
    if (fill_new(w, fd, data) < 0) {
        close(fd);
        w->unfilled = unlinkat(w->folder, name, 0) < 0 ? part->segment : 0;
        return -1;
    }
    w->unfilled = 0;
    if (w->fd >= 0)
        close(w->fd);
    w->fd = fd;
    w->segment = part->segment;
    w->offset = SEGMENT_HEADER;
    return 0;
}

static int write_part(struct journal_writer *w, const struct journal_part *part,
                      const uint8_t *data)
{
    struct journal_part rest = *part;

    if (!part->is_new)
        return append_bytes(w, part, data);
    if (writer_begin_segment(w, part, data) < 0)
        return -1;
    rest.offset += SEGMENT_HEADER;
    rest.len -= SEGMENT_HEADER;
    return rest.len == 0 ? 0 : append_bytes(w, &rest, data + SEGMENT_HEADER);
}

/* A segment is removed for good before the next one is: no gap may be left. */
static int remove_segment(struct journal_writer *w, uint64_t number)
{
    char name[JOURNAL_NAME_SIZE];

    if (writer_sync(w) < 0)
        return -1;
    journal_segment_name(name, number);
    if (unlinkat(w->folder, name, 0) < 0 && errno != ENOENT)
        return writer_fail(w, "unlink", false);
    return fsync(w->folder) < 0 ? writer_fail(w, "fsync", true) : 0;
}

static void perform(struct journal_writer *w, const struct journal_job *job)
{
    const uint8_t *data = job->bytes.data;

    w->outcome.parts = 0;
    if (w->outcome.is_lost)
        return;
    w->outcome.error = 0;
    while (w->outcome.parts < job->part_count) {
        const struct journal_part *part = &job->parts[w->outcome.parts];

        if (write_part(w, part, data) < 0)
            break;
        data += part->len;
        w->outcome.parts++;
    }
    if (w->outcome.is_lost)
        return;
    if ((w->sync == JOURNAL_SYNC_ALWAYS || job->must_sync) && writer_sync(w) < 0)
        return;
    if (job->remove != 0 && w->outcome.parts == job->part_count)
        remove_segment(w, job->remove);
}

/* ---- the thread ---- */

static void writer_tell(struct journal_writer *w)
{
    uint64_t one = 1;

    /* The counter of an eventfd does not get full of ones, so this does not fail. */
    if (write(w->event, &one, sizeof(one)) < 0)
        abort();
}

/* Waits for a job or the end; in between, what is due is synced. The lock is held. */
static void await_job(struct journal_writer *w)
{
    while (w->job == NULL || w->is_done) {
        uint64_t due = w->is_lent ? 0 : w->dirty_since + w->interval_ms;
        struct timespec until = {(time_t)(due / 1000), (long)(due % 1000) * 1000000};

        if (w->must_end)
            return;
        if (w->is_lent || w->is_paused || w->sync != JOURNAL_SYNC_INTERVAL || !w->is_dirty ||
            w->outcome.is_lost) {
            sleep_until_changed(w);
        } else if (now_ms() < due) {
            pthread_cond_timedwait(&w->changed, &w->lock, &until);
        } else {
            sync_between(w);
            w->result.synced_segment = w->outcome.synced_segment;
            w->result.synced_offset = w->outcome.synced_offset;
            if (w->outcome.is_lost) {
                w->result = w->outcome;
                writer_tell(w);
            }
        }
    }
}

static void *writer_run(void *owner)
{
    struct journal_writer *w = owner;

    pthread_mutex_lock(&w->lock);
    w->is_running = true;
    pthread_cond_broadcast(&w->changed);
    for (;;) {
        await_job(w);
        if (w->must_end)
            break;
        pthread_mutex_unlock(&w->lock);
        perform(w, w->job);
        pthread_mutex_lock(&w->lock);
        w->result = w->outcome;
        w->is_done = true;
        pthread_cond_broadcast(&w->changed);
        writer_tell(w);
    }
    pthread_mutex_unlock(&w->lock);
    return NULL;
}

/* Signals are the other thread's. */
static int start_thread(struct journal_writer *w)
{
    pthread_attr_t attributes;
    sigset_t all, before;
    int error;

    sigfillset(&all);
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, STACK_SIZE);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    error = pthread_create(&w->thread, &attributes, writer_run, w);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
    errno = error;
    return error == 0 ? 0 : -1;
}

int journal_writer_start(struct journal_writer *w, int folder, enum journal_sync sync,
                         uint64_t segment_size, uint64_t interval_ms)
{
    pthread_condattr_t attributes;

    *w = (struct journal_writer){.folder = folder,
                                 .fd = -1,
                                 .sync = sync,
                                 .segment_size = segment_size,
                                 .interval_ms = interval_ms};
    w->event = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (w->event < 0)
        return -1;
    pthread_mutex_init(&w->lock, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&w->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    if (start_thread(w) < 0) {
        close(w->event);
        return -1;
    }
    pthread_mutex_lock(&w->lock);
    while (!w->is_running)
        pthread_cond_wait(&w->changed, &w->lock);
    pthread_mutex_unlock(&w->lock);
    return 0;
}

/* ---- the other thread ---- */

void journal_writer_submit(struct journal_writer *w, struct journal_job *job)
{
    pthread_mutex_lock(&w->lock);
    w->job = job;
    w->is_done = false;
    pthread_cond_broadcast(&w->changed);
    pthread_mutex_unlock(&w->lock);
}

/* Does the job need bytes written and no more, to the segment that is there? The lock is held, and
 * what is the thread's own may be looked at while it does nothing. */
static bool is_copy(const struct journal_writer *w, const struct journal_job *job)
{
    if (w->outcome.error != 0 || w->outcome.is_lost || w->sync == JOURNAL_SYNC_ALWAYS ||
        job->must_sync || job->remove != 0)
        return false;
    if (w->syncing_since != 0 && now_ms() - w->syncing_since > SYNC_PATIENCE_MS)
        return false;
    for (size_t i = 0; i < job->part_count; i++) {
        if (job->parts[i].is_new || job->parts[i].segment != w->segment)
            return false;
    }
    return true;
}

/* Such a job; what is the thread's own is lent. */
static void copy_parts(struct journal_writer *w, const struct journal_job *job)
{
    const uint8_t *data = job->bytes.data;

    for (w->outcome.parts = 0; w->outcome.parts < job->part_count; w->outcome.parts++) {
        const struct journal_part *part = &job->parts[w->outcome.parts];

        if (append_bytes(w, part, data) < 0)
            return;
        data += part->len;
    }
}

bool journal_writer_try(struct journal_writer *w, const struct journal_job *job,
                        struct journal_result *result)
{
    pthread_mutex_lock(&w->lock);
    w->is_lent = is_copy(w, job);
    if (!w->is_lent) {
        pthread_mutex_unlock(&w->lock);
        return false;
    }
    pthread_mutex_unlock(&w->lock);
    copy_parts(w, job);
    pthread_mutex_lock(&w->lock);
    w->is_lent = false;
    w->result = w->outcome;
    *result = w->outcome;
    if (w->sync == JOURNAL_SYNC_INTERVAL && w->is_asleep)
        pthread_cond_broadcast(&w->changed); /* a sync will be due, or was done */
    pthread_mutex_unlock(&w->lock);
    return true;
}

/* The lock is held. */
static void take_result(struct journal_writer *w, struct journal_result *result)
{
    *result = w->result;
    w->job = NULL;
    w->is_done = false;
}

bool journal_writer_take(struct journal_writer *w, struct journal_result *result)
{
    uint64_t count;
    bool is_there;

    pthread_mutex_lock(&w->lock);
    is_there = w->is_done || (w->job == NULL && w->result.is_lost);
    if (is_there) {
        take_result(w, result);
        while (read(w->event, &count, sizeof(count)) < 0 && errno == EINTR)
            continue;
    }
    pthread_mutex_unlock(&w->lock);
    return is_there;
}

void journal_writer_wait(struct journal_writer *w, struct journal_result *result)
{
    pthread_mutex_lock(&w->lock);
    while (!w->is_done)
        pthread_cond_wait(&w->changed, &w->lock);
    take_result(w, result);
    pthread_mutex_unlock(&w->lock);
}

void journal_writer_counters(struct journal_writer *w, struct journal_writer_counters *out)
{
    pthread_mutex_lock(&w->lock);
    *out = w->counters;
    pthread_mutex_unlock(&w->lock);
}

bool journal_writer_pause(struct journal_writer *w)
{
    pthread_mutex_lock(&w->lock);
    w->is_paused = w->job == NULL && w->syncing_since == 0 && !w->result.is_lost;
    pthread_mutex_unlock(&w->lock);
    return w->is_paused;
}

void journal_writer_go_on(struct journal_writer *w)
{
    pthread_mutex_lock(&w->lock);
    w->is_paused = false;
    pthread_cond_broadcast(&w->changed);
    pthread_mutex_unlock(&w->lock);
}

void journal_writer_tell(struct journal_writer *w, struct journal_standing *standing)
{
    pthread_mutex_lock(&w->lock);
    *standing = (struct journal_standing){
        .segment = w->segment,
        .offset = w->offset,
        .synced_segment = w->outcome.synced_segment,
        .synced_offset = w->outcome.synced_offset,
        .counters = w->counters,
    };
    pthread_mutex_unlock(&w->lock);
}

void journal_writer_take_over(struct journal_writer *w, int fd,
                              const struct journal_standing *standing)
{
    pthread_mutex_lock(&w->lock);
    w->fd = fd;
    w->segment = standing->segment;
    w->offset = standing->offset;
    w->outcome.synced_segment = standing->synced_segment;
    w->outcome.synced_offset = standing->synced_offset;
    w->result = w->outcome;
    w->counters = standing->counters;
    w->is_dirty = fd >= 0 && (standing->synced_segment != standing->segment ||
                              standing->synced_offset != standing->offset);
    w->dirty_since = now_ms();
    pthread_cond_broadcast(&w->changed);
    pthread_mutex_unlock(&w->lock);
}

void journal_writer_stop(struct journal_writer *w)
{
    pthread_mutex_lock(&w->lock);
    w->must_end = true;
    pthread_cond_broadcast(&w->changed);
    pthread_mutex_unlock(&w->lock);
    pthread_join(w->thread, NULL);
    if (w->fd >= 0)
        close(w->fd);
    close(w->event);
    pthread_cond_destroy(&w->changed);
    pthread_mutex_destroy(&w->lock);
}
