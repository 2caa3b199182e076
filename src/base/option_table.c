#include "base/option_table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"

#define KIB ((uint64_t)1024)
#define MIB (1024 * KIB)
#define SECONDS_MAX ((uint64_t)86400)

/* ---- values ---- */

/* Reads digits, then at most `decimals` digits behind a point; returns the number times
 * 10^decimals. */
static bool read_decimal(const char *text, unsigned decimals, uint64_t max, uint64_t *out)
{
    struct str fraction = str_from(text);
    struct str whole = str_cut(&fraction, '.');
    uint64_t value, digit;

    if (!str_to_u64(whole, max, &value))
        return false;
    if (fraction.ptr != NULL && (fraction.len == 0 || fraction.len > decimals))
        return false;
    for (unsigned i = 0; i < decimals; i++) {
        digit = 0;
        if (i < fraction.len && !str_to_u64((struct str){fraction.ptr + i, 1}, 9, &digit))
            return false;
        value = value * 10 + digit;
    }
    *out = value;
    return true;
}

static bool read_size(const char *text, uint64_t max, uint64_t *out)
{
    struct str digits = str_from(text);
    uint64_t unit = 1;

    if (digits.len > 0 && (digits.ptr[digits.len - 1] | 0x20) == 'k')
        unit = KIB;
    else if (digits.len > 0 && (digits.ptr[digits.len - 1] | 0x20) == 'm')
        unit = MIB;
    if (unit > 1)
        digits.len--;
    if (!str_to_u64(digits, max / unit, out))
        return false;
    *out *= unit;
    return true;
}

static bool read_choice(const char *text, const char *values, uint64_t *out)
{
    struct str rest = str_from(values), word = str_from(text);

    for (uint64_t place = 0; rest.ptr != NULL; place++) {
        if (str_equals(str_cut(&rest, '|'), word)) {
            *out = place;
            return true;
        }
    }
    return false;
}

static bool option_read_number(const struct option *option, const char *text, uint64_t *out)
{
    uint64_t value;
    bool is_read;

    if (option->kind == OPTION_SECONDS)
        is_read = read_decimal(text, 3, SECONDS_MAX, &value);
    else if (option->kind == OPTION_SIZE)
        is_read = read_size(text, option->max, &value);
    else
        is_read = str_to_u64(str_from(text), option->max, &value);
    if (!is_read || value < option->min || value > option->max)
        return false;
    *out = value;
    return true;
}

/* The type of an option that only this table knows, else NULL. */
static const struct option_type *option_type_of(const struct option_table *table,
                                                const struct option *option)
{
    return option->kind >= OPTION_KINDS ? &table->types[option->kind - OPTION_KINDS] : NULL;
}

/* On the command line a flag has no value, but a variable must have one. */
static bool set_flag(bool *field, const char *text)
{
    *field = strcmp(text, "on") == 0;
    return *field || strcmp(text, "off") == 0;
}

static bool set_value(const struct option_table *table, void *record, const struct option *option,
                      const char *text)
{
    void *field = (char *)record + option->field;

    switch (option->kind) {
    case OPTION_PORT:
    case OPTION_NUMBER:
    case OPTION_SIZE:
    case OPTION_SECONDS:
        return option_read_number(option, text, field);
    case OPTION_FLAG:
        return set_flag(field, text);
    case OPTION_CHOICE:
        return read_choice(text, option->values, field);
    case OPTION_PATH:
        *(const char **)field = text;
        return text[0] != '\0';
    case OPTION_TEXT:
        *(const char **)field = text;
        return true;
    default:
        return option_type_of(table, option)->set(field, str_from(text));
    }
}

/* ---- what is wrong ---- */

static void describe(const struct option_table *table, const struct option *option, char *out,
                     size_t size)
{
    const struct option_type *type = option_type_of(table, option);
    unsigned long long min = option->min, max = option->max;

    switch (option->kind) {
    case OPTION_SECONDS:
        snprintf(out, size, "seconds from %llu.%03llu to %llu", min / 1000, min % 1000, max / 1000);
        return;
    case OPTION_SIZE:
        snprintf(out, size, "bytes from %llu to %llum, with k or m for KiB or MiB", min, max / MIB);
        return;
    case OPTION_CHOICE:
        snprintf(out, size, "one of %s", option->values);
        return;
    case OPTION_FLAG:
        snprintf(out, size, "on or off");
        return;
    case OPTION_PATH:
        snprintf(out, size, "a folder");
        return;
    default:
        if (type != NULL)
            snprintf(out, size, "%s", type->wanted);
        else
            snprintf(out, size, "a number from %llu to %llu", min, max);
    }
}

static enum options_result refuse_value(const struct option_table *table,
                                        const struct option *option, const char *where,
                                        const char *text)
{
    char wanted[160];

    describe(table, option, wanted, sizeof(wanted));
    fprintf(stderr, "wschat: %s%s: \"%s\" is not %s; see %s --help\n", where[0] == 'W' ? "" : "--",
            where, text, wanted, table->program);
    return OPTIONS_EXIT_USAGE;
}

static enum options_result refuse_argument(const struct option_table *table, const char *argument,
                                           const char *why)
{
    fprintf(stderr, "wschat: %s: %s; see %s --help\n", argument, why, table->program);
    return OPTIONS_EXIT_USAGE;
}

/* ---- help ---- */

/* Where the words about an option begin, and where a line ends: at 80, as on any terminal. */
#define HELP_COLUMN 30
#define HELP_WIDTH 80

/* The environment twin of an option: WSCHAT_MAX_CLIENTS. */
static void environment_name(const struct option_table *table, const struct option *option,
                             char *out, size_t size)
{
    snprintf(out, size, "%s%s", table->twins, option->name);
    for (char *c = out; *c != '\0'; c++) {
        if (*c == '-')
            *c = '_';
        else if (*c >= 'a' && *c <= 'z')
            *c = (char)(*c - 'a' + 'A');
    }
}

/* Prints a word behind what is there, or on the next line where it does not fit. Returns the column
 * behind it. */
static int print_word(int column, const char *word, int len)
{
    if (column > HELP_COLUMN && column + 1 + len > HELP_WIDTH) {
        putchar('\n');
        column = 0;
    }
    if (column < HELP_COLUMN)
        column += printf("%*s", HELP_COLUMN - column, "");
    else
        column += printf(" ");
    return column + printf("%.*s", len, word);
}

/* Whoever reads this by program can put the lines together again: those that go on with an option
 * begin with HELP_COLUMN blanks. */
static void print_option(const struct option *option)
{
    int column = printf("  --%s%s%s", option->name, option->values != NULL ? " " : "",
                        option->values != NULL ? option->values : "");
    char standard[64];

    if (column > HELP_COLUMN - 2) {
        putchar('\n');
        column = 0;
    }
    for (const char *word = option->help; *word != '\0';) {
        size_t len = strcspn(word, " ");

        column = print_word(column, word, (int)len);
        word += len + strspn(word + len, " ");
    }
    if (option->standard != NULL)
        print_word(column, standard,
                   snprintf(standard, sizeof(standard), "[%s]", option->standard));
    putchar('\n');
}

static enum options_result finish_output(void)
{
    if (fflush(stdout) == 0 && !ferror(stdout))
        return OPTIONS_EXIT_OK;
    fprintf(stderr, "wschat: cannot write to standard output\n");
    return OPTIONS_EXIT_FAILURE;
}

static enum options_result print_help(const struct option_table *table)
{
    printf("%s\n", table->usage);
    for (size_t i = 0; i < table->count; i++)
        print_option(&table->items[i]);
    printf("\n%s", table->notes);
    return finish_output();
}

static enum options_result print_version(void)
{
    printf("wschat %s\n", WSCHAT_VERSION);
    return finish_output();
}

/* ---- sources ---- */

static bool is_repeatable(const struct option_table *table, const struct option *option)
{
    const struct option_type *type = option_type_of(table, option);

    return type != NULL && type->is_repeatable;
}

static bool takes_value(const struct option *option)
{
    return option->values != NULL;
}

/* A value in brackets may be left out; it stands behind "=" only. */
static bool needs_value(const struct option *option)
{
    return option->values[0] != '[';
}

static void set_defaults(const struct option_table *table, void *record)
{
    memset(record, 0, table->record_size);
    for (size_t i = 0; i < table->count; i++) {
        if (table->items[i].standard != NULL)
            set_value(table, record, &table->items[i], table->items[i].standard);
    }
}

/* Values of a repeatable option are separated by blanks. */
static bool set_words(const struct option_table *table, void *record, const struct option *option,
                      const char *text)
{
    struct str rest = str_from(text);
    void *field = (char *)record + option->field;

    while (rest.ptr != NULL) {
        struct str word = str_trim(str_cut(&rest, ' '));

        if (word.len > 0 && !option_type_of(table, option)->set(field, word))
            return false;
    }
    return true;
}

static void option_choose(const struct option_table *table, void *record,
                          const struct option *option, bool is_command_line)
{
    if (table->choose != NULL)
        table->choose(record, option, is_command_line);
}

static bool has_twin(const struct option *option)
{
    return takes_value(option) || option->kind == OPTION_FLAG;
}

static enum options_result read_environment(const struct option_table *table, void *record)
{
    for (size_t i = 0; i < table->count; i++) {
        const struct option *option = &table->items[i];
        char name[64];
        const char *text;

        environment_name(table, option, name, sizeof(name));
        text = has_twin(option) ? getenv(name) : NULL;
        if (text == NULL || text[0] == '\0')
            continue;
        option_choose(table, record, option, false);
        if (!(is_repeatable(table, option) ? set_words : set_value)(table, record, option, text))
            return refuse_value(table, option, name, text);
    }
    return OPTIONS_RUN;
}

static const struct option *find_option(const struct option_table *table, struct str name)
{
    for (size_t i = 0; i < table->count; i++) {
        if (str_equals(str_from(table->items[i].name), name))
            return &table->items[i];
    }
    return NULL;
}

/* The longest name that is compared, and how far a slip of the fingers goes. */
#define NAME_MAX_COMPARED 32
#define SLIPS_MAX 2

/* How many letters must be put in, left out or changed to make one name of the other (Levenshtein).
 */
static size_t name_distance(struct str a, struct str b)
{
    size_t row[NAME_MAX_COMPARED + 1];

    if (a.len > NAME_MAX_COMPARED || b.len > NAME_MAX_COMPARED)
        return NAME_MAX_COMPARED;
    for (size_t k = 0; k <= b.len; k++)
        row[k] = k;
    for (size_t i = 1; i <= a.len; i++) {
        size_t corner = row[0];

        row[0] = i;
        for (size_t k = 1; k <= b.len; k++) {
            size_t changed = corner + (a.ptr[i - 1] != b.ptr[k - 1]);

            corner = row[k];
            row[k] = min_size(changed, min_size(row[k], row[k - 1]) + 1);
        }
    }
    return row[b.len];
}

/* Refuses an option that there is not, and tells the one that may have been meant. */
static enum options_result refuse_name(const struct option_table *table, const char *argument,
                                       struct str name)
{
    const struct option *best = NULL;
    size_t least = SLIPS_MAX + 1;
    char why[96];

    for (size_t i = 0; i < table->count; i++) {
        size_t distance = name_distance(name, str_from(table->items[i].name));

        if (distance < least && distance < name.len) {
            least = distance;
            best = &table->items[i];
        }
    }
    if (best == NULL)
        return refuse_argument(table, argument, "there is no such option");
    snprintf(why, sizeof(why), "there is no such option; did you mean --%s?", best->name);
    return refuse_argument(table, argument, why);
}

/* Takes what is no option. */
static enum options_result read_argument(const struct option_table *table, void *record,
                                         const char *text)
{
    const char **field = (const char **)(void *)((char *)record + table->argument_field);

    if (text[0] == '-') /* -port, as other programs have it */
        return refuse_name(table, text, (struct str){text + 1, strlen(text) - 1});
    if (table->argument == NULL)
        return refuse_argument(table, text, "this is not an option");
    if (*field != NULL)
        return refuse_argument(table, text, "this is one argument too many");
    *field = text;
    return OPTIONS_RUN;
}

/* Takes an option without a value. */
static enum options_result read_flag(const struct option_table *table, void *record,
                                     const struct option *option)
{
    if (option->kind == OPTION_VERSION)
        return print_version();
    if (option->kind == OPTION_HELP)
        return print_help(table);
    *(bool *)((char *)record + option->field) = true;
    return OPTIONS_RUN;
}

/* Takes the option at argv[*i], and maybe its value behind it: then *i is moved on. */
static enum options_result read_option(const struct option_table *table, void *record, int argc,
                                       char **argv, int *i)
{
    struct str value = str_from(argv[*i]);
    struct str name = str_cut(&value, '=');
    const struct option *option = find_option(table, (struct str){name.ptr + 2, name.len - 2});

    if (option == NULL)
        return refuse_name(table, argv[*i], (struct str){name.ptr + 2, name.len - 2});
    if (!takes_value(option) && value.ptr != NULL)
        return refuse_argument(table, argv[*i], "this option takes no value");
    if (!takes_value(option))
        return read_flag(table, record, option);
    option_choose(table, record, option, true);
    if (value.ptr == NULL && needs_value(option) && ++*i == argc)
        return refuse_argument(table, argv[*i - 1], "this option needs a value");
    if (value.ptr == NULL)
        value.ptr = needs_value(option) ? argv[*i] : "";
    return set_value(table, record, option, value.ptr)
               ? OPTIONS_RUN
               : refuse_value(table, option, option->name, value.ptr);
}

static enum options_result read_arguments(const struct option_table *table, void *record, int argc,
                                          char **argv)
{
    enum options_result result = OPTIONS_RUN;

    for (int i = 1; i < argc && result == OPTIONS_RUN; i++) {
        if (strcmp(argv[i], "-h") == 0)
            result = print_help(table);
        else if (strncmp(argv[i], "--", 2) == 0 && argv[i][2] != '\0' && argv[i][2] != '=')
            result = read_option(table, record, argc, argv, &i);
        else
            result = read_argument(table, record, argv[i]);
    }
    return result;
}

enum options_result option_table_read(const struct option_table *table, void *record, int argc,
                                      char **argv)
{
    enum options_result result;

    set_defaults(table, record);
    result = read_environment(table, record);
    if (result == OPTIONS_RUN)
        result = read_arguments(table, record, argc, argv);
    if (result == OPTIONS_RUN && table->argument != NULL &&
        *(const char **)(void *)((char *)record + table->argument_field) == NULL)
        result = refuse_argument(table, table->argument, "this is missing");
    return result;
}
