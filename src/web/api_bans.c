#include "web/api_bans.h"

#include <stdlib.h>
#include <string.h>

#include "chat/bans.h"
#include "chat/post.h"
#include "proto/json.h"
#include "session/http.h"
#include "web/web.h"

#define LIMIT_USUAL 100
#define LIMIT_MAX 1000

static struct chat *bans_chat(const struct api_call *call)
{
    return web_of(call->reply.answer.conn)->chat;
}

/* ---- who may ---- */

/* Who asks: a token, and the bans of whoever has it. */
struct bans_caller {
    const struct token *token;
    struct ban_list own;
};

static struct bans_caller bans_caller(const struct api_call *call)
{
    struct ban_person person = {.sub = call->visitor.token.sub};

    return (struct bans_caller){&call->visitor.token, bans_collect(bans_chat(call), &person)};
}

/* Banned from any of these rooms, nobody keeps order there: nor lifts that ban. */
static bool bans_may(const struct bans_caller *caller, struct str pattern)
{
    const struct token *token = caller->token;
    uint8_t needs = RIGHT_API | RIGHT_MOD;

    return (rights_in_rooms(token->grants, token->grant_count, pattern) & needs) == needs &&
           !ban_list_meets(&caller->own, pattern);
}

static bool bans_may_see(const struct bans_caller *caller, const struct ban *ban)
{
    for (size_t i = 0; i < ban->room_count; i++) {
        if (!bans_may(caller, ban->rooms[i].rooms))
            return false;
    }
    return true;
}

/* Does the token allow it in any room at all? */
static bool bans_may_any(const struct api_call *call)
{
    const struct bans_caller caller = {.token = &call->visitor.token};

    for (size_t i = 0; i < caller.token->grant_count; i++) {
        if (bans_may(&caller, caller.token->grants[i].rooms))
            return true;
    }
    return false;
}

/* ---- GET ---- */

/* Reads where to go on and how far. Returns NULL, or what is wrong. */
static const char *bans_read_page(const struct api_call *call, uint64_t *after, uint64_t *limit)
{
    char name[BAN_NAME_SIZE], number[24];
    struct str text;
    int found = api_parameter(call, STR("after"), name, sizeof(name), &text);

    *after = 0;
    *limit = LIMIT_USUAL;
    if (found < 0 || (found > 0 && !ban_read_name(text, after)))
        return "after must be the name of a ban, given once.";
    found = api_parameter(call, STR("limit"), number, sizeof(number), &text);
    if (found < 0 || (found > 0 && (!str_to_u64(text, LIMIT_MAX, limit) || *limit == 0)))
        return "limit must be given once: a number from 1 to 1000.";
    return NULL;
}

static int bans_write(const struct api_call *call, struct buf *out, uint64_t after, uint64_t limit)
{
    const struct bans_caller caller = bans_caller(call);
    const struct ban_list list = bans_sort(bans_chat(call), after);
    bool is_first = true, is_cut = false;

    if (buf_append_str(out, STR("{\"bans\":[")) < 0)
        return -1;
    for (size_t i = 0; i < list.count && !is_cut; i++) {
        const struct ban *ban = list.items[i];

        if (!bans_may_see(&caller, ban))
            continue;
        is_cut = limit-- == 0;
        if (is_cut)
            continue;
        if ((!is_first && buf_append_char(out, ',') < 0) || buf_append_str(out, ban->json) < 0)
            return -1;
        is_first = false;
    }
    return buf_append_str(out, is_cut ? STR("],\"more\":true}") : STR("],\"more\":false}"));
}

void api_list_bans(const struct api_call *call)
{
    uint64_t after, limit;
    const char *wrong = bans_read_page(call, &after, &limit);
    struct buf body;

    if (wrong != NULL) {
        api_answer_problem(&call->reply, 400, wrong);
        return;
    }
    if (!bans_may_any(call)) {
        api_answer_problem(&call->reply, 403, "the token does not allow this in any room");
        return;
    }
    buf_init(&body);
    if (bans_write(call, &body, after, limit) < 0)
        buf_deinit(&body);
    api_answer_json(&call->reply, 200, &body);
}

/* ---- what takes a commit ---- */

/* A request that waits for its commit, whether or not its connection does. */
struct ban_job {
    struct chat_post post; /* first */
    struct http_wait wait;
    struct api_reply reply;
    struct buf json; /* of the ban; empty: it is lifted */
};

static void bans_on_gone(struct http_wait *wait)
{
    (void)wait; /* its answer comes all the same, and is for nobody */
}

static void bans_job_free(struct ban_job *job)
{
    buf_deinit(&job->json);
    free(job);
}

static void bans_answer(struct ban_job *job, const struct event *event, enum log_refusal why)
{
    if (event == NULL) {
        api_answer_problem(&job->reply, 503, seat_refusal_text(why));
    } else if (event->kind == EVENT_LIFT) {
        api_answer_nothing(&job->reply);
    } else {
        api_answer_json(&job->reply, 201, &job->json);
        buf_init(&job->json); /* the answer has it */
    }
}

static void bans_done(struct chat_post *post, const struct event *event, enum log_refusal why)
{
    struct ban_job *job = CONTAINER_OF(post, struct ban_job, post);

    if (job->wait.conn != NULL)
        bans_answer(job, event, why);
    bans_job_free(job);
}

static struct ban_job *bans_job_new(const struct api_call *call)
{
    struct ban_job *job = calloc(1, sizeof(*job));

    if (job == NULL) {
        api_answer_json(&call->reply, 200, NULL);
        return NULL;
    }
    buf_init(&job->json);
    job->reply = call->reply;
    job->wait.on_gone = bans_on_gone;
    job->post.done = bans_done;
    return job;
}

static void bans_refuse(struct ban_job *job, enum ban_result result)
{
    static const char *const why[] = {
        [BAN_FULL] = "There are as many bans as there may be: lift some.",
        [BAN_SHARE] = "This sub has as many bans as one may have: lift some.",
        [BAN_NO_MEMORY] = "The server is out of memory.",
    };

    api_answer_problem(&job->reply, result == BAN_SHARE ? 409 : 503, why[result]);
    bans_job_free(job);
}

static void bans_ask(const struct api_call *call, struct ban_job *job)
{
    enum ban_result result;

    http_wait(job->reply.answer.conn, &job->wait);
    result = bans_post(bans_chat(call), &job->post);
    if (result != BAN_OK)
        bans_refuse(job, result);
}

/* ---- POST ---- */

enum { FIELD_ROOMS, FIELD_SUB, FIELD_ADDRESS, FIELD_SECONDS, FIELD_UNTIL, FIELD_REASON, FIELDS };

static const char *bans_read_rooms(char *body, const struct json_field *field,
                                   struct ban_wish *wish)
{
    struct json_items items;
    struct json_field room;

    if (field->type != JSON_ARRAY)
        return "\"rooms\" must be a list of names; a star at the end of one stands for all.";
    items = json_items_of(body, field);
    while (json_item_next(&items, &room)) {
        if (room.type != JSON_STRING || room.value.len == 0 || !codec_name_is_valid(room.value))
            return "\"rooms\" must be names of rooms.";
        if (wish->room_count == BAN_ROOMS_MAX)
            return "\"rooms\" has more than 16 names.";
        wish->rooms[wish->room_count++] = room.value;
    }
    return wish->room_count == 0 ? "\"rooms\" has no name." : NULL;
}

static const char *bans_read_person(const struct json_field *fields, struct ban_wish *wish)
{
    const struct json_field *sub = &fields[FIELD_SUB], *address = &fields[FIELD_ADDRESS];

    if (sub->type != JSON_ABSENT &&
        (sub->type != JSON_STRING || sub->value.len == 0 || sub->value.len > BAN_SUB_MAX))
        return "\"sub\" must be a string of 1 to 255 bytes.";
    if (address->type != JSON_ABSENT &&
        (address->type != JSON_STRING || !ban_address_is_valid(address->value)))
        return "\"address\" must be an address, or a network such as 192.0.2.0/24.";
    if (sub->type == JSON_ABSENT && address->type == JSON_ABSENT)
        return "\"sub\" or \"address\" is needed.";
    wish->sub = sub->value;
    wish->address = address->value;
    return NULL;
}

static const char *bans_read_end(const struct json_field *fields, uint64_t now,
                                 struct ban_wish *wish)
{
    const struct json_field *seconds = &fields[FIELD_SECONDS], *until = &fields[FIELD_UNTIL];

    if (seconds->type != JSON_ABSENT && until->type != JSON_ABSENT)
        return "\"seconds\" or \"until\", not both.";
    if (seconds->type != JSON_ABSENT &&
        (!json_to_u64(seconds, CODEC_BAN_MAX, &wish->seconds) || wish->seconds == 0))
        return "\"seconds\" must be a number from 1 to 315360000.";
    if (until->type != JSON_ABSENT &&
        (!json_to_u64(until, now + CODEC_BAN_MAX * UINT64_C(1000), &wish->until) ||
         wish->until <= now))
        return "\"until\" must be a time to come, in milliseconds since 1970, in at most ten "
               "years.";
    return NULL;
}

/* Reads what is wanted; the slices point into the body. Returns NULL, or what is wrong. */
static const char *bans_read(char *body, size_t len, uint64_t now, struct ban_wish *wish)
{
    struct json_field fields[FIELDS] = {
        [FIELD_ROOMS] = {.name = STR("rooms")},     [FIELD_SUB] = {.name = STR("sub")},
        [FIELD_ADDRESS] = {.name = STR("address")}, [FIELD_SECONDS] = {.name = STR("seconds")},
        [FIELD_UNTIL] = {.name = STR("until")},     [FIELD_REASON] = {.name = STR("reason")},
    };
    const struct json_field *reason = &fields[FIELD_REASON];
    const char *wrong;

    if (json_read_object(body, len, fields, FIELDS) < 0)
        return "The ban is no JSON object.";
    wrong = bans_read_rooms(body, &fields[FIELD_ROOMS], wish);
    if (wrong == NULL)
        wrong = bans_read_person(fields, wish);
    if (wrong == NULL)
        wrong = bans_read_end(fields, now, wish);
    if (wrong == NULL && reason->type != JSON_ABSENT &&
        (reason->type != JSON_STRING || reason->value.len > CODEC_REASON_MAX))
        wrong = "\"reason\" must be a string of at most 200 bytes.";
    wish->reason = reason->value;
    return wrong;
}

/* May the caller ask for it? Notes who that is. */
static bool bans_may_all(const struct api_call *call, struct ban_wish *wish)
{
    const struct bans_caller caller = bans_caller(call);

    wish->by = caller.token->sub;
    wish->has_all = bans_may(&caller, STR("*"));

    for (size_t i = 0; i < wish->room_count; i++) {
        if (!bans_may(&caller, wish->rooms[i]))
            return false;
    }
    return true;
}

/* The body is changed by reading it. */
static void bans_take(const struct api_call *call, struct ban_job *job, char *body, size_t len)
{
    struct ban_wish wish = {.room_count = 0};
    enum ban_result result = BAN_OK;
    const char *wrong = bans_read(body, len, conn_clock(job->reply.answer.conn)->wall, &wish);
    int status = 422;

    if (wrong == NULL && !bans_may_all(call, &wish)) {
        status = 403;
        wrong = "the token does not allow this in all these rooms";
    }
    if (wrong == NULL)
        result = bans_event(bans_chat(call), &wish, &job->json, &job->post.event);
    if (wrong != NULL) {
        api_answer_problem(&job->reply, status, wrong);
        bans_job_free(job);
    } else if (result != BAN_OK) {
        bans_refuse(job, result);
    } else {
        bans_ask(call, job);
    }
}

void api_ban(const struct api_call *call)
{
    struct str content = call->request->body;
    struct ban_job *job = bans_job_new(call);
    char *body = job != NULL ? malloc(content.len + 1) : NULL;

    if (job == NULL)
        return;
    if (body == NULL) {
        bans_refuse(job, BAN_NO_MEMORY);
        return;
    }
    if (content.len > 0)
        memcpy(body, content.ptr, content.len);
    bans_take(call, job, body, content.len);
    free(body);
}

/* ---- DELETE ---- */

void api_lift_ban(const struct api_call *call)
{
    const struct bans_caller caller = bans_caller(call);
    const struct ban *ban = bans_get(bans_chat(call), call->item);
    struct ban_job *job;

    if (ban == NULL || !bans_may_see(&caller, ban)) {
        api_answer_problem(&call->reply, bans_may_any(call) ? 404 : 403,
                           bans_may_any(call) ? "There is no such ban in your rooms."
                                              : "the token does not allow this in any room");
        return;
    }
    job = bans_job_new(call);
    if (job == NULL)
        return;
    job->post.event = ban_lift(ban);
    bans_ask(call, job);
}
