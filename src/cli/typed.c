#include "cli/typed.h"

#include <wctype.h>

#include "base/util.h"
#include "cli/glyph.h"

#define MINUTES_MAX 999999
#define SLOW_MAX 3600 /* seconds, as the server takes them */

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

/* As names of several words are shown: "ada lovelace". */
static uint64_t find_quoted(struct str rest, const struct roster *roster, struct str *text)
{
    struct str name, behind;
    uint64_t id;

    *text = rest;
    str_cut(text, '"');
    name = str_cut(text, '"');
    id = roster_find(roster, name, &behind);
    return text->ptr != NULL && behind.len == 0 ? id : 0;
}

/* The id of WHO that the text begins with; "@ada" is ada, too. 0: nobody. `text` is what follows.
 */
static uint64_t find_receiver(struct str rest, const struct roster *roster, struct str *text)
{
    struct str who = rest;
    uint64_t id;

    if (who.len > 0 && who.ptr[0] == '@')
        who = (struct str){who.ptr + 1, who.len - 1};
    id = roster_find(roster, who, text);
    if (id == 0 && who.len > 0 && who.ptr[0] == '"')
        id = find_quoted(who, roster, text);
    *text = str_trim(skip_blanks(*text));
    return id;
}

static struct typed read_message(struct str rest, const struct roster *roster)
{
    struct typed typed = {.kind = TYPED_SAY};

    typed.to = find_receiver(rest, roster, &typed.text);
    if (typed.to == 0 && rest.len > 0)
        return (struct typed){.kind = TYPED_NOBODY, .text = rest};
    if (typed.text.len == 0)
        return (struct typed){.kind = TYPED_EMPTY, .text = rest};
    return typed;
}

/* Takes the minutes off that the text may begin with. */
static uint64_t take_minutes(struct str *text, bool *is_none)
{
    struct str rest = *text, word = str_cut(&rest, ' ');
    uint64_t minutes;

    if (!str_to_u64(word, MINUTES_MAX, &minutes))
        return 0;
    *is_none = minutes == 0;
    *text = rest.ptr != NULL ? str_trim(rest) : STR("");
    return minutes * 60;
}

/* WHO, and then what there is to be said about it. */
static struct typed read_moderation(enum typed_kind kind, struct str rest,
                                    const struct roster *roster)
{
    struct typed typed = {.kind = kind};
    bool is_never = false;

    if (rest.len == 0)
        return (struct typed){.kind = TYPED_USAGE, .text = rest};
    typed.to = find_receiver(rest, roster, &typed.text);
    if (typed.to == 0)
        return (struct typed){.kind = TYPED_NOBODY, .text = rest};
    if (kind == TYPED_BAN)
        typed.seconds = take_minutes(&typed.text, &is_never);
    /* No minutes would be for ever. */
    return is_never ? (struct typed){.kind = TYPED_USAGE, .text = rest} : typed;
}

static struct typed read_slow(struct str rest)
{
    struct typed typed = {.kind = TYPED_SLOW};

    if (!str_to_u64(rest, SLOW_MAX, &typed.seconds))
        typed.kind = TYPED_USAGE;
    return typed;
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

static const struct {
    const char *word;
    enum typed_kind kind;
} commands[] = {
    {"name", TYPED_NAME}, {"room", TYPED_ROOM},       {"who", TYPED_WHO},   {"help", TYPED_HELP},
    {"quit", TYPED_QUIT}, {"msg", TYPED_SAY},         {"kick", TYPED_KICK}, {"ban", TYPED_BAN},
    {"slow", TYPED_SLOW}, {"retract", TYPED_RETRACT},
};

const char *typed_command(size_t i)
{
    return i < ARRAY_LEN(commands) ? commands[i].word : NULL;
}

/* Returns TYPED_UNKNOWN where it is none. /msg is a way to say something. */
static enum typed_kind command_kind(struct str command)
{
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
    kind = command_kind((struct str){command.ptr + slash, command.len - slash});
    switch (kind) {
    case TYPED_SAY:
        return read_message(rest, roster);
    case TYPED_KICK:
    case TYPED_BAN:
        return read_moderation(kind, rest, roster);
    case TYPED_SLOW:
        return read_slow(rest);
    default:
        return (struct typed){.kind = kind, .text = kind == TYPED_UNKNOWN ? command : rest};
    }
}

/* Chinese has no blanks around names. */
static bool is_han(uint32_t code)
{
    return (code >= 0x2e80 && code < 0xa000) || (code >= 0xf900 && code < 0xfb00) ||
           (code >= 0x20000 && code < 0x40000);
}

/* Does the name end there: in front of nothing, or of what belongs to no word of its own? */
static bool is_word_end(struct str name, struct str text)
{
    size_t len = glyph_last_len(name);
    uint32_t last = glyph_first((struct str){name.ptr + name.len - len, len}).code;
    uint32_t code = text.len > 0 ? glyph_first(text).code : ' ';

    return is_han(last) || is_han(code) || (code != '_' && !iswalnum((wint_t)code));
}

/* Bytes of the sign that calls somebody; 0: the text begins with none. */
static size_t call_len(struct str text)
{
    uint32_t code = glyph_first(text).code;

    return code == '@' ? 1 : code == 0xff20 ? 3 : 0;
}

/* An address has a letter there. */
static bool is_call_before(char c)
{
    return c != '_' &&
           !((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'));
}

bool typed_mentions(struct str text, struct str name)
{
    for (size_t at = 0; name.len > 0 && at < text.len; at++) {
        struct str rest = {text.ptr + at, text.len - at}, behind;
        size_t len = call_len(rest);

        if (len == 0 || rest.len < len + name.len || (at > 0 && !is_call_before(text.ptr[at - 1])))
            continue;
        behind = (struct str){rest.ptr + len + name.len, rest.len - len - name.len};
        if (is_word_end(name, behind) &&
            str_equals_nocase((struct str){rest.ptr + len, name.len}, name))
            return true;
    }
    return false;
}
