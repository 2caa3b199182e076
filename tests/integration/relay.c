#include "relay.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness.h"
#include "keeper/inherited.h"
#include "keeper/rebirth.h"
#include "server/handover_wire.h"

#define RULE_NAME "RELAY_RULE"

/* ---- the test's side ---- */

const char *relay_variable(void)
{
    static char variable[256];

    snprintf(variable, sizeof(variable), RULE_NAME "=%s", test_path("rule"));
    return variable;
}

void program_install(const char *path, const char *from)
{
    int in = open(from, O_RDONLY | O_CLOEXEC), out;
    const char *fresh = test_path("fresh");
    struct stat stat;
    ssize_t n;

    ck_assert_int_ge(in, 0);
    ck_assert_int_eq(fstat(in, &stat), 0);
    out = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0755);
    ck_assert_int_ge(out, 0);
    while ((n = sendfile(out, in, NULL, (size_t)stat.st_size)) > 0)
        continue;
    ck_assert_int_eq(n, 0);
    close(in);
    close(out);
    ck_assert_int_eq(rename(fresh, path), 0);
}

void relay_install(const char *program, const struct relay_rule *rule)
{
    FILE *file = fopen(test_path("rule"), "w");

    ck_assert_ptr_nonnull(file);
    fprintf(file, "%d %d %u %ld %s\n", (int)rule->target, rule->signal, (unsigned)rule->record,
            (long)rule->old, program_path());
    ck_assert_int_eq(fclose(file), 0);
    program_install(program, "/proc/self/exe");
}

/* ---- the relay ---- */

struct relay {
    struct relay_rule rule;
    pid_t heir, keeper;
    char program[256];
    struct handover_wire up, down; /* to the old worker, to the heir */
};

static void relay_end(void)
{
    _exit(0); /* which closes both sockets */
}

static void relay_open(struct handover_wire *wire, int fd)
{
    if (wire_init(wire, fd, 1 << 16) < 0)
        relay_end();
}

/* Waits until the process is in that state: Z, it has ended; T, it is stopped. */
static void wait_for_state(pid_t pid, char wanted)
{
    char path[64], line[256], state = 'R';

    snprintf(path, sizeof(path), "/proc/%ld/stat", (long)pid);
    while (state != wanted) {
        FILE *file = fopen(path, "r");

        if (file == NULL)
            return;
        if (fgets(line, sizeof(line), file) == NULL || sscanf(line, "%*d (%*[^)]) %c", &state) != 1)
            state = wanted;
        fclose(file);
        usleep(1000);
    }
}

static void relay_strike(struct relay *relay, struct buf *record)
{
    pid_t target = relay->rule.target == RELAY_OLD    ? relay->rule.old
                   : relay->rule.target == RELAY_HEIR ? relay->heir
                                                      : relay->keeper;

    if (relay->rule.target == RELAY_BITS) {
        record->data[record->len - 1] ^= 1;
        return;
    }
    if (relay->rule.target == RELAY_FORMAT) {
        struct hand_writer w;

        hand_writer_init(&w, NULL, NULL);
        hand_begin(&w, HANDOVER_HELLO);
        hand_put_u16(&w, HANDOVER_FORMAT + 1);
        hand_end(&w);
        buf_deinit(record);
        *record = w.out;
        return;
    }
    kill(target, relay->rule.signal);
    if (relay->rule.signal == SIGKILL)
        wait_for_state(target, 'Z');
}

static int relay_send(struct handover_wire *from, struct handover_wire *to,
                      const struct buf *record)
{
    struct str bytes = {(const char *)record->data, record->len};
    int result =
        from->count > 0 ? wire_send_fds(to, bytes, from->fds, from->count) : wire_send(to, bytes);

    wire_close_received(from);
    return result;
}

/* What a dead heir has said last comes together with its end. */
static void relay_last_words(struct relay *relay, struct handover_wire *from,
                             struct handover_wire *to, const struct buf *record)
{
    kill(relay->rule.old, SIGSTOP);
    wait_for_state(relay->rule.old, 'T');
    relay_send(from, to, record);
    wire_deinit(to);
    kill(relay->rule.old, SIGCONT);
    relay_end();
}

/* One record from one to the other, with its descriptors. Where that one has ended, what it has
 * said before goes the other way. */
static void relay_pass(struct relay *relay, struct handover_wire *from, struct handover_wire *to)
{
    struct buf record;
    uint8_t header[HAND_HEADER];
    uint32_t len;
    uint16_t type;

    buf_init(&record);
    if (wire_receive(from, header, sizeof(header)) < 0)
        relay_end();
    memcpy(&len, header, sizeof(len));
    memcpy(&type, header + 8, sizeof(type));
    if (buf_append(&record, header, sizeof(header)) < 0 || buf_reserve(&record, len) < 0 ||
        wire_receive(from, record.data + record.len, len) < 0)
        relay_end();
    record.len += len;
    if (relay->rule.target != RELAY_NOBODY && type == relay->rule.record) {
        relay_strike(relay, &record);
        if (relay->rule.target == RELAY_HEIR && relay->rule.signal == SIGKILL)
            relay_last_words(relay, from, to, &record);
        relay->rule.target = RELAY_NOBODY;
    }
    if (relay_send(from, to, &record) < 0) {
        while (wire_is_ready(to))
            relay_pass(relay, to, from);
        relay_end();
    }
    buf_deinit(&record);
}

static void relay_run(struct relay *relay)
{
    for (;;) {
        struct pollfd fds[] = {{relay->up.fd, POLLIN, 0}, {relay->down.fd, POLLIN, 0}};

        if (wire_is_ready(&relay->up))
            relay_pass(relay, &relay->up, &relay->down);
        else if (wire_is_ready(&relay->down))
            relay_pass(relay, &relay->down, &relay->up);
        else
            poll(fds, 2, -1);
    }
}

static bool relay_read_rule(struct relay *relay)
{
    FILE *file = fopen(getenv(RULE_NAME), "r");
    int target = 0, count;
    unsigned record = 0;
    long old = 0;

    if (file == NULL)
        return false;
    count = fscanf(file, "%d %d %u %ld %255s", &target, &relay->rule.signal, &record, &old,
                   relay->program);
    fclose(file);
    relay->rule.target = (enum relay_target)target;
    relay->rule.record = (uint16_t)record;
    relay->rule.old = (pid_t)old;
    return count == 5;
}

/* Puts a process between the two: in the parent, the variable then names the socket to it. */
static void relay_fork(struct relay *relay, struct inherited *inherited)
{
    char text[INHERITED_TEXT_MAX];
    int pair[2], estate = inherited->estate;

    relay->heir = getpid();
    relay->keeper = getppid();
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair) < 0)
        _exit(1);
    if (fork() == 0) {
        close(inherited->keeper);
        close(pair[1]);
        for (size_t i = 0; i < inherited->count; i++)
            close(inherited->listeners[i].fd);
        relay_open(&relay->up, estate);
        relay_open(&relay->down, pair[0]);
        relay_run(relay);
    }
    close(pair[0]);
    close(estate);
    inherited->estate = pair[1];
    inherited_write(text, inherited);
    setenv(INHERITED_NAME, text, 1);
}

/* Runs before the tests would: is this a program of a keeper? */
__attribute__((constructor)) static void relay_begin(int argc, char **argv)
{
    static struct inherited inherited;
    static struct relay relay;
    const char *text = getenv(INHERITED_NAME);

    (void)argc;
    if (getenv(RULE_NAME) == NULL || (text == NULL && getenv(REBIRTH_NAME) == NULL))
        return;
    if (!relay_read_rule(&relay))
        _exit(1);
    if (text != NULL && inherited_read(&inherited, text) && inherited.estate >= 0)
        relay_fork(&relay, &inherited);
    execv(relay.program, argv);
    _exit(1);
}
