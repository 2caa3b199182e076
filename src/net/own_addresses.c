#include "net/own_addresses.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <stdbool.h>
#include <string.h>

#define WANTED ((unsigned)(IFF_UP | IFF_RUNNING))

static bool own_is_up(const struct ifaddrs *one, int family)
{
    return one->ifa_addr != NULL && one->ifa_addr->sa_family == family &&
           (one->ifa_flags & (WANTED | (unsigned)IFF_LOOPBACK)) == WANTED;
}

static bool own_write_v4(const struct sockaddr *address, char out[INET6_ADDRSTRLEN])
{
    struct sockaddr_in in;
    uint32_t bits;

    memcpy(&in, address, sizeof(in));
    bits = ntohl(in.sin_addr.s_addr);
    return bits >> 16 != 0xa9fe && bits >> 24 != 127 &&
           inet_ntop(AF_INET, &in.sin_addr, out, INET6_ADDRSTRLEN) != NULL;
}

static bool own_write_v6(const struct sockaddr *address, char out[INET6_ADDRSTRLEN])
{
    struct sockaddr_in6 in;

    memcpy(&in, address, sizeof(in));
    return !IN6_IS_ADDR_LINKLOCAL(&in.sin6_addr) && !IN6_IS_ADDR_LOOPBACK(&in.sin6_addr) &&
           inet_ntop(AF_INET6, &in.sin6_addr, out, INET6_ADDRSTRLEN) != NULL;
}

size_t own_addresses(int family, char (*out)[INET6_ADDRSTRLEN], size_t max)
{
    struct ifaddrs *all;
    size_t count = 0;

    if (getifaddrs(&all) < 0)
        return 0;
    for (const struct ifaddrs *one = all; one != NULL && count < max; one = one->ifa_next) {
        if (own_is_up(one, family))
            count += (family == AF_INET ? own_write_v4 : own_write_v6)(one->ifa_addr, out[count]);
    }
    freeifaddrs(all);
    return count;
}
