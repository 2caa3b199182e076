#include "auth/jwt.h"

#include "base/hmac.h"
#include "base/util.h"
#include "proto/json.h"

#define HEADER_MAX 1024 /* bytes of a header in JSON: it holds three short words */

static const char *const errors[] = {
    [JWT_ERROR_LENGTH] = "the token is too long",
    [JWT_ERROR_FORM] = "the token is not three parts of base64url",
    [JWT_ERROR_HEADER] = "the token's header is malformed",
    [JWT_ERROR_ALGORITHM] = "the token's algorithm is not HS256",
    [JWT_ERROR_TYPE] = "the token is no JWT by its type",
    [JWT_ERROR_CRITICAL] = "the token has critical parameters",
    [JWT_ERROR_KEY] = "the token's key is not known",
    [JWT_ERROR_SIGNATURE] = "the token's signature is wrong",
};

const char *jwt_error_text(enum jwt_error error)
{
    return errors[error];
}

/* The parts of a token, still encoded. */
struct jwt_parts {
    struct str header, payload, signature;
    struct str is_signed; /* the first two, and the dot between them */
};

static bool jwt_split(struct jwt_parts *parts, struct str token)
{
    struct str rest = token;

    parts->header = str_cut(&rest, '.');
    parts->payload = str_cut(&rest, '.');
    parts->signature = rest;
    parts->is_signed = (struct str){token.ptr, parts->header.len + 1 + parts->payload.len};
    return rest.ptr != NULL && memchr(rest.ptr, '.', rest.len) == NULL;
}

/* Checks what the header says (RFC 7515, 4.1). Returns 0 and the name of the key, whose ptr is NULL
 * where it has none; or -enum jwt_error. */
static int jwt_check_header(char *header, size_t len, struct str *kid)
{
    struct json_field fields[] = {
        {.name = STR("alg")}, {.name = STR("typ")}, {.name = STR("crit")}, {.name = STR("kid")}};
    const struct json_field *alg = &fields[0], *typ = &fields[1], *crit = &fields[2];

    if (json_read_object(header, len, fields, ARRAY_LEN(fields)) < 0 || alg->type != JSON_STRING ||
        (fields[3].type != JSON_STRING && fields[3].type != JSON_ABSENT))
        return -JWT_ERROR_HEADER;
    if (!str_equals(alg->value, STR("HS256")))
        return -JWT_ERROR_ALGORITHM;
    if (typ->type != JSON_ABSENT &&
        (typ->type != JSON_STRING || !str_equals_nocase(typ->value, STR("JWT"))))
        return -JWT_ERROR_TYPE;
    if (crit->type != JSON_ABSENT)
        return -JWT_ERROR_CRITICAL;
    *kid = fields[3].value;
    return 0;
}

/* Is this the code that one of the keys makes? `kid`: the key that is meant; ptr NULL: any. */
static int jwt_check_code(const uint8_t code[SHA256_SIZE], struct str is_signed, struct str kid,
                          const struct jwt_keys *keys)
{
    bool is_known = kid.ptr == NULL, is_right = false;
    uint8_t own[SHA256_SIZE];

    for (size_t i = 0; i < keys->count; i++) {
        if (kid.ptr != NULL && (kid.len == 0 || !str_equals(keys->items[i].kid, kid)))
            continue;
        is_known = true;
        hmac_sha256(own, keys->items[i].secret, is_signed);
        is_right |= bytes_equal_secretly(own, code, sizeof(own));
    }
    return !is_known ? -JWT_ERROR_KEY : is_right ? 0 : -JWT_ERROR_SIGNATURE;
}

ptrdiff_t jwt_open(char payload[JWT_PAYLOAD_MAX], struct str token, const struct jwt_keys *keys)
{
    char header[HEADER_MAX];
    uint8_t code[SHA256_SIZE];
    struct jwt_parts parts;
    struct str kid = {NULL, 0};
    ptrdiff_t header_len, len;
    int error;

    if (token.len > JWT_MAX)
        return -JWT_ERROR_LENGTH;
    if (!jwt_split(&parts, token))
        return -JWT_ERROR_FORM;
    header_len = base64url_decode(header, sizeof(header), parts.header);
    len = base64url_decode(payload, JWT_PAYLOAD_MAX, parts.payload);
    if (header_len < 0 || len < 0)
        return -JWT_ERROR_FORM;
    error = jwt_check_header(header, (size_t)header_len, &kid);
    if (error < 0)
        return error;
    if (base64url_decode(code, sizeof(code), parts.signature) != sizeof(code))
        return -JWT_ERROR_SIGNATURE;
    error = jwt_check_code(code, parts.is_signed, kid, keys);
    return error < 0 ? error : len;
}

/* ---- making one ---- */

static int append_base64url(struct buf *out, const void *data, size_t len)
{
    if (buf_reserve(out, BASE64URL_SIZE(len)) < 0)
        return -1;
    base64url_encode((char *)out->data + out->len, data, len);
    out->len += BASE64URL_SIZE(len);
    return 0;
}

static int append_header(struct buf *out, struct str kid)
{
    struct buf header;
    int result = -1;

    buf_init(&header);
    if (buf_append_str(&header, STR("{\"alg\":\"HS256\",\"typ\":\"JWT\"")) == 0 &&
        (kid.len == 0 || (buf_append_str(&header, STR(",\"kid\":")) == 0 &&
                          json_append_string(&header, kid) == 0)) &&
        buf_append_char(&header, '}') == 0)
        result = append_base64url(out, header.data, header.len);
    buf_deinit(&header);
    return result;
}

static int append_signature(struct buf *out, size_t from, struct str secret)
{
    uint8_t code[SHA256_SIZE];

    hmac_sha256(code, secret, (struct str){(char *)out->data + from, out->len - from});
    if (buf_append_char(out, '.') < 0)
        return -1;
    return append_base64url(out, code, sizeof(code));
}

int jwt_sign(struct buf *out, struct str payload, const struct jwt_key *key)
{
    size_t before = out->len;

    if (append_header(out, key->kid) == 0 && buf_append_char(out, '.') == 0 &&
        append_base64url(out, payload.ptr, payload.len) == 0 &&
        append_signature(out, before, key->secret) == 0)
        return 0;
    out->len = before;
    return -1;
}
