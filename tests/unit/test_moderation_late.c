/* The suite of moderation on a late log: see unit/chat_world.h. */
#define WORLD_LATE 2
#define suite_moderation suite_moderation_late
#include "unit/test_moderation.c"
