#include "web/api.h"

#include <string.h>

#include "base/util.h"
#include "proto/http/query.h"
#include "web/api_bans.h"
#include "web/api_events.h"
#include "web/api_password.h"
#include "web/api_post.h"
#include "web/api_read.h"
#include "web/door.h"
#include "web/web.h"

/* Bytes of a body beyond what its text can take, and how often longer a text is when all of it is
 * escaped. */
#define BODY_EXTRA 4096
#define BODY_GROWTH 6

/* ---- what can be asked ---- */

struct api_method {
    enum api_route route;
    struct str name;
    uint8_t needs; /* rights in the room of the path */
    bool has_body;
    void (*answer)(const struct api_call *call);
};

#define METHOD(text)                                                                               \
    {                                                                                              \
        (text), sizeof(text) - 1                                                                   \
    }

static const struct api_method methods[] = {
    {API_MESSAGES, METHOD("POST"), RIGHT_API | RIGHT_PUB, true, api_post_message},
    {API_ROOMS, METHOD("GET"), RIGHTS_NONE, false, api_list_rooms},
    {API_MEMBERS, METHOD("GET"), RIGHT_API | RIGHT_PRS, false, api_list_members},
    {API_MEMBER, METHOD("DELETE"), RIGHT_API | RIGHT_MOD, false, api_kick},
    {API_MESSAGES, METHOD("GET"), RIGHT_API | RIGHT_HST, false, api_list_messages},
    {API_EVENTS, METHOD("GET"), RIGHT_SUB, false, api_open_events},
    {API_MANY, METHOD("POST"), RIGHTS_NONE, true, api_post_many},
    {API_BANS, METHOD("GET"), RIGHTS_NONE, false, api_list_bans},
    {API_BANS, METHOD("POST"), RIGHTS_NONE, true, api_ban},
    {API_BAN, METHOD("DELETE"), RIGHTS_NONE, false, api_lift_ban},
    {API_PASSWORD, METHOD("GET"), RIGHTS_NONE, false, api_tell_password},
    {API_PASSWORD, METHOD("POST"), RIGHTS_NONE, true, api_take_password},
};

/* ---- answers ---- */

/* The methods of a route, as a list of names. */
static int api_append_methods(struct buf *out, const char *name, enum api_route route)
{
    if (buf_printf(out, "%s: OPTIONS", name) < 0)
        return -1;
    for (size_t i = 0; i < ARRAY_LEN(methods); i++) {
        if (methods[i].route != route)
            continue;
        if (buf_printf(out, ", %s%s", methods[i].name.ptr,
                       str_equals(methods[i].name, STR("GET")) ? ", HEAD" : "") < 0)
            return -1;
    }
    return buf_append_str(out, STR("\r\n"));
}

static void api_answer_method(const struct api_reply *reply, enum api_route route)
{
    struct buf fields;

    buf_init(&fields);
    if (api_append_methods(&fields, "Allow", route) < 0 || buf_append_char(&fields, '\0') < 0)
        stream_drop(&reply->answer.conn->stream, STREAM_END_MEMORY);
    else
        api_answer_problem_with(reply, 405, "This path does not know that method.",
                                (char *)fields.data);
    buf_deinit(&fields);
}

/* What a browser asks before it lets a page of another origin ask (Fetch, 4.8). */
static void api_answer_preflight(const struct api_reply *reply, enum api_route route)
{
    struct buf fields, none;

    buf_init(&fields);
    buf_init(&none);
    if (api_append_methods(
            &fields, reply->origin.len > 0 ? "Access-Control-Allow-Methods" : "Allow", route) < 0 ||
        (reply->origin.len > 0 &&
         buf_append_str(&fields, STR("Access-Control-Allow-Headers: Authorization, Content-Type, "
                                     "Idempotency-Key, Last-Event-ID\r\n"
                                     "Access-Control-Max-Age: 600\r\n")) < 0) ||
        buf_append_char(&fields, '\0') < 0)
        stream_drop(&reply->answer.conn->stream, STREAM_END_MEMORY);
    else
        api_answer(reply, 204, "", (char *)fields.data, &none);
    buf_deinit(&fields);
}

/* ---- paths ---- */

/* What of a path is below /api/, still encoded. Returns false for others, and where there is no
 * API. */
static bool api_is_asked(const struct web *web, const struct http_request *request,
                         struct str *rest)
{
    const struct str prefix = STR("/api/");
    struct str path = request->path;

    if (!gate_is_on(&web->gate) || path.len < web->base.len + prefix.len ||
        (web->base.len > 0 && memcmp(path.ptr, web->base.ptr, web->base.len) != 0))
        return false;
    path = (struct str){path.ptr + web->base.len, path.len - web->base.len};
    *rest = (struct str){path.ptr + prefix.len, path.len - prefix.len};
    return memcmp(path.ptr, prefix.ptr, prefix.len) == 0;
}

/* Decodes one segment. Returns false where it is empty or too long. */
static bool api_decode(struct str raw, char space[CODEC_NAME_MAX], struct str *out)
{
    ptrdiff_t len = http_percent_decode(space, CODEC_NAME_MAX, raw, false);

    *out = (struct str){space, len > 0 ? (size_t)len : 0};
    return len > 0;
}

/* /api/rooms/{room}/... */
static enum api_route api_find_room_route(struct api_call *call, struct str rest)
{
    struct str room = str_cut(&rest, '/'), what = str_cut(&rest, '/');
    bool has_item = rest.ptr != NULL;

    if (!api_decode(room, call->room_space, &call->room) || !codec_name_is_valid(call->room))
        return API_ROUTES;
    if (has_item &&
        (!str_equals(what, STR("members")) || !api_decode(rest, call->item_space, &call->item)))
        return API_ROUTES;
    if (has_item)
        return API_MEMBER;
    if (str_equals(what, STR("members")))
        return API_MEMBERS;
    if (str_equals(what, STR("events")))
        return API_EVENTS;
    return str_equals(what, STR("messages")) ? API_MESSAGES : API_ROUTES;
}

/* /api/bans, /api/bans/{ban} */
static enum api_route api_find_ban_route(struct api_call *call, struct str rest)
{
    struct str ban = str_cut(&rest, '/');

    if (ban.ptr == NULL)
        return API_BANS;
    return rest.ptr == NULL && api_decode(ban, call->item_space, &call->item) ? API_BAN
                                                                              : API_ROUTES;
}

static enum api_route api_find_route(struct api_call *call, struct str rest)
{
    struct str first = str_cut(&rest, '/');

    call->room = call->item = (struct str){NULL, 0};
    if (str_equals(first, STR("rooms")))
        return rest.ptr == NULL ? API_ROOMS : api_find_room_route(call, rest);
    if (str_equals(first, STR("password")) && rest.ptr == NULL)
        return API_PASSWORD;
    if (str_equals(first, STR("bans")))
        return api_find_ban_route(call, rest);
    return str_equals(first, STR("messages")) && rest.ptr == NULL ? API_MANY : API_ROUTES;
}

static const struct api_method *api_find_method(enum api_route route,
                                                const struct http_request *request)
{
    struct str name = request->method;

    if (str_equals(name, STR("HEAD")))
        name = STR("GET");
    for (size_t i = 0; i < ARRAY_LEN(methods); i++) {
        if (methods[i].route == route && str_equals(methods[i].name, name))
            return &methods[i];
    }
    return NULL;
}

/* ---- who may ---- */

/* Cookies come with whatever a page asks, so what changes something does not count on them. */
static bool api_check_token(struct api_call *call)
{
    const struct answer *answer = &call->reply.answer;
    const struct web *web = web_of(answer->conn);
    struct gate_refusal refusal =
        gate_recognize(&web->gate, call->request, answer->is_get ? &web->origins : NULL,
                       conn_clock(answer->conn)->wall, &call->visitor);

    if (refusal.status == 0 || call->route == API_PASSWORD)
        return true;
    if (refusal.is_late && call->route == API_EVENTS)
        api_answer_nothing(&call->reply); /* a browser does not come back */
    else
        api_answer_problem(&call->reply, refusal.status, refusal.why);
    return false;
}

/* The 403 of a request for a room. */
static void api_answer_forbidden(const struct api_call *call, const char *why)
{
    char told[GATE_TOLD_MAX];

    gate_tell(told, why, call->room);
    api_answer_problem(&call->reply, 403, told);
}

static void api_answer_banned(const struct api_call *call)
{
    if (call->route == API_EVENTS)
        api_answer_nothing(&call->reply); /* a browser does not come back */
    else
        api_answer_forbidden(call, "you are banned from this room");
}

static bool api_check_rights(struct api_call *call, const struct api_method *method)
{
    if (call->route == API_PASSWORD)
        return true;
    if (!call->visitor.has_token && (method->needs == RIGHTS_NONE || (method->needs & RIGHT_API)))
        api_answer_problem(&call->reply, 401, "a token is needed");
    else if (call->room.len > 0 &&
             door_is_barred(call->reply.answer.conn, &call->visitor, call->room))
        api_answer_banned(call);
    else if (call->room.len > 0 && !api_allows(call, call->room, method->needs))
        api_answer_forbidden(call, "the token does not allow this in this room");
    else
        return true;
    return false;
}

/* Is what comes JSON by its name (RFC 9110, 8.3)? */
static bool api_is_json(const struct http_request *request)
{
    struct str type;

    if (http_field_get(&request->fields, HTTP_FIELD_CONTENT_TYPE, &type) != 1)
        return false;
    return str_equals_nocase(str_trim(str_cut(&type, ';')), STR("application/json"));
}

uint64_t api_longest_body(const struct web *web)
{
    return (uint64_t)web->chat_limits.max_message * BODY_GROWTH + BODY_EXTRA;
}

static bool api_check_body(struct api_call *call)
{
    const struct web *web = web_of(call->reply.answer.conn);
    struct str length;

    if (http_field_get(&call->request->fields, HTTP_FIELD_CONTENT_LENGTH, &length) == 0)
        api_answer_problem(&call->reply, 411, "A body with Content-Length is needed.");
    else if (call->request->body_len > api_longest_body(web))
        api_answer_problem(&call->reply, 413, "The body is longer than any message may be.");
    else if (!api_is_json(call->request))
        api_answer_problem(&call->reply, 415, "The body must be application/json.");
    else
        return true;
    return false;
}

/* Finds out what is asked, and whether that may be. NULL: it was answered. */
static const struct api_method *api_open(struct api_call *call, struct str rest)
{
    const struct web *web = web_of(call->reply.answer.conn);
    const struct api_method *method;

    call->route = api_find_route(call, rest);
    method = api_find_method(call->route, call->request);
    api_choose_origin(&call->reply, call->request, &web->origins);
    if (web->is_stopping)
        api_answer_problem(&call->reply, 503, "The server is shutting down.");
    else if (call->route == API_ROUTES)
        api_answer_problem(&call->reply, 404, "There is nothing at this path.");
    else if (str_equals(call->request->method, STR("OPTIONS")))
        api_answer_preflight(&call->reply, call->route);
    else if (method == NULL)
        api_answer_method(&call->reply, call->route);
    else if (api_check_token(call) && api_check_rights(call, method) &&
             (!method->has_body || api_check_body(call)))
        return method;
    return NULL;
}

/* Apart, and never inlined: a call is some 9 KiB, which the other requests need not clear. */
static __attribute__((noinline)) void api_serve(const struct answer *answer,
                                                const struct http_request *request, struct str rest)
{
    struct api_call call = {.reply = {.answer = *answer}, .request = request};
    const struct api_method *method = api_open(&call, rest);

    if (method != NULL)
        method->answer(&call);
}

bool api_take(const struct answer *answer, const struct http_request *request)
{
    struct str rest;

    if (!api_is_asked(web_of(answer->conn), request, &rest))
        return false;
    api_serve(answer, request, rest);
    return true;
}

size_t api_body_limit(struct conn *conn, const struct http_request *request)
{
    struct api_call call = {.reply = {.answer = answer_to(conn, request)}, .request = request};
    const struct api_method *method;
    struct str rest;

    if (!api_is_asked(web_of(conn), request, &rest))
        return 0;
    call.reply.answer.keep_alive = false; /* what follows is a body that nobody reads */
    method = api_open(&call, rest);
    if (method == NULL || method->has_body)
        return method == NULL ? 0 : (size_t)api_longest_body(web_of(conn));
    api_answer_problem(&call.reply, 413, "This request takes no body.");
    return 0;
}
