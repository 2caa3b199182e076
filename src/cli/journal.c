#include "cli/journal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "cli/glyph.h"
#include "cli/journal_repair.h"
#include "log/journal_folder.h"
#include "log/journal_replay.h"
#include "log/journal_rooms.h"
#include "proto/codec/codec.h"
#include "proto/json.h"

#define EXIT_USAGE 2
#define FOLLOW_MS 200

static int journal_complain(const struct journal_options *options, const char *what)
{
    struct buf line;

    buf_init(&line);
    if (glyph_append_safe(&line, str_from(options->folder)) == 0)
        fprintf(stderr, "wschat: the journal %.*s: %s\n", (int)line.len, (char *)line.data, what);
    buf_deinit(&line);
    return 1;
}

/* ---- verify ---- */

static const char *const state_names[] = {
    [JOURNAL_WHOLE] = "whole",           [JOURNAL_TORN] = "torn",
    [JOURNAL_DAMAGED] = "damaged",       [JOURNAL_NEWER] = "newer",
    [JOURNAL_UNREADABLE] = "unreadable",
};

static const char *report_reason(const struct journal_report *report)
{
    return report->state == JOURNAL_UNREADABLE ? strerror(report->error) : report->why;
}

static void print_report_json(const struct journal_report *report, bool is_used)
{
    printf("{\"state\":\"%s\",\"used\":%s,\"closed\":%s,\"segments\":%llu,\"records\":%llu,"
           "\"bytes\":%llu",
           state_names[report->state], is_used ? "true" : "false",
           report->was_closed ? "true" : "false", (unsigned long long)report->segments,
           (unsigned long long)report->records, (unsigned long long)report->bytes);
    if (report->state != JOURNAL_WHOLE)
        printf(",\"segment\":\"%016llx\",\"offset\":%llu,\"why\":\"%s\"",
               (unsigned long long)report->bad_segment, (unsigned long long)report->bad_offset,
               report_reason(report));
    printf("}\n");
}

static void print_report(const struct journal_report *report, bool is_used)
{
    printf("%s: %llu records in %llu segments, %llu bytes%s\n", state_names[report->state],
           (unsigned long long)report->records, (unsigned long long)report->segments,
           (unsigned long long)report->bytes,
           is_used              ? "; a server uses it"
           : report->was_closed ? "; closed by its server"
                                : "");
    if (report->state != JOURNAL_WHOLE)
        printf("segment %016llx at %llu: %s\n", (unsigned long long)report->bad_segment,
               (unsigned long long)report->bad_offset, report_reason(report));
}

/* What a server is writing at this moment may be there in part. A torn tail needs nobody's help:
 * the next start cuts it. */
static int verify(const struct journal_options *options, int folder)
{
    struct journal_visitor nothing = {.visit = NULL};
    struct journal_report report;
    struct journal_rooms rooms;
    bool is_used = journal_folder_is_locked(folder);

    journal_rooms_init(&rooms);
    journal_read(folder, &nothing, &rooms, &report);
    journal_rooms_deinit(&rooms);
    if (is_used && report.state == JOURNAL_TORN)
        report.state = JOURNAL_WHOLE;
    (options->json ? print_report_json : print_report)(&report, is_used);
    if (report.state == JOURNAL_DAMAGED)
        journal_complain(options, "it is damaged; wschat journal repair keeps what is left");
    return report.state == JOURNAL_WHOLE || report.state == JOURNAL_TORN ? 0 : 1;
}

/* ---- dump ---- */

struct dump {
    const struct journal_options *options;
    uint64_t since_epoch, since_seq; /* a position; epoch and seq are 0 where there is none */
    uint64_t since_ts;
    bool has_position;
    uint64_t segment;           /* of the last record that was seen */
    struct journal_rooms shown; /* up to which seq */
    struct buf line, raw;
};

/* Reads YYYY-MM-DD or YYYY-MM-DDTHH:MM[:SS], all in UTC, with or without a Z. */
static bool read_time(const char *text, uint64_t *ts)
{
    static const char *const formats[] = {"%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S",
                                          "%Y-%m-%dT%H:%M:%SZ"};

    for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
        struct tm tm = {.tm_mday = 1};
        const char *end = strptime(text, formats[i], &tm);

        if (end == NULL || *end != '\0')
            continue;
        *ts = (uint64_t)timegm(&tm) * 1000;
        return true;
    }
    return false;
}

static bool read_since(struct dump *d, const char *text)
{
    if (text == NULL)
        return true;
    d->has_position = codec_pos_read(str_from(text), &d->since_epoch, &d->since_seq);
    return d->has_position || read_time(text, &d->since_ts);
}

static bool is_wanted(const struct dump *d, const struct segment_record *record,
                      const struct journal_room *room)
{
    const char *wanted = d->options->room;

    if (room == NULL || record->type == SEGMENT_SEAT || record->type == SEGMENT_ROOM ||
        record->type == SEGMENT_CLOSE)
        return false;
    if (wanted != NULL && !str_equals(str_from(wanted), journal_room_name(room)))
        return false;
    if (d->has_position)
        return room->epoch == d->since_epoch && record->seq > d->since_seq;
    return record->ts >= d->since_ts;
}

static const char *type_name(const struct segment_record *record)
{
    switch (record->type) {
    case SEGMENT_JOIN:
        return "join";
    case SEGMENT_LEAVE:
        return "leave";
    case SEGMENT_RENAME:
        return "rename";
    case SEGMENT_REACT:
        return record->has_no_text ? "retract" : "react";
    case SEGMENT_SLOW:
        return "slow";
    case SEGMENT_BAN:
        return record->is_on ? "ban" : "lift";
    default:
        return "message";
    }
}

static int write_json_place(struct buf *out, const char *key, const struct segment_record *record,
                            const struct journal_room *room)
{
    char pos[CODEC_POS_MAX];

    if (record->re == 0)
        return 0;
    codec_pos_write(pos, room->epoch, record->re);
    return buf_printf(out, ",\"%s\":\"%s\"", key, pos);
}

/* A ban as it was made, or the name of the one that was lifted. */
static int write_json_ban(struct buf *out, const struct segment_record *record)
{
    if (!record->is_on)
        return buf_printf(out, ",\"ban\":\"%016llx\"", (unsigned long long)record->re);
    return buf_append_str(out, STR(",\"ban\":")) < 0 ? -1 : buf_append_str(out, record->text);
}

/* What was said, or given. Returns 0, or -1 with errno. */
static int write_json_content(struct buf *out, const struct segment_record *record,
                              const struct journal_room *room)
{
    bool is_message = record->type == SEGMENT_MESSAGE;

    if (record->type == SEGMENT_BAN)
        return write_json_ban(out, record);
    if (record->type == SEGMENT_SLOW)
        return buf_printf(out, ",\"seconds\":%llu", (unsigned long long)record->re);
    if (record->type == SEGMENT_REACT && record->has_no_text)
        return write_json_place(out, "of", record, room);
    if (is_message && record->has_no_text && !record->has_data)
        return buf_append_str(out, STR(",\"text\":\"\",\"retracted\":true"));
    if (!is_message && record->type != SEGMENT_REACT)
        return 0;
    if (!record->has_no_text &&
        (buf_append_str(out, is_message ? STR(",\"text\":") : STR(",\"emoji\":")) < 0 ||
         json_append_string(out, record->text) < 0))
        return -1;
    if (record->has_data &&
        (buf_append_str(out, STR(",\"data\":")) < 0 || buf_append_str(out, record->data) < 0))
        return -1;
    if (write_json_place(out, is_message ? "re" : "to", record, room) < 0)
        return -1;
    return is_message ? 0 : buf_printf(out, ",\"on\":%s", record->is_on ? "true" : "false");
}

/* The fields of a message are those of wschat.v1, and the room. Returns 0, or -1 with errno. */
static int write_json(struct dump *d, const struct segment_record *record,
                      const struct journal_room *room)
{
    char pos[CODEC_POS_MAX];
    struct buf *out = &d->raw;

    codec_pos_write(pos, room->epoch, record->seq);
    if (buf_printf(out, "{\"type\":\"%s\",\"pos\":\"%s\",\"ts\":%llu,\"room\":", type_name(record),
                   pos, (unsigned long long)record->ts) < 0 ||
        json_append_string(out, journal_room_name(room)) < 0 ||
        buf_printf(out, ",\"from\":%llu,\"name\":", (unsigned long long)record->from) < 0 ||
        json_append_string(out, record->name) < 0)
        return -1;
    if (write_json_content(out, record, room) < 0)
        return -1;
    return buf_append_char(out, '}');
}

static int write_text(struct dump *d, const struct segment_record *record,
                      const struct journal_room *room)
{
    time_t seconds = (time_t)(record->ts / 1000);
    struct buf *out = &d->raw;
    struct tm tm;
    char when[32] = "?";

    if (gmtime_r(&seconds, &tm) != NULL)
        strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ", &tm);
    if (buf_printf(out, "%s ", when) < 0 || glyph_append_name(out, journal_room_name(room)) < 0 ||
        buf_printf(out, " #%llu ", (unsigned long long)record->from) < 0 ||
        glyph_append_name(out, record->name) < 0)
        return -1;
    if (record->type != SEGMENT_MESSAGE)
        return buf_printf(
            out, " (%s)%s%.*s", type_name(record), record->type == SEGMENT_BAN ? " " : "",
            record->type == SEGMENT_BAN ? (int)record->text.len : 0, record->text.ptr);
    return buf_append_str(out, STR(": ")) < 0
               ? -1
               : buf_append_str(out, record->has_no_text ? record->data : record->text);
}

static int print_record(struct dump *d, const struct segment_record *record,
                        const struct journal_room *room)
{
    d->raw.len = 0;
    d->line.len = 0;
    if ((d->options->json ? write_json : write_text)(d, record, room) < 0 ||
        glyph_append_safe(&d->line, (struct str){(char *)d->raw.data, d->raw.len}) < 0 ||
        buf_append_char(&d->line, '\n') < 0)
        return -1;
    return fwrite(d->line.data, 1, d->line.len, stdout) == d->line.len ? 0 : -1;
}

/* What was written again is shown once. */
static int note_shown(struct dump *d, const struct journal_room *room, uint64_t seq, bool *is_new)
{
    struct journal_room *shown = journal_rooms_find(&d->shown, room->number);

    if (shown == NULL)
        shown = journal_rooms_add(&d->shown, room->number, STR(""), 0);
    if (shown == NULL)
        return -1;
    *is_new = seq > shown->last;
    if (*is_new)
        shown->last = seq;
    return 0;
}

static int dump_record(void *owner, const struct segment_record *record,
                       const struct journal_place *place)
{
    struct dump *d = owner;
    bool is_new;

    d->segment = place->segment > d->segment ? place->segment : d->segment;
    if (!is_wanted(d, record, place->room))
        return 0;
    if (note_shown(d, place->room, record->seq, &is_new) < 0)
        return -1;
    return is_new ? print_record(d, record, place->room) : 0;
}

/* Shows what comes, until it is killed or nobody reads. */
static int follow(struct dump *d, int folder)
{
    struct timespec pause = {0, FOLLOW_MS * 1000000L};
    struct journal_report report = {.state = JOURNAL_WHOLE};

    while (report.state != JOURNAL_UNREADABLE && report.state != JOURNAL_NEWER) {
        struct journal_visitor visitor = {.visit = dump_record, .owner = d, .from = d->segment};
        struct journal_rooms rooms;

        if (fflush(stdout) != 0)
            return 1;
        nanosleep(&pause, NULL);
        journal_rooms_init(&rooms);
        journal_read(folder, &visitor, &rooms, &report);
        journal_rooms_deinit(&rooms);
    }
    return journal_complain(d->options, report_reason(&report));
}

static int dump_all(struct dump *d, int folder)
{
    struct journal_replay_options options = {.visit = dump_record, .owner = d};
    struct journal_report report;

    journal_replay(folder, &options, &report);
    if (fflush(stdout) != 0 || ferror(stdout))
        return journal_complain(d->options, "cannot write to standard output");
    if (report.state != JOURNAL_WHOLE && report.state != JOURNAL_TORN)
        return journal_complain(d->options, report_reason(&report));
    return d->options->follow ? follow(d, folder) : 0;
}

static int dump(const struct journal_options *options, int folder)
{
    struct dump d = {.options = options};
    int status;

    if (!read_since(&d, options->since)) {
        journal_complain(options,
                         "--since takes a position, or a time such as 2026-11-28T09:00 (UTC)");
        return EXIT_USAGE;
    }
    journal_rooms_init(&d.shown);
    status = dump_all(&d, folder);
    journal_rooms_deinit(&d.shown);
    buf_deinit(&d.line);
    buf_deinit(&d.raw);
    return status;
}

/* ---- repair ---- */

static int repair(const struct journal_options *options, int folder)
{
    struct journal_repair repair;
    int lock = journal_folder_lock(folder), result;

    if (lock < 0)
        return journal_complain(options, errno == EWOULDBLOCK
                                             ? "it is in use: stop its server first"
                                             : strerror(errno));
    result = journal_repair(folder, &repair);
    close(lock);
    if (result < 0)
        return journal_complain(options, errno == EPROTO
                                             ? "a newer version of wschat has written it"
                                             : strerror(errno));
    if (repair.beside[0] == '\0')
        printf("nothing is wrong with it\n");
    else
        printf("repaired: %llu records are kept, %llu bytes were none; the old files are in %s\n",
               (unsigned long long)repair.kept, (unsigned long long)repair.before.skipped,
               repair.beside);
    return 0;
}

int journal_run(enum journal_command command, const struct journal_options *options)
{
    int folder = journal_folder_open(options->folder), status;

    if (folder < 0)
        return journal_complain(options, strerror(errno));
    if (command == JOURNAL_DUMP)
        status = dump(options, folder);
    else
        status = (command == JOURNAL_REPAIR ? repair : verify)(options, folder);
    close(folder);
    return fflush(stdout) != 0 ? journal_complain(options, "cannot write to standard output")
                               : status;
}
