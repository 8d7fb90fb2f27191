/* scan.h - a stored tensor's values that are no numbers. */
#ifndef TFM_CHECKPOINT_SCAN_H
#define TFM_CHECKPOINT_SCAN_H

#include "base/dtype.h"

#include <stddef.h>
#include <stdint.h>

struct scan {
  uint64_t nan, infinite;
  uint64_t first; /* the element's number, if there is any */
};

/* size bytes, any alignment.  A dtype that cannot hold such values has none. */
struct scan scan_values(enum dtype dtype, const unsigned char *data, size_t size);

#endif
