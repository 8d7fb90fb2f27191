/* generation_keys.c - lists of ids out of JSON. */
#include "lib/generation_keys.h"

#include <stdlib.h>

static bool is_id(const json_t *value) {
  return json_is_integer(value) && json_integer_value(value) >= 0 &&
         json_integer_value(value) <= INT32_MAX;
}

static void unsound(struct generation_keys *keys, const char *key) {
  keys->unsound = keys->unsound ? keys->unsound : key;
}

static int take_array(struct generation_keys *keys, const char *key, const json_t *list,
                      tfm_ids *out, struct tfm_error *err) {
  size_t count = json_array_size(list);
  int32_t *ids = arena_array(&keys->arena, count ? count : 1, sizeof *ids);
  if (!ids)
    return error_oom(err);
  *out = (tfm_ids){ids, count};
  for (size_t i = 0; i < count; i++) {
    const json_t *item = json_array_get(list, i);
    if (!is_id(item))
      unsound(keys, key);
    ids[i] = is_id(item) ? (int32_t)json_integer_value(item) : -1;
  }
  return 0;
}

/* A list of ids; one alone where it may be. */
static int take_ids(struct generation_keys *keys, const json_t *root, const char *key, bool alone,
                    tfm_ids *out, struct tfm_error *err) {
  const json_t *value = json_object_get(root, key);
  if (!value || json_is_null(value))
    return 0;
  if (json_is_array(value))
    return take_array(keys, key, value, out, err);
  if (!alone || !is_id(value)) {
    unsound(keys, key);
    return 0;
  }
  int32_t *id = arena_alloc(&keys->arena, sizeof *id);
  if (!id)
    return error_oom(err);
  *id = (int32_t)json_integer_value(value);
  *out = (tfm_ids){id, 1};
  return 0;
}

static int take_words(struct generation_keys *keys, const json_t *root, struct tfm_error *err) {
  static const char key[] = "bad_words_ids";
  const json_t *list = json_object_get(root, key);
  size_t count = json_array_size(list);
  if (list && !json_is_null(list) && !json_is_array(list))
    unsound(keys, key);
  keys->bad_words = arena_array(&keys->arena, count ? count : 1, sizeof *keys->bad_words);
  if (!keys->bad_words)
    return error_oom(err);
  for (size_t i = 0; i < count; i++) {
    const json_t *word = json_array_get(list, i);
    if (json_array_size(word) == 0)
      unsound(keys, key);
    if (take_array(keys, key, word, &keys->bad_words[i], err) != 0)
      return -1;
  }
  keys->bad_word_count = count;
  return 0;
}

int generation_keys_read(struct generation_keys *keys, const json_t *root, struct tfm_error *err) {
  tfm_ids first = {NULL, 0};
  const json_t *penalty = json_object_get(root, "length_penalty");
  *keys = (struct generation_keys){.forced_first = -1, .length_penalty = 1};
  arena_init(&keys->arena, 0);
  if (take_ids(keys, root, "suppress_tokens", false, &keys->suppress, err) != 0 ||
      take_ids(keys, root, "begin_suppress_tokens", false, &keys->begin_suppress, err) != 0 ||
      take_ids(keys, root, "forced_eos_token_id", true, &keys->forced_last, err) != 0 ||
      take_ids(keys, root, "forced_bos_token_id", true, &first, err) != 0 ||
      take_words(keys, root, err) != 0)
    return -1;
  if (first.count > 1)
    unsound(keys, "forced_bos_token_id");
  if (first.count)
    keys->forced_first = first.ids[0];
  if (json_is_number(penalty))
    keys->length_penalty = json_number_value(penalty);
  else if (penalty && !json_is_null(penalty))
    unsound(keys, "length_penalty");
  return 0;
}

void generation_keys_finish(struct generation_keys *keys) {
  arena_finish(&keys->arena);
}
