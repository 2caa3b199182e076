/* The line that says why the program ends before it has begun to serve. */
#ifndef SERVER_FATAL_H
#define SERVER_FATAL_H

/* Says it, whatever the log level. Returns -1. */
int fatal(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
