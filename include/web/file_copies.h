/* Copies of the files that --static serves: one of each version of a file, shared by all responses
 * that send it. The name of a version is what the system says of the file: where it is, how long,
 * and when it was changed. A folder in which nobody works costs one copy of what is asked for.
 *
 *      version 1 ---- copy <--- response, response (still on their way)
 *      version 2 ---- copy <--- response, response, response; and kept for the next one
 *
 * A clock has steps: a file may change twice in one, and its length be the same. So what was read
 * within two seconds of the file's last change is read anew once these are over. */
#ifndef WEB_FILE_COPIES_H
#define WEB_FILE_COPIES_H

#include <sys/stat.h>
#include <time.h>

#include "session/http.h"
#include "web/etag.h"

/* Copies that nobody is sent are kept, for the next one, up to so many files and bytes. */
#define FILE_COPIES_KEPT 64
#define FILE_COPIES_BYTES ((size_t)16 * 1024 * 1024)

/* Takes the file behind a descriptor, of which `st` was just read and that is regular; `now` is the
 * time of the system, in seconds. Fills in body and ETag; the body is the caller's to release.
 * Returns 0, or -1 where it could not be read. */
int file_copies_take(struct http_body *body, char etag[ETAG_SIZE], int fd, const struct stat *st,
                     time_t now);

/* Bytes that all copies take, on their way or kept. */
size_t file_copies_bytes(void);

#endif
