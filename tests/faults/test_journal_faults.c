/* A journal on a disk that fails at every single call, and in every way: what was acknowledged is
 * there after the next start, once and in its order, and what was refused is not.
 *
 * `make check` plays each call with a few of the faults. WSCHAT_POWER_CUTS=N plays each with all of
 * them, and N power cuts. */
#include "disk.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/util.h"
#include "unit/journal_world.h"
#include "wrap.h"

Suite *suite_journal_faults(void);

#define SEGMENT 2048
#define PLENTY (8 * SEGMENT)
#define KEEP 8
#define EVENTS 256
#define ROOMS 2

static const char *const rooms[ROOMS] = {"tea", "coffee"};

/* ---- what may be read afterwards ---- */

struct expected {
    uint64_t from;
    enum event_kind kind;
    char text[DIARY_TEXT]; /* or name */
};

/* What was asked for in a room, in order. */
struct history {
    struct expected events[EVENTS];
    size_t count;
    size_t sure;   /* so many were acknowledged */
    size_t synced; /* so many must be there after a power cut */
};

static struct history histories[ROOMS];
static uint64_t refusals;

static struct history *history_of(const char *room)
{
    return &histories[strcmp(room, rooms[0]) == 0 ? 0 : 1];
}

static void copy_str(char *out, size_t size, struct str text)
{
    snprintf(out, size, "%.*s", (int)text.len, text.ptr == NULL ? "" : text.ptr);
}

/* What the dead say nobody hears, and whether what was lost is there nobody knows: both may have
 * happened. */
static void on_answered(const struct diary_room *room, const struct event *event,
                        const struct log_ticket *ticket, bool is_committed)
{
    struct history *history = history_of(room->name);
    struct expected *next = &history->events[history->count];
    struct journal_problem problem;
    bool is_heard = !disk_is_dead() && !journal_is_lost(diary.log, &problem);

    (void)ticket;
    if (!is_committed && is_heard) {
        refusals++;
        return;
    }
    ck_assert_uint_lt(history->count, EVENTS);
    next->from = event->from;
    next->kind = event->kind;
    copy_str(next->text, sizeof(next->text),
             event->kind == EVENT_MESSAGE ? event->text : event->name);
    if (is_committed && is_heard) {
        ck_assert_uint_eq(history->sure, history->count);
        history->sure++;
    }
    history->count++;
}

/* Is the room as it is after the first `count` events? */
static bool has_seats(const struct diary_room *room, const struct history *history, size_t count)
{
    const char *names[4] = {NULL, NULL, NULL, NULL};
    size_t seats = 0;

    for (size_t i = 0; i < count; i++) {
        const struct expected *event = &history->events[i];

        if (event->kind != EVENT_MESSAGE)
            names[event->from] = event->kind == EVENT_LEAVE ? NULL : event->text;
    }
    for (size_t id = 0; id < ARRAY_LEN(names); id++)
        seats += names[id] != NULL;
    for (size_t i = 0; i < room->seat_count; i++) {
        const char *name = names[room->seats[i].id];

        if (name == NULL || strcmp(name, room->seats[i].name) != 0)
            return false;
    }
    return seats == room->seat_count;
}

static bool has_messages(const struct diary_room *room, const struct history *history, size_t count)
{
    size_t kept = room->kept_count;

    while (count > 0 && kept > 0) {
        const struct expected *event = &history->events[--count];

        if (event->kind != EVENT_MESSAGE)
            continue;
        if (strcmp(room->kept[--kept].text, event->text) != 0)
            return false;
    }
    while (count > 0 && history->events[count - 1].kind != EVENT_MESSAGE)
        count--;
    return kept == 0 && (count == 0 || room->kept_count == KEEP);
}

static void expect_room(size_t i, bool may_lose, const char *what)
{
    struct history *history = &histories[i];
    const struct diary_room *room = diary_room(rooms[i]);
    size_t count = may_lose ? history->synced : history->sure;

    while (count <= history->count &&
           !(has_messages(room, history, count) && has_seats(room, history, count)))
        count++;
    ck_assert_msg(count <= history->count,
                  "%s: room %s: %zu messages and %zu seats are there, "
                  "%zu events were acknowledged, of %zu",
                  what, rooms[i], room->kept_count, room->seat_count, history->sure,
                  history->count);
    for (size_t k = 1; k < room->kept_count; k++)
        ck_assert_uint_gt(room->kept[k].seq, room->kept[k - 1].seq);
    if (room->kept_count > 0)
        ck_assert_uint_gt(room->channel.next, room->kept[room->kept_count - 1].seq);
    history->count = history->sure = history->synced = count; /* that is how it is now */
}

/* ---- what is done ---- */

static int said;

static void say(const char *room)
{
    char text[DIARY_TEXT];

    snprintf(text, sizeof(text), "message %d %0100d", said, said);
    said++;
    diary_say(room, 1, text);
}

static bool is_lost(void)
{
    struct journal_problem problem;

    return journal_is_lost(diary.log, &problem);
}

/* As the ticks of a server do it: a second after a failure it is tried again. */
static void settle(void)
{
    if (!is_lost())
        diary_settle();
    diary_hurry();
}

/* Comes, is called otherwise, goes: as far as what came before was not refused. */
static void presence(enum event_kind kind, const char *name)
{
    bool is_here = diary_room("coffee")->seat_count > 0;

    if (is_here == (kind != EVENT_JOIN))
        diary_presence("coffee", kind, 2, name, NULL);
    settle();
}

static void live(int rounds)
{
    presence(EVENT_JOIN, "eve");
    for (int i = 0; i < rounds; i++) {
        say("tea");
        say("coffee");
        if (i % 3 == 0)
            settle();
        if (i % 4 == 0)
            say("tea");
        settle();
        if (i == 2)
            presence(EVENT_RENAME, "zoe");
    }
    presence(EVENT_LEAVE, "");
}

/* ---- one run ---- */

struct run {
    struct disk_plan plan;
    enum journal_sync sync;
    bool is_cut; /* the power, at the end */
    uint32_t seed;
    char what[160];
};

static int open_diary(const struct run *run)
{
    diary.keep = KEEP;
    diary.segment_size = SEGMENT;
    diary.interval_ms = 1;
    diary.answered = on_answered;
    return diary_open(run->sync, PLENTY);
}

/* A life before, so that there are segments to recover and to remove. It was killed. */
static void live_before(const struct run *run)
{
    memset(histories, 0, sizeof(histories));
    refusals = 0;
    said = 0;
    ck_assert_int_eq(open_diary(run), 0);
    diary_presence("tea", EVENT_JOIN, 1, "ada", "0123456789abcdef");
    live(5);
    diary_kill();
}

/* After a failure that is over the journal goes on by itself. */
static void expect_going_on(const struct run *run)
{
    uint64_t before = diary.committed;

    diary_hurry();
    for (int i = 0; i < 3 && diary.committed == before; i++) {
        say("tea");
        settle();
    }
    ck_assert_msg(diary.committed > before || is_lost() || disk_is_dead(), "%s: it does not go on",
                  run->what);
}

static void live_on_it(const struct run *run)
{
    if (open_diary(run) < 0) {
        ck_assert_msg(diary.problem.text[0] != '\0' || errno != 0, "%s: no line", run->what);
        return;
    }
    live(6);
    if (!is_lost() && !disk_is_dead())
        expect_going_on(run);
    if (is_lost() || disk_is_dead())
        diary_kill();
    else
        diary_stop();
}

static void expect_all(const struct run *run)
{
    bool may_lose = run->is_cut && run->sync != JOURNAL_SYNC_ALWAYS;

    ck_assert_msg(open_diary(run) == 0, "%s: %s", run->what, diary.problem.text);
    for (size_t i = 0; i < ROOMS; i++)
        expect_room(i, may_lose, run->what);
}

/* Once more, with nothing wrong. */
static void expect_new_life(const struct run *run)
{
    live(2);
    ck_assert_uint_gt(diary.committed, 0);
    diary_stop();
    expect_all(run);
    ck_assert_int_eq(diary.report.state, JOURNAL_WHOLE);
    ck_assert(diary.report.was_closed);
    diary_kill();
}

static char said_in_log[16384];

/* Each line is one of those that are to be expected, and a refusal had one. */
static void expect_log(const struct run *run)
{
    static const char cannot[] =
        "msg=\"the journal cannot be written: messages are refused until it can\" call=";
    static const char *const lines[] = {cannot, "msg=\"the journal can be written again\"",
                                        "msg=\"the journal was not closed\" error="};
    bool has_told;

    log_flush();
    has_told = strstr(said_in_log, cannot) != NULL;
    ck_assert_uint_lt(strlen(said_in_log), sizeof(said_in_log) - 1);
    ck_assert_msg(refusals == 0 || has_told, "%s: refused without a line", run->what);
    for (char *line = strtok(said_in_log, "\n"); line != NULL; line = strtok(NULL, "\n"))
        ck_assert_msg(strstr(line, lines[0]) != NULL || strstr(line, lines[1]) != NULL ||
                          strstr(line, lines[2]) != NULL,
                      "%s: %s", run->what, line);
}

/* Returns whether the call was reached. */
static bool play(const struct run *run)
{
    bool has_struck;

    fault_catch_log(said_in_log, sizeof(said_in_log));
    disk_begin(diary_folder());
    live_before(run);
    disk_arm(&run->plan);
    live_on_it(run);
    diary_kill();
    has_struck = disk_has_struck();
    disk_disarm();
    if (run->is_cut)
        disk_cut_power(run->seed);
    expect_all(run);
    expect_new_life(run);
    expect_log(run);
    disk_end();
    diary_remove_folder();
    return has_struck;
}

/* What is synced is in this program's hands, so a folder in memory will do. */
static void setup(void)
{
    if (access("/dev/shm", W_OK) == 0)
        setenv("TMPDIR", "/dev/shm", 1);
}

static void teardown(void)
{
    fault_catch_log(NULL, 0);
    diary_kill();
    disk_end();
    diary_remove_folder();
}

/* ---- every call ---- */

static const char *const sync_names[] = {"always", "interval", "never"};

/* Power cuts at each call that somebody asks for; 0: nobody does. */
static uint32_t cuts_wanted(void)
{
    const char *wanted = getenv("WSCHAT_POWER_CUTS");

    return wanted == NULL ? 0 : (uint32_t)strtoul(wanted, NULL, 10);
}

/* Plays one call after the other; or every `step`th, where nobody has asked for all. */
static void play_all(struct run run, const char *fault, long first, long step)
{
    bool is_all = cuts_wanted() > 0;

    run.plan.nth = is_all ? 0 : first - step;
    do {
        run.plan.nth += is_all ? 1 : step;
        snprintf(run.what, sizeof(run.what), "%s at call %ld (%s), %s, %s %u", fault, run.plan.nth,
                 strerror(run.plan.error), sync_names[run.sync],
                 run.is_cut ? "then a power cut" : "no power cut", run.seed);
    } while (play(&run));
    ck_assert_int_gt(run.plan.nth, 40);
}

static const struct {
    struct disk_plan plan;
    const char *name;
} faults[] = {
    {{DISK_FAIL, ENOSPC, 0, 1, 0}, "failing"}, {{DISK_FAIL, EDQUOT, 0, 3, 0}, "failing thrice"},
    {{DISK_FAIL, EIO, 0, 1, 0}, "failing"},    {{DISK_FAIL, EINTR, 0, 1, 0}, "failing"},
    {{DISK_FAIL, EROFS, 0, 2, 0}, "failing"},  {{DISK_SHORT, 0, 0, 2, 0}, "short"},
    {{DISK_TORN, ENOSPC, 0, 1, 0}, "torn"},    {{DISK_TORN, EIO, 0, 2, 0}, "torn"},
};

START_TEST(a_call_that_fails)
{
    struct run run = {.plan = faults[_i].plan};

    play_all(run, faults[_i].name, 1 + _i % 4, 4);
    run.is_cut = true;
    run.seed = 1;
    play_all(run, faults[_i].name, 1 + (_i + 2) % 4, 4);
}
END_TEST

/* Without a sync to wait for the giver writes itself, while the thread syncs when it is due: each
 * run meets the two at other places. */
START_TEST(a_call_that_fails_within_the_tick)
{
    struct run run = {.plan = faults[_i].plan};

    for (int mode = JOURNAL_SYNC_INTERVAL; mode <= JOURNAL_SYNC_NEVER; mode++) {
        run.sync = (enum journal_sync)mode;
        run.is_cut = _i % 2 == 0;
        run.seed = 1;
        play_all(run, faults[_i].name, 1 + _i % 3, 3);
    }
}
END_TEST

/* What was refused is taken back for good before anybody hears of it. */
START_TEST(a_refusal_and_then_a_power_cut)
{
    struct run run = {
        .plan = {DISK_TORN, ENOSPC, 0, 1, 3}, .sync = (enum journal_sync)_i, .is_cut = true};

    for (run.seed = 1; run.seed <= 2; run.seed++)
        play_all(run, "torn, then death", run.seed, 2);
}
END_TEST

START_TEST(a_kill_at_any_call)
{
    struct run run = {.plan = {DISK_DEATH, EIO, 0, 1, 0}, .sync = (enum journal_sync)_i};

    play_all(run, "death", 1, _i == JOURNAL_SYNC_ALWAYS ? 1 : 3);
}
END_TEST

START_TEST(a_power_cut_at_any_call)
{
    struct run run = {
        .plan = {DISK_DEATH, EIO, 0, 1, 0}, .sync = (enum journal_sync)_i, .is_cut = true};
    uint32_t cuts = cuts_wanted() == 0 ? 1 : cuts_wanted();

    for (run.seed = 1; run.seed <= cuts; run.seed++)
        play_all(run, "death", 1, _i == JOURNAL_SYNC_ALWAYS ? 1 : 2);
}
END_TEST

/* ---- many messages ---- */

#define CUTS 100
#define TALK 40 /* messages that go to the disk at once, of each room */

/* Each room is told 0, 1, 2, ...: so many were said, and so many acknowledged. */
static struct tale {
    uint64_t said, sure;
} tales[ROOMS];

static void on_told(const struct diary_room *room, const struct event *event,
                    const struct log_ticket *ticket, bool is_committed)
{
    struct tale *tale = &tales[strcmp(room->name, rooms[0]) == 0 ? 0 : 1];
    char text[24];

    (void)ticket;
    if (!is_committed || disk_is_dead() || is_lost())
        return;
    copy_str(text, sizeof(text), event->text);
    ck_assert_uint_eq(strtoull(text, NULL, 10), tale->sure);
    tale->sure++;
}

/* Returns how many are sure in all. */
static uint64_t tell_some(void)
{
    char text[24];

    for (int i = 0; i < TALK * ROOMS; i++) {
        snprintf(text, sizeof(text), "%llu", (unsigned long long)tales[i % ROOMS].said++);
        diary_say(rooms[i % ROOMS], 1, text);
    }
    diary_settle();
    return tales[0].sure + tales[1].sure;
}

static void expect_tale(size_t i)
{
    const struct diary_room *room = diary_room(rooms[i]);
    struct tale *tale = &tales[i];
    uint64_t first;

    ck_assert_uint_eq(room->kept_count, KEEP);
    first = strtoull(room->kept[0].text, NULL, 10);
    for (size_t k = 0; k < KEEP; k++)
        ck_assert_uint_eq(strtoull(room->kept[k].text, NULL, 10), first + k);
    ck_assert_msg(first + KEEP >= tale->sure && first + KEEP <= tale->said,
                  "%s: %llu are there, %llu were acknowledged, of %llu", rooms[i],
                  (unsigned long long)first + KEEP, (unsigned long long)tale->sure,
                  (unsigned long long)tale->said);
    tale->said = tale->sure = first + KEEP;
}

static void open_tales(void)
{
    diary.keep = KEEP;
    diary.segment_size = 16 * SEGMENT;
    diary.answered = on_told;
    ck_assert_msg(diary_open(JOURNAL_SYNC_ALWAYS, 8 * 16 * SEGMENT) == 0, "%s", diary.problem.text);
}

/* A hundred lives, each of which ends with a power cut in the middle of what it says.
 * WSCHAT_POWER_MESSAGES=1000000 is for somebody who has the time. */
START_TEST(many_messages_and_power_cuts)
{
    const char *wanted = getenv("WSCHAT_POWER_MESSAGES");
    uint64_t goal = wanted == NULL ? 16000 : strtoull(wanted, NULL, 10);

    memset(tales, 0, sizeof(tales));
    fault_catch_log(said_in_log, sizeof(said_in_log));
    disk_begin(diary_folder());
    for (uint32_t cut = 0; cut < CUTS; cut++) {
        struct disk_plan plan = {DISK_DEATH, EIO, 1 + cut % 11, 1, 0};

        open_tales();
        for (uint64_t sure = 0; sure < goal * (cut + 1) / CUTS;)
            sure = tell_some();
        disk_arm(&plan);
        while (!disk_is_dead())
            tell_some();
        diary_kill();
        disk_disarm();
        disk_cut_power(cut);
        open_tales();
        for (size_t i = 0; i < ROOMS; i++)
            expect_tale(i);
        diary_kill();
    }
    ck_assert_uint_ge(tales[0].sure + tales[1].sure, goal);
}
END_TEST

Suite *suite_journal_faults(void)
{
    Suite *suite = suite_create("journal_faults");
    TCase *tc = tcase_create("journal_faults");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_set_timeout(tc, 3600);
    tcase_add_loop_test(tc, a_call_that_fails, 0, (int)ARRAY_LEN(faults));
    tcase_add_loop_test(tc, a_call_that_fails_within_the_tick, 0, (int)ARRAY_LEN(faults));
    tcase_add_loop_test(tc, a_refusal_and_then_a_power_cut, 0, 3);
    tcase_add_loop_test(tc, a_kill_at_any_call, 0, 3);
    tcase_add_loop_test(tc, a_power_cut_at_any_call, 0, 3);
    tcase_add_test(tc, many_messages_and_power_cuts);
    suite_add_tcase(suite, tc);
    return suite;
}
