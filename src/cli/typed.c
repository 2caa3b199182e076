#include "cli/typed.h"

#include "base/util.h"

static struct typed read_message(struct str rest, const struct roster *roster)
{
    struct typed typed = {.kind = TYPED_SAY};

    typed.to = roster_find(roster, rest, &typed.text);
    typed.text = str_trim(typed.text);
    if (typed.to == 0 || typed.text.len == 0)
        return (struct typed){.kind = TYPED_NOBODY, .text = rest};
    return typed;
}

struct typed typed_read(struct str line, const struct roster *roster)
{
    static const struct {
        const char *word;
        enum typed_kind kind;
    } commands[] = {
        {"/name", TYPED_NAME},
        {"/who", TYPED_WHO},
        {"/help", TYPED_HELP},
        {"/quit", TYPED_QUIT},
    };
    struct str rest = line, command;

    if (line.len == 0 || line.ptr[0] != '/')
        return (struct typed){.kind = TYPED_SAY, .text = line};
    if (line.len > 1 && line.ptr[1] == '/')
        return (struct typed){.kind = TYPED_SAY, .text = {line.ptr + 1, line.len - 1}};
    command = str_cut(&rest, ' ');
    rest = rest.ptr == NULL ? (struct str){"", 0} : str_trim(rest);
    if (str_equals(command, STR("/msg")))
        return read_message(rest, roster);
    for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
        if (str_equals(command, str_from(commands[i].word)))
            return (struct typed){.kind = commands[i].kind, .text = rest};
    }
    return (struct typed){.kind = TYPED_UNKNOWN, .text = command};
}
