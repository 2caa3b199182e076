#include "chat/post.h"

#include "base/util.h"
#include "chat/ask.h"
#include "chat/retention.h"

static uint32_t post_cost(const struct chat_post *post)
{
    return (uint32_t)(CHAT_ASK_COST + post->event.text.len);
}

/* The log has it from here on, and `post` may be gone. */
static void post_append(struct chat *chat, struct chat_post *post)
{
    const struct log_ticket ticket = {
        .kind = CHAT_ASKER_POST, .cost = post_cost(post), .tag = (uint64_t)(uintptr_t)post};

    log_append(chat->log, &post->channel->log, &post->event, &ticket);
}

enum chat_result chat_post(struct chat *chat, struct chat_post *post, struct str room)
{
    if (chat->asked >= CHAT_ASKED_TOTAL)
        return CHAT_FULL;
    post->channel = retention_channel(chat, room);
    if (post->channel == NULL)
        return CHAT_NO_MEMORY;
    post->event.is_posted = true;
    post->event.ts = chat->wall;
    post->channel->waiting++;
    chat->asked += post_cost(post);
    list_init(&post->link);
    list_append(&chat->posts, &post->link);
    post_advance(chat);
    return CHAT_OK;
}

void post_advance(struct chat *chat)
{
    struct list waiting, *first;

    list_init(&waiting);
    while ((first = list_take_first(&chat->posts)) != NULL) {
        struct chat_post *post = CONTAINER_OF(first, struct chat_post, link);

        if (ask_is_crammed(chat, post->channel))
            list_append(&waiting, &post->link);
        else
            post_append(chat, post);
    }
    while ((first = list_take_first(&waiting)) != NULL)
        list_append(&chat->posts, first);
}

static struct chat_post *post_of(const struct log_ticket *ticket)
{
    return (struct chat_post *)(uintptr_t)ticket->tag;
}

void post_committed(const struct log_ticket *ticket, const struct event *event)
{
    struct chat_post *post = post_of(ticket);

    post->done(post, event, LOG_REFUSED_STOPPED);
}

void post_refused(const struct log_ticket *ticket, const struct event *event, enum log_refusal why)
{
    struct chat_post *post = post_of(ticket);

    post->done(post, why == LOG_REFUSED_SAID ? event : NULL, why);
}

void post_refuse_all(struct chat *chat)
{
    struct list *first;

    while ((first = list_take_first(&chat->posts)) != NULL) {
        struct chat_post *post = CONTAINER_OF(first, struct chat_post, link);
        struct channel *channel = post->channel;

        chat->asked -= post_cost(post);
        post->done(post, NULL, LOG_REFUSED_STOPPED);
        ask_done(chat, channel);
    }
}
