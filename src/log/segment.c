#include "log/segment.h"

#include <endian.h>
#include <string.h>

#include "base/crc32c.h"

enum {
    HAS_REF = 1,
    HAS_RE = 2,
    HAS_DATA = 4,
    HAS_NO_TEXT = 8,
    IS_ON = 16,
    HAS_AUTHOR = 32,
    MAY_SKIP = 128,
    FLAGS_KNOWN = HAS_REF | HAS_RE | HAS_DATA | HAS_NO_TEXT | IS_ON | HAS_AUTHOR | MAY_SKIP,
};

static const uint8_t magic[8] = {'w', 's', 'c', 'h', 'a', 't', 'J', '\n'};

static void put_u32(uint8_t *at, uint32_t value)
{
    value = htole32(value);
    memcpy(at, &value, sizeof(value));
}

static void segment_put_u64(uint8_t *at, uint64_t value)
{
    value = htole64(value);
    memcpy(at, &value, sizeof(value));
}

static uint32_t get_u32(const uint8_t *at)
{
    uint32_t value;

    memcpy(&value, at, sizeof(value));
    return le32toh(value);
}

static uint64_t get_u64(const uint8_t *at)
{
    uint64_t value;

    memcpy(&value, at, sizeof(value));
    return le64toh(value);
}

/* ---- header ---- */

/* That of all but itself. */
static uint32_t header_crc(const uint8_t *header)
{
    return crc32c(crc32c(0, header, 12), header + 16, SEGMENT_HEADER - 16);
}

void segment_header_seal(uint8_t header[SEGMENT_HEADER])
{
    put_u32(header + 12, header_crc(header));
}

void segment_header_write(uint8_t out[SEGMENT_HEADER], const struct segment_id *id)
{
    memcpy(out, magic, sizeof(magic));
    put_u32(out + 8, SEGMENT_VERSION);
    segment_put_u64(out + 16, id->life);
    segment_put_u64(out + 24, id->number);
    segment_header_seal(out);
}

enum segment_result segment_header_read(struct segment_id *id, const uint8_t *data, size_t len)
{
    if (len < SEGMENT_HEADER || memcmp(data, magic, sizeof(magic)) != 0)
        return SEGMENT_BAD;
    if (get_u32(data + 12) != header_crc(data))
        return SEGMENT_BAD;
    if (get_u32(data + 8) == 0 || get_u32(data + 8) > SEGMENT_VERSION)
        return SEGMENT_NEWER;
    *id = (struct segment_id){get_u64(data + 16), get_u64(data + 24)};
    return SEGMENT_OK;
}

/* ---- records ---- */

static size_t segment_align(size_t len)
{
    return (len + SEGMENT_ALIGN - 1) & ~(size_t)(SEGMENT_ALIGN - 1);
}

static uint8_t flags_of(const struct segment_record *r)
{
    return (uint8_t)((r->has_ref ? HAS_REF : 0) | (r->re > 0 ? HAS_RE : 0) |
                     (r->has_data ? HAS_DATA : 0) | (r->has_no_text ? HAS_NO_TEXT : 0) |
                     (r->is_on ? IS_ON : 0) | (r->author > 0 ? HAS_AUTHOR : 0) |
                     (r->may_skip ? MAY_SKIP : 0));
}

/* Bytes of what the flags say stands in front of the text, but for data itself. */
static size_t extras_len(uint8_t flags)
{
    return ((flags & HAS_RE) != 0 ? 8u : 0u) + ((flags & HAS_AUTHOR) != 0 ? 8u : 0u) +
           ((flags & HAS_DATA) != 0 ? 4u : 0u);
}

static size_t record_len(const struct segment_record *r)
{
    return SEGMENT_HEAD + r->name.len + r->ref.len + extras_len(flags_of(r)) + r->data.len +
           r->text.len;
}

size_t segment_record_size(const struct segment_record *record)
{
    return segment_align(record_len(record));
}

/* That of the place, then that of all but itself. */
static uint32_t record_crc(const struct segment_id *id, uint64_t offset, const uint8_t *record,
                           size_t size)
{
    uint8_t place[24];
    uint32_t crc;

    segment_put_u64(place, id->life);
    segment_put_u64(place + 8, id->number);
    segment_put_u64(place + 16, offset);
    crc = crc32c(0, place, sizeof(place));
    crc = crc32c(crc, record, 4);
    return crc32c(crc, record + 8, size - 8);
}

static uint8_t *put_str(uint8_t *at, struct str s)
{
    if (s.len > 0)
        memcpy(at, s.ptr, s.len);
    return at + s.len;
}

static uint8_t *put_extras(uint8_t *at, const struct segment_record *record)
{
    if (record->re > 0) {
        segment_put_u64(at, record->re);
        at += 8;
    }
    if (record->author > 0) {
        segment_put_u64(at, record->author);
        at += 8;
    }
    if (!record->has_data)
        return at;
    put_u32(at, (uint32_t)record->data.len);
    return put_str(at + 4, record->data);
}

void segment_record_seal(uint8_t *record, const struct segment_id *id, uint64_t offset)
{
    put_u32(record + 4, record_crc(id, offset, record, segment_align(get_u32(record))));
}

void segment_record_write(uint8_t *out, const struct segment_id *id, uint64_t offset,
                          const struct segment_record *record)
{
    size_t len = record_len(record), size = segment_align(len);
    uint8_t *at = out + SEGMENT_HEAD;

    put_u32(out, (uint32_t)len);
    out[8] = (uint8_t)record->type;
    out[9] = flags_of(record);
    out[10] = (uint8_t)record->name.len;
    out[11] = (uint8_t)record->ref.len;
    put_u32(out + 12, record->room);
    segment_put_u64(out + 16, record->seq);
    segment_put_u64(out + 24, record->ts);
    segment_put_u64(out + 32, record->from);
    segment_put_u64(out + 40, record->aux);
    at = put_str(at, record->name);
    at = put_str(at, record->ref);
    at = put_extras(at, record);
    at = put_str(at, record->text);
    memset(at, 0, size - len);
    segment_record_seal(out, id, offset);
}

/* Takes `len` bytes off the front. */
static struct str segment_take(struct str *rest, size_t len)
{
    struct str taken = {rest->ptr, len};

    *rest = (struct str){rest->ptr + len, rest->len - len};
    return taken;
}

/* Is it of a kind that this version knows? */
static bool is_known(const uint8_t *at)
{
    return at[8] < SEGMENT_TYPES && (at[9] & ~FLAGS_KNOWN) == 0;
}

/* Reads what every record has. */
static void segment_read_head(struct segment_record *record, const uint8_t *at)
{
    *record = (struct segment_record){
        .type = SEGMENT_UNKNOWN,
        .may_skip = (at[9] & MAY_SKIP) != 0,
        .room = get_u32(at + 12),
        .seq = get_u64(at + 16),
        .ts = get_u64(at + 24),
        .from = get_u64(at + 32),
        .aux = get_u64(at + 40),
    };
}

/* Reads the fields of a record that is known; the lengths fit. */
static void read_fields(struct segment_record *record, const uint8_t *at, size_t len)
{
    struct str rest = {(const char *)at + SEGMENT_HEAD, len - SEGMENT_HEAD};

    segment_read_head(record, at);
    record->type = (enum segment_type)at[8];
    record->has_ref = (at[9] & HAS_REF) != 0;
    record->has_data = (at[9] & HAS_DATA) != 0;
    record->has_no_text = (at[9] & HAS_NO_TEXT) != 0;
    record->is_on = (at[9] & IS_ON) != 0;
    record->name = segment_take(&rest, at[10]);
    record->ref = segment_take(&rest, at[11]);
    if ((at[9] & HAS_RE) != 0)
        record->re = get_u64((const uint8_t *)segment_take(&rest, 8).ptr);
    if ((at[9] & HAS_AUTHOR) != 0)
        record->author = get_u64((const uint8_t *)segment_take(&rest, 8).ptr);
    if (record->has_data)
        record->data = segment_take(&rest, get_u32((const uint8_t *)segment_take(&rest, 4).ptr));
    record->text = rest;
}

/* Do the parts in front of the text of a record of `len` bytes, which can be read, fit into it?
 * What a newer version may have put behind the ref is not looked at. An answer to nothing, or an
 * author who is nobody, is never written: a record has the size that its fields make. */
static bool parts_fit(const uint8_t *at, size_t len)
{
    uint8_t extras = is_known(at) ? at[9] : 0;
    const uint8_t *numbers = at + SEGMENT_HEAD + at[10] + at[11];
    size_t parts = (size_t)SEGMENT_HEAD + at[10] + at[11] + extras_len(extras);

    if (parts > len)
        return false;
    for (uint8_t flag = HAS_RE; flag != 0; flag = flag == HAS_RE ? HAS_AUTHOR : 0) {
        if ((extras & flag) == 0)
            continue;
        if (get_u64(numbers) == 0)
            return false;
        numbers += 8;
    }
    return (extras & HAS_DATA) == 0 || get_u32(at + parts - 4) <= len - parts;
}

bool segment_is_plausible(const uint8_t *at, size_t left)
{
    size_t len = left < SEGMENT_HEAD ? 0 : get_u32(at);

    return len >= (size_t)SEGMENT_HEAD && len <= SEGMENT_RECORD_MAX && segment_align(len) <= left &&
           at[8] > 0 && ((at[9] & HAS_REF) != 0 || at[11] == 0) && parts_fit(at, len);
}

static bool is_zero(const uint8_t *at, size_t len)
{
    while (len > 0 && at[len - 1] == 0)
        len--;
    return len == 0;
}

enum segment_result segment_record_read(struct segment_record *record, const struct segment_id *id,
                                        uint64_t offset, const uint8_t *at, size_t left,
                                        size_t *size)
{
    size_t len, whole;

    if (left == 0)
        return SEGMENT_END;
    if (!segment_is_plausible(at, left))
        return SEGMENT_BAD;
    len = get_u32(at);
    whole = segment_align(len);
    if (!is_zero(at + len, whole - len) || get_u32(at + 4) != record_crc(id, offset, at, whole))
        return SEGMENT_BAD;
    *size = whole;
    if (is_known(at)) {
        read_fields(record, at, len);
        return SEGMENT_OK;
    }
    segment_read_head(record, at);
    return record->may_skip ? SEGMENT_OK : SEGMENT_NEWER;
}

void segment_record_peek(struct segment_record *record, const uint8_t *at)
{
    read_fields(record, at, get_u32(at));
}
