/* The first failure is kept, cut at whole characters, and shown safely. */
#include "base/error.h"
#include "tests/unit/unit.h"

#include <string.h>

START_TEST(test_first_is_kept) {
  struct tfm_error err = {0};
  ck_assert_int_eq(error_set(&err, TFM_ERROR_MODEL, "unknown op `%s`", "x"), -1);
  ck_assert_int_eq(error_set(&err, TFM_ERROR_RUN, "later"), -1);
  ck_assert_int_eq(err.code, TFM_ERROR_MODEL);
  ck_assert_str_eq(err.message, "unknown op `x`");
  ck_assert_str_eq(err.notes, "");
  error_clear(&err);
  ck_assert_int_eq(error_oom(&err), -1);
  ck_assert_int_eq(err.code, TFM_ERROR_LIMIT);
  ck_assert_str_eq(err.message, "out of memory");
}
END_TEST

START_TEST(test_null) {
  ck_assert_int_eq(error_set(NULL, TFM_ERROR_RUN, "x"), -1);
  ck_assert_int_eq(error_oom(NULL), -1);
  error_note(NULL, "x");
  error_clear(NULL);
}
END_TEST

START_TEST(test_notes) {
  struct tfm_error err = {0};
  error_set(&err, TFM_ERROR_PLUGIN, "bad");
  error_note(&err, "expected: %d", 1);
  error_note(&err, "found: %d", 2);
  ck_assert_str_eq(err.notes, "expected: 1\nfound: 2");
  for (int i = 0; i < 1000; i++)
    error_note(&err, "help: %d", i);
  ck_assert_uint_lt(strlen(err.notes), sizeof err.notes);
}
END_TEST

/* A tensor's name may hold anything, escape codes included. */
START_TEST(test_escapes) {
  struct tfm_error err = {0};
  error_set(&err, TFM_ERROR_CHECKPOINT, "%s",
            "a\x1b[2Jb\n\xe2\x80\xae"
            "c\xff 한");
  ck_assert_str_eq(err.message, "a\\u{1b}[2Jb\\u{a}\\u{202e}c\\xff 한");
}
END_TEST

START_TEST(test_cut) {
  char text[5000];
  struct tfm_error err = {0};
  for (size_t i = 0; i + 3 < sizeof text; i += 3)
    memcpy(text + i, "\xed\x95\x9c", 4);
  error_set(&err, TFM_ERROR_RUN, "%s", text);
  size_t length = strlen(err.message);
  ck_assert_uint_eq(length, (sizeof err.message - 1) / 3 * 3);
  ck_assert_str_eq(err.message + length - 3, "\xed\x95\x9c");
  error_note(&err, "x%s", text);
  length = strlen(err.notes);
  ck_assert_uint_gt(length, sizeof err.notes - 5);
  ck_assert_str_eq(err.notes + length - 3, "\xed\x95\x9c");
}
END_TEST

UNIT_MAIN("error", test_first_is_kept, test_null, test_notes, test_escapes, test_cut)
