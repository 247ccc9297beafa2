/* What every test program shares: Check, and a main() around its suite. */
#ifndef GD_TEST_H
#define GD_TEST_H

#include <check.h>
#include <stdlib.h>

/* Runs the suite the way the environment says (CK_FORK=no for debuggers and sanitizers). */
#define TEST_MAIN(suite)                                                                           \
	int main(void)                                                                             \
	{                                                                                          \
		SRunner *runner = srunner_create(suite());                                         \
		srunner_run_all(runner, CK_ENV);                                                   \
		int failed = srunner_ntests_failed(runner);                                        \
		srunner_free(runner);                                                              \
		return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;                                  \
	}

#endif
