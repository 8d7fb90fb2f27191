#include "base/sized.h"

#include "tests/unit/unit.h"

#include <stdint.h>
#include <string.h>

/* Three versions of one struct; the library's own is the middle one. */
struct old {
  uint32_t struct_size, a;
};
struct now {
  uint32_t struct_size, a;
  uint64_t b;
};
struct later {
  uint32_t struct_size, a;
  uint64_t b, c;
};

static const struct sized kind = SIZED(struct now, a);

START_TEST(test_same_and_older) {
  struct now full, own = {sizeof own, 7, 9};
  struct old old = {sizeof old, 5};
  ck_assert_int_eq(sized_read(&kind, &own, &full, NULL), 0);
  ck_assert_uint_eq(full.a, 7);
  ck_assert_uint_eq(full.b, 9);
  memset(&full, 0xff, sizeof full);
  ck_assert_int_eq(sized_read(&kind, &old, &full, NULL), 0);
  ck_assert_uint_eq(full.struct_size, sizeof full);
  ck_assert_uint_eq(full.a, 5);
  ck_assert_uint_eq(full.b, 0);
}
END_TEST

START_TEST(test_newer) {
  struct tfm_error err = {0};
  struct later later = {sizeof later, 1, 2, 0};
  struct now full;
  ck_assert_int_eq(sized_read(&kind, &later, &full, &err), 0);
  ck_assert_uint_eq(full.b, 2);
  later.c = 1;
  ck_assert_int_eq(sized_read(&kind, &later, &full, &err), -1);
  ck_assert_int_eq(err.code, TFM_ERROR_USAGE);
  ck_assert(strstr(err.message, "older than the program") && strstr(err.message, "struct now"));
}
END_TEST

START_TEST(test_no_size) {
  static const uint32_t wrong[] = {0, 4, sizeof(struct old) - 1, 4097, UINT32_MAX};
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    struct tfm_error err = {0};
    struct now full, from = {wrong[i], 1, 2};
    ck_assert_int_eq(sized_read(&kind, &from, &full, &err), -1);
    ck_assert_int_eq(err.code, TFM_ERROR_USAGE);
    ck_assert(strstr(err.message, "struct now.struct_size"));
  }
}
END_TEST

START_TEST(test_arrays) {
  struct tfm_error err = {0};
  struct old old[3] = {{sizeof *old, 1}, {sizeof *old, 2}, {sizeof *old, 3}};
  struct later later[2] = {{sizeof *later, 1, 2, 0}, {sizeof *later, 3, 4, 0}};
  struct now *full;
  void *made;
  ck_assert_int_eq(sized_read_array(&kind, old, 3, &made, &err), 0);
  full = made;
  ck_assert_uint_eq(full[2].a, 3);
  ck_assert_uint_eq(full[2].b, 0);
  free(made);
  ck_assert_int_eq(sized_read_array(&kind, later, 2, &made, &err), 0);
  full = made;
  ck_assert_uint_eq(full[1].a, 3);
  ck_assert_uint_eq(full[1].b, 4);
  free(made);
  ck_assert_int_eq(sized_read_array(&kind, NULL, 0, &made, &err), 0);
  free(made);
  later[1].c = 1;
  ck_assert_int_eq(sized_read_array(&kind, later, 2, &made, &err), -1);
  error_clear(&err);
  old[1].struct_size = 0;
  ck_assert_int_eq(sized_read_array(&kind, old, 3, &made, &err), -1);
  ck_assert(strstr(err.message, "element 1 is 0"));
}
END_TEST

START_TEST(test_written) {
  struct now full = {sizeof full, 7, 9};
  struct old old = {sizeof old, 0};
  struct later later = {sizeof later, 0, 0, 99};
  struct now none = {0, 0, 0};
  ck_assert_int_eq(sized_write(&kind, &full, &old), 0);
  ck_assert_uint_eq(old.a, 7);
  ck_assert_uint_eq(old.struct_size, sizeof old);
  ck_assert_int_eq(sized_write(&kind, &full, &later), 0);
  ck_assert_uint_eq(later.b, 9);
  ck_assert_uint_eq(later.c, 0);
  ck_assert_uint_eq(later.struct_size, sizeof later);
  ck_assert_int_eq(sized_write(&kind, &full, &none), -1);
  ck_assert_uint_eq(none.a, 0);
}
END_TEST

UNIT_MAIN("sized", test_same_and_older, test_newer, test_no_size, test_arrays, test_written)
