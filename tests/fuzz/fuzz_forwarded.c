/* Field lines of Forwarded and X-Forwarded-For. Whatever a client sends in front, what the nearest
 * proxy appends in a line of its own decides. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/buf.h"
#include "proto/forwarded.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(bool is_so)
{
    if (!is_so)
        abort();
}

static void append(struct buf *out, struct str text)
{
    expect(buf_append_str(out, text) == 0);
}

static void append_field(struct buf *out, struct str name, struct str value)
{
    append(out, name);
    append(out, STR(": "));
    append(out, value);
    append(out, STR("\r\n"));
}

/* Each line of the input is the value of one field line, as far as its first CR: no value holds
 * one.
 */
static void check(struct str name, struct str own_value, struct str lines,
                  enum forwarded_result (*read)(const struct http_request *request,
                                                const struct trusted_list *trusted,
                                                struct peer *client))
{
    struct ip_network network;
    const struct trusted_list trusted = {&network, 1};
    struct peer client = {.is_known = false}, last = {.is_known = false};
    struct http_request request = {.minor = 1};
    enum forwarded_result result;
    bool is_empty = lines.len == 0;
    size_t own_len = name.len + own_value.len + 4;
    struct ip own;
    struct buf fields;

    expect(ip_network_read(&network, STR("10.0.0.0/8")) && ip_read(&own, STR("192.0.2.1")));
    buf_init(&fields);
    append_field(&fields, STR("Host"), STR("x"));
    while (lines.len > 0) {
        struct str line = str_cut(&lines, '\n');

        append_field(&fields, name, str_cut(&line, '\r'));
    }
    if (fields.len + own_len > HTTP_FIELDS_SIZE_MAX) { /* no head is that long */
        buf_deinit(&fields);
        return;
    }
    http_fields_read(&request.fields, (struct str){(char *)fields.data, fields.len});
    result = read(&request, &trusted, &client);
    expect((result == FORWARDED_ABSENT) == is_empty);
    append_field(&fields, name, own_value);
    http_fields_read(&request.fields, (struct str){(char *)fields.data, fields.len});
    expect(read(&request, &trusted, &last) ==
           (result == FORWARDED_MALFORMED ? result : FORWARDED_TOLD));
    expect(result == FORWARDED_MALFORMED || (last.is_known && ip_equals(&last.ip, &own)));
    buf_deinit(&fields);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str lines = {(const char *)data, size};

    check(STR("Forwarded"), STR("proto=https;for=192.0.2.1"), lines, forwarded_read);
    check(STR("X-Forwarded-For"), STR("192.0.2.1"), lines, x_forwarded_for_read);
    return 0;
}
