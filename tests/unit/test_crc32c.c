#include "base/crc32c.h"

#include <check.h>
#include <string.h>

#include "guard.h"

Suite *suite_crc32c(void);

/* RFC 3720, B.4. */
START_TEST(published_vectors)
{
    static const uint8_t read_command[48] = {
        [0] = 0x01,  [1] = 0xc0,  [16] = 0x14, [22] = 0x04,
        [27] = 0x14, [31] = 0x18, [32] = 0x28, [40] = 0x02,
    };
    uint8_t bytes[32];

    memset(bytes, 0, sizeof(bytes));
    ck_assert_uint_eq(crc32c(0, bytes, 32), 0x8a9136aa);
    memset(bytes, 0xff, sizeof(bytes));
    ck_assert_uint_eq(crc32c(0, bytes, 32), 0x62a8ab43);
    for (unsigned i = 0; i < 32; i++)
        bytes[i] = (uint8_t)i;
    ck_assert_uint_eq(crc32c(0, bytes, 32), 0x46dd794e);
    for (unsigned i = 0; i < 32; i++)
        bytes[i] = (uint8_t)(31 - i);
    ck_assert_uint_eq(crc32c(0, bytes, 32), 0x113fdb5c);
    ck_assert_uint_eq(crc32c(0, "123456789", 9), 0xe3069283);
    ck_assert_uint_eq(crc32c(0, read_command, sizeof(read_command)), 0xd9963a56);
}
END_TEST

START_TEST(nothing_changes_nothing)
{
    ck_assert_uint_eq(crc32c(0, "", 0), 0);
    ck_assert_uint_eq(crc32c(0x12345678, "", 0), 0x12345678);
}
END_TEST

/* Every length, from every beginning, cut at every place, with nothing behind it. */
START_TEST(pieces_give_the_same)
{
    uint8_t bytes[64];

    for (unsigned i = 0; i < sizeof(bytes); i++)
        bytes[i] = (uint8_t)(i * 37 + 11);
    for (size_t len = 0; len <= 40; len++) {
        char *copy = guard_copy(bytes + len % 8, len);
        uint32_t whole = crc32c(0, copy, len);

        for (size_t cut = 0; cut <= len; cut++)
            ck_assert_uint_eq(crc32c(crc32c(0, copy, cut), copy + cut, len - cut), whole);
        guard_free(copy, len);
    }
}
END_TEST

Suite *suite_crc32c(void)
{
    Suite *suite = suite_create("crc32c");
    TCase *tc = tcase_create("crc32c");

    tcase_add_test(tc, published_vectors);
    tcase_add_test(tc, nothing_changes_nothing);
    tcase_add_test(tc, pieces_give_the_same);
    suite_add_tcase(suite, tc);
    return suite;
}
