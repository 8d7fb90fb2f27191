/* unit.h - the main() of a unit test: UNIT_MAIN("arena", test_a, test_b). */
#ifndef TFM_TESTS_UNIT_H
#define TFM_TESTS_UNIT_H

#include <check.h>
#include <stddef.h>
#include <stdlib.h>

/* How far a test steps through many cases that are much alike: 1, or under valgrind, which is
 * thirty times as slow, `far`. */
static inline unsigned unit_step(unsigned far) {
  static int slow = -1;
  if (slow < 0)
    slow = getenv("TFM_VALGRIND") != NULL;
  return slow ? far : 1;
}

static inline int unit_run(const char *name, const TTest *const *tests, size_t count) {
  Suite *suite = suite_create(name);
  TCase *tcase = tcase_create(name);
  tcase_set_timeout(tcase, 120);
  for (size_t i = 0; i < count; i++)
    tcase_add_test(tcase, tests[i]);
  suite_add_tcase(suite, tcase);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_NORMAL);
  int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

#define UNIT_MAIN(name, ...)                                                                       \
  int main(void) {                                                                                 \
    const TTest *const tests[] = {__VA_ARGS__};                                                    \
    return unit_run(name, tests, sizeof tests / sizeof tests[0]);                                  \
  }

#endif
