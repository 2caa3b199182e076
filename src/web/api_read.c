#include "web/api_read.h"

#include "chat/moderation.h"
#include "chat/view.h"
#include "web/web.h"

/* How much an answer has where it is not said. */
#define LIMIT_USUAL 100
#define LAST_USUAL 50

static struct chat *read_chat(const struct api_call *call)
{
    return web_of(call->reply.answer.conn)->chat;
}

/* A number of the query, which has a usual value. */
static bool api_read_number(const struct api_call *call, struct str name, uint64_t min,
                            uint64_t max, uint64_t *number)
{
    char space[24];
    struct str text;
    int found = api_parameter(call, name, space, sizeof(space), &text);

    return found == 0 || (found > 0 && str_to_u64(text, max, number) && *number >= min);
}

static void read_answer(const struct api_call *call, struct buf *body, int result)
{
    if (result < 0)
        buf_deinit(body);
    api_answer_json(&call->reply, 200, body);
}

static bool read_limit(const struct api_call *call, size_t *limit)
{
    uint64_t number = LIMIT_USUAL;
    bool is_good = api_read_number(call, STR("limit"), 1, VIEW_LIMIT_MAX, &number);

    *limit = (size_t)number;
    if (!is_good)
        api_answer_problem(&call->reply, 400, "limit must be given once: a number from 1 to 1000.");
    return is_good;
}

/* ---- rooms ---- */

static bool read_may_see(void *owner, struct str room, bool *with_members)
{
    const struct api_call *call = owner;

    *with_members = api_allows(call, room, RIGHT_PRS);
    return api_allows(call, room, RIGHT_API);
}

void api_list_rooms(const struct api_call *call)
{
    struct view_rooms wish = {.may_see = read_may_see, .owner = (void *)(uintptr_t)call};
    char prefix[CODEC_NAME_MAX], after[CODEC_NAME_MAX];
    struct buf body;

    if (api_parameter(call, STR("prefix"), prefix, sizeof(prefix), &wish.prefix) < 0 ||
        api_parameter(call, STR("after"), after, sizeof(after), &wish.after) < 0) {
        api_answer_problem(&call->reply, 400, "prefix and after must be names, given once.");
        return;
    }
    if (!read_limit(call, &wish.limit))
        return;
    buf_init(&body);
    read_answer(call, &body, view_rooms(read_chat(call), &wish, &body));
}

/* ---- one room ---- */

void api_list_members(const struct api_call *call)
{
    struct buf body;

    buf_init(&body);
    read_answer(call, &body, view_members(read_chat(call), call->room, &body));
}

void api_list_messages(const struct api_call *call)
{
    struct view_events wish = {.last = LAST_USUAL};
    char since[CODEC_POS_MAX];
    struct buf body;

    if (api_parameter(call, STR("since"), since, sizeof(since), &wish.since) < 0) {
        api_answer_problem(&call->reply, 400, "since must be a position, given once.");
        return;
    }
    if (!api_read_number(call, STR("last"), 0, VIEW_LIMIT_MAX, &wish.last)) {
        api_answer_problem(&call->reply, 400, "last must be given once: a number up to 1000.");
        return;
    }
    if (!read_limit(call, &wish.limit))
        return;
    wish.with_presence = api_allows(call, call->room, RIGHT_PRS);
    if (wish.since.ptr == NULL && wish.last > wish.limit)
        wish.limit = (size_t)wish.last;
    buf_init(&body);
    read_answer(call, &body, view_events(read_chat(call), call->room, &wish, &body));
}

void api_kick(const struct api_call *call)
{
    uint64_t id;

    if (!str_to_u64(call->item, CODEC_ID_MAX, &id) ||
        !chat_kick(read_chat(call), call->room, id, (struct str){NULL, 0}))
        api_answer_problem(&call->reply, 404, "Nobody in this room has that id.");
    else
        api_answer_nothing(&call->reply);
}
