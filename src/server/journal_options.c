#include "server/journal_options.h"

#include <stdio.h>
#include <string.h>

#include "base/util.h"

#define FIELD(name) offsetof(struct journal_options, name)

static const struct option items[] = {
    {"room", OPTION_TEXT, "ROOM", NULL, FIELD(room), 0, 0, "dump: of this room alone"},
    {"since", OPTION_TEXT, "WHEN", NULL, FIELD(since), 0, 0,
     "dump: from then on: a position, or a time such as 2026-11-28T09:00 (UTC)"},
    {"json", OPTION_FLAG, NULL, NULL, FIELD(json), 0, 0, "dump, verify: one JSON object a line"},
    {"follow", OPTION_FLAG, NULL, NULL, FIELD(follow), 0, 0,
     "dump: go on with what is said from now on"},
    {"version", OPTION_VERSION, NULL, NULL, 0, 0, 0, "print the version and exit"},
    {"help", OPTION_HELP, NULL, NULL, 0, 0, 0, "print this help and exit"},
};

static const struct option_table table = {
    .items = items,
    .count = ARRAY_LEN(items),
    .record_size = sizeof(struct journal_options),
    .program = "wschat journal",
    .twins = "WSCHAT_JOURNAL_",
    .usage = "Usage: wschat journal verify|dump|repair DIR [OPTION]...\n"
             "Looks at the folder of --journal. verify: ends with 0 when it is whole, with 1\n"
             "when it is damaged. dump: what was said, in order. repair: keeps what is whole,\n"
             "and the old files beside it.\n",
    .notes = "In the environment options are called WSCHAT_JOURNAL_NAME (WSCHAT_JOURNAL_ROOM\n"
             "for --room); the command line wins. verify and dump may look at the folder of a\n"
             "server that runs.\n",
    .argument = "DIR",
    .argument_field = FIELD(folder),
};

static bool find_command(const char *word, enum journal_command *command)
{
    static const char *const words[] = {
        [JOURNAL_VERIFY] = "verify",
        [JOURNAL_DUMP] = "dump",
        [JOURNAL_REPAIR] = "repair",
    };

    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        *command = (enum journal_command)i;
        if (strcmp(word, words[i]) == 0)
            return true;
    }
    return false;
}

enum options_result journal_options_read(struct journal_options *options,
                                         enum journal_command *command, int argc, char **argv)
{
    if (argc > 1 && find_command(argv[1], command))
        return option_table_read(&table, options, argc - 1, argv + 1);
    if (argc > 1 && argv[1][0] == '-')
        return option_table_read(&table, options, argc, argv);
    fprintf(stderr, "wschat: what is to be done: verify, dump or repair? See wschat journal "
                    "--help\n");
    return OPTIONS_EXIT_USAGE;
}
