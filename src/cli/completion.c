#include "cli/completion.h"

#include <string.h>

#include "cli/glyph.h"
#include "cli/typed.h"

static bool completion_fits(struct str candidate, struct str begun)
{
    return candidate.len >= begun.len &&
           str_equals_nocase((struct str){candidate.ptr, begun.len}, begun);
}

/* Bytes of whole characters that both begin with, without case. */
static size_t completion_common(struct str a, struct str b)
{
    size_t len = 0;

    while (len < a.len && len < b.len) {
        size_t step = glyph_first((struct str){a.ptr + len, a.len - len}).len;

        if (!completion_fits((struct str){b.ptr + len, b.len - len},
                             (struct str){a.ptr + len, step}))
            break;
        len += step;
    }
    return len;
}

/* One more that may be meant. */
static void completion_offer(struct completion *found, struct str candidate, struct str begun)
{
    if (candidate.len == 0 || !completion_fits(candidate, begun))
        return;
    found->is_whole = found->text.ptr == NULL;
    if (found->is_whole)
        found->text = candidate;
    else
        found->text.len = completion_common(found->text, candidate);
}

static void completion_of_commands(struct completion *found, struct str begun)
{
    const char *word;

    for (size_t i = 0; (word = typed_command(i)) != NULL; i++)
        completion_offer(found, str_from(word), begun);
}

static void completion_of_names(struct completion *found, struct str begun,
                                const struct roster *roster)
{
    for (size_t i = 0; i < roster->known && begun.len > 0; i++)
        completion_offer(found, (struct str){roster->members[i].name, roster->members[i].name_len},
                         begun);
}

static void completion_of_rooms(struct completion *found, struct str begun,
                                const struct rooms *rooms)
{
    struct str name;

    for (size_t i = 0; (name = rooms_name(rooms, i)).ptr != NULL; i++)
        completion_offer(found, name, begun);
}

/* What begins behind the last blank, or "@". */
static struct str completion_last_word(struct str text)
{
    size_t at = text.len;

    while (at > 0 && text.ptr[at - 1] != ' ' && text.ptr[at - 1] != '@' && text.ptr[at - 1] != '\n')
        at--;
    return (struct str){text.ptr + at, text.len - at};
}

/* Names may contain blanks: behind these commands all the rest may be one, with an "@" or not. */
static bool completion_takes_name(struct str command)
{
    return str_equals_nocase(command, STR("/msg")) || str_equals_nocase(command, STR("/kick")) ||
           str_equals_nocase(command, STR("/ban"));
}

bool completion_find(struct completion *found, struct str before, const struct roster *roster,
                     const struct rooms *rooms)
{
    struct str rest = before, command = str_cut(&rest, ' '), begun;

    *found = (struct completion){.begun = 0, .text = {NULL, 0}};
    if (command.len > 0 && command.ptr[0] == '/' && rest.ptr == NULL) {
        begun = (struct str){command.ptr + 1, command.len - 1};
        completion_of_commands(found, begun);
    } else if (rest.ptr != NULL && str_equals_nocase(command, STR("/room"))) {
        begun = rest;
        completion_of_rooms(found, begun, rooms);
    } else {
        if (rest.ptr == NULL || !completion_takes_name(command))
            begun = completion_last_word(before);
        else if (rest.len > 0 && rest.ptr[0] == '@')
            begun = (struct str){rest.ptr + 1, rest.len - 1};
        else
            begun = rest;
        completion_of_names(found, begun, roster);
    }
    found->begun = begun.len;
    return found->text.ptr != NULL && (found->is_whole || found->text.len > begun.len);
}
