/* Which calls of the system a program makes, one after the other, as ptrace(2) tells. */
#ifndef TESTS_TRACER_H
#define TESTS_TRACER_H

/* In a child that is about to start a program of one thread: from the program's first call on, a
 * process beside it writes a line for each into this file, `+` and its number; and another, with
 * `-`, where it only said EAGAIN, for how often that is so is a matter of time. It holds the
 * program's stderr open until all is written. Where the kernel does not allow that, the file stays
 * empty. */
void trace_calls(const char *path);

#endif
