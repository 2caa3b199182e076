/* The suite of chat_resume on a late log: see unit/chat_world.h. */
#define WORLD_LATE 2
#define suite_chat_resume suite_chat_resume_late_two_turns
#include "unit/test_chat_resume.c"
