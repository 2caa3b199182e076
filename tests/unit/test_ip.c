#include "base/peer.h"

#include <string.h>

#include <check.h>

#include "base/util.h"
#include "guard.h"

Suite *suite_ip(void);

/* Reads a network that lies against a guard page, and writes it as ADDRESS/BITS. */
static bool network_parse(const char *text, char out[IP_TEXT_MAX + 8])
{
    size_t len = strlen(text);
    char *copy = guard_copy(text, len), address[IP_TEXT_MAX];
    struct ip_network network;
    bool is_good = ip_network_read(&network, (struct str){copy, len});

    guard_free(copy, len);
    if (!is_good)
        return false;
    ip_write(address, &network.base);
    snprintf(out, IP_TEXT_MAX + 8, "%s/%u", address, network.bits);
    return true;
}

static struct ip ip_of(const char *text)
{
    struct ip ip;

    ck_assert_msg(ip_read(&ip, str_from(text)), "%s", text);
    return ip;
}

START_TEST(addresses_are_read_and_written)
{
    static const char *const rows[][2] = {
        {"0.0.0.0", "0.0.0.0"},
        {"192.0.2.1", "192.0.2.1"},
        {"255.255.255.255", "255.255.255.255"},
        {"::", "::"},
        {"::1", "::1"},
        {"2001:DB8::0:1", "2001:db8::1"},
        {"2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"},
        {"::ffff:192.0.2.1", "192.0.2.1"},
        {"::FFFF:c000:201", "192.0.2.1"},
        {"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"},
        {"fe80::1%eth0", NULL},
        {"[::1]", NULL},
        {"1.2.3", NULL},
        {"1.2.3.4.5", NULL},
        {"1.2.3.256", NULL},
        {"01.2.3.4", NULL},
        {"0x1.2.3.4", NULL},
        {"1.2.3.4 ", NULL},
        {" ::1", NULL},
        {":::", NULL},
        {"1:2:3:4:5:6:7", NULL},
        {"1:2:3:4:5:6:7:8:9", NULL},
        {"localhost", NULL},
        {"", NULL},
        {"0000:0000:0000:0000:0000:0000:0000:0000:0000:0000", NULL},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char text[IP_TEXT_MAX];
        struct ip ip;
        bool is_good = ip_read(&ip, str_from(rows[i][0]));

        ck_assert_msg(is_good == (rows[i][1] != NULL), "%s", rows[i][0]);
        if (!is_good)
            continue;
        ip_write(text, &ip);
        ck_assert_str_eq(text, rows[i][1]);
    }
}
END_TEST

START_TEST(a_nul_ends_no_address)
{
    struct ip ip;

    ck_assert(!ip_read(&ip, STR("127.0.0.1\0")));
}
END_TEST

START_TEST(networks_are_written)
{
    static const char *const rows[] = {"192.0.2.1",        "192.0.2.0/24", "0.0.0.0/0",
                                       "2001:db8::/64",    "::1",          "::/0",
                                       "2001:db8::1:0/112"};

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct ip_network network;
        char text[IP_TEXT_MAX];

        ck_assert(ip_network_read(&network, str_from(rows[i])));
        ip_network_write(text, &network);
        ck_assert_str_eq(text, rows[i]);
    }
}
END_TEST

START_TEST(networks_are_read)
{
    static const char *const rows[][2] = {
        {"192.0.2.1", "192.0.2.1/128"},
        {"192.0.2.0/24", "192.0.2.0/120"},
        {"0.0.0.0/0", "0.0.0.0/96"},
        {"10.0.0.0/8", "10.0.0.0/104"},
        {"192.0.2.1/32", "192.0.2.1/128"},
        {"::1", "::1/128"},
        {"::/0", "::/0"},
        {"2001:db8::/32", "2001:db8::/32"},
        {"2001:db8::/31", "2001:db8::/31"},
        {"2001:db8::/28", NULL}, /* 0xdb8 has bits behind the 28th */
        {"::1/128", "::1/128"},
        {"::1/129", NULL},
        {"192.0.2.1/33", NULL},
        {"192.0.2.1/31", NULL},
        {"192.0.2.1/", NULL},
        {"192.0.2.1/032", NULL},
        {"192.0.2.1/-1", NULL},
        {"/8", NULL},
        {"", NULL},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char text[IP_TEXT_MAX + 8];
        bool is_good = network_parse(rows[i][0], text);

        ck_assert_msg(is_good == (rows[i][1] != NULL), "%s", rows[i][0]);
        if (is_good)
            ck_assert_str_eq(text, rows[i][1]);
    }
}
END_TEST

static bool is_in(const char *address, const char *text)
{
    struct ip ip = ip_of(address);
    struct ip_network network;

    ck_assert_msg(ip_network_read(&network, str_from(text)), "%s", text);
    return ip_network_has(&network, &ip);
}

START_TEST(networks_know_their_members)
{
    ck_assert(is_in("192.0.2.255", "192.0.2.0/24"));
    ck_assert(!is_in("192.0.3.0", "192.0.2.0/24"));
    ck_assert(is_in("192.0.2.127", "192.0.2.0/25"));
    ck_assert(!is_in("192.0.2.128", "192.0.2.0/25"));
    ck_assert(is_in("::ffff:192.0.2.9", "192.0.2.0/24"));
    ck_assert(is_in("192.0.2.9", "0.0.0.0/0"));
    ck_assert(!is_in("2001:db8::1", "0.0.0.0/0"));
    ck_assert(is_in("2001:db8::1", "::/0"));
    ck_assert(is_in("192.0.2.9", "::/0"));
    ck_assert(is_in("::1", "::1"));
    ck_assert(!is_in("::2", "::1"));
}
END_TEST

START_TEST(prefixes_are_cut_by_kind)
{
    static const struct {
        const char *from;
        unsigned v4_bits, v6_bits;
        const char *to;
    } rows[] = {
        {"192.0.2.77", 32, 64, "192.0.2.77"},
        {"192.0.2.77", 24, 64, "192.0.2.0"},
        {"192.0.2.77", 0, 64, "0.0.0.0"},
        {"2001:db8:1:2:3:4:5:6", 32, 64, "2001:db8:1:2::"},
        {"2001:db8:1:2:3:4:5:6", 32, 128, "2001:db8:1:2:3:4:5:6"},
        {"2001:db8:1:2:3:4:5:6", 32, 33, "2001:db8::"},
        {"2001:db8:1:2:3:4:5:6", 32, 0, "::"},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct ip ip = ip_of(rows[i].from);
        struct ip prefix = ip_prefix(&ip, rows[i].v4_bits, rows[i].v6_bits);
        char text[IP_TEXT_MAX];

        ip_write(text, &prefix);
        ck_assert_str_eq(text, rows[i].to);
    }
}
END_TEST

START_TEST(peers_are_written_with_their_ports)
{
    static const struct {
        const char *ip;
        uint16_t port;
        const char *text;
    } rows[] = {
        {"192.0.2.1", 8000, "192.0.2.1:8000"},
        {"192.0.2.1", 0, "192.0.2.1"},
        {"::1", 65535, "[::1]:65535"},
        {"::1", 0, "::1"},
        {"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 65535,
         "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535"},
    };
    struct peer stranger = {.is_known = false};
    char text[IP_TEXT_MAX];

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct peer peer = {.ip = ip_of(rows[i].ip), .port = rows[i].port, .is_known = true};

        peer_write(text, &peer);
        ck_assert_str_eq(text, rows[i].text);
    }
    peer_write(text, &stranger);
    ck_assert_str_eq(text, "unknown");
}
END_TEST

Suite *suite_ip(void)
{
    Suite *suite = suite_create("ip");
    TCase *tc = tcase_create("ip");

    tcase_add_test(tc, addresses_are_read_and_written);
    tcase_add_test(tc, a_nul_ends_no_address);
    tcase_add_test(tc, networks_are_read);
    tcase_add_test(tc, networks_are_written);
    tcase_add_test(tc, networks_know_their_members);
    tcase_add_test(tc, prefixes_are_cut_by_kind);
    tcase_add_test(tc, peers_are_written_with_their_ports);
    suite_add_tcase(suite, tc);
    return suite;
}
