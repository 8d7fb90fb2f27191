/* Alignment, zeroing, the limit, and large blocks of an arena. */
#include "base/arena.h"
#include "tests/unit/unit.h"

#include <stdint.h>
#include <string.h>

START_TEST(test_alloc) {
  struct arena arena;
  arena_init(&arena, 0);
  for (size_t size = 0; size < 300; size++) {
    unsigned char *p = arena_alloc(&arena, size);
    ck_assert_ptr_nonnull(p);
    ck_assert_uint_eq((uintptr_t)p % _Alignof(max_align_t), 0);
    for (size_t i = 0; i < size; i++)
      ck_assert_uint_eq(p[i], 0);
    memset(p, 0xff, size);
  }
  ck_assert(!arena_failed(&arena));
  arena_finish(&arena);
}
END_TEST

/* A large block must not disturb what the head still has room for. */
START_TEST(test_large) {
  struct arena arena;
  arena_init(&arena, 0);
  char *small = arena_strdup(&arena, "small");
  char *large = arena_alloc(&arena, 1 << 20);
  char *next = arena_strdup(&arena, "next");
  ck_assert_ptr_nonnull(large);
  memset(large, 1, 1 << 20);
  ck_assert_str_eq(small, "small");
  ck_assert_str_eq(next, "next");
  ck_assert_int_eq(next - small, 16);
  arena_finish(&arena);
}
END_TEST

START_TEST(test_limit) {
  struct arena arena;
  arena_init(&arena, 1024);
  ck_assert_ptr_nonnull(arena_alloc(&arena, 1000));
  ck_assert_ptr_null(arena_alloc(&arena, 1000));
  ck_assert(arena_failed(&arena));
  arena_finish(&arena);
  ck_assert(!arena_failed(&arena));
}
END_TEST

START_TEST(test_overflow) {
  struct arena arena;
  arena_init(&arena, 0);
  ck_assert_ptr_null(arena_array(&arena, SIZE_MAX / 2, 3));
  ck_assert(arena_failed(&arena));
  ck_assert_ptr_null(arena_alloc(&arena, SIZE_MAX));
  ck_assert_ptr_null(arena_alloc(&arena, SIZE_MAX - 20));
  ck_assert_ptr_null(arena_strndup(&arena, "x", SIZE_MAX));
  ck_assert_uint_eq(arena.used, 0);
  arena_finish(&arena);
}
END_TEST

START_TEST(test_strings) {
  struct arena arena;
  arena_init(&arena, 0);
  ck_assert_str_eq(arena_strndup(&arena, "layers", 5), "layer");
  ck_assert_str_eq(arena_strndup(&arena, NULL, 0), "");
  ck_assert_str_eq(arena_printf(&arena, "h.%d.%s", 11, "attn"), "h.11.attn");
  ck_assert_str_eq(arena_printf(&arena, "%s", ""), "");
  arena_finish(&arena);
}
END_TEST

UNIT_MAIN("arena", test_alloc, test_large, test_limit, test_overflow, test_strings)
