/* vocabulary.c - a map one way, an array the other. */
#include "runtime/tokenizer/vocabulary.h"

#include <stdlib.h>
#include <string.h>

enum { FIRST_CAPACITY = 1024 };

void vocabulary_init(struct vocabulary *vocabulary) {
  *vocabulary = (struct vocabulary){0};
  map_init(&vocabulary->map);
}

void vocabulary_finish(struct vocabulary *vocabulary) {
  map_finish(&vocabulary->map);
  free(vocabulary->token);
  vocabulary->token = NULL;
}

/* Make the id a place in the array; ids are bounded by reader_id. */
static bool make_room(struct vocabulary *vocabulary, size_t id) {
  if (id < vocabulary->capacity)
    return true;
  size_t capacity = vocabulary->capacity == 0 ? FIRST_CAPACITY : vocabulary->capacity;
  while (capacity <= id)
    capacity *= 2;
  struct slice *token = realloc(vocabulary->token, capacity * sizeof *token);
  if (token == NULL)
    return false;
  memset(token + vocabulary->capacity, 0, (capacity - vocabulary->capacity) * sizeof *token);
  vocabulary->token = token;
  vocabulary->capacity = capacity;
  return true;
}

int vocabulary_add(struct vocabulary *vocabulary, struct reader *reader, const char *place,
                   const char *text, size_t length, int32_t id) {
  struct slice copy;
  bool added;
  if (length > READER_TOKEN_LIMIT)
    return reader_error(reader, place, "the token with id %d is longer than %d bytes", (int)id,
                        READER_TOKEN_LIMIT);
  if (!make_room(vocabulary, (size_t)id))
    return error_oom(reader->err);
  if (vocabulary->token[id].text != NULL)
    return reader_error(reader, place, "id %d is given to `%.64s` and to `%.64s`", (int)id,
                        vocabulary->token[id].text, text);
  if (reader_copy(reader, text, length, &copy) != 0)
    return -1;
  struct map_entry *entry = map_insert(&vocabulary->map, copy.text, length, &added);
  if (entry == NULL)
    return error_oom(reader->err);
  if (!added)
    return reader_error(reader, place, "`%.64s` is there twice, as %d and as %d", copy.text,
                        (int)entry->value.number, (int)id);
  entry->value.number = id;
  vocabulary->token[id] = copy;
  vocabulary->count++;
  if ((size_t)id >= vocabulary->size)
    vocabulary->size = (size_t)id + 1;
  if (length > vocabulary->longest)
    vocabulary->longest = length;
  return 0;
}

int vocabulary_read(struct vocabulary *vocabulary, struct reader *reader, const char *place,
                    const json_t *json) {
  if (!json_is_object(json))
    return reader_error(reader, place, "expected an object of tokens and ids");
  size_t count = json_object_size(json);
  if (count > READER_VOCABULARY_LIMIT)
    return reader_error(reader, place, "%zu tokens (at most %d)", count, READER_VOCABULARY_LIMIT);
  if (!map_reserve(&vocabulary->map, count))
    return error_oom(reader->err);
  const char *key;
  size_t length;
  json_t *value;
  json_object_keylen_foreach((json_t *)(uintptr_t)json, key, length, value) {
    int32_t id;
    if (!json_is_integer(value) || json_integer_value(value) < 0 ||
        json_integer_value(value) >= READER_VOCABULARY_LIMIT)
      return reader_id(reader, reader_place(reader, "%s[\"%.64s\"]", place, key), value, &id);
    id = (int32_t)json_integer_value(value);
    if (vocabulary_add(vocabulary, reader, place, key, length, id) != 0)
      return -1;
  }
  return 0;
}

int32_t vocabulary_find(const struct vocabulary *vocabulary, const char *text, size_t length) {
  const struct map_entry *entry = map_find(&vocabulary->map, text, length);
  return entry == NULL ? -1 : (int32_t)entry->value.number;
}

const struct slice *vocabulary_token(const struct vocabulary *vocabulary, int32_t id) {
  if (id < 0 || (size_t)id >= vocabulary->size || vocabulary->token[id].text == NULL)
    return NULL;
  return &vocabulary->token[id];
}
