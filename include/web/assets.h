/* The files of the web pages: in the binary, or in a folder while one works on them. */
#ifndef WEB_ASSETS_H
#define WEB_ASSETS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"
#include "proto/http/coding.h"
#include "session/http.h"
#include "web/etag.h"

struct asset {
    struct str type; /* Content-Type */
    struct http_body body;
    enum http_coding coding; /* of the body */
    char etag[ETAG_SIZE];
};

/* Who may see which files: everybody, or who can reach the admin listener. */
enum assets_site { ASSETS_PUBLIC, ASSETS_ADMIN };

enum assets_result { ASSETS_FOUND, ASSETS_UNKNOWN, ASSETS_FAILED };

/* Serves from a folder from now on. Returns 0, or -1 with errno where it cannot be opened. */
int assets_open_folder(const char *path);

/* The embedded page has another title from now on. The text stays the caller's. */
void assets_set_title(const char *title);

/* Do they come from a folder, so that finding one takes calls of the system? */
bool assets_are_in_folder(void);

/* Finds the file of a site in the binary, in that coding (one with a title of its own: as it is),
 * for a path that begins with a slash. ASSETS_PUBLIC: "/" and "/echo" are pages, "/NAME" any other
 * file. ASSETS_ADMIN: "/" is the status page, and "/NAME" one of its files. ASSETS_FAILED: memory
 * is out for unpacking it. */
enum assets_result assets_find(struct asset *asset, enum assets_site site, struct str path,
                               enum http_coding coding);

/* The same from the folder, where nothing is packed. The body is the caller's to release.
 * ASSETS_FAILED: the file could not be read. */
enum assets_result assets_read(struct asset *asset, enum assets_site site, struct str path);

#endif
