/* The file of the secrets that tokens are signed with. */
#ifndef AUTH_KEY_FILE_H
#define AUTH_KEY_FILE_H

#include <stdbool.h>

#include "auth/jwt.h"

#define KEY_FILE_KEYS_MAX 16
#define KEY_FILE_SIZE_MAX 65536 /* bytes */

/* Zeroed: one without keys. */
struct key_file {
    struct jwt_key items[KEY_FILE_KEYS_MAX]; /* slices of `text` */
    size_t count;
    struct buf text;
    bool is_open_to_others; /* not only its owner can read it */
};

/* Reads keys out of a text, one a line: `SECRET` or `KID:SECRET`, the secret of at least
 * JWT_SECRET_MIN bytes; empty lines are skipped. Returns NULL, or what is wrong, which tells
 * nothing of a secret; *line is where, from 1 on, or 0. */
const char *key_file_parse(struct key_file *keys, struct str text, unsigned *line);

/* Reads the file anew. Returns 0; or -1 where one line in `problem` says what is wrong, and the
 * keys are as they were. */
int key_file_read(struct key_file *keys, const char *path, char *problem, size_t size);

/* Wipes and frees them. */
void key_file_deinit(struct key_file *keys);

static inline struct jwt_keys key_file_keys(const struct key_file *keys)
{
    return (struct jwt_keys){keys->items, keys->count};
}

#endif
