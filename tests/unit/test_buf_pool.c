#include "base/buf_pool.h"

#include <string.h>

#include <check.h>

#include "base/util.h"

Suite *suite_buf_pool(void);

/* A buffer that owns a block of at least `bytes`. */
static void fill(struct buf *b, size_t bytes)
{
    buf_init(b);
    ck_assert_int_eq(buf_reserve(b, bytes), 0);
    b->len = 1;
}

START_TEST(a_long_block_comes_back)
{
    struct buf_pool buf_pool = {.count = 0};
    struct buf b;
    uint8_t *block;

    fill(&b, 100000);
    block = b.data;
    buf_pool_put(&buf_pool, &b);
    ck_assert_ptr_null(b.data);
    ck_assert_uint_eq(b.cap, 0);
    buf_pool_take(&buf_pool, &b);
    ck_assert_ptr_eq(b.data, block);
    ck_assert_uint_eq(b.len, 0);
    ck_assert_uint_ge(b.cap, 100000);
    buf_deinit(&b);
    buf_pool_deinit(&buf_pool);
}
END_TEST

START_TEST(short_and_very_long_blocks_are_freed)
{
    static const size_t sizes[] = {0, 1000, BUF_POOL_BLOCK_MAX + 1};
    struct buf_pool buf_pool = {.count = 0};
    struct buf b;

    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        fill(&b, sizes[i]);
        buf_pool_put(&buf_pool, &b);
        ck_assert_ptr_null(b.data);
        ck_assert_uint_eq(buf_pool.count, 0);
    }
}
END_TEST

START_TEST(it_keeps_so_many_and_no_more)
{
    struct buf_pool buf_pool = {.count = 0};
    struct buf b;

    for (size_t i = 0; i < BUF_POOL_BLOCKS + 1; i++) {
        fill(&b, 70000);
        buf_pool_put(&buf_pool, &b);
        ck_assert_ptr_null(b.data);
    }
    ck_assert_uint_eq(buf_pool.count, BUF_POOL_BLOCKS);
    buf_pool_deinit(&buf_pool);
    ck_assert_uint_eq(buf_pool.count, 0);
}
END_TEST

START_TEST(a_buffer_with_memory_keeps_its_own)
{
    struct buf_pool buf_pool = {.count = 0};
    struct buf kept;
    struct buf b;
    uint8_t *own;

    fill(&kept, 70000);
    buf_pool_put(&buf_pool, &kept);
    fill(&b, 10);
    own = b.data;
    buf_pool_take(&buf_pool, &b);
    ck_assert_ptr_eq(b.data, own);
    ck_assert_uint_eq(b.len, 1);
    buf_deinit(&b);
    buf_pool_deinit(&buf_pool);
    buf_pool_take(&buf_pool, &b);
    ck_assert_ptr_null(b.data);
}
END_TEST

Suite *suite_buf_pool(void)
{
    Suite *suite = suite_create("buf_pool");
    TCase *tc = tcase_create("buf_pool");

    tcase_add_test(tc, a_long_block_comes_back);
    tcase_add_test(tc, short_and_very_long_blocks_are_freed);
    tcase_add_test(tc, it_keeps_so_many_and_no_more);
    tcase_add_test(tc, a_buffer_with_memory_keeps_its_own);
    suite_add_tcase(suite, tc);
    return suite;
}
