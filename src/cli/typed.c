#include "cli/typed.h"

#include <wctype.h>

#include "base/util.h"
#include "cli/glyph.h"

static struct typed read_message(struct str rest, const struct roster *roster)
{
    struct typed typed = {.kind = TYPED_SAY};

    typed.to = roster_find(roster, rest, &typed.text);
    typed.text = str_trim(typed.text);
    if (typed.to == 0 || typed.text.len == 0)
        return (struct typed){.kind = TYPED_NOBODY, .text = rest};
    return typed;
}

/* Without what shows nothing in front: a private word must not go to the room because of it. */
static struct str skip_blanks(struct str line)
{
    while (line.len > 0) {
        struct glyph glyph = glyph_first(line);

        if (!glyph_is_blank(glyph.code))
            break;
        line = (struct str){line.ptr + glyph.len, line.len - glyph.len};
    }
    return line;
}

/* Bytes of the slash that a text begins with; 0: none. Other keyboards have other slashes. */
static size_t slash_len(struct str text)
{
    struct glyph glyph = text.len > 0 ? glyph_first(text) : (struct glyph){.code = 0};

    return glyph.code == '/' || glyph.code == 0xff0f || glyph.code == 0x2044 || glyph.code == 0x2215
               ? glyph.len
               : 0;
}

/* Bytes up to the first blank, a line end of a paste among them. */
static size_t word_len(struct str text)
{
    size_t len = 0;

    while (len < text.len) {
        struct glyph glyph = glyph_first((struct str){text.ptr + len, text.len - len});

        if (glyph_is_blank(glyph.code))
            break;
        len += glyph.len;
    }
    return len;
}

/* Commands that need nobody. Returns TYPED_UNKNOWN where it is none. */
static enum typed_kind command_kind(struct str command)
{
    static const struct {
        const char *word;
        enum typed_kind kind;
    } commands[] = {
        {"name", TYPED_NAME}, {"room", TYPED_ROOM}, {"who", TYPED_WHO},
        {"help", TYPED_HELP}, {"quit", TYPED_QUIT},
    };

    for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
        if (str_equals_nocase(command, str_from(commands[i].word)))
            return commands[i].kind;
    }
    return TYPED_UNKNOWN;
}

struct typed typed_read(struct str line, const struct roster *roster)
{
    struct str seen = skip_blanks(line), rest, command;
    size_t slash = slash_len(seen);
    enum typed_kind kind;

    if (slash == 0)
        return (struct typed){.kind = TYPED_SAY, .text = line};
    rest = (struct str){seen.ptr + slash, seen.len - slash};
    if (slash_len(rest) > 0)
        return (struct typed){.kind = TYPED_SAY, .text = rest};
    command = (struct str){seen.ptr, slash + word_len(rest)};
    rest = str_trim(skip_blanks((struct str){seen.ptr + command.len, seen.len - command.len}));
    if (str_equals_nocase((struct str){command.ptr + slash, command.len - slash}, STR("msg")))
        return read_message(rest, roster);
    kind = command_kind((struct str){command.ptr + slash, command.len - slash});
    return (struct typed){.kind = kind, .text = kind == TYPED_UNKNOWN ? command : rest};
}

/* Does the name end there: in front of nothing, or of what belongs to no word? */
static bool is_word_end(struct str text)
{
    uint32_t code = text.len > 0 ? glyph_first(text).code : ' ';

    return code != '_' && !iswalnum((wint_t)code);
}

bool typed_mentions(struct str text, struct str name)
{
    for (size_t at = 1; name.len > 0 && at + name.len <= text.len; at++) {
        struct str rest = {text.ptr + at + name.len, text.len - at - name.len};

        if (text.ptr[at - 1] == '@' && is_word_end(rest) &&
            str_equals_nocase((struct str){text.ptr + at, name.len}, name))
            return true;
    }
    return false;
}
