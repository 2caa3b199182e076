/* Lets a whole program run on a faulty kernel: FAULTS="read=3 send=7 wait=1 eintr again" cuts reads
 * to 3 bytes, sends to 7 bytes and waits to one event, and makes every second call fail with EINTR
 * or EAGAIN. "fdatasync=EIO:2-3" has the second and the third call fail; of one call for files,
 * from the first: openat, mkdir, pwrite, fallocate, fsync or fdatasync. Words may be left out. */
#include "disk.h"
#include "wrap.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Returns false where it is no word about a file. */
static bool read_file_word(const char *word)
{
    static const struct {
        const char *name;
        int error;
    } errors[] = {{"EIO", EIO}, {"ENOSPC", ENOSPC}, {"EDQUOT", EDQUOT}, {"EROFS", EROFS}};
    char call[32], name[32];
    long first, last;

    if (sscanf(word, "%31[a-z]=%31[A-Z]:%ld-%ld", call, name, &first, &last) != 4)
        return false;
    for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
        if (strcmp(errors[i].name, name) == 0) {
            disk_fail_calls(call, errors[i].error, first, last);
            return true;
        }
    }
    return false;
}

static void read_word(const char *word)
{
    unsigned most;

    if (read_file_word(word))
        return;
    if (sscanf(word, "read=%u", &most) == 1)
        fault_short(FAULT_READ, most);
    else if (sscanf(word, "send=%u", &most) == 1)
        fault_short(FAULT_SEND, most);
    else if (sscanf(word, "wait=%u", &most) == 1)
        fault_short(FAULT_WAIT, most);
    else if (strcmp(word, "eintr") == 0)
        for (enum fault_call call = FAULT_READ; call <= FAULT_WAIT; call++)
            fault_fail_alternating(call, EINTR);
    else if (strcmp(word, "again") == 0)
        for (enum fault_call call = FAULT_READ; call <= FAULT_ACCEPT; call++)
            fault_fail_alternating(call, EAGAIN);
    else
        abort();
}

__attribute__((constructor)) static void read_environment(void)
{
    char words[256];
    const char *faults = getenv("FAULTS");

    if (faults == NULL)
        return;
    snprintf(words, sizeof(words), "%s", faults);
    for (char *word = strtok(words, " "); word != NULL; word = strtok(NULL, " "))
        read_word(word);
}
