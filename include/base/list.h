/* Intrusive doubly linked list, circular, with a head node:
 *
 *      head <-> first <-> ... <-> last <-> head
 *
 * A node that is in no list points at itself, so that list_remove is always safe and idempotent. */
#ifndef BASE_LIST_H
#define BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct list {
    struct list *next;
    struct list *prev;
};

static inline void list_init(struct list *node)
{
    node->next = node;
    node->prev = node;
}

static inline bool list_is_empty(const struct list *head)
{
    return head->next == head;
}

/* Is the node in a list? The same question as above, asked of a member. */
static inline bool list_is_linked(const struct list *node)
{
    return node->next != node;
}

/* Puts a node that is in no list behind the last. */
static inline void list_append(struct list *head, struct list *node)
{
    node->prev = head->prev;
    node->next = head;
    head->prev->next = node;
    head->prev = node;
}

static inline void list_remove(struct list *node)
{
    node->prev->next = node->next;
    node->next->prev = node->prev;
    list_init(node);
}

/* Takes the first node out and returns it, or NULL where there is none. */
static inline struct list *list_take_first(struct list *head)
{
    struct list *first = head->next;

    if (first == head)
        return NULL;
    list_remove(first);
    return first;
}

#endif
