/* The embedded files of the pages. */
#include "web/assets.h"

#include <stdint.h>
#include <string.h>

#include <check.h>

Suite *suite_assets(void);

static void find(struct asset *asset, struct str path, enum http_coding coding)
{
    ck_assert_int_eq(assets_find(asset, ASSETS_PUBLIC, path, coding), ASSETS_FOUND);
}

/* To hash a file costs more than to send it, and anybody may ask: that is done for the first
 * request. The bytes never change, so a hash that does not change with them was kept. */
START_TEST(a_hash_is_made_once)
{
    struct asset first, second;
    uint8_t *bytes;

    find(&first, STR("/echo"), HTTP_CODING_IDENTITY);
    bytes = (uint8_t *)(uintptr_t)first.body.data;
    bytes[0] ^= 1;
    find(&second, STR("/echo"), HTTP_CODING_IDENTITY);
    bytes[0] ^= 1;
    ck_assert_ptr_eq(second.body.data, first.body.data);
    ck_assert_mem_eq(second.etag, first.etag, ETAG_SIZE);
}
END_TEST

/* Each file, and each coding of it, has its own. */
START_TEST(hashes_differ)
{
    struct asset echo, page, packed;

    find(&echo, STR("/echo"), HTTP_CODING_IDENTITY);
    find(&page, STR("/"), HTTP_CODING_IDENTITY);
    find(&packed, STR("/"), HTTP_CODING_GZIP);
    ck_assert_mem_ne(echo.etag, page.etag, ETAG_SIZE);
    ck_assert_mem_ne(page.etag, packed.etag, ETAG_SIZE);
}
END_TEST

Suite *suite_assets(void)
{
    Suite *suite = suite_create("assets");
    TCase *tc = tcase_create("assets");

    tcase_add_test(tc, a_hash_is_made_once);
    tcase_add_test(tc, hashes_differ);
    suite_add_tcase(suite, tc);
    return suite;
}
