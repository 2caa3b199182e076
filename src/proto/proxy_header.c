#include "proto/proxy_header.h"

#include <string.h>

#include "base/str.h"
#include "base/util.h"

#define FIXED 16 /* bytes of version 2 in front of the addresses */

#define FAMILY_INET 1
#define FAMILY_INET6 2
#define FAMILY_MAX 3 /* AF_UNIX */
#define TRANSPORT_MAX 2

#define VECTOR_FIXED 3 /* bytes of a type and a length */
#define VECTOR_CRC32C 0x03
#define CRC_SIZE 4
#define CRC32C_REVERSED 0x82f63b78u /* the polynomial 1edc6f41 (RFC 9260, Appendix A) */

static const char *const errors[] = {
    [PROXY_HEADER_ABSENT] = "The PROXY header is missing.",
    [PROXY_HEADER_LINE] = "The PROXY line does not end with CRLF within 107 bytes.",
    [PROXY_HEADER_PROTOCOL] = "The PROXY line is for neither TCP4, TCP6 nor UNKNOWN.",
    [PROXY_HEADER_ADDRESS] = "The PROXY line does not hold two addresses and two ports.",
    [PROXY_HEADER_VERSION] = "The version of the PROXY header is not 2.",
    [PROXY_HEADER_COMMAND] = "The command of the PROXY header is neither LOCAL nor PROXY.",
    [PROXY_HEADER_FAMILY] = "The PROXY header has an address family that is not known.",
    [PROXY_HEADER_TOO_LONG] = "The PROXY header is longer than 4096 bytes.",
    [PROXY_HEADER_TOO_SHORT] = "The PROXY header is too short for its addresses.",
    [PROXY_HEADER_VECTOR] = "The PROXY header has a vector that is malformed.",
    [PROXY_HEADER_CHECKSUM] = "The checksum of the PROXY header is wrong.",
};

const char *proxy_header_error_text(enum proxy_header_error error)
{
    return errors[error];
}

/* ---- version 1 ---- */

/* Returns the length of the line with its CRLF, 0 where it is not whole, or -error. */
static int line_len(const char *text, size_t len)
{
    size_t end = min_size(len, PROXY_HEADER_V1_MAX);

    for (size_t i = 0; i < end; i++) {
        if (text[i] == '\n')
            return -PROXY_HEADER_LINE;
        if (text[i] != '\r')
            continue;
        if (i + 1 == end)
            break;
        return text[i + 1] == '\n' ? (int)i + 2 : -PROXY_HEADER_LINE;
    }
    return len < PROXY_HEADER_V1_MAX ? 0 : -PROXY_HEADER_LINE;
}

/* An address of the announced family: only those of IPv6 have colons. */
static bool read_address(struct ip *ip, struct str text, bool is_v6)
{
    return (memchr(text.ptr, ':', text.len) != NULL) == is_v6 && ip_read(ip, text);
}

/* Source and destination, their addresses and then their ports, with one blank in between. */
static bool read_addresses(struct proxy_header *header, struct str text, bool is_v6)
{
    struct str source = str_cut(&text, ' '), destination = str_cut(&text, ' ');
    struct str port = str_cut(&text, ' ');
    struct ip ignored;
    uint64_t from, to;

    if (text.ptr == NULL || !read_address(&header->source.ip, source, is_v6) ||
        !read_address(&ignored, destination, is_v6) || !str_to_u64(port, UINT16_MAX, &from) ||
        !str_to_u64(text, UINT16_MAX, &to))
        return false;
    header->source.port = (uint16_t)from;
    header->source.is_known = true;
    return true;
}

static int parse_v1(struct proxy_header *header, const char *text, size_t len)
{
    int size = line_len(text, len);
    struct str line, protocol;

    if (size <= 0)
        return size;
    line = (struct str){text, (size_t)size - 2};
    str_cut(&line, ' '); /* "PROXY" */
    protocol = str_cut(&line, ' ');
    if (str_equals(protocol, STR("UNKNOWN")))
        return size;
    if (!str_equals(protocol, STR("TCP4")) && !str_equals(protocol, STR("TCP6")))
        return -PROXY_HEADER_PROTOCOL;
    if (line.ptr == NULL || !read_addresses(header, line, protocol.ptr[3] == '6'))
        return -PROXY_HEADER_ADDRESS;
    return size;
}

/* ---- version 2 ---- */

static uint16_t read_u16(const uint8_t *bytes)
{
    return (uint16_t)(bytes[0] << 8 | bytes[1]);
}

static uint32_t crc32c_update(uint32_t crc, uint8_t byte)
{
    crc ^= byte;
    for (int i = 0; i < 8; i++)
        crc = crc >> 1 ^ ((crc & 1) != 0 ? CRC32C_REVERSED : 0);
    return crc;
}

/* Is the checksum at `field` right? It is that of the whole header with zeros in its own place; its
 * value stands there in network byte order (2.2.3). */
static bool checksum_is_right(const uint8_t *data, size_t len, const uint8_t *field)
{
    uint32_t crc = UINT32_MAX, given = 0;

    for (size_t i = 0; i < len; i++) {
        bool is_field = data + i >= field && data + i < field + CRC_SIZE;

        crc = crc32c_update(crc, is_field ? 0 : data[i]);
    }
    for (int i = 0; i < CRC_SIZE; i++)
        given = given << 8 | field[i];
    return given == ~crc;
}

/* Walks over the vectors, which begin at `at`. Returns 0 or -error. */
static int check_vectors(const uint8_t *data, size_t len, size_t at)
{
    while (at < len) {
        size_t size;

        if (len - at < VECTOR_FIXED)
            return -PROXY_HEADER_VECTOR;
        size = read_u16(data + at + 1);
        if (size > len - at - VECTOR_FIXED || (data[at] == VECTOR_CRC32C && size != CRC_SIZE))
            return -PROXY_HEADER_VECTOR;
        if (data[at] == VECTOR_CRC32C && !checksum_is_right(data, len, data + at + VECTOR_FIXED))
            return -PROXY_HEADER_CHECKSUM;
        at += VECTOR_FIXED + size;
    }
    return 0;
}

/* Reads the addresses of a header of `len` bytes. */
static void read_block(struct proxy_header *header, const uint8_t *data, unsigned family)
{
    const uint8_t *at = data + FIXED;

    if (family == FAMILY_INET) {
        header->source.ip = ip_from_v4(at);
        header->source.port = read_u16(at + 8);
    } else {
        header->source.ip = ip_from_v6(at);
        header->source.port = read_u16(at + 32);
    }
    header->source.is_known = true;
}

/* Judges the fixed part. Returns 0 or -error. */
static int check_fixed(const uint8_t *data)
{
    unsigned command = data[12] & 15u, family = data[13] >> 4, transport = data[13] & 15u;

    if (data[12] >> 4 != 2)
        return -PROXY_HEADER_VERSION;
    if (command > 1)
        return -PROXY_HEADER_COMMAND;
    if (command == 1 && (family > FAMILY_MAX || transport > TRANSPORT_MAX))
        return -PROXY_HEADER_FAMILY;
    return read_u16(data + 14) + FIXED > PROXY_HEADER_MAX ? -PROXY_HEADER_TOO_LONG : 0;
}

static int parse_v2(struct proxy_header *header, const uint8_t *data, size_t len)
{
    static const uint16_t block_len[] = {0, 12, 36, 216};
    unsigned family, transport;
    size_t size, addresses;
    int error;

    if (len < FIXED)
        return 0;
    error = check_fixed(data);
    if (error < 0)
        return error;
    size = FIXED + (size_t)read_u16(data + 14);
    if (len < size)
        return 0;
    header->is_local = (data[12] & 15) == 0;
    if (header->is_local)
        return (int)size;
    family = data[13] >> 4;
    transport = data[13] & 15u;
    /* Without a family or a transport nobody knows where the vectors begin. */
    addresses = transport == 0 || family == 0 ? 0 : block_len[family];
    if (addresses == 0)
        return (int)size;
    if (size < FIXED + addresses)
        return -PROXY_HEADER_TOO_SHORT;
    error = check_vectors(data, size, FIXED + addresses);
    if (error < 0)
        return error;
    if (family != FAMILY_MAX)
        read_block(header, data, family);
    return (int)size;
}

/* ---- both ---- */

static bool has_signature(const void *data, size_t len, struct str signature)
{
    return memcmp(data, signature.ptr, min_size(len, signature.len)) == 0;
}

int proxy_header_parse(struct proxy_header *header, const void *data, size_t len)
{
    const struct str v1 = STR("PROXY "), v2 = STR("\r\n\r\n\0\r\nQUIT\n");

    *header = (struct proxy_header){.is_local = false};
    if (len == 0)
        return 0;
    if (has_signature(data, len, v1))
        return len < v1.len ? 0 : parse_v1(header, data, len);
    if (has_signature(data, len, v2))
        return len < v2.len ? 0 : parse_v2(header, data, len);
    return -PROXY_HEADER_ABSENT;
}
