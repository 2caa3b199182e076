#include "cli/unsent.h"

#include <stdlib.h>

#include "base/util.h"

void unsent_init(struct unsent *u, uint64_t secret)
{
    *u = (struct unsent){.secret = secret};
    list_init(&u->entries);
}

static struct unsent_entry *entry_of(struct list *link)
{
    return CONTAINER_OF(link, struct unsent_entry, link);
}

void unsent_deinit(struct unsent *u)
{
    while (!list_is_empty(&u->entries))
        unsent_remove(u, entry_of(u->entries.next));
}

bool unsent_is_full(const struct unsent *u)
{
    return u->count >= UNSENT_MAX || u->bytes >= UNSENT_BYTES_MAX;
}

struct unsent_entry *unsent_add(struct unsent *u, struct str text, uint64_t to)
{
    struct unsent_entry *entry = calloc(1, sizeof(*entry));

    if (entry == NULL || buf_append_str(&entry->text, text) < 0) {
        free(entry);
        return NULL;
    }
    entry->to = to;
    entry->number = ++u->added;
    snprintf(entry->ref, sizeof(entry->ref), "%016llx-%llu", (unsigned long long)u->secret,
             (unsigned long long)entry->number);
    list_append(&u->entries, &entry->link);
    u->count++;
    u->bytes += text.len;
    return entry;
}

void unsent_skip(struct unsent *u)
{
    u->added++;
}

struct unsent_entry *unsent_find(const struct unsent *u, struct str ref)
{
    for (struct list *at = u->entries.next; at != &u->entries; at = at->next) {
        if (str_equals(str_from(entry_of(at)->ref), ref))
            return entry_of(at);
    }
    return NULL;
}

struct unsent_entry *unsent_first(const struct unsent *u, enum unsent_state state)
{
    for (struct list *at = u->entries.next; at != &u->entries; at = at->next) {
        if (entry_of(at)->state == state)
            return entry_of(at);
    }
    return NULL;
}

void unsent_remove(struct unsent *u, struct unsent_entry *entry)
{
    list_remove(&entry->link);
    u->count--;
    u->bytes -= entry->text.len;
    buf_deinit(&entry->text);
    free(entry);
}

void unsent_move(struct unsent *u, enum unsent_state from, enum unsent_state to)
{
    for (struct list *at = u->entries.next; at != &u->entries; at = at->next) {
        if (entry_of(at)->state == from)
            entry_of(at)->state = to;
    }
}
