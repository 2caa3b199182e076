/* The suite of posts on a late log: see unit/chat_world.h. */
#define WORLD_LATE 2
#define suite_post suite_post_late
#include "unit/test_post.c"
