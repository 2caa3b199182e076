/* One ban, and the table of them: what they are made of. What is done with them: chat/bans.h. */
#ifndef CHAT_BAN_H
#define CHAT_BAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "auth/rights.h"
#include "base/ip.h"
#include "base/str.h"

#define BANS_MAX 1000  /* that may be made */
#define BANS_SHARE 10  /* what part of the free places one who asks may have: a tenth */
#define BANS_LIFTED 64 /* that are remembered once they are lifted */
/* Why somebody is closed. */
#define BANS_REASON "you are banned from this room"

#define BAN_ROOMS_MAX 16       /* patterns of rooms of one */
#define BAN_SUB_MAX 255        /* bytes of a subject */
#define BAN_NAME_SIZE (16 + 1) /* of a ban, with its NUL */

struct channel;

struct ban {
    uint64_t number; /* its name, as 16 hex digits */
    uint64_t seq;    /* of its event */
    uint64_t until;  /* milliseconds since 1970; 0: without an end */
    uint64_t ends;   /* the same on the monotonic clock; UINT64_MAX */
    uint32_t word;   /* the log's */
    uint64_t asker;  /* who asked for it, see bans_event; 0: not known */
    bool is_fresh;   /* nobody inside was looked at because of it yet */
    bool has_address;
    struct ip_network address; /* of those without a sub; of one that has one: where it was */
    struct str sub;            /* ptr is NULL: none */
    struct str reason;         /* ptr is NULL: none was given */
    size_t room_count;
    struct grant rooms[BAN_ROOMS_MAX]; /* RIGHTS_ALL in those that it is for */
    struct str json;
    char bytes[];
};

/* One that waits for its commit. */
struct ban_asked {
    uint64_t number;
    uint64_t asker;
};

/* By the seqs of their events. */
struct bans {
    struct channel *channel;   /* NULL: none was ever heard of */
    const struct ban **sorted; /* size places, owned: see bans_sort */
    const struct ban **found;  /* size places, owned: see bans_collect */
    struct ban **items;        /* size places, owned, as they are */
    size_t count;
    size_t size;
    size_t fresh;                 /* at most so many are */
    uint64_t made;                /* so many came, of all times */
    struct ban_asked *waiting;    /* BANS_MAX places, asked of them taken; NULL: none was ever
                                     asked for; owned */
    size_t asked;                 /* that wait for their commit */
    uint64_t lifted[BANS_LIFTED]; /* numbers of those that were lifted last */
    size_t lifts;
};

/* Somebody at the door, or inside. */
struct ban_person {
    struct str sub;      /* ptr is NULL: none */
    const struct ip *ip; /* NULL: not known */
    bool is_at_password; /* asks for a new sub: where the last one was banned counts */
};

/* Somebody inside, as bans know people. */
struct ban_identity {
    struct str sub; /* ptr is NULL: none */
    struct ip ip;
    bool has_ip;
    bool has_address;
    struct ip_network address; /* by which they would be banned */
};

/* Bans of one person. */
struct ban_list {
    const struct ban *const *items;
    size_t count;
};

/* What a ban is to be. */
struct ban_wish {
    struct str rooms[BAN_ROOMS_MAX];
    size_t room_count; /* at least 1 */
    struct str sub;    /* ptr is NULL: none; then there is an address */
    struct str address;
    uint64_t seconds; /* from now on; 0: until `until` */
    uint64_t until; /* milliseconds since 1970; 0: without an end. Set by bans_event where `seconds`
                       is not 0 */
    struct str reason;
    struct str by;   /* the subject of who asks for it; ptr is NULL: none */
    bool has_all;    /* who asks keeps order in all rooms, and may have all places */
    uint64_t number; /* set by bans_event */
};

#endif
