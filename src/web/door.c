#include "web/door.h"

#include <string.h>

#include "chat/bans.h"
#include "chat/enforce.h"
#include "chat/listen.h"
#include "chat/moderation.h"
#include "web/web.h"

static const struct ip *door_ip(const struct conn *conn)
{
    return conn->peer.is_known ? &conn->peer.ip : NULL;
}

static const struct ban *door_ban(const struct conn *conn, const struct visitor *visitor,
                                  struct str room)
{
    struct ban_person person = {.ip = door_ip(conn)};

    if (room.len == 0)
        return NULL;
    if (visitor->has_token)
        person.sub = visitor->token.sub;
    return bans_find(web_of(conn)->chat, &person, room);
}

bool door_is_barred(const struct conn *conn, const struct visitor *visitor, struct str room)
{
    return door_ban(conn, visitor, room) != NULL;
}

bool door_turns_away(struct conn *conn, const struct visitor *visitor, struct str room)
{
    const struct ban *ban = door_ban(conn, visitor, room);

    if (ban != NULL)
        chat_warn(web_of(conn)->chat, conn->member.client, "banned", ban->reason);
    return ban != NULL;
}

static void door_check(void *arg, struct sendq *out, const struct ban *ban)
{
    struct web *web = arg;
    struct conn *conn = conn_of_queue(out);
    struct ban_person person = {.ip = door_ip(conn), .sub = gate_sub_of(&web->gate, conn)};

    if (!conn->is_member || conn->is_closing || !ban_is_of(ban, &person))
        return;
    if (!conn->is_listener)
        chat_warn(web->chat, conn->member.client, "banned", ban->reason);
    conn_close(conn, CLOSE_FORBIDDEN, BANS_REASON);
}

void door_enforce(struct web *web)
{
    bans_enforce(web->chat, door_check, web);
}

bool door_is_shut(struct sendq *out, struct str room)
{
    const struct conn *conn = conn_of_queue(out);
    const struct web *web = web_of(conn);
    struct ban_person person = {.ip = door_ip(conn), .sub = gate_sub_of(&web->gate, conn)};

    return bans_find(web->chat, &person, room) != NULL;
}

bool door_may_hear(struct sendq *out, struct str room)
{
    const struct conn *conn = conn_of_queue(out);
    const uint8_t needed = RIGHT_SUB | RIGHT_HST;

    return (gate_rights_everywhere(&web_of(conn)->gate, conn) & needed) == needed &&
           !door_is_shut(out, room);
}

static bool door_is_guest(const struct web *web, struct str sub)
{
    const struct str guest = STR(GATE_GUEST);

    return web->password.file != NULL && sub.len > guest.len &&
           memcmp(sub.ptr, guest.ptr, guest.len) == 0;
}

bool door_identify(struct sendq *out, struct ban_identity *who)
{
    const struct conn *conn = conn_of_queue(out);
    const struct web *web = web_of(conn);
    const struct address_limits *limits = &web->addresses.limits;
    const struct ip *ip = &conn->peer.ip;

    *who = (struct ban_identity){.sub = gate_sub_of(&web->gate, conn)};
    if (!gate_is_on(&web->gate))
        return false; /* then nobody may ban */
    who->has_ip = conn->peer.is_known;
    who->ip = *ip;
    /* Who knows the password could ask for another token. */
    who->has_address = who->has_ip && (who->sub.ptr == NULL || door_is_guest(web, who->sub));
    if (who->has_address) {
        who->address.base = ip_prefix(ip, limits->v4_bits, limits->v6_bits);
        who->address.bits =
            (uint8_t)(ip_is_v4(ip) ? IP_V4_BITS + limits->v4_bits : limits->v6_bits);
    }
    return who->sub.ptr != NULL || who->has_address;
}

uint64_t door_person(struct sendq *out)
{
    const struct conn *conn = conn_of_queue(out);

    return gate_person_of(&web_of(conn)->gate, conn);
}
