/* Runs every suite of one folder. The Makefile writes suites.inc from the names of the test files:
 * a line SUITE(name) for each test_name.c. CK_RUN_SUITE, CK_RUN_CASE, CK_FORK and CK_VERBOSITY work
 * as libcheck says. CK_SUITES names several, with blanks between. With CK_JOBS=N as many suites run
 * at a time, each in a process of its own: most of what the tests of a real program take is
 * waiting. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <check.h>

#include "base/util.h"

#define SUITE(name) Suite *suite_##name(void);
#include "suites.inc"
#undef SUITE

/* The linker puts it in place of libcheck's, which writes each assertion that holds to a file, for
 * the report of a crash: two million writes in one suite. Each place is told the first time. */
void __real__mark_point(const char *file, int line);
void __wrap__mark_point(const char *file, int line);

void __wrap__mark_point(const char *file, int line)
{
    static const char *told[1 << 14]; /* by line: the file that was told of */
    const char **slot = &told[(unsigned)line % ARRAY_LEN(told)];

    if (*slot == file)
        return;
    *slot = file;
    __real__mark_point(file, line);
}

struct suite {
    const char *name;
    Suite *(*make)(void);
};

static struct suite suites[] = {
#define SUITE(name) {#name, suite_##name},
#include "suites.inc"
#undef SUITE
};
static size_t suite_count = ARRAY_LEN(suites);

/* Keeps those that `names` has; ends the program at one that there is not. */
static void choose(const char *names)
{
    char *copy = strdup(names);
    size_t chosen = 0;

    if (copy == NULL)
        abort();
    for (char *name = strtok(copy, " "); name != NULL; name = strtok(NULL, " ")) {
        size_t i = chosen;
        struct suite found;

        while (i < suite_count && strcmp(suites[i].name, name) != 0)
            i++;
        if (i == suite_count) {
            fprintf(stderr, "check: there is no suite %s\n", name);
            exit(EXIT_FAILURE);
        }
        found = suites[i];
        suites[i] = suites[chosen];
        suites[chosen++] = found;
    }
    suite_count = chosen;
    free(copy);
}

/* Runs `count` suites. Returns how many of their tests failed. */
static int run(const struct suite *suite, size_t count)
{
    SRunner *runner = srunner_create(NULL);
    int failed;

    for (size_t i = 0; i < count; i++)
        srunner_add_suite(runner, suite[i].make());
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed;
}

/* ---- several at a time ---- */

struct job {
    pid_t pid;    /* 0: it is done */
    FILE *output; /* what its runner says */
};

static struct job jobs[ARRAY_LEN(suites)];
static struct {
    int checks, failures, errors;
} total;

static void start(size_t which)
{
    struct job *job = &jobs[which];

    job->output = tmpfile();
    /* Programs that are tested have no more descriptors than they would have otherwise. */
    if (job->output == NULL || fcntl(fileno(job->output), F_SETFD, FD_CLOEXEC) < 0 ||
        (job->pid = fork()) < 0) {
        perror("check");
        exit(EXIT_FAILURE);
    }
    if (job->pid > 0)
        return;
    dup2(fileno(job->output), STDOUT_FILENO);
    exit(run(&suites[which], 1) == 0 ? EXIT_SUCCESS : EXIT_FAILURE);
}

/* Waits for one of them. */
static void wait_for_one(void)
{
    int status;
    pid_t pid = wait(&status);

    for (size_t i = 0; i < ARRAY_LEN(jobs); i++) {
        if (jobs[i].pid != pid)
            continue;
        jobs[i].pid = 0;
        if (!WIFEXITED(status))
            total.errors++;
    }
}

/* Shows what a runner said, but for its title, and for the line with its numbers, which are added
 * up. */
static void collect(FILE *output)
{
    char *line = NULL;
    size_t size = 0;
    int checks, failures, errors;

    rewind(output);
    while (getline(&line, &size, output) > 0) {
        if (sscanf(line, "%*d%%: Checks: %d, Failures: %d, Errors: %d", &checks, &failures,
                   &errors) == 3) {
            total.checks += checks;
            total.failures += failures;
            total.errors += errors;
        } else if (strncmp(line, "Running suite", strlen("Running suite")) != 0) {
            fputs(line, stdout);
        }
    }
    free(line);
    fclose(output);
}

/* The first and the last line are as libcheck writes them. */
static int run_in_jobs(size_t at_a_time)
{
    size_t running = 0;
    int bad;

    for (size_t i = 0; i < suite_count; i++) {
        if (running == at_a_time) {
            wait_for_one();
            running--;
        }
        start(i);
        running++;
    }
    for (; running > 0; running--)
        wait_for_one();
    for (size_t i = 0; i < suite_count; i++)
        printf("%s %s\n", i == 0 ? "Running suite(s):" : "", suites[i].name);
    for (size_t i = 0; i < suite_count; i++)
        collect(jobs[i].output);
    bad = total.failures + total.errors;
    printf("%d%%: Checks: %d, Failures: %d, Errors: %d\n",
           total.checks > 0 ? (total.checks - bad) * 100 / total.checks : 0, total.checks,
           total.failures, total.errors);
    return bad;
}

int main(void)
{
    const char *wanted = getenv("CK_JOBS");
    const char *names = getenv("CK_SUITES");
    size_t at_a_time = wanted != NULL ? strtoul(wanted, NULL, 10) : 1;
    int failed;

    /* A hang guard, not a measure: slow machines and sanitizers must pass too. */
    setenv("CK_DEFAULT_TIMEOUT", "120", 0);
    if (names != NULL)
        choose(names);
    if (at_a_time > 1 && getenv("CK_RUN_SUITE") == NULL)
        failed = run_in_jobs(at_a_time);
    else
        failed = run(suites, suite_count);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
