/* fuzz_programs.c - bytes that are the choices of the grammar in tests/parity/programs.h:
 * any of them is a sound model file, which is run in every way that must not change its
 * answer. */
#include "tests/fuzz/fuzz.h"
#include "tests/parity/programs.h"

#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static struct program program;
  static struct program_verdict verdict;
  if (verdict.checks == 0) /* programs.c finds them there */
    fuzz_check(setenv("TFM_PLUGIN_DIR", fuzz_plugins(), 1) == 0, "there is memory for a path");
  program_from_bytes(&program, data, size);
  program_try(&program, fuzz_directory(), &verdict);
  if (verdict.failed)
    fprintf(stderr, "%g apart\n", verdict.apart);
  fuzz_check(verdict.failed == 0, verdict.what);
  return 0;
}
