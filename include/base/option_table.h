/* Options from one table: it drives the command line, the environment, and --help. */
#ifndef BASE_OPTION_TABLE_H
#define BASE_OPTION_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

enum options_result { OPTIONS_RUN, OPTIONS_EXIT_OK, OPTIONS_EXIT_FAILURE, OPTIONS_EXIT_USAGE };

enum option_kind {
    OPTION_NUMBER,
    OPTION_SIZE,    /* bytes, with k or m */
    OPTION_SECONDS, /* up to three decimals; kept in milliseconds */
    OPTION_CHOICE,  /* a word of `values`, kept as its place */
    OPTION_PORT,
    OPTION_PATH,
    OPTION_TEXT, /* any text, kept as it is */
    OPTION_FLAG, /* no value: it is there or not; a bool */
    OPTION_VERSION,
    OPTION_HELP,
    OPTION_KINDS, /* from here on: the table's own types */
};

/* A kind of value that only one table knows. */
struct option_type {
    bool (*set)(void *field, struct str text); /* returns false where it is no such value */
    const char *wanted;                        /* what a wrong one is not: "a path" */
    bool is_repeatable;                        /* each value adds to those before */
};

struct option {
    const char *name;
    unsigned kind;        /* enum option_kind, or OPTION_KINDS + the place of a type */
    const char *values;   /* how --help calls the value, and the words of a choice: "others|all";
                             "[WHAT]": it may be left out, and else stands behind "=" */
    const char *standard; /* default, as one would type it; NULL: none */
    size_t field;         /* offset in the record that is filled */
    uint64_t min, max;    /* bounds of a number, a size (bytes) or a time (milliseconds) */
    const char *help;
};

/* The options of the program or of a subcommand, and the record that they fill. */
struct option_table {
    const struct option *items;
    size_t count;
    const struct option_type *types; /* of the kinds from OPTION_KINDS on; NULL: it has none */
    size_t record_size;              /* bytes of the record; it is all zero before the defaults */
    const char *program;             /* what --help is asked of: "wschat" */
    const char *twins;               /* what their names in the environment begin with: "WSCHAT_" */
    const char *usage;               /* what --help says in front of the options, and behind them */
    const char *notes;
    const char *argument;  /* what the one argument is that is no option; NULL: there is none */
    size_t argument_field; /* where it goes: a const char * */

    /* Called before a value that is no default is set; NULL: nothing is to be done. */
    void (*choose)(void *record, const struct option *option, bool is_command_line);
};

/* Reads defaults, environment and arguments (argv[1] and on) into the record, the later ones
 * winning. OPTIONS_EXIT_OK: --help or --version was printed on stdout. OPTIONS_EXIT_FAILURE: stdout
 * could not be written. OPTIONS_EXIT_USAGE: one line on stderr says what is wrong. */
enum options_result option_table_read(const struct option_table *table, void *record, int argc,
                                      char **argv);

#endif
