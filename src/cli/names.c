#include "cli/names.h"

#include <string.h>
#include <wchar.h>
#include <wctype.h>

#include "base/util.h"
#include "cli/glyph.h"

#define SKELETON_MAX 256 /* characters; a name has 64 bytes */
#define ACCENTED_FIRST 0xc0
#define FULL_WIDTH_FIRST 0xff01
#define FULL_WIDTH_LAST 0xff5e
#define FULL_WIDTH_OFFSET 0xfee0

/* The letters below U+00C0 to U+017F; a blank: none. */
static const char accented[] = "AAAAAAACEEEEIIIIDNOOOOO OUUUUY baaaaaaaceeeeiiii"
                               "dnooooo ouuuuy yAaAaAaCcCcCcCcDdDdEeEeEeEeEeGgGg"
                               "GgGgHhHhIiIiIiIiIiIiJjKk LlLlLlLlLlNnNnNn   OoOo"
                               "Oo  RrRrRrSsSsSsSsTtTtTtUuUuUuUuUuUuWwYyYZzZzZzs";

/* Greek and Cyrillic letters, each before the Latin one that it looks like, in lower case. */
static const wchar_t twins[] =
    L"аaβbвbсcϲcԁdеeһhηhнhіiιiјjκkкkӏlμmмmνvоoοoрpρpѕsτtтtυuуyхxχxζzԛqԝwɑa"
    L"ɡgıi";

static wchar_t latin(wchar_t code)
{
    if (code >= FULL_WIDTH_FIRST && code <= FULL_WIDTH_LAST)
        code -= FULL_WIDTH_OFFSET;
    if (code >= ACCENTED_FIRST && code < ACCENTED_FIRST + (wchar_t)sizeof(accented) - 1 &&
        accented[code - ACCENTED_FIRST] != ' ')
        code = accented[code - ACCENTED_FIRST];
    code = (wchar_t)towlower((wint_t)code);
    for (size_t i = 0; i + 1 < ARRAY_LEN(twins); i += 2) {
        if (twins[i] == code)
            return twins[i + 1];
    }
    return code;
}

/* Characters that are easily taken for one another become one. */
static wchar_t plain(wchar_t code)
{
    if (code == 'l' || code == '1' || code == '|')
        return 'i';
    return code == '0' ? 'o' : code;
}

/* Two narrow letters that look like a wide one. Returns the new length. */
static size_t join_pair(wchar_t *bones, size_t len)
{
    wchar_t wide = 0;

    if (len >= 2 && bones[len - 2] == 'r' && bones[len - 1] == 'n')
        wide = 'm';
    if (len >= 2 && bones[len - 2] == 'v' && bones[len - 1] == 'v')
        wide = 'w';
    if (wide == 0)
        return len;
    bones[len - 2] = wide;
    return len - 1;
}

static size_t skeleton(wchar_t out[SKELETON_MAX], struct str name)
{
    size_t len = 0;

    while (name.len > 0 && len < SKELETON_MAX) {
        struct glyph glyph = glyph_first(name);

        if (!glyph_is_blank(glyph.code) && wcwidth((wchar_t)glyph.code) != 0) {
            out[len] = plain(latin((wchar_t)glyph.code));
            len = join_pair(out, len + 1);
        }
        name = (struct str){name.ptr + glyph.len, name.len - glyph.len};
    }
    return len;
}

/* FNV-1a, 64 bits. Whoever makes two names of one hash has ids shown beside them. */
static uint64_t hash_of(const wchar_t *bones, size_t len)
{
    uint64_t hash = 0xcbf29ce484222325;

    for (size_t i = 0; i < len; i++)
        hash = (hash ^ (uint64_t)bones[i]) * 0x100000001b3;
    return hash | 1;
}

uint64_t names_bones(struct str name)
{
    wchar_t bones[SKELETON_MAX];
    size_t len = skeleton(bones, name);

    return hash_of(bones, len);
}

static const struct names_look *names_find(const struct names *n, uint64_t bones)
{
    for (size_t i = 0; i < NAMES_MAX && n->looks[i].bones != 0; i++) {
        if (n->looks[i].bones == bones)
            return &n->looks[i];
    }
    return NULL;
}

void names_see(struct names *n, uint64_t id, struct str name)
{
    uint64_t bones = names_bones(name);
    const struct names_look *look = names_find(n, bones);

    if (name.len == 0)
        return;
    if (look != NULL) {
        n->looks[look - n->looks].is_shared |= look->id != id;
        return;
    }
    n->looks[n->next] = (struct names_look){bones, id, false};
    n->next = (n->next + 1) % NAMES_MAX;
}

/* What the program itself says of people: "you", "Client #7", "*", "... to you only"; or nothing
 * that is seen. */
static bool is_reserved(struct str name)
{
    static const wchar_t client[] = L"ciient";
    wchar_t bones[SKELETON_MAX];
    size_t len = skeleton(bones, name);

    return len == 0 || (len == 3 && wmemcmp(bones, L"you", 3) == 0) ||
           wmemchr(bones, '#', len) != NULL || wmemchr(bones, '*', len) != NULL ||
           (len >= 6 && wmemcmp(bones, client, 6) == 0) ||
           (len >= 4 && wmemcmp(bones + len - 4, L"oniy", 4) == 0);
}

bool names_need_id(const struct names *n, uint64_t id, struct str name)
{
    const struct names_look *look;

    if (is_reserved(name))
        return true;
    look = names_find(n, names_bones(name));
    return look != NULL && (look->is_shared || look->id != id);
}
