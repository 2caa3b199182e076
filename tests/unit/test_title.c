/* The title of --title: what may be one, and how it stands in the files of the page. */
#include "web/title.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"

Suite *suite_title(void);

START_TEST(what_may_be_a_title)
{
    static const char *const good[] = {"x", "茶水间", " a b ", "<b>", "\"'&"};
    static const char *const bad[] = {"",     " ",        " \t ", "a\nb",
                                      "\x7F", "\xC2\x80", "\xFF", "\xE8\x8C"};
    char longest[66];

    for (size_t i = 0; i < ARRAY_LEN(good); i++)
        ck_assert_msg(title_is_valid(str_from(good[i])), "%s", good[i]);
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        ck_assert_msg(!title_is_valid(str_from(bad[i])), "%zu", i);
    memset(longest, 'x', sizeof(longest));
    ck_assert(title_is_valid((struct str){longest, 64}));
    ck_assert(!title_is_valid((struct str){longest, 65}));
}
END_TEST

static void expect_fill(const char *name, const char *file, const char *title, const char *wanted)
{
    struct buf out;

    buf_init(&out);
    ck_assert_int_eq(title_fill(&out, str_from(name), str_from(file), str_from(title)), 0);
    ck_assert_uint_eq(out.len, strlen(wanted));
    ck_assert(wanted[0] == '\0' || memcmp(out.data, wanted, out.len) == 0);
    buf_deinit(&out);
}

START_TEST(it_stands_in_each_place)
{
    expect_fill("index.html",
                "<title>WebSocket Chat</title> WebSocket Echo <h1>WebSocket Chat</h1>", "Tea",
                "<title>Tea</title> WebSocket Echo <h1>Tea</h1>");
    expect_fill("index.html", "WebSocket Chat", "WebSocket Chat 2", "WebSocket Chat 2");
    expect_fill("index.html", "WebSocket ChaWebSocket Chat", "x", "WebSocket Chax");
    expect_fill("index.html", "WebSocket Cha", "x", "WebSocket Cha");
    expect_fill("index.html", "", "x", "");
}
END_TEST

START_TEST(it_is_text_in_html)
{
    expect_fill("index.html", "<h1>WebSocket Chat</h1>", "</h1><script>\"&'",
                "<h1>&lt;/h1&gt;&lt;script&gt;&quot;&amp;&#39;</h1>");
}
END_TEST

START_TEST(it_is_a_string_in_the_manifest)
{
    expect_fill("chat.webmanifest", "{\"name\":\"WebSocket Chat\"}", "a\"b\\c<茶",
                "{\"name\":\"a\\\"b\\\\c<茶\"}");
}
END_TEST

START_TEST(it_stands_in_two_files)
{
    ck_assert(title_is_in(STR("index.html")));
    ck_assert(title_is_in(STR("chat.webmanifest")));
    ck_assert(!title_is_in(STR("echo.html")));
    ck_assert(!title_is_in(STR("status.html")));
    ck_assert(!title_is_in(STR("")));
}
END_TEST

Suite *suite_title(void)
{
    Suite *suite = suite_create("title");
    TCase *tc = tcase_create("title");

    tcase_add_test(tc, what_may_be_a_title);
    tcase_add_test(tc, it_stands_in_each_place);
    tcase_add_test(tc, it_is_text_in_html);
    tcase_add_test(tc, it_is_a_string_in_the_manifest);
    tcase_add_test(tc, it_stands_in_two_files);
    suite_add_tcase(suite, tc);
    return suite;
}
