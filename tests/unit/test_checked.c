/* Both sides of every overflow. */
#include "base/checked.h"
#include "tests/unit/unit.h"

START_TEST(test_sizes) {
  size_t r;
  ck_assert(checked_add(SIZE_MAX - 1, 1, &r) && r == SIZE_MAX);
  ck_assert(!checked_add(SIZE_MAX, 1, &r));
  ck_assert(checked_mul(SIZE_MAX / 3, 3, &r));
  ck_assert(!checked_mul(SIZE_MAX / 3 + 1, 3, &r));
  ck_assert(checked_mul(0, SIZE_MAX, &r) && r == 0);
}
END_TEST

START_TEST(test_signed) {
  int64_t r;
  ck_assert(checked_add_i64(INT64_MAX - 1, 1, &r) && r == INT64_MAX);
  ck_assert(!checked_add_i64(INT64_MAX, 1, &r));
  ck_assert(!checked_sub_i64(INT64_MIN, 1, &r));
  ck_assert(checked_sub_i64(INT64_MIN, -1, &r) && r == INT64_MIN + 1);
  ck_assert(!checked_mul_i64(INT64_MIN, -1, &r));
  ck_assert(checked_mul_i64(-3, 5, &r) && r == -15);
}
END_TEST

START_TEST(test_unsigned) {
  uint64_t r;
  ck_assert(!checked_add_u64(UINT64_MAX, 1, &r));
  ck_assert(!checked_mul_u64(UINT64_MAX, 2, &r));
  ck_assert(checked_mul_u64(UINT64_MAX, 1, &r) && r == UINT64_MAX);
}
END_TEST

START_TEST(test_saturating) {
  ck_assert(saturating_add(UINT64_MAX, 5) == UINT64_MAX);
  ck_assert(saturating_add(2, 5) == 7);
  ck_assert(saturating_mul(UINT64_C(1) << 40, UINT64_C(1) << 40) == UINT64_MAX);
  ck_assert(saturating_mul(6, 7) == 42);
}
END_TEST

UNIT_MAIN("checked", test_sizes, test_signed, test_unsigned, test_saturating)
