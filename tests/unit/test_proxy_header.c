#include "proto/proxy_header.h"

#include <stdio.h>
#include <string.h>

#include <check.h>

#include "base/str.h"
#include "base/util.h"
#include "guard.h"

Suite *suite_proxy_header(void);

#define SIGNATURE "\r\n\r\n\0\r\nQUIT\n"
#define V4_BLOCK "\xc0\x00\x02\x01\xc6\x33\x64\x02\x1f\x90\x01\xbb"
#define V6_BLOCK                                                                                   \
    "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x02"         \
    "\x1f\x90\x01\xbb"

static int parse(struct proxy_header *header, const char *data, size_t len)
{
    char *copy = guard_copy(data, len);
    int result = proxy_header_parse(header, copy, len);

    guard_free(copy, len);
    return result;
}

/* Reads a header with something behind it, whole and byte by byte: the result must come as soon as
 * it is known, and be the same ever after. Returns it. */
static int read_all_ways(struct str text, struct proxy_header *header)
{
    char more[PROXY_HEADER_MAX + 80];
    int whole;

    memcpy(more, text.ptr, text.len);
    memcpy(more + text.len, "GET / HTTP/1.1", 14);
    whole = parse(header, more, text.len + 14);
    ck_assert_int_ne(whole, 0);
    for (size_t len = 0; len <= text.len + 14; len++) {
        struct proxy_header part;
        int result = parse(&part, more, len);

        if (result == 0) {
            ck_assert(whole < 0 || len < (size_t)whole);
            continue;
        }
        ck_assert_int_eq(result, whole);
        ck_assert(result < 0 || len >= (size_t)result);
        ck_assert(part.source.is_known == header->source.is_known);
        ck_assert(part.is_local == header->is_local);
    }
    return whole;
}

/* The whole text is a header that tells this: an address, "unknown" or "local". */
static void expect_source(struct str text, const char *told)
{
    struct proxy_header header;
    char written[IP_TEXT_MAX];
    int result = read_all_ways(text, &header);

    ck_assert_msg(result == (int)text.len, "%s: %d", told, result);
    peer_write(written, &header.source);
    ck_assert_str_eq(header.is_local ? "local" : written, told);
}

static void expect_error(struct str text, enum proxy_header_error error)
{
    struct proxy_header header;
    int result = read_all_ways(text, &header);

    ck_assert_msg(result == -(int)error, "%.*s: %d", (int)text.len, text.ptr, result);
    ck_assert_uint_gt(strlen(proxy_header_error_text(error)), 0);
}

START_TEST(lines_tell_addresses)
{
    expect_source(STR("PROXY TCP4 192.0.2.1 198.51.100.2 8080 443\r\n"), "192.0.2.1:8080");
    expect_source(STR("PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n"),
                  "255.255.255.255:65535");
    expect_source(STR("PROXY TCP4 0.0.0.0 0.0.0.0 1 0\r\n"), "0.0.0.0:1");
    expect_source(STR("PROXY TCP6 2001:db8::1 ::1 8080 443\r\n"), "[2001:db8::1]:8080");
    expect_source(STR("PROXY TCP6 2001:DB8:0:0:0:0:0:1 :: 1 2\r\n"), "[2001:db8::1]:1");
    expect_source(STR("PROXY TCP6 ::ffff:192.0.2.1 ::1 8080 443\r\n"), "192.0.2.1:8080");
    expect_source(STR("PROXY TCP6 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff "
                      "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n"),
                  "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535");
}
END_TEST

START_TEST(unknown_lines_tell_nothing)
{
    expect_source(STR("PROXY UNKNOWN\r\n"), "unknown");
    expect_source(STR("PROXY UNKNOWN \r\n"), "unknown");
    expect_source(STR("PROXY UNKNOWN 192.0.2.1 what \x01\xff ever\r\n"), "unknown");
    expect_source(STR("PROXY UNKNOWN ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff "
                      "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n"),
                  "unknown");
}
END_TEST

static const struct {
    const char *line;
    enum proxy_header_error error;
} bad_lines[] = {
    {"PROXY TCP4 192.0.2.1 198.51.100.2 8080 443\n", PROXY_HEADER_LINE},
    {"PROXY TCP4 192.0.2.1 198.51.100.2 8080 443\r", PROXY_HEADER_LINE},
    {"PROXY TCP4 192.0.2.1\r 198.51.100.2 8080 443\r\n", PROXY_HEADER_LINE},
    {"PROXY \r\n", PROXY_HEADER_PROTOCOL},
    {"PROXY  TCP4 192.0.2.1 198.51.100.2 8080 443\r\n", PROXY_HEADER_PROTOCOL},
    {"PROXY tcp4 192.0.2.1 198.51.100.2 8080 443\r\n", PROXY_HEADER_PROTOCOL},
    {"PROXY UDP4 192.0.2.1 198.51.100.2 8080 443\r\n", PROXY_HEADER_PROTOCOL},
    {"PROXY TCP44 192.0.2.1 198.51.100.2 8080 443\r\n", PROXY_HEADER_PROTOCOL},
    {"PROXY UNKNOWNS\r\n", PROXY_HEADER_PROTOCOL},
    {"PROXY /path HTTP/1.1\r\n", PROXY_HEADER_PROTOCOL},
    {"PROXY TCP4\r\n", PROXY_HEADER_ADDRESS},
    {"PROXY TCP4 \r\n", PROXY_HEADER_ADDRESS},
    {"PROXY TCP4 192.0.2.1\r\n", PROXY_HEADER_ADDRESS},
    {"PROXY TCP4 192.0.2.1 198.51.100.2\r\n", PROXY_HEADER_ADDRESS},
    {"PROXY TCP4 192.0.2.1 198.51.100.2 8080\r\n", PROXY_HEADER_ADDRESS},
    {"PROXY TCP4 192.0.2.1 198.51.100.2 8080 \r\n", PROXY_HEADER_ADDRESS},
    {"PROXY TCP4 192.0.2.1 198.51.100.2 8080 443 \r\n", PROXY_HEADER_ADDRESS},
    {"PROXY TCP4 192.0.2.1  198.51.100.2 8080 443\r\n", PROXY_HEADER_ADDRESS},
    {"PROXY TCP4 192.0.2.01 198.51.100.2 8080 443\r\n", PROXY_HEADER_ADDRESS},
    {"PROXY TCP4 192.0.2.256 198.51.100.2 8080 443\r\n", PROXY_HEADER_ADDRESS},
    {"PROXY TCP4 192.0.2 198.51.100.2 8080 443\r\n", PROXY_HEADER_ADDRESS},
    {"PROXY TCP4 192.0.2.1 198.51.100.2 08080 443\r\n", PROXY_HEADER_ADDRESS},
    {"PROXY TCP4 192.0.2.1 198.51.100.2 65536 443\r\n", PROXY_HEADER_ADDRESS},
    {"PROXY TCP4 192.0.2.1 198.51.100.2 8080 65536\r\n", PROXY_HEADER_ADDRESS},
    {"PROXY TCP4 192.0.2.1 198.51.100.2 +80 443\r\n", PROXY_HEADER_ADDRESS},
    {"PROXY TCP4 2001:db8::1 ::1 8080 443\r\n", PROXY_HEADER_ADDRESS},
    {"PROXY TCP4 192.0.2.1 ::1 8080 443\r\n", PROXY_HEADER_ADDRESS},
    {"PROXY TCP6 192.0.2.1 198.51.100.2 8080 443\r\n", PROXY_HEADER_ADDRESS},
    {"PROXY TCP6 2001:db8::1 198.51.100.2 8080 443\r\n", PROXY_HEADER_ADDRESS},
    {"PROXY TCP6 2001:db8::1::2 ::1 8080 443\r\n", PROXY_HEADER_ADDRESS},
    {"PROXY TCP6 [2001:db8::1] ::1 8080 443\r\n", PROXY_HEADER_ADDRESS},
    {"PROXY TCP6 fe80::1%eth0 ::1 8080 443\r\n", PROXY_HEADER_ADDRESS},
};

START_TEST(bad_lines_have_names)
{
    expect_error(str_from(bad_lines[_i].line), bad_lines[_i].error);
}
END_TEST

/* 107 bytes with the CRLF are the most. */
START_TEST(lines_end_in_time)
{
    struct proxy_header header;
    char line[120];

    memset(line, 'x', sizeof(line));
    memcpy(line, "PROXY UNKNOWN ", 14);
    memcpy(line + PROXY_HEADER_V1_MAX - 2, "\r\n", 2);
    expect_source((struct str){line, PROXY_HEADER_V1_MAX}, "unknown");
    line[PROXY_HEADER_V1_MAX - 2] = 'x';
    memcpy(line + PROXY_HEADER_V1_MAX - 1, "\r\n", 2);
    expect_error((struct str){line, PROXY_HEADER_V1_MAX + 1}, PROXY_HEADER_LINE);
    line[PROXY_HEADER_V1_MAX - 1] = 'x';
    ck_assert_int_eq(parse(&header, line, PROXY_HEADER_V1_MAX - 1), 0);
    ck_assert_int_eq(parse(&header, line, PROXY_HEADER_V1_MAX), -PROXY_HEADER_LINE);
}
END_TEST

START_TEST(what_is_no_header_is_told_at_once)
{
    static const char *const others[] = {"GET",     "P\r",         "PRI * HTTP/2.0\r\n",
                                         "POST /",  "PROXYTCP4",   "proxy ",
                                         "\r\nGET", "\r\n\r\nG",   "\n",
                                         " PROXY ", "\x16\x03\x01"};

    for (size_t i = 0; i < ARRAY_LEN(others); i++)
        expect_error(str_from(others[i]), PROXY_HEADER_ABSENT);
    expect_error(STR("\r\n\r\n\0\r\nQUIT\r"), PROXY_HEADER_ABSENT);
}
END_TEST

START_TEST(blocks_tell_addresses)
{
    expect_source(STR(SIGNATURE "\x21\x11\x00\x0c" V4_BLOCK), "192.0.2.1:8080");
    expect_source(STR(SIGNATURE "\x21\x12\x00\x0c" V4_BLOCK), "192.0.2.1:8080");
    expect_source(STR(SIGNATURE "\x21\x21\x00\x24" V6_BLOCK), "[2001:db8::1]:8080");
    expect_source(STR(SIGNATURE "\x21\x22\x00\x24" V6_BLOCK), "[2001:db8::1]:8080");
}
END_TEST

/* Families without an address of IP, and transports that nobody knows. */
START_TEST(blocks_without_an_address_tell_none)
{
    char block[16 + 216];

    expect_source(STR(SIGNATURE "\x21\x00\x00\x00"), "unknown");
    expect_source(STR(SIGNATURE "\x21\x00\x00\x03xyz"), "unknown");
    expect_source(STR(SIGNATURE "\x21\x01\x00\x01x"), "unknown");
    expect_source(STR(SIGNATURE "\x21\x10\x00\x0c" V4_BLOCK), "unknown");
    memset(block, 'u', sizeof(block));
    memcpy(block, SIGNATURE "\x21\x31\x00\xd8", 16);
    expect_source((struct str){block, sizeof(block)}, "unknown");
}
END_TEST

/* What follows LOCAL is skipped, whatever it says. */
START_TEST(local_speaks_for_the_proxy)
{
    expect_source(STR(SIGNATURE "\x20\x00\x00\x00"), "local");
    expect_source(STR(SIGNATURE "\x20\x11\x00\x0c" V4_BLOCK), "local");
    expect_source(STR(SIGNATURE "\x20\xff\x00\x02\x03\x01"), "local");
}
END_TEST

START_TEST(vectors_are_skipped)
{
    expect_source(STR(SIGNATURE "\x21\x11\x00\x0f" V4_BLOCK "\x04\x00\x00"), "192.0.2.1:8080");
    expect_source(STR(SIGNATURE "\x21\x11\x00\x19" V4_BLOCK "\x01\x00\x02h2\xe0\x00\x05value"),
                  "192.0.2.1:8080");
    expect_error(STR(SIGNATURE "\x21\x11\x00\x0d" V4_BLOCK "\x04"), PROXY_HEADER_VECTOR);
    expect_error(STR(SIGNATURE "\x21\x11\x00\x0e" V4_BLOCK "\x04\x00"), PROXY_HEADER_VECTOR);
    expect_error(STR(SIGNATURE "\x21\x11\x00\x10" V4_BLOCK "\x04\x00\x02x"), PROXY_HEADER_VECTOR);
    expect_error(STR(SIGNATURE "\x21\x11\x00\x10" V4_BLOCK "\x04\x01\x01x"), PROXY_HEADER_VECTOR);
    expect_error(STR(SIGNATURE "\x21\x11\x00\x12" V4_BLOCK "\x03\x00\x03xyz"), PROXY_HEADER_VECTOR);
}
END_TEST

/* As HAProxy 2.6 sends it, with proxy-v2-options crc32c. */
START_TEST(checksums_are_those_of_haproxy)
{
    expect_source(STR(SIGNATURE "\x21\x11\x00\x13\x7f\x00\x00\x05\x7f\x00\x00\x01\xd2\xe1\x88\x5f"
                                "\x03\x00\x04\x3e\x9e\xaa\x1c"),
                  "127.0.0.5:53985");
    expect_error(STR(SIGNATURE "\x21\x11\x00\x13\x7f\x00\x00\x05\x7f\x00\x00\x01\xd2\xe1\x88\x5f"
                               "\x03\x00\x04\x1c\xaa\x9e\x3e"),
                 PROXY_HEADER_CHECKSUM);
}
END_TEST

/* The checksum of this header was computed apart from the program. */
START_TEST(checksums_must_be_right)
{
    static const char good[] =
        SIGNATURE "\x21\x11\x00\x17" V4_BLOCK "\x04\x00\x01x\x03\x00\x04\xa3\xfd\x6b\x31";
    char bad[sizeof(good) - 1];

    expect_source(STR(good), "192.0.2.1:8080");
    for (size_t i = 16; i < sizeof(bad); i++) {
        memcpy(bad, good, sizeof(bad));
        bad[i] ^= 1;
        /* A length that is changed garbles the vectors, and a type may hide the checksum. */
        if (i < 28 || i == 31 || i >= 35)
            expect_error((struct str){bad, sizeof(bad)}, PROXY_HEADER_CHECKSUM);
    }
}
END_TEST

START_TEST(bad_blocks_have_names)
{
    expect_error(STR(SIGNATURE "\x11\x11\x00\x0c" V4_BLOCK), PROXY_HEADER_VERSION);
    expect_error(STR(SIGNATURE "\x31\x11\x00\x0c" V4_BLOCK), PROXY_HEADER_VERSION);
    expect_error(STR(SIGNATURE "\x22\x11\x00\x0c" V4_BLOCK), PROXY_HEADER_COMMAND);
    expect_error(STR(SIGNATURE "\x2f\x11\x00\x0c" V4_BLOCK), PROXY_HEADER_COMMAND);
    expect_error(STR(SIGNATURE "\x21\x41\x00\x0c" V4_BLOCK), PROXY_HEADER_FAMILY);
    expect_error(STR(SIGNATURE "\x21\x13\x00\x0c" V4_BLOCK), PROXY_HEADER_FAMILY);
    expect_error(STR(SIGNATURE "\x21\x11\x00\x0b" V4_BLOCK), PROXY_HEADER_TOO_SHORT);
    expect_error(STR(SIGNATURE "\x21\x11\x00\x00" V4_BLOCK), PROXY_HEADER_TOO_SHORT);
    expect_error(STR(SIGNATURE "\x21\x21\x00\x23" V6_BLOCK), PROXY_HEADER_TOO_SHORT);
    expect_error(STR(SIGNATURE "\x21\x31\x00\x0c" V4_BLOCK), PROXY_HEADER_TOO_SHORT);
}
END_TEST

START_TEST(blocks_are_bounded)
{
    static char block[PROXY_HEADER_MAX];

    memcpy(block, SIGNATURE "\x21\x11\x0f\xf0" V4_BLOCK "\x04\x0f\xe1", 31);
    expect_source((struct str){block, sizeof(block)}, "192.0.2.1:8080");
    block[15] = '\xf1';
    expect_error((struct str){block, 16}, PROXY_HEADER_TOO_LONG);
    memcpy(block + 12, "\x20\x00\xff\xff", 4);
    expect_error((struct str){block, 16}, PROXY_HEADER_TOO_LONG);
}
END_TEST

Suite *suite_proxy_header(void)
{
    Suite *suite = suite_create("proxy_header");
    TCase *v1 = tcase_create("version 1"), *v2 = tcase_create("version 2");

    tcase_add_test(v1, lines_tell_addresses);
    tcase_add_test(v1, unknown_lines_tell_nothing);
    tcase_add_loop_test(v1, bad_lines_have_names, 0, (int)ARRAY_LEN(bad_lines));
    tcase_add_test(v1, lines_end_in_time);
    tcase_add_test(v1, what_is_no_header_is_told_at_once);
    suite_add_tcase(suite, v1);
    tcase_add_test(v2, blocks_tell_addresses);
    tcase_add_test(v2, blocks_without_an_address_tell_none);
    tcase_add_test(v2, local_speaks_for_the_proxy);
    tcase_add_test(v2, vectors_are_skipped);
    tcase_add_test(v2, checksums_must_be_right);
    tcase_add_test(v2, checksums_are_those_of_haproxy);
    tcase_add_test(v2, bad_blocks_have_names);
    tcase_add_test(v2, blocks_are_bounded);
    suite_add_tcase(suite, v2);
    return suite;
}
