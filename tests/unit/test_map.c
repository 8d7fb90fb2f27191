/* Insertion, growth, awkward keys, and the seed of the hash. */
#include "base/map.h"
#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>

enum { MANY = 5000 };

START_TEST(test_many) {
  static char keys[MANY][16];
  struct map map;
  bool added;
  map_init(&map);
  ck_assert_ptr_null(map_find_text(&map, "missing"));
  for (int i = 0; i < MANY; i++) {
    snprintf(keys[i], sizeof keys[i], "key%d", i);
    struct map_entry *entry = map_insert_text(&map, keys[i], &added);
    ck_assert_ptr_nonnull(entry);
    ck_assert(added);
    entry->value.number = i;
  }
  ck_assert_uint_eq(map.count, MANY);
  for (int i = 0; i < MANY; i++) {
    struct map_entry *entry = map_find_text(&map, keys[i]);
    ck_assert_ptr_nonnull(entry);
    ck_assert_int_eq(entry->value.number, i);
    ck_assert_ptr_eq(map_insert_text(&map, keys[i], &added), entry);
    ck_assert(!added);
  }
  ck_assert_ptr_null(map_find_text(&map, "key5000"));
  map_finish(&map);
  ck_assert_ptr_null(map_find_text(&map, "key1"));
}
END_TEST

/* Every length around the eight bytes of a word, NULs inside, the empty key. */
START_TEST(test_keys) {
  static const char zeros[40];
  struct map map;
  map_init(&map);
  for (size_t length = 0; length < sizeof zeros; length++)
    map_insert(&map, zeros, length, NULL)->value.number = (int64_t)length;
  ck_assert_uint_eq(map.count, sizeof zeros);
  for (size_t length = 0; length < sizeof zeros; length++)
    ck_assert_int_eq(map_find(&map, zeros, length)->value.number, (int64_t)length);
  map_finish(&map);
}
END_TEST

START_TEST(test_reserve) {
  struct map map;
  map_init(&map);
  ck_assert(map_reserve(&map, 1000));
  size_t capacity = map.capacity;
  ck_assert_uint_gt(capacity, 1000);
  ck_assert(map_reserve(&map, 1000));
  ck_assert_uint_eq(map.capacity, capacity);
  ck_assert(!map_reserve(&map, SIZE_MAX));
  map_finish(&map);
}
END_TEST

START_TEST(test_seed) {
  struct map a, b;
  map_init(&a);
  map_init(&b);
  ck_assert(a.seed != b.seed);
  ck_assert(map_insert_text(&a, "key", NULL)->hash != map_insert_text(&b, "key", NULL)->hash);
  map_finish(&a);
  map_finish(&b);
}
END_TEST

UNIT_MAIN("map", test_many, test_keys, test_reserve, test_seed)
