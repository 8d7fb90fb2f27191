/* map.h - string to pointer or integer, by hash.
 *
 * Keys are bytes with a length and are not copied: they must outlive the map.
 * The hash is seeded, so a hostile file cannot choose collisions. */
#ifndef TFM_BASE_MAP_H
#define TFM_BASE_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct map_entry {
  const char *key; /* NULL = free */
  size_t length;
  uint64_t hash;
  union {
    void *pointer;
    int64_t number;
  } value;
};

struct map {
  struct map_entry *entries;
  size_t count, capacity;
  uint64_t seed;
};

void map_init(struct map *map);
void map_finish(struct map *map);
/* Make room for count keys at once; false = out of memory. */
bool map_reserve(struct map *map, size_t count);
/* The entry for the key, or NULL. */
struct map_entry *map_find(const struct map *map, const char *key, size_t length);
struct map_entry *map_find_text(const struct map *map, const char *key);
/* The entry for the key, made if missing (*added says which); NULL = out of memory. */
struct map_entry *map_insert(struct map *map, const char *key, size_t length, bool *added);
struct map_entry *map_insert_text(struct map *map, const char *key, bool *added);

#endif
