#include "proto/codec/v1_client.h"

#include <string.h>

#include <check.h>

#include "base/util.h"
#include "guard.h"
#include "json_same.h"
#include "proto/codec/codec.h"

Suite *suite_v1_client(void);

/* Reads JSON that is written with ' in place of ", against a guard page. The copy is leaked on
 * purpose: the frame points into it. */
static bool read_frame(struct v1_event *frame, const char *text)
{
    size_t len = strlen(text);
    char *copy = guard_copy(text, len);

    for (size_t i = 0; i < len; i++)
        copy[i] = copy[i] == '\'' ? '"' : copy[i];
    return v1_event_read(frame, copy, len);
}

START_TEST(reads_a_welcome)
{
    struct v1_event frame;
    struct str name;
    uint64_t id;

    ck_assert(read_frame(
        &frame, "{'type':'welcome','id':7,'room':'tea','name':'ada','pos':'P','recovered':true,"
                "'key':'K','count':3,'members':[{'id':7,'name':'ada'},{'id':9223372036854775807,"
                "'name':'}\\'{\\u00e9'},{'id':9}],'limits':{'message':65536}}"));
    ck_assert_int_eq(frame.type, V1_WELCOME);
    ck_assert_uint_eq(frame.id, 7);
    ck_assert_uint_eq(frame.count, 3);
    ck_assert_uint_eq(frame.limit, 65536);
    ck_assert(frame.recovered);
    ck_assert(str_equals(frame.key, STR("K")) && str_equals(frame.pos, STR("P")));
    ck_assert(str_equals(frame.room, STR("tea")) && str_equals(frame.name, STR("ada")));
    ck_assert(v1_member_next(&frame.members, &id, &name));
    ck_assert(id == 7 && str_equals(name, STR("ada")));
    ck_assert(v1_member_next(&frame.members, &id, &name));
    ck_assert(id == CODEC_ID_MAX && str_equals(name, STR("}\"{\xc3\xa9")));
    ck_assert(v1_member_next(&frame.members, &id, &name));
    ck_assert(id == 9 && name.len == 0);
    ck_assert(!v1_member_next(&frame.members, &id, &name));
}
END_TEST

START_TEST(reads_all_types)
{
    static const struct {
        const char *text;
        enum v1_type type;
    } rows[] = {
        {"{'type':'message','pos':'P','ts':1,'from':2,'name':'','text':''}", V1_MESSAGE},
        {"{'type':'direct','ts':1,'from':2,'to':3,'name':'','text':'a','ref':'r'}", V1_DIRECT},
        {"{'type':'join','pos':'P','ts':1,'from':2,'name':'x'}", V1_JOIN},
        {"{'type':'leave','pos':'P','ts':1,'from':2,'name':'x'}", V1_LEAVE},
        {"{'type':'rename','pos':'P','ts':1,'from':2,'name':'x'}", V1_RENAME},
        {"{'type':'count','count':501}", V1_COUNT},
        {"{'type':'error','code':'busy','text':'x','more':[1,{}]}", V1_ERROR},
        {"{'type':'slow','pos':'P','ts':1,'from':2,'name':'x','seconds':20}", V1_SLOW},
        {"{'type':'retract','pos':'P','ts':1,'from':2,'name':'x','of':'Q'}", V1_RETRACT},
        {"{'type':'ban','ban':'B','id':2,'ref':'r'}", V1_BAN},
        {"{'type':'news','from':'other'}", V1_OTHER},
        {"{'type':'message','from':1,'pos':'P','data':[[[[[[[[[1]]]]]]]]]}", V1_OTHER},
        {"{'type':'direct','from':1,'data':null}", V1_OTHER},
        {"{'type':'message','from':1,'pos':'P','text':'x','data':1}", V1_MESSAGE},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct v1_event frame;

        ck_assert_msg(read_frame(&frame, rows[i].text), "%s", rows[i].text);
        ck_assert_int_eq(frame.type, rows[i].type);
    }
}
END_TEST

START_TEST(a_program_has_no_id)
{
    static const char text[] =
        "{\"type\":\"message\",\"pos\":\"P\",\"ts\":1,\"from\":0,\"name\":\"\",\"text\":\"a\"}";
    char data[sizeof(text)];
    struct v1_event event;

    memcpy(data, text, sizeof(text));
    ck_assert(v1_event_read(&event, data, sizeof(text) - 1));
    ck_assert_uint_eq(event.from, 0);
}
END_TEST

START_TEST(refuses_what_is_none)
{
    static const char *const rows[] = {
        "",
        "[]",
        "{",
        "{}",
        "{'type':1}",
        "{'type':'message','ts':1,'from':2,'name':'','text':'a'}",
        "{'type':'message','pos':'P','ts':1,'name':'','text':'a'}",
        "{'type':'message','pos':'P','ts':1,'from':2,'name':''}",
        "{'type':'message','pos':'P','ts':1,'from':-2,'text':'a'}",
        "{'type':'message','pos':'P','ts':1.5,'from':2,'text':'a'}",
        "{'type':'message','pos':'P','ts':1,'from':9223372036854775808,'text':'a'}",
        "{'type':'message','pos':1,'ts':1,'from':2,'text':'a'}",
        "{'type':'message','pos':'P','ts':1,'from':2,'text':['a']}",
        "{'type':'join','name':'x'}",
        "{'type':'direct','text':'x'}",
        "{'type':'direct','from':1}",
        "{'type':'welcome','id':7,'name':'','pos':'P','key':'K','limits':{'message':1}}",
        "{'type':'welcome','id':7,'room':'r','pos':'P','key':'K','limits':{'message':1}}",
        "{'type':'welcome','id':7,'room':'r','name':'','key':'K','limits':{'message':1}}",
        "{'type':'welcome','id':7,'room':'r','name':'','pos':'P','limits':{'message':1}}",
        "{'type':'welcome','id':7,'room':'r','name':'','pos':'P','key':'K','limits':{}}",
        "{'type':'welcome','id':7,'room':'r','name':'','pos':'P','key':'K'}",
        "{'type':'welcome','id':7,'room':'r','name':'','pos':'P','key':'K','limits':5}",
        "{'type':'welcome','id':7,'room':'','name':'','pos':'','key':'','limits':{'message':''}}",
        "{'type':'welcome','room':'r','name':'','pos':'P','key':'K','limits':{'message':1}}",
    };
    struct v1_event frame;

    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        ck_assert_msg(!read_frame(&frame, rows[i]), "%s", rows[i]);
}
END_TEST

/* Each member of a good frame, one after the other, is of a type that it cannot be, or missing. */
START_TEST(every_member_must_be_right)
{
    static const char *const members[] = {
        "'id':7",
        "'from':1",
        "'to':2",
        "'ts':3",
        "'count':4",
        "'pos':'p'",
        "'key':'k'",
        "'room':'r'",
        "'name':'n'",
        "'text':''",
        "'ref':''",
        "'code':''",
        "'limits':{'message':9}",
    };
    struct v1_event frame;

    for (size_t wrong = 0; wrong <= ARRAY_LEN(members); wrong++) {
        char text[512] = "{'type':'welcome'";

        for (size_t i = 0; i < ARRAY_LEN(members); i++) {
            int name = (int)strcspn(members[i], ":");
            size_t len = strlen(text);

            if (i == wrong)
                snprintf(text + len, sizeof(text) - len, ",%.*s:[]", name, members[i]);
            else
                snprintf(text + len, sizeof(text) - len, ",%s", members[i]);
        }
        snprintf(text + strlen(text), sizeof(text) - strlen(text), "}");
        ck_assert_msg(read_frame(&frame, text) == (wrong == ARRAY_LEN(members)), "%s", text);
    }
}
END_TEST

START_TEST(members_that_are_none_end_the_list)
{
    static const char *const rows[] = {"[]", "[1,2]", "['{']", "[['{'}]]", "[{}]", "[{'id':0.5}]"};

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        size_t len = strlen(rows[i]);
        char *copy = guard_copy(rows[i], len);
        struct v1_members members = {copy, len};
        struct str name;
        uint64_t id;

        for (size_t at = 0; at < len; at++)
            copy[at] = copy[at] == '\'' ? '"' : copy[at];
        ck_assert_msg(!v1_member_next(&members, &id, &name), "%s", rows[i]);
        guard_free(copy, len);
    }
}
END_TEST

START_TEST(reads_what_moderators_did)
{
    struct v1_event frame;

    ck_assert(read_frame(&frame, "{'type':'slow','from':2,'seconds':20}"));
    ck_assert_uint_eq(frame.seconds, 20);
    ck_assert(
        read_frame(&frame, "{'type':'message','from':2,'pos':'P','text':'','retracted':true}"));
    ck_assert(frame.is_retracted);
    ck_assert(read_frame(&frame, "{'type':'message','from':2,'pos':'P','text':''}"));
    ck_assert(!frame.is_retracted);
    ck_assert(!read_frame(&frame, "{'type':'slow','from':2,'seconds':'x'}"));
}
END_TEST

static void expect_order(struct buf *out, int result, const char *same)
{
    ck_assert_int_eq(result, 0);
    ck_assert_msg(json_same((char *)out->data, out->len, same, strlen(same)), "%.*s", (int)out->len,
                  (char *)out->data);
    out->len = 0;
}

START_TEST(orders_of_moderators)
{
    struct buf out;

    buf_init(&out);
    expect_order(&out, v1_kick(&out, 7, STR("")), "{\"type\":\"kick\",\"id\":7}");
    expect_order(&out, v1_kick(&out, CODEC_ID_MAX, STR("a\"b")),
                 "{\"type\":\"kick\",\"id\":9223372036854775807,\"reason\":\"a\\\"b\"}");
    expect_order(&out, v1_ban(&out, 7, 0, STR("")), "{\"type\":\"ban\",\"id\":7,\"ref\":\"7\"}");
    expect_order(&out, v1_ban(&out, 7, 60, STR("x")),
                 "{\"type\":\"ban\",\"id\":7,\"ref\":\"7\",\"seconds\":60,\"reason\":\"x\"}");
    expect_order(&out, v1_slow(&out, 0), "{\"type\":\"slow\",\"seconds\":0}");
    expect_order(&out, v1_retract(&out, STR("P-1")), "{\"type\":\"retract\",\"of\":\"P-1\"}");
    buf_deinit(&out);
}
END_TEST

/* What the server's decoder reads is what was written. */
START_TEST(says_what_the_server_reads)
{
    struct command command;
    struct buf out;

    buf_init(&out);
    ck_assert_int_eq(v1_say(&out, STR("a\"\n\x1b"), 0, STR("r-1")), 0);
    codecs[CODEC_V1]->decode(&command, (char *)out.data, out.len);
    ck_assert_int_eq(command.kind, COMMAND_SAY);
    ck_assert(str_equals(command.text, STR("a\"\n\x1b")) && str_equals(command.ref, STR("r-1")));
    out.len = 0;
    ck_assert_int_eq(v1_say(&out, STR(""), CODEC_ID_MAX, STR("r")), 0);
    codecs[CODEC_V1]->decode(&command, (char *)out.data, out.len);
    ck_assert_int_eq(command.kind, COMMAND_DIRECT);
    ck_assert_uint_eq(command.to, CODEC_ID_MAX);
    out.len = 0;
    ck_assert_int_eq(v1_rename(&out, STR("\xc3\xa9")), 0);
    codecs[CODEC_V1]->decode(&command, (char *)out.data, out.len);
    ck_assert_int_eq(command.kind, COMMAND_RENAME);
    ck_assert(str_equals(command.name, STR("\xc3\xa9")));
    buf_deinit(&out);
}
END_TEST

Suite *suite_v1_client(void)
{
    Suite *suite = suite_create("v1_client");
    TCase *tcase = tcase_create("v1_event");

    tcase_add_test(tcase, reads_a_welcome);
    tcase_add_test(tcase, reads_all_types);
    tcase_add_test(tcase, a_program_has_no_id);
    tcase_add_test(tcase, refuses_what_is_none);
    tcase_add_test(tcase, every_member_must_be_right);
    tcase_add_test(tcase, members_that_are_none_end_the_list);
    tcase_add_test(tcase, reads_what_moderators_did);
    tcase_add_test(tcase, orders_of_moderators);
    tcase_add_test(tcase, says_what_the_server_reads);
    suite_add_tcase(suite, tcase);
    return suite;
}
