#include "cli/unsent.h"

#include <stdlib.h>
#include <string.h>

#include "base/util.h"

void unsent_init(struct unsent *u, uint64_t secret)
{
    *u = (struct unsent){.secret = secret};
}

static void entry_free(struct unsent_entry *entry)
{
    buf_deinit(&entry->text);
    free(entry);
}

void unsent_deinit(struct unsent *u)
{
    for (size_t i = 0; i < u->count; i++)
        entry_free(u->entries[i]);
    unsent_init(u, u->secret);
}

bool unsent_is_full(const struct unsent *u)
{
    return u->count >= UNSENT_MAX || u->bytes >= UNSENT_BYTES_MAX;
}

static struct unsent_entry *entry_new(struct str text)
{
    struct unsent_entry *entry = calloc(1, sizeof(*entry));

    if (entry != NULL && buf_append_str(&entry->text, text) < 0) {
        free(entry);
        return NULL;
    }
    return entry;
}

struct unsent_entry *unsent_add(struct unsent *u, struct str text, uint64_t to)
{
    struct unsent_entry *entry = u->count < UNSENT_MAX ? entry_new(text) : NULL;

    if (entry == NULL)
        return NULL;
    entry->to = to;
    entry->number = ++u->added;
    snprintf(entry->ref, sizeof(entry->ref), "%016llx-%llu", (unsigned long long)u->secret,
             (unsigned long long)entry->number);
    u->entries[u->count++] = entry;
    u->bytes += text.len;
    return entry;
}

void unsent_skip(struct unsent *u)
{
    u->added++;
}

struct unsent_entry *unsent_find(const struct unsent *u, struct str ref)
{
    for (size_t i = 0; i < u->count; i++) {
        if (str_equals(str_from(u->entries[i]->ref), ref))
            return u->entries[i];
    }
    return NULL;
}

struct unsent_entry *unsent_first(const struct unsent *u, enum unsent_state state)
{
    for (size_t i = 0; i < u->count; i++) {
        if (u->entries[i]->state == state)
            return u->entries[i];
    }
    return NULL;
}

void unsent_remove(struct unsent *u, struct unsent_entry *entry)
{
    size_t at = 0;

    while (u->entries[at] != entry)
        at++;
    u->count--;
    u->bytes -= entry->text.len;
    memmove(&u->entries[at], &u->entries[at + 1], (u->count - at) * sizeof(struct unsent_entry *));
    entry_free(entry);
}

void unsent_move(struct unsent *u, enum unsent_state from, enum unsent_state to)
{
    for (size_t i = 0; i < u->count; i++) {
        if (u->entries[i]->state == from)
            u->entries[i]->state = to;
    }
}
