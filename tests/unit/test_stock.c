#include "base/stock.h"

#include <string.h>

#include <check.h>

#include "base/util.h"

Suite *suite_stock(void);

/* A buffer that owns a block of at least `bytes`. */
static void fill(struct buf *b, size_t bytes)
{
    buf_init(b);
    ck_assert_int_eq(buf_reserve(b, bytes), 0);
    b->len = 1;
}

START_TEST(a_long_block_comes_back)
{
    struct stock stock = {.count = 0};
    struct buf b;
    uint8_t *block;

    fill(&b, 100000);
    block = b.data;
    stock_put(&stock, &b);
    ck_assert_ptr_null(b.data);
    ck_assert_uint_eq(b.cap, 0);
    stock_take(&stock, &b);
    ck_assert_ptr_eq(b.data, block);
    ck_assert_uint_eq(b.len, 0);
    ck_assert_uint_ge(b.cap, 100000);
    buf_deinit(&b);
    stock_deinit(&stock);
}
END_TEST

START_TEST(short_and_very_long_blocks_are_freed)
{
    static const size_t sizes[] = {0, 1000, STOCK_BLOCK_MAX + 1};
    struct stock stock = {.count = 0};
    struct buf b;

    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        fill(&b, sizes[i]);
        stock_put(&stock, &b);
        ck_assert_ptr_null(b.data);
        ck_assert_uint_eq(stock.count, 0);
    }
}
END_TEST

START_TEST(it_keeps_so_many_and_no_more)
{
    struct stock stock = {.count = 0};
    struct buf b;

    for (size_t i = 0; i < STOCK_BLOCKS + 1; i++) {
        fill(&b, 70000);
        stock_put(&stock, &b);
        ck_assert_ptr_null(b.data);
    }
    ck_assert_uint_eq(stock.count, STOCK_BLOCKS);
    stock_deinit(&stock);
    ck_assert_uint_eq(stock.count, 0);
}
END_TEST

START_TEST(a_buffer_with_memory_keeps_its_own)
{
    struct stock stock = {.count = 0};
    struct buf kept;
    struct buf b;
    uint8_t *own;

    fill(&kept, 70000);
    stock_put(&stock, &kept);
    fill(&b, 10);
    own = b.data;
    stock_take(&stock, &b);
    ck_assert_ptr_eq(b.data, own);
    ck_assert_uint_eq(b.len, 1);
    buf_deinit(&b);
    stock_deinit(&stock);
    stock_take(&stock, &b);
    ck_assert_ptr_null(b.data);
}
END_TEST

Suite *suite_stock(void)
{
    Suite *suite = suite_create("stock");
    TCase *tc = tcase_create("stock");

    tcase_add_test(tc, a_long_block_comes_back);
    tcase_add_test(tc, short_and_very_long_blocks_are_freed);
    tcase_add_test(tc, it_keeps_so_many_and_no_more);
    tcase_add_test(tc, a_buffer_with_memory_keeps_its_own);
    suite_add_tcase(suite, tc);
    return suite;
}
