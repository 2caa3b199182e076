/* A segment of a journal as somebody with a hand on the disk may leave it. The first byte says
 * whether it is read as it is, or gets the checksums that belong to it, so that what stands behind
 * them is reached; and whether another segment follows. */
#include <endian.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "log/journal_replay.h"
#include "log/segment.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define IS_SEALED 1
#define IS_FOLLOWED 2
#define SIZE_MAX_READ ((size_t)1 << 16)

static char folder[64];

static void expect(bool is_so)
{
    if (!is_so)
        abort();
}

/* ---- making segments ---- */

/* Each record that could be one gets its checksum, as the record of that place. */
static void seal(struct buf *bytes)
{
    struct segment_id id = {1, 1};
    size_t offset = SEGMENT_HEADER, size;

    if (bytes->len < SEGMENT_HEADER)
        return;
    segment_header_write(bytes->data, &id);
    for (; offset < bytes->len; offset += size) {
        uint8_t *record = bytes->data + offset;
        uint32_t len;

        if (!segment_is_plausible(record, bytes->len - offset))
            return;
        memcpy(&len, record, sizeof(len));
        size = ((size_t)le32toh(len) + SEGMENT_ALIGN - 1) / SEGMENT_ALIGN * SEGMENT_ALIGN;
        segment_record_seal(record, &id, offset);
    }
}

static void put_file(uint64_t number, const struct buf *bytes)
{
    char path[128];
    int fd;

    snprintf(path, sizeof(path), "%s/%016llx", folder, (unsigned long long)number);
    fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    expect(fd >= 0 && write(fd, bytes->data, bytes->len) == (ssize_t)bytes->len);
    close(fd);
}

static void put_second(bool is_there)
{
    struct segment_id id = {2, 2};
    uint8_t header[SEGMENT_HEADER];
    struct buf bytes;
    char path[128];

    snprintf(path, sizeof(path), "%s/%016x", folder, 2);
    unlink(path);
    if (!is_there)
        return;
    buf_init(&bytes);
    segment_header_write(header, &id);
    expect(buf_append(&bytes, header, sizeof(header)) == 0);
    put_file(2, &bytes);
    buf_deinit(&bytes);
}

/* ---- reading them ---- */

static uint64_t seen, visits;

/* Whatever a record says can be read. */
static int on_record(void *owner, const struct segment_record *record,
                     const struct journal_place *place)
{
    const struct str parts[] = {record->name, record->ref, record->text};

    (void)owner;
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        for (size_t k = 0; k < parts[i].len; k++)
            seen += (uint8_t)parts[i].ptr[k];
    }
    expect(place->offset % SEGMENT_ALIGN == 0);
    expect((record->room == 0) == (place->room == NULL));
    visits++;
    return 0;
}

static enum journal_state read_all(int fd, bool goes_on)
{
    struct journal_visitor visitor = {.visit = on_record, .goes_on = goes_on};
    struct journal_rooms rooms;
    struct journal_report report;

    visits = 0;
    journal_rooms_init(&rooms);
    journal_read(fd, &visitor, &rooms, &report);
    journal_rooms_deinit(&rooms);
    expect(visits + report.unknown == report.records && report.last_len <= report.last_size);
    expect((report.state == JOURNAL_WHOLE) == (report.why == NULL));
    return report.state;
}

static void replay(int fd, bool is_exact, enum journal_state read)
{
    struct journal_replay_options options = {.visit = on_record, .is_exact = is_exact};
    struct journal_report report;

    visits = 0;
    expect(journal_replay(fd, &options, &report) == read);
    expect(visits <= report.records);
    expect(visits == 0 || read == JOURNAL_WHOLE || read == JOURNAL_TORN);
}

static void remove_folder(void)
{
    char path[128];

    for (int i = 1; i <= 2; i++) {
        snprintf(path, sizeof(path), "%s/%016x", folder, i);
        unlink(path);
    }
    rmdir(folder);
}

static void make_folder(void)
{
    if (folder[0] != '\0')
        return;
    snprintf(folder, sizeof(folder), "%s/wschat-fuzz-XXXXXX",
             access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    expect(mkdtemp(folder) != NULL);
    atexit(remove_folder);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    enum journal_state state;
    struct buf bytes;
    int fd;

    if (size == 0 || size > SIZE_MAX_READ)
        return 0;
    make_folder();
    buf_init(&bytes);
    expect(buf_append(&bytes, data + 1, size - 1) == 0);
    if ((data[0] & IS_SEALED) != 0)
        seal(&bytes);
    put_file(1, &bytes);
    put_second((data[0] & IS_FOLLOWED) != 0);
    buf_deinit(&bytes);
    fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    expect(fd >= 0);
    state = read_all(fd, false);
    read_all(fd, true);
    replay(fd, true, state);
    replay(fd, false, state);
    close(fd);
    return 0;
}
