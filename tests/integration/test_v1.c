/* The subprotocol wschat.v1: how it is chosen, what its objects look like, what is answered to what
 * is wrong, and direct messages. */
#include "v1.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

Suite *suite_v1(void);

#define A32 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define A64 A32 A32
#define A128 A64 A64

/* ---- Negotiation ---- */

static const char *const offers[] = {
    "Sec-WebSocket-Protocol: wschat.v1\r\n",
    "sec-websocket-protocol:wschat.v1\r\n",
    "Sec-WebSocket-Protocol: chat, wschat.v1\r\n",
    "Sec-WebSocket-Protocol: wschat.v1,chat\r\n",
    "Sec-WebSocket-Protocol: chat ,\twschat.v1 , superchat\r\n",
    "Sec-WebSocket-Protocol: chat\r\nSec-WebSocket-Protocol: wschat.v1\r\n",
    "Sec-WebSocket-Protocol: wschat.v1\r\nSec-WebSocket-Protocol: wschat.v2\r\n",
};

START_TEST(offered_it_is_chosen)
{
    struct server *s = server_start(NULL);

    for (size_t i = 0; i < ARRAY_LEN(offers); i++) {
        struct seat seat = {.id = 1};

        seat.c = client_connect(s);
        ws_request(seat.c, "/ws/1", offers[i]);
        v1_expect_upgrade(seat.c);
        seat_read_welcome(&seat);
        ws_leave(seat.c);
    }
}
END_TEST

static const char *const other_offers[] = {
    "",
    "Sec-WebSocket-Protocol: WSCHAT.V1\r\n",
    "Sec-WebSocket-Protocol: wschat.V1\r\n",
    "Sec-WebSocket-Protocol: wschat.v2\r\n",
    "Sec-WebSocket-Protocol: wschat.v10\r\n",
    "Sec-WebSocket-Protocol: wschat.v\r\n",
    "Sec-WebSocket-Protocol: xwschat.v1\r\n",
    "Sec-WebSocket-Protocol: chat, superchat\r\n",
    "X-WebSocket-Protocol: wschat.v1\r\n",
};

/* Connects; no subprotocol may be chosen. */
static struct client *open_without_protocol(const struct server *s, const char *target,
                                            const char *fields)
{
    struct client *c = client_connect(s);
    struct response *r;

    ws_request(c, target, fields);
    r = response_read(c, false);
    ck_assert_int_eq(r->status, 101);
    ck_assert_ptr_null(response_field(r, "Sec-WebSocket-Protocol"));
    response_free(r);
    return c;
}

START_TEST(otherwise_it_is_plain_text)
{
    struct server *s = server_start(NULL);

    for (size_t i = 0; i < ARRAY_LEN(other_offers); i++) {
        struct client *c = open_without_protocol(s, "/ws/1", other_offers[i]);

        ws_send_text(c, "{\"type\":\"say\",\"text\":\"x\"}");
        ws_expect_text(c, "You wrote: {\"type\":\"say\",\"text\":\"x\"}");
        ws_leave(c);
    }
}
END_TEST

START_TEST(the_echo_has_no_subprotocol)
{
    struct server *s = server_start(NULL);
    struct client *c = open_without_protocol(s, "/ws", V1_FIELDS);

    ws_send_text(c, "x");
    ws_expect_text(c, "Message text was: x");
    ws_leave(c);
}
END_TEST

/* ---- Objects ---- */

START_TEST(a_welcome_says_who_where_and_who_else)
{
    struct server *s = server_start(LIST("--max-message", "1000"));
    struct seat a = {.id = 1700000000000}, b = {.id = 9223372036854775807};
    struct client *text = ws_open(s, "/ws/3?room=r%201&name=t");

    a.c = v1_connect(s, a.id, "room=r+1&name=ada");
    seat_expect(&a, "{'type':'welcome','id':1700000000000,'room':'r 1','name':'ada','pos':'*',"
                    "'recovered':false,'key':'*','count':2,"
                    "'members':[{'id':1700000000000,'name':'ada'},{'id':3,'name':'t'}],"
                    "'limits':{'message':1000}}");
    b.c = v1_connect(s, b.id, "room=r+1");
    seat_expect(&b, "{'type':'welcome','id':9223372036854775807,'room':'r 1','name':'','pos':'*',"
                    "'recovered':false,'key':'*','count':3,"
                    "'members':[{'id':9223372036854775807,'name':''},{'id':3,'name':'t'},"
                    "{'id':1700000000000,'name':'ada'}],'limits':{'message':1000}}");
    seat_expect_presence(&a, "join", b.id, "");
    ws_sync(text);
    ws_leave(b.c);
    seat_expect_presence(&a, "leave", b.id, "");
    client_close(a.c);
    client_close(text);
}
END_TEST

START_TEST(keys_are_long_and_never_the_same)
{
    struct server *s = server_start(NULL);
    char keys[8][V1_TEXT];

    for (int i = 0; i < 8; i++) {
        struct seat *seat = seat_open(s, 1 + (uint64_t)(i & 1), "");

        memcpy(keys[i], seat->key, V1_TEXT);
        ck_assert_uint_ge(strlen(keys[i]), 32);
        for (int j = 0; j < i; j++)
            ck_assert_str_ne(keys[i], keys[j]);
        seat_leave(seat);
    }
}
END_TEST

static const struct {
    const char *sent;     /* the fields of a say */
    const char *received; /* the same as everybody is told */
} says[] = {
    {"'text':'hi','ref':'c-17'", "'text':'hi','ref':'c-17'"},
    {"'ref':'c-17','text':'hi'", "'text':'hi','ref':'c-17'"},
    {"'text':'hi'", "'text':'hi'"},
    {"'text':''", "'text':''"},
    {"'text':'','ref':''", "'text':'','ref':''"},
    {" 'text'\t:\r\n'x' ", "'text':'x'"},
    {"'text':'x','more':[1,{'to':null}],'name':5", "'text':'x'"},
    {"'te\\u0078t':'x'", "'text':'x'"},
    {"'text':'\\u0041\\/\\\\\\'\\b\\f\\n\\r\\t\\u0000\\u001f\\u007f'",
     "'text':'A/\\\\\\'\\b\\f\\n\\r\\t\\u0000\\u001f\x7f'"},
    {"'text':'\\ud83d\\ude00 \xf0\x9f\x98\x80 \\u20ac'",
     "'text':'\xf0\x9f\x98\x80 \xf0\x9f\x98\x80 \xe2\x82\xac'"},
    {"'text':'\\u2028<b>&amp;</b>'", "'text':'\xe2\x80\xa8<b>&amp;</b>'"},
    {"'text':'x','ref':'" A128 "'", "'text':'x','ref':'" A128 "'"},
    {"'text':'x','ref':'\\u20ac'", "'text':'x','ref':'\xe2\x82\xac'"},
};

#define SAID_FORM "{'type':'message','pos':'*','ts':#,'from':1,'name':'ada',%s}"

START_TEST(what_is_said_comes_to_all_with_its_ref)
{
    struct server *s = server_start(NULL);
    struct seat *a = seat_open(s, 1, "name=ada");
    struct seat *b = seat_open(s, 2, "");

    seat_expect_presence(a, "join", 2, "");
    for (size_t i = 0; i < ARRAY_LEN(says); i++) {
        seat_send(a, "{'type':'say',%s}", says[i].sent);
        seat_expect(a, SAID_FORM, says[i].received);
        seat_expect(b, SAID_FORM, says[i].received);
        ck_assert_str_eq(a->pos, b->pos);
    }
    seat_sync(a);
    seat_sync(b);
    seat_drop(a);
    seat_drop(b);
}
END_TEST

START_TEST(a_message_may_come_in_fragments)
{
    struct server *s = server_start(NULL);
    struct seat *seat = seat_open(s, 1, "");

    ws_send(seat->c, false, WS_TEXT, "{\"type\":\"say\",", 14);
    ws_send(seat->c, false, WS_CONTINUATION, "\"text\":\"\xf0\x9f", 10);
    ws_send(seat->c, true, WS_CONTINUATION, "\x98\x80\"}", 4);
    seat_expect_message(seat, 1, "\xf0\x9f\x98\x80");
    seat_leave(seat);
}
END_TEST

START_TEST(a_time_is_in_milliseconds_since_1970)
{
    struct server *s = server_start(NULL);
    struct seat *seat = seat_open(s, 1, "");
    int64_t now = (int64_t)time(NULL) * 1000;
    int64_t ts;
    char *json;

    seat_say(seat, "x");
    json = seat_read(seat);
    ts = (int64_t)v1_number(json, "ts");
    /* A day, for clocks that are set while this runs. */
    ck_assert(ts > now - 86400000 && ts < now + 86400000);
    free(json);
    seat_leave(seat);
}
END_TEST

START_TEST(both_kinds_talk_to_each_other)
{
    struct server *s = server_start(NULL);
    struct client *text = ws_open_chat(s, 1);
    struct seat *seat = seat_open(s, 2, "name=ada");
    struct client *late;

    seat_send(seat, "{'type':'say','text':'a \\'b\\' \\u00e4','ref':'r'}");
    ws_expect_text(text, "Client #2 says: a \"b\" \xc3\xa4");
    free(seat_read(seat));
    ws_send_text(text, "back\\slash \"quote\" \x01");
    ws_expect_text(text, "You wrote: back\\slash \"quote\" \x01");
    seat_expect_message(seat, 1, "back\\\\slash \\'quote\\' \\u0001");
    seat_send(seat, "{'type':'rename','name':'eve'}");
    seat_expect_presence(seat, "rename", 2, "eve");
    late = ws_open_chat(s, 3);
    seat_expect_presence(seat, "join", 3, "");
    ws_sync(text); /* it heard of no rename and no join */
    ws_leave(late);
    seat_expect_presence(seat, "leave", 3, "");
    ws_expect_text(text, "Client #3 left the chat");
    seat_leave(seat);
    ws_expect_text(text, "Client #2 left the chat");
    ws_sync(text);
    client_close(text);
}
END_TEST

START_TEST(with_broadcast_all_an_author_still_gets_it_once)
{
    struct server *s = server_start(LIST("--broadcast", "all"));
    struct client *text = ws_open_chat(s, 1);
    struct seat *seat = seat_open(s, 2, "");

    seat_send(seat, "{'type':'say','text':'hi','ref':'r'}");
    seat_expect(seat,
                "{'type':'message','pos':'*','ts':#,'from':2,'name':'','text':'hi','ref':'r'}");
    ws_expect_text(text, "Client #2 says: hi");
    ws_send_text(text, "yo");
    ws_expect_text(text, "You wrote: yo");
    ws_expect_text(text, "Client #1 says: yo");
    seat_expect_message(seat, 1, "yo");
    seat_sync(seat);
    ws_sync(text);
    seat_drop(seat);
    client_close(text);
}
END_TEST

START_TEST(who_comes_goes_and_renames_is_told_to_the_others)
{
    struct server *s = server_start(NULL);
    struct seat *a = seat_open(s, 1, "");
    struct seat *b = seat_open(s, 2, "name=b");

    seat_sync(b); /* it hears nothing of its own coming */
    seat_expect_presence(a, "join", 2, "b");
    seat_send(b, "{'type':'rename','name':'" A64 "'}");
    seat_expect_presence(a, "rename", 2, A64);
    seat_expect_presence(b, "rename", 2, A64);
    seat_send(b, "{'type':'say','text':'x'}");
    seat_expect(a, "{'type':'message','pos':'*','ts':#,'from':2,'name':'" A64 "','text':'x'}");
    free(seat_read(b));
    seat_send(b, "{'type':'rename','name':'','ref':'n'}");
    seat_expect_presence(a, "rename", 2, "");
    free(seat_read(b));
    seat_leave(b);
    seat_expect_presence(a, "leave", 2, "");
    seat_sync(a);
    seat_drop(a);
}
END_TEST

START_TEST(a_new_name_is_in_the_next_welcome)
{
    struct server *s = server_start(NULL);
    struct seat *a = seat_open(s, 1, "name=old");
    struct seat b = {.id = 2};

    seat_send(a, "{'type':'rename','name':'new'}");
    seat_expect_presence(a, "rename", 1, "new");
    b.c = v1_connect(s, 2, "");
    seat_expect(&b, "{'type':'welcome','id':2,'room':'lobby','name':'','pos':'*',"
                    "'recovered':false,'key':'*','count':2,"
                    "'members':[{'id':2,'name':''},{'id':1,'name':'new'}],"
                    "'limits':{'message':65536}}");
    seat_drop(a);
    client_close(b.c);
}
END_TEST

/* ---- Errors ---- */

static const struct {
    const char *sent;
    const char *code;
    const char *ref;
} wrong[] = {
    {"", "bad-json", NULL},
    {" ", "bad-json", NULL},
    {"hello", "bad-json", NULL},
    {"{", "bad-json", NULL},
    {"{}x", "bad-json", NULL},
    {"[]", "bad-json", NULL},
    {"null", "bad-json", NULL},
    {"'say'", "bad-json", NULL},
    {"{'type':'say','text':'x',}", "bad-json", NULL},
    {"{'type':'say' 'text':'x'}", "bad-json", NULL},
    {"{'type':'say','text':'x'}{'type':'say','text':'x'}", "bad-json", NULL},
    {"{'type':'say','text':'a','text':'b'}", "bad-json", NULL},
    {"{'type':'say','text':'a','te\\u0078t':'b'}", "bad-json", NULL},
    {"{'type':'say','text':'a','x':1,'x':2}", "bad-json", NULL},
    {"{'type':'say','text':'\\ud83d'}", "bad-json", NULL},
    {"{'type':'say','text':'\\ude00\\ud83d'}", "bad-json", NULL},
    {"{'type':'say','text':'\\x'}", "bad-json", NULL},
    {"{'type':'say','text':'\\u12g4'}", "bad-json", NULL},
    {"{'type':'say','text':'a\nb'}", "bad-json", NULL},
    {"{'type':'say','text':'x','n':01}", "bad-json", NULL},
    {"{'type':'say','text':'x','n':NaN}", "bad-json", NULL},
    {"{'type':'say','text':'x','n':[[[[[[[[1]]]]]]]]}", "bad-json", NULL},
    {"{}", "bad-type", NULL},
    {"{'ref':'r'}", "bad-type", "r"},
    {"{'type':1,'ref':'r'}", "bad-type", "r"},
    {"{'type':null,'text':'x'}", "bad-type", NULL},
    {"{'type':'','ref':'r'}", "bad-type", "r"},
    {"{'type':'Say','text':'x','ref':'r'}", "bad-type", "r"},
    {"{'type':'shout','text':'x','ref':''}", "bad-type", ""},
    {"{'type':'message','text':'x'}", "bad-type", NULL},
    {"{'type':'say','data':[1,],'ref':'r'}", "bad-json", NULL},
    {"{'type':'say','text':5,'data':1,'ref':'r'}", "bad-text", "r"},
    {"{'type':'say','text':'x','re':1,'ref':'r'}", "bad-re", "r"},
    {"{'type':'say','text':'x','re':'0123456789abcdef-1','ref':'r'}", "no-such-message", "r"},
    {"{'type':'react','to':'0123456789abcdef-1','emoji':'+','ref':'r'}", "no-such-message", "r"},
    {"{'type':'react','to':1,'emoji':'+','ref':'r'}", "bad-to", "r"},
    {"{'type':'react','to':'0123456789abcdef-1','emoji':'++','ref':'r'}", "bad-emoji", "r"},
    {"{'type':'react','to':'0123456789abcdef-1','emoji':'+','on':1,'ref':'r'}", "bad-on", "r"},
    {"{'type':'typing','ref':'r'}", "typing-off", "r"},
    {"{'type':'unread','since':'0123456789abcdef-1','ref':'r'}", "bad-room", "r"},
    {"{'type':'unread','room':'tea','ref':'r'}", "bad-since", "r"},
    {"{'type':'history','limit':5,'ref':'r'}", "bad-before", "r"},
    {"{'type':'history','before':5,'limit':5,'ref':'r'}", "bad-before", "r"},
    {"{'type':'history','before':'x-1','limit':5,'ref':'r'}", "bad-before", "r"},
    {"{'type':'history','before':'0123456789abcdef-1','ref':'r'}", "bad-limit", "r"},
    {"{'type':'history','before':'0123456789abcdef-1','limit':201,'ref':'r'}", "bad-limit", "r"},
    {"{'type':'say'}", "bad-text", NULL},
    {"{'type':'say','ref':'r'}", "bad-text", "r"},
    {"{'type':'say','text':5,'ref':'r'}", "bad-text", "r"},
    {"{'type':'say','text':null,'ref':'r'}", "bad-text", "r"},
    {"{'type':'say','text':['x'],'ref':'r'}", "bad-text", "r"},
    {"{'type':'say','text':'x','ref':5}", "bad-ref", NULL},
    {"{'type':'say','text':'x','ref':null}", "bad-ref", NULL},
    {"{'type':'say','text':'x','ref':'" A128 "a'}", "bad-ref", NULL},
    {"{'type':'say','text':'x','to':'2','ref':'r'}", "bad-to", "r"},
    {"{'type':'say','text':'x','to':0,'ref':'r'}", "bad-to", "r"},
    {"{'type':'say','text':'x','to':-2,'ref':'r'}", "bad-to", "r"},
    {"{'type':'say','text':'x','to':2.0,'ref':'r'}", "bad-to", "r"},
    {"{'type':'say','text':'x','to':2e0,'ref':'r'}", "bad-to", "r"},
    {"{'type':'say','text':'x','to':null,'ref':'r'}", "bad-to", "r"},
    {"{'type':'say','text':'x','to':9223372036854775808,'ref':'r'}", "bad-to", "r"},
    {"{'type':'say','text':'x','to':18446744073709551618,'ref':'r'}", "bad-to", "r"},
    {"{'type':'say','text':'x','to':9223372036854775807,'ref':'r'}", "no-such-client", "r"},
    {"{'type':'say','text':'x','to':3}", "no-such-client", NULL},
    {"{'type':'rename','ref':'r'}", "bad-name", "r"},
    {"{'type':'rename','name':7,'ref':'r'}", "bad-name", "r"},
    {"{'type':'rename','name':null,'ref':'r'}", "bad-name", "r"},
    {"{'type':'rename','name':'" A64 "a','ref':'r'}", "bad-name", "r"},
    {"{'type':'rename','name':'a\\u0000','ref':'r'}", "bad-name", "r"},
    {"{'type':'rename','name':'\\n','ref':'r'}", "bad-name", "r"},
    {"{'type':'rename','name':'\\u007f','ref':'r'}", "bad-name", "r"},
    {"{'type':'rename','name':'\\u0085','ref':'r'}", "bad-name", "r"},
};

/* Scrolling up: from the newest to the first, and a reader of plain text sees nothing of it. */
START_TEST(history_page_by_page)
{
    struct server *s = server_start(NULL);
    struct client *text = ws_open_chat(s, 7);
    struct seat *seat = seat_open(s, 1, "");
    char pos[5][V1_TEXT];

    for (size_t i = 0; i < 5; i++) {
        seat_send(seat, "{'type':'say','text':'%zu'}", i);
        seat_expect(seat, "{'type':'message','pos':'*','ts':#,'from':1,'name':'','text':'%zu'}", i);
        snprintf(pos[i], sizeof(pos[i]), "%s", seat->pos);
    }
    seat_send(seat, "{'type':'history','before':'%s','limit':2,'ref':'a'}", pos[4]);
    seat_expect(seat,
                "{'type':'history','events':["
                "{'type':'message','pos':'%s','ts':#,'from':1,'name':'','text':'2'},"
                "{'type':'message','pos':'%s','ts':#,'from':1,'name':'','text':'3'}],"
                "'end':false,'ref':'a'}",
                pos[2], pos[3]);
    seat_send(seat, "{'type':'history','before':'%s','limit':200}", pos[2]);
    seat_expect(seat,
                "{'type':'history','events':["
                "{'type':'message','pos':'%s','ts':#,'from':1,'name':'','text':'0'},"
                "{'type':'message','pos':'%s','ts':#,'from':1,'name':'','text':'1'}],"
                "'end':true}",
                pos[0], pos[1]);
    seat_send(seat, "{'type':'ping','ref':'alive'}");
    seat_expect(seat, "{'type':'pong','ref':'alive'}");
    for (int i = 0; i < 5; i++)
        ws_expect_text(text, "Client #1 says: %d", i);
    seat_leave(seat);
    client_close(text);
    server_stop(s);
}
END_TEST

/* A reply, data, a reaction and typing, as two clients see them, and one of plain text. */
START_TEST(replies_data_reactions_and_typing)
{
    struct server *s = server_start(LIST("--typing"));
    struct client *text = ws_open_chat(s, 7);
    struct seat *ada = seat_open(s, 1, ""), *eve, *late;
    char first[V1_TEXT];

    eve = seat_open(s, 2, "");
    seat_expect_presence(ada, "join", 2, "");
    seat_say(ada, "hello");
    seat_expect_message(ada, 1, "hello");
    seat_expect_message(eve, 1, "hello");
    snprintf(first, sizeof(first), "%s", ada->pos);
    seat_send(eve, "{'type':'typing'}");
    seat_expect(ada, "{'type':'typing','from':2,'name':''}");
    seat_expect(eve, "{'type':'typing','from':2,'name':''}");
    seat_send(eve, "{'type':'say','re':'%s','data': {'a' : [1, 2]},'ref':'d'}", first);
    seat_expect(ada,
                "{'type':'message','pos':'*','ts':#,'from':2,'name':'','re':'%s',"
                "'data':{'a':[1,2]},'ref':'d'}",
                first);
    free(seat_read(eve));
    seat_send(eve, "{'type':'react','to':'%s','emoji':'\xf0\x9f\x91\x8d','ref':'r'}", first);
    seat_expect(ada,
                "{'type':'react','pos':'*','ts':#,'from':2,'name':'','to':'%s',"
                "'emoji':'\xf0\x9f\x91\x8d','on':true,'ref':'r'}",
                first);
    late = seat_open(s, 3, "history=5");
    seat_expect(late,
                "{'type':'message','pos':'%s','ts':#,'from':1,'name':'','text':'hello',"
                "'reactions':{'\xf0\x9f\x91\x8d':[2]}}",
                first);
    seat_expect(late,
                "{'type':'message','pos':'*','ts':#,'from':2,'name':'','re':'%s',"
                "'data':{'a':[1,2]},'ref':'d'}",
                first);
    seat_say(ada, "bye");
    ws_expect_text(text, "Client #1 says: hello");
    ws_expect_text(text, "Client #1 says: bye");
    client_close(text);
    seat_drop(ada);
    seat_drop(eve);
    seat_drop(late);
    server_stop(s);
}
END_TEST

START_TEST(what_is_wrong_is_an_error_and_the_connection_stays)
{
    struct server *s = server_start(LIST("--rate", "0", "--rate-bytes", "0"));
    struct seat *seat = seat_open(s, 1, "");
    struct seat *other = seat_open(s, 2, "");

    seat_expect_presence(seat, "join", 2, "");
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        seat_send(seat, "%s", wrong[i].sent);
        seat_expect_error(seat, wrong[i].code, wrong[i].ref);
        seat_say(seat, "still here");
        seat_expect_message(seat, 1, "still here");
        seat_expect_message(other, 1, "still here");
    }
    seat_drop(seat);
    seat_drop(other);
}
END_TEST

/* ---- Control frames ---- */

#define TOLD "{'type':'wire','by':'%s','frame':'%s','count':1,'length':%u,'hex':'%s'}"

/* Skips pings until the next text, which must match; whether a ping came just before it. */
static bool expect_told(struct seat *seat, const char *template)
{
    bool is_ping = false, was_ping;
    struct frame frame;
    bool matches;

    do {
        was_ping = is_ping;
        ck_assert(ws_read(seat->c, &frame));
        is_ping = frame.opcode == WS_PING;
        matches = !is_ping && v1_matches(template, frame.data);
        free(frame.data);
    } while (!matches);
    return was_ping;
}

START_TEST(the_servers_pings_are_told_to_who_asks)
{
    struct server *s = server_start(LIST("--ping-interval", "1", "--ping-timeout", "600"));
    struct seat *seat = seat_open(s, 1, "");

    seat_send(seat, "{'type':'wire','ref':'w'}");
    expect_told(seat, "{'type':'wire','on':true,'ref':'w'}");
    ck_assert(expect_told(seat, "{'type':'wire','by':'server','frame':'ping','count':1,"
                                "'length':0,'hex':''}"));
    ws_send(seat->c, true, WS_PONG, "late", 4);
    expect_told(seat, "{'type':'wire','by':'client','frame':'pong','count':1,'length':4,"
                      "'hex':'6c617465'}");
    seat_drop(seat);
}
END_TEST

START_TEST(the_clients_pings_are_told_to_who_asks)
{
    struct server *s = server_start(NULL);
    struct seat *seat = seat_open(s, 1, "");

    seat_send(seat, "{'type':'wire','on':true}");
    seat_expect(seat, "{'type':'wire','on':true}");
    ws_send(seat->c, true, WS_PING, "\x01\xff", 2);
    ws_expect_frame(seat->c, WS_PONG, "\x01\xff", 2);
    seat_expect(seat, TOLD, "client", "ping", 2, "01ff");
    seat_expect(seat, TOLD, "server", "pong", 2, "01ff");
    seat_send(seat, "{'type':'wire','on':false}");
    seat_expect(seat, "{'type':'wire','on':false}");
    ws_sync(seat->c);
    seat_say(seat, "nothing more");
    seat_expect_message(seat, 1, "nothing more");
    seat_drop(seat);
}
END_TEST

/* In one read with a message behind it. */
START_TEST(control_frames_are_told_in_front_of_what_follows)
{
    static const char command[] = "{\"type\":\"ping\",\"ref\":\"r\"}";
    struct server *s = server_start(NULL);
    struct seat *seat = seat_open(s, 1, "");
    struct buf both;

    seat_send(seat, "{'type':'wire'}");
    seat_expect(seat, "{'type':'wire','on':true}");
    buf_init(&both);
    ws_append(&both, true, WS_PING, "x", 1);
    ws_append(&both, true, WS_TEXT, command, sizeof(command) - 1);
    client_send(seat->c, both.data, both.len);
    buf_deinit(&both);
    ws_expect_frame(seat->c, WS_PONG, "x", 1);
    seat_expect(seat, TOLD, "client", "ping", 1, "78");
    seat_expect(seat, TOLD, "server", "pong", 1, "78");
    seat_expect(seat, "{'type':'pong','ref':'r'}");
    seat_drop(seat);
}
END_TEST

/* As many as there were, in no more messages than may be said. */
START_TEST(many_control_frames_are_told_in_few_messages)
{
    struct server *s = server_start(LIST("--burst", "20", "--rate", "20"));
    struct seat *seat = seat_open(s, 1, "");
    uint64_t pings = 0, pongs = 0;
    unsigned echoes = 0, told = 0;
    struct frame frame;
    struct buf flood;

    buf_init(&flood);
    for (int i = 0; i < 1000; i++)
        ws_append(&flood, true, WS_PING, NULL, 0);
    seat_send(seat, "{'type':'wire'}");
    seat_expect(seat, "{'type':'wire','on':true}");
    client_send(seat->c, flood.data, is_tiny() ? 50 * 6 : flood.len);
    while (echoes < (is_tiny() ? 50 : 1000) || pongs < echoes) {
        ck_assert(ws_read(seat->c, &frame));
        echoes += frame.opcode == WS_PONG;
        if (frame.opcode == WS_TEXT) {
            told++;
            *(strstr(frame.data, "\"by\":\"client\"") != NULL ? &pings : &pongs) +=
                v1_number(frame.data, "count");
        }
        free(frame.data);
    }
    ck_assert_uint_eq(pings, echoes);
    ck_assert_uint_eq(pongs, echoes);
    if (!is_tiny())
        ck_assert_uint_lt(told, 200);
    buf_deinit(&flood);
    seat_drop(seat);
}
END_TEST

START_TEST(closes_are_told_while_there_is_time)
{
    struct server *s = server_start(LIST("--max-message", "100"));
    struct seat *seat = seat_open(s, 1, ""), *other = seat_open(s, 2, "");
    char text[128];

    seat_expect_presence(seat, "join", 2, "");
    seat_send(seat, "{'type':'wire'}");
    seat_expect(seat, "{'type':'wire','on':true}");
    ws_send_close(seat->c, 4321, "bye");
    seat_expect(seat, "{'type':'wire','by':'client','frame':'close','code':4321,'count':1,"
                      "'length':5,'hex':'10e1627965'}");
    seat_expect(seat, "{'type':'wire','by':'server','frame':'close','code':4321,'count':1,"
                      "'length':5,'hex':'10e1627965'}");
    ws_expect_close_reply(seat->c, 4321);
    free(seat);
    seat_expect_presence(other, "leave", 1, "");
    seat_send(other, "{'type':'wire'}");
    seat_expect(other, "{'type':'wire','on':true}");
    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    seat_say(other, text);
    seat_expect(other, "{'type':'wire','by':'server','frame':'close','code':1009,'count':1,"
                       "'length':#,'hex':'03f1*'}");
    ws_expect_close(other->c, 1009);
    free(other);
}
END_TEST

START_TEST(a_text_client_cannot_be_wrong)
{
    struct server *s = server_start(NULL);
    struct client *c = ws_open_chat(s, 1);

    ws_send_text(c, "{");
    ws_expect_text(c, "You wrote: {");
    ws_leave(c);
}
END_TEST

START_TEST(binary_is_1003_and_leaves)
{
    struct server *s = server_start(LIST("--leave-grace", "600"));
    struct seat *seat = seat_open(s, 1, "");
    struct seat *other = seat_open(s, 2, "history=0");

    seat_expect_presence(seat, "join", 2, "");
    ws_send(seat->c, true, WS_BINARY, "{\"type\":\"say\",\"text\":\"x\"}", 25);
    ws_expect_close(seat->c, 1003);
    free(seat);
    seat_expect_presence(other, "leave", 1, "");
    seat_sync(other);
    seat_drop(other);
}
END_TEST

START_TEST(the_limit_of_the_welcome_holds)
{
    struct server *s = server_start(LIST("--max-message", "100"));
    struct seat *seat = seat_open(s, 1, "");
    char text[128];

    /* 24 bytes stand around the text. */
    memset(text, 'x', sizeof(text));
    text[76] = '\0';
    seat_say(seat, text);
    seat_expect_message(seat, 1, text);
    text[76] = 'x';
    text[77] = '\0';
    seat_say(seat, text);
    ws_expect_close(seat->c, 1009);
    free(seat);
}
END_TEST

START_TEST(a_message_grows_when_it_is_escaped)
{
    struct server *s = server_start(LIST("--max-message", "60000"));
    struct client *text = ws_open_chat(s, 1);
    struct seat *seat = seat_open(s, 2, "");
    static char controls[60000];
    struct frame frame;

    memset(controls, 1, sizeof(controls));
    ws_send(text, true, WS_TEXT, controls, sizeof(controls));
    ck_assert(ws_read(seat->c, &frame));
    ck_assert_uint_gt(frame.len, 6 * sizeof(controls));
    for (size_t i = 0; i < sizeof(controls); i += 5000)
        ck_assert_ptr_nonnull(strstr(frame.data + 6 * i, "\\u0001"));
    free(frame.data);
    seat_sync(seat);
    seat_drop(seat);
    client_close(text);
}
END_TEST

/* ---- Direct messages ---- */

#define DIRECT_FORM "{'type':'direct','ts':#,'from':%d,'to':%d,'name':'%s','text':'psst','ref':'r'}"

START_TEST(a_direct_message_is_for_two)
{
    struct server *s = server_start(NULL);
    struct seat *third = seat_open(s, 3, "");
    struct client *text = ws_open_chat(s, 4);
    struct seat *a = seat_open(s, 1, "name=ada");
    struct seat *b = seat_open(s, 2, "");
    struct seat *late;

    seat_expect_presence(a, "join", 2, "");
    seat_send(a, "{'type':'say','text':'psst','to':2,'ref':'r'}");
    seat_expect(a, DIRECT_FORM, 1, 2, "ada");
    seat_expect(b, DIRECT_FORM, 1, 2, "ada");
    seat_send(b, "{'type':'say','to':1,'text':'back'}");
    seat_expect(a, "{'type':'direct','ts':#,'from':2,'to':1,'name':'','text':'back'}");
    seat_expect(b, "{'type':'direct','ts':#,'from':2,'to':1,'name':'','text':'back'}");
    seat_expect_presence(third, "join", 4, "");
    seat_expect_presence(third, "join", 1, "ada");
    seat_expect_presence(third, "join", 2, "");
    seat_sync(third);
    ws_sync(text);
    late = seat_open(s, 5, "history=100");
    seat_sync(late); /* it is not in the history either */
    seat_drop(a);
    seat_drop(b);
    seat_drop(late);
    seat_drop(third);
    client_close(text);
}
END_TEST

START_TEST(a_direct_message_to_oneself_comes_once)
{
    struct server *s = server_start(NULL);
    struct seat *seat = seat_open(s, 1, "name=ada");

    seat_send(seat, "{'type':'say','text':'psst','to':1,'ref':'r'}");
    seat_expect(seat, DIRECT_FORM, 1, 1, "ada");
    seat_sync(seat);
    seat_drop(seat);
}
END_TEST

START_TEST(a_text_client_is_whispered_to)
{
    struct server *s = server_start(NULL);
    struct client *text = ws_open_chat(s, 4);
    struct client *other = ws_open_chat(s, 5);
    struct seat *seat = seat_open(s, 1, "name=ada");

    seat_send(seat, "{'type':'say','text':'psst','to':4,'ref':'r'}");
    seat_expect(seat, DIRECT_FORM, 1, 4, "ada");
    ws_expect_text(text, "Client #1 whispers: psst");
    ws_sync(text);
    ws_sync(other);
    client_close(text);
    client_close(other);
    seat_drop(seat);
}
END_TEST

START_TEST(only_somebody_in_the_room_can_be_told)
{
    struct server *s = server_start(LIST("--leave-grace", "600"));
    struct seat *seat = seat_open(s, 1, "room=a");
    struct seat *elsewhere = seat_open(s, 2, "room=b");
    struct seat *away = seat_open(s, 3, "room=a");
    struct seat *gone = seat_open(s, 4, "room=a");

    seat_expect_presence(seat, "join", 3, "");
    seat_expect_presence(seat, "join", 4, "");
    seat_send(seat, "{'type':'say','text':'x','to':2,'ref':'r'}");
    seat_expect_error(seat, "no-such-client", "r");
    seat_send(seat, "{'type':'say','text':'x','to':99,'ref':'r'}");
    seat_expect_error(seat, "no-such-client", "r");
    seat_leave(gone);
    seat_expect_presence(seat, "leave", 4, "");
    seat_send(seat, "{'type':'say','text':'x','to':4}");
    seat_expect_error(seat, "no-such-client", NULL);
    seat_break(away);
    seat_await_away(seat, 3);
    seat_sync(elsewhere);
    seat_drop(away);
    seat_drop(elsewhere);
    seat_drop(seat);
}
END_TEST

/* Bytes of a message to somebody who does not read, and far more of them than sockets hold. */
#define STALL_TEXT 20000
#define STALL_MOST 5000

/* One direct message of number `i`. Returns false where the receiver is busy. */
static bool tell_stalled(struct seat *seat, int i, const char *padding)
{
    bool was_told;
    char *json;

    seat_send(seat, "{'type':'say','to':2,'text':'%s','ref':'%d'}", padding, i);
    json = seat_read(seat);
    was_told = strstr(json, "\"type\":\"direct\"") != NULL;
    if (!was_told)
        ck_assert(v1_matches("{'type':'error','code':'busy','text':'*','ref':'#'}", json));
    ck_assert_ptr_nonnull(strstr(json, "\"ref\":\""));
    free(json);
    return was_told;
}

START_TEST(who_reads_nothing_is_busy_and_gets_all_that_was_acknowledged)
{
    struct server *s = server_start(LIST("--rate", "0", "--rate-bytes", "0", "--max-lag", "64k"));
    struct seat *seat = seat_open(s, 1, "");
    struct seat stalled = {.id = 2, .c = client_connect_small(s, 4096)};
    static char padding[STALL_TEXT + 1];
    char ref[V1_TEXT];
    int told = 0;

    memset(padding, 'x', STALL_TEXT);
    ws_request(stalled.c, "/ws/2", V1_FIELDS);
    v1_expect_upgrade(stalled.c);
    seat_read_welcome(&stalled);
    seat_expect_presence(seat, "join", 2, "");
    while (tell_stalled(seat, told, padding))
        ck_assert_int_lt(++told, STALL_MOST);
    seat_sync(seat);
    for (int i = 0; i < told; i++) {
        char *json = seat_read(&stalled);

        v1_string(json, "ref", ref);
        ck_assert_int_eq(atoi(ref), i);
        free(json);
    }
    seat_sync(&stalled);
    ck_assert(tell_stalled(seat, told, "go on"));
    seat_expect(&stalled,
                "{'type':'direct','ts':#,'from':1,'to':2,'name':'','text':'go on','ref':'%d'}",
                told);
    client_close(stalled.c);
    seat_drop(seat);
}
END_TEST

/* Floods until the server has given up on the stalled client 2. Returns how many messages went. */
static int flood_stalled(struct seat *seat, const char *padding)
{
    bool is_away = false;
    int said = 0;

    while (!is_away) {
        char *json;

        ck_assert_int_lt(said, STALL_MOST);
        seat_send(seat, "{'type':'say','text':'%s','ref':'%d'}", padding, said++);
        free(seat_read(seat));
        seat_send(seat, "{'type':'say','text':'','to':2}");
        json = seat_read(seat);
        is_away = strstr(json, "\"away\"") != NULL;
        free(json);
    }
    return said;
}

START_TEST(who_falls_behind_keeps_the_seat_and_is_told_what_is_missing)
{
    struct server *s =
        server_start(LIST("--rate=0", "--rate-bytes=0", "--max-lag=64k", "--leave-grace=600"));
    struct seat *seat = seat_open(s, 1, "");
    struct seat stalled = {.id = 2, .c = client_connect_small(s, 4096)};
    static char padding[STALL_TEXT + 1];
    char key[V1_TEXT];
    int said, next = -1;

    memset(padding, 'x', STALL_TEXT);
    ws_request(stalled.c, "/ws/2", V1_FIELDS);
    v1_expect_upgrade(stalled.c);
    seat_read_welcome(&stalled);
    memcpy(key, stalled.key, sizeof(key));
    seat_expect_presence(seat, "join", 2, "");
    said = flood_stalled(seat, padding);
    client_close(stalled.c);
    seat_connect(&stalled, s, "");
    seat_read_welcome(&stalled);
    ck_assert(!stalled.recovered);
    ck_assert_str_eq(stalled.key, key);
    /* The last messages, as many as it may lag behind. */
    do {
        char ref[V1_TEXT];
        char *json = seat_read(&stalled);

        v1_string(json, "ref", ref);
        ck_assert(next < 0 || atoi(ref) == next);
        next = atoi(ref) + 1;
        free(json);
    } while (next < said);
    seat_sync(&stalled);
    seat_sync(seat); /* it heard of no leave and no join */
    client_close(stalled.c);
    seat_drop(seat);
}
END_TEST

Suite *suite_v1(void)
{
    Suite *suite = suite_create("v1");
    TCase *negotiation = harness_case(suite, "negotiation");
    TCase *objects = harness_case(suite, "objects");
    TCase *errors = harness_case(suite, "errors");
    TCase *direct = harness_case(suite, "direct");
    TCase *wire = harness_case(suite, "wire");

    tcase_add_test(negotiation, offered_it_is_chosen);
    tcase_add_test(negotiation, otherwise_it_is_plain_text);
    tcase_add_test(negotiation, the_echo_has_no_subprotocol);
    tcase_add_test(objects, a_welcome_says_who_where_and_who_else);
    tcase_add_test(objects, keys_are_long_and_never_the_same);
    tcase_add_test(objects, what_is_said_comes_to_all_with_its_ref);
    tcase_add_test(objects, a_message_may_come_in_fragments);
    tcase_add_test(objects, a_time_is_in_milliseconds_since_1970);
    tcase_add_test(objects, both_kinds_talk_to_each_other);
    tcase_add_test(objects, with_broadcast_all_an_author_still_gets_it_once);
    tcase_add_test(objects, who_comes_goes_and_renames_is_told_to_the_others);
    tcase_add_test(objects, a_new_name_is_in_the_next_welcome);
    tcase_add_test(errors, what_is_wrong_is_an_error_and_the_connection_stays);
    tcase_add_test(errors, history_page_by_page);
    tcase_add_test(errors, replies_data_reactions_and_typing);
    tcase_add_test(wire, the_servers_pings_are_told_to_who_asks);
    tcase_add_test(wire, the_clients_pings_are_told_to_who_asks);
    tcase_add_test(wire, control_frames_are_told_in_front_of_what_follows);
    tcase_add_test(wire, many_control_frames_are_told_in_few_messages);
    tcase_add_test(wire, closes_are_told_while_there_is_time);
    tcase_add_test(errors, a_text_client_cannot_be_wrong);
    tcase_add_test(errors, binary_is_1003_and_leaves);
    tcase_add_test(errors, the_limit_of_the_welcome_holds);
    tcase_add_test(errors, a_message_grows_when_it_is_escaped);
    tcase_add_test(direct, a_direct_message_is_for_two);
    tcase_add_test(direct, a_direct_message_to_oneself_comes_once);
    tcase_add_test(direct, a_text_client_is_whispered_to);
    tcase_add_test(direct, only_somebody_in_the_room_can_be_told);
    tcase_add_test(direct, who_reads_nothing_is_busy_and_gets_all_that_was_acknowledged);
    tcase_add_test(direct, who_falls_behind_keeps_the_seat_and_is_told_what_is_missing);
    return suite;
}
