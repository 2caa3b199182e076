#include <stdio.h>

#include "base/util.h"
#include "log/redis_state.h"

/* The words of an answer, each for a refusal; the first: it was done. */
static const char answers[] = "onab";

static const enum log_refusal refusals[] = {LOG_REFUSED_STOPPED, LOG_REFUSED_ABSENT,
                                            LOG_REFUSED_AWAY, LOG_REFUSED_BUSY};

/* A seat of this node was taken over elsewhere: "id room". */
static void errand_moved(struct redis *r, struct str text)
{
    struct str id = str_cut(&text, ' ');
    struct redis_room *room = redis_room_find(r, text);
    uint64_t number;

    if (room != NULL && str_to_u64(id, CODEC_ID_MAX, &number))
        r->log.calls->evict(r->log.owner, room->channel, number, true);
}

static char errand_word(int why)
{
    for (size_t i = 1; i < ARRAY_LEN(refusals); i++) {
        if (why == (int)refusals[i])
            return answers[i];
    }
    return why < 0 ? answers[0] : 'b';
}

/* Behind a line about what came of it stands what else there is to say. Without memory for that the
 * other node waits in vain, for a while. */
static void errand_answer(struct redis *r, const struct redis_errand *errand, int why,
                          struct str more)
{
    struct buf text;

    buf_init(&text);
    if (buf_printf(&text, "A %llu %c %.*s", (unsigned long long)errand->number, errand_word(why),
                   (int)errand->room.len, errand->room.ptr) == 0 &&
        (more.len == 0 || (buf_append_char(&text, '\n') == 0 && buf_append_str(&text, more) == 0)))
        redis_send_note(r, errand->node, (struct str){(const char *)text.data, text.len});
    buf_deinit(&text);
}

/* Another node has something for somebody who sits here. */
static void errand_take(struct redis *r, struct str text)
{
    struct redis_errand errand;
    struct redis_room *room;
    int why = LOG_REFUSED_ABSENT;
    struct buf answer;

    if (!redis_errand_read(&errand, text) || errand.room.len > CODEC_NAME_MAX ||
        errand.node.len >= REDIS_NODE_MAX + 24)
        return;
    buf_init(&answer);
    room = redis_room_find(r, errand.room);
    if (room != NULL)
        why = r->log.calls->errand(r->log.owner, room->channel, &errand.event, &answer);
    if (redis_errand_is_answered(errand.event.kind))
        errand_answer(r, &errand, why,
                      (struct str){(const char *)answer.data, why < 0 ? answer.len : 0});
    buf_deinit(&answer);
}

/* The one with this number; NULL: nobody waits for it any more. The answer may be here before that
 * of the script which sent it, on another connection. */
static struct redis_append *errand_find(struct redis_room *room, uint64_t number)
{
    for (struct list *at = room->appends.next; at != &room->appends; at = at->next) {
        struct redis_append *append = CONTAINER_OF(at, struct redis_append, link);

        if (append->number == number && redis_errand_is_answered(append->event.kind))
            return append;
    }
    return NULL;
}

static void errand_settle(struct redis *r, struct redis_append *append, int why)
{
    struct redis_room *room = append->room;

    redis_room_hold(room);
    if (why < 0)
        redis_append_settle(r, room, append);
    else
        redis_append_refuse(r, room, append, (enum log_refusal)why);
    redis_room_let(r, room);
}

/* "number word room", and behind a line feed what else there is to say. */
static void errand_answered(struct redis *r, struct str bytes)
{
    struct str text = str_cut(&bytes, '\n');
    struct str number = str_cut(&text, ' '), word = str_cut(&text, ' ');
    struct redis_room *room = redis_room_find(r, text);
    struct redis_append *append;
    uint64_t asked;

    if (room == NULL || word.len != 1 || !str_to_u64(number, UINT64_MAX, &asked))
        return;
    append = errand_find(room, asked);
    for (size_t i = 0; append != NULL && i < ARRAY_LEN(refusals); i++) {
        if (answers[i] == word.ptr[0]) {
            if (append->event.kind == EVENT_WHO)
                append->event.data = bytes;
            errand_settle(r, append, i == 0 ? -1 : (int)refusals[i]);
            return;
        }
    }
}

void redis_errand_told(struct redis *r, struct str bytes)
{
    struct str word = str_cut(&bytes, ' ');

    if (str_equals(word, STR("B")))
        r->deaf_since = 0;
    else if (str_equals(word, STR("M")))
        errand_moved(r, bytes);
    else if (str_equals(word, STR("E")))
        errand_take(r, bytes);
    else if (str_equals(word, STR("A")))
        errand_answered(r, bytes);
}

void redis_errand_wait(struct redis *r, struct redis_append *append)
{
    append->asked = r->now;
    list_remove(&append->errand); /* Redis may have forgotten that it was asked before */
    list_append(&r->errands, &append->errand);
}

void redis_errand_expire(struct redis *r)
{
    while (!list_is_empty(&r->errands)) {
        struct redis_append *append = CONTAINER_OF(r->errands.next, struct redis_append, errand);

        if (r->now < append->asked + REDIS_PATIENCE_MS)
            return;
        errand_settle(r, append, LOG_REFUSED_AWAY);
    }
}
