/* The suite of chat_resume on a late log: see unit/chat_world.h. */
#define WORLD_LATE 1
#define suite_chat_resume suite_chat_resume_late_one_turn
#include "unit/test_chat_resume.c"
