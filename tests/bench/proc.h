/* What the kernel knows about a process: CPU time and memory. */
#ifndef BENCH_PROC_H
#define BENCH_PROC_H

#include <stdint.h>
#include <sys/types.h>

/* CPU time of all threads of the process in nanoseconds, user and system; 0 where it is gone. */
uint64_t proc_cpu_ns(pid_t pid);

/* Time that its main thread was ready to run and did not get the CPU, in nanoseconds; 0 where it is
 * gone. */
uint64_t proc_delay_ns(pid_t pid);

/* Page faults that needed no disk, and the clock ticks it spent in user mode and in the kernel: for
 * the ratio between the two. */
struct proc_stat {
    uint64_t faults;
    uint64_t user;
    uint64_t system;
};
struct proc_stat proc_stat(pid_t pid);

/* Memory that is the process's own (private, clean or dirty), in bytes; 0 where that is not known.
 */
uint64_t proc_private_bytes(pid_t pid);

#endif
