/* test_programs.c - seeded model files of programs.h.
 *
 *     test_programs [FIRST [COUNT]]     the seeds to try
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "tests/parity/programs.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { SEEDS = 120 };

static char directory[] = "/tmp/tfm-programs-XXXXXX";

static void remove_file(const char *name) {
  char path[256];
  snprintf(path, sizeof path, "%s/%s", directory, name);
  unlink(path);
}

int main(int argc, char **argv) {
  uint64_t first = argc > 1 ? strtoull(argv[1], NULL, 10) : 1;
  uint64_t count = argc > 2 ? strtoull(argv[2], NULL, 10) : argc > 1 ? 1 : SEEDS;
  unsigned checks = 0, failed = 0;
  static struct program program;
  if (!mkdtemp(directory))
    return 99;
  for (uint64_t seed = first; seed < first + count; seed++) {
    struct program_verdict verdict;
    program_from_seed(&program, seed);
    program_try(&program, directory, &verdict);
    checks += verdict.checks;
    failed += verdict.failed;
    if (verdict.failed)
      printf("not ok: program %llu: %s (%g apart)\n", (unsigned long long)seed, verdict.what,
             verdict.apart);
  }
  if (argc == 1 || failed == 0) {
    remove_file("p.tfm");
    remove_file("config.json");
    rmdir(directory);
  } else {
    printf("the last program is in %s\n", directory);
  }
  printf("%u checks, %u failed\n", checks, failed);
  return failed != 0;
}
