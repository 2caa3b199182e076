#include "proto/uri.h"

#include <string.h>

#include <check.h>

#include "base/util.h"
#include "guard.h"

Suite *suite_uri(void);

/* Parses an authority that lies against a guard page. */
static bool authority_parse(const char *text, char *host, char *port, size_t size)
{
    size_t len = strlen(text);
    char *copy = guard_copy(text, len);
    struct str got_host, got_port;
    bool is_good = uri_authority_parse((struct str){copy, len}, &got_host, &got_port);

    if (is_good) {
        snprintf(host, size, "%.*s", (int)got_host.len, got_host.ptr);
        snprintf(port, size, "%.*s", (int)got_port.len, got_port.ptr == NULL ? "" : got_port.ptr);
        ck_assert_int_eq(got_port.ptr == NULL, got_host.len == len);
    }
    guard_free(copy, len);
    return is_good;
}

START_TEST(parses_authorities)
{
    static const char *const rows[][3] = {
        {"a", "a", ""},
        {"a:", "a", ""},
        {"a:0", "a", "0"},
        {"a:65535", "a", "65535"},
        {"a:000000080", "a", "000000080"},
        {"Example.COM:80", "Example.COM", "80"},
        {"127.0.0.1:8000", "127.0.0.1", "8000"},
        {"999.1.2.3.4", "999.1.2.3.4", ""},
        {"a_b~c-d.e!$&'()*+,;=", "a_b~c-d.e!$&'()*+,;=", ""},
        {"%41%zz", NULL, NULL},
        {"%C3%a9:1", "%C3%a9", "1"},
        {"[::]", "[::]", ""},
        {"[::1]:", "[::1]", ""},
        {"[::1]:80", "[::1]", "80"},
        {"[2001:DB8::1:0]", "[2001:DB8::1:0]", ""},
        {"[1:2:3:4:5:6:7:8]", "[1:2:3:4:5:6:7:8]", ""},
        {"[::ffff:127.0.0.1]:1", "[::ffff:127.0.0.1]", "1"},
        {"[ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255]",
         "[ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255]", ""},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char host[64], port[64];
        bool is_good = authority_parse(rows[i][0], host, port, sizeof(host));

        ck_assert_msg(is_good == (rows[i][1] != NULL), "%s", rows[i][0]);
        if (!is_good)
            continue;
        ck_assert_str_eq(host, rows[i][1]);
        ck_assert_str_eq(port, rows[i][2]);
    }
}
END_TEST

START_TEST(refuses_authorities)
{
    static const char *const rows[] = {
        "",
        ":",
        ":80",
        "a:65536",
        "a:99999999999999999999999",
        "a:-1",
        "a:+1",
        "a:8 0",
        "a:80:",
        "a:b",
        "a b",
        "a/b",
        "a?b",
        "a#b",
        "a\\b",
        "u@a",
        "u:p@a",
        "a\x7f",
        "a\x80",
        "a\xc3\xa9",
        "a<",
        "a\"",
        "a|",
        "%",
        "%4",
        "%4g",
        "a%",
        "[",
        "[]",
        "[]:80",
        "[::1",
        "::1",
        "[::1]a",
        "[::1]80",
        "[::1]:x",
        "[[::1]]",
        "a[::1]",
        "[:::1]",
        "[1:2:3:4:5:6:7]",
        "[1:2:3:4:5:6:7:8:9]",
        "[12345::]",
        "[::g]",
        "[::256.0.0.1]",
        "[127.0.0.1]",
        "[fe80::1%25eth0]",
        "[fe80::1%eth0]",
        "[v1.a]",
        "[::1 ]",
        "[ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.2555]", /* 46 characters, one too many */
        "[0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000]",
    };
    char host[64], port[64];

    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        ck_assert_msg(!authority_parse(rows[i], host, port, sizeof(host)), "%s", rows[i]);
}
END_TEST

START_TEST(refuses_nul_in_an_address)
{
    struct str host, port;

    ck_assert(!uri_authority_parse(STR("[::1\0]"), &host, &port));
    ck_assert(!uri_authority_parse(STR("a\0"), &host, &port));
}
END_TEST

START_TEST(knows_path_and_query_characters)
{
    for (int c = 0; c < 256; c++) {
        char text[1] = {(char)c};
        struct str s = {text, 1};
        bool is_path = c > 0x20 && c < 0x7f && strchr("\"#%<>?[\\]^`{|}", c) == NULL;

        ck_assert_int_eq(uri_path_is_valid(s), is_path);
        ck_assert_int_eq(uri_query_is_valid(s), is_path || c == '?');
    }
    ck_assert(uri_path_is_valid(STR("")));
    ck_assert(uri_path_is_valid(STR("/a%20%fF")));
    ck_assert(uri_path_is_valid(STR("/%00%0a")));
    ck_assert(!uri_path_is_valid(STR("/a%2")));
    ck_assert(!uri_path_is_valid(STR("/%g0")));
    ck_assert(!uri_path_is_valid(STR("/%0g")));
    ck_assert(!uri_query_is_valid(STR("a=%")));
}
END_TEST

START_TEST(reads_hexadecimal_digits)
{
    static const char digits[] = "0123456789abcdef", upper[] = "ABCDEF";

    for (int c = 0; c < 256; c++) {
        const char *lower_at = c == 0 ? NULL : strchr(digits, c);
        const char *upper_at = c == 0 ? NULL : strchr(upper, c);
        int want = lower_at != NULL   ? (int)(lower_at - digits)
                   : upper_at != NULL ? (int)(upper_at - upper) + 10
                                      : -1;

        ck_assert_int_eq(uri_hex_value((char)c), want);
    }
}
END_TEST

START_TEST(reads_base_paths)
{
    static const char *const rows[][2] = {
        {"/", ""},           {"/chat", "/chat"},
        {"/chat/", "/chat"}, {"/a/b-c/~d_e.9/", "/a/b-c/~d_e.9"},
        {"/...", "/..."},    {"/.well-known", "/.well-known"},
        {"", NULL},          {"chat", NULL},
        {"//", NULL},        {"//chat", NULL},
        {"/chat//", NULL},   {"/a//b", NULL},
        {"/.", NULL},        {"/..", NULL},
        {"/../", NULL},      {"/a/../b", NULL},
        {"/a/.", NULL},      {"/a b", NULL},
        {"/a%20b", NULL},    {"/a?b", NULL},
        {"/a#b", NULL},      {"/a:b", NULL},
        {"/a\nb", NULL},     {"/\xc3\xa9", NULL},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        size_t len = strlen(rows[i][0]);
        char *copy = guard_copy(rows[i][0], len);
        struct str base = STR("as before");
        bool is_good = uri_base_read(&base, (struct str){copy, len});

        ck_assert_msg(is_good == (rows[i][1] != NULL), "%s", rows[i][0]);
        ck_assert(str_equals(base, is_good ? str_from(rows[i][1]) : STR("as before")));
        guard_free(copy, len);
    }
}
END_TEST

Suite *suite_uri(void)
{
    Suite *suite = suite_create("uri");
    TCase *tcase = tcase_create("uri");

    tcase_add_test(tcase, parses_authorities);
    tcase_add_test(tcase, refuses_authorities);
    tcase_add_test(tcase, refuses_nul_in_an_address);
    tcase_add_test(tcase, knows_path_and_query_characters);
    tcase_add_test(tcase, reads_hexadecimal_digits);
    tcase_add_test(tcase, reads_base_paths);
    suite_add_tcase(suite, tcase);
    return suite;
}
