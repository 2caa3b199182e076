#include "log/journal.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/sha256.h"
#include "base/tuning.h"
#include "base/util.h"
#include "cli/journal_repair.h"
#include "journal_world.h"
#include "log/journal_folder.h"
#include "log/journal_state.h"
#include "log/segment.h"

Suite *suite_journal(void);

#define PLENTY ((uint64_t)1 << 30)

static const char *path;

static void setup(void)
{
    diary = (struct diary){.keep = DIARY_KEPT};
    path = diary_folder();
}

static void teardown(void)
{
    diary_kill();
    diary_remove_folder();
}

static void open_always(void)
{
    ck_assert_msg(diary_open(JOURNAL_SYNC_ALWAYS, PLENTY) == 0, "%s", diary.problem.text);
}

static const char *segment_path(uint64_t number)
{
    static char text[512];

    snprintf(text, sizeof(text), "%s/%016llx", path, (unsigned long long)number);
    return text;
}

static off_t file_size(const char *file)
{
    struct stat st;

    return stat(file, &st) < 0 ? -1 : st.st_size;
}

static void expect_kept(const char *name, size_t count, uint64_t first_seq)
{
    struct diary_room *room = diary_room(name);

    ck_assert_uint_eq(room->kept_count, count);
    for (size_t i = 1; i < count; i++)
        ck_assert_uint_gt(room->kept[i].seq, room->kept[i - 1].seq);
    if (count > 0)
        ck_assert_uint_eq(room->kept[0].seq, first_seq);
}

START_TEST(an_unused_journal_writes_nothing)
{
    open_always();
    diary_settle();
    diary_stop();
    ck_assert_int_eq(file_size(segment_path(1)), -1);
    open_always();
    ck_assert_int_eq(diary.report.state, JOURNAL_WHOLE);
}
END_TEST

START_TEST(a_commit_comes_when_it_is_written)
{
    open_always();
    diary_say("tea", 7, "hello");
    ck_assert_uint_eq(diary.committed, 0);
    diary_settle();
    ck_assert_uint_eq(diary.committed, 1);
    ck_assert_int_gt(file_size(segment_path(1)), SEGMENT_HEADER);
}
END_TEST

/* Where nothing is waited for but a copy to the kernel's memory, that is done at once. */
START_TEST(what_needs_no_sync_is_told_in_its_turn)
{
    ck_assert_int_eq(diary_open(JOURNAL_SYNC_NEVER, PLENTY), 0);
    diary_say("tea", 7, "this makes the segment");
    diary_settle();
    diary_say("tea", 7, "one");
    diary_say("coffee", 7, "two");
    diary.log->ops->turn(diary.log);
    ck_assert_uint_eq(diary.committed, 3);
    diary_kill();
    ck_assert_int_eq(diary_open(JOURNAL_SYNC_NEVER, PLENTY), 0);
    expect_kept("tea", 2, 1);
    expect_kept("coffee", 1, 1);
}
END_TEST

static void await_sync(uint64_t count)
{
    struct journal_stats stats;

    do {
        usleep(1000);
        journal_stats(diary.log, &stats);
    } while (stats.writer.syncs < count);
}

/* The thread, which has not written it, syncs it all the same. */
START_TEST(what_was_told_in_its_turn_is_synced)
{
    diary.interval_ms = 20;
    ck_assert_int_eq(diary_open(JOURNAL_SYNC_INTERVAL, PLENTY), 0);
    diary_say("tea", 7, "this makes the segment");
    diary_settle();
    await_sync(1);
    diary_say("tea", 7, "one");
    diary.log->ops->turn(diary.log);
    await_sync(2);
    diary_settle();
    ck_assert_uint_eq(diary.committed, 2);
}
END_TEST

/* With a sync for each group, what comes while a group is told goes into the next one. */
START_TEST(a_group_is_told_before_the_next_one_begins)
{
    struct journal_stats stats;

    open_always();
    diary_say("tea", 7, "one");
    diary.log->ops->turn(diary.log);
    diary_say("tea", 7, "two");
    while (diary.committed == 0)
        diary.log->ops->turn(diary.log);
    ck_assert_uint_eq(diary.log->ops->deadline(diary.log), 0);
    diary_say("tea", 7, "three");
    diary_settle();
    ck_assert_uint_eq(diary.committed, 3);
    journal_stats(diary.log, &stats);
    ck_assert_uint_eq(stats.writer.syncs, 2);
}
END_TEST

#define KEY "0123456789abcdef"

static void expect_hash(const struct diary_seat *seat)
{
    uint8_t hash[SHA256_SIZE];

    sha256(hash, KEY, 16);
    ck_assert(seat->key_is_hash);
    ck_assert_uint_eq(seat->key_len, 16);
    ck_assert_mem_eq(seat->key, hash, 16);
}

static bool file_contains(const char *file, const char *text)
{
    char bytes[8192];
    int fd = open(file, O_RDONLY);
    ssize_t n = read(fd, bytes, sizeof(bytes));

    close(fd);
    ck_assert_int_gt(n, 0);
    return memmem(bytes, (size_t)n, text, strlen(text)) != NULL;
}

static void say_some(void)
{
    diary_presence("tea", EVENT_JOIN, 7, "ada", KEY);
    diary_say("tea", 7, "one");
    diary_settle();
    diary_say("tea", 7, "two");
    diary_presence("café", EVENT_JOIN, 8, "", NULL);
    diary_say("café", 8, "");
    diary_settle();
    diary_presence("tea", EVENT_RENAME, 7, "eve", NULL);
    diary_presence("café", EVENT_LEAVE, 8, "", NULL);
    diary_settle();
}

static void expect_some(void)
{
    struct diary_room *tea = diary_room("tea"), *cafe = diary_room("café");

    ck_assert_uint_eq(diary.recovered, 7);
    expect_kept("tea", 2, 2);
    ck_assert_str_eq(tea->kept[0].text, "one");
    ck_assert_str_eq(tea->kept[1].text, "two");
    ck_assert(tea->kept[0].has_ref);
    ck_assert_str_eq(tea->kept[0].ref, "r");
    ck_assert_uint_eq(tea->seat_count, 1);
    ck_assert_str_eq(tea->seats[0].name, "eve");
    expect_hash(&tea->seats[0]);
    ck_assert_uint_eq(tea->channel.next, 5);
    ck_assert_uint_eq(cafe->seat_count, 0);
    ck_assert_uint_eq(cafe->channel.next, 4);
}

START_TEST(all_is_there_after_a_stop)
{
    uint64_t epoch;

    open_always();
    say_some();
    epoch = diary_room("tea")->channel.epoch;
    diary_stop();
    ck_assert(file_contains(segment_path(1), "one"));
    ck_assert(!file_contains(segment_path(1), KEY));
    open_always();
    ck_assert(diary.report.was_closed);
    expect_some();
    ck_assert_uint_eq(diary_room("tea")->channel.epoch, epoch);
}
END_TEST

START_TEST(all_is_there_after_a_kill)
{
    open_always();
    say_some();
    diary_kill();
    open_always();
    ck_assert(!diary.report.was_closed);
    expect_some();
    diary_say("tea", 9, "three");
    diary_settle();
    ck_assert_uint_eq(diary_room("tea")->kept[2].seq, 5);
    diary_kill();
    open_always();
    expect_kept("tea", 3, 2);
}
END_TEST

START_TEST(other_modes_survive_a_kill)
{
    ck_assert_int_eq(diary_open((enum journal_sync)_i, PLENTY), 0);
    say_some();
    diary_kill();
    ck_assert_int_eq(diary_open((enum journal_sync)_i, PLENTY), 0);
    expect_some();
}
END_TEST

START_TEST(one_server_at_a_time)
{
    struct journal_config config = {path, JOURNAL_SYNC_ALWAYS, PLENTY, NULL, 0, 0};
    struct journal_report report;
    struct journal_problem problem;
    struct log *second;

    open_always();
    second = journal_new(&config);
    ck_assert_int_eq(journal_recover(second, &report, &problem), -1);
    ck_assert_ptr_nonnull(strstr(problem.text, "another server uses it"));
    second->ops->free(second);
}
END_TEST

START_TEST(a_full_room_is_waited_for)
{
    open_always();
    diary.is_blocked = true;
    diary_say("tea", 7, "one");
    diary_say("tea", 7, "two");
    while (diary.log->ops->deadline(diary.log) != 0) {
        usleep(1000);
        diary.log->ops->turn(diary.log);
    }
    ck_assert_uint_eq(diary.committed, 0);
    diary.is_blocked = false;
    diary_settle();
    ck_assert_uint_eq(diary.committed, 2);
}
END_TEST

START_TEST(a_stop_answers_everybody)
{
    open_always();
    diary_say("tea", 7, "one");
    diary.log->ops->turn(diary.log);
    diary_say("tea", 7, "two");
    diary.log->ops->stop(diary.log);
    ck_assert_uint_eq(diary.committed, 2);
    diary_say("tea", 7, "late");
    ck_assert_uint_eq(diary.refused, 1);
    ck_assert_int_eq(diary.why, LOG_REFUSED_STOPPED);
    diary_kill();
    open_always();
    expect_kept("tea", 2, 1);
}
END_TEST

/* ---- segments ---- */

START_TEST(many_segments)
{
    open_always();
    for (int i = 0; i < 20; i++) {
        diary_say_long("tea", 7, TUNE_SEGMENT / 4);
        if (i % 3 == 0)
            diary_settle();
    }
    diary_settle();
    ck_assert_int_gt(file_size(segment_path(3)), 0);
    diary_stop();
    open_always();
    expect_kept("tea", 20, 1);
    ck_assert_uint_eq(diary_room("tea")->kept[19].text_len, TUNE_SEGMENT / 4);
}
END_TEST

START_TEST(a_message_longer_than_a_segment)
{
    open_always();
    diary_say("tea", 7, "before");
    diary_say_long("tea", 7, TUNE_SEGMENT + 1);
    diary_say("tea", 7, "after");
    diary_settle();
    diary_kill();
    open_always();
    expect_kept("tea", 3, 1);
    ck_assert_uint_eq(diary_room("tea")->kept[1].text_len, TUNE_SEGMENT + 1);
}
END_TEST

static uint64_t segments(void)
{
    struct journal_stats stats;

    journal_stats(diary.log, &stats);
    return stats.segments;
}

START_TEST(what_is_forgotten_goes)
{
    diary.keep = 2;
    open_always();
    for (int i = 0; i < 60; i++) {
        diary_say_long("tea", 7, TUNE_SEGMENT / 3);
        diary_settle();
    }
    ck_assert_uint_le(segments(), 4);
    ck_assert_int_eq(file_size(segment_path(1)), -1);
    diary_kill();
    open_always();
    ck_assert_uint_eq(diary_room("tea")->kept[diary_room("tea")->kept_count - 1].seq, 60);
}
END_TEST

/* A quiet room among loud ones is written again and again, and nothing of it is lost. */
START_TEST(what_lives_is_written_again)
{
    struct diary_room *room;

    diary.keep = 4;
    open_always();
    diary_presence("quiet", EVENT_JOIN, 1, "ada", KEY);
    diary_say("quiet", 1, "remember");
    diary_say("quiet", 1, "this");
    diary_presence("quiet", EVENT_RENAME, 1, "eve", NULL);
    diary_settle();
    for (int i = 0; i < 100; i++) {
        diary_say_long("loud", 7, TUNE_SEGMENT / 3);
        diary_settle();
    }
    ck_assert_uint_le(segments(), 12);
    for (int kills = 0; kills < 2; kills++) {
        diary_kill();
        open_always();
        room = diary_room("quiet");
        expect_kept("quiet", 2, 2);
        ck_assert_str_eq(room->kept[1].text, "this");
        ck_assert_uint_eq(room->gone, 1);
        ck_assert_uint_eq(room->seat_count, 1);
        ck_assert_str_eq(room->seats[0].name, "eve");
        expect_hash(&room->seats[0]);
        ck_assert_uint_eq(room->channel.next, 5);
    }
}
END_TEST

/* What a clock says that is set back, or far ahead; 1 is the first second of 1970. */
static const uint64_t odd_times[] = {5000, 100, UINT64_MAX / 2, 1, 4000, 99};

static void expect_odd_times(size_t seats)
{
    const struct diary_room *tea = diary_room("tea");
    char text[16];

    expect_kept("tea", ARRAY_LEN(odd_times), 2);
    expect_kept("coffee", ARRAY_LEN(odd_times), 1);
    for (size_t i = 0; i < ARRAY_LEN(odd_times); i++) {
        snprintf(text, sizeof(text), "%zu", i);
        ck_assert_str_eq(tea->kept[i].text, text);
        ck_assert_str_eq(diary_room("coffee")->kept[i].text, text);
    }
    ck_assert_uint_eq(tea->seat_count, seats);
    if (seats > 0)
        ck_assert_str_eq(tea->seats[0].name, "eve");
}

/* The order of a room is that of its numbers, whatever the clock said; also of what was written
 * again. */
START_TEST(a_clock_that_jumps)
{
    char text[16];

    diary.keep = ARRAY_LEN(odd_times);
    open_always();
    for (size_t i = 0; i < ARRAY_LEN(odd_times); i++) {
        diary.ts = odd_times[i];
        if (i == 0)
            diary_presence("tea", EVENT_JOIN, 7, "ada", KEY);
        snprintf(text, sizeof(text), "%zu", i);
        diary_say("tea", 7, text);
        diary_say("coffee", 8, text);
        if (i == 3)
            diary_presence("tea", EVENT_RENAME, 7, "eve", NULL);
        diary_settle();
    }
    for (int kills = 0; kills < 2; kills++) {
        diary_kill();
        open_always();
        expect_odd_times(1);
        for (int i = 0; i < 60; i++) {
            diary.ts = odd_times[(size_t)i % ARRAY_LEN(odd_times)];
            diary_say_long("loud", 7, TUNE_SEGMENT / 3);
            diary_settle();
        }
        ck_assert_int_eq(file_size(segment_path(1)), -1);
    }
    diary.ts = 2;
    diary_presence("tea", EVENT_LEAVE, 7, "", NULL);
    diary_settle();
    diary_kill();
    open_always();
    expect_odd_times(0);
}
END_TEST

/* What was to be written again when the end came stays where it is: nothing may stand behind the
 * record that closes the journal. */
START_TEST(a_stop_while_the_oldest_is_to_go)
{
    diary.keep = 2;
    diary.segment_size = 4096;
    open_always();
    diary_presence("quiet", EVENT_JOIN, 1, "ada", KEY);
    diary_say("quiet", 1, "remember");
    diary_settle();
    for (int i = 0; i < 4 * _i; i++)
        diary_say_long("loud", 7, 1200);
    diary_stop();
    open_always();
    ck_assert_int_eq(diary.report.state, JOURNAL_WHOLE);
    ck_assert(diary.report.was_closed);
    expect_kept("quiet", 1, 2);
    ck_assert_uint_eq(diary_room("quiet")->seat_count, 1);
}
END_TEST

/* Rooms without end that nobody needs any more: neither the disk nor what is known of them grows.
 */
START_TEST(rooms_come_and_go)
{
    const struct journal_visitor nothing = {.visit = NULL};
    struct journal_rooms rooms;
    struct journal_stats stats;
    char room[32];
    int folder;

    diary.segment_size = 4096;
    ck_assert_int_eq(diary_open(JOURNAL_SYNC_NEVER, 8 * 4096), 0);
    diary_say("stays", 1, "remember");
    for (int i = 0; i < 1000; i++) {
        snprintf(room, sizeof(room), "room %d", i);
        diary_presence(room, EVENT_JOIN, 1, "ada", KEY);
        diary_say(room, 1, "hello");
        diary_presence(room, EVENT_LEAVE, 1, "", NULL);
        diary_settle();
        diary_end_room(room);
        journal_stats(diary.log, &stats);
        ck_assert_uint_le(stats.disk, 9 * 4096);
    }
    ck_assert_uint_eq(diary.refused, 0);
    ck_assert_uint_eq(diary.committed, 3001);
    ck_assert_uint_le(journal_slot_count(journal_of(diary.log)), 2);
    diary_kill();
    journal_rooms_init(&rooms);
    folder = journal_folder_open(path);
    ck_assert_int_eq(journal_read(folder, &nothing, &rooms, &diary.report), JOURNAL_WHOLE);
    close(folder);
    ck_assert_uint_le(rooms.count, 9 * 4096 / (4 * SEGMENT_HEAD));
    journal_rooms_deinit(&rooms);
}
END_TEST

static void expect_marks(void)
{
    const struct diary_room *room = diary_room("quiet");

    expect_kept("quiet", 4, 1);
    ck_assert_str_eq(room->kept[0].text, "remember");
    ck_assert(!room->kept[1].has_text && room->kept[1].has_data);
    ck_assert_str_eq(room->kept[1].data, "{\"a\":[1,2]}");
    ck_assert_uint_eq(room->kept[1].re, 1);
    ck_assert_int_eq(room->kept[2].kind, EVENT_REACT);
    ck_assert_str_eq(room->kept[2].text, "+");
    ck_assert_uint_eq(room->kept[2].re, 1);
    ck_assert(room->kept[2].is_on && !room->kept[3].is_on);
    ck_assert_uint_eq(room->kept[3].from, 2);
    ck_assert_uint_eq(room->gone, 0);
}

/* Replies, data and reactions, in the first segment or written again: messages know the message
 * before them, and reactions the reaction. Nothing was forgotten, so nothing is gone. */
START_TEST(what_is_said_of_messages)
{
    diary.keep = 4;
    open_always();
    diary_say("quiet", 1, "remember");
    diary_reply("quiet", 1, 1, "{\"a\":[1,2]}");
    diary_react("quiet", 1, 1, "+", true);
    diary_react("quiet", 2, 1, "+", false);
    diary_settle();
    for (int i = 0; i < 100 * _i; i++) {
        diary_say_long("loud", 7, TUNE_SEGMENT / 3);
        diary_settle();
    }
    for (int kills = 0; kills < 2; kills++) {
        diary_kill();
        open_always();
        expect_marks();
        ck_assert_uint_eq(diary_room("quiet")->channel.marks_gone, 0);
        diary_say("loud", 7, "on");
        diary_settle();
    }
}
END_TEST

/* Reactions that are forgotten take no message with them, nor the other way round. */
START_TEST(what_is_forgotten_of_reactions)
{
    diary.keep = 3;
    open_always();
    for (int i = 0; i < 4; i++)
        diary_react("quiet", 1, 1, "+", i % 2 == 0);
    diary_say("quiet", 1, "remember");
    diary_react("quiet", 1, 5, "+", true);
    diary_settle();
    for (int i = 0; i < 100; i++) {
        diary_say_long("loud", 7, TUNE_SEGMENT / 3);
        diary_settle();
    }
    ck_assert_int_eq(file_size(segment_path(1)), -1);
    diary_kill();
    open_always();
    expect_kept("quiet", 3, 4);
    ck_assert_str_eq(diary_room("quiet")->kept[1].text, "remember");
    ck_assert_uint_eq(diary_room("quiet")->channel.marks_gone, 3);
    ck_assert_uint_eq(diary_room("quiet")->gone, 4);
}
END_TEST

START_TEST(the_disk_is_bounded)
{
    struct journal_stats stats;
    char room[8];

    diary.keep = 3;
    ck_assert_int_eq(diary_open(JOURNAL_SYNC_NEVER, 6 * TUNE_SEGMENT), 0);
    for (int i = 0; i < 400; i++) {
        snprintf(room, sizeof(room), "r%d", i * i % 7);
        diary_say_long(room, 7, 300);
        diary_say_long(room, 7, TUNE_SEGMENT / 8);
        diary_settle();
        journal_stats(diary.log, &stats);
        ck_assert_uint_le(stats.disk, 9 * TUNE_SEGMENT);
    }
    diary_kill();
    ck_assert_int_eq(diary_open(JOURNAL_SYNC_NEVER, 6 * TUNE_SEGMENT), 0);
    for (int i = 0; i < 7; i++) {
        snprintf(room, sizeof(room), "r%d", i);
        ck_assert_uint_le(diary_room(room)->kept_count, 3);
    }
}
END_TEST

/* ---- what is wrong ---- */

static void flip(const char *file, off_t offset)
{
    int fd = open(file, O_RDWR);
    uint8_t byte;

    ck_assert_int_eq(pread(fd, &byte, 1, offset), 1);
    byte ^= 0x10;
    ck_assert_int_eq(pwrite(fd, &byte, 1, offset), 1);
    close(fd);
}

static void cut(const char *file, off_t less)
{
    ck_assert_int_eq(truncate(file, file_size(file) - less), 0);
}

static void say_five(void)
{
    open_always();
    for (int i = 0; i < 5; i++) {
        diary_say("tea", 7, "message");
        diary_settle();
    }
}

START_TEST(a_torn_tail_is_cut)
{
    say_five();
    diary_kill();
    cut(segment_path(1), _i);
    open_always();
    /* The last record tells of a sync. */
    ck_assert_int_eq(diary.report.state, _i == SEGMENT_HEAD ? JOURNAL_WHOLE : JOURNAL_TORN);
    expect_kept("tea", _i <= SEGMENT_HEAD ? 5 : 4, 1);
    diary_say("tea", 7, "goes on");
    diary_settle();
    diary_kill();
    open_always();
    ck_assert_int_eq(diary.report.state, JOURNAL_WHOLE);
}
END_TEST

START_TEST(an_empty_last_segment_is_a_torn_tail)
{
    int fd;

    say_five();
    diary_kill();
    fd = open(segment_path(2), O_WRONLY | O_CREAT, 0600);
    ck_assert_int_eq(write(fd, "wsc", (size_t)_i), _i);
    close(fd);
    open_always();
    ck_assert_int_eq(diary.report.state, JOURNAL_TORN);
    expect_kept("tea", 5, 1);
    diary_say("tea", 7, "goes on");
    diary_settle();
    diary_kill();
    open_always();
    expect_kept("tea", 6, 1);
}
END_TEST

static void expect_damage(void)
{
    ck_assert_int_eq(diary_open(JOURNAL_SYNC_ALWAYS, PLENTY), -1);
    ck_assert_ptr_nonnull(strstr(diary.problem.text, "is damaged"));
    ck_assert_ptr_nonnull(strstr(diary.problem.text, "wschat journal verify"));
}

START_TEST(damage_in_the_middle_is_not_cut)
{
    say_five();
    diary_kill();
    flip(segment_path(1), SEGMENT_HEADER + 60 + 150 * _i);
    expect_damage();
}
END_TEST

START_TEST(a_damaged_header)
{
    say_five();
    diary_kill();
    flip(segment_path(1), _i);
    expect_damage();
}
END_TEST

START_TEST(a_newer_version)
{
    uint8_t header[SEGMENT_HEADER];
    int fd;

    say_five();
    diary_kill();
    fd = open(segment_path(1), O_RDWR);
    ck_assert_int_eq(pread(fd, header, sizeof(header), 0), sizeof(header));
    header[8] = SEGMENT_VERSION + 1;
    segment_header_seal(header);
    ck_assert_int_eq(pwrite(fd, header, sizeof(header), 0), sizeof(header));
    close(fd);
    ck_assert_int_eq(diary_open(JOURNAL_SYNC_ALWAYS, PLENTY), -1);
    ck_assert_ptr_nonnull(strstr(diary.problem.text, "newer version"));
}
END_TEST

/* Puts a record of a type that does not exist behind what is there, as the next of the room. */
static void append_unknown(bool may_skip, uint64_t seq)
{
    struct segment_record record = {
        .type = SEGMENT_TYPES, .may_skip = may_skip, .room = 1, .seq = seq, .ts = 1};
    struct segment_id where;
    off_t end = file_size(segment_path(1));
    uint8_t bytes[SEGMENT_HEAD], header[SEGMENT_HEADER];
    int fd = open(segment_path(1), O_RDWR);

    ck_assert_int_eq(pread(fd, header, sizeof(header), 0), sizeof(header));
    ck_assert_int_eq(segment_header_read(&where, header, sizeof(header)), SEGMENT_OK);
    segment_record_write(bytes, &where, (uint64_t)end, &record);
    ck_assert_int_eq(pwrite(fd, bytes, sizeof(bytes), end), sizeof(bytes));
    close(fd);
}

/* Not torn, though it stands at the end: it would be cut. Nor is it to be repaired, which would
 * lose it, whatever is damaged in front of it. */
START_TEST(what_a_newer_version_wrote_is_left_alone)
{
    struct journal_repair repaired;
    off_t size;
    int fd;

    say_five();
    diary_kill();
    append_unknown(false, 6);
    if (_i == 1)
        flip(segment_path(1), SEGMENT_HEADER + 100);
    size = file_size(segment_path(1));
    ck_assert_int_eq(diary_open(JOURNAL_SYNC_ALWAYS, PLENTY), -1);
    if (_i == 0)
        ck_assert_ptr_nonnull(strstr(diary.problem.text, "newer version"));
    fd = open(path, O_RDONLY | O_DIRECTORY);
    ck_assert_int_eq(journal_repair(fd, &repaired), -1);
    ck_assert_int_eq(repaired.before.state, JOURNAL_NEWER);
    close(fd);
    ck_assert_int_eq(file_size(segment_path(1)), size);
}
END_TEST

START_TEST(what_may_be_skipped_is_counted)
{
    say_five();
    diary_kill();
    append_unknown(true, 6);
    open_always();
    ck_assert_uint_eq(diary.report.unknown, 1);
    expect_kept("tea", 5, 1);
    diary_say("tea", 1, "on");
    diary_settle();
    ck_assert_uint_eq(diary_room("tea")->kept[5].seq, 7);
}
END_TEST

START_TEST(a_missing_segment)
{
    open_always();
    for (int i = 0; i < 20; i++)
        diary_say_long("tea", 7, TUNE_SEGMENT / 4);
    diary_settle();
    diary_kill();
    ck_assert_int_eq(unlink(segment_path(3)), 0);
    expect_damage();
}
END_TEST

START_TEST(after_a_clean_end_all_must_be_there)
{
    say_five();
    diary_stop();
    switch (_i) {
    case 0:
        cut(segment_path(1), 1);
        break;
    case 1:
        cut(segment_path(1), SEGMENT_HEAD); /* all of CLOSE */
        break;
    case 2:
        unlink(segment_path(1));
        break;
    default:
        flip(segment_path(1), file_size(segment_path(1)) - 1);
    }
    expect_damage();
}
END_TEST

/* ---- repair ---- */

static void repair(struct journal_repair *repaired)
{
    int folder = journal_folder_open(path);

    ck_assert_int_eq(journal_repair(folder, repaired), 0);
    close(folder);
}

START_TEST(repair_keeps_what_is_left)
{
    struct journal_repair repaired;
    char old[600];

    say_five();
    diary_kill();
    flip(segment_path(1), SEGMENT_HEADER + 240);
    expect_damage();
    repair(&repaired);
    ck_assert_int_eq(repaired.before.state, JOURNAL_DAMAGED);
    ck_assert_str_ne(repaired.beside, "");
    snprintf(old, sizeof(old), "%s/%s/%016x", path, repaired.beside, 1);
    ck_assert_int_gt(file_size(old), 0);
    open_always();
    ck_assert_int_eq(diary.report.state, JOURNAL_WHOLE);
    ck_assert_uint_ge(diary_room("tea")->kept_count, 2);
    ck_assert_uint_eq(diary_room("tea")->channel.next, 6);
    repair(&repaired);
    ck_assert_str_eq(repaired.beside, "");
}
END_TEST

/* ---- another process takes over ---- */

static void hand_over(enum journal_sync sync)
{
    const char *why = diary_hand_over(sync, PLENTY, NULL);

    ck_assert_msg(why == NULL, "%s", why);
}

/* Nothing is lost or twice, whatever stood between two hand-overs; nor is a segment begun. */
START_TEST(another_process_goes_on)
{
    enum journal_sync sync = (enum journal_sync)_i;
    struct journal_stats stats;
    char text[32];

    ck_assert_int_eq(diary_open(sync, PLENTY), 0);
    hand_over(sync); /* nothing is there yet */
    for (int i = 1; i <= 20; i++) {
        snprintf(text, sizeof(text), "message %d", i);
        diary_say(i % 3 == 0 ? "coffee" : "tea", 7, text);
        if (i % 4 == 0)
            diary_react("tea", 7, 1, "+", true);
        if (i == 10)
            diary_presence("coffee", EVENT_JOIN, 9, "ada", "0123456789abcdef");
        if (i % 2 == 0)
            hand_over(sync);
    }
    diary_settle();
    ck_assert_uint_eq(diary_room("tea")->channel.next, 20);
    ck_assert_uint_eq(diary_room("coffee")->channel.next, 8);
    journal_stats(diary.log, &stats);
    ck_assert_uint_eq(stats.segments, 1);
    ck_assert_uint_eq(stats.records, 28);
    diary_stop();
    ck_assert_msg(diary_open(sync, PLENTY) == 0, "%s", diary.problem.text);
    ck_assert_int_eq(diary.report.state, JOURNAL_WHOLE);
    expect_kept("tea", 19, 1);
    expect_kept("coffee", 6, 1);
    ck_assert_str_eq(diary_room("tea")->kept[18].text, "+");
    ck_assert_uint_eq(diary_room("coffee")->seat_count, 1);
}
END_TEST

START_TEST(segments_are_removed_by_whoever_goes_on)
{
    struct journal_stats stats;

    diary.segment_size = 4096;
    diary.keep = 20;
    ck_assert_int_eq(diary_open(JOURNAL_SYNC_ALWAYS, 20000), 0);
    diary_presence("tea", EVENT_JOIN, 9, "ada", "0123456789abcdef");
    for (int i = 1; i <= 300; i++) {
        diary_say_long("tea", 7, 200);
        diary_settle();
        if (i % 7 == 0)
            ck_assert_ptr_null(diary_hand_over(JOURNAL_SYNC_ALWAYS, 20000, NULL));
    }
    journal_stats(diary.log, &stats);
    ck_assert_uint_le(stats.disk, 20000 + 2 * 4096);
    diary_kill();
    ck_assert_msg(diary_open(JOURNAL_SYNC_ALWAYS, PLENTY) == 0, "%s", diary.problem.text);
    expect_kept("tea", 20, 282);
    ck_assert_uint_eq(diary_room("tea")->seat_count, 1);
}
END_TEST

/* What one process wrote and did not sync the other one does. */
START_TEST(what_is_not_synced_is_synced_later)
{
    struct journal_stats stats;

    diary.interval_ms = 20;
    ck_assert_int_eq(diary_open(JOURNAL_SYNC_INTERVAL, PLENTY), 0);
    diary_say("tea", 7, "this makes the segment");
    diary_settle();
    await_sync(1);
    diary_say("tea", 7, "one");
    diary_settle();
    hand_over(JOURNAL_SYNC_INTERVAL);
    journal_stats(diary.log, &stats);
    await_sync(stats.writer.syncs + 1);
}
END_TEST

static void spoil_all(struct hand_pipe *pipe)
{
    pipe->w.out.len--;
}

START_TEST(who_could_not_hand_over_goes_on)
{
    int folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    open_always();
    diary_say("tea", 7, "one");
    diary_settle();
    ck_assert_ptr_nonnull(diary_hand_over(JOURNAL_SYNC_ALWAYS, PLENTY, spoil_all));
    /* Nothing more may happen for long, and something may have to be synced. */
    ck_assert_uint_eq(diary.log->ops->deadline(diary.log), 0);
    diary.log->ops->turn(diary.log);
    ck_assert_uint_eq(diary.log->ops->deadline(diary.log), UINT64_MAX);
    ck_assert(journal_folder_is_locked(folder));
    diary_say("tea", 7, "two");
    diary_settle();
    hand_over(JOURNAL_SYNC_ALWAYS);
    ck_assert(journal_folder_is_locked(folder));
    diary_say("tea", 7, "three");
    diary_settle();
    diary_kill();
    close(folder);
}
END_TEST

START_TEST(a_journal_that_is_at_work_is_not_handed_over)
{
    open_always();
    diary_say("tea", 7, "one");
    ck_assert_ptr_nonnull(diary.log->ops->cannot_hand(diary.log));
    diary_settle();
    hand_over(JOURNAL_SYNC_ALWAYS);
}
END_TEST

static size_t flipped;
static uint8_t flipped_bits;

static void flip_one(struct hand_pipe *pipe)
{
    hand_pipe_flip(pipe, flipped, flipped_bits);
}

/* Nothing that is flipped does harm; nothing happens to the files. */
START_TEST(a_wrong_record_does_no_harm)
{
    static const uint8_t flips[] = {1, 0x80, 0xff};
    unsigned refused = 0;

    flipped_bits = flips[_i];
    open_always();
    diary_say("tea", 7, "one");
    diary_presence("coffee", EVENT_JOIN, 9, "ada", "0123456789abcdef");
    diary_settle();
    diary_end_room("tea");
    for (flipped = HAND_HEADER; flipped < 600; flipped++)
        refused += diary_hand_over(JOURNAL_SYNC_ALWAYS, PLENTY, flip_one) != NULL;
    ck_assert_uint_gt(refused, 20);
}
END_TEST

/* The disk is not as it was said to be. */
START_TEST(another_folder_is_not_gone_on_with)
{
    const char *why;

    open_always();
    diary_say("tea", 7, "one");
    diary_settle();
    ck_assert_int_eq(truncate(segment_path(1), file_size(segment_path(1)) - 1), 0);
    why = diary_hand_over(JOURNAL_SYNC_ALWAYS, PLENTY, NULL);
    ck_assert_ptr_nonnull(why);
    ck_assert_str_eq(why, "the journal is not as it was left");
    ck_assert_int_eq(truncate(segment_path(1), file_size(segment_path(1)) + 1), 0);
    ck_assert_int_eq(unlink(segment_path(1)), 0);
    ck_assert_ptr_nonnull(diary_hand_over(JOURNAL_SYNC_ALWAYS, PLENTY, NULL));
}
END_TEST

START_TEST(another_lock_is_none)
{
    char lock[512];

    snprintf(lock, sizeof(lock), "%s/lock", path);
    open_always();
    ck_assert_int_eq(unlink(lock), 0);
    ck_assert_ptr_nonnull(diary_hand_over(JOURNAL_SYNC_ALWAYS, PLENTY, NULL));
    close(open(lock, O_RDWR | O_CREAT, 0600));
    ck_assert_str_eq(diary_hand_over(JOURNAL_SYNC_ALWAYS, PLENTY, NULL),
                     "the lock is not that of the journal");
}
END_TEST

Suite *suite_journal(void)
{
    Suite *suite = suite_create("journal");
    TCase *tc = tcase_create("journal");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, an_unused_journal_writes_nothing);
    tcase_add_test(tc, a_commit_comes_when_it_is_written);
    tcase_add_test(tc, what_needs_no_sync_is_told_in_its_turn);
    tcase_add_test(tc, what_was_told_in_its_turn_is_synced);
    tcase_add_test(tc, a_group_is_told_before_the_next_one_begins);
    tcase_add_test(tc, all_is_there_after_a_stop);
    tcase_add_test(tc, all_is_there_after_a_kill);
    tcase_add_loop_test(tc, other_modes_survive_a_kill, 0, 3);
    tcase_add_test(tc, one_server_at_a_time);
    tcase_add_test(tc, a_full_room_is_waited_for);
    tcase_add_test(tc, a_stop_answers_everybody);
    tcase_add_test(tc, many_segments);
    tcase_add_test(tc, a_message_longer_than_a_segment);
    tcase_add_test(tc, what_is_forgotten_goes);
    tcase_add_test(tc, what_lives_is_written_again);
    tcase_add_loop_test(tc, a_stop_while_the_oldest_is_to_go, 0, 16);
    tcase_add_test(tc, rooms_come_and_go);
    tcase_add_test(tc, a_clock_that_jumps);
    tcase_add_loop_test(tc, what_is_said_of_messages, 0, 2);
    tcase_add_test(tc, what_is_forgotten_of_reactions);
    tcase_add_test(tc, the_disk_is_bounded);
    tcase_add_loop_test(tc, a_torn_tail_is_cut, 1, 60);
    tcase_add_loop_test(tc, an_empty_last_segment_is_a_torn_tail, 0, 4);
    tcase_add_loop_test(tc, damage_in_the_middle_is_not_cut, 0, 3);
    tcase_add_loop_test(tc, a_damaged_header, 0, SEGMENT_HEADER);
    tcase_add_test(tc, a_newer_version);
    tcase_add_loop_test(tc, what_a_newer_version_wrote_is_left_alone, 0, 2);
    tcase_add_test(tc, what_may_be_skipped_is_counted);
    tcase_add_test(tc, a_missing_segment);
    tcase_add_loop_test(tc, after_a_clean_end_all_must_be_there, 0, 4);
    tcase_add_test(tc, repair_keeps_what_is_left);
    tcase_add_loop_test(tc, another_process_goes_on, JOURNAL_SYNC_ALWAYS, JOURNAL_SYNC_NEVER + 1);
    tcase_add_test(tc, segments_are_removed_by_whoever_goes_on);
    tcase_add_test(tc, what_is_not_synced_is_synced_later);
    tcase_add_test(tc, who_could_not_hand_over_goes_on);
    tcase_add_test(tc, a_journal_that_is_at_work_is_not_handed_over);
    tcase_add_loop_test(tc, a_wrong_record_does_no_harm, 0, 3);
    tcase_add_test(tc, another_folder_is_not_gone_on_with);
    tcase_add_test(tc, another_lock_is_none);
    suite_add_tcase(suite, tc);
    return suite;
}
