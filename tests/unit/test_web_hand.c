/* A whole server that is handed over: nobody who is connected to it can tell. */
#include "web_world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <check.h>

#include "base/util.h"
#include "hand_pipe.h"
#include "proto/ws/frame.h"

Suite *suite_web_hand(void);

/* ---- people ---- */

/* Everybody has something to say, and says it bit by bit. */
static struct buf scripts[PEOPLE];

static void add_frame(struct buf *script, const char *text)
{
    struct ws_frame_header header = {.length = strlen(text),
                                     .opcode = WS_TEXT,
                                     .fin = true,
                                     .masked = true,
                                     .key = {1, 2, 3, 4}};
    uint8_t bytes[WS_HEADER_MAX];
    size_t at;

    ck_assert_int_eq(buf_append(script, bytes, ws_frame_encode(bytes, &header)), 0);
    at = script->len;
    ck_assert_int_eq(buf_append_str(script, str_from(text)), 0);
    ws_mask(script->data + at, script->len - at, header.key, 0);
}

static void write_scripts(void)
{
    char text[1200];

    for (int i = 0; i < 40; i++) {
        snprintf(text, sizeof(text), "message %d %0*d", i, i * 23, i);
        add_frame(&scripts[TEXT_1], text);
        add_frame(&scripts[TEXT_2], i % 5 == 0 ? text : "yes");
        add_frame(&scripts[OTHER_ROOM], text);
        snprintf(text, sizeof(text), "{\"type\":\"say\",\"text\":\"%d %0*d\",\"ref\":\"r%d\"}", i,
                 i * 11, i, i);
        add_frame(&scripts[V1_1], text);
        add_frame(&scripts[V1_PACKED], i % 7 == 3 ? "{\"type\":\"name\",\"name\":\"Bob\"}" : text);
        ck_assert_int_eq(
            buf_append_str(&scripts[BROWSER], STR("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")), 0);
    }
}

static void free_scripts(void)
{
    for (size_t i = 0; i < PEOPLE; i++)
        buf_deinit(&scripts[i]);
}

/* ---- a play ---- */

/* Lets people say and take parts, as a seed has it. It is handed over after every `every` steps; 0:
 * never. */
static void play(unsigned seed, unsigned steps, unsigned every)
{
    size_t said[PEOPLE] = {0};

    web_setup();
    web_enter_all();
    for (unsigned step = 1; step <= steps; step++) {
        size_t who;

        seed = seed * 1103515245u + 12345u;
        who = (seed >> 16) % PEOPLE;
        if ((seed >> 20) % 2 == 0) {
            size_t len = min_size(scripts[who].len - said[who], 1 + (seed >> 22) % 200);

            if (len > 0)
                web_say(who, scripts[who].data + said[who], len);
            said[who] += len;
        } else {
            web_take_some(who, 1 + (seed >> 22) % 400);
        }
        if (every > 0 && step % every == 0)
            web_hand_over();
    }
}

static struct buf wanted[PEOPLE];

static void keep_wanted(void)
{
    for (size_t i = 0; i < PEOPLE; i++) {
        wanted[i] = web_world.peers[i].got;
        buf_init(&web_world.peers[i].got);
    }
    web_teardown();
}

static void expect_the_same(unsigned every)
{
    for (size_t i = 0; i < PEOPLE; i++) {
        const struct buf *got = &web_world.peers[i].got;

        ck_assert_msg(got->len == wanted[i].len &&
                          (got->len == 0 || memcmp(got->data, wanted[i].data, got->len) == 0),
                      "handed over every %u steps, %zu got %zu bytes in place of %zu", every, i,
                      got->len, wanted[i].len);
    }
    web_teardown();
}

START_TEST(nobody_can_tell)
{
    unsigned seed = (unsigned)_i * 7919 + 1;

    write_scripts();
    play(seed, 400, 0);
    web_take_all();
    for (size_t i = 0; i < PEOPLE; i++)
        ck_assert_uint_gt(web_world.peers[i].got.len, 100);
    keep_wanted();
    for (unsigned every = 1; every <= 64; every *= 4) {
        play(seed, 400, every);
        web_take_all();
        expect_the_same(every);
    }
    for (size_t i = 0; i < PEOPLE; i++)
        buf_deinit(&wanted[i]);
    free_scripts();
}
END_TEST

/* ---- what is not trusted ---- */

static void open_all(struct hand_pipe *pipe)
{
    hand_pipe_init(pipe);
    play(3, 60, 0);
    web_hand_all(pipe);
}

/* Whatever came of it, it goes on somehow. */
static void live_on(void)
{
    for (size_t i = 0; i < PEOPLE; i++) {
        if (scripts[i].len > 0)
            web_say(i, scripts[i].data, min_size(scripts[i].len, 300));
        web_take_some(i, 1000);
    }
    web_pass(3000);
    web_pass(30000);
    for (size_t i = 0; i < PEOPLE; i++)
        shutdown(web_world.peers[i].fd, SHUT_RDWR);
    web_pass(20000);
}

/* All places would take minutes: so many tests look at every so manieth, each at others. */
#define PARTS 4
#define STRIDE 89

START_TEST(what_is_cut)
{
    struct hand_pipe pipe;
    bool is_there = true;

    write_scripts();
    for (size_t place = (size_t)_i * 23; is_there; place += STRIDE) {
        open_all(&pipe);
        is_there = place < pipe.w.out.len;
        if (hand_pipe_cut(&pipe, place) && web_take_over(&pipe))
            live_on();
        hand_pipe_deinit(&pipe);
        web_teardown();
    }
    free_scripts();
}
END_TEST

START_TEST(what_is_changed)
{
    static const uint8_t bits[] = {0x01, 0x80, 0xff, 0x04};
    struct hand_pipe pipe;
    bool is_there = true;

    write_scripts();
    for (size_t place = (size_t)_i * 23; is_there; place += STRIDE) {
        open_all(&pipe);
        is_there = place < pipe.w.out.len;
        if (hand_pipe_flip(&pipe, place, bits[place / STRIDE % ARRAY_LEN(bits)]) &&
            web_take_over(&pipe))
            live_on();
        hand_pipe_deinit(&pipe);
        web_teardown();
    }
    free_scripts();
}
END_TEST

Suite *suite_web_hand(void)
{
    Suite *suite = suite_create("web_hand");
    TCase *same = tcase_create("same"), *wrong = tcase_create("wrong");

    tcase_set_timeout(same, 120);
    tcase_add_loop_test(same, nobody_can_tell, 0, 8);
    suite_add_tcase(suite, same);
    tcase_set_timeout(wrong, 120);
    tcase_add_loop_test(wrong, what_is_cut, 0, PARTS);
    tcase_add_loop_test(wrong, what_is_changed, 0, PARTS);
    suite_add_tcase(suite, wrong);
    return suite;
}
