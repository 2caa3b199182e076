#include "web/api_post.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "chat/post.h"
#include "proto/json.h"
#include "web/idempotency.h"
#include "web/web.h"

#define KEY_MAX 255 /* bytes of an Idempotency-Key */

/* ---- one request ---- */

struct post_item {
    struct chat_post post; /* first */
    struct post_job *job;
    int status; /* of HTTP; 0: it waits */
    const char *why;
    uint64_t epoch, seq, ts; /* with 200 */
    struct str room;
    char name[CODEC_NAME_MAX];
};

/* A request whose messages are on their way. It lives until all of them were answered, whether or
 * not its connection does. */
struct post_job {
    struct http_wait wait;
    struct api_reply reply;
    struct list follower; /* among those who wait for the answer to another request */
    struct idempotency *keys;
    struct idempotent *entry;      /* what its answer is kept in; NULL: nothing */
    char *body;                    /* owned: what the messages point into */
    uint8_t once[2 * SHA256_SIZE]; /* with a key: its id, and what was asked, for the log */
    bool is_list;
    bool is_asking; /* more of its messages are to be asked for */
    size_t count;
    size_t left; /* messages that wait for their answer */
    struct post_item items[];
};

static void post_job_free(struct post_job *job)
{
    list_remove(&job->follower);
    free(job->body);
    free(job);
}

/* Whoever waits for somebody else's answer need not stay. */
static void post_on_gone(struct http_wait *wait)
{
    struct post_job *job = CONTAINER_OF(wait, struct post_job, wait);

    if (list_is_linked(&job->follower))
        post_job_free(job);
}

/* Makes a job of a request; NULL: it was answered that memory is out. */
static struct post_job *post_job_new(const struct api_call *call, size_t count)
{
    struct post_job *job = calloc(1, sizeof(*job) + count * sizeof(job->items[0]));
    struct str body = call->request->body;

    if (job != NULL)
        job->body = malloc(body.len + 1);
    if (job == NULL || job->body == NULL) {
        free(job);
        api_answer_json(&call->reply, 200, NULL);
        return NULL;
    }
    if (body.len > 0)
        memcpy(job->body, body.ptr, body.len);
    job->reply = call->reply;
    job->keys = &web_of(call->reply.answer.conn)->idempotency;
    job->wait.on_gone = post_on_gone;
    job->count = count;
    list_init(&job->follower);
    return job;
}

/* ---- answers ---- */

static int post_append_result(struct buf *out, const struct post_item *item, bool has_status)
{
    char pos[CODEC_POS_MAX];

    if (item->status != 200)
        return api_append_problem(out, item->status, item->why);
    codec_pos_write(pos, item->epoch, item->seq);
    return buf_printf(out, "{%s\"pos\":\"%s\",\"ts\":%llu}", has_status ? "\"status\":200," : "",
                      pos, (unsigned long long)item->ts);
}

static int post_append_list(struct buf *out, const struct post_job *job)
{
    if (buf_append_char(out, '[') < 0)
        return -1;
    for (size_t i = 0; i < job->count; i++) {
        if ((i > 0 && buf_append_char(out, ',') < 0) ||
            post_append_result(out, &job->items[i], true) < 0)
            return -1;
    }
    return buf_append_char(out, ']');
}

static void post_answer(const struct post_job *job)
{
    const struct post_item *item = &job->items[0];
    struct buf body;

    if (!job->is_list && item->status != 200) {
        api_answer_problem(&job->reply, item->status, item->why);
        return;
    }
    buf_init(&body);
    if ((job->is_list ? post_append_list(&body, job) : post_append_result(&body, item, false)) < 0)
        buf_deinit(&body);
    api_answer_json(&job->reply, 200, &body);
}

/* Those who asked for the very same get the very same. */
static void post_answer_followers(struct idempotent *entry, const struct post_item *item)
{
    struct list *first;

    while ((first = list_take_first(&entry->followers)) != NULL) {
        struct post_job *job = CONTAINER_OF(first, struct post_job, follower);
        struct post_item *own = &job->items[0];

        own->status = item->status;
        own->why = item->why;
        own->epoch = item->epoch;
        own->seq = item->seq;
        own->ts = item->ts;
        post_answer(job);
        post_job_free(job);
    }
}

static void post_settle_key(struct post_job *job)
{
    const struct post_item *item = &job->items[0];

    if (job->entry == NULL)
        return;
    post_answer_followers(job->entry, item);
    if (item->status == 200)
        idempotency_settle(job->entry, item->epoch, item->seq, item->ts);
    else
        idempotency_drop(job->keys, job->entry);
}

static void post_finish(struct post_job *job)
{
    post_settle_key(job);
    if (job->wait.conn != NULL)
        post_answer(job);
    post_job_free(job);
}

static void post_done(struct chat_post *post, const struct event *event, enum log_refusal why)
{
    struct post_item *item = CONTAINER_OF(post, struct post_item, post);
    struct post_job *job = item->job;

    if (event != NULL) {
        item->status = 200;
        item->epoch = event->epoch;
        item->seq = event->seq;
        item->ts = event->ts;
    } else {
        item->status = why == LOG_REFUSED_TAKEN ? 403 : why == LOG_REFUSED_OTHER ? 422 : 503;
        item->why = seat_refusal_text(why);
    }
    job->left--;
    if (job->left == 0 && !job->is_asking)
        post_finish(job);
}

/* ---- what is asked ---- */

enum { FIELD_ROOM, FIELD_TEXT, FIELD_NAME, FIELD_FROM, FIELDS };

static void post_refuse(struct post_item *item, int status, const char *why)
{
    item->status = status;
    item->why = why;
}

static void post_take_name(struct post_item *item, struct str name)
{
    item->post.event.name = (struct str){item->name, name.len};
    if (name.len > 0)
        memcpy(item->name, name.ptr, name.len);
}

/* The name that a token fixes; or the one that was given; or that of the seat it speaks for. */
static void post_choose_name(const struct api_call *call, struct post_item *item,
                             const struct json_field *name)
{
    const struct chat *chat = web_of(call->reply.answer.conn)->chat;
    uint64_t from = item->post.event.from;
    const struct client *seat = from != 0 ? client_table_find(&chat->clients, from) : NULL;

    if (call->visitor.token.name.ptr != NULL)
        post_take_name(item, call->visitor.token.name);
    else if (name->type == JSON_STRING)
        post_take_name(item, name->value);
    else
        post_take_name(item, seat != NULL ? client_name(seat) : STR(""));
}

/* Reads a message. Returns false where it makes no sense, and then the item says why. */
static bool post_read(const struct api_call *call, struct post_item *item, char *data, size_t len,
                      struct json_field fields[FIELDS])
{
    const struct web *web = web_of(call->reply.answer.conn);
    const struct json_field *text = &fields[FIELD_TEXT], *name = &fields[FIELD_NAME],
                            *from = &fields[FIELD_FROM];

    fields[FIELD_ROOM] = (struct json_field){.name = STR("room")};
    fields[FIELD_TEXT] = (struct json_field){.name = STR("text")};
    fields[FIELD_NAME] = (struct json_field){.name = STR("name")};
    fields[FIELD_FROM] = (struct json_field){.name = STR("from")};
    if (json_read_object(data, len, fields, FIELDS) < 0)
        post_refuse(item, 422, "The message is no JSON object.");
    else if (text->type != JSON_STRING)
        post_refuse(item, 422, "\"text\" must be a string.");
    else if (text->value.len > web->chat_limits.max_message)
        post_refuse(item, 422, "\"text\" is longer than --max-message.");
    else if (name->type != JSON_ABSENT &&
             (name->type != JSON_STRING || !codec_name_is_valid(name->value)))
        post_refuse(item, 422,
                    "\"name\" must be a string of at most 64 bytes without control characters.");
    else if (from->type != JSON_ABSENT && !json_to_u64(from, CODEC_ID_MAX, &item->post.event.from))
        post_refuse(item, 422, "\"from\" must be the id of a client.");
    else
        item->post.event.text = text->value;
    return item->status == 0;
}

static const char post_taken[] = "Somebody else sits on the id of \"from\".";

/* Nobody speaks for somebody else who is there. */
static bool post_may_be_from(const struct api_call *call, struct str room, uint64_t from)
{
    const struct web *web = web_of(call->reply.answer.conn);
    struct sendq *out;

    if (from != 0 && chat_sits_elsewhere(web->chat, room, from))
        return true; /* who that is, those know who share the room */
    if (from == 0 || !chat_has_id(web->chat, from))
        return true;
    out = chat_queue_of(web->chat, from);
    return out != NULL && gate_is_of(&web->gate, conn_of_queue(out), call->visitor.token.sub);
}

/* Asks for a message whose room and text are known. */
static void post_ask(const struct api_call *call, struct post_item *item,
                     const struct json_field *name)
{
    struct chat *chat = web_of(call->reply.answer.conn)->chat;
    struct post_job *job = item->job;
    enum chat_result result;

    if (!post_may_be_from(call, item->room, item->post.event.from)) {
        post_refuse(item, 403, post_taken);
        return;
    }
    post_choose_name(call, item, name);
    item->post.event.author = token_person(call->visitor.token.sub);
    item->post.done = post_done;
    job->left++;
    result = chat_post(chat, &item->post, item->room);
    if (result == CHAT_OK)
        return;
    job->left--;
    post_refuse(item, 503,
                result == CHAT_FULL ? "Too much waits to be said: try again."
                                    : "The server is out of memory.");
}

/* ---- POST /api/rooms/{room}/messages ---- */

/* The key of a request. Returns 1 where it has one, 0 where not, -1 where it makes no sense. */
static int post_read_key(const struct http_request *request, struct str *key)
{
    unsigned count = http_field_get(&request->fields, HTTP_FIELD_IDEMPOTENCY_KEY, key);

    if (count == 0)
        return 0;
    return count > 1 || key->len == 0 || key->len > KEY_MAX ? -1 : 1;
}

/* Waits for the answer to the request that came with the same key before. */
static void post_follow(struct post_job *job, struct idempotent *entry)
{
    list_append(&entry->followers, &job->follower);
    http_wait(job->reply.answer.conn, &job->wait);
}

/* The key was used before: gives the answer of then. */
static void post_answer_again(struct post_job *job, struct idempotent *entry,
                              const uint8_t content[SHA256_SIZE])
{
    struct post_item *item = &job->items[0];

    if (memcmp(entry->content, content, SHA256_SIZE) != 0) {
        api_answer_problem(&job->reply, 422, seat_refusal_text(LOG_REFUSED_OTHER));
    } else if (!entry->is_settled) {
        post_follow(job, entry);
        return;
    } else {
        item->status = 200;
        item->epoch = entry->epoch;
        item->seq = entry->seq;
        item->ts = entry->ts;
        post_answer(job);
    }
    post_job_free(job);
}

/* Looks at the key. Returns false where the request needs no more, or is over. */
static bool post_begin_key(const struct api_call *call, struct post_job *job,
                           const uint8_t content[SHA256_SIZE])
{
    uint64_t now = conn_clock(job->reply.answer.conn)->now;
    uint8_t id[SHA256_SIZE];
    struct idempotent *entry;
    struct str key;
    int found = post_read_key(call->request, &key);

    if (found == 0)
        return true;
    if (found < 0) {
        api_answer_problem(&job->reply, 400,
                           "Idempotency-Key must be given once: 1 to 255 characters.");
        post_job_free(job);
        return false;
    }
    idempotency_id(id, call->visitor.token.sub, call->room, key);
    entry = idempotency_find(job->keys, id, now);
    if (entry != NULL) {
        post_answer_again(job, entry, content);
        return false;
    }
    job->entry = idempotency_begin(job->keys, id, content, now);
    if (job->entry != NULL) {
        memcpy(job->once, id, SHA256_SIZE);
        memcpy(job->once + SHA256_SIZE, content, SHA256_SIZE);
        job->items[0].post.event.once = (struct str){(const char *)job->once, sizeof(job->once)};
        return true;
    }
    api_answer_problem(&job->reply, 503, "Too many keys are remembered: try again later.");
    post_job_free(job);
    return false;
}

/* All is asked for that could be: what can be answered now is. */
static void post_end_asking(struct post_job *job)
{
    job->is_asking = false;
    if (job->left == 0)
        post_finish(job);
}

static struct post_item *post_item_at(struct post_job *job, size_t place)
{
    job->items[place].job = job;
    return &job->items[place];
}

void api_post_message(const struct api_call *call)
{
    struct post_job *job = post_job_new(call, 1);
    struct json_field fields[FIELDS];
    uint8_t content[SHA256_SIZE];
    struct post_item *item;

    if (job == NULL)
        return;
    item = post_item_at(job, 0);
    sha256(content, job->body, call->request->body.len);
    if (!post_read(call, item, job->body, call->request->body.len, fields)) {
        api_answer_problem(&job->reply, item->status, item->why);
        post_job_free(job);
        return;
    }
    if (!post_begin_key(call, job, content))
        return;
    item->room = call->room;
    job->is_asking = true;
    http_wait(job->reply.answer.conn, &job->wait);
    post_ask(call, item, &fields[FIELD_NAME]);
    post_end_asking(job);
}

/* ---- POST /api/messages ---- */

/* One of the list: its answer says what is wrong with it. */
static void post_take_one(const struct api_call *call, struct post_item *item,
                          const struct json_field *element)
{
    struct json_field fields[FIELDS];
    const struct json_field *room = &fields[FIELD_ROOM];

    if (element->type != JSON_OBJECT)
        post_refuse(item, 422, "The message is no JSON object.");
    else if (!post_read(call, item, json_inner(item->job->body, element), element->value.len,
                        fields))
        return;
    else if (room->type != JSON_STRING || room->value.len == 0 || !codec_name_is_valid(room->value))
        post_refuse(item, 422, "\"room\" must be the name of a room.");
    else if (!api_allows(call, room->value, RIGHT_API | RIGHT_PUB))
        post_refuse(item, 403, "the token does not allow this in this room");
    else {
        item->room = room->value;
        post_ask(call, item, &fields[FIELD_NAME]);
    }
}

/* Reads the list. Returns NULL, or what is wrong with it. */
static const char *post_read_list(struct post_job *job, size_t len,
                                  struct json_field elements[API_LIST_MAX])
{
    struct json_items items;
    struct json_field more;

    if (json_read_array(job->body, len, &items) < 0)
        return "The body is no JSON array.";
    job->count = 0;
    while (job->count < API_LIST_MAX && json_item_next(&items, &elements[job->count]))
        job->count++;
    return json_item_next(&items, &more) ? "The list has more than 100 messages." : NULL;
}

void api_post_many(const struct api_call *call)
{
    struct json_field elements[API_LIST_MAX];
    struct post_job *job = post_job_new(call, API_LIST_MAX);
    const char *wrong;
    struct str key;

    if (job == NULL)
        return;
    job->is_list = job->is_asking = true;
    wrong = post_read_list(job, call->request->body.len, elements);
    if (wrong == NULL && post_read_key(call->request, &key) != 0)
        wrong = "Idempotency-Key is for one message: /api/rooms/{room}/messages.";
    if (wrong != NULL) {
        api_answer_problem(&job->reply, 422, wrong);
        post_job_free(job);
        return;
    }
    http_wait(job->reply.answer.conn, &job->wait);
    for (size_t i = 0; i < job->count; i++)
        post_take_one(call, post_item_at(job, i), &elements[i]);
    post_end_asking(job);
}
