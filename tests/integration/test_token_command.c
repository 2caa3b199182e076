/* `wschat token`: what it makes is taken by the server, and what it explains is what the server
 * sees. */
#include "client.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

Suite *suite_token_command(void);

#define SECRET "0123456789abcdef0123456789abcdef"
#define OTHER "another secret of thirty-two byte"

static char said[8192], complained[1024];

static void keep(char *to, size_t size, struct buf *from)
{
    size_t len = from->len < size ? from->len : size - 1;

    memcpy(to, from->data, len);
    to[len] = '\0';
    buf_deinit(from);
}

static const char *write_file(const char *name, const char *text)
{
    const char *path = test_path(name);
    FILE *file = fopen(path, "w");

    ck_assert_ptr_nonnull(file);
    ck_assert_int_ge(fputs(text, file), 0);
    ck_assert_int_eq(fclose(file), 0);
    return path;
}

static const char *keys(void)
{
    return write_file("keys", SECRET "\nnew:" OTHER "\n");
}

/* Runs it; what it says is in `said` and `complained`. Returns its exit status. */
static int run(const char *const *args)
{
    const struct launch launch = {.args = args};
    struct buf out, err;
    int status;

    buf_init(&out);
    buf_init(&err);
    status = program_run(&launch, &out, &err);
    keep(said, sizeof(said), &out);
    keep(complained, sizeof(complained), &err);
    return status;
}

/* The same with this on its standard input. */
static int run_with(const char *input, const char *const *args)
{
    int saved = dup(STDIN_FILENO), fd = open(write_file("input", input), O_RDONLY | O_CLOEXEC);
    int status;

    ck_assert_int_ge(fd, 0);
    ck_assert_int_ge(dup2(fd, STDIN_FILENO), 0);
    close(fd);
    status = run(args);
    if (saved >= 0) {
        ck_assert_int_ge(dup2(saved, STDIN_FILENO), 0);
        close(saved);
    }
    return status;
}

/* What it made, without the line end; valid until the next run but one. */
static const char *made(void)
{
    static char token[8192];
    size_t len = strlen(said);

    ck_assert_uint_gt(len, 1);
    ck_assert_int_eq(said[len - 1], '\n');
    memcpy(token, said, len - 1);
    token[len - 1] = '\0';
    return token;
}

START_TEST(a_token_lets_in_and_says_what_it_allows)
{
    const char *file = keys();
    struct server *s = server_start(LIST("--token-key", file));
    char fields[8300];

    ck_assert_int_eq(run(LIST("token", "--key", file, "--sub", "ada", "--name", "Ada", "--room",
                              "team-*", "--room", "tea", "--allow", "sub,pub", "--expires", "15m")),
                     0);
    snprintf(fields, sizeof(fields), "Authorization: Bearer %s\r\n", made());
    ws_leave(ws_open_with(s, "/ws/1?room=tea", fields));
    ws_leave(ws_open_with(s, "/ws/1?room=team-red", fields));
    ck_assert_int_eq(ws_refused(s, "/ws/1?room=lobby", fields), 403);
    ck_assert_int_eq(run_with(made(), LIST("token", "--key", file, "--check")), 0);
    ck_assert_ptr_nonnull(strstr(said, "sub: ada\nname: Ada\nexpires: 20"));
    ck_assert_ptr_nonnull(strstr(said, "\nroom team-*: sub,pub\nroom tea: sub,pub\n"));
    server_stop(s);
}
END_TEST

START_TEST(the_named_secret_signs)
{
    const char *file = keys(), *one = write_file("one", "new:" OTHER "\n");

    ck_assert_int_eq(run(LIST("token", "--key", file, "--kid", "new", "--sub", "a", "--room", "r")),
                     0);
    ck_assert_int_eq(run_with(made(), LIST("token", "--key", one, "--check")), 0);
    ck_assert_int_eq(run(LIST("token", "--key", file, "--sub", "a", "--room", "r")), 0);
    ck_assert_int_eq(run_with(made(), LIST("token", "--key", one, "--check")), 1);
    ck_assert_ptr_nonnull(strstr(complained, "signature"));
    ck_assert_int_eq(run(LIST("token", "--key", file, "--kid", "old", "--sub", "a", "--room", "r")),
                     1);
    ck_assert_ptr_nonnull(strstr(complained, "--kid"));
}
END_TEST

START_TEST(parties_are_checked_as_the_server_does)
{
    const char *file = keys();

    ck_assert_int_eq(run(LIST("token", "--key", file, "--sub", "a", "--room", "r", "--audience",
                              "chat", "--issuer", "login")),
                     0);
    ck_assert_int_eq(run_with(made(), LIST("token", "--key", file, "--check")), 1);
    ck_assert_ptr_nonnull(strstr(complained, "audience"));
    ck_assert_int_eq(
        run(LIST("token", "--key", file, "--sub", "a", "--room", "r", "--audience", "chat")), 0);
    ck_assert_int_eq(
        run_with(made(), LIST("token", "--key", file, "--check", "--audience", "chat")), 0);
}
END_TEST

/* Nothing that stands in a token reaches a terminal as a control character. */
START_TEST(what_it_shows_is_escaped)
{
    const char *file = keys();

    ck_assert_int_eq(run(LIST("token", "--key", file, "--sub", "a", "--room", "\x1b[31mred")), 0);
    ck_assert_int_eq(run_with(made(), LIST("token", "--key", file, "--check")), 0);
    ck_assert_ptr_null(strchr(said, 0x1b));
    ck_assert_ptr_nonnull(strstr(said, "[31mred"));
}
END_TEST

static const struct {
    const char *args[12];
    int status;
    const char *word;
} refused[] = {
    {{"--sub", "a", "--room", "r"}, 2, "--key"},
    {{"--key", "KEYS", "--room", "r"}, 2, "--sub"},
    {{"--key", "KEYS", "--sub", "a"}, 2, "--room"},
    {{"--key", "KEYS", "--sub", "a", "--room", "r", "--allow", "fly"}, 2, "--allow"},
    {{"--key", "KEYS", "--sub", "a", "--room", "r", "--expires", "1w"}, 2, "--expires"},
    {{"--key", "KEYS", "--sub", "a", "--room", "r", "--expires", "0s"}, 2, "--expires"},
    {{"--key", "KEYS", "--sub", "a", "--room", "r", "--expires", "3651d"}, 2, "--expires"},
    {{"--key", "KEYS", "--sub", "a", "--room", "r", "--expires", "3650d"}, 0, ""},
    {{"--key", "KEYS", "--sub", "a", "--room", ""}, 2, "--room"},
    {{"--key", "KEYS", "--sub", "", "--room", "r"}, 1, "sub"},
    {{"--key", "KEYS", "--sub", "a\x01", "--room", "r"}, 1, "sub"},
    {{"--key", "KEYS", "--sub", "a", "--room", "r", "--name", "\x7f"}, 1, "name"},
    {{"--key", "/nowhere", "--sub", "a", "--room", "r"}, 1, "/nowhere"},
};

START_TEST(what_makes_no_sense_is_told)
{
    const char *args[16] = {"token"}, *file = keys();

    for (size_t i = 0; i < 12 && refused[_i].args[i] != NULL; i++)
        args[i + 1] = strcmp(refused[_i].args[i], "KEYS") == 0 ? file : refused[_i].args[i];
    ck_assert_int_eq(run(args), refused[_i].status);
    ck_assert_ptr_nonnull(strstr(complained, refused[_i].word));
    ck_assert(refused[_i].status == 0 || said[0] == '\0');
    ck_assert_ptr_null(strstr(complained, SECRET));
}
END_TEST

static const char *const garbage[] = {"", "\n", "a.b.c", "....", "\xff\xfe", "a b"};

START_TEST(garbage_is_no_token)
{
    const char *file = keys();

    ck_assert_int_eq(run_with(garbage[_i], LIST("token", "--key", file, "--check")), 1);
    ck_assert_ptr_nonnull(strstr(complained, "token"));
    ck_assert_str_eq(said, "");
}
END_TEST

Suite *suite_token_command(void)
{
    Suite *suite = suite_create("token_command");
    TCase *tcase = harness_case(suite, "token_command");

    tcase_add_test(tcase, a_token_lets_in_and_says_what_it_allows);
    tcase_add_test(tcase, the_named_secret_signs);
    tcase_add_test(tcase, parties_are_checked_as_the_server_does);
    tcase_add_test(tcase, what_it_shows_is_escaped);
    tcase_add_loop_test(tcase, what_makes_no_sense_is_told, 0, (int)ARRAY_LEN(refused));
    tcase_add_loop_test(tcase, garbage_is_no_token, 0, (int)ARRAY_LEN(garbage));
    return suite;
}
