/* fuzz_programs.c - bytes that are the choices of the grammar in tests/parity/programs.h:
 * any of them is a sound model file, which is run in every way that must not change its
 * answer. */
#include "tests/fuzz/fuzz.h"
#include "tests/parity/programs.h"

#include <stdio.h>
#include <stdlib.h>

/* For programs.c. */
static void find_plugins(void) {
  char path[512];
  const char *build = getenv("TFM_BUILDDIR");
  fuzz_check(build != NULL, "TFM_BUILDDIR names the build");
  snprintf(path, sizeof path, "%s/plugins/.libs", build);
  fuzz_check(setenv("TFM_PLUGIN_DIR", path, 1) == 0, "there is memory for a path");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static struct program program;
  static struct program_verdict verdict;
  if (verdict.checks == 0)
    find_plugins();
  program_from_bytes(&program, data, size);
  program_try(&program, fuzz_directory(), &verdict);
  if (verdict.failed)
    fprintf(stderr, "%g apart\n", verdict.apart);
  fuzz_check(verdict.failed == 0, verdict.what);
  return 0;
}
