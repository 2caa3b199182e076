/* The first byte says what the rest is: a token as a stranger may send it, or the claims of one
 * that is signed as it should be, as somebody with a key may make it. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "auth/token.h"
#include "base/util.h"
#include "base/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define NOW ((uint64_t)1700000000000)

static const struct jwt_key keys[] = {
    {{"k", 1}, {"0123456789abcdef0123456789abcdef", 32}},
    {{NULL, 0}, {"another secret of thirty-two byte", 32}},
};

static void expect(bool is_so)
{
    if (!is_so)
        abort();
}

static void check_token(const struct token *token)
{
    expect(token->sub.len > 0 && token->sub.len <= TOKEN_SUB_MAX && utf8_is_valid(token->sub));
    expect(token->name.ptr == NULL || utf8_is_valid(token->name));
    expect(token->expires > NOW && token->grant_count <= TOKEN_GRANTS_MAX);
    for (size_t i = 0; i < token->grant_count; i++) {
        expect(utf8_is_valid(token->grants[i].rooms));
        expect((token_rights(token, token->grants[i].rooms) & token->grants[i].rights) ==
               token->grants[i].rights);
    }
}

/* From a block of exactly its size. */
static void read_text(struct str text)
{
    static struct token token;
    const struct token_rules rules = {
        {keys, ARRAY_LEN(keys)}, text.len % 2 == 0 ? STR("chat") : STR(""), STR("")};
    char *copy = malloc(text.len == 0 ? 1 : text.len);
    const char *wrong;

    expect(copy != NULL);
    if (text.len > 0)
        memcpy(copy, text.ptr, text.len);
    wrong = token_read(&token, (struct str){copy, text.len}, &rules, NOW);
    if (wrong == NULL)
        check_token(&token);
    free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf out;

    if (size == 0)
        return 0;
    if (data[0] == 't') {
        read_text((struct str){(const char *)data + 1, size - 1});
        return 0;
    }
    buf_init(&out);
    expect(jwt_sign(&out, (struct str){(const char *)data + 1, size - 1}, &keys[data[0] % 2]) == 0);
    read_text((struct str){(char *)out.data, out.len});
    buf_deinit(&out);
    return 0;
}
