#include "cli/pass.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/ascii.h"
#include "proto/codec/codec.h"

bool pass_is_token(struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (!ascii_is(text.ptr[i], ASCII_TOKEN))
            return false;
    }
    return text.len > 0;
}

/* Returns the bytes of the file, at most `size`, or -1. */
static ssize_t pass_load(char *out, size_t size, const char *file)
{
    int fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    size_t len = 0;
    ssize_t n;
    int saved;

    if (fd < 0)
        return -1;
    do {
        n = read(fd, out + len, size - len);
        len += n > 0 ? (size_t)n : 0;
    } while ((n > 0 && len < size) || (n < 0 && errno == EINTR));
    saved = errno;
    close(fd);
    errno = saved;
    return n < 0 ? -1 : (ssize_t)len;
}

const char *pass_read(char out[PASS_MAX], const char *file)
{
    char text[PASS_MAX];
    ssize_t len = pass_load(text, sizeof(text), file);
    struct str token = {text, len > 0 ? (size_t)len : 0};

    out[0] = '\0';
    if (len < 0)
        return strerror(errno);
    while (token.len > 0 && strchr(" \t\r\n", token.ptr[0]) != NULL)
        token = (struct str){token.ptr + 1, token.len - 1};
    while (token.len > 0 && strchr(" \t\r\n", token.ptr[token.len - 1]) != NULL)
        token.len--;
    if ((size_t)len == sizeof(text))
        return "a token has at most 4095 bytes";
    if (!pass_is_token(token))
        return "there must be one token in it, as wschat token makes it";
    memcpy(out, token.ptr, token.len);
    out[token.len] = '\0';
    return NULL;
}

int pass_append_protocols(struct buf *out, const char *key, const char *token)
{
    if (buf_append_str(out, STR(CODEC_V1_PROTOCOL)) < 0 ||
        (pass_is_token(str_from(key)) && buf_printf(out, ", key.%s", key) < 0))
        return -1;
    return token[0] != '\0' ? buf_printf(out, ", bearer.%s", token) : 0;
}
