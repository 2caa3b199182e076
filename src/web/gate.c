#include "web/gate.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/log.h"
#include "base/util.h"
#include "chat/core.h"
#include "proto/http/query.h"
#include "proto/json.h"
#include "session/conn.h"

#define COOKIE "wschat_token"
#define SUBPROTOCOL "bearer."

/* ---- the keys ---- */

static void gate_log_keys(const struct gate *gate)
{
    char count[24];

    snprintf(count, sizeof(count), "%zu", gate->keys.count);
    log_info("tokens are needed", "keys", count);
    if (gate->keys.is_open_to_others)
        log_warning("others than its owner can read the file of keys", "file", gate->file);
}

int gate_open(struct gate *gate, char *problem, size_t size)
{
    if (gate->file == NULL)
        return 0;
    if (key_file_read(&gate->keys, gate->file, problem, size) < 0)
        return -1;
    gate_log_keys(gate);
    return 0;
}

/* 32 random bytes as 64 digits. */
int gate_make_key(struct gate *gate, void (*random)(void *bytes, size_t len))
{
    uint8_t bytes[32];
    struct buf *text = &gate->keys.text;
    unsigned line;
    int result = 0;

    random(bytes, sizeof(bytes));
    for (size_t i = 0; i < sizeof(bytes) && result == 0; i++)
        result = buf_printf(text, "%02x", bytes[i]);
    explicit_bzero(bytes, sizeof(bytes));
    if (result < 0 ||
        key_file_parse(&gate->keys, (struct str){(char *)text->data, text->len}, &line) != NULL)
        return -1;
    return 0;
}

/* Appends `,"key":` and a string; nothing where it is empty. */
static int gate_append_claim(struct buf *out, const char *key, struct str value)
{
    if (value.len == 0)
        return 0;
    return buf_printf(out, ",\"%s\":", key) < 0 ? -1 : json_append_string(out, value);
}

static int gate_make_token(const struct gate *gate, const char *sub, const char *allow,
                           uint64_t expires, struct buf *out)
{
    struct buf claims;
    int result = -1;

    buf_init(&claims);
    if (buf_printf(&claims,
                   "{\"sub\":\"%s\",\"exp\":%llu,\"caps\":[{\"rooms\":[\"*\"],\"allow\":[%s]}]",
                   sub, (unsigned long long)expires, allow) == 0 &&
        gate_append_claim(&claims, "aud", gate->audience) == 0 &&
        gate_append_claim(&claims, "iss", gate->issuer) == 0 && buf_append_char(&claims, '}') == 0)
        result = jwt_sign(out, (struct str){(char *)claims.data, claims.len}, &gate->keys.items[0]);
    buf_deinit(&claims);
    return result;
}

int gate_make_guest(const struct gate *gate, uint64_t expires,
                    void (*random)(void *bytes, size_t len), struct buf *out)
{
    char sub[sizeof(GATE_GUEST) + 16];
    uint64_t number;

    random(&number, sizeof(number));
    snprintf(sub, sizeof(sub), GATE_GUEST "%016llx", (unsigned long long)number);
    return gate_make_token(gate, sub, "\"sub\",\"pub\",\"prs\",\"hst\",\"dir\"", expires, out);
}

int gate_make_moderator(const struct gate *gate, uint64_t expires, struct buf *out)
{
    return gate_make_token(gate, "moderator",
                           "\"sub\",\"pub\",\"prs\",\"hst\",\"dir\",\"mod\",\"api\"", expires, out);
}

void gate_reload(struct gate *gate)
{
    char problem[160];

    if (gate->file == NULL)
        return;
    if (key_file_read(&gate->keys, gate->file, problem, sizeof(problem)) < 0)
        log_error("the keys stay as they are: the file cannot be read", "file", gate->file, "error",
                  problem);
    else
        gate_log_keys(gate);
}

void gate_close(struct gate *gate)
{
    for (size_t i = 0; i < gate->count; i++)
        free(gate->passes[i]);
    free(gate->passes);
    key_file_deinit(&gate->keys);
}

static struct token_rules gate_rules(const struct gate *gate)
{
    return (struct token_rules){key_file_keys(&gate->keys), gate->audience, gate->issuer};
}

/* ---- where a token may stand ---- */

/* The one token of a request. */
struct gate_found {
    struct str text; /* ptr is NULL: there is none */
    bool differs;    /* there are two */
};

static void gate_found_add(struct gate_found *found, struct str text)
{
    if (found->text.ptr == NULL)
        found->text = text;
    else
        found->differs |= !str_equals(found->text, text);
}

/* `Authorization: Bearer T` (RFC 6750, 2.1). Other schemes are for a proxy in front. */
static void gate_search_authorization(struct gate_found *found, const struct http_request *request)
{
    struct str value;
    size_t line = 0;

    while (http_field_next(&request->fields, &line, HTTP_FIELD_AUTHORIZATION, &value)) {
        struct str scheme = str_cut(&value, ' ');

        if (str_equals_nocase(scheme, STR("Bearer")))
            gate_found_add(found, value.ptr != NULL ? str_trim(value) : STR(""));
    }
}

static void gate_search_protocols(struct gate_found *found, const struct http_request *request)
{
    struct ws_protocols protocols = {.line = 0};
    struct str text;

    while (ws_protocol_next(request, &protocols, STR(SUBPROTOCOL), &text))
        gate_found_add(found, text);
}

/* Cookies come with whatever page asks, so only pages of our own, and of those that are named, have
 * them taken. */
static bool gate_takes_cookies(const struct http_request *request,
                               const struct origin_list *origins)
{
    if (ws_origin_is_allowed(request, &(struct origin_list){NULL, 0}))
        return true;
    for (size_t i = 0; i < origins->count; i++) {
        struct origin_list one = {&origins->items[i], 1};

        if (!str_equals(one.items[0], STR("*")) && ws_origin_is_allowed(request, &one))
            return true;
    }
    return false;
}

static void gate_search_cookies(struct gate_found *found, const struct http_request *request)
{
    struct str value;
    size_t line = 0;

    while (http_field_next(&request->fields, &line, HTTP_FIELD_COOKIE, &value)) {
        while (value.ptr != NULL) {
            struct str pair = str_cut(&value, ';');
            struct str name = str_cut(&pair, '=');

            if (str_equals(str_trim(name), STR(COOKIE)) && pair.ptr != NULL)
                gate_found_add(found, str_trim(pair));
        }
    }
}

static void gate_search_query(struct gate_found *found, const struct http_request *request)
{
    struct str raw;
    int count = request->query.len > 0 ? http_query_get(request->query, STR("token"), &raw) : 0;

    if (count > 0)
        gate_found_add(found, raw);
    found->differs |= count > 1;
}

static struct gate_found gate_search(const struct gate *gate, const struct http_request *request,
                                     const struct origin_list *origins)
{
    struct gate_found found = {.differs = false};

    gate_search_authorization(&found, request);
    gate_search_protocols(&found, request);
    if (origins != NULL && gate_takes_cookies(request, origins))
        gate_search_cookies(&found, request);
    if (gate->is_in_query)
        gate_search_query(&found, request);
    return found;
}

/* ---- who may ---- */

static uint8_t gate_token_rights(const struct token *token, struct str room)
{
    return token_rights(token, room) | (token->name.ptr == NULL ? RIGHT_NAME : 0);
}

/* What somebody may do is known; is it enough for this room? */
static struct gate_refusal gate_check_entry(const struct visitor *visitor, struct str room)
{
    if (room.len > 0 && (visitor->rights & RIGHT_SUB) == 0)
        return (struct gate_refusal){403,
                                     visitor->has_token ? "the token does not open this room"
                                                        : "this room is not open without a token",
                                     false};
    return (struct gate_refusal){.status = 0};
}

void gate_tell(char out[GATE_TOLD_MAX], const char *why, struct str room)
{
    snprintf(out, GATE_TOLD_MAX, "%s%s%.*s", why, room.len > 0 ? ": " : "", (int)room.len,
             room.len > 0 ? room.ptr : "");
}

uint8_t gate_rights(const struct gate *gate, const struct visitor *visitor, struct str room)
{
    if (visitor->has_token)
        return gate_token_rights(&visitor->token, room);
    return (gate_is_on(gate) ? gate->anonymous : RIGHTS_PEOPLE) | RIGHT_NAME;
}

/* Reads the token that was found. */
static struct gate_refusal gate_read(const struct gate *gate, struct str text, uint64_t now,
                                     struct visitor *visitor)
{
    struct token_rules rules = gate_rules(gate);
    const char *wrong;

    visitor->token.expires = UINT64_MAX; /* it is set once the signature is right */
    wrong = token_read(&visitor->token, text, &rules, now);
    if (wrong != NULL)
        return (struct gate_refusal){401, wrong, visitor->token.expires <= now};
    visitor->has_token = true;
    return (struct gate_refusal){.status = 0};
}

struct gate_refusal gate_recognize(const struct gate *gate, const struct http_request *request,
                                   const struct origin_list *origins, uint64_t now,
                                   struct visitor *visitor)
{
    struct gate_found found;

    visitor->has_token = false;
    visitor->rights = RIGHTS_NONE;
    if (!gate_is_on(gate))
        return (struct gate_refusal){.status = 0};
    found = gate_search(gate, request, origins);
    if (found.differs)
        return (struct gate_refusal){400, "there are two tokens, and they differ", false};
    if (found.text.ptr != NULL)
        return gate_read(gate, found.text, now, visitor);
    if (gate->anonymous == RIGHTS_NONE)
        return (struct gate_refusal){401, "nobody enters without a token", false};
    return (struct gate_refusal){.status = 0};
}

struct gate_refusal gate_look_at(const struct gate *gate, const struct http_request *request,
                                 const struct origin_list *origins, struct str room, uint64_t now,
                                 struct visitor *visitor)
{
    struct gate_refusal refusal = gate_recognize(gate, request, origins, now, visitor);

    if (refusal.status != 0)
        return refusal;
    visitor->rights = gate_rights(gate, visitor, room);
    return gate_check_entry(visitor, room);
}

/* ---- the heap of passes ---- */

/* What a connection was let in with; NULL: nothing that ends. */
static struct pass *pass_of(const struct gate *gate, const struct conn *conn)
{
    return conn->stream.out.pass > 0 ? gate->passes[conn->stream.out.pass - 1] : NULL;
}

static void pass_put(struct gate *gate, struct pass *pass, size_t place)
{
    gate->passes[place] = pass;
    pass->conn->stream.out.pass = (uint32_t)(place + 1);
}

/* Puts a pass where it belongs, the place `at` being free. */
static void pass_settle(struct gate *gate, struct pass *pass, size_t at)
{
    size_t child;

    for (; at > 0 && gate->passes[(at - 1) / 2]->expires > pass->expires; at = (at - 1) / 2)
        pass_put(gate, gate->passes[(at - 1) / 2], at);
    for (; (child = 2 * at + 1) < gate->count; at = child) {
        if (child + 1 < gate->count &&
            gate->passes[child + 1]->expires < gate->passes[child]->expires)
            child++;
        if (gate->passes[child]->expires >= pass->expires)
            break;
        pass_put(gate, gate->passes[child], at);
    }
    pass_put(gate, pass, at);
}

static int gate_grow(struct gate *gate)
{
    struct pass **passes = array_reserve(gate->passes, gate->count + 1, &gate->size);

    if (passes == NULL)
        return -1;
    gate->passes = passes;
    return 0;
}

static void gate_remove(struct gate *gate, struct pass *pass)
{
    struct pass *last = gate->passes[--gate->count];
    size_t at = pass->conn->stream.out.pass - 1;

    if (last != pass)
        pass_settle(gate, last, at);
    pass->conn->stream.out.pass = 0;
    free(pass);
}

/* ---- members ---- */

/* Gives a connection a pass. Returns 0, or -1 with errno ENOMEM. */
static int gate_add(struct gate *gate, struct conn *conn, struct str sub, uint64_t expires,
                    uint8_t everywhere)
{
    struct pass *pass = malloc(sizeof(*pass) + sub.len);

    if (pass == NULL || gate_grow(gate) < 0) {
        free(pass);
        return -1;
    }
    *pass = (struct pass){.conn = conn,
                          .expires = expires,
                          .person = token_person(sub),
                          .everywhere = everywhere,
                          .sub_len = (uint8_t)sub.len};
    memcpy(pass->sub, sub.ptr, sub.len);
    gate->count++;
    pass_settle(gate, pass, gate->count - 1);
    return 0;
}

int gate_let_in(struct gate *gate, struct conn *conn, const struct visitor *visitor)
{
    const struct token *token = &visitor->token;

    conn->stream.out.denied = (uint8_t)~visitor->rights;
    conn->has_no_rate = visitor->has_token && (visitor->rights & RIGHT_API) != 0;
    if (!visitor->has_token)
        return 0;
    return gate_add(gate, conn, token->sub, token->expires,
                    rights_in_rooms(token->grants, token->grant_count, STR("*")));
}

void gate_let_out(struct gate *gate, struct conn *conn)
{
    struct pass *pass = pass_of(gate, conn);

    if (pass != NULL)
        gate_remove(gate, pass);
}

static bool pass_is_of(const struct pass *pass, struct str sub)
{
    return str_equals((struct str){pass->sub, pass->sub_len}, sub);
}

struct str gate_sub_of(const struct gate *gate, const struct conn *conn)
{
    const struct pass *pass = pass_of(gate, conn);

    return pass != NULL ? (struct str){pass->sub, pass->sub_len} : (struct str){NULL, 0};
}

uint8_t gate_rights_everywhere(const struct gate *gate, const struct conn *conn)
{
    const struct pass *pass = pass_of(gate, conn);

    if (!gate_is_on(gate))
        return RIGHTS_PEOPLE;
    return pass != NULL ? pass->everywhere : gate->anonymous;
}

uint64_t gate_person_of(const struct gate *gate, const struct conn *conn)
{
    const struct pass *pass = pass_of(gate, conn);

    return pass != NULL ? pass->person : 0;
}

bool gate_is_of(const struct gate *gate, const struct conn *conn, struct str sub)
{
    const struct pass *pass = pass_of(gate, conn);

    return pass != NULL && pass_is_of(pass, sub);
}

const char *gate_look_again(const struct gate *gate, const struct conn *conn, struct str text,
                            struct str room, uint64_t now, struct visitor *visitor, uint16_t *code)
{
    struct token_rules rules = gate_rules(gate);
    const struct pass *pass = pass_of(gate, conn);
    struct gate_refusal refusal;
    const char *wrong = token_read(&visitor->token, text, &rules, now);

    *code = GATE_CLOSE_TOKEN;
    if (wrong != NULL)
        return wrong;
    if (pass != NULL && !pass_is_of(pass, visitor->token.sub))
        return "the token is for somebody else";
    visitor->has_token = true;
    visitor->rights = gate_token_rights(&visitor->token, room);
    refusal = gate_check_entry(visitor, room);
    if (refusal.status == 0)
        return NULL;
    *code = CLOSE_FORBIDDEN;
    return refusal.why;
}

int gate_renew(struct gate *gate, struct conn *conn, const struct visitor *visitor)
{
    gate_let_out(gate, conn);
    return gate_let_in(gate, conn, visitor);
}

void gate_expire(struct gate *gate, uint64_t now)
{
    while (gate->count > 0 && gate->passes[0]->expires <= now) {
        struct conn *conn = gate->passes[0]->conn;

        gate_let_out(gate, conn);
        conn_close(conn, GATE_CLOSE_TOKEN, "the token has expired");
    }
}

/* ---- to another process ---- */

void gate_hand(struct hand_writer *w, const struct gate *gate)
{
    const struct buf *text = &gate->keys.text;
    bool is_made = gate->file == NULL && gate->keys.count > 0;

    hand_put_bool(w, is_made);
    if (is_made)
        hand_put_bytes(w, text->data, text->len);
}

bool gate_take(struct gate *gate, struct hand_reader *r)
{
    struct key_file *keys = &gate->keys;
    struct str text;
    unsigned line;

    if (!hand_get_bool(r))
        return hand_is_good(r);
    text = hand_get_bytes(r, KEY_FILE_SIZE_MAX);
    if (!hand_is_good(r) || gate->file != NULL)
        return hand_is_good(r);
    key_file_deinit(keys);
    if (!hand_check(r, buf_append(&keys->text, text.ptr, text.len) == 0, "out of memory"))
        return false;
    text.ptr = (char *)keys->text.data;
    return hand_check(r, text.len > 0 && key_file_parse(keys, text, &line) == NULL,
                      "the keys are none");
}

void gate_hand_pass(struct hand_writer *w, const struct gate *gate, const struct conn *conn)
{
    const struct pass *pass = pass_of(gate, conn);

    hand_put_bool(w, pass != NULL);
    if (pass == NULL)
        return;
    hand_put_u64(w, pass->expires);
    hand_put_u8(w, pass->everywhere);
    hand_put_bytes(w, pass->sub, pass->sub_len);
}

bool gate_take_pass(struct gate *gate, struct conn *conn, struct hand_reader *r)
{
    uint64_t expires;
    uint8_t everywhere;
    struct str sub;

    if (!hand_get_bool(r))
        return hand_is_good(r);
    expires = hand_get_u64(r);
    everywhere = hand_get_u8(r);
    sub = hand_get_bytes(r, UINT8_MAX);
    return hand_check(r, conn->is_member && !conn->is_closing,
                      "somebody was let in who is not here") &&
           hand_check(r, gate_add(gate, conn, sub, expires, everywhere) == 0, "out of memory");
}
