/* The suite of chat_past on a late log: see unit/chat_world.h. */
#define WORLD_LATE 0
#define suite_chat_past suite_chat_past_late_random
#include "unit/test_chat_past.c"
