#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "auth/jwt.h"
#include "base/hmac.h"
#include "base/util.h"
#include "guard.h"

Suite *suite_jwt(void);

/* RFC 7515, appendix A.1: the key, the token, and what it carries. */
static const char rfc_key[] =
    "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow";
static const char rfc_token[] =
    "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9."
    "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlf"
    "Q.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
static const char rfc_payload[] = "{\"iss\":\"joe\",\r\n \"exp\":1300819380,\r\n "
                                  "\"http://example.com/is_root\":true}";

#define OLD "the old secret, of thirty-two by"
#define NEW "the new secret, of thirty-two by"
#define BARE "a secret that has no name at all"

static const struct jwt_key some_keys[] = {
    {{"old", 3}, {OLD, sizeof(OLD) - 1}},
    {{"new", 3}, {NEW, sizeof(NEW) - 1}},
    {{NULL, 0}, {BARE, sizeof(BARE) - 1}},
};
static const struct jwt_keys keys = {some_keys, ARRAY_LEN(some_keys)};

static char payload[JWT_PAYLOAD_MAX];

/* From a guarded copy. */
static ptrdiff_t open_text(struct str text, const struct jwt_keys *with)
{
    char *copy = guard_copy(text.ptr, text.len);
    ptrdiff_t len = jwt_open(payload, (struct str){copy, text.len}, with);

    guard_free(copy, text.len);
    return len;
}

/* Makes a token of this header, in JSON, and signs it rightly with a secret. */
static ptrdiff_t open_header(const char *header, const char *secret)
{
    char token[4096];
    uint8_t code[SHA256_SIZE];
    size_t len = BASE64URL_SIZE(strlen(header));

    base64url_encode(token, header, strlen(header));
    memcpy(token + len, ".e30", 4);
    len += 4;
    hmac_sha256(code, str_from(secret), (struct str){token, len});
    token[len++] = '.';
    base64url_encode(token + len, code, sizeof(code));
    return open_text((struct str){token, len + BASE64URL_SIZE(sizeof(code))}, &keys);
}

START_TEST(published_vector)
{
    char secret[64];
    struct jwt_key key = {.secret = {secret, sizeof(secret)}};
    struct jwt_keys one = {&key, 1};

    ck_assert_int_eq(base64url_decode(secret, sizeof(secret), str_from(rfc_key)), 64);
    ck_assert_int_eq(open_text(str_from(rfc_token), &one), (ptrdiff_t)strlen(rfc_payload));
    ck_assert_mem_eq(payload, rfc_payload, strlen(rfc_payload));
    ck_assert_int_eq(open_text(str_from(rfc_token), &keys), -JWT_ERROR_SIGNATURE);
    ck_assert_int_eq(open_text(str_from(rfc_token), &(struct jwt_keys){NULL, 0}),
                     -JWT_ERROR_SIGNATURE);
}
END_TEST

/* No character can be changed, left out or added. */
START_TEST(every_character_counts)
{
    char secret[64], changed[sizeof(rfc_token) + 1];
    struct jwt_key key = {.secret = {secret, sizeof(secret)}};
    struct jwt_keys one = {&key, 1};
    size_t len = strlen(rfc_token);

    base64url_decode(secret, sizeof(secret), str_from(rfc_key));
    for (size_t i = 0; i < len; i++) {
        memcpy(changed, rfc_token, len);
        changed[i] = changed[i] == 'A' ? 'B' : 'A';
        ck_assert_int_lt(open_text((struct str){changed, len}, &one), 0);
        ck_assert_int_lt(open_text((struct str){rfc_token, i}, &one), 0);
        memmove(changed + i, rfc_token + i + 1, len - i - 1);
        ck_assert_int_lt(open_text((struct str){changed, len - 1}, &one), 0);
    }
    memcpy(changed, rfc_token, len);
    for (const char *more = "A.=\n "; *more != '\0'; more++) {
        changed[len] = *more;
        ck_assert_int_lt(open_text((struct str){changed, len + 1}, &one), 0);
    }
}
END_TEST

START_TEST(what_it_signs_it_reads)
{
    for (size_t i = 0; i < ARRAY_LEN(some_keys); i++) {
        struct jwt_keys alone = {&some_keys[i], 1}, other = {&some_keys[(i + 1) % 3], 1};
        struct buf out;

        buf_init(&out);
        ck_assert_int_eq(jwt_sign(&out, STR("{\"a\":1}"), &some_keys[i]), 0);
        ck_assert_int_eq(open_text((struct str){(char *)out.data, out.len}, &keys), 7);
        ck_assert_mem_eq(payload, "{\"a\":1}", 7);
        ck_assert_int_eq(open_text((struct str){(char *)out.data, out.len}, &alone), 7);
        ck_assert_int_lt(open_text((struct str){(char *)out.data, out.len}, &other), 0);
        buf_deinit(&out);
    }
}
END_TEST

START_TEST(a_named_key_is_the_only_one_tried)
{
    ck_assert_int_eq(open_header("{\"alg\":\"HS256\",\"kid\":\"new\"}", NEW), 2);
    ck_assert_int_eq(open_header("{\"alg\":\"HS256\",\"kid\":\"new\"}", OLD), -JWT_ERROR_SIGNATURE);
    ck_assert_int_eq(open_header("{\"alg\":\"HS256\",\"kid\":\"none\"}", NEW), -JWT_ERROR_KEY);
    ck_assert_int_eq(open_header("{\"alg\":\"HS256\",\"kid\":\"\"}", BARE), -JWT_ERROR_KEY);
    ck_assert_int_eq(open_header("{\"alg\":\"HS256\",\"kid\":7}", NEW), -JWT_ERROR_HEADER);
    ck_assert_int_eq(open_header("{\"alg\":\"HS256\"}", OLD), 2);
    ck_assert_int_eq(open_header("{\"alg\":\"HS256\"}", NEW), 2);
    ck_assert_int_eq(open_header("{\"alg\":\"HS256\"}", BARE), 2);
}
END_TEST

/* All of them signed as they should be. */
START_TEST(headers_that_are_refused)
{
    static const struct {
        const char *header;
        int error;
    } bad[] = {
        {"{\"alg\":\"none\"}", JWT_ERROR_ALGORITHM},
        {"{\"alg\":\"hs256\"}", JWT_ERROR_ALGORITHM},
        {"{\"alg\":\"HS512\"}", JWT_ERROR_ALGORITHM},
        {"{\"alg\":\"RS256\"}", JWT_ERROR_ALGORITHM},
        {"{\"alg\":\"HS256\\u0000\"}", JWT_ERROR_ALGORITHM},
        {"{\"alg\":[\"HS256\"]}", JWT_ERROR_HEADER},
        {"{}", JWT_ERROR_HEADER},
        {"[]", JWT_ERROR_HEADER},
        {"", JWT_ERROR_HEADER},
        {"{\"alg\":\"HS256\",\"alg\":\"HS256\"}", JWT_ERROR_HEADER},
        {"{\"alg\":\"HS256\"}x", JWT_ERROR_HEADER},
        {"{\"alg\":\"HS256\",\"crit\":[\"exp\"]}", JWT_ERROR_CRITICAL},
        {"{\"alg\":\"HS256\",\"crit\":null}", JWT_ERROR_CRITICAL},
        {"{\"alg\":\"HS256\",\"typ\":\"at+jwt\"}", JWT_ERROR_TYPE},
        {"{\"alg\":\"HS256\",\"typ\":null}", JWT_ERROR_TYPE},
    };

    ck_assert_int_eq(open_header(bad[_i].header, BARE), -bad[_i].error);
    ck_assert_int_gt((int)strlen(jwt_error_text((enum jwt_error)bad[_i].error)), 0);
}
END_TEST

START_TEST(headers_that_are_taken)
{
    ck_assert_int_eq(open_header("{\"typ\":\"jwt\",\"alg\":\"HS256\"}", BARE), 2);
    ck_assert_int_eq(open_header(" {\"alg\" : \"\\u0048S256\", \"x5u\":\"http://a\"} ", BARE), 2);
}
END_TEST

START_TEST(forms_that_are_refused)
{
    static const char *const bad[] = {"",
                                      ".",
                                      "..",
                                      "...",
                                      "e30",
                                      "e30.e30",
                                      "e30.e30.e30.e30",
                                      "e30=.e30.e30",
                                      "e31.e30.e30",
                                      "e30.e31.e30",
                                      "e30. .e30"};

    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        ck_assert_int_lt(open_text(str_from(bad[i]), &keys), 0);
    ck_assert_int_eq(open_text(STR("e30.e30"), &keys), -JWT_ERROR_FORM);
    ck_assert_int_eq(open_text(STR("a.b.c"), &keys), -JWT_ERROR_FORM);
}
END_TEST

START_TEST(the_longest_token)
{
    static char text[JWT_PAYLOAD_MAX];
    struct str part = {text, 0};
    struct buf out;

    memset(text, ' ', sizeof(text));
    buf_init(&out);
    for (part.len = 6000; part.len < sizeof(text); part.len++) {
        ptrdiff_t len;

        out.len = 0;
        ck_assert_int_eq(jwt_sign(&out, part, &some_keys[2]), 0);
        len = open_text((struct str){(char *)out.data, out.len}, &keys);
        ck_assert_int_eq(len, out.len <= JWT_MAX ? (ptrdiff_t)part.len : -JWT_ERROR_LENGTH);
    }
    buf_deinit(&out);
}
END_TEST

Suite *suite_jwt(void)
{
    Suite *suite = suite_create("jwt");
    TCase *cases = tcase_create("jwt");

    tcase_add_test(cases, published_vector);
    tcase_add_test(cases, every_character_counts);
    tcase_add_test(cases, what_it_signs_it_reads);
    tcase_add_test(cases, a_named_key_is_the_only_one_tried);
    tcase_add_loop_test(cases, headers_that_are_refused, 0, 15);
    tcase_add_test(cases, headers_that_are_taken);
    tcase_add_test(cases, forms_that_are_refused);
    tcase_add_test(cases, the_longest_token);
    suite_add_tcase(suite, cases);
    return suite;
}
