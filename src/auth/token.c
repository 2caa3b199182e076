#include "auth/token.h"

#include "base/sha256.h"
#include "base/util.h"
#include "base/utf8.h"
#include "proto/codec/codec.h"
#include "proto/json.h"

#define SECONDS_MAX ((uint64_t)253402300799) /* the end of the year 9999 */

enum { CLAIM_SUB, CLAIM_EXP, CLAIM_NBF, CLAIM_AUD, CLAIM_ISS, CLAIM_NAME, CLAIM_CAPS, CLAIMS };

/* ---- texts and times ---- */

/* No control characters: it is shown to people, and stands in logs. */
static bool token_is_subject(struct str sub)
{
    for (size_t i = 0; i < sub.len; i++) {
        if ((unsigned char)sub.ptr[i] < 0x20 || sub.ptr[i] == 0x7f)
            return false;
    }
    return sub.len > 0 && sub.len <= TOKEN_SUB_MAX;
}

/* Reads a NumericDate (RFC 7519, 2): whole seconds, whatever fraction of one is behind the point
 * goes to `has_more`. Exponents are not taken: nobody writes a time so. */
static bool token_read_date(const struct json_field *field, uint64_t *seconds, bool *has_more)
{
    struct str fraction = field->value, whole = str_cut(&fraction, '.');

    *has_more = false;
    if (field->type != JSON_NUMBER || !str_to_u64(whole, SECONDS_MAX, seconds))
        return false;
    for (size_t i = 0; i < fraction.len; i++) {
        if (fraction.ptr[i] < '0' || fraction.ptr[i] > '9')
            return false;
        *has_more |= fraction.ptr[i] != '0';
    }
    return true;
}

/* A token ends at the second that its fraction belongs to, and begins at the next: rather a moment
 * too little than too much. */
static const char *token_check_times(struct token *token, const struct json_field *claims,
                                     uint64_t now)
{
    uint64_t exp, nbf;
    bool has_more;

    if (claims[CLAIM_EXP].type == JSON_ABSENT)
        return "the token has no exp";
    if (!token_read_date(&claims[CLAIM_EXP], &exp, &has_more))
        return "the token's exp is no time";
    token->expires = exp * 1000;
    if (token->expires <= now)
        return "the token has expired";
    if (claims[CLAIM_NBF].type == JSON_ABSENT)
        return NULL;
    if (!token_read_date(&claims[CLAIM_NBF], &nbf, &has_more))
        return "the token's nbf is no time";
    return (nbf + (has_more ? 1 : 0)) * 1000 > now ? "the token's time has not come yet" : NULL;
}

/* ---- who made it, for whom ---- */

/* Whom a token is for: one, or some of a list (RFC 7519, 4.1.3). */
static bool token_names_audience(char *payload, const struct json_field *aud, struct str audience)
{
    struct json_items items;
    struct json_field item;
    bool is_named = false;

    if (aud->type == JSON_STRING)
        return str_equals(aud->value, audience);
    if (aud->type != JSON_ARRAY)
        return false;
    items = json_items_of(payload, aud);
    while (json_item_next(&items, &item))
        is_named |= item.type == JSON_STRING && str_equals(item.value, audience);
    return is_named;
}

/* A token that is for somebody else is refused, also where nobody said who we are. */
static const char *token_check_parties(struct token *token, const struct json_field *claims,
                                       const struct token_rules *rules)
{
    const struct json_field *aud = &claims[CLAIM_AUD], *iss = &claims[CLAIM_ISS];

    if (aud->type == JSON_ABSENT ? rules->audience.len > 0
                                 : rules->audience.len == 0 ||
                                       !token_names_audience(token->payload, aud, rules->audience))
        return "the token is for another audience";
    if (iss->type != JSON_ABSENT && iss->type != JSON_STRING)
        return "the token's iss is no text";
    if (rules->issuer.len > 0 && !str_equals(iss->value, rules->issuer))
        return "the token was made by another issuer";
    return NULL;
}

static const char *token_check_person(struct token *token, const struct json_field *claims)
{
    const struct json_field *sub = &claims[CLAIM_SUB], *name = &claims[CLAIM_NAME];

    if (sub->type != JSON_STRING || !token_is_subject(sub->value))
        return "the token's sub is missing, too long or no text";
    if (name->type != JSON_ABSENT &&
        (name->type != JSON_STRING || !codec_name_is_valid(name->value)))
        return "the token's name may not be a display name";
    token->sub = sub->value;
    token->name = name->value;
    return NULL;
}

/* ---- what it allows ---- */

#define BAD_CAPS "the token's caps are malformed"
#define MANY_CAPS "the token's caps name too many rooms"

/* The words of "allow". Unknown ones are for programs to come. */
static bool token_read_allow(char *cap, const struct json_field *allow, uint8_t *rights)
{
    struct json_items items;
    struct json_field item;

    *rights = RIGHTS_NONE;
    if (allow->type != JSON_ARRAY)
        return false;
    items = json_items_of(cap, allow);
    while (json_item_next(&items, &item)) {
        if (item.type != JSON_STRING)
            return false;
        *rights |= rights_of_word(item.value);
    }
    return true;
}

/* One of "caps": adds a grant for each of its rooms. */
static const char *token_read_cap(struct token *token, char *cap, size_t len)
{
    struct json_field fields[] = {{.name = STR("rooms")}, {.name = STR("allow")}};
    struct json_items rooms;
    struct json_field room;
    uint8_t rights;

    if (json_read_object(cap, len, fields, ARRAY_LEN(fields)) < 0 || fields[0].type != JSON_ARRAY ||
        !token_read_allow(cap, &fields[1], &rights))
        return BAD_CAPS;
    rooms = json_items_of(cap, &fields[0]);
    while (json_item_next(&rooms, &room)) {
        if (room.type != JSON_STRING || room.value.len == 0)
            return BAD_CAPS;
        if (token->grant_count == TOKEN_GRANTS_MAX)
            return MANY_CAPS;
        token->grants[token->grant_count++] = (struct grant){room.value, rights};
    }
    return NULL;
}

static const char *token_read_caps(struct token *token, const struct json_field *caps)
{
    struct json_items items;
    struct json_field item;
    const char *wrong = NULL;

    if (caps->type == JSON_ABSENT)
        return NULL;
    if (caps->type != JSON_ARRAY)
        return BAD_CAPS;
    items = json_items_of(token->payload, caps);
    while (wrong == NULL && json_item_next(&items, &item))
        wrong = item.type != JSON_OBJECT
                    ? BAD_CAPS
                    : token_read_cap(token, json_inner(token->payload, &item), item.value.len);
    return wrong;
}

/* ---- all of it ---- */

static const char *token_read_claims(struct token *token, size_t len,
                                     const struct token_rules *rules, uint64_t now)
{
    struct json_field claims[CLAIMS] = {
        [CLAIM_SUB] = {.name = STR("sub")},   [CLAIM_EXP] = {.name = STR("exp")},
        [CLAIM_NBF] = {.name = STR("nbf")},   [CLAIM_AUD] = {.name = STR("aud")},
        [CLAIM_ISS] = {.name = STR("iss")},   [CLAIM_NAME] = {.name = STR("name")},
        [CLAIM_CAPS] = {.name = STR("caps")},
    };
    const char *wrong;

    if (json_read_object(token->payload, len, claims, CLAIMS) < 0)
        return "the token does not carry a JSON object of at most 32 members";
    wrong = token_check_times(token, claims, now);
    if (wrong == NULL)
        wrong = token_check_parties(token, claims, rules);
    if (wrong == NULL)
        wrong = token_check_person(token, claims);
    return wrong != NULL ? wrong : token_read_caps(token, &claims[CLAIM_CAPS]);
}

const char *token_read(struct token *token, struct str text, const struct token_rules *rules,
                       uint64_t now)
{
    ptrdiff_t len = jwt_open(token->payload, text, &rules->keys);

    token->grant_count = 0;
    if (len < 0)
        return jwt_error_text((enum jwt_error) - len);
    return token_read_claims(token, (size_t)len, rules, now);
}

uint64_t token_person(struct str sub)
{
    uint8_t hash[SHA256_SIZE];
    uint64_t number = 0;

    sha256(hash, sub.ptr, sub.len);
    for (size_t i = 0; i < sizeof(number); i++)
        number = number << 8 | hash[i];
    return number | 1;
}
