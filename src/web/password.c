#include "web/password.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* So many more wrong ones are counted: then the pause is the longest. */
#define PASSWORD_WRONG_MORE 6

int password_read(struct password *password, char *problem, size_t size)
{
    char text[PASSWORD_MAX + 2];
    int fd = open(password->file, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    ssize_t len = fd >= 0 ? read(fd, text, sizeof(text)) : -1;
    struct str rest = {text, len > 0 ? (size_t)len : 0}, line = str_cut(&rest, '\n');

    if (len < 0)
        snprintf(problem, size, "%s", strerror(errno));
    else if (line.len < PASSWORD_MIN || line.len > PASSWORD_MAX)
        snprintf(problem, size, "its first line must have %d to %d bytes", PASSWORD_MIN,
                 PASSWORD_MAX);
    if (fd >= 0)
        close(fd);
    if (len >= 0 && line.len >= PASSWORD_MIN && line.len <= PASSWORD_MAX)
        sha256(password->hash, line.ptr, line.len);
    else
        len = -1;
    explicit_bzero(text, sizeof(text));
    return len < 0 ? -1 : 0;
}

void password_deinit(struct password *password)
{
    explicit_bzero(password->hash, sizeof(password->hash));
    free(password->places);
    password->places = NULL;
}

static struct password_place *password_place(const struct password *password, const struct ip *ip)
{
    struct str bytes = {(const char *)ip->bytes, sizeof(ip->bytes)};

    return &password->places[hash_str(&password->seed, bytes) % PASSWORD_PLACES];
}

/* One second, two, four, ... */
static uint64_t password_pause(uint32_t wrong)
{
    uint32_t beyond = wrong - PASSWORD_FREE;

    return beyond < 6 ? UINT64_C(1000) << beyond : PASSWORD_WAIT_MAX;
}

uint64_t password_wait(const struct password *password, const struct ip *ip, uint64_t now)
{
    const struct password_place *place;
    uint64_t end;

    if (password->places == NULL)
        return 0;
    place = password_place(password, ip);
    if (place->wrong < PASSWORD_FREE || place->last + PASSWORD_FORGET <= now)
        return 0;
    end = place->last + password_pause(place->wrong);
    return end > now ? end - now : 0;
}

static void password_note_wrong(struct password *password, const struct ip *ip, uint64_t now)
{
    struct password_place *place;

    if (password->places == NULL)
        password->places = calloc(PASSWORD_PLACES, sizeof(*password->places));
    if (password->places == NULL)
        return;
    place = password_place(password, ip);
    if (place->last + PASSWORD_FORGET <= now)
        place->wrong = 0;
    place->wrong += place->wrong < PASSWORD_FREE + PASSWORD_WRONG_MORE;
    place->last = now;
}

bool password_try(struct password *password, struct str text, const struct ip *ip, uint64_t now)
{
    uint8_t given[SHA256_SIZE];
    unsigned difference = 0;

    sha256(given, text.ptr, text.len);
    for (size_t i = 0; i < SHA256_SIZE; i++)
        difference |= given[i] ^ password->hash[i];
    if (difference != 0)
        password_note_wrong(password, ip, now);
    return difference == 0;
}

/* The places mean what they do by the seed. */
void password_hand(struct hand_writer *w, const struct password *password)
{
    hand_put_u64(w, password->seed.add);
    hand_put_u64(w, password->seed.multiply);
    hand_put_bool(w, password->places != NULL);
    for (size_t i = 0; password->places != NULL && i < PASSWORD_PLACES; i++) {
        hand_put_u64(w, password->places[i].last);
        hand_put_u32(w, password->places[i].wrong);
    }
}

bool password_take(struct password *password, struct hand_reader *r)
{
    password->seed.add = hand_get_u64(r);
    password->seed.multiply = hand_get_u64(r);
    if (!hand_get_bool(r))
        return hand_is_good(r);
    password->places = calloc(PASSWORD_PLACES, sizeof(*password->places));
    if (!hand_check(r, password->places != NULL, "out of memory"))
        return false;
    for (size_t i = 0; i < PASSWORD_PLACES; i++) {
        password->places[i].last = hand_get_u64(r);
        password->places[i].wrong =
            (uint32_t)hand_upto(r, hand_get_u32(r), PASSWORD_FREE + PASSWORD_WRONG_MORE);
    }
    return hand_is_good(r);
}
