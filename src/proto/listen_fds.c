#include "proto/listen_fds.h"

#include <string.h>

#include "base/util.h"

static const char *listen_fds_read_names(struct listen_fds *fds, const char *text)
{
    struct str rest = str_from(text);
    size_t count = 0;

    while (rest.ptr != NULL) {
        struct str name = str_cut(&rest, ':');

        if (count < fds->count)
            fds->names[count] = name;
        count++;
    }
    return count == fds->count ? NULL : "LISTEN_FDNAMES does not name as many as LISTEN_FDS says";
}

const char *listen_fds_read(struct listen_fds *fds, const char *pid, const char *count,
                            const char *names, uint64_t own_pid)
{
    uint64_t value;

    memset(fds, 0, sizeof(*fds));
    if (pid == NULL || count == NULL || !str_to_u64(str_from(pid), UINT64_MAX, &value) ||
        value != own_pid)
        return NULL;
    if (!str_to_u64(str_from(count), LISTEN_FDS_MAX, &value))
        return "LISTEN_FDS is not a number from 0 to 16";
    fds->count = (size_t)value;
    return fds->count == 0 || names == NULL ? NULL : listen_fds_read_names(fds, names);
}
