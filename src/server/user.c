#include "server/user.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/str.h"

/* (uid_t)-1 means "leave it as it is" to the kernel. */
#define ID_MAX ((uint64_t)UINT32_MAX - 1)

static const char *take_entry(struct user *user, const struct passwd *entry)
{
    if (entry == NULL)
        return "there is no such user";
    if (strlen(entry->pw_name) >= sizeof(user->name))
        return "the name is too long";
    user->uid = entry->pw_uid;
    user->gid = entry->pw_gid;
    snprintf(user->name, sizeof(user->name), "%s", entry->pw_name);
    return NULL;
}

static const char *find_number(struct user *user, uint64_t uid, struct str group)
{
    const struct passwd *entry;
    uint64_t gid;

    if (group.ptr == NULL) {
        entry = getpwuid((uid_t)uid);
        return entry == NULL ? "it has no entry; say UID:GID" : take_entry(user, entry);
    }
    if (!str_to_u64(group, ID_MAX, &gid))
        return "the group must be a number";
    user->uid = (uid_t)uid;
    user->gid = (gid_t)gid;
    user->name[0] = '\0';
    return NULL;
}

const char *user_find(struct user *user, const char *text)
{
    struct str group = str_from(text);
    struct str name = str_cut(&group, ':');
    const char *problem;
    uint64_t uid;

    if (str_to_u64(name, ID_MAX, &uid))
        problem = find_number(user, uid, group);
    else if (group.ptr != NULL)
        problem = "the user must be a number where a group is given";
    else
        problem = take_entry(user, getpwnam(text));
    if (problem == NULL && user->uid == 0)
        problem = "that is root";
    if (problem == NULL && geteuid() != 0)
        problem = "only root can become another user";
    return problem;
}

/* Root could come back if one of the three ids of user or group were still its own. */
static bool is_become(const struct user *user)
{
    uid_t uid[3];
    gid_t gid[3];

    if (getresuid(&uid[0], &uid[1], &uid[2]) < 0 || getresgid(&gid[0], &gid[1], &gid[2]) < 0)
        return false;
    for (int i = 0; i < 3; i++) {
        if (uid[i] != user->uid || gid[i] != user->gid)
            return false;
    }
    return setuid(0) < 0 && (user->gid == 0 || setgid(0) < 0);
}

/* Groups first: without root's rights they cannot be changed any more. */
const char *user_become(const struct user *user)
{
    int result =
        user->name[0] != '\0' ? initgroups(user->name, user->gid) : setgroups(1, &user->gid);

    if (result < 0 || setresgid(user->gid, user->gid, user->gid) < 0 ||
        setresuid(user->uid, user->uid, user->uid) < 0)
        return strerror(errno);
    return is_become(user) ? NULL : "root could be regained";
}
