#include "web/later.h"

#include <stdlib.h>
#include <string.h>

#include "web/web.h"

struct later {
    struct http_wait wait;
    struct list list; /* in web->later */
    struct answer answer;
    void (*make)(const struct answer *answer, struct str text);
    size_t len;
    char text[];
};

static void later_on_gone(struct http_wait *wait)
{
    struct later *later = CONTAINER_OF(wait, struct later, wait);

    list_remove(&later->list);
    free(later);
}

/* What is being answered may also end the connection. */
static void later_on_made(struct http_wait *wait)
{
    (void)wait;
}

void later_answer(const struct answer *answer,
                  void (*make)(const struct answer *answer, struct str text), struct str text)
{
    struct later *later = malloc(sizeof(*later) + text.len);

    if (later == NULL) {
        stream_drop(&answer->conn->stream, STREAM_END_MEMORY);
        return;
    }
    *later = (struct later){
        .wait = {.on_gone = later_on_gone}, .answer = *answer, .make = make, .len = text.len};
    if (text.len > 0)
        memcpy(later->text, text.ptr, text.len);
    list_append(&web_of(answer->conn)->later, &later->list);
    http_wait(answer->conn, &later->wait);
}

void later_tick(struct web *web)
{
    struct list *first;

    while ((first = list_take_first(&web->later)) != NULL) {
        struct later *later = CONTAINER_OF(first, struct later, list);

        later->wait.on_gone = later_on_made;
        later->make(&later->answer, (struct str){later->text, later->len});
        free(later);
    }
}
