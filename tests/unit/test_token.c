#include <check.h>
#include <stdio.h>
#include <string.h>

#include "auth/token.h"
#include "base/util.h"

Suite *suite_token(void);

#define SECRET "a secret that has no name at all"
#define NOW ((uint64_t)1700000000500)
#define GOOD "\"sub\":\"ada\",\"exp\":1700000001"

static const struct jwt_key key = {.secret = {SECRET, sizeof(SECRET) - 1}};
static struct token token;

/* Reads a token that carries this, signed rightly. */
static const char *read_for(const char *claims, const char *audience, const char *issuer)
{
    struct token_rules rules = {{&key, 1}, str_from(audience), str_from(issuer)};
    const char *wrong;
    struct buf out;

    buf_init(&out);
    ck_assert_int_eq(jwt_sign(&out, str_from(claims), &key), 0);
    wrong = token_read(&token, (struct str){(char *)out.data, out.len}, &rules, NOW);
    buf_deinit(&out);
    return wrong;
}

static const char *read_claims(const char *claims)
{
    return read_for(claims, "", "");
}

#define ck_assert_taken(wrong) ck_assert_ptr_null(wrong)

START_TEST(who_and_until_when)
{
    ck_assert_taken(read_claims("{" GOOD ",\"name\":\"A\\u00e9\",\"other\":[1,{\"a\":[]}]}"));
    ck_assert(str_equals(token.sub, STR("ada")));
    ck_assert(str_equals(token.name, STR("A\xc3\xa9")));
    ck_assert_uint_eq(token.expires, 1700000001000);
    ck_assert_uint_eq(token.grant_count, 0);
    ck_assert_uint_eq(token_rights(&token, STR("tea")), RIGHTS_NONE);
    ck_assert_taken(read_claims("{" GOOD "}"));
    ck_assert_ptr_null(token.name.ptr);
}
END_TEST

START_TEST(times_have_no_leeway)
{
    static const struct {
        const char *claims;
        const char *wrong;
    } cases[] = {
        {"{\"sub\":\"a\",\"exp\":1700000001}", NULL},
        {"{\"sub\":\"a\",\"exp\":1700000000}", "the token has expired"},
        {"{\"sub\":\"a\",\"exp\":1700000000.9}", "the token has expired"},
        {"{\"sub\":\"a\",\"exp\":1700000001.0}", NULL},
        {"{\"sub\":\"a\",\"exp\":0}", "the token has expired"},
        {"{\"sub\":\"a\"}", "the token has no exp"},
        {"{\"sub\":\"a\",\"exp\":null}", "the token's exp is no time"},
        {"{\"sub\":\"a\",\"exp\":\"1700000001\"}", "the token's exp is no time"},
        {"{\"sub\":\"a\",\"exp\":-1}", "the token's exp is no time"},
        {"{\"sub\":\"a\",\"exp\":17e8}", "the token's exp is no time"},
        {"{\"sub\":\"a\",\"exp\":1700000001.5e1}", "the token's exp is no time"},
        {"{\"sub\":\"a\",\"exp\":253402300799}", NULL},
        {"{\"sub\":\"a\",\"exp\":253402300800}", "the token's exp is no time"},
        {"{" GOOD ",\"nbf\":1700000000}", NULL},
        {"{" GOOD ",\"nbf\":1700000000.0}", NULL},
        {"{" GOOD ",\"nbf\":1700000000.1}", "the token's time has not come yet"},
        {"{" GOOD ",\"nbf\":1700000001}", "the token's time has not come yet"},
        {"{" GOOD ",\"nbf\":true}", "the token's nbf is no time"},
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const char *wrong = read_claims(cases[i].claims);

        ck_assert_msg(wrong == cases[i].wrong || (wrong != NULL && cases[i].wrong != NULL &&
                                                  strcmp(wrong, cases[i].wrong) == 0),
                      "%s: %s", cases[i].claims, wrong);
    }
}
END_TEST

START_TEST(people_who_cannot_be)
{
    char claims[512], sub[TOKEN_SUB_MAX + 2];
    static const char *const bad[] = {"{\"exp\":1700000001}",
                                      "{\"sub\":\"\",\"exp\":1700000001}",
                                      "{\"sub\":7,\"exp\":1700000001}",
                                      "{\"sub\":\"a\\nb\",\"exp\":1700000001}",
                                      "{\"sub\":\"a\\u0000\",\"exp\":1700000001}",
                                      "{\"sub\":\"a\\u007f\",\"exp\":1700000001}",
                                      "{" GOOD ",\"name\":7}",
                                      "{" GOOD ",\"name\":\"a\\tb\"}",
                                      "{" GOOD ",\"sub\":\"ada\"}",
                                      "{" GOOD "} ,",
                                      "[]",
                                      "",
                                      "{" GOOD ",\"x\":[[[[[[[[1]]]]]]]]}"};

    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        ck_assert_msg(read_claims(bad[i]) != NULL, "%s", bad[i]);
    memset(sub, 's', sizeof(sub));
    snprintf(claims, sizeof(claims), "{\"sub\":\"%.*s\",\"exp\":1700000001}", TOKEN_SUB_MAX, sub);
    ck_assert_taken(read_claims(claims));
    snprintf(claims, sizeof(claims), "{\"sub\":\"%.*s\",\"exp\":1700000001}", TOKEN_SUB_MAX + 1,
             sub);
    ck_assert_ptr_nonnull(read_claims(claims));
}
END_TEST

START_TEST(for_whom_and_by_whom)
{
    static const char audience[] = "the token is for another audience";

    ck_assert_str_eq(read_for("{" GOOD ",\"aud\":\"chat\"}", "", ""), audience);
    ck_assert_str_eq(read_for("{" GOOD "}", "chat", ""), audience);
    ck_assert_taken(read_for("{" GOOD ",\"aud\":\"chat\"}", "chat", ""));
    ck_assert_str_eq(read_for("{" GOOD ",\"aud\":\"chats\"}", "chat", ""), audience);
    ck_assert_taken(read_for("{" GOOD ",\"aud\":[\"x\", \"ch\\u0061t\"]}", "chat", ""));
    ck_assert_str_eq(read_for("{" GOOD ",\"aud\":[\"x\",7,[\"chat\"]]}", "chat", ""), audience);
    ck_assert_str_eq(read_for("{" GOOD ",\"aud\":[]}", "chat", ""), audience);
    ck_assert_str_eq(read_for("{" GOOD ",\"aud\":7}", "chat", ""), audience);
    ck_assert_taken(read_for("{" GOOD ",\"iss\":\"me\"}", "", "me"));
    ck_assert_taken(read_for("{" GOOD ",\"iss\":\"me\"}", "", ""));
    ck_assert_ptr_nonnull(read_for("{" GOOD ",\"iss\":\"you\"}", "", "me"));
    ck_assert_ptr_nonnull(read_for("{" GOOD "}", "", "me"));
    ck_assert_ptr_nonnull(read_for("{" GOOD ",\"iss\":7}", "", ""));
}
END_TEST

START_TEST(rights_are_a_union)
{
    ck_assert_taken(read_claims(
        "{" GOOD
        ",\"caps\":[ {\"rooms\":[\"tea\",\"team-*\"],\"allow\":[\"sub\",\"fly\",\"pub\"]}, "
        "{\"allow\":[\"mod\"],\"rooms\":[\"te\\u0061\"],\"more\":{}} "
        ",{\"rooms\":[],\"allow\":[]}]}"));
    ck_assert_uint_eq(token_rights(&token, STR("tea")), RIGHT_SUB | RIGHT_PUB | RIGHT_MOD);
    ck_assert_uint_eq(token_rights(&token, STR("team-1")), RIGHT_SUB | RIGHT_PUB);
    ck_assert_uint_eq(token_rights(&token, STR("milk")), RIGHTS_NONE);
}
END_TEST

START_TEST(malformed_caps)
{
    static const char *const bad[] = {
        "null",
        "{}",
        "\"sub\"",
        "[7]",
        "[[]]",
        "[{}]",
        "[{\"rooms\":[\"a\"]}]",
        "[{\"allow\":[\"sub\"]}]",
        "[{\"rooms\":\"a\",\"allow\":[\"sub\"]}]",
        "[{\"rooms\":[\"a\"],\"allow\":\"sub\"}]",
        "[{\"rooms\":[7],\"allow\":[\"sub\"]}]",
        "[{\"rooms\":[\"\"],\"allow\":[\"sub\"]}]",
        "[{\"rooms\":[\"a\"],\"allow\":[7]}]",
        "[{\"rooms\":[\"a\"],\"rooms\":[\"b\"],\"allow\":[]}]",
        "[{\"rooms\":[\"a\"],\"allow\":[\"sub\"]},7]",
    };
    char claims[256];

    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        snprintf(claims, sizeof(claims), "{" GOOD ",\"caps\":%s}", bad[i]);
        ck_assert_msg(read_claims(claims) != NULL, "%s", bad[i]);
    }
}
END_TEST

START_TEST(as_many_rooms_as_there_is_room_for)
{
    char claims[2048];
    int len =
        snprintf(claims, sizeof(claims), "{" GOOD ",\"caps\":[{\"allow\":[\"sub\"],\"rooms\":[");

    for (int i = 0; i < TOKEN_GRANTS_MAX; i++)
        len +=
            snprintf(claims + len, sizeof(claims) - (size_t)len, "%s\"r%d\"", i > 0 ? "," : "", i);
    snprintf(claims + len, sizeof(claims) - (size_t)len, "]}]}");
    ck_assert_taken(read_claims(claims));
    ck_assert_uint_eq(token_rights(&token, STR("r127")), RIGHT_SUB);
    snprintf(claims + len, sizeof(claims) - (size_t)len, ",\"x\"]}]}");
    ck_assert_str_eq(read_claims(claims), "the token's caps name too many rooms");
}
END_TEST

START_TEST(a_wrong_signature_is_told)
{
    struct token_rules rules = {.keys = {&key, 1}};

    ck_assert_str_eq(token_read(&token, STR("eyJhbGciOiJIUzI1NiJ9.e30.e30"), &rules, NOW),
                     jwt_error_text(JWT_ERROR_SIGNATURE));
}
END_TEST

Suite *suite_token(void)
{
    Suite *suite = suite_create("token");
    TCase *cases = tcase_create("token");

    tcase_add_test(cases, who_and_until_when);
    tcase_add_test(cases, times_have_no_leeway);
    tcase_add_test(cases, people_who_cannot_be);
    tcase_add_test(cases, for_whom_and_by_whom);
    tcase_add_test(cases, rights_are_a_union);
    tcase_add_test(cases, malformed_caps);
    tcase_add_test(cases, as_many_rooms_as_there_is_room_for);
    tcase_add_test(cases, a_wrong_signature_is_told);
    suite_add_tcase(suite, cases);
    return suite;
}
