#include "cli/target.h"

#include <string.h>

#include <check.h>

#include "base/util.h"

Suite *suite_target(void);

#define NAME_64 "0123456789012345678901234567890123456789012345678901234567890123"

/* What a URL says, in one line. */
static const char *read_url(const char *url)
{
    static char text[4096];
    struct target_options options = {.url = url, .history = 50};
    struct target t;
    const char *why = target_read(&t, &options);

    if (why != NULL)
        return why;
    snprintf(text, sizeof(text), "%.*s|%.*s|%.*s|%llu|%s|%s|%llu|%s|%s|%.*s",
             (int)t.address.host.len, t.address.host.ptr, (int)t.address.port.len,
             t.address.port.ptr, (int)t.prefix.len, t.prefix.ptr, (unsigned long long)t.id, t.room,
             t.name, (unsigned long long)t.history, t.since, t.key, (int)t.rest.len,
             t.rest.len > 0 ? (char *)t.rest.data : "");
    target_deinit(&t);
    return text;
}

START_TEST(reads_urls)
{
    static const char *const rows[][2] = {
        {"ws://a", "a|80||0|||50|||"},
        {"ws://a/", "a|80||0|||50|||"},
        {"ws://a/ws", "a|80||0|||50|||"},
        {"ws://a/ws/", "a|80||0|||50|||"},
        {"ws://a:1/ws/7", "a|1||7|||50|||"},
        {"ws://a/ws/9223372036854775807", "a|80||9223372036854775807|||50|||"},
        {"ws://a/chat/", "a|80|/chat|0|||50|||"},
        {"ws://a/chat/ws/", "a|80|/chat|0|||50|||"},
        {"ws://a/b/c/ws/7", "a|80|/b/c|7|||50|||"},
        {"ws://a?room=t%20e+a&name=%C3%A9&history=3", "a|80||0|t e a|\xc3\xa9|3|||"},
        {"ws://a/?x=1&room=r&y&&%6eame=n&z=%20", "a|80||0|r|n|50|||&x=1&y&z=%20"},
        {"ws://a/?since=p%2B1&key=k%3d", "a|80||0|||50|p+1|k=|"},
        {"ws://a/?room=r#token=a.b", "a|80||0|r||50|||"},
        {"ws://a/?room=" NAME_64, "a|80||0|" NAME_64 "||50|||"},
        {"ws://a/?name=", "a|80||0|||50|||"},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        ck_assert_str_eq(read_url(rows[i][0]), rows[i][1]);
}
END_TEST

START_TEST(refuses_urls)
{
    static const char *const rows[][2] = {
        {"wss://a", "no TLS"},
        {"ws://a/#token=", "no token behind"},
        {"ws://a/#token=a b", "no token behind"},
        {"ws://a/#tokens=a", "no #fragment"},
        {"ws://a/ws/0", "an id is"},
        {"ws://a/ws/007", "an id is"},
        {"ws://a/ws/9223372036854775808", "an id is"},
        {"ws://a/ws/7x", "ends in /ws/ID"},
        {"ws://a/7", "ends in /ws/ID"},
        {"ws://a/chat", "ends in /ws/ID"},
        {"ws://a/?room=", "a room is"},
        {"ws://a/?room=" NAME_64 "x", "a room is"},
        {"ws://a/?room=%00", "a room is"},
        {"ws://a/?room=%ff", "a room is"},
        {"ws://a/?name=%7f", "a name is"},
        {"ws://a/?room=a&room=b", "twice"},
        {"ws://a/?history=100001", "history is"},
        {"ws://a/?history=-1", "history is"},
        {"unix:", "unix socket"},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        ck_assert_msg(strstr(read_url(rows[i][0]), rows[i][1]) != NULL, "%s", rows[i][0]);
}
END_TEST

START_TEST(unix_paths_have_a_bound)
{
    char url[128] = "unix:";

    memset(url + 5, 'x', 107);
    ck_assert_str_ne(read_url(url), "");
    ck_assert_ptr_null(strstr(read_url(url), "unix socket"));
    url[5 + 107] = 'x';
    ck_assert_ptr_nonnull(strstr(read_url(url), "unix socket"));
}
END_TEST

START_TEST(options_win)
{
    struct target_options options = {.url = "ws://a/ws/7?room=r&name=n&history=3",
                                     .room = "R",
                                     .name = "",
                                     .id = 9,
                                     .history = 0,
                                     .has_history = true};
    struct target t;

    ck_assert_ptr_null(target_read(&t, &options));
    ck_assert_str_eq(t.room, "R");
    ck_assert_str_eq(t.name, "");
    ck_assert_uint_eq(t.id, 9);
    ck_assert_uint_eq(t.history, 0);
    target_deinit(&t);
}
END_TEST

START_TEST(encodes_what_must_be)
{
    struct buf out;

    buf_init(&out);
    ck_assert_int_eq(target_append_encoded(&out, STR("aZ09-._~ +&=%\xc3\xa9\0")), 0);
    buf_append_char(&out, '\0');
    ck_assert_str_eq((char *)out.data, "aZ09-._~%20%2B%26%3D%25%C3%A9%00");
    buf_deinit(&out);
}
END_TEST

Suite *suite_target(void)
{
    Suite *suite = suite_create("target");
    TCase *tcase = tcase_create("target");

    tcase_add_test(tcase, reads_urls);
    tcase_add_test(tcase, refuses_urls);
    tcase_add_test(tcase, unix_paths_have_a_bound);
    tcase_add_test(tcase, options_win);
    tcase_add_test(tcase, encodes_what_must_be);
    suite_add_tcase(suite, tcase);
    return suite;
}
