/* scan.c - NaN and infinity by their bits: the exponent is all ones.
 *
 * Whole blocks are looked through without a branch; only one that holds
 * something is looked at again, value by value. */
#include "checkpoint/scan.h"

#include <stdbool.h>
#include <string.h>

enum { BLOCK = 4096 }; /* bytes, a multiple of every width */

/* No number if (bits & all) == all; a NaN if fraction bits are set as well.
 * E4M3 has no infinity: its one NaN is all ones. */
static const struct {
  uint64_t all, fraction;
} form[DTYPE_COUNT] = {
    [DTYPE_F32] = {0x7f800000u, 0x007fffffu},
    [DTYPE_F16] = {0x7c00u, 0x03ffu},
    [DTYPE_BF16] = {0x7f80u, 0x007fu},
    [DTYPE_F64] = {UINT64_C(0x7ff0000000000000), UINT64_C(0x000fffffffffffff)},
    [DTYPE_F8_E4M3] = {0x7fu, 0x7fu},
    [DTYPE_F8_E5M2] = {0x7cu, 0x03u},
};

#define ANY(type)                                                                                  \
  static bool any_##type(const unsigned char *data, size_t count, type all) {                      \
    unsigned found = 0;                                                                            \
    for (size_t i = 0; i < count; i++) {                                                           \
      type v;                                                                                      \
      memcpy(&v, data + i * sizeof v, sizeof v);                                                   \
      found |= (type)(v & all) == all;                                                             \
    }                                                                                              \
    return found != 0;                                                                             \
  }
ANY(uint8_t)
ANY(uint16_t)
ANY(uint32_t)
ANY(uint64_t)

static bool any(const unsigned char *data, size_t count, size_t width, uint64_t all) {
  switch (width) {
  case 1:
    return any_uint8_t(data, count, (uint8_t)all);
  case 2:
    return any_uint16_t(data, count, (uint16_t)all);
  case 4:
    return any_uint32_t(data, count, (uint32_t)all);
  default:
    return any_uint64_t(data, count, all);
  }
}

static uint64_t bits_at(const unsigned char *data, size_t width) {
  uint8_t one;
  uint16_t two;
  uint32_t four;
  uint64_t eight;
  switch (width) {
  case 1:
    return memcpy(&one, data, sizeof one), one;
  case 2:
    return memcpy(&two, data, sizeof two), two;
  case 4:
    return memcpy(&four, data, sizeof four), four;
  default:
    return memcpy(&eight, data, sizeof eight), eight;
  }
}

struct scan scan_values(enum dtype dtype, const unsigned char *data, size_t size) {
  struct scan scan = {0};
  size_t width = dtype_size(dtype);
  uint64_t all = (unsigned)dtype < DTYPE_COUNT ? form[dtype].all : 0;
  for (size_t at = 0; all && at < size; at += BLOCK) {
    size_t bytes = size - at < BLOCK ? size - at : BLOCK;
    if (!any(data + at, bytes / width, width, all))
      continue;
    for (size_t i = 0; i + width <= bytes; i += width) {
      uint64_t v = bits_at(data + at + i, width);
      if ((v & all) != all)
        continue;
      if (scan.nan + scan.infinite == 0)
        scan.first = (at + i) / width;
      *(v & form[dtype].fraction ? &scan.nan : &scan.infinite) += 1;
    }
  }
  return scan;
}
