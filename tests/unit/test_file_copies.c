/* Copies of files that are served from a folder: one of each version. */
#include "web/file_copies.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/util.h"

Suite *suite_file_copies(void);

#define NOW 1000000
#define MIB ((size_t)1024 * 1024)

struct taken {
    struct http_body body;
    char etag[ETAG_SIZE];
};

static int file;
static struct stat st; /* of the file, settled long ago */
static ino_t number =
    1; /* of the file at hand: a file that is gone gives its own to the next one */

static void write_file(int fd, char with, size_t len)
{
    char *bytes = malloc(len + 1);

    ck_assert_ptr_nonnull(bytes);
    memset(bytes, with, len);
    ck_assert_int_eq(pwrite(fd, bytes, len, 0), (ssize_t)len);
    ck_assert_int_eq(ftruncate(fd, (off_t)len), 0);
    free(bytes);
}

static int make_file(char with, size_t len)
{
    char path[] = "/tmp/wschat-copies-XXXXXX";
    int fd = mkstemp(path);

    ck_assert_int_ge(fd, 0);
    unlink(path);
    write_file(fd, with, len);
    return fd;
}

static void set_time(time_t seconds)
{
    ck_assert_int_eq(fstat(file, &st), 0);
    st.st_ino = number;
    st.st_mtim = st.st_ctim = (struct timespec){.tv_sec = seconds};
}

static void setup(void)
{
    file = make_file('a', 100);
    number++;
    set_time(NOW - 100);
}

static void teardown(void)
{
    close(file);
}

static struct taken take_at(time_t now)
{
    struct taken asset;

    ck_assert_int_eq(lseek(file, 0, SEEK_SET), 0);
    ck_assert_int_eq(file_copies_take(&asset.body, asset.etag, file, &st, now), 0);
    return asset;
}

static void expect(const struct taken *asset, char with, size_t len)
{
    char etag[ETAG_SIZE];

    ck_assert_uint_eq(asset->body.len, len);
    for (size_t i = 0; i < len; i++)
        ck_assert_int_eq(((const char *)asset->body.data)[i], with);
    etag_write(etag, asset->body.data, len);
    ck_assert_mem_eq(etag, asset->etag, ETAG_SIZE);
}

START_TEST(responses_share_a_copy)
{
    size_t before = file_copies_bytes();
    struct taken one = take_at(NOW), two = take_at(NOW), three;

    expect(&one, 'a', 100);
    ck_assert_ptr_eq(one.body.data, two.body.data);
    ck_assert_mem_eq(one.etag, two.etag, ETAG_SIZE);
    http_body_release(&one.body);
    http_body_release(&two.body);
    three = take_at(NOW + 5); /* it was kept */
    ck_assert_ptr_eq(one.body.data, three.body.data);
    ck_assert_uint_eq(file_copies_bytes() - before, 100);
    http_body_release(&three.body);
}
END_TEST

/* Who was sent the old one gets it to its end. */
START_TEST(a_changed_file_has_a_copy_of_its_own)
{
    size_t before = file_copies_bytes();
    struct taken old = take_at(NOW), new;

    write_file(file, 'b', 60);
    set_time(NOW - 50);
    new = take_at(NOW);
    expect(&new, 'b', 60);
    expect(&old, 'a', 100);
    ck_assert_uint_eq(file_copies_bytes() - before, 160);
    http_body_release(&old.body);
    ck_assert_uint_eq(file_copies_bytes() - before, 60);
    http_body_release(&new.body);
}
END_TEST

/* The same length, and the same time by the clock of the file system. */
START_TEST(what_changed_just_now_is_looked_at_again)
{
    struct taken one, two, three, four;

    set_time(NOW);
    one = take_at(NOW);
    write_file(file, 'b', 100);
    set_time(NOW);
    two = take_at(NOW + 2);
    ck_assert_ptr_eq(one.body.data, two.body.data);
    three = take_at(NOW + 3);
    expect(&three, 'b', 100);
    expect(&one, 'a', 100);
    four = take_at(NOW + 4);
    ck_assert_ptr_eq(three.body.data, four.body.data);
    http_body_release(&one.body);
    http_body_release(&two.body);
    http_body_release(&three.body);
    http_body_release(&four.body);
}
END_TEST

START_TEST(an_empty_file)
{
    struct taken asset;

    write_file(file, 'x', 0);
    set_time(NOW - 100);
    asset = take_at(NOW);
    expect(&asset, 'x', 0);
    http_body_release(&asset.body);
}
END_TEST

/* What nobody is sent is bounded, in bytes and in number. */
START_TEST(what_is_kept_is_bounded)
{
    for (unsigned i = 0; i < 2 * FILE_COPIES_KEPT; i++) {
        size_t len = i < 10 ? 3 * MIB : 10;
        struct taken asset;

        close(file);
        file = make_file('a', len);
        number++;
        set_time(NOW - 100);
        asset = take_at(NOW);
        http_body_release(&asset.body);
        ck_assert_uint_le(file_copies_bytes(), FILE_COPIES_BYTES);
    }
    ck_assert_uint_eq(file_copies_bytes(), FILE_COPIES_KEPT * 10);
}
END_TEST

Suite *suite_file_copies(void)
{
    Suite *suite = suite_create("file_copies");
    TCase *cases = tcase_create("file_copies");

    tcase_add_checked_fixture(cases, setup, teardown);
    tcase_add_test(cases, responses_share_a_copy);
    tcase_add_test(cases, a_changed_file_has_a_copy_of_its_own);
    tcase_add_test(cases, what_changed_just_now_is_looked_at_again);
    tcase_add_test(cases, an_empty_file);
    tcase_add_test(cases, what_is_kept_is_bounded);
    suite_add_tcase(suite, cases);
    return suite;
}
