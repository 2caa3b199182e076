#include "asker.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "auth/jwt.h"
#include "v1.h"

#define SECRET "0123456789abcdef0123456789abcdef"
#define OPTIONS_MAX 24

struct server *asker_server(const char *const *options)
{
    const char *args[OPTIONS_MAX] = {"--token-key", test_path("keys")};
    FILE *file = fopen(args[1], "w");
    size_t count = 2;

    ck_assert_ptr_nonnull(file);
    ck_assert_int_ge(fputs(SECRET "\n", file), 0);
    ck_assert_int_eq(fclose(file), 0);
    while (options != NULL && *options != NULL) {
        ck_assert_uint_lt(count, OPTIONS_MAX - 1);
        args[count++] = *options++;
    }
    return server_start(args);
}

/* "a,b" as "\"a\",\"b\"". */
static void quote_words(char *out, size_t size, const char *words)
{
    size_t len = 0;

    while (*words != '\0') {
        size_t word = strcspn(words, ",");
        int n = snprintf(out + len, size - len, "%s\"%.*s\"", len > 0 ? "," : "", (int)word, words);

        len += (size_t)n;
        ck_assert_uint_lt(len, size);
        words += word + (words[word] == ',');
    }
    out[len] = '\0';
}

const char *asker_token_until(const char *sub, const char *rooms, const char *allow, int seconds,
                              const char *name)
{
    static char tokens[16][2048];
    static int next;
    const struct jwt_key key = {.secret = STR(SECRET)};
    char *token = tokens[next++ % 16], claims[1024], words[128], fixed[256] = "";
    struct buf out;

    quote_words(words, sizeof(words), allow);
    if (name != NULL)
        snprintf(fixed, sizeof(fixed), ",\"name\":\"%s\"", name);
    snprintf(claims, sizeof(claims),
             "{\"sub\":\"%s\",\"exp\":%lld%s,\"caps\":[{\"rooms\":[\"%s\"],\"allow\":[%s]}]}", sub,
             (long long)time(NULL) + seconds, fixed, rooms, words);
    buf_init(&out);
    ck_assert_int_eq(jwt_sign(&out, str_from(claims), &key), 0);
    ck_assert_uint_lt(out.len, sizeof(tokens[0]));
    memcpy(token, out.data, out.len);
    token[out.len] = '\0';
    buf_deinit(&out);
    return token;
}

const char *asker_token(const char *sub, const char *rooms, const char *allow)
{
    return asker_token_until(sub, rooms, allow, 3600, NULL);
}

const char *asker_bearer(const char *token)
{
    static char lines[4][2112];
    static int next;
    char *line = lines[next++ % 4];

    snprintf(line, sizeof(lines[0]), "Authorization: Bearer %s\r\n", token);
    return line;
}

void asker_send(struct client *c, const char *method, const char *target, const char *token,
                const char *fields, const char *body)
{
    char length[128] = "";

    if (body != NULL)
        snprintf(length, sizeof(length),
                 "Content-Type: application/json\r\nContent-Length: %zu\r\n", strlen(body));
    client_print(c, "%s %s HTTP/1.1\r\nHost: 127.0.0.1\r\n%s%s%s\r\n%s", method, target,
                 token != NULL ? asker_bearer(token) : "", fields, length,
                 body != NULL ? body : "");
}

struct response *asker_ask(const struct server *s, const char *method, const char *target,
                           const char *token, const char *body)
{
    struct client *c = client_connect(s);
    struct response *r;

    asker_send(c, method, target, token, "", body);
    r = response_read(c, strcmp(method, "HEAD") == 0);
    client_close(c);
    return r;
}

int asker_status(const struct server *s, const char *method, const char *target, const char *token,
                 const char *body)
{
    struct response *r = asker_ask(s, method, target, token, body);
    int status = r->status;

    response_free(r);
    return status;
}

void asker_expect(const struct response *r, int status)
{
    if (r->status != status)
        ck_abort_msg("%d in place of %d: %s", r->status, status, r->body);
    if (status < 400)
        return;
    ck_assert_str_eq(response_field(r, "Content-Type"), "application/problem+json");
    ck_assert_uint_eq(v1_number(r->body, "status"), (uint64_t)status);
    ck_assert(v1_has(r->body, "title") && v1_has(r->body, "detail") && v1_has(r->body, "type"));
}

void asker_post(const struct server *s, const char *room, const char *token, const char *text,
                char *pos)
{
    char target[256], body[1024];
    struct response *r;

    snprintf(target, sizeof(target), "/api/rooms/%s/messages", room);
    snprintf(body, sizeof(body), "{\"text\":\"%s\"}", text);
    r = asker_ask(s, "POST", target, token, body);
    asker_expect(r, 200);
    if (pos != NULL)
        v1_string(r->body, "pos", pos);
    response_free(r);
}
