#include "base/sized.h"

#include "base/checked.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* More than any of these structs will be: a size beyond it was never set. */
enum { SIZED_MOST = 4096 };

static uint32_t stated_size(const void *from) {
  uint32_t size;
  memcpy(&size, from, sizeof size);
  return size;
}

static int check_size(const struct sized *kind, uint32_t size, struct tfm_error *err) {
  if (size >= kind->first && size <= SIZED_MOST)
    return 0;
  if (size == 0)
    error_set(err, TFM_ERROR_USAGE, "%s.struct_size is not set", kind->name);
  else
    error_set(err, TFM_ERROR_USAGE, "%s.struct_size is %" PRIu32 ", which is no size of it",
              kind->name, size);
  error_note(err, "help: set it to sizeof(%s)", kind->name);
  return -1;
}

/* One struct of size bytes, which are at least kind->first. */
static int read_one(const struct sized *kind, const unsigned char *from, size_t size,
                    unsigned char *full, struct tfm_error *err) {
  size_t shared = size < kind->full ? size : kind->full;
  uint32_t own = (uint32_t)kind->full;
  for (size_t i = kind->full; i < size; i++)
    if (from[i] != 0) {
      error_set(err, TFM_ERROR_USAGE,
                "this library is older than the program: a field of %s beyond its first %zu bytes "
                "is set",
                kind->name, kind->full);
      error_note(err, "help: install the library that the program was built for, or leave the "
                      "field zero");
      return -1;
    }
  memset(full, 0, kind->full);
  memcpy(full, from, shared);
  memcpy(full, &own, sizeof own);
  return 0;
}

int sized_read(const struct sized *kind, const void *from, void *full, struct tfm_error *err) {
  uint32_t size = stated_size(from);
  return check_size(kind, size, err) == 0 ? read_one(kind, from, size, full, err) : -1;
}

static int read_all(const struct sized *kind, const unsigned char *from, size_t count,
                    unsigned char *full, struct tfm_error *err) {
  uint32_t size = count ? stated_size(from) : 0;
  if (count && check_size(kind, size, err) != 0)
    return -1;
  for (size_t i = 0; i < count; i++) {
    if (stated_size(from + i * size) != size)
      return error_set(err, TFM_ERROR_USAGE,
                       "%s.struct_size of element %zu is %" PRIu32
                       ", that of the first is %" PRIu32,
                       kind->name, i, stated_size(from + i * size), size);
    if (read_one(kind, from + i * size, size, full + i * kind->full, err) != 0)
      return -1;
  }
  return 0;
}

int sized_read_array(const struct sized *kind, const void *from, size_t count, void **full,
                     struct tfm_error *err) {
  size_t bytes;
  *full = NULL;
  if (!checked_mul(count, kind->full, &bytes))
    return error_oom(err);
  void *made = malloc(bytes ? bytes : 1);
  if (!made)
    return error_oom(err);
  if (read_all(kind, from, count, made, err) != 0)
    return free(made), -1;
  *full = made;
  return 0;
}

int sized_write(const struct sized *kind, const void *full, void *to) {
  uint32_t size = stated_size(to);
  if (size < sizeof size || size > SIZED_MOST)
    return -1;
  size_t shared = size < kind->full ? size : kind->full;
  memcpy(to, full, shared);
  if (size > shared)
    memset((unsigned char *)to + shared, 0, size - shared);
  memcpy(to, &size, sizeof size);
  return 0;
}
