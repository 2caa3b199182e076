/* The beginning of a connection, whole and byte by byte: both must give the same, and never later
 * than the header's bound. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "proto/proxy_header.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(bool is_so)
{
    if (!is_so)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct proxy_header whole, part;
    int result = proxy_header_parse(&whole, data, size), early = 0;
    size_t len = 0;
    char text[IP_TEXT_MAX];

    while (early == 0 && len < size)
        early = proxy_header_parse(&part, data, ++len);
    expect(early == result);
    expect(result != 0 || size < PROXY_HEADER_MAX);
    if (result < 0)
        expect(proxy_header_error_text((enum proxy_header_error)(-result)) != NULL);
    if (result <= 0)
        return 0;
    expect((size_t)result == len && result <= PROXY_HEADER_MAX);
    expect(whole.is_local == part.is_local && whole.source.is_known == part.source.is_known);
    expect(whole.source.port == part.source.port && ip_equals(&whole.source.ip, &part.source.ip));
    expect(!whole.is_local || !whole.source.is_known);
    peer_write(text, &whole.source);
    return 0;
}
