/* A password that lets people in, for servers without an app in front: who knows it gets a token of
 * the server's own making. Wrong ones are slowed down by address, in a table that does not grow. */
#ifndef WEB_PASSWORD_H
#define WEB_PASSWORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/hand.h"
#include "base/hash.h"
#include "base/ip.h"
#include "base/sha256.h"
#include "base/str.h"

#define PASSWORD_MIN 8 /* bytes */
#define PASSWORD_MAX 256
#define PASSWORD_PLACES 1024 /* of addresses: those at one place wait for each other */

/* How often an address may be wrong before it has to wait, and how long it waits at most. */
#define PASSWORD_FREE 5
#define PASSWORD_WAIT_MAX 60000
#define PASSWORD_FORGET 600000 /* milliseconds after which all is forgotten */

struct password_place {
    uint64_t last;  /* monotonic ms of the last wrong one */
    uint32_t wrong; /* how many there were */
};

struct password {
    const char *file; /* NULL: none is asked for */
    uint8_t hash[SHA256_SIZE];
    struct hash_seed seed;
    struct password_place *places; /* PASSWORD_PLACES, owned; NULL: nobody was wrong */
};

/* Reads the first line of the file anew. Returns 0, or -1 where a line in `problem` says what is
 * wrong, and it is as it was. */
int password_read(struct password *password, char *problem, size_t size);

void password_deinit(struct password *password);

/* Milliseconds until an address may try again; 0: now. */
uint64_t password_wait(const struct password *password, const struct ip *ip, uint64_t now);

/* Is it right? Takes as long for a wrong one. A wrong one is noted. */
bool password_try(struct password *password, struct str text, const struct ip *ip, uint64_t now);

/* Writes who was wrong lately, for another process; reads it. Returns false where anything is
 * wrong. */
void password_hand(struct hand_writer *w, const struct password *password);
bool password_take(struct password *password, struct hand_reader *r);

#endif
