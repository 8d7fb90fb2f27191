/* sized.h - structs of a caller that may be older or newer than our own.
 *
 * Such a struct starts with a uint32_t struct_size, its size where the caller was
 * compiled, and grows at its end only.  What an older caller does not have is zero;
 * what a newer one has beyond our end must be zero, else the caller asks for something
 * that is not known here.  In an array the first element's size is the step from one
 * to the next, and all have the same. */
#ifndef TFM_BASE_SIZED_H
#define TFM_BASE_SIZED_H

#include "base/error.h"

#include <stddef.h>

struct sized {
  const char *name; /* "tfm_input" */
  size_t first;     /* bytes of the oldest version that there was */
  size_t full;      /* bytes of ours */
};

/* The size of type as long as member was the last one, its padding left out. */
#define SIZED_FIRST(type, member) (offsetof(type, member) + sizeof(((type *)0)->member))
#define SIZED(type, last_of_first)                                                                 \
  { #type, SIZED_FIRST(type, last_of_first), sizeof(type) }

/* Copy *from to *full, which has kind->full bytes; its struct_size becomes that. */
int sized_read(const struct sized *kind, const void *from, void *full, struct tfm_error *err);

/* Copy an array; *full is freed with free(), count 0 gives an array of none. */
int sized_read_array(const struct sized *kind, const void *from, size_t count, void **full,
                     struct tfm_error *err);

/* Copy *full to *to as far as *to goes by its struct_size, which stays; what lies beyond
 * our end becomes zero.  -1 = struct_size is not set. */
int sized_write(const struct sized *kind, const void *full, void *to);

#endif
