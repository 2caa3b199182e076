#include "web/assets.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/ascii.h"
#include "base/util.h"
#include "proto/ws/inflate.h"
#include "web/file_copies.h"
#include "web/title.h"

/* A file of the folder that is served with --static; the largest one, in bytes. */
#define FILE_MAX ((off_t)16 * 1024 * 1024)

/* A file as it goes out in one coding. */
struct embedded_form {
    const uint8_t *data; /* NULL until somebody asks for it; then it stays */
    size_t len;
    char etag[ETAG_SIZE];
};

/* Each file of static/ becomes an entry of an array, made by the assembler: name, start and end of
 * a gzip member, and room for what is made of it once. assets.inc lists the files and is made by
 * the Makefile. */
struct embedded {
    const char *name;
    const uint8_t *start;
    const uint8_t *end;
    struct embedded_form *forms; /* by HTTP_CODING_IDENTITY and HTTP_CODING_GZIP */
};

#define FORMS_ROOM 96

_Static_assert(2 * sizeof(struct embedded_form) <= FORMS_ROOM, "the forms of a file fit");

/* What scripts/gzip.c puts around the blocks of a member (RFC 1952, 2.3). The length of what is
 * packed is the last thing in it. */
#define MEMBER_HEAD 10
#define MEMBER_TAIL 14

#define STRING(x) STRING_OF(x)
#define STRING_OF(x) #x
#define ASSET(file) "asset \"" file "\"\n"

__asm__(".macro asset file\n"
        ".pushsection .rodata.assets, \"a\"\n"
        "771: .asciz \"\\file\"\n"
        "772: .incbin \"" WSCHAT_STATIC_DIR "/\\file\"\n"
        "773:\n"
        ".popsection\n"
        ".pushsection .bss.assets, \"aw\", %nobits\n"
        ".balign 8\n"
        "774: .skip " STRING(FORMS_ROOM) "\n"
                                         ".popsection\n"
                                         ".dc.a 771b, 772b, 773b, 774b\n"
                                         ".endm\n"
                                         ".pushsection .data.rel.ro.assets, \"aw\"\n"
                                         ".balign 8\n"
                                         ".hidden embedded_first\n"
                                         ".globl embedded_first\n"
                                         "embedded_first:\n"
#include "assets.inc"
                                         ".dc.a 0, 0, 0\n"
                                         ".popsection\n");

extern const struct embedded embedded_first[]; /* up to one without a name */

static int folder = -1;
static struct str site_title; /* empty: the one that the files have */

static const struct {
    struct str suffix;
    struct str type;
} types[] = {
    {{".html", 5}, {"text/html; charset=utf-8", 24}},
    {{".js", 3}, {"text/javascript; charset=utf-8", 30}},
    {{".css", 4}, {"text/css; charset=utf-8", 23}},
    {{".svg", 4}, {"image/svg+xml", 13}},
    {{".png", 4}, {"image/png", 9}},
    {{".json", 5}, {"application/json", 16}},
    {{".webmanifest", 12}, {"application/manifest+json", 25}},
};

static struct str asset_type_of(struct str name)
{
    for (size_t i = 0; i < ARRAY_LEN(types); i++) {
        struct str suffix = types[i].suffix;

        if (name.len > suffix.len &&
            str_equals((struct str){name.ptr + name.len - suffix.len, suffix.len}, suffix))
            return types[i].type;
    }
    return STR("application/octet-stream");
}

int assets_open_folder(const char *path)
{
    folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return folder < 0 ? -1 : 0;
}

void assets_set_title(const char *title)
{
    site_title = str_from(title);
}

bool assets_are_in_folder(void)
{
    return folder >= 0;
}

/* Has the site a file of this name? What begins with "status" is for operators alone; they share
 * the icon with everybody. */
static bool is_of_site(struct str name, enum assets_site site)
{
    struct str prefix = STR("status");
    bool is_status = name.len >= prefix.len && memcmp(name.ptr, prefix.ptr, prefix.len) == 0;

    return site == ASSETS_ADMIN ? is_status || str_equals(name, STR("favicon.svg")) : !is_status;
}

/* The name of the file behind a path, empty where there can be none. Plain names only: no folder,
 * no dot in front. */
static struct str asset_name_of(struct str path, enum assets_site site)
{
    struct str name = {path.ptr + 1, path.len - 1};

    if (str_equals(path, STR("/")))
        return site == ASSETS_ADMIN ? STR("status.html") : STR("index.html");
    if (str_equals(path, STR("/echo")) && site == ASSETS_PUBLIC)
        return STR("echo.html");
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];

        if (!ascii_is(c, ASCII_LETTER | ASCII_DIGIT) && c != '-' && c != '_' &&
            (c != '.' || i == 0))
            return STR("");
    }
    return is_of_site(name, site) ? name : STR("");
}

static size_t embedded_plain_len(const struct embedded *entry)
{
    const uint8_t *len = entry->end - 4;

    return (size_t)len[0] | (size_t)len[1] << 8 | (size_t)len[2] << 16 | (size_t)len[3] << 24;
}

static int embedded_unpack(const struct embedded *entry, struct buf *plain)
{
    size_t len = embedded_plain_len(entry), work;

    return buf_reserve(plain, len) == 0 &&
                   inflate_message(plain, entry->start + MEMBER_HEAD,
                                   (size_t)(entry->end - entry->start) - MEMBER_HEAD - MEMBER_TAIL,
                                   len, &work) == INFLATE_OK
               ? 0
               : -1;
}

static bool embedded_has_title(struct str name)
{
    return site_title.len > 0 && title_is_in(name);
}

/* Few clients want it like that: it is unpacked for the first one. Returns 0, or -1 where memory is
 * out. */
static int embedded_make_plain(const struct embedded *entry, struct embedded_form *form)
{
    struct str name = str_from(entry->name);
    struct buf plain, made;
    int result;

    buf_init(&plain);
    buf_init(&made);
    result = embedded_unpack(entry, &plain);
    if (result == 0 && embedded_has_title(name)) {
        struct str file = {(char *)plain.data, plain.len};

        result = title_fill(&made, name, file, site_title);
        buf_deinit(&plain);
        plain = made;
    }
    if (result < 0)
        buf_deinit(&plain);
    else
        *form = (struct embedded_form){plain.data, plain.len, ""};
    return result;
}

/* Makes a form for its first request. */
static int embedded_make(const struct embedded *entry, enum http_coding coding)
{
    struct embedded_form *form = &entry->forms[coding];

    if (coding == HTTP_CODING_IDENTITY && embedded_make_plain(entry, form) < 0)
        return -1;
    if (coding == HTTP_CODING_GZIP)
        *form = (struct embedded_form){entry->start, (size_t)(entry->end - entry->start), ""};
    etag_write(form->etag, form->data, form->len);
    return 0;
}

static enum assets_result embedded_find(struct asset *asset, struct str name)
{
    if (embedded_has_title(name))
        asset->coding = HTTP_CODING_IDENTITY;
    for (const struct embedded *entry = embedded_first; entry->name != NULL; entry++) {
        const struct embedded_form *form = &entry->forms[asset->coding];

        if (!str_equals(str_from(entry->name), name))
            continue;
        if (form->data == NULL && embedded_make(entry, asset->coding) < 0)
            return ASSETS_FAILED;
        asset->body = (struct http_body){.data = form->data, .len = form->len, .release = NULL};
        memcpy(asset->etag, form->etag, ETAG_SIZE);
        return ASSETS_FOUND;
    }
    return ASSETS_UNKNOWN;
}

/* A folder cannot be opened inside the sandbox, but it can be looked at. */
static bool is_folder(const char *name)
{
    int fd = openat(folder, name, O_PATH | O_CLOEXEC | O_NOFOLLOW);
    struct stat st;
    bool result;

    if (fd < 0)
        return false;
    result = fstat(fd, &st) == 0 && S_ISDIR(st.st_mode);
    close(fd);
    return result;
}

static enum assets_result find_file(struct asset *asset, struct str name)
{
    char path[256];
    struct stat st;
    enum assets_result result = ASSETS_UNKNOWN;
    int fd;

    if (name.len >= sizeof(path))
        return ASSETS_UNKNOWN;
    memcpy(path, name.ptr, name.len);
    path[name.len] = '\0';
    /* Without O_NONBLOCK a named pipe would stop the server. */
    fd = openat(folder, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW);
    if (fd < 0 && (errno == ENOENT || errno == ELOOP || (errno == EACCES && is_folder(path))))
        return ASSETS_UNKNOWN;
    if (fd < 0)
        return ASSETS_FAILED;
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size <= FILE_MAX)
        result = file_copies_take(&asset->body, asset->etag, fd, &st, time(NULL)) < 0
                     ? ASSETS_FAILED
                     : ASSETS_FOUND;
    close(fd);
    return result;
}

/* Finds what the path names, among what is built in or in the folder. */
static enum assets_result find_in(struct asset *asset, enum assets_site site, struct str path,
                                  enum assets_result (*find)(struct asset *asset, struct str name))
{
    struct str name = asset_name_of(path, site);

    if (name.len == 0)
        return ASSETS_UNKNOWN;
    asset->type = asset_type_of(name);
    return find(asset, name);
}

enum assets_result assets_find(struct asset *asset, enum assets_site site, struct str path,
                               enum http_coding coding)
{
    asset->coding = coding;
    return find_in(asset, site, path, embedded_find);
}

enum assets_result assets_read(struct asset *asset, enum assets_site site, struct str path)
{
    asset->coding = HTTP_CODING_IDENTITY;
    return find_in(asset, site, path, find_file);
}
