#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "proto/qr.h"

Suite *suite_qr(void);

static char filler[QR_TEXT_MAX + 1];

static struct qr encoded(size_t len)
{
    struct qr qr;

    ck_assert_int_eq(qr_encode(&qr, (struct str){filler, len}), 0);
    return qr;
}

/* Table 7 of the standard: how many bytes each version takes at level L. */
static const size_t capacities[] = {17, 32, 53, 78, 106, 134, 154, 192, 230, 271};

START_TEST(takes_the_smallest_version)
{
    size_t capacity = capacities[_i], before = _i == 0 ? 0 : capacities[_i - 1];

    ck_assert_int_eq(encoded(capacity).side, 21 + 4 * _i);
    ck_assert_int_eq(encoded(before + 1).side, 21 + 4 * _i);
}
END_TEST

START_TEST(refuses_nothing_and_too_much)
{
    struct qr qr;

    ck_assert_int_eq(qr_encode(&qr, STR("")), -1);
    ck_assert_int_eq(qr_encode(&qr, (struct str){filler, QR_TEXT_MAX + 1}), -1);
}
END_TEST

/* What zbar reads as the text below. */
/* clang-format off */
static const char *const picture[] = {
    "#######  ### #  # #######",
    "#     #    ## #   #     #",
    "# ### #  ###  # # # ### #",
    "# ### # # ## #### # ### #",
    "# ### # # # ###   # ### #",
    "#     #  ##  #  # #     #",
    "####### # # # # # #######",
    "         #  #            ",
    "##   ### ## ## ##   ##   ",
    "    #     #  # ###  #### ",
    " ##   #  # ##  #  ## # ##",
    "  # ##    ##   ##   ##  #",
    " # ## # ###   # ###     #",
    "#   #  #### # ##       # ",
    "#   # # ##     # # # # ##",
    "# #     ##  # # #   # # #",
    "#   #### #  ##  ##### #  ",
    "        #     ###   # #  ",
    "####### #   ### # # ##  #",
    "#     # #  #    #   #   #",
    "# ### #  # ### ########  ",
    "# ### #  #  #     ## # ##",
    "# ### #  ##      #    # #",
    "#     # ####   ## ###   #",
    "####### ### # ### #  #  #",
};
/* clang-format on */

START_TEST(draws_what_readers_read)
{
    struct qr qr;

    ck_assert_int_eq(qr_encode(&qr, STR("http://192.168.1.5:8000/")), 0);
    ck_assert_int_eq(qr.side, 25);
    for (int y = 0; y < qr.side; y++)
        for (int x = 0; x < qr.side; x++)
            ck_assert_msg(qr.dark[y * qr.side + x] == (picture[y][x] == '#'), "at %d, %d", x, y);
}
END_TEST

/* The image says the same as the modules do, each in a square of its own. */
START_TEST(svg_has_every_module)
{
    struct qr qr = encoded(capacities[_i]);
    size_t dark = 0, squares = 0;
    struct buf svg;

    buf_init(&svg);
    ck_assert_int_eq(qr_write_svg(&svg, &qr), 0);
    ck_assert_int_eq(buf_append_char(&svg, '\0'), 0);
    for (int i = 0; i < qr.side * qr.side; i++)
        dark += qr.dark[i];
    for (const char *at = (char *)svg.data; (at = strstr(at, "h1v1h-1z")) != NULL; at++)
        squares++;
    ck_assert_uint_eq(squares, dark);
    ck_assert_ptr_nonnull(strstr((char *)svg.data, "M4 4h1v1h-1z")); /* behind a quiet zone */
    buf_deinit(&svg);
}
END_TEST

START_TEST(terminal_has_half_as_many_lines)
{
    struct qr qr = encoded(10);
    size_t lines = 0;
    struct buf out;

    buf_init(&out);
    ck_assert_int_eq(qr_write_terminal(&out, &qr), 0);
    for (size_t i = 0; i < out.len; i++)
        lines += out.data[i] == '\n';
    ck_assert_uint_eq(lines, (21 + 8 + 1) / 2);
    buf_deinit(&out);
}
END_TEST

Suite *suite_qr(void)
{
    Suite *s = suite_create("qr");
    TCase *tc = tcase_create("qr");
    int versions = (int)(sizeof(capacities) / sizeof(capacities[0]));

    memset(filler, 'x', sizeof(filler));
    tcase_add_loop_test(tc, takes_the_smallest_version, 0, versions);
    tcase_add_test(tc, refuses_nothing_and_too_much);
    tcase_add_test(tc, draws_what_readers_read);
    tcase_add_loop_test(tc, svg_has_every_module, 0, versions);
    tcase_add_test(tc, terminal_has_half_as_many_lines);
    suite_add_tcase(s, tc);
    return s;
}
