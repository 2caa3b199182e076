#include "proto/forwarded.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "base/util.h"
#include "guard.h"

Suite *suite_forwarded(void);

static struct ip_network networks[3];
static const struct trusted_list trusted = {networks, ARRAY_LEN(networks)};

static void setup(void)
{
    static const char *const texts[] = {"10.0.0.0/8", "2001:db8:ff::/48", "127.0.0.1"};

    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        ck_assert(ip_network_read(&networks[i], str_from(texts[i])));
}

/* Reads the fields of a request that came from 10.0.0.1:99; returns the client as text. */
static const char *told(enum forwarded_result (*read)(const struct http_request *request,
                                                      const struct trusted_list *trusted,
                                                      struct peer *client),
                        const char *fields)
{
    static char text[IP_TEXT_MAX];
    size_t len = strlen(fields);
    char *copy = guard_copy(fields, len);
    struct http_request request;
    struct peer client = {.port = 99, .is_known = true};
    enum forwarded_result result;

    ck_assert(ip_read(&client.ip, STR("10.0.0.1")));
    http_fields_read(&request.fields, (struct str){copy, len});
    result = read(&request, &trusted, &client);
    guard_free(copy, len);
    peer_write(text, &client);
    return result == FORWARDED_ABSENT ? "absent" : result == FORWARDED_TOLD ? text : "malformed";
}

struct row {
    const char *fields;
    const char *client;
};

static const struct row forwarded_rows[] = {
    {"", "absent"},
    {"X-Forwarded-For: 192.0.2.1\r\nForwarded-: for=192.0.2.1\r\n", "absent"},
    /* RFC 7239, 4 and 6 */
    {"Forwarded: for=192.0.2.60;proto=http;by=203.0.113.43\r\n", "192.0.2.60"},
    {"Forwarded: for=\"_gazonk\"\r\n", "10.0.0.1:99"},
    {"Forwarded: For=\"[2001:db8:cafe::17]:4711\"\r\n", "[2001:db8:cafe::17]:4711"},
    {"Forwarded: for=192.0.2.43, for=198.51.100.17\r\n", "198.51.100.17"},
    {"Forwarded: for=_hidden, for=_SEVKISEK\r\n", "10.0.0.1:99"},
    {"Forwarded: for=\"192.0.2.43:47011\"\r\n", "192.0.2.43:47011"},
    {"Forwarded: for=192.0.2.43,for=\"[2001:db8:cafe::17]\",for=unknown\r\n", "10.0.0.1:99"},
    {"Forwarded: for=192.0.2.43,for=\"[2001:db8:cafe::17]\",for=10.0.0.2\r\n", "2001:db8:cafe::17"},
    {"Forwarded: for=\"192.0.2.43:_port-1.x\"\r\n", "192.0.2.43"},
    /* names and their order */
    {"FORWARDED: proto=https;host=\"a;b,c\";FOR=192.0.2.1;by=\"[::1]\"\r\n", "192.0.2.1"},
    {"forwarded:\t;for=192.0.2.1 ; proto=https;;\r\n", "192.0.2.1"},
    {"Forwarded: for=192.0.2.1;ext=\"\\\"; for=192.0.2.2\"\r\n", "192.0.2.1"},
    {"Forwarded: for=\"192.0.\\2.1\"\r\n", "192.0.2.1"},
    {"Forwarded: for=\"\\[2001:db8::1\\]:\\8\\0\"\r\n", "[2001:db8::1]:80"},
    /* several hops, several lines */
    {"Forwarded: for=192.0.2.1, for=10.1.1.1, for=\"[2001:db8:ff::2]:5\"\r\n", "192.0.2.1"},
    {"Forwarded: for=192.0.2.1\r\nForwarded: for=192.0.2.2\r\n", "192.0.2.2"},
    {"Forwarded: for=192.0.2.1\r\nA: b\r\nForwarded: for=10.0.0.2, for=10.0.0.3\r\n", "192.0.2.1"},
    {"Forwarded: for=unknown, for=10.0.0.2\r\n", "10.0.0.2"},
    {"Forwarded: for=10.0.0.3, for=10.0.0.2\r\n", "10.0.0.3"},
    {"Forwarded: , for=192.0.2.1, ,\r\n", "192.0.2.1"},
    {"Forwarded:\r\n", "10.0.0.1:99"},
    /* what tells nothing */
    {"Forwarded: for=192.0.2.1, proto=https\r\n", "10.0.0.1:99"},
    {"Forwarded: for=192.0.2.1, by=192.0.2.2;for=\r\n", "10.0.0.1:99"},
    {"Forwarded: for=192.0.2.1;for=192.0.2.1\r\n", "10.0.0.1:99"},
    {"Forwarded: for=\"\"\r\n", "10.0.0.1:99"},
    {"Forwarded: for\r\n", "10.0.0.1:99"},
    {"Forwarded: for =192.0.2.1\r\n", "10.0.0.1:99"},
    {"Forwarded: for= 192.0.2.1\r\n", "10.0.0.1:99"},
    {"Forwarded: for=192.0.2.1:80\r\n", "10.0.0.1:99"},
    {"Forwarded: for=[::1]\r\n", "10.0.0.1:99"},
    {"Forwarded: for=[2001:db8::1\r\n", "10.0.0.1:99"},
    {"Forwarded: for=\"2001:db8::1\"\r\n", "10.0.0.1:99"},
    {"Forwarded: for=\"[192.0.2.1]\"\r\n", "10.0.0.1:99"},
    {"Forwarded: for=\"[2001:db8::1]80\"\r\n", "10.0.0.1:99"},
    {"Forwarded: for=\"[2001:db8::1]:\"\r\n", "10.0.0.1:99"},
    {"Forwarded: for=\"192.0.2.1:65536\"\r\n", "10.0.0.1:99"},
    {"Forwarded: for=\"192.0.2.1:000080\"\r\n", "10.0.0.1:99"},
    {"Forwarded: for=\"192.0.2.1:8o\"\r\n", "10.0.0.1:99"},
    {"Forwarded: for=\"192.0.2.1:_\"\r\n", "10.0.0.1:99"},
    {"Forwarded: for=\"192.0.2.1:_a b\"\r\n", "10.0.0.1:99"},
    {"Forwarded: for=\"192.0.2.1\"x\r\n", "10.0.0.1:99"},
    {"Forwarded: for=\"192.0.2.1\"\"\"\r\n", "10.0.0.1:99"},
    {"Forwarded: for=192.0.2.01\r\n", "10.0.0.1:99"},
    {"Forwarded: for=\"_a_very_long_name_that_no_address_could_ever_have_whatever_it_says\"\r\n",
     "10.0.0.1:99"},
    /* a string without an end would swallow what the nearest proxy has appended */
    {"Forwarded: for=\"192.0.2.1, for=192.0.2.2\r\n", "malformed"},
    {"Forwarded: for=\"192.0.2.1\\\", for=192.0.2.2\r\n", "malformed"},
    {"Forwarded: for=\"\\\r\n", "malformed"},
    {"Forwarded: \"\r\nForwarded: for=192.0.2.2;x=\"\r\n", "malformed"},
};

START_TEST(forwarded_is_walked_from_the_right)
{
    const struct row *row = &forwarded_rows[_i];

    ck_assert_msg(strcmp(told(forwarded_read, row->fields), row->client) == 0, "%s: %s not %s",
                  row->fields, told(forwarded_read, row->fields), row->client);
}
END_TEST

static const struct row x_forwarded_for_rows[] = {
    {"", "absent"},
    {"Forwarded: for=192.0.2.1\r\nX-Forwarded-Fo: 192.0.2.1\r\n", "absent"},
    {"X-Forwarded-For: 192.0.2.1\r\n", "192.0.2.1"},
    {"x-forwarded-for:192.0.2.1:8000\r\n", "192.0.2.1:8000"},
    {"X-Forwarded-For: 2001:db8::1\r\n", "2001:db8::1"},
    {"X-Forwarded-For: ::ffff:192.0.2.1\r\n", "192.0.2.1"},
    {"X-Forwarded-For: [2001:db8::1]\r\n", "2001:db8::1"},
    {"X-Forwarded-For: [2001:db8::1]:8000\r\n", "[2001:db8::1]:8000"},
    {"X-Forwarded-For: 192.0.2.1, 192.0.2.2\r\n", "192.0.2.2"},
    {"X-Forwarded-For: 192.0.2.1,192.0.2.2,10.0.0.2\t,  10.0.0.3:1\r\n", "192.0.2.2"},
    {"X-Forwarded-For: 192.0.2.1\r\nx-forwarded-for: 192.0.2.2\r\n", "192.0.2.2"},
    {"X-Forwarded-For: 192.0.2.1\r\nA: b\r\nX-Forwarded-For: 10.0.0.2\r\n", "192.0.2.1"},
    {"X-Forwarded-For: 10.0.0.2, 127.0.0.1\r\n", "10.0.0.2"},
    {"X-Forwarded-For: ,, 192.0.2.1,, \r\n", "192.0.2.1"},
    {"X-Forwarded-For:\r\n", "10.0.0.1:99"},
    {"X-Forwarded-For: 192.0.2.1, unknown\r\n", "10.0.0.1:99"},
    {"X-Forwarded-For: unknown, 10.0.0.2\r\n", "10.0.0.2"},
    {"X-Forwarded-For: 192.0.2.1, unknown, 10.0.0.2, 127.0.0.1\r\n", "10.0.0.2"},
    {"X-Forwarded-For: 192.0.2.1, 192.0.2.256\r\n", "10.0.0.1:99"},
    {"X-Forwarded-For: 192.0.2.1, 192.0.2.2:\r\n", "10.0.0.1:99"},
    {"X-Forwarded-For: 192.0.2.1, 192.0.2.2:x\r\n", "10.0.0.1:99"},
    {"X-Forwarded-For: 192.0.2.1, fe80::1%eth0\r\n", "10.0.0.1:99"},
    {"X-Forwarded-For: 192.0.2.1, [\r\n", "10.0.0.1:99"},
    {"X-Forwarded-For: 192.0.2.1, []\r\n", "10.0.0.1:99"},
    {"X-Forwarded-For: 192.0.2.1 192.0.2.2\r\n", "10.0.0.1:99"},
    /* quotes are nothing special: they cannot swallow what the nearest proxy has appended */
    {"X-Forwarded-For: \"192.0.2.1, 192.0.2.2\r\n", "192.0.2.2"},
    {"X-Forwarded-For: \"192.0.2.1, \\, 192.0.2.2\r\n", "192.0.2.2"},
};

START_TEST(x_forwarded_for_is_walked_from_the_right)
{
    const struct row *row = &x_forwarded_for_rows[_i];

    ck_assert_msg(strcmp(told(x_forwarded_for_read, row->fields), row->client) == 0,
                  "%s: %s not %s", row->fields, told(x_forwarded_for_read, row->fields),
                  row->client);
}
END_TEST

/* The last hop that is asked names the client, even where it is trusted. */
START_TEST(hops_are_bounded)
{
    char fields[1024], element[32];
    int hops = FORWARDED_HOPS_MAX + _i;

    snprintf(fields, sizeof(fields), "X-Forwarded-For: 192.0.2.1");
    for (int i = hops - 1; i > 0; i--) {
        snprintf(element, sizeof(element), ", 10.0.1.%d", i);
        strncat(fields, element, sizeof(fields) - strlen(fields) - 1);
    }
    strncat(fields, "\r\n", sizeof(fields) - strlen(fields) - 1);
    ck_assert_str_eq(told(x_forwarded_for_read, fields), _i == 0 ? "192.0.2.1" : "10.0.1.16");
}
END_TEST

/* A peer of a unix socket, and nobody else trusted. */
START_TEST(a_trusted_peer_need_not_be_an_address)
{
    struct http_request request;
    struct trusted_list none = {NULL, 0};
    struct peer client = {.is_known = false};
    char text[IP_TEXT_MAX];

    http_fields_read(&request.fields, STR("X-Forwarded-For: 10.0.0.1, 10.0.0.2\r\n"));
    ck_assert_int_eq(x_forwarded_for_read(&request, &none, &client), FORWARDED_TOLD);
    peer_write(text, &client);
    ck_assert_str_eq(text, "10.0.0.2");
}
END_TEST

Suite *suite_forwarded(void)
{
    Suite *suite = suite_create("forwarded");
    TCase *test_case = tcase_create("forwarded");

    tcase_add_checked_fixture(test_case, setup, NULL);
    tcase_add_loop_test(test_case, forwarded_is_walked_from_the_right, 0,
                        (int)ARRAY_LEN(forwarded_rows));
    tcase_add_loop_test(test_case, x_forwarded_for_is_walked_from_the_right, 0,
                        (int)ARRAY_LEN(x_forwarded_for_rows));
    tcase_add_loop_test(test_case, hops_are_bounded, 0, 2);
    tcase_add_test(test_case, a_trusted_peer_need_not_be_an_address);
    suite_add_tcase(suite, test_case);
    return suite;
}
