#include "server/join_options.h"

#include <string.h>

#include "base/util.h"
#include "proto/codec/codec.h"

#define DAY ((uint64_t)86400000) /* milliseconds */
#define FIELD(name) offsetof(struct join_options, name)

static const struct option items[] = {
    {"room", OPTION_TEXT, "ROOM", NULL, FIELD(target.room), 0, 0,
     "the room to enter; wins over ?room= of the URL; without either: lobby"},
    {"name", OPTION_TEXT, "NAME", NULL, FIELD(target.name), 0, 0,
     "what others see you as; wins over ?name= of the URL"},
    {"id", OPTION_NUMBER, "ID", NULL, FIELD(target.id), 1, CODEC_ID_MAX,
     "the id to use; wins over that of the URL; without either: the time in milliseconds"},
    {"history", OPTION_NUMBER, "N", "50", FIELD(target.history), 0, 100000,
     "old messages to show first; wins over ?history= of the URL"},
    {"token-file", OPTION_TEXT, "FILE", NULL, FIELD(token_file), 0, 0,
     "a file with the token that the server asks for; it is read anew when that has expired"},
    {"json", OPTION_FLAG, NULL, NULL, FIELD(json), 0, 0,
     "print each frame as the server sent it, one JSON object a line"},
    {"quiet", OPTION_FLAG, NULL, NULL, FIELD(quiet), 0, 0,
     "print nothing of the conversation: for who only publishes"},
    {"stay", OPTION_FLAG, NULL, NULL, FIELD(stay), 0, 0,
     "go on listening after the end of standard input"},
    {"color", OPTION_CHOICE, "auto|always|never", "auto", FIELD(colour), 0, 0,
     "colours; auto: on a terminal, unless NO_COLOR is set"},
    {"give-up", OPTION_SECONDS, "SEC", "0", FIELD(give_up), 0, DAY,
     "end with 1 after so long without a connection; 0: try for ever"},
    {"ping-interval", OPTION_SECONDS, "SEC", "25", FIELD(ping_interval), 0, DAY,
     "a server that is silent for so long is pinged; 0: never"},
    {"ping-timeout", OPTION_SECONDS, "SEC", "10", FIELD(ping_timeout), 0, DAY,
     "... and left when it stays silent for so long after the ping; 0: never"},
    {"version", OPTION_VERSION, NULL, NULL, 0, 0, 0, "print the version and exit"},
    {"help", OPTION_HELP, NULL, NULL, 0, 0, 0, "print this help and exit"},
};

/* The default of --history does not win over the URL. */
static void choose_join_option(void *record, const struct option *option, bool is_command_line)
{
    struct join_options *options = record;

    (void)is_command_line;
    if (option->field == FIELD(target.history))
        options->target.has_history = true;
}

static const struct option_table table = {
    .items = items,
    .count = ARRAY_LEN(items),
    .record_size = sizeof(struct join_options),
    .program = "wschat join",
    .twins = "WSCHAT_JOIN_",
    .usage = "Usage: wschat join URL [OPTION]...\n"
             "Chats from a terminal, or says each line that comes by a pipe. URL is\n"
             "ws://HOST[:PORT][/PATH/][ws/ID]['?room=ROOM&name=NAME'], that of the page,\n"
             "or unix:PATH.\n",
    .notes = "In the environment options are called WSCHAT_JOIN_NAME (WSCHAT_JOIN_ROOM for\n"
             "--room); the command line wins. Defaults are in brackets. From a pipe it ends\n"
             "with 0 when every line was acknowledged, else with 1.\n",
    .argument = "URL",
    .argument_field = FIELD(target.url),
    .choose = choose_join_option,
};

enum options_result join_options_read(struct join_options *options, int argc, char **argv)
{
    return option_table_read(&table, options, argc, argv);
}
