/* Replies, one behind the other, in pieces as the first byte says. What is whole can be walked
 * through, and ends where it was found to end. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/util.h"
#include "proto/resp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define REPLY_MAX 4096

static void expect(bool is_so)
{
    if (!is_so)
        abort();
}

static void walk(const uint8_t *data, size_t len)
{
    struct resp_cursor cursor = {data, data + len}, skipped = cursor;
    struct resp_value value;
    size_t open = 1;

    for (; open > 0; open += value.count - 1) {
        expect(resp_next(&cursor, &value));
        expect(value.text.len <= len);
    }
    expect(cursor.at == cursor.end);
    expect(resp_skip(&skipped) && skipped.at == skipped.end);
}

/* Finds the end of the reply at the start in steps. Returns its length, or 0. */
static size_t scan(const uint8_t *data, size_t size, size_t step, enum resp_result *result)
{
    struct resp_scan scan = {.at = 0};
    size_t len = 0;

    do {
        len = min_size(len + step, size);
        *result = resp_scan(&scan, data, len, REPLY_MAX);
    } while (*result == RESP_MORE && len < size);
    return *result == RESP_DONE ? scan.at : 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t step, len;
    enum resp_result whole, parts;

    if (size == 0)
        return 0;
    step = (size_t)data[0] % 16 + 1;
    data++;
    size--;
    do {
        len = scan(data, size, size, &whole);
        expect(scan(data, size, step, &parts) == len && whole == parts);
        if (len > 0)
            walk(data, len);
        data += len;
        size -= len;
    } while (len > 0 && size > 0);
    return 0;
}
