#include "tracer.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/ptrace.h>

/* A call is known when it begins, and what came of it when it ends. */
static void note_call(FILE *out, pid_t task)
{
    static long call = -1;
    struct ptrace_syscall_info info;

    if (ptrace(PTRACE_GET_SYSCALL_INFO, task, (void *)sizeof(info), &info) <= 0)
        return;
    if (info.op == PTRACE_SYSCALL_INFO_ENTRY) {
        call = (long)info.entry.nr;
        fprintf(out, "+%ld\n", call);
    } else if (info.op == PTRACE_SYSCALL_INFO_EXIT && info.exit.rval == -EAGAIN && call >= 0) {
        fprintf(out, "-%ld\n", call);
    }
}

/* Follows all threads of the program to their ends. */
static void follow(FILE *out)
{
    bool has_begun = false;
    int status;
    pid_t task;

    while ((task = waitpid(-1, &status, __WALL)) > 0) {
        int event = status >> 16, with = 0;

        if (!WIFSTOPPED(status))
            continue;
        has_begun = has_begun || event == PTRACE_EVENT_EXEC;
        if (WSTOPSIG(status) == (SIGTRAP | 0x80) && has_begun)
            note_call(out, task);
        else if (WSTOPSIG(status) != (SIGTRAP | 0x80) && event == 0)
            with = WSTOPSIG(status);
        ptrace(PTRACE_SYSCALL, task, NULL, (void *)(long)with);
    }
}

static void trace(const char *path, pid_t program, int told)
{
    const long options = PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC;
    FILE *out = fopen(path, "w");
    bool can = out != NULL && ptrace(PTRACE_SEIZE, program, NULL, (void *)options) == 0 &&
               ptrace(PTRACE_INTERRUPT, program, NULL, NULL) == 0;

    signal(SIGPIPE, SIG_IGN);
    if (write(told, can ? "y" : "n", 1) == 1 && can)
        follow(out);
    if (out != NULL)
        fclose(out);
    _exit(0);
}

void trace_calls(const char *path)
{
    pid_t program = getpid(), tracer;
    int go[2], told[2];
    char byte;

    if (pipe(go) < 0 || pipe(told) < 0)
        _exit(126);
    tracer = fork();
    if (tracer == 0) {
        /* It must not begin before the program has allowed it. */
        if (read(go[0], &byte, 1) == 1)
            trace(path, program, told[1]);
        _exit(0);
    }
    prctl(PR_SET_PTRACER, (unsigned long)tracer, 0, 0, 0);
    if (write(go[1], "", 1) != 1 || read(told[0], &byte, 1) != 1)
        _exit(126);
    close(go[0]);
    close(go[1]);
    close(told[0]);
    close(told[1]);
}
