/* The folder of a journal: its segments, named by their numbers in 16 hexadecimal digits; a file
 * `lock`; and a file `closed` while no server uses it and the last one ended as it should. */
#ifndef LOG_JOURNAL_FOLDER_H
#define LOG_JOURNAL_FOLDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

/* A file that is there while a repair moves files: what is in the folder is no journal then. */
#define JOURNAL_REPAIRED "repaired"

#define JOURNAL_NAME_SIZE 17 /* bytes of a segment's name, the NUL included */

/* Numbers of segments in order. */
struct journal_list {
    uint64_t *numbers; /* owned */
    size_t count;
};

/* Opens a folder. Returns a descriptor, or -1 with errno. */
int journal_folder_open(const char *path);

/* Takes the lock of the one server, or of `repair`; it lasts as long as the descriptor that is
 * returned. -1: errno is EWOULDBLOCK where somebody else has it. */
int journal_folder_lock(int folder);

/* Opens the file of the lock, without taking it, to read or to write (O_RDONLY, O_WRONLY). Returns
 * a descriptor, or -1 with errno. */
int journal_folder_open_lock(int folder, int mode);

/* Does somebody have it? Changes nothing. */
bool journal_folder_is_locked(int folder);

/* Returns 0, or -1 with errno. The list is the caller's to free (journal_list_deinit), in both
 * cases. */
int journal_folder_list(int folder, struct journal_list *list);
void journal_list_deinit(struct journal_list *list);

void journal_segment_name(char out[JOURNAL_NAME_SIZE], uint64_t number);

/* Reads a whole segment behind what is in the buffer. Returns 0, or -1 with errno: EFBIG where no
 * segment can be so long. */
int journal_folder_read(int folder, uint64_t number, struct buf *out);

/* Where the journal ended when the last server ended as it should. */
struct journal_end {
    uint64_t number; /* of the last segment */
    uint64_t len;    /* its length */
};

/* Returns 1 where the folder says so, 0 where it does not; -1 with errno: EBADMSG where what it
 * says is damaged. */
int journal_folder_end(int folder, struct journal_end *end);

/* Has the folder say so, for good; and no longer. Return 0, or -1 with errno. */
int journal_folder_close(int folder, const struct journal_end *end);
int journal_folder_reopen(int folder);

/* Replaces a segment by one with these bytes: whatever happens meanwhile, one of both is there.
 * Returns 0, or -1 with errno. */
int journal_folder_replace(int folder, uint64_t number, const uint8_t *data, size_t len);

/* Writes all bytes at an offset of a file. Returns 0, or -1 with errno. */
int journal_write_all(int fd, const uint8_t *data, size_t len, uint64_t offset);

#endif
