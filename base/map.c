/* map.c - open addressing with linear probing, at most three quarters full.
 *
 * The hash is SipHash-1-3 (Aumasson and Bernstein, 2012; the 1-3 rounds that
 * Rust's and Python's tables use), keyed from the kernel's random source. */
#include "base/map.h"

#include "base/checked.h"
#include "base/hash.h"

#include <stdlib.h>
#include <string.h>

enum { FIRST_CAPACITY = 16 };

static uint64_t rotate(uint64_t x, unsigned by) {
  return (x << by) | (x >> (64 - by));
}

static void sip_round(uint64_t v[4]) {
  v[0] += v[1];
  v[1] = rotate(v[1], 13) ^ v[0];
  v[0] = rotate(v[0], 32);
  v[2] += v[3];
  v[3] = rotate(v[3], 16) ^ v[2];
  v[0] += v[3];
  v[3] = rotate(v[3], 21) ^ v[0];
  v[2] += v[1];
  v[1] = rotate(v[1], 17) ^ v[2];
  v[2] = rotate(v[2], 32);
}

static uint64_t hash_bytes(uint64_t seed, const char *key, size_t length) {
  uint64_t other = rotate(seed, 29) * UINT64_C(0x9e3779b97f4a7c15);
  uint64_t v[4] = {seed ^ UINT64_C(0x736f6d6570736575), other ^ UINT64_C(0x646f72616e646f6d),
                   seed ^ UINT64_C(0x6c7967656e657261), other ^ UINT64_C(0x7465646279746573)};
  uint64_t word, last = (uint64_t)length << 56;
  size_t at = 0;
  for (; length - at >= 8; at += 8) {
    memcpy(&word, key + at, 8);
    v[3] ^= word;
    sip_round(v);
    v[0] ^= word;
  }
  for (unsigned shift = 0; at < length; at++, shift += 8)
    last |= (uint64_t)(unsigned char)key[at] << shift;
  v[3] ^= last;
  sip_round(v);
  v[0] ^= last;
  v[2] ^= 0xff;
  sip_round(v);
  sip_round(v);
  sip_round(v);
  return v[0] ^ v[1] ^ v[2] ^ v[3];
}

void map_init(struct map *map) {
  *map = (struct map){.seed = hash_random(map)};
}

void map_finish(struct map *map) {
  free(map->entries);
  *map = (struct map){.seed = map->seed};
}

/* The slot that holds the key, or the free one where it would go. */
static struct map_entry *probe(struct map_entry *entries, size_t capacity, uint64_t hash,
                               const char *key, size_t length) {
  for (size_t i = (size_t)hash & (capacity - 1);; i = (i + 1) & (capacity - 1)) {
    struct map_entry *entry = &entries[i];
    if (entry->key == NULL)
      return entry;
    if (entry->hash == hash && entry->length == length && memcmp(entry->key, key, length) == 0)
      return entry;
  }
}

static bool resize(struct map *map, size_t capacity) {
  struct map_entry *entries = calloc(capacity, sizeof *entries);
  if (entries == NULL)
    return false;
  for (size_t i = 0; i < map->capacity; i++) {
    const struct map_entry *old = &map->entries[i];
    if (old->key != NULL)
      *probe(entries, capacity, old->hash, old->key, old->length) = *old;
  }
  free(map->entries);
  map->entries = entries;
  map->capacity = capacity;
  return true;
}

bool map_reserve(struct map *map, size_t count) {
  size_t capacity = map->capacity == 0 ? FIRST_CAPACITY : map->capacity;
  while (capacity / 4 * 3 < count)
    if (!checked_mul(capacity, 2, &capacity))
      return false;
  return capacity == map->capacity || resize(map, capacity);
}

struct map_entry *map_find(const struct map *map, const char *key, size_t length) {
  if (map->count == 0 || key == NULL)
    return NULL;
  uint64_t hash = hash_bytes(map->seed, key, length);
  struct map_entry *entry = probe(map->entries, map->capacity, hash, key, length);
  return entry->key == NULL ? NULL : entry;
}

struct map_entry *map_find_text(const struct map *map, const char *key) {
  return map_find(map, key, strlen(key));
}

struct map_entry *map_insert(struct map *map, const char *key, size_t length, bool *added) {
  bool unused;
  if (added == NULL)
    added = &unused;
  *added = false;
  if (!map_reserve(map, map->count + 1))
    return NULL;
  uint64_t hash = hash_bytes(map->seed, key, length);
  struct map_entry *entry = probe(map->entries, map->capacity, hash, key, length);
  if (entry->key != NULL)
    return entry;
  *entry = (struct map_entry){.key = key, .length = length, .hash = hash};
  map->count++;
  *added = true;
  return entry;
}

struct map_entry *map_insert_text(struct map *map, const char *key, bool *added) {
  return map_insert(map, key, strlen(key), added);
}
