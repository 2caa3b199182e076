/* A response head, at once and byte by byte: both must say the same. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "proto/http/response_parse.h"
#include "proto/http/request.h"
#include "proto/ws/client_handshake.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(bool is_so)
{
    if (!is_so)
        abort();
}

/* Each time in a block of exactly the bytes that are there. */
static int parse_bytewise(const uint8_t *data, size_t size)
{
    struct http_response_parse_scan scan = {0, 0};
    struct http_parsed_response reply;
    int result = 0;

    for (size_t len = 1; len <= size && result == 0; len++) {
        char *copy = malloc(len);

        expect(copy != NULL);
        memcpy(copy, data, len);
        result = http_response_parse(&reply, copy, len, &scan);
        free(copy);
    }
    return result;
}

static void use(const struct http_parsed_response *reply)
{
    static const char key[] = "dGhlIHNhbXBsZSBub25jZQ==";
    struct str value;
    struct ws_client_agreement agreement;
    int error = ws_client_handshake_check(reply, key, STR("wschat.v1"), &agreement);

    expect(reply->status >= 100 && reply->status <= 599);
    expect(error == 0 ||
           *ws_client_handshake_error_text((enum ws_client_handshake_error) - error) != '\0');
    http_field_get(&reply->fields, HTTP_FIELD_RETRY_AFTER, &value);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct http_response_parse_scan scan = {0, 0};
    struct http_parsed_response reply;
    char *copy = malloc(size == 0 ? 1 : size);
    int result;

    expect(copy != NULL);
    memcpy(copy, data, size);
    result = http_response_parse(&reply, copy, size, &scan);
    if (result > 0)
        use(&reply);
    else if (result < 0)
        expect(*http_response_parse_error_text((enum http_response_parse_error) - result) != '\0');
    expect(result <= (int)size && parse_bytewise(data, size) == result);
    free(copy);
    return 0;
}
