#include "server/token_options.h"

#include "auth/rights.h"
#include "base/util.h"

#define FIELD(name) offsetof(struct token_options, name)

/* A token that lives longer than this is a mistake: ten years, in seconds. */
#define DURATION_MAX ((uint64_t)315360000)

enum { OPTION_DURATION = OPTION_KINDS, OPTION_ALLOW, OPTION_ROOM };

static const struct option items[] = {
    {"key", OPTION_TEXT, "FILE", NULL, FIELD(key), 0, 0,
     "the file of the secrets, as the server has it by --token-key; needed"},
    {"kid", OPTION_TEXT, "KID", NULL, FIELD(kid), 0, 0,
     "sign with the secret of this name; without it with the first of the file"},
    {"sub", OPTION_TEXT, "SUB", NULL, FIELD(sub), 0, 0,
     "whose token it is: a name that your programs know; needed to make one"},
    {"name", OPTION_TEXT, "NAME", NULL, FIELD(name), 0, 0, "fix the display name"},
    {"room", OPTION_ROOM, "ROOM", NULL, FIELD(rooms), 0, 0,
     "a room that it opens, or how their names begin with * at the end; repeatable"},
    {"allow", OPTION_ALLOW, "RIGHTS", "sub,pub,prs,hst,dir", FIELD(allow), 0, 0,
     "what it allows there: words of sub, pub, prs, hst, dir, mod and api with commas between"},
    {"expires", OPTION_DURATION, "TIME", "1h", FIELD(expires), 0, 0,
     "how long it is good for: 90s, 15m, 1h, 7d"},
    {"audience", OPTION_TEXT, "NAME", NULL, FIELD(audience), 0, 0,
     "for whom it is (aud), where the server has --token-audience"},
    {"issuer", OPTION_TEXT, "NAME", NULL, FIELD(issuer), 0, 0,
     "who made it (iss), where the server has --token-issuer"},
    {"check", OPTION_FLAG, NULL, NULL, FIELD(check), 0, 0,
     "read a token from standard input and explain it; ends with 1 where it would be refused"},
    {"version", OPTION_VERSION, NULL, NULL, 0, 0, 0, "print the version and exit"},
    {"help", OPTION_HELP, NULL, NULL, 0, 0, 0, "print this help and exit"},
};

bool token_duration_read(struct str text, uint64_t *seconds)
{
    static const struct {
        char unit;
        uint64_t seconds;
    } units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}};
    uint64_t count;

    for (size_t i = 0; text.len > 1 && i < ARRAY_LEN(units); i++) {
        if (text.ptr[text.len - 1] != units[i].unit)
            continue;
        text.len--;
        if (!str_to_u64(text, DURATION_MAX / units[i].seconds, &count) || count == 0)
            return false;
        *seconds = count * units[i].seconds;
        return true;
    }
    return false;
}

static bool set_duration(void *field, struct str text)
{
    return token_duration_read(text, field);
}

static bool set_allow(void *field, struct str text)
{
    return rights_read(text, field);
}

static bool add_room(void *field, struct str text)
{
    struct token_rooms *rooms = field;

    if (rooms->count == TOKEN_ROOMS_MAX || text.len == 0)
        return false;
    rooms->items[rooms->count++] = text;
    return true;
}

#define AT_MOST(n) AT_MOST_TEXT(n)
#define AT_MOST_TEXT(n) ", at most " #n " times"

static const struct option_type types[] = {
    [OPTION_DURATION - OPTION_KINDS] = {set_duration, "a time such as 90s, 15m, 1h or 7d", false},
    [OPTION_ALLOW -
        OPTION_KINDS] = {set_allow,
                         "words of sub, pub, prs, hst, dir, mod and api with commas between them",
                         false},
    [OPTION_ROOM - OPTION_KINDS] = {add_room, "the name of a room" AT_MOST(TOKEN_ROOMS_MAX), true},
};

/* Rooms of the command line take the place of those of the environment. */
static void choose_token_option(void *record, const struct option *option, bool is_command_line)
{
    struct token_options *options = record;

    if (option->kind == OPTION_ROOM && is_command_line && !options->has_rooms) {
        options->rooms.count = 0;
        options->has_rooms = true;
    }
}

static const struct option_table table = {
    .items = items,
    .count = ARRAY_LEN(items),
    .types = types,
    .record_size = sizeof(struct token_options),
    .program = "wschat token",
    .twins = "WSCHAT_TOKEN_",
    .usage = "Usage: wschat token --key FILE --sub SUB --room ROOM [OPTION]...\n"
             "       wschat token --key FILE --check <TOKEN\n"
             "Makes a token that the server takes with --token-key FILE, on standard output;\n"
             "or explains one.\n",
    .notes = "In the environment options are called WSCHAT_TOKEN_NAME (WSCHAT_TOKEN_SUB for\n"
             "--sub); the command line wins. Defaults are in brackets.\n",
    .choose = choose_token_option,
};

enum options_result token_options_read(struct token_options *options, int argc, char **argv)
{
    return option_table_read(&table, options, argc, argv);
}
