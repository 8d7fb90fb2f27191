/* large.c - aligned to huge pages, if it is worth one. */
#define _DEFAULT_SOURCE /* madvise */
#include "base/large.h"

#include "base/checked.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { HUGE_PAGE = 2 * 1024 * 1024 };

void *large_alloc(size_t size) {
  void *memory;
  size_t rest = size % HUGE_PAGE; /* half of one is worth a whole one */
  if (rest >= HUGE_PAGE / 2 && !checked_add(size, HUGE_PAGE - rest, &size))
    return NULL;
  if (size < HUGE_PAGE)
    return malloc(size);
  if (posix_memalign(&memory, HUGE_PAGE, size) != 0)
    return NULL;
#ifdef MADV_HUGEPAGE
  /* Whole huge pages only: what follows the block may be another's. */
  madvise(memory, size / HUGE_PAGE * HUGE_PAGE, MADV_HUGEPAGE);
#endif
  return memory;
}

void *large_zeroed(size_t count, size_t size) {
  size_t total;
  if (!checked_mul(count, size, &total))
    return NULL;
  if (total < HUGE_PAGE / 2)
    return calloc(count, size);
  void *memory = large_alloc(total);
  if (memory != NULL)
    memset(memory, 0, total);
  return memory;
}
