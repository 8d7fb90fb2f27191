/* vocabulary.c - an array one way, a hash table of ids the other.
 *
 * The table is built when all tokens are known: a large vocabulary is a large part
 * of the time that a program takes to start. */
#include "tokenizer/vocabulary.h"

#include "base/large.h"

#include <stdlib.h>
#include <string.h>

enum { FIRST_CAPACITY = 1024, LEAST_BITS = 4, BATCH = 32 };

void vocabulary_init(struct vocabulary *vocabulary) {
  *vocabulary = (struct vocabulary){0};
  hash_secret_init(&vocabulary->secret);
}

void vocabulary_finish(struct vocabulary *vocabulary) {
  free(vocabulary->slot);
  free(vocabulary->token);
  free(vocabulary->strings);
  vocabulary->slot = NULL;
  vocabulary->strings = NULL;
  vocabulary->token = NULL;
}

bool vocabulary_reserve(struct vocabulary *vocabulary, size_t tokens) {
  if (vocabulary->capacity > 0 || tokens <= FIRST_CAPACITY)
    return true;
  if (tokens > READER_VOCABULARY_LIMIT)
    tokens = READER_VOCABULARY_LIMIT;
  vocabulary->token = large_zeroed(tokens, sizeof *vocabulary->token);
  if (vocabulary->token != NULL)
    vocabulary->capacity = tokens;
  return vocabulary->token != NULL;
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

int vocabulary_put(struct vocabulary *vocabulary, struct reader *reader, const char *place,
                   struct slice text, int32_t id) {
  if (text.length > READER_TOKEN_LIMIT)
    return reader_error(reader, place, "the token with id %d is longer than %d bytes", (int)id,
                        READER_TOKEN_LIMIT);
  if (!make_room(vocabulary, (size_t)id))
    return error_oom(reader->err);
  if (vocabulary->token[id].text != NULL)
    return reader_error(reader, place, "id %d is given to `%.64s` and to `%.64s`", (int)id,
                        vocabulary->token[id].text, text.text);
  vocabulary->token[id] = text;
  vocabulary->count++;
  if ((size_t)id >= vocabulary->size)
    vocabulary->size = (size_t)id + 1;
  if (text.length > vocabulary->longest)
    vocabulary->longest = text.length;
  return 0;
}

int vocabulary_add(struct vocabulary *vocabulary, struct reader *reader, const char *place,
                   const char *text, size_t length, int32_t id) {
  struct slice copy = {text, length};
  if (length <= READER_TOKEN_LIMIT && reader_copy(reader, text, length, &copy) != 0)
    return -1;
  return vocabulary_put(vocabulary, reader, place, copy, id);
}

/* ---- the table ---- */

/* The slot that holds the token, or the free one where it would go. */
static uint32_t *probe(const struct vocabulary *vocabulary, uint64_t hash, const char *text,
                       size_t length) {
  size_t mask = ((size_t)1 << vocabulary->bits) - 1;
  for (size_t i = (size_t)(hash >> (64 - vocabulary->bits));; i = (i + 1) & mask) {
    uint32_t *slot = &vocabulary->slot[i];
    if (*slot == 0 || (vocabulary_tagged(*slot, hash) &&
                       vocabulary_is(vocabulary, vocabulary_id(*slot), text, length)))
      return slot;
  }
}

/* Put the tokens from id `from` on into the table, at most BATCH of them.  Returns
 * the id of one that is there twice, or -1. */
static int32_t index_batch(struct vocabulary *vocabulary, size_t from, int32_t *other) {
  uint64_t hash[BATCH];
  size_t count = vocabulary->size - from < BATCH ? vocabulary->size - from : BATCH;
  const struct slice *token = vocabulary->token + from;
  for (size_t i = 0; i < count; i++)
    hash[i] =
        token[i].text == NULL ? 0 : vocabulary_hash(vocabulary, token[i].text, token[i].length);
  for (size_t i = 0; i < count; i++) {
    if (token[i].text == NULL)
      continue;
    uint32_t *slot = probe(vocabulary, hash[i], token[i].text, token[i].length);
    *other = vocabulary_id(*slot);
    if (*slot != 0)
      return (int32_t)(from + i);
    uint32_t tag = (uint32_t)hash[i] >> VOCABULARY_ID_BITS << VOCABULARY_ID_BITS;
    *slot = tag | (uint32_t)(from + i + 1);
  }
  return -1;
}

/* -1 and *twice the second id if a token is there twice, -1 and -1 if memory is out. */
static int build_table(struct vocabulary *vocabulary, int32_t *first, int32_t *twice) {
  *twice = -1;
  for (vocabulary->bits = LEAST_BITS; (size_t)3 << vocabulary->bits < vocabulary->count * 4;)
    vocabulary->bits++;
  free(vocabulary->slot);
  vocabulary->slot = large_zeroed((size_t)1 << vocabulary->bits, sizeof *vocabulary->slot);
  if (vocabulary->slot == NULL)
    return -1;
  for (size_t id = 0; id < vocabulary->size && *twice < 0; id += BATCH)
    *twice = index_batch(vocabulary, id, first);
  return *twice < 0 ? 0 : -1;
}

int vocabulary_index(struct vocabulary *vocabulary, struct reader *reader, const char *place) {
  int32_t first, twice;
  if (build_table(vocabulary, &first, &twice) == 0)
    return 0;
  if (twice < 0)
    return error_oom(reader->err);
  return reader_error(reader, place, "`%.64s` is there twice, as %d and as %d",
                      vocabulary->token[twice].text, (int)first, (int)twice);
}

int32_t vocabulary_find_hashed(const struct vocabulary *vocabulary, uint64_t hash, const char *text,
                               size_t length) {
  return vocabulary_id(*probe(vocabulary, hash, text, length));
}

int32_t vocabulary_find(const struct vocabulary *vocabulary, const char *text, size_t length) {
  if (vocabulary->slot == NULL || text == NULL)
    return -1;
  return vocabulary_find_hashed(vocabulary, hash_text(&vocabulary->secret, text, length), text,
                                length);
}

const struct slice *vocabulary_token(const struct vocabulary *vocabulary, int32_t id) {
  if (id < 0 || (size_t)id >= vocabulary->size || vocabulary->token[id].text == NULL)
    return NULL;
  return &vocabulary->token[id];
}

/* ---- {"token": id, ...} ---- */

/* The error for a key that an object has twice, at its second place. */
static void refuse_twice(struct json_pull pull, char *room, const char *twice) {
  size_t length;
  int64_t id;
  unsigned seen = 0;
  if (json_pull_open(&pull, '{') != 0)
    return;
  while (json_pull_more(&pull, '}') > 0 && json_pull_key(&pull, room, &length) == 0) {
    if (strcmp(room, twice) == 0 && ++seen == 2)
      json_pull_error(&pull, pull.at - 1, "duplicate object key near '\"%.64s\"'", twice);
    if (seen == 2 || json_pull_integer(&pull, &id) != 0)
      return;
  }
}

/* An integer of at least 0; false leaves the error to the caller. */
static bool pull_id(struct json_pull *pull, int64_t *id) {
  struct tfm_error *err = pull->err;
  char next = json_pull_peek(pull);
  pull->err = NULL;
  bool good = next >= '0' && next <= '9' && json_pull_integer(pull, id) == 0;
  pull->err = err;
  return good;
}

static int pull_tokens(struct vocabulary *vocabulary, struct reader *reader, const char *place,
                       struct json_pull *pull, char *room) {
  int more = json_pull_open(pull, '{');
  while (more == 0 && (more = json_pull_more(pull, '}')) > 0) {
    struct slice token = {room, 0};
    int64_t id = -1;
    if (json_pull_key(pull, room, &token.length) != 0)
      return -1;
    if (!pull_id(pull, &id))
      return reader_error(reader, reader_place(reader, "%s[\"%.64s\"]", place, room),
                          "an id must be an integer of at least 0");
    if (id >= READER_VOCABULARY_LIMIT)
      return reader_error(reader, reader_place(reader, "%s[\"%.64s\"]", place, room),
                          "id %lld is not below %d", (long long)id, READER_VOCABULARY_LIMIT);
    if (vocabulary_put(vocabulary, reader, place, token, (int32_t)id) != 0)
      return -1;
    room += token.length + 1;
    more = 0;
  }
  return more != 0 ? -1 : json_pull_end(pull);
}

static int read_text(struct vocabulary *vocabulary, struct reader *reader, const char *place,
                     struct json_pull *pull) {
  struct json_pull again = *pull;
  int32_t first, twice;
  if (!vocabulary_reserve(vocabulary, reader_strings(reader, READER_VOCAB)))
    return error_oom(reader->err);
  vocabulary->strings = reader_room(reader, pull);
  if (vocabulary->strings == NULL ||
      pull_tokens(vocabulary, reader, place, pull, vocabulary->strings) != 0)
    return -1;
  if (build_table(vocabulary, &first, &twice) == 0)
    return 0;
  if (twice < 0)
    return error_oom(reader->err);
  char *room = reader_room(reader, &again);
  if (room != NULL)
    refuse_twice(again, room, vocabulary->token[twice].text);
  free(room);
  return -1;
}

static int read_tree(struct vocabulary *vocabulary, struct reader *reader, const char *place,
                     const json_t *json) {
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
  return vocabulary_index(vocabulary, reader, place);
}

int vocabulary_read(struct vocabulary *vocabulary, struct reader *reader, const char *place,
                    const json_t *json) {
  struct json_pull pull;
  bool apart = reader_pull(reader, READER_VOCAB, &pull);
  if (apart && json_pull_peek(&pull) == '{')
    return read_text(vocabulary, reader, place, &pull);
  if (apart || !json_is_object(json))
    return reader_error(reader, place, "expected an object of tokens and ids");
  return read_tree(vocabulary, reader, place, json);
}
