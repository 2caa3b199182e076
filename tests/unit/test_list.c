#include <check.h>
#include <stddef.h>

#include "base/list.h"
#include "base/util.h"

Suite *suite_list(void);

struct item {
    int value;
    struct list node;
};

static struct list head;
static struct item items[3];

static void setup(void)
{
    list_init(&head);
    for (int i = 0; i < 3; i++) {
        items[i].value = i + 1;
        list_init(&items[i].node);
    }
}

static void append_all(void)
{
    for (int i = 0; i < 3; i++)
        list_append(&head, &items[i].node);
}

/* The values forwards as one decimal number; also walks backwards and compares. */
static int values(void)
{
    int forwards = 0;
    int backwards = 0;
    int place = 1;

    for (struct list *at = head.next; at != &head; at = at->next)
        forwards = forwards * 10 + CONTAINER_OF(at, struct item, node)->value;
    for (struct list *at = head.prev; at != &head; at = at->prev) {
        backwards += CONTAINER_OF(at, struct item, node)->value * place;
        place *= 10;
    }
    ck_assert_int_eq(forwards, backwards);
    return forwards;
}

START_TEST(new_one_is_empty)
{
    ck_assert(list_is_empty(&head));
    ck_assert(!list_is_linked(&items[0].node));
    ck_assert_ptr_null(list_take_first(&head));
}
END_TEST

START_TEST(append_keeps_order)
{
    append_all();
    ck_assert_int_eq(values(), 123);
    ck_assert(!list_is_empty(&head));
    ck_assert(list_is_linked(&items[1].node));
}
END_TEST

START_TEST(remove_anywhere_and_twice)
{
    append_all();
    list_remove(&items[1].node);
    ck_assert_int_eq(values(), 13);
    ck_assert(!list_is_linked(&items[1].node));
    list_remove(&items[1].node);
    ck_assert_int_eq(values(), 13);
    list_remove(&items[2].node);
    list_remove(&items[0].node);
    ck_assert(list_is_empty(&head));
}
END_TEST

START_TEST(removed_one_can_go_to_the_end)
{
    append_all();
    list_remove(&items[0].node);
    list_append(&head, &items[0].node);
    ck_assert_int_eq(values(), 231);
}
END_TEST

START_TEST(take_first_unlinks)
{
    append_all();
    for (int i = 0; i < 3; i++) {
        struct list *first = list_take_first(&head);

        ck_assert_ptr_eq(first, &items[i].node);
        ck_assert(!list_is_linked(first));
    }
    ck_assert_ptr_null(list_take_first(&head));
}
END_TEST

Suite *suite_list(void)
{
    Suite *suite = suite_create("list");
    TCase *cases = tcase_create("list");

    tcase_add_checked_fixture(cases, setup, NULL);
    tcase_add_test(cases, new_one_is_empty);
    tcase_add_test(cases, append_keeps_order);
    tcase_add_test(cases, remove_anywhere_and_twice);
    tcase_add_test(cases, removed_one_can_go_to_the_end);
    tcase_add_test(cases, take_first_unlinks);
    suite_add_tcase(suite, cases);
    return suite;
}
