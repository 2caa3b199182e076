/* The table of bans: whom one is for, when it ends, and how many there may be. */
#include "unit/chat_world.h"

#include "chat/bans.h"
#include "chat/enforce.h"
#include "chat/post.h"

#define SUITE_NAME "bans" WORLD_NAME

Suite *suite_bans(void);

#define DAY 86400000

struct job {
    struct chat_post post;
    struct buf json;
    char name[BAN_NAME_SIZE];
    unsigned answers;
    bool is_refused;
};

static struct job job;

static void on_done(struct chat_post *post, const struct event *event, enum log_refusal why)
{
    struct job *one = CONTAINER_OF(post, struct job, post);

    (void)why;
    one->answers++;
    one->is_refused = event == NULL;
    buf_deinit(&one->json);
}

/* Numbers must differ. */
static void on_random_number(void *bytes, size_t len)
{
    static uint64_t state = 1;

    state = state * 6364136223846793005u + 1442695040888963407u;
    memcpy(bytes, &state, min_size(len, sizeof(state)));
}

static enum ban_result ask(struct ban_wish *wish)
{
    enum ban_result result;

    chat.hooks.random = on_random_number;
    job = (struct job){.post = {.done = on_done}};
    buf_init(&job.json);
    result = bans_event(&chat, wish, &job.json, &job.post.event);
    if (result == BAN_OK)
        result = bans_post(&chat, &job.post);
    if (result != BAN_OK)
        buf_deinit(&job.json);
    ban_write_name(job.name, wish->number);
    return result;
}

static enum ban_result ban(const char *room, const char *sub, const char *address, uint64_t seconds)
{
    struct ban_wish wish = {
        .rooms = {str_from(room)}, .room_count = 1, .seconds = seconds, .has_all = true};

    if (sub != NULL)
        wish.sub = str_from(sub);
    if (address != NULL)
        wish.address = str_from(address);
    return ask(&wish);
}

static void lift(const char *name)
{
    static struct job lifting;

    lifting = (struct job){.post = {.done = on_done}};
    buf_init(&lifting.json);
    lifting.post.event = ban_lift(bans_get(&chat, str_from(name)));
    ck_assert_int_eq(bans_post(&chat, &lifting.post), BAN_OK);
    settle();
    ck_assert_uint_eq(lifting.answers, 1);
}

static bool is_banned(const char *room, const char *sub, const char *address)
{
    struct ban_person person = {.ip = NULL};
    struct ip ip;

    if (sub != NULL)
        person.sub = str_from(sub);
    if (address != NULL) {
        ck_assert(ip_read(&ip, str_from(address)));
        person.ip = &ip;
    }
    return bans_find(&chat, &person, str_from(room)) != NULL;
}

START_TEST(it_is_for_a_subject_or_for_those_without_one)
{
    ck_assert_int_eq(ban("tea", "eve", NULL, 0), BAN_OK);
    settle();
    ck_assert(is_banned("tea", "eve", "192.0.2.1") && is_banned("tea", "eve", NULL));
    ck_assert(!is_banned("tea", "evea", NULL) && !is_banned("tea", "ev", NULL));
    ck_assert(!is_banned("teas", "eve", NULL) && !is_banned("tea", NULL, "192.0.2.1"));
    ck_assert_int_eq(ban("team-*", NULL, "192.0.2.0/24", 0), BAN_OK);
    settle();
    ck_assert(is_banned("team-", NULL, "192.0.2.255") && is_banned("team-x", NULL, "192.0.2.0"));
    ck_assert(!is_banned("team", NULL, "192.0.2.1") && !is_banned("team-x", NULL, "192.0.3.0"));
    ck_assert(!is_banned("team-x", "bob", "192.0.2.1") && !is_banned("team-x", NULL, NULL));
    ck_assert_int_eq(ban("*", NULL, "2001:db8::/64", 0), BAN_OK);
    settle();
    ck_assert(is_banned("any", NULL, "2001:db8::1:2") && !is_banned("any", NULL, "2001:db8:0:1::"));
    check_books();
}
END_TEST

/* It counts once it is committed, and its text is what programs are shown. */
START_TEST(it_counts_from_its_commit_on)
{
    struct ban_wish wish = {.rooms = {STR("tea"), STR("a\"b")},
                            .room_count = 2,
                            .sub = STR("e\"v\\e"),
                            .reason = STR("why\n"),
                            .seconds = 1};
    const struct ban *found;
    char expected[256];

    ck_assert_int_eq(ask(&wish), BAN_OK);
    ck_assert(is_banned("tea", "e\"v\\e", NULL) == !WORLD_IS_LATE);
    settle();
    ck_assert_uint_eq(job.answers, 1);
    found = bans_get(&chat, str_from(job.name));
    ck_assert_ptr_nonnull(found);
    snprintf(
        expected, sizeof(expected),
        "{\"ban\":\"%s\",\"rooms\":[\"tea\",\"a\\\"b\"],\"sub\":\"e\\\"v\\\\e\",\"until\":%llu,"
        "\"reason\":\"why\\n\"}",
        job.name, (unsigned long long)chat.wall + 1000);
    ck_assert(json_same(found->json.ptr, found->json.len, expected, strlen(expected)));
    ck_assert(is_banned("a\"b", "e\"v\\e", NULL));
    ck_assert_uint_eq(chat.bans.asked, 0);
}
END_TEST

START_TEST(either_clock_ends_it)
{
    uint64_t now = chat.now, wall = chat.wall;

    ck_assert_int_eq(ban("tea", "eve", NULL, 86400), BAN_OK);
    settle();
    chat_set_time(&chat, now + DAY - 1, wall);
    ck_assert(is_banned("tea", "eve", NULL));
    chat_set_time(&chat, now + DAY, wall); /* the time of day was set back */
    ck_assert(!is_banned("tea", "eve", NULL));
    ck_assert_ptr_null(bans_get(&chat, str_from(job.name)));
    chat_set_time(&chat, now, wall + DAY - 1);
    ck_assert(is_banned("tea", "eve", NULL));
    chat_set_time(&chat, now, wall + DAY); /* it was asleep, or the clock was wrong at the start */
    ck_assert(!is_banned("tea", "eve", NULL));
    ck_assert_uint_eq(bans_sort(&chat, 0).count, 0);
}
END_TEST

START_TEST(one_without_an_end_has_none)
{
    ck_assert_int_eq(ban("tea", "eve", NULL, 0), BAN_OK);
    settle();
    chat_set_time(&chat, UINT64_MAX, UINT64_MAX);
    ck_assert(is_banned("tea", "eve", NULL));
    chat_set_time(&chat, 1000, 5);
}
END_TEST

START_TEST(there_may_be_a_thousand)
{
    char first[BAN_NAME_SIZE], sub[24];

    for (unsigned i = 0; i < BANS_MAX; i++) {
        snprintf(sub, sizeof(sub), "s%u", i);
        ck_assert_int_eq(ban("tea", sub, NULL, i == 7 ? 60 : 0), BAN_OK);
        if (i == 0)
            memcpy(first, job.name, sizeof(first));
        settle();
    }
    ck_assert_int_eq(ban("tea", "more", NULL, 0), BAN_FULL);
    ck_assert(is_banned("tea", "s0", NULL) && is_banned("tea", "s999", NULL));
    lift(first);
    ck_assert(!is_banned("tea", "s0", NULL));
    ck_assert_int_eq(ban("tea", "more", NULL, 0), BAN_OK);
    settle();
    ck_assert_int_eq(ban("tea", "again", NULL, 0), BAN_FULL);
    pass(60000); /* one of them has ended */
    ck_assert_int_eq(ban("tea", "again", NULL, 0), BAN_OK);
    settle();
    ck_assert_int_eq(ban("tea", "once more", NULL, 0), BAN_FULL);
    ck_assert_uint_eq(chat.bans.count, BANS_MAX);
    check_books();
}
END_TEST

/* Those that wait count, too. */
START_TEST(many_at_a_time_are_no_more)
{
    static struct job jobs[BANS_MAX];
    static char subs[BANS_MAX + 1][16];
    unsigned taken = 0;

    chat.hooks.random = on_random_number;
    for (unsigned i = 0; i <= BANS_MAX; i++) {
        struct ban_wish wish = {.rooms = {STR("tea")}, .room_count = 1, .has_all = true};
        struct job *one = &jobs[i % BANS_MAX];
        enum ban_result result;

        snprintf(subs[i], sizeof(subs[i]), "s%u", i);
        wish.sub = str_from(subs[i]);
        if (i < BANS_MAX)
            *one = (struct job){.post = {.done = on_done}};
        result = i < BANS_MAX ? bans_event(&chat, &wish, &one->json, &one->post.event)
                              : ban("tea", "x", NULL, 0);
        if (result == BAN_OK && i < BANS_MAX)
            result = bans_post(&chat, &one->post);
        taken += result == BAN_OK;
    }
    ck_assert_uint_eq(taken, BANS_MAX);
    settle();
    ck_assert_uint_eq(chat.bans.count, BANS_MAX);
    ck_assert_uint_eq(chat.bans.asked, 0);
}
END_TEST

START_TEST(they_are_listed_in_the_order_of_their_names)
{
    struct ban_list all, rest;
    uint64_t before = 0;

    for (int i = 0; i < 100; i++) {
        char sub[8];

        snprintf(sub, sizeof(sub), "s%d", i);
        ck_assert_int_eq(ban("tea", sub, NULL, i == 0 ? 60 : 0), BAN_OK);
        settle();
    }
    pass(60000);
    all = bans_sort(&chat, 0);
    ck_assert_uint_eq(all.count, 99);
    for (size_t i = 0; i < all.count; i++) {
        ck_assert_uint_lt(before, all.items[i]->number);
        before = all.items[i]->number;
    }
    before = all.items[49]->number;
    rest = bans_sort(&chat, before);
    ck_assert_uint_eq(rest.count, 49);
    ck_assert_uint_lt(before, rest.items[0]->number);
    ck_assert_uint_eq(bans_sort(&chat, UINT64_MAX).count, 0);
}
END_TEST

/* One more ban of this asker's, which nobody else has. */
static enum ban_result ban_by(const char *asker)
{
    static char sub[24];
    static unsigned number;
    struct ban_wish wish = {.rooms = {STR("tea")}, .room_count = 1, .sub = {sub, 0}};

    wish.sub.len = (size_t)snprintf(sub, sizeof(sub), "x%u", number++);
    if (asker != NULL)
        wish.by = str_from(asker);
    return ask(&wish);
}

/* As many as it can have; whether or not the log is late. */
static unsigned take_all(const char *asker)
{
    unsigned count = 0;

    while (ban_by(asker) == BAN_OK) {
        count++;
        settle();
    }
    ck_assert_int_eq(ban_by(asker), BAN_SHARE);
    return count;
}

/* A tenth of what is left: so there is a place for whoever comes next, and nothing gives way. */
START_TEST(each_who_asks_has_a_share)
{
    char first[BAN_NAME_SIZE];

    ck_assert_int_eq(ban_by("ada"), BAN_OK);
    memcpy(first, job.name, sizeof(first));
    settle();
    ck_assert_uint_eq(take_all("ada"), 90); /* 91 have 909 left: the next would be one too many */
    ck_assert_uint_eq(take_all("bob"), 83);
    ck_assert_uint_eq(take_all(NULL), 76);
    for (char asker[2] = "a"; asker[0] <= 'z'; asker[0]++)
        ck_assert_uint_gt(take_all(asker), 0);
    ck_assert_ptr_nonnull(bans_get(&chat, str_from(first)));
    lift(first);
    ck_assert_int_eq(ban_by("bob"), BAN_SHARE);
    ck_assert_int_eq(ban("tea", "root's", NULL, 0), BAN_OK);
    settle();
    check_books();
}
END_TEST

/* Those that wait count for who asked for them. */
START_TEST(a_share_is_none_the_larger_at_once)
{
    static struct job jobs[92];
    static char subs[92][16];
    unsigned taken = 0;

    chat.hooks.random = on_random_number;
    for (unsigned i = 0; i < ARRAY_LEN(jobs); i++) {
        struct ban_wish wish = {.rooms = {STR("tea")}, .room_count = 1, .by = STR("ada")};

        snprintf(subs[i], sizeof(subs[i]), "s%u", i);
        wish.sub = str_from(subs[i]);
        jobs[i] = (struct job){.post = {.done = on_done}};
        if (bans_event(&chat, &wish, &jobs[i].json, &jobs[i].post.event) == BAN_OK &&
            bans_post(&chat, &jobs[i].post) == BAN_OK)
            taken++;
    }
    ck_assert_uint_eq(taken, 91);
    ck_assert_int_eq(ban_by("ada"), BAN_SHARE);
    settle();
    ck_assert_uint_eq(chat.bans.count, 91);
    ck_assert_uint_eq(chat.bans.asked, 0);
    ck_assert_int_eq(ban_by("ada"), BAN_SHARE);
    ck_assert_int_eq(ban_by("bob"), BAN_OK);
    settle();
}
END_TEST

/* ---- who is inside ---- */

static unsigned checks;
static struct peer *doomed; /* whoever of these and the next one is met must go */
static const struct ban *last_ban;

static void on_check(void *arg, struct sendq *out, const struct ban *one)
{
    struct peer *peer = peer_of(out);

    ck_assert_ptr_eq(arg, &chat);
    checks++;
    last_ban = one;
    if (doomed != NULL && (peer == doomed || peer == doomed + 1))
        leave(peer, false);
}

static unsigned count_checks(void)
{
    checks = 0;
    settle();
    bans_enforce(&chat, on_check, &chat);
    settle();
    return checks;
}

static void sit(unsigned peer, const char *room)
{
    struct chat_entry entry = entry_of(peer + 1, CODEC_V1);

    entry.room = str_from(room);
    enter_as(&peers[peer], &entry);
}

/* Two in each of five rooms. */
static void sit_all(void)
{
    static const char *const rooms[] = {"tea", "teapot", "team", "x", "y"};

    for (unsigned i = 0; i < 10; i++)
        sit(i, rooms[i / 2]);
    doomed = NULL;
}

/* Not at anybody elsewhere, nor because of a ban of which they were looked at before. */
START_TEST(a_ban_looks_at_those_in_its_rooms)
{
    struct ban_wish many = {.room_count = BAN_ROOMS_MAX, .sub = STR("eve")};

    sit_all();
    for (int i = 0; i < 200; i++) {
        ck_assert_int_eq(ban_by("ada") == BAN_OK || ban("z", "bob", NULL, 0) == BAN_OK, true);
        settle();
    }
    (void)count_checks();
    ck_assert_uint_eq(count_checks(), 0);
    ck_assert_int_eq(ban("tea", "eve", NULL, 0), BAN_OK);
    ck_assert_uint_eq(count_checks(), 2);
    ck_assert(str_equals(last_ban->sub, STR("eve")));
    ck_assert_int_eq(ban("nowhere", "eve", NULL, 0), BAN_OK);
    ck_assert_uint_eq(count_checks(), 0);
    ck_assert_int_eq(ban("tea*", "eve", NULL, 0), BAN_OK);
    ck_assert_uint_eq(count_checks(), 6);
    ck_assert_int_eq(ban("*", "eve", NULL, 0), BAN_OK);
    ck_assert_uint_eq(count_checks(), 10);
    for (size_t i = 0; i < BAN_ROOMS_MAX; i++)
        many.rooms[i] = i % 2 == 0 ? STR("tea") : STR("x");
    many.has_all = true;
    ck_assert_int_eq(ask(&many), BAN_OK);
    ck_assert_uint_eq(count_checks(), 4); /* the same room twice is looked at once */
    ck_assert_int_eq(ban("tea", "eve", NULL, 1), BAN_OK);
    settle();
    pass(1000); /* it ends before anybody was looked at */
    chat_set_time(&chat, chat.now, chat.wall + 1000);
    ck_assert_int_eq(ban("y", "eve", NULL, 0), BAN_OK);
    ck_assert_uint_eq(count_checks(), 2);
    check_books();
}
END_TEST

/* Rooms end while they are walked. */
START_TEST(all_may_leave_on_the_way)
{
    sit_all();
    for (unsigned i = 0; i < 10; i += 2) {
        doomed = &peers[i];
        ck_assert_int_eq(ban("*", "eve", NULL, 0), BAN_OK);
        ck_assert_uint_eq(count_checks(), 10 - i);
        ck_assert_ptr_null(peers[i].client);
        ck_assert_ptr_null(peers[i + 1].client);
    }
    check_books();
}
END_TEST

static bool is_shut;

static bool on_barred(struct sendq *out, struct str room)
{
    ck_assert_ptr_eq(out, &peers[0].out);
    ck_assert(str_equals(room, STR("tea")));
    checks++;
    return is_shut;
}

/* Who waits to enter is not in the room yet when the ban comes. */
START_TEST(who_enters_meanwhile_is_looked_at_then)
{
    struct chat_entry entry = entry_of(1, CODEC_V1);

    entry.room = STR("tea");
    chat.hooks.is_barred = on_barred;
    is_shut = _i == 1;
    checks = 0;
    ck_assert_int_eq(ban("tea", "eve", NULL, 0), BAN_OK);
    ck_assert_int_eq(chat_enter(&chat, &entry, &peers[0].out, &peers[0].client), CHAT_OK);
    while (peers[0].client != NULL && client_out(peers[0].client) == NULL) {
        bans_enforce(&chat, on_check, &chat);
        end_tick();
    }
    settle();
    ck_assert_uint_eq(checks, WORLD_IS_LATE ? 1 : 0);
    ck_assert_uint_eq(peers[0].let_go, WORLD_IS_LATE && is_shut ? CLOSE_FORBIDDEN : 0);
    ck_assert_uint_eq(room_named("tea") == NULL ? 0 : channel_count(room_named("tea")),
                      WORLD_IS_LATE && is_shut ? 0 : 1);
    check_books();
}
END_TEST

/* Not even a thousand in one tick are more than one. */
START_TEST(an_equal_one_takes_its_place)
{
    char first[BAN_NAME_SIZE];
    struct ban_wish wish = {.rooms = {STR("tea"), STR("x")}, .room_count = 2, .sub = STR("eve")};

    ck_assert_int_eq(ban("tea", "eve", NULL, 0), BAN_OK);
    memcpy(first, job.name, sizeof(first));
    settle();
    ck_assert_int_eq(ban("tea", "eve", NULL, 60), BAN_OK);
    settle();
    ck_assert_uint_eq(chat.bans.count, 1);
    ck_assert_ptr_null(bans_get(&chat, str_from(first)));
    ck_assert_ptr_nonnull(bans_get(&chat, str_from(job.name)));
    ck_assert(is_banned("tea", "eve", NULL));
    ck_assert_int_eq(ban("tea", "bob", NULL, 0), BAN_OK);
    settle();
    ck_assert_int_eq(ban("tea*", "eve", NULL, 0), BAN_OK);
    settle();
    ck_assert_int_eq(ask(&wish), BAN_OK);
    settle();
    ck_assert_int_eq(ban("tea", "eve", "192.0.2.7", 0), BAN_OK);
    settle();
    ck_assert_int_eq(ban("tea", "eve", "192.0.2.0/24", 0), BAN_OK);
    settle();
    ck_assert_uint_eq(chat.bans.count, 6);
    ck_assert_int_eq(ban("tea", "eve", "192.0.2.7", 0), BAN_OK);
    settle();
    ck_assert_uint_eq(chat.bans.count, 6);
    check_books();
}
END_TEST

/* Another server may tell a ban again that was lifted in the meantime. */
START_TEST(what_was_lifted_does_not_come_back)
{
    struct event event;
    char text[512];
    const struct ban *found;

    ck_assert_int_eq(ban("tea", "eve", NULL, 0), BAN_OK);
    settle();
    found = bans_get(&chat, str_from(job.name));
    snprintf(text, sizeof(text), "%.*s", (int)found->json.len, found->json.ptr);
    event = (struct event){
        .kind = EVENT_BAN, .re = found->number, .seq = found->seq + 2, .text = str_from(text)};
    lift(job.name);
    bans_committed(&chat, chat.bans.channel, &event, 0, false);
    ck_assert(!is_banned("tea", "eve", NULL));
}
END_TEST

static const char *const senseless[] = {
    "",
    "{",
    "{}",
    "{\"rooms\":[]}",
    "{\"rooms\":[\"a\"]}",
    "{\"rooms\":\"a\",\"sub\":\"x\"}",
    "{\"rooms\":[\"a\"],\"sub\":\"\"}",
    "{\"rooms\":[\"a\"],\"address\":\"x\"}",
    "{\"rooms\":[\"a\"],\"sub\":\"x\",\"until\":-1}",
    "{\"rooms\":[1],\"sub\":\"x\"}",
};

/* What a disk or another server tells may be anything. */
START_TEST(what_makes_no_sense_bans_nobody)
{
    struct event event = {.kind = EVENT_BAN, .re = 7, .seq = 1, .text = str_from(senseless[_i])};

    ck_assert_ptr_nonnull(bans_channel(&chat));
    bans_committed(&chat, chat.bans.channel, &event, 0, false);
    ck_assert_uint_eq(chat.bans.count, 0);
}
END_TEST

START_TEST(at_the_password_the_address_counts)
{
    struct ban_person person = {.is_at_password = true};
    struct ip ip;

    ck_assert(ip_read(&ip, STR("192.0.2.9")));
    person.ip = &ip;
    ck_assert_int_eq(ban("tea", "guest-1", "192.0.2.9", 0), BAN_OK);
    settle();
    ck_assert_ptr_nonnull(bans_find(&chat, &person, STR("")));
    ck_assert(!is_banned("tea", "guest-2", "192.0.2.9") && !is_banned("tea", NULL, "192.0.2.9"));
    ck_assert(ip_read(&ip, STR("192.0.2.8")));
    ck_assert_ptr_null(bans_find(&chat, &person, STR("")));
}
END_TEST

Suite *suite_bans(void)
{
    Suite *suite = suite_create(SUITE_NAME);
    TCase *tcase = tcase_create("bans");

    tcase_add_checked_fixture(tcase, world_setup, world_teardown);
    tcase_add_test(tcase, it_is_for_a_subject_or_for_those_without_one);
    tcase_add_test(tcase, it_counts_from_its_commit_on);
    tcase_add_test(tcase, either_clock_ends_it);
    tcase_add_test(tcase, one_without_an_end_has_none);
    tcase_add_test(tcase, there_may_be_a_thousand);
    tcase_add_test(tcase, many_at_a_time_are_no_more);
    tcase_add_test(tcase, they_are_listed_in_the_order_of_their_names);
    tcase_add_test(tcase, each_who_asks_has_a_share);
    tcase_add_test(tcase, a_share_is_none_the_larger_at_once);
    tcase_add_test(tcase, a_ban_looks_at_those_in_its_rooms);
    tcase_add_test(tcase, all_may_leave_on_the_way);
    tcase_add_loop_test(tcase, who_enters_meanwhile_is_looked_at_then, 0, 2);
    tcase_add_test(tcase, an_equal_one_takes_its_place);
    tcase_add_test(tcase, what_was_lifted_does_not_come_back);
    tcase_add_loop_test(tcase, what_makes_no_sense_bans_nobody, 0, (int)ARRAY_LEN(senseless));
    tcase_add_test(tcase, at_the_password_the_address_counts);
    suite_add_tcase(suite, tcase);
    return suite;
}
