#include "net/own_addresses.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <stdbool.h>
#include <string.h>

#define WANTED ((unsigned)(IFF_UP | IFF_RUNNING))

static bool is_reachable(const struct ifaddrs *one, struct in_addr *address)
{
    struct sockaddr_in in;
    uint32_t bits;

    if (one->ifa_addr == NULL || one->ifa_addr->sa_family != AF_INET ||
        (one->ifa_flags & (WANTED | (unsigned)IFF_LOOPBACK)) != WANTED)
        return false;
    memcpy(&in, one->ifa_addr, sizeof(in));
    *address = in.sin_addr;
    bits = ntohl(address->s_addr);
    return bits >> 16 != 0xa9fe && bits >> 24 != 127;
}

size_t own_addresses(char (*out)[INET_ADDRSTRLEN], size_t max)
{
    struct in_addr address;
    struct ifaddrs *all;
    size_t count = 0;

    if (getifaddrs(&all) < 0)
        return 0;
    for (const struct ifaddrs *one = all; one != NULL && count < max; one = one->ifa_next) {
        if (is_reachable(one, &address))
            inet_ntop(AF_INET, &address, out[count++], INET_ADDRSTRLEN);
    }
    freeifaddrs(all);
    return count;
}
