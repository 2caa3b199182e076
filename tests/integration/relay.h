/* Stands between a worker that hands over and its heir, and does something to one of them at a
 * record of its choice. The runner of these tests is the program that does it: put in the place of
 * the server's (relay_install), the keeper starts it as an heir; it then puts a process between the
 * two and becomes the real program. */
#ifndef TESTS_RELAY_H
#define TESTS_RELAY_H

#include <stdint.h>
#include <sys/types.h>

enum relay_target {
    RELAY_NOBODY, /* all goes through as it is */
    RELAY_OLD,    /* the signal goes to the old worker */
    RELAY_HEIR,   /* ... to the heir */
    RELAY_KEEPER, /* ... to the keeper */
    RELAY_BITS,   /* a bit of the record is flipped */
    RELAY_FORMAT, /* the record says that the heir speaks another format */
};

struct relay_rule {
    enum relay_target target;
    int signal;
    uint16_t record; /* enum handover_record: before the first of them goes through */
    pid_t old;
};

/* The variable that the server must be launched with, "NAME=value"; valid until the next call. */
const char *relay_variable(void);

/* Puts the runner in the place of that program; its workers are those of program_path(). */
void relay_install(const char *program, const struct relay_rule *rule);

/* Copies a program to that path; one that is there is replaced as a whole. */
void program_install(const char *path, const char *from);

#endif
