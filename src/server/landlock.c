#include "server/landlock.h"

#include <fcntl.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/util.h"

/* ---- the kernel's side (landlock(7), linux/landlock.h); not every libc comes with its headers,
 * and many come with old ones ---- */

#ifndef SYS_landlock_create_ruleset
#define SYS_landlock_create_ruleset 444
#define SYS_landlock_add_rule 445
#define SYS_landlock_restrict_self 446
#endif

#define CREATE_RULESET_VERSION 1u
#define RULE_PATH_BENEATH 1
#define RULE_NET_PORT 2
#define NET_CONNECT_TCP ((uint64_t)1 << 1)

#define FS_WRITE_FILE ((uint64_t)1 << 1)
#define FS_READ_FILE ((uint64_t)1 << 2)
#define FS_REMOVE_FILE ((uint64_t)1 << 5)
#define FS_MAKE_REGULAR ((uint64_t)1 << 8)
#define FS_TRUNCATE ((uint64_t)1 << 14)

struct ruleset {
    uint64_t fs;
    uint64_t net;
    uint64_t scoped;
};

struct path_beneath {
    uint64_t allowed;
    int32_t folder;
} __attribute__((packed));

struct net_port {
    uint64_t allowed;
    uint64_t port;
};

/* The rights that each version knows, as bits from 0 on: how many of files (execute, write, read,
 * list, remove, make ...; refer; truncate; ioctl of devices), of TCP (bind, connect), and of scopes
 * (abstract unix sockets, signals). */
static const struct {
    uint8_t fs, net, scoped;
} versions[] = {
    {0, 0, 0}, {13, 0, 0}, {14, 0, 0}, {15, 0, 0}, {15, 2, 0}, {16, 2, 0}, {16, 2, 2}, {16, 2, 2},
};

static uint64_t first_bits(unsigned count)
{
    return ((uint64_t)1 << count) - 1;
}

void landlock_init(struct landlock *l)
{
    long abi = syscall(SYS_landlock_create_ruleset, NULL, (size_t)0, CREATE_RULESET_VERSION);
    struct ruleset ruleset;

    l->fd = -1;
    l->abi = 0;
    if (abi <= 0)
        return;
    if ((size_t)abi >= ARRAY_LEN(versions))
        abi = ARRAY_LEN(versions) - 1;
    ruleset = (struct ruleset){.fs = first_bits(versions[abi].fs),
                               .net = first_bits(versions[abi].net),
                               .scoped = first_bits(versions[abi].scoped)};
    /* An older kernel takes a longer structure when the rest of it is zero. */
    l->fd = (int)syscall(SYS_landlock_create_ruleset, &ruleset, sizeof(ruleset), 0u);
    l->abi = l->fd < 0 ? 0 : (int)abi;
}

static const uint64_t rights[] = {
    [LANDLOCK_READ] = FS_READ_FILE,
    [LANDLOCK_REMOVE] = FS_REMOVE_FILE,
    [LANDLOCK_WRITE] = FS_WRITE_FILE | FS_REMOVE_FILE | FS_MAKE_REGULAR | FS_TRUNCATE,
};

void landlock_allow(struct landlock *l, const char *folder, enum landlock_right right)
{
    /* A right that this version does not know cannot be given, and is not taken away. */
    struct path_beneath rule = {.allowed = rights[right] & first_bits(versions[l->abi].fs)};

    if (l->fd < 0)
        return;
    rule.folder = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (rule.folder < 0)
        return;
    syscall(SYS_landlock_add_rule, l->fd, RULE_PATH_BENEATH, &rule, 0u);
    close(rule.folder);
}

void landlock_allow_connecting(struct landlock *l, uint16_t port)
{
    struct net_port rule = {.allowed = NET_CONNECT_TCP, .port = port};

    if (l->fd >= 0 && versions[l->abi].net > 0)
        syscall(SYS_landlock_add_rule, l->fd, RULE_NET_PORT, &rule, 0u);
}

int landlock_enter(struct landlock *l)
{
    int abi = 0;

    if (l->fd >= 0 && syscall(SYS_landlock_restrict_self, l->fd, 0u) == 0)
        abi = l->abi;
    landlock_deinit(l);
    return abi;
}

void landlock_deinit(struct landlock *l)
{
    if (l->fd >= 0)
        close(l->fd);
    l->fd = -1;
}
