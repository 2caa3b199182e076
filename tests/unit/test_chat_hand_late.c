/* The suite of chats that are handed over on a late log: see unit/chat_world.h. */
#define WORLD_LATE 0
#define suite_chat_hand suite_chat_hand_late
#include "unit/test_chat_hand.c"
