#include "server/sandbox.h"

#include <limits.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/log.h"

void sandbox_init(struct sandbox *s, bool is_on)
{
    *s = (struct sandbox){.is_on = is_on, .landlock = {.fd = -1}};
    if (is_on)
        landlock_init(&s->landlock);
}

void sandbox_allow_reading(struct sandbox *s, const char *folder)
{
    s->needs.reading = true;
    landlock_allow(&s->landlock, folder, LANDLOCK_READ);
}

/* The slash stays: the folder of "/x" is "/". */
static void sandbox_folder_of(const char *file, char folder[PATH_MAX])
{
    const char *slash = strrchr(file, '/');

    snprintf(folder, PATH_MAX, "%.*s", slash == NULL ? 1 : (int)(slash + 1 - file),
             slash == NULL ? "." : file);
}

void sandbox_allow_rereading(struct sandbox *s, const char *file)
{
    char folder[PATH_MAX];

    sandbox_folder_of(file, folder);
    sandbox_allow_reading(s, folder);
}

void sandbox_allow_removing(struct sandbox *s, const char *file)
{
    char folder[PATH_MAX];

    sandbox_folder_of(file, folder);
    s->needs.removing = true;
    landlock_allow(&s->landlock, folder, LANDLOCK_REMOVE);
}

void sandbox_allow_writing(struct sandbox *s, const char *path, int fd)
{
    s->needs.writing = true;
    s->needs.folder = fd;
    s->needs.event = fd; /* which nobody can write to */
    landlock_allow(&s->landlock, path, LANDLOCK_WRITE);
}

void sandbox_allow_connecting(struct sandbox *s, const struct socket_address *address)
{
    s->needs.connecting = true;
    if (address->storage.ss_family == AF_INET)
        landlock_allow_connecting(&s->landlock,
                                  ntohs(((const struct sockaddr_in *)&address->storage)->sin_port));
    if (address->storage.ss_family == AF_INET6)
        landlock_allow_connecting(
            &s->landlock, ntohs(((const struct sockaddr_in6 *)&address->storage)->sin6_port));
}

void sandbox_allow_handing(struct sandbox *s)
{
    s->needs.handing = true;
}

void sandbox_allow_telling(struct sandbox *s, int event)
{
    s->needs.event = event;
}

/* A thread inherits this from the one that starts it, but nothing brings it to one that runs. */
void sandbox_bind(struct sandbox *s)
{
    if (!s->is_on || s->is_bound)
        return;
    s->is_bound = true;
    s->has_no_privileges = prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0;
    s->abi = landlock_enter(&s->landlock);
}

/* Landlock comes first, because the filter refuses its calls. */
void sandbox_enter(struct sandbox *s)
{
    char uid[12], version[12] = "off";
    bool is_filtered;

    snprintf(uid, sizeof(uid), "%u", (unsigned)geteuid());
    sandbox_bind(s);
    is_filtered = s->is_on && seccomp_enter(&s->needs) == 0;
    if (s->abi > 0)
        snprintf(version, sizeof(version), "%d", s->abi);
    log_info("sandbox", "no_new_privs", s->has_no_privileges ? "on" : "off", "landlock", version,
             "seccomp", is_filtered ? "on" : "off", "uid", uid);
}
