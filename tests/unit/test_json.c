#include "proto/json.h"

#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "base/util.h"
#include "guard.h"

Suite *suite_json(void);

/* Reads `text`, which lies against a guard page; the fields' values stay valid until the next call.
 */
static int read_bytes(const char *text, size_t len, struct json_field *fields, size_t count)
{
    static char *copy;
    static size_t copy_len;

    if (copy != NULL)
        guard_free(copy, copy_len);
    copy = guard_copy(text, len);
    copy_len = len;
    return json_read_object(copy, len, fields, count);
}

/* Reads {"v":VALUE} and returns the result; the member in *field. */
static int read_value(const char *value, struct json_field *field)
{
    char text[512];
    int len = snprintf(text, sizeof(text), "{\"v\":%s}", value);

    *field = (struct json_field){.name = STR("v"), .type = JSON_ABSENT};
    return read_bytes(text, (size_t)len, field, 1);
}

static void expect_value(const char *text, enum json_type type, struct str want)
{
    struct json_field field;
    int result = read_value(text, &field);

    ck_assert_msg(result == 0, "%d: %s", result, text);
    ck_assert_int_eq(field.type, type);
    ck_assert_msg(str_equals(field.value, want), "%s: got %.*s", text, (int)field.value.len,
                  field.value.ptr);
}

struct bad {
    const char *text;
    enum json_error error;
};

static void expect_text_errors(const struct bad *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        int result = read_bytes(rows[i].text, strlen(rows[i].text), NULL, 0);

        ck_assert_msg(result == -(int)rows[i].error, "%d: %s", result, rows[i].text);
    }
}

static void expect_value_errors(const struct bad *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct json_field field;
        int result = read_value(rows[i].text, &field);

        ck_assert_msg(result == -(int)rows[i].error, "%d: %s", result, rows[i].text);
    }
}

START_TEST(reads_fields)
{
    static const char text[] =
        "{\"type\":\"say\",\"text\":\"a\\nb\",\"to\":17,\"x\":[1,{\"text\":0}],"
        "\"flag\":true,\"off\":false,\"none\":null,\"obj\":{\"a\":\"\\n\"}}";
    struct json_field fields[] = {
        {.name = STR("text")}, {.name = STR("type")}, {.name = STR("to")},   {.name = STR("ref")},
        {.name = STR("flag")}, {.name = STR("off")},  {.name = STR("none")}, {.name = STR("obj")},
    };
    static const struct {
        enum json_type type;
        const char *value;
    } want[] = {
        {JSON_STRING, "a\nb"}, {JSON_STRING, "say"},
        {JSON_NUMBER, "17"},   {JSON_ABSENT, ""},
        {JSON_TRUE, "true"},   {JSON_FALSE, "false"},
        {JSON_NULL, "null"},   {JSON_OBJECT, "{\"a\":\"\\n\"}"},
    };

    ck_assert_int_eq(read_bytes(text, sizeof(text) - 1, fields, ARRAY_LEN(fields)), 0);
    for (size_t i = 0; i < ARRAY_LEN(want); i++) {
        ck_assert_int_eq(fields[i].type, want[i].type);
        ck_assert(str_equals(fields[i].value, str_from(want[i].value)));
    }
}
END_TEST

START_TEST(forgets_earlier_results)
{
    struct json_field fields[] = {
        {STR("a"), JSON_NUMBER, STR("1"), false},
        {STR("b"), JSON_NUMBER, STR("1"), false},
    };

    ck_assert_int_eq(read_bytes("{}", 2, fields, ARRAY_LEN(fields)), 0);
    for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
        ck_assert_int_eq(fields[i].type, JSON_ABSENT);
        ck_assert_uint_eq(fields[i].value.len, 0);
    }
}
END_TEST

START_TEST(matches_escaped_names)
{
    static const char text[] =
        "{\"t\\u0079pe\":1,\"a\\u0000b\":2,\"\\ud83d\\ude00\":3,\"\xc3\xa9\":4}";
    struct json_field fields[] = {
        {.name = STR("type")},     {.name = STR("a\0b")}, {.name = STR("\xf0\x9f\x98\x80")},
        {.name = STR("\xc3\xa9")}, {.name = STR("a")},    {.name = STR("typ")},
        {.name = STR("types")},
    };

    ck_assert_int_eq(read_bytes(text, sizeof(text) - 1, fields, ARRAY_LEN(fields)), 0);
    for (size_t i = 0; i < 4; i++) {
        ck_assert_int_eq(fields[i].type, JSON_NUMBER);
        ck_assert_int_eq(fields[i].value.ptr[0], '1' + (char)i);
    }
    for (size_t i = 4; i < ARRAY_LEN(fields); i++)
        ck_assert_int_eq(fields[i].type, JSON_ABSENT);
}
END_TEST

START_TEST(reads_texts)
{
    static const char *const rows[] = {
        "{}",
        " \t\r\n{ \t\r\n} \t\r\n",
        "{\"\":0}",
        " { \"a\" : 1 , \"b\" : [ ] , \"c\" : [ 1 , 2 ] , \"d\" : { } } ",
        "{\"a\":{\"a\":{\"b\":1}},\"b\":[{\"a\":1},{\"a\":1}]}",
        "{\"\\u0061b\":1,\"ac\":1}",
        "{\"a\":1,\"a\\u0062\":1,\"\\u0061bc\":1,\"\\u0061bcd\":1}",
        "{\"a\":1,\"A\":1,\"aa\":1,\"\xc3\xa9\":1,\"e\\u0301\":1}",
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        ck_assert_msg(read_bytes(rows[i], strlen(rows[i]), NULL, 0) == 0, "%s", rows[i]);
}
END_TEST

START_TEST(refuses_texts)
{
    static const struct bad rows[] = {
        {"", JSON_ERROR_SYNTAX},
        {" ", JSON_ERROR_SYNTAX},
        {"[]", JSON_ERROR_NOT_OBJECT},
        {"\"a\"", JSON_ERROR_NOT_OBJECT},
        {"1", JSON_ERROR_NOT_OBJECT},
        {"null", JSON_ERROR_NOT_OBJECT},
        {"\xef\xbb\xbf{}", JSON_ERROR_NOT_OBJECT},
        {"\x0b{}", JSON_ERROR_NOT_OBJECT},
        {"}", JSON_ERROR_NOT_OBJECT},
        {"{}{}", JSON_ERROR_TRAILING},
        {"{} x", JSON_ERROR_TRAILING},
        {"{}}", JSON_ERROR_TRAILING},
        {"{},", JSON_ERROR_TRAILING},
        {"{}\x0c", JSON_ERROR_TRAILING},
        {"{", JSON_ERROR_SYNTAX},
        {"{ ", JSON_ERROR_SYNTAX},
        {"{]", JSON_ERROR_SYNTAX},
        {"{,}", JSON_ERROR_SYNTAX},
        {"{a:1}", JSON_ERROR_SYNTAX},
        {"{'a':1}", JSON_ERROR_SYNTAX},
        {"{1:1}", JSON_ERROR_SYNTAX},
        {"{\"a\"}", JSON_ERROR_SYNTAX},
        {"{\"a\":}", JSON_ERROR_SYNTAX},
        {"{\"a\" 1}", JSON_ERROR_SYNTAX},
        {"{\"a\":1,}", JSON_ERROR_SYNTAX},
        {"{\"a\":1 \"b\":2}", JSON_ERROR_SYNTAX},
        {"{\"a\":1;\"b\":2}", JSON_ERROR_SYNTAX},
        {"{\"a\":1]", JSON_ERROR_SYNTAX},
        {"{\"a\":1", JSON_ERROR_SYNTAX},
        {"{\"a\"", JSON_ERROR_SYNTAX},
        {"{\"a", JSON_ERROR_SYNTAX},
        {"{\"a\":1/**/}", JSON_ERROR_SYNTAX},
        {"{\"a\":\"\xff\"}", JSON_ERROR_UTF8},
        {"{\"a\":\"\xc0\x80\"}", JSON_ERROR_UTF8},
        {"{\"a\":\"\xed\xa0\x80\"}", JSON_ERROR_UTF8},
        {"{\"a\":\"\xc3\"}", JSON_ERROR_UTF8},
        {"{\"a\":1,\"a\":1}", JSON_ERROR_DUPLICATE},
        {"{\"a\":1,\"b\":2,\"a\":{}}", JSON_ERROR_DUPLICATE},
        {"{\"\":1,\"\":2}", JSON_ERROR_DUPLICATE},
        {"{\"a\":1,\"b\":2,\"c\":3,\"b\":4}", JSON_ERROR_DUPLICATE},
        {"{\"\\u0061\":1,\"a\":1}", JSON_ERROR_DUPLICATE},
        {"{\"\xdf\xbf\":1,\"\\u07ff\":1}", JSON_ERROR_DUPLICATE},
        {"{\"\xef\xbf\xbf\":1,\"\\uffff\":1}", JSON_ERROR_DUPLICATE},
        {"{\"\xf4\x8f\xbf\xbf\":1,\"\\udbff\\udfff\":1}", JSON_ERROR_DUPLICATE},
        {"{\"a\":1,\"\\u0061\":1}", JSON_ERROR_DUPLICATE},
        {"{\"\\u0061b\":1,\"a\\u0062\":1}", JSON_ERROR_DUPLICATE},
        {"{\"/\":1,\"\\/\":1}", JSON_ERROR_DUPLICATE},
        {"{\"\\n\":1,\"\\u000A\":1}", JSON_ERROR_DUPLICATE},
        {"{\"\xc3\xa9\":1,\"\\u00e9\":1}", JSON_ERROR_DUPLICATE},
        {"{\"\xe2\x82\xac\":1,\"\\u20aC\":1}", JSON_ERROR_DUPLICATE},
        {"{\"\xf0\x9f\x98\x80\":1,\"\\uD83D\\uDE00\":1}", JSON_ERROR_DUPLICATE},
        {"{\"x\":{\"a\":1,\"\\u0061\":1}}", JSON_ERROR_DUPLICATE},
        {"{\"x\":[{\"a\":1,\"a\":1}]}", JSON_ERROR_DUPLICATE},
    };

    expect_text_errors(rows, ARRAY_LEN(rows));
    ck_assert_int_eq(read_bytes("{}\0", 3, NULL, 0), -JSON_ERROR_TRAILING);
    ck_assert_int_eq(read_bytes("{\0}", 3, NULL, 0), -JSON_ERROR_SYNTAX);
}
END_TEST

START_TEST(refuses_every_prefix)
{
    static const char text[] =
        "{\"a\":[1.5e+3,true,false,null,{\"b\":\"\\ud83d\\ude00\\n\xc3\xa9\"}]}";

    for (size_t len = 0; len < sizeof(text) - 1; len++)
        ck_assert_msg(read_bytes(text, len, NULL, 0) < 0, "%.*s", (int)len, text);
    ck_assert_int_eq(read_bytes(text, sizeof(text) - 1, NULL, 0), 0);
}
END_TEST

START_TEST(reads_numbers)
{
    static const char *const rows[] = {
        "0",   "-0",  "1",    "-1",    "10",     "1234567890123456789012345678901234567890",
        "0.0", "1.5", "0e0",  "1E5",   "1e+5",   "-1.25e-10",
        "0.1", "1e9", "-0.0", "1e999", "0E+000", "9007199254740993",
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        expect_value(rows[i], JSON_NUMBER, str_from(rows[i]));
}
END_TEST

START_TEST(refuses_numbers)
{
    static const struct bad rows[] = {
        {"-", JSON_ERROR_NUMBER},   {"-a", JSON_ERROR_NUMBER},        {"--1", JSON_ERROR_NUMBER},
        {"01", JSON_ERROR_NUMBER},  {"00", JSON_ERROR_NUMBER},        {"-01", JSON_ERROR_NUMBER},
        {"1.", JSON_ERROR_NUMBER},  {"1.e5", JSON_ERROR_NUMBER},      {"1e", JSON_ERROR_NUMBER},
        {"1e+", JSON_ERROR_NUMBER}, {"1e1.5", JSON_ERROR_SYNTAX},     {".5", JSON_ERROR_SYNTAX},
        {"+1", JSON_ERROR_SYNTAX},  {"1a", JSON_ERROR_SYNTAX},        {"0x10", JSON_ERROR_SYNTAX},
        {"NaN", JSON_ERROR_SYNTAX}, {"-Infinity", JSON_ERROR_NUMBER}, {"1 2", JSON_ERROR_SYNTAX},
        {"- 1", JSON_ERROR_NUMBER}, {"1_0", JSON_ERROR_SYNTAX},       {"-.5", JSON_ERROR_NUMBER},
    };

    expect_value_errors(rows, ARRAY_LEN(rows));
}
END_TEST

START_TEST(reads_other_values)
{
    expect_value("true", JSON_TRUE, STR("true"));
    expect_value(" false ", JSON_FALSE, STR("false"));
    expect_value("null", JSON_NULL, STR("null"));
    expect_value("[ ]", JSON_ARRAY, STR("[ ]"));
    expect_value(" [ ] ", JSON_ARRAY, STR("[ ]"));
    expect_value(" [ 1 ] ", JSON_ARRAY, STR("[ 1 ]"));
    expect_value(" { } ", JSON_OBJECT, STR("{ }"));
    expect_value(" { \"a\" : 1 } ", JSON_OBJECT, STR("{ \"a\" : 1 }"));
    expect_value("[ 1, [2], {} ]", JSON_ARRAY, STR("[ 1, [2], {} ]"));
    expect_value("{ }", JSON_OBJECT, STR("{ }"));
    expect_value("{\"v\":\"\\u0041\"}", JSON_OBJECT, STR("{\"v\":\"\\u0041\"}"));
    expect_value("[\"\\u0041\"]", JSON_ARRAY, STR("[\"\\u0041\"]"));
}
END_TEST

START_TEST(refuses_other_values)
{
    static const struct bad rows[] = {
        {"True", JSON_ERROR_SYNTAX},      {"tru", JSON_ERROR_SYNTAX},
        {"truee", JSON_ERROR_SYNTAX},     {"nul", JSON_ERROR_SYNTAX},
        {"nulL", JSON_ERROR_SYNTAX},      {"fals", JSON_ERROR_SYNTAX},
        {"undefined", JSON_ERROR_SYNTAX}, {"[", JSON_ERROR_SYNTAX},
        {"[1", JSON_ERROR_SYNTAX},        {"[1,]", JSON_ERROR_SYNTAX},
        {"[,1]", JSON_ERROR_SYNTAX},      {"[1 2]", JSON_ERROR_SYNTAX},
        {"[1,,2]", JSON_ERROR_SYNTAX},    {"[1:2]", JSON_ERROR_SYNTAX},
        {"]", JSON_ERROR_SYNTAX},         {"{\"a\":1,}", JSON_ERROR_SYNTAX},
        {"'a'", JSON_ERROR_SYNTAX},       {",", JSON_ERROR_SYNTAX},
    };

    expect_value_errors(rows, ARRAY_LEN(rows));
}
END_TEST

START_TEST(unescapes_strings)
{
    expect_value("\"\"", JSON_STRING, STR(""));
    expect_value("\"abc\"", JSON_STRING, STR("abc"));
    expect_value("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", JSON_STRING, STR("\"\\/\b\f\n\r\t"));
    expect_value("\"\\u0041\\u00e9\\u20AC\"", JSON_STRING, STR("A\xc3\xa9\xe2\x82\xac"));
    expect_value("\"a\\u0000b\"", JSON_STRING, STR("a\0b"));
    expect_value("\"\\u007f\\u0080\\u07ff\\u0800\\uffff\"", JSON_STRING,
                 STR("\x7f\xc2\x80\xdf\xbf\xe0\xa0\x80\xef\xbf\xbf"));
    expect_value("\"\\ud7ff\\ue000\"", JSON_STRING, STR("\xed\x9f\xbf\xee\x80\x80"));
    expect_value("\"\\ud800\\udc00\"", JSON_STRING, STR("\xf0\x90\x80\x80"));
    expect_value("\"\\uDBFF\\uDFFF\"", JSON_STRING, STR("\xf4\x8f\xbf\xbf"));
    expect_value("\"x\\ud83d\\ude00y\"", JSON_STRING, STR("x\xf0\x9f\x98\x80y"));
    expect_value("\"\xc3\xa9\xe2\x80\xa8\x7f\"", JSON_STRING, STR("\xc3\xa9\xe2\x80\xa8\x7f"));
    expect_value("\"\\\\u0041\"", JSON_STRING, STR("\\u0041"));
    expect_value("\"plain run, then \\n and another plain run\"", JSON_STRING,
                 STR("plain run, then \n and another plain run"));
}
END_TEST

START_TEST(refuses_strings)
{
    static const struct bad rows[] = {
        {"\"", JSON_ERROR_SYNTAX},
        {"\"a", JSON_ERROR_SYNTAX},
        {"\"\\\"", JSON_ERROR_SYNTAX},
        {"\"a\nb\"", JSON_ERROR_CONTROL},
        {"\"a\tb\"", JSON_ERROR_CONTROL},
        {"\"\x1f\"", JSON_ERROR_CONTROL},
        {"\"1234567\x01\"", JSON_ERROR_CONTROL},
        {"\"\\a\"", JSON_ERROR_ESCAPE},
        {"\"\\'\"", JSON_ERROR_ESCAPE},
        {"\"\\x41\"", JSON_ERROR_ESCAPE},
        {"\"\\U0041\"", JSON_ERROR_ESCAPE},
        {"\"\\u\"", JSON_ERROR_ESCAPE},
        {"\"\\u004\"", JSON_ERROR_ESCAPE},
        {"\"\\u004g\"", JSON_ERROR_ESCAPE},
        {"\"\\u+041\"", JSON_ERROR_ESCAPE},
        {"\"\\u 041\"", JSON_ERROR_ESCAPE},
        {"\"\\ud83d\"", JSON_ERROR_SURROGATE},
        {"\"\\ud83dx\"", JSON_ERROR_SURROGATE},
        {"\"\\ude00\"", JSON_ERROR_SURROGATE},
        {"\"\\udfff\"", JSON_ERROR_SURROGATE},
        {"\"\\ud800\"", JSON_ERROR_SURROGATE},
        {"\"\\ud83dxude00\"", JSON_ERROR_SURROGATE},
        {"\"\\ud83d\\nde001\"", JSON_ERROR_SURROGATE},
        {"\"\\udfff\\ud800\"", JSON_ERROR_SURROGATE},
        {"\"\\ud83d\\ud83d\"", JSON_ERROR_SURROGATE},
        {"\"\\ud83d\\ue000\"", JSON_ERROR_SURROGATE},
        {"\"\\ud83d\\udbff\"", JSON_ERROR_SURROGATE},
        {"\"\\ud83d\\n12345\"", JSON_ERROR_SURROGATE},
        {"\"\\ud83d\\ude0\"", JSON_ERROR_SURROGATE},
        {"\"\\ud83d\\ude0g\"", JSON_ERROR_SURROGATE},
        {"\"\\ud83d \\ude00\"", JSON_ERROR_SURROGATE},
    };
    struct json_field field;

    expect_value_errors(rows, ARRAY_LEN(rows));
    ck_assert_int_eq(read_bytes("{\"v\":\"\0\"}", 9, &field, 0), -JSON_ERROR_CONTROL);
    ck_assert_int_eq(read_bytes("{\"v\":\"\\\0\"}", 10, &field, 0), -JSON_ERROR_ESCAPE);
}
END_TEST

/* What is handed on as JSON: white space goes, but none of a string; quotes and escapes stay. */
START_TEST(raw_values)
{
    static const struct {
        const char *text, *value;
        enum json_type type;
    } rows[] = {
        {"{\"v\": {\"a b\" : [1 ,\r\n\t2 ]} }", "{\"a b\":[1,2]}", JSON_OBJECT},
        {"{\"v\":\" \\\" \\\\\" }", "\" \\\" \\\\\"", JSON_STRING},
        {"{\"v\":\"\\u00e9\"}", "\"\\u00e9\"", JSON_STRING},
        {"{\"v\":[ \"a\\\\\" , \" ]\" ]}", "[\"a\\\\\",\" ]\"]", JSON_ARRAY},
        {"{\"v\": null}", "null", JSON_NULL},
        {"{\"v\": -1.5e3 }", "-1.5e3", JSON_NUMBER},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct json_field field = {.name = STR("v"), .is_raw = true};
        char text[64];

        memcpy(text, rows[i].text, strlen(rows[i].text));
        ck_assert_int_eq(json_read_object(text, strlen(rows[i].text), &field, 1), 0);
        ck_assert_int_eq(field.type, rows[i].type);
        ck_assert_uint_eq(field.value.len, strlen(rows[i].value));
        ck_assert_mem_eq(field.value.ptr, rows[i].value, field.value.len);
    }
}
END_TEST

/* Every byte at every place of a run, so that the steps of eight bytes and their ends are met. */
START_TEST(sees_every_byte_at_every_place)
{
    for (int c = 0; c < 0x80; c++) {
        for (size_t place = 0; place < 20; place++) {
            char text[] = "{\"v\":\"aaaaaaaaaaaaaaaaaaaaaaaa\"}";
            int want = c < 0x20 ? -JSON_ERROR_CONTROL : c == '\\' ? -JSON_ERROR_ESCAPE : 0;
            int result;

            text[6 + place] = (char)c;
            result = read_bytes(text, sizeof(text) - 1, NULL, 0);
            if (c == '"')
                ck_assert_int_eq(result, -JSON_ERROR_SYNTAX);
            else
                ck_assert_int_eq(result, want);
        }
    }
}
END_TEST

static int read_nested(const char *open, const char *close, int depth)
{
    char text[256] = "";
    size_t len = 0;

    for (int i = 1; i < depth; i++)
        len += (size_t)snprintf(text + len, sizeof(text) - len, "%s", i == 1 ? "{\"a\":" : open);
    len += (size_t)snprintf(text + len, sizeof(text) - len, "{}");
    for (int i = 1; i < depth; i++)
        len += (size_t)snprintf(text + len, sizeof(text) - len, "%s", i == depth - 1 ? "}" : close);
    return read_bytes(text, len, NULL, 0);
}

START_TEST(bounds_the_depth)
{
    static char many[20000];

    ck_assert_int_eq(read_nested("{\"a\":", "}", JSON_DEPTH_MAX), 0);
    ck_assert_int_eq(read_nested("{\"a\":", "}", JSON_DEPTH_MAX + 1), -JSON_ERROR_DEPTH);
    ck_assert_int_eq(read_nested("[", "]", JSON_DEPTH_MAX), 0);
    ck_assert_int_eq(read_nested("[", "]", JSON_DEPTH_MAX + 1), -JSON_ERROR_DEPTH);
    ck_assert_int_eq(read_bytes("{\"a\":[[[[[[[]]]]]]]}", 20, NULL, 0), 0);
    ck_assert_int_eq(read_bytes("{\"a\":[[[[[[[[]]]]]]]]}", 22, NULL, 0), -JSON_ERROR_DEPTH);
    /* depth is left again */
    ck_assert_int_eq(read_bytes("{\"a\":[[],[],[],[],[],[],[],[],[{}],{},{},{}]}", 45, NULL, 0), 0);
    memset(many, '[', sizeof(many));
    memcpy(many, "{\"a\":", 5);
    ck_assert_int_eq(read_bytes(many, sizeof(many), NULL, 0), -JSON_ERROR_DEPTH);
}
END_TEST

static int read_members(int count, const char *before, const char *behind)
{
    char text[1024];
    size_t len = (size_t)snprintf(text, sizeof(text), "%s{", before);

    for (int i = 0; i < count; i++)
        len += (size_t)snprintf(text + len, sizeof(text) - len, "%s\"m%d\":%d", i == 0 ? "" : ",",
                                i, i);
    len += (size_t)snprintf(text + len, sizeof(text) - len, "}%s", behind);
    return read_bytes(text, len, NULL, 0);
}

/* What is handed on as it is may be deeper, and have more members, also of one name. */
START_TEST(raw_values_have_bounds_of_their_own)
{
    struct json_field field = {.name = STR("v"), .is_raw = true};
    char text[1024];
    int len;

    for (int depth = JSON_RAW_DEPTH_MAX - 1; depth <= JSON_RAW_DEPTH_MAX; depth++) {
        len = snprintf(text, sizeof(text), "{\"v\":%.*s%.*s}", depth,
                       "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[", depth,
                       "]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]");
        ck_assert_int_eq(json_read_object(text, (size_t)len, &field, 1),
                         depth < JSON_RAW_DEPTH_MAX ? 0 : -JSON_ERROR_DEPTH);
    }
    len = snprintf(text, sizeof(text), "{\"v\":{");
    for (int i = 0; i < 2 * JSON_MEMBERS_MAX; i++)
        len += snprintf(text + len, sizeof(text) - (size_t)len, "%s\"m\":1", i == 0 ? "" : ",");
    len += snprintf(text + len, sizeof(text) - (size_t)len, "}}");
    ck_assert_int_eq(json_read_object(text, (size_t)len, &field, 1), 0);
    ck_assert_int_eq(field.type, JSON_OBJECT);
    /* and behind it the old ones hold again */
    len = snprintf(text, sizeof(text), "{\"v\":[],\"w\":[[[[[[[[]]]]]]]]}");
    ck_assert_int_eq(json_read_object(text, (size_t)len, &field, 1), -JSON_ERROR_DEPTH);
    len = snprintf(text, sizeof(text), "{\"v\":{},\"v\":{}}");
    ck_assert_int_eq(json_read_object(text, (size_t)len, &field, 1), -JSON_ERROR_DUPLICATE);
}
END_TEST

START_TEST(bounds_the_members)
{
    ck_assert_int_eq(read_members(JSON_MEMBERS_MAX, "", ""), 0);
    ck_assert_int_eq(read_members(JSON_MEMBERS_MAX + 1, "", ""), -JSON_ERROR_MEMBERS);
    ck_assert_int_eq(read_members(JSON_MEMBERS_MAX, "{\"a\":[", "]}"), 0);
    ck_assert_int_eq(read_members(JSON_MEMBERS_MAX + 1, "{\"a\":[", "]}"), -JSON_ERROR_MEMBERS);
}
END_TEST

START_TEST(converts_integers)
{
    static const struct {
        const char *text;
        uint64_t max;
        bool is_good;
    } rows[] = {
        {"0", 0, true},
        {"1", 0, false},
        {"17", 17, true},
        {"17", 16, false},
        {"18446744073709551615", UINT64_MAX, true},
        {"18446744073709551616", UINT64_MAX, false},
        {"-0", 9, false},
        {"-1", 9, false},
        {"1.0", 9, false},
        {"1e0", 9, false},
        {"\"1\"", 9, false},
        {"true", 9, false},
        {"null", 9, false},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct json_field field;
        uint64_t value = 77;

        ck_assert_int_eq(read_value(rows[i].text, &field), 0);
        ck_assert_msg(json_to_u64(&field, rows[i].max, &value) == rows[i].is_good, "%s",
                      rows[i].text);
        ck_assert_uint_eq(value, rows[i].is_good ? strtoull(rows[i].text, NULL, 10) : 77);
    }
}
END_TEST

static void expect_escaped(struct str s, const char *want)
{
    char *copy = guard_copy(s.ptr, s.len);
    struct buf out;

    buf_init(&out);
    ck_assert_int_eq(json_append_string(&out, (struct str){copy, s.len}), 0);
    ck_assert_int_eq(buf_append_char(&out, '\0'), 0);
    ck_assert_str_eq((char *)out.data, want);
    buf_deinit(&out);
    guard_free(copy, s.len);
}

START_TEST(escapes_strings)
{
    expect_escaped(STR(""), "\"\"");
    expect_escaped(STR("abc/\x7f"), "\"abc/\x7f\"");
    expect_escaped(STR("\"\\\b\f\n\r\t"), "\"\\\"\\\\\\b\\f\\n\\r\\t\"");
    expect_escaped(STR("a\0\x01\x1f"), "\"a\\u0000\\u0001\\u001f\"");
    expect_escaped(STR("\xc3\xa9\xf0\x9f\x98\x80\xe2\x80\xa8"),
                   "\"\xc3\xa9\xf0\x9f\x98\x80\xe2\x80\xa8\"");
    expect_escaped(STR("a longer run of plain text\nand another"),
                   "\"a longer run of plain text\\nand another\"");
    expect_escaped(STR("12345678\n12345678"), "\"12345678\\n12345678\"");
    expect_escaped(STR("<script>&'"), "\"<script>&'\"");
}
END_TEST

START_TEST(appends_to_what_is_there)
{
    struct buf out;

    buf_init(&out);
    ck_assert_int_eq(json_append_string(&out, STR("a")), 0);
    ck_assert_int_eq(json_append_string(&out, (struct str){NULL, 0}), 0);
    ck_assert_uint_eq(out.len, 5);
    ck_assert_mem_eq(out.data, "\"a\"\"\"", 5);
    buf_deinit(&out);
}
END_TEST

/* What the escaper writes, the reader gives back: for every byte and its neighbours. */
START_TEST(round_trips)
{
    for (int c = 0; c < 0x80; c++) {
        const char text[] = {'a', (char)c, (char)(c ^ 1), 'b'};
        struct json_field field = {.name = STR("v")};
        struct buf out;

        buf_init(&out);
        ck_assert_int_eq(buf_append_str(&out, STR("{\"v\":")), 0);
        ck_assert_int_eq(json_append_string(&out, (struct str){text, sizeof(text)}), 0);
        ck_assert_int_eq(buf_append_char(&out, '}'), 0);
        ck_assert_int_eq(read_bytes((const char *)out.data, out.len, &field, 1), 0);
        ck_assert(str_equals(field.value, (struct str){text, sizeof(text)}));
        buf_deinit(&out);
    }
}
END_TEST

START_TEST(explains_errors)
{
    for (int error = JSON_ERROR_UTF8; error <= JSON_ERROR_DUPLICATE; error++)
        ck_assert_str_ne(json_error_text((enum json_error)error), "");
}
END_TEST

START_TEST(goes_through_an_array)
{
    char text[] =
        "{\"a\": [ 1 ,\"x\\u0041\\n\" , [\"]\",2], {\"b\":[\"c\\t\"]},null,\"\"] ,\"e\":[ ]}";
    struct json_field fields[] = {{.name = STR("a")}, {.name = STR("e")}}, item;
    struct json_field inner = {.name = STR("b")};
    struct json_items items, inside;
    char *copy = guard_copy(text, strlen(text));

    ck_assert_int_eq(json_read_object(copy, strlen(text), fields, 2), 0);
    items = json_items_of(copy, &fields[0]);
    ck_assert(json_item_next(&items, &item) && item.type == JSON_NUMBER);
    ck_assert(str_equals(item.value, STR("1")));
    ck_assert(json_item_next(&items, &item) && item.type == JSON_STRING);
    ck_assert(str_equals(item.value, STR("xA\n")));
    ck_assert(json_item_next(&items, &item) && item.type == JSON_ARRAY);
    inside = json_items_of(copy, &item);
    ck_assert(json_item_next(&inside, &item) && str_equals(item.value, STR("]")));
    ck_assert(json_item_next(&inside, &item) && str_equals(item.value, STR("2")));
    ck_assert(!json_item_next(&inside, &item));
    ck_assert(json_item_next(&items, &item) && item.type == JSON_OBJECT);
    ck_assert_int_eq(json_read_object(json_inner(copy, &item), item.value.len, &inner, 1), 0);
    inside = json_items_of(copy, &inner);
    ck_assert(json_item_next(&inside, &item) && str_equals(item.value, STR("c\t")));
    ck_assert(json_item_next(&items, &item) && item.type == JSON_NULL);
    ck_assert(json_item_next(&items, &item) && item.type == JSON_STRING && item.value.len == 0);
    ck_assert(!json_item_next(&items, &item));
    ck_assert(!json_item_next(&items, &item));
    items = json_items_of(copy, &fields[1]);
    ck_assert(!json_item_next(&items, &item));
    guard_free(copy, strlen(text));
}
END_TEST

START_TEST(knows_the_size_of_a_string)
{
    char text[256];
    struct buf out;

    for (int c = 0; c < 256; c++)
        text[c] = (char)c;
    for (size_t at = 0; at < 128; at++) {
        for (size_t len = 0; len + at <= 128; len += 7) {
            struct str s = {text + at, len};

            buf_init(&out);
            ck_assert_int_eq(json_append_string(&out, s), 0);
            ck_assert_uint_eq(json_string_size(s), out.len);
            buf_deinit(&out);
        }
    }
}
END_TEST

START_TEST(an_array_can_be_the_whole_text)
{
    static const struct {
        const char *text;
        int result;
        unsigned count;
    } texts[] = {
        {"[]", 0, 0},
        {" [1, {\"a\":[2]} ,\"x\"]\n", 0, 3},
        {"{}", -JSON_ERROR_NOT_ARRAY, 0},
        {"", -JSON_ERROR_SYNTAX, 0},
        {"[1", -JSON_ERROR_SYNTAX, 0},
        {"[1,]", -JSON_ERROR_SYNTAX, 0},
        {"[] []", -JSON_ERROR_TRAILING, 0},
        {"[\"\xff\"]", -JSON_ERROR_UTF8, 0},
    };

    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        char text[64];
        struct json_items items;
        struct json_field item;
        unsigned count = 0;

        snprintf(text, sizeof(text), "%s", texts[i].text);
        ck_assert_int_eq(json_read_array(text, strlen(text), &items), texts[i].result);
        while (texts[i].result == 0 && json_item_next(&items, &item))
            count++;
        ck_assert_uint_eq(count, texts[i].count);
    }
}
END_TEST

Suite *suite_json(void)
{
    Suite *suite = suite_create("json");
    TCase *reader = tcase_create("reader");
    TCase *values = tcase_create("values");
    TCase *escaper = tcase_create("escaper");

    tcase_add_test(reader, an_array_can_be_the_whole_text);
    tcase_add_test(reader, reads_fields);
    tcase_add_test(reader, forgets_earlier_results);
    tcase_add_test(reader, matches_escaped_names);
    tcase_add_test(reader, reads_texts);
    tcase_add_test(reader, refuses_texts);
    tcase_add_test(reader, refuses_every_prefix);
    tcase_add_test(reader, bounds_the_depth);
    tcase_add_test(reader, bounds_the_members);
    tcase_add_test(reader, explains_errors);
    tcase_add_test(values, reads_numbers);
    tcase_add_test(values, refuses_numbers);
    tcase_add_test(values, reads_other_values);
    tcase_add_test(values, refuses_other_values);
    tcase_add_test(values, unescapes_strings);
    tcase_add_test(values, refuses_strings);
    tcase_add_test(values, sees_every_byte_at_every_place);
    tcase_add_test(values, raw_values);
    tcase_add_test(values, raw_values_have_bounds_of_their_own);
    tcase_add_test(values, converts_integers);
    tcase_add_test(escaper, escapes_strings);
    tcase_add_test(escaper, appends_to_what_is_there);
    tcase_add_test(escaper, round_trips);
    tcase_add_test(reader, goes_through_an_array);
    suite_add_tcase(suite, reader);
    suite_add_tcase(suite, values);
    tcase_add_test(reader, knows_the_size_of_a_string);
    suite_add_tcase(suite, escaper);
    return suite;
}
