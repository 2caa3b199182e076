#include "upgrading.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "client.h"
#include "relay.h"

static const char is_new[] = "the keeper is the new program, too";

unsigned upgrade_count(const struct server *s, const char *words)
{
    const char *next = s->err.len > 0 ? (const char *)s->err.data : "";
    unsigned count = 0;

    while ((next = strstr(next, words)) != NULL) {
        count++;
        next += strlen(words);
    }
    return count;
}

void upgrade_wait_for(struct server *s, const char *words, unsigned times)
{
    while (upgrade_count(s, words) < times)
        server_read(s);
}

/* Behind the last of these words; 0: nobody said them. */
static pid_t pid_behind(const struct server *s, const char *words)
{
    const char *at = NULL, *next = (const char *)s->err.data;

    while ((next = strstr(next, words)) != NULL) {
        next += strlen(words);
        at = next;
    }
    return at == NULL ? 0 : (pid_t)strtol(at, NULL, 10);
}

pid_t upgrade_worker(struct server *s)
{
    pid_t pid;

    server_wait_for(s, " uid=");
    server_wait_for(s, "worker started\" pid=");
    pid = pid_behind(s, "handed over to the new worker\" pid=");
    return pid > 0 ? pid : pid_behind(s, "worker started\" pid=");
}

const char *upgrade_program(void)
{
    return test_path("server");
}

struct server *upgrade_start(const char *const *more)
{
    const char *args[16] = {"--keeper"};
    struct launch launch = {.args = args};
    struct server *s;

    program_install(upgrade_program(), program_path());
    for (size_t i = 0; more != NULL && more[i] != NULL; i++) {
        ck_assert_uint_lt(i + 2, ARRAY_LEN(args));
        args[i + 1] = more[i];
    }
    launch.program = upgrade_program();
    launch.env = LIST(relay_variable());
    s = server_start_with(&launch);
    response_free(http_get(s, "/healthz", "")); /* there is a worker to hand over */
    return s;
}

void upgrade(struct server *s)
{
    unsigned before = upgrade_count(s, is_new);

    server_signal(s, SIGUSR2);
    upgrade_wait_for(s, is_new, before + 1);
}
