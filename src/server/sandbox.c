#include "server/sandbox.h"

#include <limits.h>
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

void sandbox_allow_removing(struct sandbox *s, const char *file)
{
    const char *slash = strrchr(file, '/');
    char folder[PATH_MAX] = ".";

    /* The slash stays: the folder of "/x" is "/". */
    if (slash != NULL)
        snprintf(folder, sizeof(folder), "%.*s", (int)(slash + 1 - file), file);
    s->needs.removing = true;
    landlock_allow(&s->landlock, folder, LANDLOCK_REMOVE);
}

/* Landlock comes first, because the filter refuses its calls. */
void sandbox_enter(struct sandbox *s)
{
    bool is_bound = false, is_filtered = false;
    char uid[12], version[12] = "off";
    int abi = 0;

    snprintf(uid, sizeof(uid), "%u", (unsigned)geteuid());
    if (s->is_on) {
        is_bound = prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0;
        abi = landlock_enter(&s->landlock);
        is_filtered = seccomp_enter(&s->needs) == 0;
    }
    if (abi > 0)
        snprintf(version, sizeof(version), "%d", abi);
    log_info("sandbox", "no_new_privs", is_bound ? "on" : "off", "landlock", version, "seccomp",
             is_filtered ? "on" : "off", "uid", uid);
}
