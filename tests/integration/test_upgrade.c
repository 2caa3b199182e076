/* SIGUSR2 to a keeper: another process takes over all that the worker has, and nobody notices; and
 * whatever goes wrong, people stay where they are. */
#include "exposition.h"
#include "relay.h"
#include "upgrading.h"
#include "v1.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/handover_wire.h"

Suite *suite_upgrade(void);

static void expect_refused(struct server *s, const char *why)
{
    char line[256];

    snprintf(line, sizeof(line), "why=%s", why);
    server_signal(s, SIGUSR2);
    server_wait_for(s, "nobody was handed over");
    server_wait_for(s, line);
}

static bool is_alive(pid_t pid)
{
    return kill(pid, 0) == 0;
}

static void expect_talk(struct seat *a, struct seat *b, const char *text)
{
    seat_say(a, text);
    seat_expect_message(a, a->id, text);
    seat_expect_message(b, a->id, text);
}

/* ---- all goes well ---- */

START_TEST(people_stay_and_the_worker_is_another)
{
    struct server *s = upgrade_start(NULL);
    struct seat *a = seat_open(s, 1, "room=tea"), *b = seat_open(s, 2, "room=tea");
    pid_t old = upgrade_worker(s);

    seat_expect_presence(a, "join", 2, "");
    for (int i = 0; i < 3; i++) {
        expect_talk(a, b, "before");
        upgrade(s);
        ck_assert(!is_alive(old));
        old = upgrade_worker(s);
        expect_talk(b, a, "after");
    }
    seat_leave(a);
    seat_expect_presence(b, "leave", 1, "");
    seat_leave(b);
    server_stop(s);
    ck_assert(!is_alive(old));
}
END_TEST

static void return_to_tea(struct seat *seat, const struct server *s)
{
    ck_assert_ptr_null(seat_connect(seat, s, "&room=tea"));
    seat_read_welcome(seat);
    ck_assert(seat->recovered);
}

/* What was said before and behind a hand-over stands in one journal, without a segment more. */
START_TEST(a_journal_goes_on)
{
    static const char *const syncs[] = {"always", "interval", "never"};
    char folder[128], second[160];
    struct server *s;
    struct seat *a, *b, *c;

    snprintf(folder, sizeof(folder), "%s", test_path("journal"));
    snprintf(second, sizeof(second), "%s/0000000000000002", folder);
    s = upgrade_start(LIST("--journal", folder, "--journal-sync", syncs[_i]));
    a = seat_open(s, 1, "room=tea");
    b = seat_open(s, 2, "room=tea");

    seat_expect_presence(a, "join", 2, "");
    for (int i = 0; i < 3; i++) {
        expect_talk(a, b, "before");
        seat_say(a, "under way");
        upgrade(s);
        seat_expect_message(a, 1, "under way");
        seat_expect_message(b, 1, "under way");
        expect_talk(b, a, "after");
    }
    ck_assert_int_eq(access(second, F_OK), -1);
    kill(upgrade_worker(s), SIGKILL);
    server_wait_for(s, "the worker died");
    seat_break(a);
    seat_break(b);
    server_wait_for(s, "records=12");
    return_to_tea(a, s);
    return_to_tea(b, s);
    c = seat_open(s, 3, "room=tea&history=100");
    for (int i = 0; i < 3; i++) {
        seat_expect_message(c, 1, "before");
        seat_expect_message(c, 1, "under way");
        seat_expect_message(c, 2, "after");
    }
    seat_drop(a);
    seat_drop(b);
    seat_drop(c);
    server_stop(s);
}
END_TEST

static void expect_version(struct server *s, const char *version)
{
    char *text = metrics_read(s), line[64];

    snprintf(line, sizeof(line), "wschat_build_info{version=\"%s\"}", version);
    metric_expect(text, line, 1);
    free(text);
}

/* And back. */
START_TEST(another_version_takes_over)
{
    struct server *s = upgrade_start(LIST("--admin", "127.0.0.1:0"));
    struct seat *a = seat_open(s, 1, "room=tea"), *b = seat_open(s, 2, "room=tea");

    seat_expect_presence(a, "join", 2, "");
    program_install(upgrade_program(), WSCHAT_NEXT);
    upgrade(s);
    server_wait_for(s, "the keeper is the new program, too\" version=next");
    expect_version(s, "next");
    expect_talk(a, b, "at the next");
    program_install(upgrade_program(), program_path());
    upgrade(s);
    expect_version(s, WSCHAT_VERSION);
    expect_talk(b, a, "and back");
    seat_drop(a);
    seat_drop(b);
    server_stop(s);
}
END_TEST

/* A worker that crashes then is started again as what the last one was. */
START_TEST(the_program_that_took_over_is_the_one_that_is_started_again)
{
    struct server *s = upgrade_start(LIST("--admin", "127.0.0.1:0"));

    program_install(upgrade_program(), WSCHAT_NEXT);
    upgrade(s);
    ck_assert_int_eq(unlink(upgrade_program()), 0);
    ck_assert_int_eq(kill(upgrade_worker(s), SIGKILL), 0);
    upgrade_wait_for(s, "worker started\" pid=", 2);
    expect_version(s, "next");
    server_stop(s);
}
END_TEST

/* ---- programs that are none ---- */

static void put_text(const char *path, const char *text)
{
    FILE *file;

    ck_assert_int_eq(unlink(path), 0);
    file = fopen(path, "w");
    ck_assert_ptr_nonnull(file);
    fputs(text, file);
    ck_assert_int_eq(fclose(file), 0);
    ck_assert_int_eq(chmod(path, 0755), 0);
}

START_TEST(a_program_that_is_gone_is_told_and_people_stay)
{
    struct server *s = upgrade_start(NULL);
    struct client *c = ws_open_chat(s, 1);

    ck_assert_int_eq(unlink(upgrade_program()), 0);
    expect_refused(s, "");
    server_wait_for(s, "No such file or directory");
    ws_send_text(c, "hi");
    ws_expect_text(c, "You wrote: hi");
    program_install(upgrade_program(), program_path());
    upgrade(s);
    server_stop(s);
    client_close(c);
}
END_TEST

START_TEST(a_program_that_cannot_be_run_is_told_and_people_stay)
{
    struct server *s = upgrade_start(NULL);
    struct client *c = ws_open_chat(s, 1);

    put_text(upgrade_program(), _i == 0 ? "this is no program\n" : "#!/bin/sh\nexit 0\n");
    expect_refused(s, "\"the new worker ended before it had everything\" status=127");
    ws_send_text(c, "hi");
    ws_expect_text(c, "You wrote: hi");
    ws_leave(c);
    server_stop(s);
}
END_TEST

START_TEST(a_program_that_is_another_one_is_told_and_people_stay)
{
    struct server *s = upgrade_start(NULL);
    struct client *c = ws_open_chat(s, 1);

    program_install(upgrade_program(), "/bin/false");
    expect_refused(s, "\"the new worker ended before it had everything\" status=");
    ws_send_text(c, "hi");
    ws_expect_text(c, "You wrote: hi");
    ws_leave(c);
    server_stop(s);
}
END_TEST

START_TEST(a_program_of_another_format_is_told_and_people_stay)
{
    struct server *s = upgrade_start(NULL);
    struct client *c = ws_open_chat(s, 1);

    relay_install(upgrade_program(), &(struct relay_rule){RELAY_FORMAT, 0, HANDOVER_HELLO, 0});
    expect_refused(s, "\"the new program hands over in another way than this one: restart it\"");
    ws_send_text(c, "hi");
    ws_expect_text(c, "You wrote: hi");
    ws_leave(c);
    server_stop(s);
}
END_TEST

/* ---- deaths at each step ---- */

static const uint16_t steps[] = {HANDOVER_HELLO, HANDOVER_BEGIN, HANDOVER_BATCH, HANDOVER_ACK,
                                 HANDOVER_CLOCK, HANDOVER_END,   HANDOVER_READY};

/* The second half of the rounds has a journal. */
#define ROUNDS (2 * (int)ARRAY_LEN(steps))

static struct server *start_round(int round)
{
    static char folder[128];

    if (round < (int)ARRAY_LEN(steps))
        return upgrade_start(NULL);
    snprintf(folder, sizeof(folder), "%s", test_path("journal"));
    return upgrade_start(LIST("--journal", folder));
}

static uint16_t step_of(int round)
{
    return steps[round % (int)ARRAY_LEN(steps)];
}

/* The old worker never let go of them. */
START_TEST(an_heir_may_die_at_any_step)
{
    struct server *s = start_round(_i);
    struct seat *a = seat_open(s, 1, "room=tea"), *b = seat_open(s, 2, "room=tea");
    struct relay_rule rule = {RELAY_HEIR, SIGKILL, step_of(_i), upgrade_worker(s)};

    seat_expect_presence(a, "join", 2, "");
    relay_install(upgrade_program(), &rule);
    expect_refused(s, "");
    server_wait_for(s, "signal=SIGKILL");
    expect_talk(a, b, "still here");
    rule.target = RELAY_NOBODY;
    relay_install(upgrade_program(), &rule);
    upgrade(s);
    expect_talk(b, a, "and now there");
    seat_drop(a);
    seat_drop(b);
    server_stop(s);
}
END_TEST

/* The old worker has ended, and nobody has what it had: that is a crash, and not the end. */
START_TEST(an_heir_may_die_with_all_that_it_has)
{
    struct server *s = start_round(_i);
    struct seat *a = seat_open(s, 1, "room=tea");

    relay_install(upgrade_program(),
                  &(struct relay_rule){RELAY_HEIR, SIGKILL, HANDOVER_GO, upgrade_worker(s)});
    server_signal(s, SIGUSR2);
    server_wait_for(s, "the new worker ended with all that it had");
    server_wait_for(s, "the worker died, and is started again");
    seat_drop(a);
    relay_install(upgrade_program(), &(struct relay_rule){RELAY_NOBODY, 0, 0, 0});
    a = seat_open(s, 2, "room=den");
    upgrade(s);
    seat_sync(a);
    seat_drop(a);
    server_stop(s);
}
END_TEST

START_TEST(an_heir_may_hang_at_any_step)
{
    struct server *s = upgrade_start(NULL);
    struct seat *a = seat_open(s, 1, "room=tea"), *b = seat_open(s, 2, "room=tea");

    seat_expect_presence(a, "join", 2, "");
    relay_install(
        upgrade_program(),
        &(struct relay_rule){RELAY_HEIR, SIGSTOP, _i == 0 ? HANDOVER_BEGIN : HANDOVER_END, 0});
    expect_refused(s, "\"the new worker did not answer in time\"");
    expect_talk(a, b, "still here");
    seat_drop(a);
    seat_drop(b);
    server_stop(s);
}
END_TEST

START_TEST(a_record_that_was_damaged_is_noticed)
{
    struct server *s = upgrade_start(NULL);
    struct client *c = ws_open_chat(s, 1);

    relay_install(upgrade_program(), &(struct relay_rule){RELAY_BITS, 0, steps[_i], 0});
    expect_refused(s, "\"a record's checksum is wrong\"");
    ws_send_text(c, "hi");
    ws_expect_text(c, "You wrote: hi");
    ws_leave(c);
    server_stop(s);
}
END_TEST

/* As long as the heir has not everything, that is a crash as any. Then the heir has it. */
START_TEST(the_old_worker_may_die_at_any_step)
{
    struct server *s = start_round(_i);
    struct seat *a = seat_open(s, 1, "room=tea"), *b = seat_open(s, 2, "room=tea");
    bool has_all = step_of(_i) >= HANDOVER_CLOCK; /* so small a state is sent at once */

    seat_expect_presence(a, "join", 2, "");
    expect_talk(a, b, "before");
    relay_install(upgrade_program(),
                  &(struct relay_rule){RELAY_OLD, SIGKILL, step_of(_i), upgrade_worker(s)});
    server_signal(s, SIGUSR2);
    if (has_all) {
        /* One with a thread takes a while to be gone, and then it was handed over before. */
        if (_i < (int)ARRAY_LEN(steps))
            server_wait_for(s, "the worker died, but the new one has all");
        server_wait_for(s, "the keeper is the new program, too");
        expect_talk(a, b, "still here");
    } else {
        server_wait_for(s, "the worker died, and is started again");
        client_drain(a->c);
        client_drain(b->c);
        upgrade_wait_for(s, "worker started\" pid=", 2);
        ws_leave(ws_open_chat(s, 3));
    }
    if (!has_all && _i >= (int)ARRAY_LEN(steps)) {
        seat_break(a);
        seat_break(b);
        return_to_tea(a, s);
        return_to_tea(b, s);
        expect_talk(a, b, "and on");
    }
    seat_drop(a);
    seat_drop(b);
    server_stop(s);
}
END_TEST

/* ---- signals meanwhile ---- */

START_TEST(a_second_one_waits_for_its_own_signal)
{
    struct server *s = upgrade_start(NULL);
    struct client *c = ws_open_chat(s, 1);

    relay_install(upgrade_program(), &(struct relay_rule){RELAY_KEEPER, SIGUSR2, HANDOVER_END, 0});
    upgrade(s);
    server_wait_for(s, "why=\"one is under way\"");
    ws_send_text(c, "hi");
    ws_expect_text(c, "You wrote: hi");
    ws_leave(c);
    server_stop(s);
}
END_TEST

/* Whoever has the people then says goodbye to them. */
static void wait_until_stopped(pid_t pid)
{
    char path[64], state = 0;

    snprintf(path, sizeof(path), "/proc/%ld/stat", (long)pid);
    while (state != 'T') {
        FILE *file = fopen(path, "r");

        ck_assert_ptr_nonnull(file);
        ck_assert_int_eq(fscanf(file, "%*d (%*[^)]) %c", &state), 1);
        fclose(file);
    }
}

/* Both reach the worker that has handed over in the meantime. */
START_TEST(an_end_is_not_forgotten_for_a_reload)
{
    static const char words[] = "started to hand over to\" pid=";
    struct server *s = upgrade_start(NULL);
    struct client *c = ws_open_chat(s, 1);
    pid_t heir;

    relay_install(upgrade_program(), &(struct relay_rule){RELAY_HEIR, SIGSTOP, HANDOVER_END, 0});
    server_signal(s, SIGUSR2);
    server_wait_for(s, words);
    heir = (pid_t)strtol(strstr((char *)s->err.data, words) + sizeof(words) - 1, NULL, 10);
    wait_until_stopped(heir);
    server_signal(s, SIGTERM);
    server_signal(s, SIGHUP);
    usleep(100000); /* so that the keeper has heard both */
    ck_assert_int_eq(kill(heir, SIGCONT), 0);
    ws_expect_close(c, 1001);
    ck_assert_int_eq(server_wait_exit(s), 0);
}
END_TEST

START_TEST(an_end_may_be_asked_for_at_any_step)
{
    struct server *s = upgrade_start(NULL);
    struct client *c = ws_open_chat(s, 1);

    relay_install(upgrade_program(), &(struct relay_rule){RELAY_KEEPER, SIGTERM, steps[_i], 0});
    server_signal(s, SIGUSR2);
    ws_expect_close(c, 1001);
    ck_assert_int_eq(server_wait_exit(s), 0);
}
END_TEST

Suite *suite_upgrade(void)
{
    Suite *suite = suite_create("upgrade");
    TCase *well = harness_case(suite, "well"), *programs = harness_case(suite, "programs");
    TCase *deaths = harness_case(suite, "deaths"), *signals = harness_case(suite, "signals");

    tcase_add_test(well, people_stay_and_the_worker_is_another);
    tcase_add_test(well, another_version_takes_over);
    tcase_add_test(well, the_program_that_took_over_is_the_one_that_is_started_again);
    tcase_add_loop_test(well, a_journal_goes_on, 0, 3);
    tcase_add_test(programs, a_program_that_is_gone_is_told_and_people_stay);
    tcase_add_loop_test(programs, a_program_that_cannot_be_run_is_told_and_people_stay, 0, 2);
    tcase_add_test(programs, a_program_that_is_another_one_is_told_and_people_stay);
    tcase_add_test(programs, a_program_of_another_format_is_told_and_people_stay);
    tcase_add_loop_test(deaths, an_heir_may_die_at_any_step, 0, ROUNDS);
    tcase_add_loop_test(deaths, an_heir_may_die_with_all_that_it_has, 0, 1);
    tcase_add_loop_test(deaths, an_heir_may_hang_at_any_step, 0, 2);
    tcase_add_loop_test(deaths, a_record_that_was_damaged_is_noticed, 0, ARRAY_LEN(steps));
    tcase_add_loop_test(deaths, the_old_worker_may_die_at_any_step, 0, ROUNDS);
    tcase_add_test(signals, a_second_one_waits_for_its_own_signal);
    tcase_add_test(signals, an_end_is_not_forgotten_for_a_reload);
    tcase_add_loop_test(signals, an_end_may_be_asked_for_at_any_step, 0, ARRAY_LEN(steps));
    return suite;
}
