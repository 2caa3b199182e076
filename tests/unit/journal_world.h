/* A chat that is as small as the journal allows: rooms with their last messages and seats, and a
 * list of all that was answered. Folders for it are made below $TMPDIR. */
#ifndef TESTS_JOURNAL_WORLD_H
#define TESTS_JOURNAL_WORLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "log/journal.h"
#include "unit/hand_pipe.h"

#define DIARY_ROOMS 8
#define DIARY_KEPT 64
#define DIARY_SEATS 16
#define DIARY_TEXT 256

struct diary_record {
    uint64_t seq, from;
    enum event_kind kind;
    uint32_t word;
    bool has_ref, has_data, has_text, is_on;
    uint64_t re;
    char data[DIARY_TEXT];
    char name[65], ref[129], text[DIARY_TEXT]; /* longer texts are cut */
    size_t text_len;                           /* before that */
};

struct diary_seat {
    uint64_t id;
    uint32_t word;
    char name[65], key[32];
    size_t key_len;
    bool key_is_hash;
};

struct diary_room {
    struct log_channel channel; /* first; name.ptr NULL: not open */
    char name[65];
    uint64_t gone;                        /* seq of the newest message that is not kept */
    struct diary_record kept[DIARY_KEPT]; /* oldest first */
    size_t kept_count;
    struct diary_seat seats[DIARY_SEATS];
    size_t seat_count;
};

struct diary {
    struct log *log;
    struct diary_room rooms[DIARY_ROOMS];
    size_t keep; /* records that a room keeps: at most DIARY_KEPT */
    uint64_t committed, refused, recovered;
    enum log_refusal why;  /* of the last refusal */
    uint64_t last_tag;     /* of the last commit that had a ticket */
    bool is_blocked;       /* has_room says no */
    uint64_t segment_size; /* 0: as usual */
    uint64_t interval_ms;  /* likewise */
    uint64_t ts;           /* of what is appended; 0: it runs forwards */
    /* Is told of each answer to an append; may be NULL. */
    void (*answered)(const struct diary_room *room, const struct event *event,
                     const struct log_ticket *ticket, bool is_committed);
    struct journal_report report;
    struct journal_problem problem;
};

extern struct diary diary;

/* A new empty folder; and the end of it with all that is in it. */
const char *diary_folder(void);
void diary_remove_folder(void);

/* Opens the folder and recovers. Returns 0, or -1 with diary.problem. */
int diary_open(enum journal_sync sync, uint64_t disk_max);

/* Ends as a server that stops; or as one that is killed: what was not written is lost. */
void diary_stop(void);
void diary_kill(void);

/* Another log, as of another process, takes over what this one has, and goes on in its place; this
 * one ends without a word. Returns what the one that takes over says is wrong, and then it is the
 * old one that goes on; or NULL. `change`, which may be NULL, may do something to the record. */
const char *diary_hand_over(enum journal_sync sync, uint64_t disk_max,
                            void (*change)(struct hand_pipe *pipe));

struct diary_room *diary_room(const char *name);

/* The room is forgotten with all that it kept; nobody may sit in it. */
void diary_end_room(const char *name);

/* Appends; the tag of the ticket is the number of the append. */
void diary_say(const char *room, uint64_t from, const char *text);
void diary_reply(const char *room, uint64_t from, uint64_t re, const char *data);
void diary_react(const char *room, uint64_t from, uint64_t re, const char *emoji, bool is_on);
void diary_say_long(const char *room, uint64_t from, size_t len);
void diary_presence(const char *room, enum event_kind kind, uint64_t id, const char *name,
                    const char *key);

/* After a failure: it is time to try again. */
void diary_hurry(void);

/* Takes turns until nothing waits any more, or all is lost. */
void diary_settle(void);

/* What is waiting. */
uint64_t diary_waiting(void);

#endif
