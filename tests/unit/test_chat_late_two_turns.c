/* The suite of chat on a late log: see unit/chat_world.h. */
#define WORLD_LATE 2
#define suite_chat suite_chat_late_two_turns
#include "unit/test_chat.c"
