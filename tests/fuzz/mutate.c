/* mutate.c - a JSON text with one or a few of its values changed. */
#include "tests/fuzz/fuzz.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

enum { DEPTH = 64, CHANGES = 4 };

static json_t *value_of_interest(uint64_t *state) {
  static const json_int_t number[] = {
      0, -1, 1, 2, 255, 65536, 1 << 20, 2147483647, 4294967296, INT64_MAX, INT64_MIN, 1000000};
  static const char *const text[] = {"", "a", "\xe2\x96\x81", "[UNK]", "../x", "\\p{L}+", "(a*)*b"};
  switch (fuzz_random(state) % 8) {
  case 0:
    return json_null();
  case 1:
    return fuzz_random(state) % 2 ? json_true() : json_false();
  case 2:
    return json_array();
  case 3:
    return json_object();
  case 4:
    return json_real(0.5);
  case 5:
    return json_string(text[fuzz_random(state) % (sizeof text / sizeof *text)]);
  default:
    return json_integer(number[fuzz_random(state) % (sizeof number / sizeof *number)]);
  }
}

/* Some value below root, or root. */
static json_t *some(json_t *root, uint64_t *state) {
  json_t *at = root;
  for (int depth = 0; depth < DEPTH && fuzz_random(state) % 5 != 0; depth++) {
    size_t count = json_is_array(at) ? json_array_size(at) : json_object_size(at);
    if (count == 0)
      break;
    size_t pick = fuzz_random(state) % count;
    if (json_is_array(at)) {
      at = json_array_get(at, pick);
    } else {
      void *member = json_object_iter(at);
      while (pick-- > 0)
        member = json_object_iter_next(at, member);
      at = json_object_iter_value(member);
    }
  }
  return at;
}

static void change_array(json_t *array, json_t *other, uint64_t *state) {
  size_t at = fuzz_random(state) % (json_array_size(array) + 1);
  switch (fuzz_random(state) % 3) {
  case 0:
    json_array_remove(array, at);
    break;
  case 1:
    json_array_insert_new(array, at, json_deep_copy(other));
    break;
  default:
    json_array_set_new(array, at, value_of_interest(state));
  }
}

static void change_object(json_t *object, json_t *other, uint64_t *state) {
  char key[32];
  size_t pick = json_object_size(object);
  void *member = json_object_iter(object);
  for (pick = pick == 0 ? 0 : fuzz_random(state) % pick; pick > 0; pick--)
    member = json_object_iter_next(object, member);
  const char *name = member == NULL ? "a" : json_object_iter_key(member);
  strncpy(key, name, sizeof key - 1);
  key[sizeof key - 1] = '\0';
  switch (fuzz_random(state) % 4) {
  case 0:
    json_object_del(object, name);
    break;
  case 1:
    json_object_set_new(object, name, json_deep_copy(other));
    break;
  case 2:
    key[0] = (char)('a' + fuzz_random(state) % 26);
    json_object_set_new(object, key, json_deep_copy(other));
    break;
  default:
    json_object_set_new(object, name, value_of_interest(state));
  }
}

/* A number beside it, or of the other sign. */
static json_int_t near(json_int_t number, uint64_t *state) {
  uint64_t step = fuzz_random(state) % 5;
  return step == 0 ? (json_int_t)(0 - (uint64_t)number)
                   : (json_int_t)((uint64_t)number + step - (step < 3 ? 3 : 2));
}

static void change(json_t *root, uint64_t *state) {
  json_t *at = some(root, state), *other = some(root, state);
  if (json_is_array(at))
    change_array(at, other, state);
  else if (json_is_object(at))
    change_object(at, other, state);
  else if (json_is_integer(at))
    json_integer_set(at, near(json_integer_value(at), state));
  else if (json_is_string(at) && json_is_string(other))
    json_string_set(at, json_string_value(other));
}

size_t fuzz_mutate_json(uint8_t *data, size_t size, size_t max, unsigned seed) {
  uint64_t state = seed;
  json_t *root = seed % 4 == 0 ? NULL : json_loadb((const char *)data, size, JSON_DECODE_ANY, NULL);
  if (root == NULL)
    return LLVMFuzzerMutate(data, size, max);
  for (uint32_t n = 1 + fuzz_random(&state) % CHANGES; n > 0; n--)
    change(root, &state);
  char *text = json_dumps(root, JSON_COMPACT | JSON_ENCODE_ANY);
  size_t length = text == NULL ? 0 : strlen(text);
  json_decref(root);
  if (length > 0 && length <= max)
    memcpy(data, text, length);
  free(text);
  return length > 0 && length <= max ? length : LLVMFuzzerMutate(data, size, max);
}
