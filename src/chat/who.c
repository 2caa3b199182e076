#include "chat/who.h"

#include <stdlib.h>
#include <string.h>

/* Of somebody who is away. */
struct who {
    struct ban_identity identity; /* its sub is in `sub` */
    char sub[];
};

static struct who **who_place(const struct chat *chat, const struct client *client)
{
    return chat->whos == NULL ? NULL : &chat->whos[client_table_place(&chat->clients, client)];
}

static struct who *who_new(const struct ban_identity *identity)
{
    struct who *who = malloc(sizeof(*who) + identity->sub.len);

    if (who == NULL)
        return NULL;
    who->identity = *identity;
    if (identity->sub.ptr == NULL)
        return who;
    memcpy(who->sub, identity->sub.ptr, identity->sub.len);
    who->identity.sub.ptr = who->sub;
    return who;
}

/* Returns 0, or -1 with errno ENOMEM. */
static int who_keep(struct chat *chat, const struct client *client,
                    const struct ban_identity *identity)
{
    if (chat->whos == NULL)
        chat->whos = calloc(chat->clients.capacity, sizeof(struct who *));
    if (chat->whos == NULL)
        return -1;
    who_forget(chat, client);
    *who_place(chat, client) = who_new(identity);
    return *who_place(chat, client) == NULL ? -1 : 0;
}

/* One that only waited for the seat adds nothing: what is known of it stays. */
void who_note(struct chat *chat, const struct client *client)
{
    struct ban_identity identity;

    if (client_out(client) != NULL && who_of(chat, client, &identity))
        (void)who_keep(chat, client, &identity);
}

void who_forget(struct chat *chat, const struct client *client)
{
    struct who **place = who_place(chat, client);

    if (place == NULL)
        return;
    free(*place);
    *place = NULL;
}

bool who_of(const struct chat *chat, const struct client *client, struct ban_identity *who)
{
    struct sendq *out = client_out(client);
    struct who **place = who_place(chat, client);

    *who = (struct ban_identity){.has_ip = false};
    if (out != NULL)
        return chat->hooks.identify != NULL && chat->hooks.identify(out, who);
    if (place == NULL || *place == NULL)
        return false;
    *who = (*place)->identity;
    return true;
}

/* An address or a network, or "-"; a space; the sub behind an "s", or nothing. */
int who_write(struct buf *out, const struct ban_identity *who)
{
    char address[IP_TEXT_MAX] = "-";

    if (who->has_address)
        ip_network_write(address, &who->address);
    if (buf_printf(out, "%s %s", address, who->sub.ptr != NULL ? "s" : "") < 0)
        return -1;
    return who->sub.ptr != NULL ? buf_append_str(out, who->sub) : 0;
}

bool who_read(struct ban_identity *who, struct str text)
{
    struct str address = str_cut(&text, ' ');

    *who = (struct ban_identity){.has_ip = false};
    if (text.ptr == NULL || (text.len > 0 && text.ptr[0] != 's') || text.len > BAN_SUB_MAX + 1)
        return false;
    if (text.len > 0)
        who->sub = (struct str){text.ptr + 1, text.len - 1};
    who->has_address = !str_equals(address, STR("-"));
    if (who->has_address && !ip_network_read(&who->address, address))
        return false;
    return who->has_address || who->sub.len > 0;
}

/* ---- from one process to the next ---- */

void who_hand(struct hand_writer *w, const struct chat *chat, const struct client *client)
{
    struct who **place = who_place(chat, client);
    const struct who *who = place != NULL ? *place : NULL;

    hand_put_bool(w, who != NULL);
    if (who == NULL)
        return;
    hand_put_str(w, who->identity.sub);
    hand_put_bool(w, who->identity.has_ip);
    hand_put_raw(w, who->identity.ip.bytes, sizeof(who->identity.ip.bytes));
    hand_put_bool(w, who->identity.has_address);
    hand_put_raw(w, who->identity.address.base.bytes, sizeof(who->identity.address.base.bytes));
    hand_put_u8(w, who->identity.address.bits);
}

void who_take(struct hand_reader *r, struct chat *chat, const struct client *client)
{
    struct ban_identity who;

    if (!hand_get_bool(r))
        return;
    who.sub = hand_get_str(r, BAN_SUB_MAX);
    who.has_ip = hand_get_bool(r);
    hand_get_raw(r, who.ip.bytes, sizeof(who.ip.bytes));
    who.has_address = hand_get_bool(r);
    hand_get_raw(r, who.address.base.bytes, sizeof(who.address.base.bytes));
    who.address.bits = (uint8_t)hand_upto(r, hand_get_u8(r), IP_BITS);
    if (hand_is_good(r) && who_keep(chat, client, &who) < 0)
        hand_fail(r, "out of memory");
}
