/* The suite of chat on a late log: see unit/chat_world.h. */
#define WORLD_LATE 0
#define suite_chat suite_chat_late_random
#include "unit/test_chat.c"
