#include "web/title.h"

#include <string.h>

#include "proto/codec/codec.h"
#include "proto/json.h"

/* As the files have it. */
static const struct str standard = {"WebSocket Chat", 14};
static const struct str manifest = {"chat.webmanifest", 16};

bool title_is_valid(struct str title)
{
    return codec_name_is_valid(title) && str_trim(title).len > 0;
}

bool title_is_in(struct str name)
{
    return str_equals(name, STR("index.html")) || str_equals(name, manifest);
}

/* What means something in HTML, in a text or in an attribute. */
static struct str title_reference(char c)
{
    switch (c) {
    case '&':
        return STR("&amp;");
    case '<':
        return STR("&lt;");
    case '>':
        return STR("&gt;");
    case '"':
        return STR("&quot;");
    case '\'':
        return STR("&#39;");
    default:
        return STR("");
    }
}

static int title_append_html(struct buf *out, struct str title)
{
    for (size_t i = 0; i < title.len; i++) {
        struct str reference = title_reference(title.ptr[i]);

        if (reference.len == 0)
            reference = (struct str){title.ptr + i, 1};
        if (buf_append_str(out, reference) < 0)
            return -1;
    }
    return 0;
}

/* A string without its quotes, which the file has. */
static int title_append_json(struct buf *out, struct str title)
{
    struct buf quoted;
    int result;

    buf_init(&quoted);
    result = json_append_string(&quoted, title);
    if (result == 0)
        result = buf_append(out, quoted.data + 1, quoted.len - 2);
    buf_deinit(&quoted);
    return result;
}

int title_fill(struct buf *out, struct str name, struct str file, struct str title)
{
    bool is_json = str_equals(name, manifest);
    const char *at;

    while ((at = memmem(file.ptr, file.len, standard.ptr, standard.len)) != NULL) {
        struct str before = {file.ptr, (size_t)(at - file.ptr)};
        size_t used = before.len + standard.len;

        if (buf_append_str(out, before) < 0 ||
            (is_json ? title_append_json : title_append_html)(out, title) < 0)
            return -1;
        file = (struct str){file.ptr + used, file.len - used};
    }
    return buf_append_str(out, file);
}
