/* The suite of bans on a late log: see unit/chat_world.h. */
#define WORLD_LATE 2
#define suite_bans suite_bans_late
#include "unit/test_bans.c"
