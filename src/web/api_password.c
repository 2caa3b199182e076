#include "web/api_password.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "chat/bans.h"
#include "proto/json.h"
#include "web/password.h"
#include "web/web.h"

/* Addresses that count as one elsewhere do here. Whose address is not known shares one. */
static struct ip password_ip(const struct conn *conn)
{
    const struct address_limits *limits = &web_of(conn)->addresses.limits;
    struct ip nobody = {{0}};

    return conn->peer.is_known ? ip_prefix(&conn->peer.ip, limits->v4_bits, limits->v6_bits)
                               : nobody;
}

static bool password_is_barred(const struct conn *conn)
{
    struct ban_person person = {.ip = conn->peer.is_known ? &conn->peer.ip : NULL,
                                .is_at_password = true};

    return bans_find(web_of(conn)->chat, &person, STR("")) != NULL;
}

static void password_answer_wait(const struct api_call *call, uint64_t wait)
{
    char fields[64];

    snprintf(fields, sizeof(fields), "Retry-After: %llu\r\n",
             (unsigned long long)(wait + 999) / 1000);
    api_answer_problem_with(&call->reply, 429, "Too many wrong passwords: wait.", fields);
}

static void password_answer_token(const struct api_call *call)
{
    struct conn *conn = call->reply.answer.conn;
    struct web *web = web_of(conn);
    uint64_t expires = conn_clock(conn)->wall / 1000 + GATE_GUEST_SECONDS;
    struct buf body;

    buf_init(&body);
    if (buf_append_str(&body, STR("{\"token\":\"")) < 0 ||
        gate_make_guest(&web->gate, expires, web->chat->hooks.random, &body) < 0 ||
        buf_printf(&body, "\",\"expires\":%llu}", (unsigned long long)expires * 1000) < 0)
        buf_deinit(&body);
    api_answer_json(&call->reply, 200, &body);
}

void api_tell_password(const struct api_call *call)
{
    if (web_of(call->reply.answer.conn)->password.file != NULL)
        api_answer_nothing(&call->reply);
    else
        api_answer_problem(&call->reply, 404, "No password is asked for here.");
}

static void password_check(const struct api_call *call, char *body, size_t len)
{
    struct conn *conn = call->reply.answer.conn;
    struct password *password = &web_of(conn)->password;
    struct json_field field = {.name = STR("password")};
    struct ip ip = password_ip(conn);
    uint64_t now = conn_clock(conn)->now, wait = password_wait(password, &ip, now);

    if (json_read_object(body, len, &field, 1) < 0 || field.type != JSON_STRING)
        api_answer_problem(&call->reply, 422, "\"password\" must be a string.");
    else if (wait > 0)
        password_answer_wait(call, wait);
    else if (!password_try(password, field.value, &ip, now))
        api_answer_problem(&call->reply, 403, "That is not the password.");
    else if (password_is_barred(conn))
        api_answer_problem(&call->reply, 403, "You are banned.");
    else
        password_answer_token(call);
}

void api_take_password(const struct api_call *call)
{
    struct str content = call->request->body;
    char *body;

    if (web_of(call->reply.answer.conn)->password.file == NULL) {
        api_tell_password(call);
        return;
    }
    body = malloc(content.len + 1);
    if (body == NULL) {
        api_answer_json(&call->reply, 200, NULL);
        return;
    }
    if (content.len > 0)
        memcpy(body, content.ptr, content.len);
    password_check(call, body, content.len);
    explicit_bzero(body, content.len);
    free(body);
}
