#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "auth/key_file.h"
#include "base/util.h"
#include "guard.h"

Suite *suite_key_file(void);

#define S31 "0123456789abcdef0123456789abcde"
#define S32 S31 "f"

static struct key_file keys;
static unsigned line;

static const char *parse(const char *text)
{
    static char *copy;
    static size_t len;

    if (copy != NULL)
        guard_free(copy, len);
    len = strlen(text);
    copy = guard_copy(text, len);
    return key_file_parse(&keys, (struct str){copy, len}, &line);
}

START_TEST(reads_keys_with_and_without_names)
{
    ck_assert_ptr_null(parse(S32 "\n\nnew:" S32 "!\n"));
    ck_assert_uint_eq(keys.count, 2);
    ck_assert_uint_eq(keys.items[0].kid.len, 0);
    ck_assert(str_equals(keys.items[0].secret, STR(S32)));
    ck_assert(str_equals(keys.items[1].kid, STR("new")));
    ck_assert(str_equals(keys.items[1].secret, STR(S32 "!")));
    ck_assert_ptr_null(parse("a:" S32)); /* without a line end */
    ck_assert_uint_eq(keys.count, 1);
}
END_TEST

START_TEST(refuses_what_may_be_a_mistake)
{
    static const struct {
        const char *text;
        unsigned line;
    } bad[] = {
        {"", 0},         {"\n\n", 0},
        {S31, 1},        {S32 "\n" S31 "\n", 2},
        {"a:" S31, 1},   {":" S32, 1},
        {"a:b:" S32, 1}, {S32 "\r\n", 1},
        {S32 "\ta", 1},  {"a:" S32 "\na:" S32, 2},
    };

    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        ck_assert_msg(parse(bad[i].text) != NULL, "%s", bad[i].text);
        ck_assert_uint_eq(line, bad[i].line);
    }
}
END_TEST

START_TEST(holds_sixteen_keys)
{
    char text[1024] = "";

    for (int i = 0; i < KEY_FILE_KEYS_MAX; i++)
        strncat(text, S32 "\n", sizeof(text) - strlen(text) - 1);
    ck_assert_ptr_null(parse(text));
    ck_assert_uint_eq(keys.count, KEY_FILE_KEYS_MAX);
    strncat(text, S32, sizeof(text) - strlen(text) - 1);
    ck_assert_ptr_nonnull(parse(text));
    ck_assert_uint_eq(line, 17);
}
END_TEST

static char path[] = "/tmp/wschat-keys-XXXXXX";

static void write_file(const char *text, size_t len, mode_t mode)
{
    FILE *file = fopen(path, "w");

    ck_assert_ptr_nonnull(file);
    ck_assert_uint_eq(fwrite(text, 1, len, file), len);
    fclose(file);
    ck_assert_int_eq(chmod(path, mode), 0);
}

/* What is wrong with a file changes nothing of the keys that there are. */
START_TEST(a_bad_file_leaves_the_keys)
{
    struct key_file file = {.count = 0};
    static char large[KEY_FILE_SIZE_MAX + 1];
    char problem[128];
    int fd = mkstemp(path);

    ck_assert_int_ge(fd, 0);
    close(fd);
    write_file("a:" S32 "\n", sizeof("a:" S32), 0600);
    ck_assert_int_eq(key_file_read(&file, path, problem, sizeof(problem)), 0);
    ck_assert_uint_eq(file.count, 1);
    ck_assert(!file.is_open_to_others);
    write_file(S31 "\n", sizeof(S31), 0600);
    ck_assert_int_eq(key_file_read(&file, path, problem, sizeof(problem)), -1);
    ck_assert_str_eq(problem, "line 1: a secret is shorter than 32 bytes");
    memset(large, '\n', sizeof(large));
    memcpy(large, S32, strlen(S32));
    write_file(large, sizeof(large), 0600);
    ck_assert_int_eq(key_file_read(&file, path, problem, sizeof(problem)), -1);
    ck_assert_str_eq(problem, "File too large");
    ck_assert_uint_eq(file.count, 1);
    ck_assert(str_equals(file.items[0].secret, STR(S32)));
    write_file(large, sizeof(large) - 1, 0640);
    ck_assert_int_eq(key_file_read(&file, path, problem, sizeof(problem)), 0);
    ck_assert(file.is_open_to_others);
    unlink(path);
    ck_assert_int_eq(key_file_read(&file, path, problem, sizeof(problem)), -1);
    ck_assert_str_eq(problem, "No such file or directory");
    key_file_deinit(&file);
}
END_TEST

Suite *suite_key_file(void)
{
    Suite *suite = suite_create("key_file");
    TCase *cases = tcase_create("key_file");

    tcase_add_test(cases, reads_keys_with_and_without_names);
    tcase_add_test(cases, refuses_what_may_be_a_mistake);
    tcase_add_test(cases, holds_sixteen_keys);
    tcase_add_test(cases, a_bad_file_leaves_the_keys);
    suite_add_tcase(suite, cases);
    return suite;
}
