/* A disk below the calls for files, for one folder: it fails, shortens, tears and dies as a test
 * asks. It remembers what was synced, so that a power cut can be played: of what was not, any
 * sectors of 512 bytes may be on the disk, and any names. The linker (--wrap) sends the calls of
 * the program here; as long as no test has begun they go straight on to libc. */
#ifndef TESTS_DISK_H
#define TESTS_DISK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum disk_fault {
    DISK_FAIL,  /* the call fails and does nothing */
    DISK_SHORT, /* a write takes half of its bytes, and says so */
    DISK_TORN,  /* a write takes half of its bytes and fails; other calls fail */
    DISK_DEATH, /* the same; the program is dead from then on: no call does anything */
};

struct disk_plan {
    enum disk_fault fault;
    int error;  /* errno of a call that fails */
    long nth;   /* the first call that is hit: 1 is the next */
    long count; /* how many are */
    long death; /* the program is dead from so many calls after the first on; 0: it lives */
};

/* Begins with this folder, which is empty. No call fails yet. Ends with disk_end. */
void disk_begin(const char *folder);
void disk_end(void);

/* From now on calls are counted, and those of the plan are hit. */
void disk_arm(const struct disk_plan *plan);
void disk_disarm(void);

bool disk_has_struck(void);

/* The program is dead: what it says now nobody hears. */
bool disk_is_dead(void);

/* Cuts the power while no file is open: the folder has what a disk may have then, chosen by `seed`.
 * All of it counts as synced. */
void disk_cut_power(uint32_t seed);

/* For a whole program: from its `first` to its `last` call, these calls ("fdatasync") fail, and are
 * not done. */
void disk_fail_calls(const char *call, int error, long first, long last);

/* read goes the same way, where it reads from a file. */
bool disk_read_fails(int fd);

#endif
