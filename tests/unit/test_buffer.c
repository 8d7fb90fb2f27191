/* Growth, formatting, taking, and failure of a byte buffer. */
#include "base/buffer.h"
#include "tests/unit/unit.h"

#include <stdint.h>
#include <string.h>

START_TEST(test_empty) {
  struct buffer b;
  buffer_init(&b);
  ck_assert_str_eq(buffer_text(&b), "");
  char *taken = buffer_take(&b);
  ck_assert_str_eq(taken, "");
  free(taken);
  buffer_finish(&b);
}
END_TEST

START_TEST(test_append) {
  struct buffer b;
  buffer_init(&b);
  for (int i = 0; i < 1000; i++)
    buffer_printf(&b, "%d,", i);
  ck_assert_uint_eq(b.length, 10 * 2 + 90 * 3 + 900 * 4);
  ck_assert_uint_eq(strlen(buffer_text(&b)), b.length);
  ck_assert(strncmp(buffer_text(&b), "0,1,2,", 6) == 0);
  ck_assert_str_eq(buffer_text(&b) + b.length - 8, "998,999,");
  buffer_clear(&b);
  buffer_puts(&b, "a");
  buffer_putc(&b, 'b');
  buffer_append(&b, "c\0d", 3);
  ck_assert_uint_eq(b.length, 5);
  ck_assert_mem_eq(b.data, "abc\0d", 6);
  buffer_finish(&b);
}
END_TEST

START_TEST(test_take) {
  struct buffer b;
  buffer_init(&b);
  buffer_puts(&b, "taken");
  char *taken = buffer_take(&b);
  ck_assert_str_eq(taken, "taken");
  ck_assert_uint_eq(b.length, 0);
  ck_assert_str_eq(buffer_text(&b), "");
  free(taken);
  buffer_finish(&b);
}
END_TEST

START_TEST(test_failure_sticks) {
  struct buffer b;
  buffer_init(&b);
  buffer_puts(&b, "before");
  buffer_append(&b, "x", SIZE_MAX - 3);
  ck_assert(b.failed);
  buffer_puts(&b, "after");
  ck_assert_str_eq(buffer_text(&b), "before");
  ck_assert_ptr_null(buffer_take(&b));
  buffer_finish(&b);
}
END_TEST

UNIT_MAIN("buffer", test_empty, test_append, test_take, test_failure_sticks)
