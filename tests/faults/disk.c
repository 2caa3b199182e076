#include "disk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define SECTOR 512
#define FILES 256
#define NAMES 64
#define NAME_SIZE 32

/* A write, or with data NULL a cut to `end` bytes. */
struct change {
    uint8_t *data; /* owned */
    uint64_t begin, end;
};

struct disk_file {
    ino_t inode;   /* 0: nobody can reach it any more */
    uint8_t *data; /* what is on the disk for sure, owned */
    uint64_t size;
    struct change *changes; /* since then, owned */
    size_t change_count;
    bool is_spoilt; /* a sync failed: what was to be synced never is */
};

struct disk_name {
    char name[NAME_SIZE];
    struct disk_file *file;
};

enum name_verb { NAME_MADE, NAME_REMOVED, NAME_MOVED };

struct name_change {
    enum name_verb verb;
    char name[NAME_SIZE], to[NAME_SIZE];
    struct disk_file *file;
};

static struct {
    pthread_mutex_t lock;
    char folder[256]; /* empty: no test has begun */
    ino_t inode;
    struct disk_file files[FILES];
    size_t file_count;
    struct disk_name names[NAMES]; /* on the disk for sure */
    size_t name_count;
    struct name_change changes[NAMES];
    size_t change_count;

    struct disk_plan plan;
    bool is_armed, has_struck, is_dead;
    long calls;
    uint32_t random;
} disk = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void require(bool is_so)
{
    if (!is_so)
        abort();
}

/* ---- plans ---- */

enum verdict { PASS, FAIL, HALF, HALF_AND_FAIL };

static enum verdict strike(void)
{
    disk.has_struck = true;
    disk.is_dead = disk.plan.fault == DISK_DEATH;
    errno = disk.plan.error;
    switch (disk.plan.fault) {
    case DISK_FAIL:
        return FAIL;
    case DISK_SHORT:
        return HALF;
    default:
        return HALF_AND_FAIL;
    }
}

/* The lock is held. */
static enum verdict judge(void)
{
    if (disk.is_dead) {
        errno = EIO;
        return FAIL;
    }
    if (!disk.is_armed)
        return PASS;
    disk.calls++;
    if (disk.plan.death > 0 && disk.calls >= disk.plan.nth + disk.plan.death) {
        disk.is_dead = true;
        errno = EIO;
        return FAIL;
    }
    if (disk.calls < disk.plan.nth || disk.calls >= disk.plan.nth + disk.plan.count)
        return PASS;
    return strike();
}

/* Most calls cannot be done by halves. The lock is held. */
static bool is_to_fail(void)
{
    enum verdict verdict = judge();

    return verdict == FAIL || verdict == HALF_AND_FAIL;
}

static bool fails(void)
{
    bool is_so;

    if (disk.folder[0] == '\0')
        return false;
    pthread_mutex_lock(&disk.lock);
    is_so = is_to_fail();
    pthread_mutex_unlock(&disk.lock);
    return is_so;
}

/* ---- a whole program ---- */

static struct {
    pthread_mutex_t lock;
    char call[NAME_SIZE]; /* empty: none fails */
    int error;
    long first, last, calls;
} rule = {.lock = PTHREAD_MUTEX_INITIALIZER};

void disk_fail_calls(const char *call, int error, long first, long last)
{
    snprintf(rule.call, sizeof(rule.call), "%s", call);
    rule.error = error;
    rule.first = first;
    rule.last = last;
}

static bool is_ruled_out(const char *call)
{
    bool is_so;

    if (strcmp(rule.call, call) != 0)
        return false;
    pthread_mutex_lock(&rule.lock);
    rule.calls++;
    is_so = rule.calls >= rule.first && rule.calls <= rule.last;
    pthread_mutex_unlock(&rule.lock);
    errno = rule.error;
    return is_so;
}

/* ---- the plan of a test ---- */

void disk_arm(const struct disk_plan *plan)
{
    disk.plan = *plan;
    disk.is_armed = true;
    disk.has_struck = false;
    disk.calls = 0;
}

void disk_disarm(void)
{
    disk.is_armed = false;
    disk.is_dead = false;
}

bool disk_has_struck(void)
{
    return disk.has_struck;
}

bool disk_is_dead(void)
{
    bool is_dead;

    pthread_mutex_lock(&disk.lock);
    is_dead = disk.is_dead;
    pthread_mutex_unlock(&disk.lock);
    return is_dead;
}

/* ---- what is remembered ---- */

static struct disk_file *find_file(ino_t inode)
{
    for (size_t i = 0; i < disk.file_count; i++) {
        if (disk.files[i].inode == inode)
            return &disk.files[i];
    }
    return NULL;
}

static struct disk_file *file_of(int fd)
{
    struct stat st;

    return fstat(fd, &st) < 0 ? NULL : find_file(st.st_ino);
}

/* Does a name lead to it, or did one that may still be on the disk? */
static bool is_named(const struct disk_file *file)
{
    for (size_t i = 0; i < disk.name_count; i++) {
        if (disk.names[i].file == file)
            return true;
    }
    for (size_t i = 0; i < disk.change_count; i++) {
        if (disk.changes[i].file == file)
            return true;
    }
    return false;
}

static void drop_file(struct disk_file *file)
{
    for (size_t i = 0; i < file->change_count; i++)
        free(file->changes[i].data);
    free(file->changes);
    free(file->data);
}

/* A place for one more file: a new one, or that of one which is gone for good. */
static struct disk_file *take_place(void)
{
    if (disk.file_count < FILES)
        return &disk.files[disk.file_count++];
    for (size_t i = 0; i < FILES; i++) {
        if (!is_named(&disk.files[i])) {
            drop_file(&disk.files[i]);
            return &disk.files[i];
        }
    }
    abort();
}

/* The number of a file that is gone may be given again. */
static struct disk_file *add_file(int fd)
{
    struct disk_file *file = file_of(fd);
    struct stat st;

    if (file != NULL)
        file->inode = 0;
    require(fstat(fd, &st) == 0);
    file = take_place();
    *file = (struct disk_file){.inode = st.st_ino};
    return file;
}

static void add_change(struct disk_file *file, const void *data, uint64_t begin, uint64_t end)
{
    struct change *change;

    if (file == NULL)
        return;
    file->changes = realloc(file->changes, (file->change_count + 1) * sizeof(*file->changes));
    require(file->changes != NULL);
    change = &file->changes[file->change_count++];
    *change = (struct change){.begin = begin, .end = end};
    if (data == NULL)
        return;
    change->data = malloc((size_t)(end - begin) + 1);
    require(change->data != NULL);
    memcpy(change->data, data, (size_t)(end - begin));
}

static void add_name_change(enum name_verb verb, const char *name, const char *to,
                            struct disk_file *file)
{
    struct name_change *change = &disk.changes[disk.change_count++];

    require(disk.change_count < NAMES);
    *change = (struct name_change){.verb = verb, .file = file};
    snprintf(change->name, NAME_SIZE, "%s", name);
    snprintf(change->to, NAME_SIZE, "%s", to);
}

static uint64_t size_after(const struct disk_file *file, size_t changes)
{
    uint64_t size = file->size;

    for (size_t i = 0; i < changes; i++) {
        const struct change *change = &file->changes[i];

        if (change->data == NULL || change->end > size)
            size = change->end;
    }
    return size;
}

/* Applies a change to the bytes from `from` to `to`, which `out` holds. */
static void apply(const struct change *change, uint8_t *out, uint64_t from, uint64_t to)
{
    uint64_t begin = change->begin > from ? change->begin : from;
    uint64_t end = change->data != NULL && change->end < to ? change->end : to;

    if (change->data == NULL)
        begin = change->end > from ? change->end : from;
    if (begin >= end)
        return;
    if (change->data == NULL)
        memset(out + (begin - from), 0, (size_t)(end - begin));
    else
        memcpy(out + (begin - from), change->data + (begin - change->begin), (size_t)(end - begin));
}

static uint64_t size_most(const struct disk_file *file)
{
    uint64_t most = file->size;

    for (size_t i = 0; i < file->change_count; i++)
        most = file->changes[i].end > most ? file->changes[i].end : most;
    return most;
}

/* What is there with the first `changes` of each sector, as `choose` says. */
static void settle_file(struct disk_file *file, size_t (*choose)(size_t count))
{
    uint64_t most = (size_most(file) + SECTOR - 1) / SECTOR * SECTOR;
    uint8_t *data = calloc(1, (size_t)most + 1);

    require(data != NULL);
    if (file->size > 0)
        memcpy(data, file->data, (size_t)file->size);
    for (uint64_t at = 0; at < most; at += SECTOR) {
        size_t kept = choose(file->change_count);

        for (size_t i = 0; i < kept; i++)
            apply(&file->changes[i], data + at, at, at + SECTOR);
    }
    file->size = size_after(file, choose(file->change_count));
    free(file->data);
    file->data = data;
    for (size_t i = 0; i < file->change_count; i++)
        free(file->changes[i].data);
    file->change_count = 0;
}

static size_t choose_all(size_t count)
{
    return count;
}

static void sync_file(struct disk_file *file)
{
    if (file != NULL && !file->is_spoilt)
        settle_file(file, choose_all);
}

/* ---- names ---- */

static struct disk_name *find_name(const char *name)
{
    for (size_t i = 0; i < disk.name_count; i++) {
        if (strcmp(disk.names[i].name, name) == 0)
            return &disk.names[i];
    }
    return NULL;
}

static void drop_name(const char *name)
{
    struct disk_name *found = find_name(name);

    if (found != NULL)
        *found = disk.names[--disk.name_count];
}

static void set_name(const char *name, struct disk_file *file)
{
    struct disk_name *found;

    drop_name(name);
    found = &disk.names[disk.name_count++];
    require(disk.name_count < NAMES);
    snprintf(found->name, NAME_SIZE, "%s", name);
    found->file = file;
}

static void apply_name(const struct name_change *change)
{
    switch (change->verb) {
    case NAME_MADE:
        set_name(change->name, change->file);
        return;
    case NAME_REMOVED:
        drop_name(change->name);
        return;
    case NAME_MOVED:
        drop_name(change->name);
        set_name(change->to, change->file);
        return;
    }
}

static void sync_names(void)
{
    for (size_t i = 0; i < disk.change_count; i++)
        apply_name(&disk.changes[i]);
    disk.change_count = 0;
}

static struct disk_file *file_named(const char *name)
{
    int fd = openat(AT_FDCWD, name, O_RDONLY | O_CLOEXEC);
    struct disk_file *file = fd < 0 ? NULL : file_of(fd);

    if (fd >= 0)
        close(fd);
    return file;
}

static struct disk_file *file_at(const char *name)
{
    char path[512];

    snprintf(path, sizeof(path), "%s/%s", disk.folder, name);
    return file_named(path);
}

/* ---- the power ---- */

static uint32_t next_random(void)
{
    disk.random ^= disk.random << 13;
    disk.random ^= disk.random >> 17;
    disk.random ^= disk.random << 5;
    return disk.random;
}

/* All and nothing are as likely as all that is between. */
static size_t choose_some(size_t count)
{
    uint32_t random = next_random();

    if (random % 4 < 2)
        return random % 4 == 0 ? 0 : count;
    return (random >> 8) % (count + 1);
}

/* Any of the changes of names, or the first ones, as a file system with a journal of its own does
 * it. */
static void choose_names(void)
{
    bool is_ordered = next_random() % 2 == 0;
    size_t kept = choose_some(disk.change_count);

    for (size_t i = 0; i < disk.change_count; i++) {
        if (is_ordered ? i < kept : next_random() % 2 == 0)
            apply_name(&disk.changes[i]);
    }
    disk.change_count = 0;
}

static void remove_files(void)
{
    DIR *dir = opendir(disk.folder);
    struct dirent *entry;

    require(dir != NULL);
    while ((entry = readdir(dir)) != NULL) {
        if (entry->d_name[0] != '.')
            require(unlinkat(dirfd(dir), entry->d_name, 0) == 0);
    }
    closedir(dir);
}

static void make_file(struct disk_name *name)
{
    char path[512];
    struct stat st;
    int fd;

    snprintf(path, sizeof(path), "%s/%s", disk.folder, name->name);
    fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    require(fd >= 0);
    if (name->file->size > 0)
        require(write(fd, name->file->data, (size_t)name->file->size) == (ssize_t)name->file->size);
    require(fstat(fd, &st) == 0);
    name->file->inode = st.st_ino;
    close(fd);
}

void disk_cut_power(uint32_t seed)
{
    disk.random = seed * 2654435761u + 1;
    choose_names();
    for (size_t i = 0; i < disk.file_count; i++) {
        settle_file(&disk.files[i], choose_some);
        disk.files[i].is_spoilt = false;
        disk.files[i].inode = 0;
    }
    remove_files();
    for (size_t i = 0; i < disk.name_count; i++)
        make_file(&disk.names[i]);
}

/* ---- beginning and end ---- */

void disk_begin(const char *folder)
{
    struct stat st;

    require(stat(folder, &st) == 0 && strlen(folder) < sizeof(disk.folder));
    snprintf(disk.folder, sizeof(disk.folder), "%s", folder);
    disk.inode = st.st_ino;
    disk.has_struck = false;
    disk_disarm();
}

void disk_end(void)
{
    for (size_t i = 0; i < disk.file_count; i++)
        drop_file(&disk.files[i]);
    disk.file_count = disk.name_count = disk.change_count = 0;
    disk.folder[0] = '\0';
    disk_disarm();
}

/* ---- where the calls of the program end up ---- */

int __wrap_open(const char *path, int flags, ...);
int __wrap_openat(int at, const char *name, int flags, ...);
int __wrap_mkdir(const char *path, mode_t mode);
int __wrap_flock(int fd, int action);
int __wrap_fstat(int fd, struct stat *st);
int __wrap_fstatat(int at, const char *name, struct stat *st, int flags);
int __wrap_faccessat(int at, const char *name, int mode, int flags);
ssize_t __wrap_pread(int fd, void *data, size_t len, off_t offset);
ssize_t __wrap_pwrite(int fd, const void *data, size_t len, off_t offset);
int __wrap_ftruncate(int fd, off_t size);
int __wrap_fallocate(int fd, int mode, off_t offset, off_t len);
int __wrap_fsync(int fd);
int __wrap_fdatasync(int fd);
int __wrap_renameat(int from_at, const char *from, int to_at, const char *to);
int __wrap_unlinkat(int at, const char *name, int flags);
ssize_t __wrap___pread_chk(int fd, void *data, size_t len, off_t offset, size_t size);

static mode_t mode_of(int flags, va_list arguments)
{
    return (flags & O_CREAT) != 0 ? (mode_t)va_arg(arguments, unsigned) : 0;
}

int __wrap_open(const char *path, int flags, ...)
{
    va_list arguments;
    mode_t mode;

    va_start(arguments, flags);
    mode = mode_of(flags, arguments);
    va_end(arguments);
    return fails() ? -1 : open(path, flags, mode);
}

/* Opens, and remembers a file that was made or emptied. The lock is held. */
static int open_in_folder(int at, const char *name, int flags, mode_t mode)
{
    bool was_there = faccessat(at, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
    int fd = openat(at, name, flags, mode);

    if (fd < 0 || (flags & O_CREAT) == 0)
        return fd;
    if (!was_there)
        add_name_change(NAME_MADE, name, "", add_file(fd));
    else if ((flags & O_TRUNC) != 0)
        add_change(file_of(fd), NULL, 0, 0);
    return fd;
}

int __wrap_openat(int at, const char *name, int flags, ...)
{
    va_list arguments;
    mode_t mode;
    int fd = -1;

    va_start(arguments, flags);
    mode = mode_of(flags, arguments);
    va_end(arguments);
    if (is_ruled_out("openat"))
        return -1;
    if (disk.folder[0] == '\0')
        return openat(at, name, flags, mode);
    pthread_mutex_lock(&disk.lock);
    if (!is_to_fail())
        fd = open_in_folder(at, name, flags, mode);
    pthread_mutex_unlock(&disk.lock);
    return fd;
}

int __wrap_mkdir(const char *path, mode_t mode)
{
    return is_ruled_out("mkdir") || fails() ? -1 : mkdir(path, mode);
}

int __wrap_flock(int fd, int action)
{
    return fails() ? -1 : flock(fd, action);
}

int __wrap_fstat(int fd, struct stat *st)
{
    return fails() ? -1 : fstat(fd, st);
}

int __wrap_fstatat(int at, const char *name, struct stat *st, int flags)
{
    return fails() ? -1 : fstatat(at, name, st, flags);
}

int __wrap_faccessat(int at, const char *name, int mode, int flags)
{
    return fails() ? -1 : faccessat(at, name, mode, flags);
}

ssize_t __wrap_pread(int fd, void *data, size_t len, off_t offset)
{
    return fails() ? -1 : pread(fd, data, len, offset);
}

ssize_t __wrap___pread_chk(int fd, void *data, size_t len, off_t offset, size_t size)
{
    return len > size ? -1 : __wrap_pread(fd, data, len, offset);
}

bool disk_read_fails(int fd)
{
    struct stat st;

    return disk.folder[0] != '\0' && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && fails();
}

/* The lock is held. */
static ssize_t write_some(int fd, const void *data, size_t len, off_t offset)
{
    ssize_t n = pwrite(fd, data, len, offset);

    if (n > 0)
        add_change(file_of(fd), data, (uint64_t)offset, (uint64_t)offset + (uint64_t)n);
    return n;
}

ssize_t __wrap_pwrite(int fd, const void *data, size_t len, off_t offset)
{
    enum verdict verdict;
    ssize_t n = -1;

    if (is_ruled_out("pwrite"))
        return -1;
    if (disk.folder[0] == '\0')
        return pwrite(fd, data, len, offset);
    pthread_mutex_lock(&disk.lock);
    verdict = judge();
    if (verdict == PASS)
        n = write_some(fd, data, len, offset);
    else if (verdict != FAIL)
        n = write_some(fd, data, (len + 1) / 2, offset);
    pthread_mutex_unlock(&disk.lock);
    if (verdict == HALF_AND_FAIL)
        errno = disk.plan.error;
    return verdict == HALF_AND_FAIL ? -1 : n;
}

int __wrap_ftruncate(int fd, off_t size)
{
    if (fails())
        return -1;
    pthread_mutex_lock(&disk.lock);
    if (disk.folder[0] != '\0')
        add_change(file_of(fd), NULL, 0, (uint64_t)size);
    pthread_mutex_unlock(&disk.lock);
    return ftruncate(fd, size);
}

int __wrap_fallocate(int fd, int mode, off_t offset, off_t len)
{
    return is_ruled_out("fallocate") || fails() ? -1 : fallocate(fd, mode, offset, len);
}

static int sync_fd(int fd)
{
    bool has_failed = fails();
    struct disk_file *file;
    struct stat st;

    pthread_mutex_lock(&disk.lock);
    file = file_of(fd);
    if (has_failed && file != NULL)
        file->is_spoilt = true;
    else if (!has_failed && fstat(fd, &st) == 0 && st.st_ino == disk.inode)
        sync_names();
    else if (!has_failed)
        sync_file(file);
    pthread_mutex_unlock(&disk.lock);
    if (has_failed)
        errno = disk.plan.error;
    return has_failed ? -1 : 0;
}

int __wrap_fsync(int fd)
{
    if (is_ruled_out("fsync"))
        return -1;
    return disk.folder[0] == '\0' ? fsync(fd) : sync_fd(fd);
}

int __wrap_fdatasync(int fd)
{
    if (is_ruled_out("fdatasync"))
        return -1;
    return disk.folder[0] == '\0' ? fdatasync(fd) : sync_fd(fd);
}

int __wrap_renameat(int from_at, const char *from, int to_at, const char *to)
{
    if (fails())
        return -1;
    pthread_mutex_lock(&disk.lock);
    if (disk.folder[0] != '\0')
        add_name_change(NAME_MOVED, from, to, file_at(from));
    pthread_mutex_unlock(&disk.lock);
    return renameat(from_at, from, to_at, to);
}

int __wrap_unlinkat(int at, const char *name, int flags)
{
    int result;

    if (fails())
        return -1;
    pthread_mutex_lock(&disk.lock);
    result = unlinkat(at, name, flags);
    if (result == 0 && disk.folder[0] != '\0')
        add_name_change(NAME_REMOVED, name, "", NULL);
    pthread_mutex_unlock(&disk.lock);
    return result;
}
