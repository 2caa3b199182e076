#include "cli/token.h"

#include <errno.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "auth/key_file.h"
#include "auth/token.h"
#include "cli/glyph.h"
#include "proto/json.h"

#define EXIT_USAGE 2

static int token_complain(const char *what)
{
    fprintf(stderr, "wschat: %s\n", what);
    return 1;
}

static int complain_of_usage(const char *what)
{
    fprintf(stderr, "wschat: %s; see wschat token --help\n", what);
    return EXIT_USAGE;
}

/* Memory is out, or the output could not be written. */
static int complain_of_system(void)
{
    fprintf(stderr, "wschat: %s\n", strerror(errno));
    return 1;
}

static uint64_t now_in_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static struct str optional(const char *text)
{
    return text != NULL ? str_from(text) : (struct str){NULL, 0};
}

static struct token_rules rules_of(const struct token_options *options, const struct key_file *keys)
{
    return (struct token_rules){key_file_keys(keys), optional(options->audience),
                                optional(options->issuer)};
}

static int token_print(const struct buf *line)
{
    if (fwrite(line->data, 1, line->len, stdout) == line->len && fflush(stdout) == 0)
        return 0;
    return complain_of_system();
}

/* ---- making one ---- */

/* Appends `,"name":"value"`; nothing where there is no value. */
static int append_claim(struct buf *out, const char *name, const char *value)
{
    if (value == NULL)
        return 0;
    if (buf_printf(out, ",\"%s\":", name) < 0)
        return -1;
    return json_append_string(out, str_from(value));
}

static int append_rooms(struct buf *out, const struct token_rooms *rooms)
{
    for (size_t i = 0; i < rooms->count; i++) {
        if ((i > 0 && buf_append_char(out, ',') < 0) ||
            json_append_string(out, rooms->items[i]) < 0)
            return -1;
    }
    return 0;
}

/* The words of the rights as strings of an array. */
static int append_allow(struct buf *out, uint8_t allow)
{
    struct buf words;
    struct str rest, word;
    int result;

    buf_init(&words);
    result = rights_write(&words, allow);
    rest = (struct str){(char *)words.data, words.len};
    for (bool is_first = true; result == 0 && rest.ptr != NULL; is_first = false) {
        word = str_cut(&rest, ',');
        result = buf_append_str(out, is_first ? STR("") : STR(","));
        if (result == 0)
            result = json_append_string(out, word);
    }
    buf_deinit(&words);
    return result;
}

static int append_claims(struct buf *out, const struct token_options *options, uint64_t now)
{
    if (buf_printf(out, "{\"exp\":%llu", (unsigned long long)(now / 1000 + options->expires)) < 0 ||
        append_claim(out, "sub", options->sub) < 0 ||
        append_claim(out, "name", options->name) < 0 ||
        append_claim(out, "aud", options->audience) < 0 ||
        append_claim(out, "iss", options->issuer) < 0)
        return -1;
    if (buf_append_str(out, STR(",\"caps\":[{\"rooms\":[")) < 0 ||
        append_rooms(out, &options->rooms) < 0 || buf_append_str(out, STR("],\"allow\":[")) < 0 ||
        append_allow(out, options->allow) < 0)
        return -1;
    return buf_append_str(out, STR("]}]}"));
}

/* The secret to sign with; NULL where the file has none of that name. */
static const struct jwt_key *find_key(const struct key_file *keys, const char *kid)
{
    for (size_t i = 0; i < keys->count; i++) {
        if (kid == NULL || str_equals(keys->items[i].kid, str_from(kid)))
            return &keys->items[i];
    }
    return NULL;
}

/* What the server would not take is not handed out. */
static int print_if_good(const struct token_options *options, const struct key_file *keys,
                         struct buf *text)
{
    struct token_rules rules = rules_of(options, keys);
    static struct token token;
    const char *wrong =
        token_read(&token, (struct str){(char *)text->data, text->len}, &rules, now_in_ms());

    if (wrong != NULL)
        return token_complain(wrong);
    if (buf_append_char(text, '\n') < 0)
        return complain_of_system();
    return token_print(text);
}

static int make(const struct token_options *options, const struct key_file *keys)
{
    const struct jwt_key *key = find_key(keys, options->kid);
    struct buf claims, text;
    int result;

    if (key == NULL)
        return token_complain("--kid: the file has no secret of that name");
    buf_init(&claims);
    buf_init(&text);
    if (append_claims(&claims, options, now_in_ms()) < 0 ||
        jwt_sign(&text, (struct str){(char *)claims.data, claims.len}, key) < 0)
        result = complain_of_system();
    else
        result = print_if_good(options, keys, &text);
    buf_deinit(&claims);
    buf_deinit(&text);
    return result;
}

/* ---- explaining one ---- */

/* Reads standard input; what is longer than any token is cut. Returns the bytes, or -1 with errno.
 */
static ptrdiff_t token_read_input(char *text, size_t size)
{
    size_t len = 0;
    ssize_t n = 1;

    while (len < size && (n = read(STDIN_FILENO, text + len, size - len)) != 0) {
        if (n < 0 && errno != EINTR)
            return -1;
        len += n > 0 ? (size_t)n : 0;
    }
    return (ptrdiff_t)len;
}

/* Without blanks and line ends around it, as it comes out of a file or a pipe. */
static struct str trim_lines(struct str s)
{
    while (s.len > 0 && strchr(" \t\r\n", s.ptr[s.len - 1]) != NULL)
        s.len--;
    while (s.len > 0 && strchr(" \t\r\n", s.ptr[0]) != NULL)
        s = (struct str){s.ptr + 1, s.len - 1};
    return s;
}

static int token_append_line(struct buf *out, const char *label, struct str value)
{
    if (buf_printf(out, "%s: ", label) < 0 || glyph_append_safe(out, value) < 0)
        return -1;
    return buf_append_char(out, '\n');
}

static int append_end(struct buf *out, uint64_t expires, uint64_t now)
{
    time_t seconds = (time_t)(expires / 1000);
    char text[64];
    struct tm tm;

    gmtime_r(&seconds, &tm);
    strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm);
    return buf_printf(out, "expires: %s, in %llu s\n", text,
                      (unsigned long long)((expires - now) / 1000));
}

static int append_grant(struct buf *out, const struct grant *grant)
{
    if (buf_append_str(out, STR("room ")) < 0 || glyph_append_safe(out, grant->rooms) < 0 ||
        buf_append_str(out, STR(": ")) < 0)
        return -1;
    if (grant->rights == RIGHTS_NONE ? buf_append_str(out, STR("nothing")) < 0
                                     : rights_write(out, grant->rights) < 0)
        return -1;
    return buf_append_char(out, '\n');
}

static int append_token(struct buf *out, const struct token *token, uint64_t now)
{
    if (token_append_line(out, "sub", token->sub) < 0 ||
        (token->name.ptr != NULL && token_append_line(out, "name", token->name) < 0) ||
        append_end(out, token->expires, now) < 0)
        return -1;
    for (size_t i = 0; i < token->grant_count; i++) {
        if (append_grant(out, &token->grants[i]) < 0)
            return -1;
    }
    return token->grant_count == 0 ? buf_append_str(out, STR("no room is open to it\n")) : 0;
}

static int check(const struct token_options *options, const struct key_file *keys)
{
    static struct token token;
    static char text[JWT_MAX + 16];
    struct token_rules rules = rules_of(options, keys);
    ptrdiff_t len = token_read_input(text, sizeof(text));
    uint64_t now = now_in_ms();
    const char *wrong;
    struct buf out;
    int result;

    if (len < 0)
        return complain_of_system();
    wrong = token_read(&token, trim_lines((struct str){text, (size_t)len}), &rules, now);
    if (wrong != NULL)
        return token_complain(wrong);
    buf_init(&out);
    result = append_token(&out, &token, now) < 0 ? complain_of_system() : token_print(&out);
    buf_deinit(&out);
    return result;
}

int token_run(const struct token_options *options)
{
    struct key_file keys = {.count = 0};
    char problem[160];
    int result;

    if (options->key == NULL)
        return complain_of_usage("--key is missing: the file of the secrets");
    if (!options->check && options->sub == NULL)
        return complain_of_usage("--sub is missing: whose token it is");
    if (!options->check && options->rooms.count == 0)
        return complain_of_usage("--room is missing: which rooms it opens");
    if (key_file_read(&keys, options->key, problem, sizeof(problem)) < 0) {
        fprintf(stderr, "wschat: --key %s: %s\n", options->key, problem);
        return 1;
    }
    result = options->check ? check(options, &keys) : make(options, &keys);
    key_file_deinit(&keys);
    return result;
}
