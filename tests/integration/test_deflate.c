/* Compression (permessage-deflate): what the echo sends back, and the one that all readers of a
 * room share. Each client here unpacks with a zlib of its own. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "exposition.h"
#include "joiner.h"
#include "v1.h"

Suite *suite_deflate(void);

#define AGREED "permessage-deflate; client_no_context_takeover"
#define OFFER(parameters) "Sec-WebSocket-Extensions: permessage-deflate" parameters "\r\n"
#define MESSAGE_MAX 300000

/* A client that remembers what was packed. */
struct receiver {
    struct client *c;
    z_stream z;
    size_t wire;      /* bytes of its last frame, the header included */
    bool was_packed;  /* was that compressed? */
    unsigned packed;  /* frames that were */
    unsigned expects; /* the number of the next message; 0: any */
    uint64_t id;
};

static void receiver_init(struct receiver *r, struct client *c)
{
    *r = (struct receiver){.c = c};
    ck_assert_int_eq(inflateInit2(&r->z, -15), Z_OK);
}

static void receiver_leave(struct receiver *r)
{
    client_close(r->c);
    inflateEnd(&r->z);
}

static struct receiver *receiver_enter(const struct server *s, uint64_t id, const char *fields)
{
    struct receiver *r = malloc(sizeof(*r));
    char target[64];

    ck_assert_ptr_nonnull(r);
    snprintf(target, sizeof(target), "/ws/%llu?history=0", (unsigned long long)id);
    receiver_init(r, client_connect(s));
    ws_request(r->c, target, fields);
    v1_expect_upgrade(r->c);
    r->id = id;
    return r;
}

static void receiver_free(struct receiver *r)
{
    receiver_leave(r);
    free(r);
}

static char *receiver_unpack(struct receiver *r, uint8_t *packed, size_t len, size_t *plain_len)
{
    char *plain = malloc(MESSAGE_MAX);

    ck_assert_ptr_nonnull(plain);
    memcpy(packed + len, "\x00\x00\xff\xff", 4);
    r->z.next_in = packed;
    r->z.avail_in = (uInt)len + 4;
    r->z.next_out = (Bytef *)plain;
    r->z.avail_out = MESSAGE_MAX - 1;
    ck_assert_int_eq(inflate(&r->z, Z_SYNC_FLUSH), Z_OK);
    ck_assert_uint_eq(r->z.avail_in, 0);
    *plain_len = MESSAGE_MAX - 1 - r->z.avail_out;
    plain[*plain_len] = '\0';
    return plain;
}

/* The next message, NUL-terminated. */
static char *receiver_read(struct receiver *r, size_t *plain_len)
{
    struct ws_frame_header h;
    uint8_t *payload;
    char *text;
    int size = 0;

    while (r->c->in.len == 0 || (size = ws_frame_decode(&h, r->c->in.data, r->c->in.len)) == 0)
        ck_assert(client_fill(r->c, r->c->in.len + 1));
    ck_assert_int_gt(size, 0);
    ck_assert(h.fin && !h.masked && (h.opcode == WS_TEXT || h.opcode == WS_BINARY));
    ck_assert(h.rsv == 0 || h.rsv == WS_RSV1);
    ck_assert(client_fill(r->c, (size_t)size + h.length));
    payload = malloc(h.length + 5);
    ck_assert_ptr_nonnull(payload);
    memcpy(payload, r->c->in.data + size, h.length);
    r->wire = (size_t)size + h.length;
    r->was_packed = h.rsv != 0;
    r->packed += r->was_packed;
    buf_consume(&r->c->in, r->wire);
    *plain_len = h.length;
    payload[h.length] = '\0';
    if (!r->was_packed)
        return (char *)payload;
    text = receiver_unpack(r, payload, h.length, plain_len);
    free(payload);
    return text;
}

/* The next message of that type. */
static char *receiver_await(struct receiver *r, const char *type)
{
    char wanted[64];
    size_t len;

    snprintf(wanted, sizeof(wanted), "{\"type\":\"%s\"", type);
    for (;;) {
        char *json = receiver_read(r, &len);

        if (strncmp(json, wanted, strlen(wanted)) == 0)
            return json;
        free(json);
    }
}

/* ---- the echo ---- */

static const size_t sizes[] = {0, 1, 16, 125, 126, 1000, 65536, 131072, 262144};

/* Words, noise, and one letter. */
static void fill(char *out, size_t len, unsigned how)
{
    uint32_t seed = 7;

    for (size_t i = 0; i < len; i++) {
        seed = seed * 1664525u + 1013904223u;
        out[i] = how == 0   ? "the quick brown fox "[seed >> 24 & 15]
                 : how == 1 ? (char)(seed >> 24)
                            : 'x';
    }
}

static void expect_echo(struct receiver *r, unsigned how)
{
    static char data[262144];

    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        size_t len;
        char *back;

        fill(data, sizes[i], how);
        ws_send(r->c, false, WS_BINARY, data, sizes[i] / 3);
        ws_send(r->c, true, WS_CONTINUATION, data + sizes[i] / 3, sizes[i] - sizes[i] / 3);
        back = receiver_read(r, &len);
        ck_assert_uint_eq(len, sizes[i]);
        ck_assert_mem_eq(back, data, len);
        ck_assert_uint_le(r->wire, len + ws_frame_header_size(len, false));
        ck_assert(how == 1 || sizes[i] < 100 || r->wire < len);
        free(back);
    }
}

static const char *const windows[][2] = {
    {OFFER(""), AGREED},
    {OFFER("; client_max_window_bits"), AGREED},
    {OFFER("; server_no_context_takeover"), AGREED "; server_no_context_takeover"},
    {OFFER("; server_max_window_bits=8"), AGREED "; server_max_window_bits=8"},
    {OFFER("; server_max_window_bits=11; client_max_window_bits=9"),
     AGREED "; server_max_window_bits=11"},
    {OFFER("; server_max_window_bits=15"), AGREED "; server_max_window_bits=15"},
};

START_TEST(the_echo_sends_back_packed_what_is_shorter_so)
{
    struct server *s =
        server_start(LIST("--echo", "verbatim", "--deflate", "on", "--max-message", "1m"));
    struct receiver r;

    receiver_init(&r, ws_open_extended(s, "/ws", windows[_i][0], windows[_i][1]));
    if (strstr(windows[_i][0], "server_max_window_bits=8") != NULL)
        ck_assert_int_eq(inflateReset2(&r.z, -8), Z_OK);
    for (unsigned how = 0; how < 3; how++)
        expect_echo(&r, how);
    ck_assert_uint_gt(r.packed, 0);
    receiver_leave(&r);
}
END_TEST

/* ---- the room ---- */

#define READERS 50
#define ROUNDS 70
#define EACH 4
#define SAID (ROUNDS * EACH)

static char *told[SAID + 1]; /* what a reader without compression got, by number */

/* The number of a message of the test. */
static unsigned number_of(const char *json)
{
    const char *at = strstr(json, "\"text\":\"m-");

    ck_assert_ptr_nonnull(at);
    return (unsigned)strtoul(at + 10, NULL, 10);
}

/* Reads up to the last message, and compares. */
static void receiver_check(struct receiver *r)
{
    unsigned number = 0, before = 0;

    while (number < SAID) {
        char *json = receiver_await(r, "message");

        number = number_of(json);
        ck_assert(before == 0 || number == before + 1);
        ck_assert_uint_le(number, SAID);
        ck_assert_str_eq(json, told[number]);
        before = number;
        free(json);
    }
}

static void say_some(struct seat *speaker, unsigned round)
{
    static const char *const words[] = {"tea", "the same again", "why not", "\\u00e9t\\u00e9", ""};

    for (unsigned i = 0; i < EACH; i++)
        seat_send(speaker, "{'type':'say','text':'m-%u %s %s'}", round * EACH + i + 1,
                  words[(round + i) % 5], words[(round * i) % 5]);
}

static void take_reference(struct seat *plain)
{
    for (unsigned i = 1; i <= SAID;) {
        char *json = seat_read(plain);

        if (strncmp(json, "{\"type\":\"message\"", 17) == 0)
            told[i++] = json;
        else
            free(json);
    }
}

/* Fifty come one after the other, while one speaks; some leave, and come again as others. */
START_TEST(fifty_who_come_and_go_unpack_the_same)
{
    struct server *s = server_start(LIST("--deflate", "on", "--rate", "0"));
    struct seat *speaker = seat_open(s, 1, "history=0"), *plain = seat_open(s, 2, "history=0");
    struct receiver *readers[READERS] = {NULL};
    unsigned packed = 0;

    for (unsigned round = 0; round < ROUNDS; round++) {
        unsigned place = round * 7 % READERS;

        if (readers[place] != NULL)
            receiver_free(readers[place]);
        readers[place] =
            receiver_enter(s, 100 + round, V1_FIELDS OFFER("; client_max_window_bits"));
        free(receiver_await(readers[place], "welcome"));
        say_some(speaker, round);
    }
    take_reference(plain);
    for (unsigned i = 0; i < READERS; i++) {
        receiver_check(readers[i]);
        packed += readers[i]->packed;
        receiver_free(readers[i]);
    }
    ck_assert_uint_gt(packed, SAID);
    for (unsigned i = 1; i <= SAID; i++)
        free(told[i]);
    seat_drop(speaker);
    seat_drop(plain);
}
END_TEST

/* What is for one alone is plain, and what comes after it is not disturbed by it. */
START_TEST(what_is_for_one_alone_is_plain)
{
    struct server *s = server_start(LIST("--deflate", "on"));
    struct seat *speaker = seat_open(s, 1, "");
    struct receiver *r = receiver_enter(s, 2, V1_FIELDS OFFER(""));

    free(receiver_await(r, "welcome"));
    ck_assert(!r->was_packed);
    for (unsigned i = 0; i < 3; i++) {
        seat_say(speaker, "a message to all of them");
        free(receiver_await(r, "message"));
        ck_assert(r->was_packed);
        seat_send(speaker, "{'type':'say','to':2,'text':'a message to all of them'}");
        free(receiver_await(r, "direct"));
        ck_assert(!r->was_packed);
    }
    receiver_free(r);
    seat_drop(speaker);
}
END_TEST

/* In a settled room a message of 64 bytes takes at most 60 on the wire. */
START_TEST(a_settled_room_gets_short_frames)
{
    struct server *s = server_start(LIST("--deflate", "on", "--rate", "0"));
    struct seat *speaker = seat_open(s, 1763999000001, "name=ada");
    struct receiver *r = receiver_enter(s, 2, V1_FIELDS OFFER(""));
    char text[65] = "";
    size_t wire = 0;

    for (unsigned i = 0; i < 120; i++) {
        fill(text, 64, 0);
        memmove(text, text + i % 20, 64 - i % 20);
        seat_send(speaker, "{'type':'say','text':'%s','ref':'c-%u'}", text, i);
        free(receiver_await(r, "message"));
        wire += i < 20 ? 0 : r->wire;
    }
    ck_assert_uint_le(wire, 100 * 60);
    receiver_free(r);
    seat_drop(speaker);
}
END_TEST

/* What people write most, the most frequent first. */
static const char *const vocabulary[] = {
    "I",        "the",     "to",     "you",    "a",        "and",    "it",     "that",    "is",
    "of",       "in",      "for",    "what",   "on",       "was",    "we",     "not",     "this",
    "have",     "do",      "be",     "just",   "so",       "with",   "can",    "are",     "but",
    "at",       "my",      "me",     "all",    "know",     "there",  "your",   "they",    "like",
    "if",       "about",   "get",    "will",   "no",       "one",    "think",  "how",     "up",
    "out",      "when",    "go",     "cannot", "now",      "its",    "here",   "as",      "would",
    "yes",      "see",     "good",   "time",   "okay",     "then",   "or",     "from",    "an",
    "really",   "well",    "why",    "come",   "some",     "who",    "right",  "because", "back",
    "people",   "tell",    "could",  "more",   "where",    "make",   "say",    "had",     "did",
    "want",     "them",    "work",   "need",   "by",       "him",    "were",   "been",    "way",
    "much",     "other",   "never",  "thing",  "too",      "today",  "maybe",  "should",  "look",
    "tomorrow", "meeting", "lunch",  "train",  "weekend",  "coffee", "thanks", "later",   "sorry",
    "question", "answer",  "server", "build",  "Thursday", "film",   "music",  "school",  "kitchen",
};

/* 64 bytes of words, the frequent ones more often. The same for the same seed. */
static void write_like_people(char text[65], uint32_t *seed)
{
    size_t len = 0;

    while (len < 64) {
        uint32_t a, b;
        const char *word;

        *seed = *seed * 1664525u + 1013904223u;
        a = (*seed >> 16) % ARRAY_LEN(vocabulary);
        *seed = *seed * 1664525u + 1013904223u;
        b = (*seed >> 16) % ARRAY_LEN(vocabulary);
        word = vocabulary[a < b ? a : b];
        len += (size_t)snprintf(text + len, 65 - len, "%s ", word);
    }
    text[63] = '.';
}

#define SENDERS 10

/* Ten people talk, each with words of its own choice: what stands in the contract is no more than
 * 60 bytes for 64 of text, name, position, time and reference included. */
START_TEST(people_who_talk_get_short_frames)
{
    static const char *const names[SENDERS] = {"ada", "Bob", "cem",   "Dora", "emil",
                                               "fay", "Gus", "Hanna", "ivo",  "Juno"};
    struct server *s = server_start(LIST("--deflate", "on", "--rate", "0"));
    struct seat *speakers[SENDERS];
    struct receiver *r;
    char text[65] = "", query[32];
    uint32_t seed = 1;
    size_t wire = 0;

    for (unsigned i = 0; i < SENDERS; i++) {
        snprintf(query, sizeof(query), "history=0&name=%s", names[i]);
        speakers[i] = seat_open(s, 1763999000000u + i * 7919, query);
    }
    r = receiver_enter(s, 2, V1_FIELDS OFFER(""));
    for (unsigned i = 0; i < 300; i++) {
        write_like_people(text, &seed);
        seed = seed * 1664525u + 1013904223u;
        seat_send(speakers[(seed >> 16) % SENDERS], "{'type':'say','text':'%s','ref':'c-%u'}", text,
                  i);
        free(receiver_await(r, "message"));
        wire += i < 100 ? 0 : r->wire;
    }
    ck_assert_uint_le(wire, 200 * 60);
    receiver_free(r);
    for (unsigned i = 0; i < SENDERS; i++)
        seat_drop(speakers[i]);
}
END_TEST

static const char *const plain_offers[] = {
    V1_FIELDS,
    V1_FIELDS OFFER("; server_no_context_takeover"),
    V1_FIELDS OFFER("; server_max_window_bits=8"),
    V1_FIELDS OFFER("; server_max_window_bits=12"),
    V1_FIELDS OFFER("") "User-Agent: Version/15.3 Safari/605.1.15\r\n",
};

/* Who remembers too little gets plain frames. */
START_TEST(who_remembers_too_little_gets_plain_frames)
{
    struct server *s = server_start(LIST("--deflate", "on"));
    struct receiver *r = receiver_enter(s, 2, plain_offers[_i]);
    struct receiver *other = receiver_enter(s, 3, V1_FIELDS OFFER("; server_max_window_bits=13"));

    for (unsigned i = 0; i < 3; i++) {
        ws_send_text(r->c, "{\"type\":\"say\",\"text\":\"hello hello hello hello\"}");
        free(receiver_await(r, "message"));
        ck_assert(!r->was_packed);
        free(receiver_await(other, "message"));
        ck_assert(other->was_packed);
    }
    receiver_free(r);
    receiver_free(other);
}
END_TEST

/* {"type":"say","text":"hi"}, stored, masked with zeros. */
#define SAY "{\"type\":\"say\",\"text\":\"hi\"}"
#define STORED_SAY "\xc1\xa0\0\0\0\0\x00\x1a\x00\xe5\xff" SAY "\x00"

START_TEST(readers_of_a_room_may_send_compressed_messages)
{
    struct server *s = server_start(LIST("--deflate", "on"));
    struct receiver *r = receiver_enter(s, 2, V1_FIELDS OFFER(""));
    char *json;

    client_send(r->c, STORED_SAY, sizeof(STORED_SAY) - 1);
    json = receiver_await(r, "message");
    ck_assert_ptr_nonnull(strstr(json, "\"text\":\"hi\""));
    free(json);
    receiver_free(r);
}
END_TEST

/* ---- wschat join ---- */

/* The terminal agrees to what the room shares, comes while others talk, and reads what is said. */
START_TEST(a_terminal_reads_what_the_room_shares)
{
    struct server *s =
        server_start(LIST("--deflate", "on", "--rate", "0", "--admin", "127.0.0.1:0"));
    struct seat *speaker = seat_open(s, 1, "history=0");
    struct joiner j = joiner_start(LIST(joiner_url(s->port, "/ws/7"), "--json", "--stay"));
    char said[64], *metrics;

    seat_expect_presence(speaker, "join", 7, "");
    for (unsigned i = 1; i <= 300; i++) {
        snprintf(said, sizeof(said), "message number %u of some that resemble each other", i);
        seat_say(speaker, said);
    }
    joiner_wait_for(&j, said);
    for (unsigned i = 1; i <= 300; i++) {
        snprintf(said, sizeof(said), "message number %u of", i);
        ck_assert_ptr_nonnull(strstr((char *)j.out_text.data, said));
    }
    metrics = metrics_read(s);
    ck_assert(metric(metrics, "wschat_deflated_messages_total") >= 300);
    ck_assert(metric(metrics, "wschat_deflate_seconds_total") > 0);
    ck_assert(metric(metrics, "wschat_deflated_before_bytes_total") >
              2 * metric(metrics, "wschat_deflated_after_bytes_total"));
    free(metrics);
    joiner_write(&j, "mine\n");
    joiner_wait_for(&j, "\"text\":\"mine\"");
    joiner_end_input(&j);
    kill(j.pid, SIGTERM);
    joiner_wait_exit(&j);
    joiner_free(&j);
    seat_drop(speaker);
}
END_TEST

Suite *suite_deflate(void)
{
    Suite *s = suite_create("deflate");
    TCase *c = harness_case(s, "deflate");

    tcase_set_timeout(c, 60);
    tcase_add_loop_test(c, the_echo_sends_back_packed_what_is_shorter_so, 0, ARRAY_LEN(windows));
    tcase_add_test(c, fifty_who_come_and_go_unpack_the_same);
    tcase_add_test(c, what_is_for_one_alone_is_plain);
    tcase_add_test(c, a_settled_room_gets_short_frames);
    tcase_add_test(c, people_who_talk_get_short_frames);
    tcase_add_test(c, a_terminal_reads_what_the_room_shares);
    tcase_add_loop_test(c, who_remembers_too_little_gets_plain_frames, 0, ARRAY_LEN(plain_offers));
    tcase_add_test(c, readers_of_a_room_may_send_compressed_messages);
    return s;
}
