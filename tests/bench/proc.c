#include "proc.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

uint64_t proc_cpu_ns(pid_t pid)
{
    clockid_t clock;
    struct timespec t;

    if (clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &t) < 0)
        return 0;
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

uint64_t proc_delay_ns(pid_t pid)
{
    char path[40];
    uint64_t delay = 0;
    FILE *f;

    snprintf(path, sizeof(path), "/proc/%d/schedstat", (int)pid);
    f = fopen(path, "re");
    if (f == NULL)
        return 0;
    if (fscanf(f, "%*u %" SCNu64, &delay) != 1)
        delay = 0;
    fclose(f);
    return delay;
}

struct proc_stat proc_stat(pid_t pid)
{
    struct proc_stat stat = {0, 0, 0};
    char path[40];
    char line[1024] = "";
    const char *after_name;
    FILE *f;

    snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
    f = fopen(path, "re");
    if (f == NULL)
        return stat;
    if (fgets(line, sizeof(line), f) != NULL && (after_name = strrchr(line, ')')) != NULL)
        sscanf(after_name + 1,
               " %*c %*d %*d %*d %*d %*d %*u %" SCNu64 " %*u %*u %*u %" SCNu64 " %" SCNu64,
               &stat.faults, &stat.user, &stat.system);
    fclose(f);
    return stat;
}

uint64_t proc_private_bytes(pid_t pid)
{
    char path[40];
    char line[256];
    uint64_t total = 0;
    uint64_t kib;
    FILE *f;

    snprintf(path, sizeof(path), "/proc/%d/smaps_rollup", (int)pid);
    f = fopen(path, "re");
    if (f == NULL)
        return 0;
    while (fgets(line, sizeof(line), f) != NULL)
        if (sscanf(line, "Private_%*[^:]: %" SCNu64, &kib) == 1)
            total += kib * 1024;
    fclose(f);
    return total;
}
