#include "cli/pass.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <check.h>

#include "base/util.h"

Suite *suite_pass(void);

/* What is read from a file with these bytes: the token, or what is wrong. */
static const char *read_bytes(const void *data, size_t len)
{
    static char token[PASS_MAX];
    char path[64];
    const char *wrong;
    int fd;

    snprintf(path, sizeof(path), "/tmp/wschat-pass-%d", (int)getpid());
    fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    ck_assert_int_eq(write(fd, data, len), (ssize_t)len);
    close(fd);
    memset(token, 'x', sizeof(token));
    wrong = pass_read(token, path);
    unlink(path);
    ck_assert(wrong == NULL || token[0] == '\0');
    return wrong != NULL ? wrong : token;
}

START_TEST(blanks_around_a_token_are_left_out)
{
    static const char *const texts[] = {"a.b-c_", "a.b-c_\n", " \r\n\ta.b-c_\t \r\n"};

    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        ck_assert_str_eq(read_bytes(texts[i], strlen(texts[i])), "a.b-c_");
}
END_TEST

START_TEST(what_is_no_token_is_refused)
{
    static const char *const texts[] = {"", " \n", "a b", "a,b", "a\nb", "\x7f", "\xc3\xa9"};

    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        ck_assert_ptr_nonnull(strstr(read_bytes(texts[i], strlen(texts[i])), "one token"));
    ck_assert_ptr_nonnull(strstr(read_bytes("a\0b", 3), "one token"));
}
END_TEST

START_TEST(the_longest_token_and_one_more)
{
    char text[PASS_MAX];

    memset(text, 'a', sizeof(text));
    ck_assert_uint_eq(strlen(read_bytes(text, PASS_MAX - 1)), PASS_MAX - 1);
    ck_assert_ptr_nonnull(strstr(read_bytes(text, PASS_MAX), "4095 bytes"));
}
END_TEST

START_TEST(no_file_and_a_folder)
{
    char token[PASS_MAX];

    ck_assert_str_eq(pass_read(token, "/nowhere/at/all"), "No such file or directory");
    ck_assert_str_eq(pass_read(token, "/"), "Is a directory");
}
END_TEST

static const char *offer(const char *key, const char *token)
{
    static char text[256];
    struct buf out;

    buf_init(&out);
    ck_assert_int_eq(pass_append_protocols(&out, key, token), 0);
    snprintf(text, sizeof(text), "%.*s", (int)out.len, (char *)out.data);
    buf_deinit(&out);
    return text;
}

START_TEST(key_and_token_are_offered_where_they_are)
{
    ck_assert_str_eq(offer("", ""), "wschat.v1");
    ck_assert_str_eq(offer("K", ""), "wschat.v1, key.K");
    ck_assert_str_eq(offer("", "a.b"), "wschat.v1, bearer.a.b");
    ck_assert_str_eq(offer("K", "a.b"), "wschat.v1, key.K, bearer.a.b");
    ck_assert_str_eq(offer("K\r\nX: y", "a.b"), "wschat.v1, bearer.a.b");
}
END_TEST

Suite *suite_pass(void)
{
    Suite *suite = suite_create("pass");
    TCase *tcase = tcase_create("pass");

    tcase_add_test(tcase, blanks_around_a_token_are_left_out);
    tcase_add_test(tcase, what_is_no_token_is_refused);
    tcase_add_test(tcase, the_longest_token_and_one_more);
    tcase_add_test(tcase, no_file_and_a_folder);
    tcase_add_test(tcase, key_and_token_are_offered_where_they_are);
    suite_add_tcase(suite, tcase);
    return suite;
}
