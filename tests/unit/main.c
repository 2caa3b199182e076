/* Runs every suite of one folder. The Makefile writes suites.inc from the names of the test files:
 * a line SUITE(name) for each test_name.c. CK_RUN_SUITE, CK_RUN_CASE, CK_FORK and CK_VERBOSITY work
 * as libcheck says. */
#include <stdio.h>
#include <stdlib.h>

#include <check.h>

#define SUITE(name) Suite *suite_##name(void);
#include "suites.inc"
#undef SUITE

int main(void)
{
    SRunner *runner;
    int failed;

    /* A hang guard, not a measure: slow machines and sanitizers must pass too. */
    setenv("CK_DEFAULT_TIMEOUT", "120", 0);
    runner = srunner_create(NULL);
#define SUITE(name) srunner_add_suite(runner, suite_##name());
#include "suites.inc"
#undef SUITE
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
