/* What the formats append must be whole or not there at all, whichever allocation fails. */
#include "wrap.h"

#include <errno.h>
#include <stdint.h>

#include <check.h>

#include "base/buf.h"
#include "proto/http/response.h"
#include "proto/json.h"
#include "proto/codec/v1_client.h"
#include "proto/ws/client_handshake.h"

Suite *suite_proto_memory(void);

static int append_head(struct buf *out)
{
    static const struct http_response res = {400,   {"text/plain", 10}, 5,
                                             false, {"A: b\r\n", 6},    false};

    return http_response_head(out, &res, 0);
}

static int append_string(struct buf *out)
{
    static const char text[] =
        "\x01\x02\x03\x04\x05\x06\x07\n plain text\n and more of it \x01 end";

    return json_append_string(out, (struct str){text, sizeof(text) - 1});
}

static int append_say(struct buf *out)
{
    return v1_say(out, (struct str){"a text\n and more of it", 21}, 1700000000000,
                  (struct str){"a ref", 5});
}

static int append_rename(struct buf *out)
{
    return v1_rename(out, (struct str){"a name that is rather long \x01", 28});
}

static int append_request(struct buf *out)
{
    static const uint8_t nonce[WS_NONCE_SIZE] = {1};
    char key[WS_KEY_SIZE];

    return ws_client_handshake_request(out, (struct str){"host", 4}, (struct str){"/", 1},
                                       (struct str){"p", 1}, nonce, key);
}

/* Calls `append` on a buffer that is nearly full to different degrees, so that the allocation which
 * fails comes at every place. Returns how many calls failed. */
static int expect_all_or_nothing(int (*append)(struct buf *out))
{
    int failures = 0;

    for (size_t room = 0; room < 512; room++) {
        struct buf out;

        fault_reset();
        buf_init(&out);
        ck_assert_int_eq(buf_append(&out, "before", 6), 0);
        ck_assert_int_eq(buf_reserve(&out, room), 0);
        fault_fail_from(FAULT_MALLOC, 1, ENOMEM);
        if (append(&out) < 0) {
            ck_assert_int_eq(errno, ENOMEM);
            ck_assert_uint_eq(out.len, 6);
            ck_assert_mem_eq(out.data, "before", 6);
            failures++;
        }
        fault_reset();
        buf_deinit(&out);
    }
    return failures;
}

START_TEST(response_heads_are_whole)
{
    int failures = expect_all_or_nothing(append_head);

    ck_assert_int_gt(failures, 100);
    ck_assert_int_lt(failures, 512);
}
END_TEST

START_TEST(json_strings_are_whole)
{
    int failures = expect_all_or_nothing(append_string);

    ck_assert_int_gt(failures, 50);
    ck_assert_int_lt(failures, 512);
}
END_TEST

START_TEST(what_a_client_says_is_whole)
{
    ck_assert_int_gt(expect_all_or_nothing(append_say), 50);
    ck_assert_int_gt(expect_all_or_nothing(append_rename), 30);
    ck_assert_int_gt(expect_all_or_nothing(append_request), 100);
}
END_TEST

Suite *suite_proto_memory(void)
{
    Suite *suite = suite_create("proto_memory");
    TCase *tcase = tcase_create("memory");

    tcase_add_test(tcase, response_heads_are_whole);
    tcase_add_test(tcase, json_strings_are_whole);
    tcase_add_test(tcase, what_a_client_says_is_whole);
    suite_add_tcase(suite, tcase);
    return suite;
}
