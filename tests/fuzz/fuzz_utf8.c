/* UTF-8 by vectors against UTF-8 byte by byte. The first byte says where the text is cut in two. */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/utf8.h"
#include "base/utf8_vector.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool is_true, const char *what)
{
    if (is_true)
        return;
    fprintf(stderr, "fuzz_utf8: %s\n", what);
    abort();
}

/* A byte alone is too short for vectors. Returns how many bytes are taken. */
static size_t feed_bytes(struct utf8 *u, const uint8_t *text, size_t len)
{
    size_t at = 0;

    while (at < len && utf8_feed(u, text + at, 1))
        at++;
    return at;
}

static void check_split(const uint8_t *text, size_t len, size_t split, const struct utf8 *model)
{
    struct utf8 u = {0};

    utf8_feed(&u, text, split);
    utf8_feed(&u, text + split, len - split);
    require(u.has_invalid == model->has_invalid, "an error is found by one way alone");
    require(utf8_is_complete(&u) == utf8_is_complete(model), "the end is found by one way alone");
}

static void check_skip(const uint8_t *text, size_t len)
{
    const uint8_t *stop = utf8_vector_skip(text, text + len);
    struct utf8 u = {0};

    require(stop >= text && stop <= text + len, "it stops outside of the text");
    require(feed_bytes(&u, text, (size_t)(stop - text)) == (size_t)(stop - text),
            "it passes what is wrong");
    require(utf8_is_complete(&u), "it stops within a character");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct utf8 model = {0};
    size_t len;

    if (size == 0)
        return 0;
    len = size - 1;
    feed_bytes(&model, data + 1, len);
    check_split(data + 1, len, 0, &model);
    check_split(data + 1, len, data[0] <= len ? data[0] : len, &model);
    check_skip(data + 1, len);
    return 0;
}
