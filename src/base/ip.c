#include "base/ip.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "base/util.h"

static const struct ip v4_mapped = {{[10] = 0xff, [11] = 0xff}};

struct ip ip_from_v4(const void *bytes)
{
    struct ip ip = v4_mapped;

    memcpy(ip.bytes + IP_V4_BITS / 8, bytes, 4);
    return ip;
}

struct ip ip_from_v6(const void *bytes)
{
    struct ip ip;

    memcpy(ip.bytes, bytes, sizeof(ip.bytes));
    return ip;
}

bool ip_read(struct ip *ip, struct str text)
{
    char copy[INET6_ADDRSTRLEN];
    uint8_t bytes[16];

    if (text.len >= sizeof(copy) || memchr(text.ptr, '\0', text.len) != NULL)
        return false;
    memcpy(copy, text.ptr, text.len);
    copy[text.len] = '\0';
    if (inet_pton(AF_INET, copy, bytes) == 1)
        *ip = ip_from_v4(bytes);
    else if (inet_pton(AF_INET6, copy, bytes) == 1)
        *ip = ip_from_v6(bytes);
    else
        return false;
    return true;
}

/* Clears all bits behind the first `bits`. */
static void cut(struct ip *ip, unsigned bits)
{
    unsigned whole = bits / 8;

    if (whole == sizeof(ip->bytes))
        return;
    ip->bytes[whole] &= (uint8_t)(0xff00 >> bits % 8);
    memset(ip->bytes + whole + 1, 0, sizeof(ip->bytes) - whole - 1);
}

bool ip_network_read(struct ip_network *network, struct str text)
{
    struct str length = text;
    struct str address = str_cut(&length, '/');
    struct ip base, prefix;
    uint64_t bits = IP_BITS;
    bool is_v4;

    if (!ip_read(&base, address))
        return false;
    /* ::ffff:0:0/96 is a network of IPv6, which happens to be all of IPv4. */
    is_v4 = memchr(address.ptr, ':', address.len) == NULL;
    if (length.ptr != NULL && !str_to_u64(length, is_v4 ? 32 : IP_BITS, &bits))
        return false;
    if (length.ptr != NULL && is_v4)
        bits += IP_V4_BITS;
    prefix = base;
    cut(&prefix, (unsigned)bits);
    if (!ip_equals(&prefix, &base))
        return false;
    *network = (struct ip_network){.base = base, .bits = (uint8_t)bits};
    return true;
}

bool ip_equals(const struct ip *a, const struct ip *b)
{
    return memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

bool ip_is_v4(const struct ip *ip)
{
    return memcmp(ip->bytes, v4_mapped.bytes, IP_V4_BITS / 8) == 0;
}

bool ip_network_has(const struct ip_network *network, const struct ip *ip)
{
    struct ip prefix = *ip;

    cut(&prefix, network->bits);
    return ip_equals(&prefix, &network->base);
}

struct ip ip_prefix(const struct ip *ip, unsigned v4_bits, unsigned v6_bits)
{
    struct ip prefix = *ip;

    cut(&prefix, ip_is_v4(ip) ? IP_V4_BITS + v4_bits : v6_bits);
    return prefix;
}

void ip_write(char out[IP_TEXT_MAX], const struct ip *ip)
{
    if (ip_is_v4(ip))
        inet_ntop(AF_INET, ip->bytes + IP_V4_BITS / 8, out, IP_TEXT_MAX);
    else
        inet_ntop(AF_INET6, ip->bytes, out, IP_TEXT_MAX);
}

void ip_network_write(char out[IP_TEXT_MAX], const struct ip_network *network)
{
    bool is_v4 = network->bits >= IP_V4_BITS && ip_is_v4(&network->base);
    char address[IP_TEXT_MAX];

    ip_write(address, &network->base);
    if (network->bits == IP_BITS)
        snprintf(out, IP_TEXT_MAX, "%.45s", address);
    else
        snprintf(out, IP_TEXT_MAX, "%.45s/%u", address,
                 network->bits - (is_v4 ? (unsigned)IP_V4_BITS : 0u));
}
