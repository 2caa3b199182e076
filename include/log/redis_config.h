/* What the log on Redis is told, and what it tells of itself. */
#ifndef LOG_REDIS_CONFIG_H
#define LOG_REDIS_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/hash.h"
#include "base/str.h"

#define REDIS_NODE_MAX 64   /* bytes of a node's name */
#define REDIS_PREFIX_MAX 32 /* bytes of the prefix of all keys */

struct redis_config {
    struct str user; /* ptr is NULL where there is none */
    struct str password;
    uint64_t database;
    struct str prefix;
    struct str node;      /* empty: a random name */
    uint64_t history;     /* messages of a room */
    uint64_t leave_grace; /* milliseconds */
    uint64_t replicas;    /* that must have what is acknowledged here; 0: Redis alone */
    uint64_t replica_ms;  /* ... or so many milliseconds must have passed */
    uint64_t longest;     /* bytes of the longest message */
    const char *others;   /* the same at all nodes that spread rooms over the same servers */
    struct hash_seed seed;
    void (*random)(void *bytes, size_t len);
};

enum redis_link { REDIS_COMMANDS, REDIS_TELLS, REDIS_LINKS };

/* Bounds of the classes of round trips, in microseconds; one more has all that took longer. */
#define REDIS_TRIPS                                                                                \
    {                                                                                              \
        250, 500, 1000, 2500, 5000, 10000, 25000, 100000, 1000000                                  \
    }
#define REDIS_TRIP_CLASSES 10

struct redis_stats {
    bool is_up;
    uint64_t trips[REDIS_TRIP_CLASSES]; /* answers, by how long they took */
    uint64_t trips_ns;                  /* that all of them took */
    uint64_t commands;
    uint64_t told;     /* events that came on the channels */
    uint64_t fills;    /* times that a room asked for what it had missed */
    uint64_t resent;   /* appends that were sent again */
    uint64_t refused;  /* appends that were refused because too many waited */
    uint64_t waiting;  /* appends that have no answer */
    uint64_t rooms;    /* that are followed */
    uint64_t restarts; /* rooms whose readers had to come again */
    uint64_t reaped;   /* rooms that a node left which died */
    uint64_t unsafe;   /* answers that told of fewer replicas than there are to be */
    uint64_t broken;   /* times that what Redis has of one room could not be used */
};

#endif
