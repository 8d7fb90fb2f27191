/* Values that are no numbers: each type's own, at each place, and no others. */
#include "checkpoint/scan.h"
#include "tests/unit/unit.h"

#include <math.h>
#include <string.h>

/* What the conversion to float calls NaN or infinite must be found. */
static void check_all(enum dtype dtype, uint64_t count) {
  size_t width = dtype_size(dtype);
  for (uint64_t v = 0; v<count; v += count> 256 ? unit_step(7) : 1) {
    unsigned char bytes[2] = {(unsigned char)v, (unsigned char)(v >> 8)};
    float f;
    ck_assert(dtype_to_f32(dtype, bytes, &f, 1));
    struct scan scan = scan_values(dtype, bytes, width);
    ck_assert_msg(scan.nan == (isnan(f) != 0) && scan.infinite == (isinf(f) != 0), "%s 0x%x",
                  dtype_name(dtype), (unsigned)v);
  }
}

START_TEST(test_small) {
  check_all(DTYPE_F16, 65536);
  check_all(DTYPE_BF16, 65536);
  check_all(DTYPE_F8_E4M3, 256);
  check_all(DTYPE_F8_E5M2, 256);
  check_all(DTYPE_I8, 256);
  check_all(DTYPE_U16, 65536);
  check_all(DTYPE_BOOL, 256);
}
END_TEST

/* Blocks are looked through as a whole: every place of some must be found. */
START_TEST(test_places) {
  enum { COUNT = 3000 };
  static unsigned char bytes[COUNT * 8 + 1];
  for (size_t at = 0; at < COUNT; at += at < 40 || at > COUNT - 40 ? 1 : 97) {
    float f32 = -INFINITY;
    double f64 = NAN;
    memset(bytes, 0, sizeof bytes);
    memcpy(bytes + 1 + at * 4, &f32, 4);
    struct scan scan = scan_values(DTYPE_F32, bytes + 1, COUNT * 4);
    ck_assert(scan.nan == 0 && scan.infinite == 1 && scan.first == at);
    memset(bytes, 0, sizeof bytes);
    memcpy(bytes + 1 + at * 8, &f64, 8);
    scan = scan_values(DTYPE_F64, bytes + 1, COUNT * 8);
    ck_assert(scan.nan == 1 && scan.infinite == 0 && scan.first == at);
  }
  double large = 1e300; /* no f32 holds it, yet it is a number */
  memcpy(bytes, &large, sizeof large);
  ck_assert_uint_eq(scan_values(DTYPE_F64, bytes, 8).infinite, 0);
  memset(bytes, 0xff, sizeof bytes);
  struct scan scan = scan_values(DTYPE_F32, bytes, COUNT * 4);
  ck_assert(scan.nan == COUNT && scan.infinite == 0 && scan.first == 0);
  ck_assert_uint_eq(scan_values(DTYPE_I64, bytes, COUNT * 8).nan, 0);
  ck_assert_uint_eq(scan_values(DTYPE_F32, NULL, 0).nan, 0);
}
END_TEST

UNIT_MAIN("scan", test_small, test_places)
