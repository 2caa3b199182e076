/* A frame of a server, and what a terminal is shown of it: no control character but the line end
 * gets through. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "base/util.h"
#include "cli/session.h"
#include "cli/transcript.h"
#include "proto/codec/v1_client.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(bool is_so)
{
    if (!is_so)
        abort();
}

static void read_members(struct session *session, const struct v1_event *frame)
{
    struct v1_members members = frame->members;
    struct str name;
    uint64_t id;

    while (v1_member_next(&members, &id, &name))
        roster_put(&session->roster, id, name);
}

static void expect_safe(const struct buf *out)
{
    for (size_t i = 0; i < out->len; i++)
        expect(out->data[i] >= 0x20 || out->data[i] == '\n');
    expect(utf8_is_valid((struct str){(char *)out->data, out->len}));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct session session;
    struct v1_event frame;
    struct buf out;
    char *copy = malloc(size == 0 ? 1 : size);

    expect(copy != NULL);
    memcpy(copy, data, size);
    buf_init(&out);
    roster_init(&session.roster);
    if (v1_event_read(&frame, copy, size)) {
        expect(transcript_frame(&out, &session, &frame, false) == 0);
        if (frame.type == V1_WELCOME)
            read_members(&session, &frame);
        expect(transcript_members(&out, &session, false) == 0);
        expect_safe(&out);
    }
    roster_deinit(&session.roster);
    buf_deinit(&out);
    free(copy);
    return 0;
}
