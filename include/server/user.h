/* The user that the server becomes when it was started as root. */
#ifndef SERVER_USER_H
#define SERVER_USER_H

#include <stdbool.h>
#include <sys/types.h>

#define USER_NAME_MAX 64 /* with the NUL */

struct user {
    uid_t uid;
    gid_t gid;
    char name[USER_NAME_MAX]; /* whose further groups count; "": there are none */
};

/* Finds a user: NAME, UID or UID:GID. A name, and a UID that the system knows, have their groups;
 * with a GID it is that group alone. Returns NULL, or why it cannot be taken. */
const char *user_find(struct user *user, const char *text);

/* Becomes the user, for ever: user, group and further groups, real, effective and saved. Returns
 * NULL, or why it failed; the process must then end. */
const char *user_become(const struct user *user);

#endif
