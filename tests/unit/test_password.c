/* The password, and who has to wait. */
#include "web/password.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <check.h>

#include "base/util.h"

Suite *suite_password(void);

static struct password password;
static char path[] = "/tmp/wschat-password-XXXXXX";

static int read_text(const char *text, size_t len)
{
    char problem[160] = "";
    FILE *file = fopen(path, "w");
    int result;

    ck_assert_ptr_nonnull(file);
    ck_assert_uint_eq(fwrite(text, 1, len, file), len);
    fclose(file);
    password.file = path;
    result = password_read(&password, problem, sizeof(problem));
    ck_assert((result == 0) == (problem[0] == '\0'));
    return result;
}

static void setup(void)
{
    int fd = mkstemp(path);

    ck_assert_int_ge(fd, 0);
    close(fd);
    password = (struct password){.seed = {1, 2}};
}

static void teardown(void)
{
    password_deinit(&password);
    unlink(path);
    snprintf(path + sizeof(path) - 7, 7, "XXXXXX");
}

START_TEST(a_line_of_8_to_256_bytes)
{
    static char text[PASSWORD_MAX + 8];

    for (size_t i = 0; i < sizeof(text); i++)
        text[i] = 'x';
    ck_assert_int_eq(read_text(text, PASSWORD_MIN - 1), -1);
    ck_assert_int_eq(read_text(text, PASSWORD_MIN), 0);
    ck_assert_int_eq(read_text(text, PASSWORD_MAX), 0);
    ck_assert_int_eq(read_text(text, PASSWORD_MAX + 1), -1);
    text[PASSWORD_MAX] = '\n';
    ck_assert_int_eq(read_text(text, PASSWORD_MAX + 8), 0);
    ck_assert_int_eq(read_text("", 0), -1);
    password.file = "/nonexistent/file";
    ck_assert_int_eq(password_read(&password, text, sizeof(text)), -1);
}
END_TEST

START_TEST(pauses_grow_and_are_forgotten)
{
    struct ip ip = {{1}}, other = {{2}};
    uint64_t now = 1000000;
    static const uint64_t pauses[] = {1000, 2000, 4000, 8000, 16000, 32000, 60000, 60000};

    ck_assert_int_eq(read_text("open sesame\n", 12), 0);
    for (int i = 1; i < PASSWORD_FREE; i++) {
        ck_assert(!password_try(&password, STR("open barley"), &ip, now));
        ck_assert_uint_eq(password_wait(&password, &ip, now), 0);
    }
    for (size_t i = 0; i < ARRAY_LEN(pauses); i++) {
        ck_assert(!password_try(&password, STR("open sesam"), &ip, now));
        ck_assert_uint_eq(password_wait(&password, &ip, now), pauses[i]);
        ck_assert_uint_eq(password_wait(&password, &ip, now + pauses[i] - 1), 1);
        ck_assert_uint_eq(password_wait(&password, &ip, now + pauses[i]), 0);
        ck_assert_uint_eq(password_wait(&password, &other, now), 0);
        now += pauses[i];
    }
    ck_assert(password_try(&password, STR("open sesame"), &ip, now));
    now += PASSWORD_FORGET;
    ck_assert(!password_try(&password, STR("open sesamE"), &ip, now));
    ck_assert_uint_eq(password_wait(&password, &ip, now), 0);
}
END_TEST

Suite *suite_password(void)
{
    Suite *suite = suite_create("password");
    TCase *tcase = tcase_create("password");

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, a_line_of_8_to_256_bytes);
    tcase_add_test(tcase, pauses_grow_and_are_forgotten);
    suite_add_tcase(suite, tcase);
    return suite;
}
