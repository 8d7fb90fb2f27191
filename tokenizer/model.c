/* model.c - pick the model that the file names, or, in files older than the
 * name, the one that the fields tell. */
#include "tokenizer/model.h"

#include "base/checked.h"

#include <stdlib.h>
#include <string.h>

enum { FIRST_TOKENS = 64 };

static const struct model_type *const types[] = {&model_bpe, &model_wordpiece, &model_unigram,
                                                 &model_wordlevel};

static const struct model_type *guess(const struct reader *reader, const json_t *json) {
  struct json_pull vocab;
  bool apart = reader_pull(reader, READER_VOCAB, &vocab);
  if (json_object_get(json, "merges") != NULL)
    return &model_bpe;
  if (apart ? json_pull_peek(&vocab) == '[' : json_is_array(json_object_get(json, "vocab")))
    return &model_unigram;
  if (json_object_get(json, "max_input_chars_per_word") != NULL)
    return &model_wordpiece;
  return &model_wordlevel;
}

int model_load(struct model *model, struct reader *reader, const json_t *json) {
  struct slice name = {NULL, 0};
  if (!json_is_object(json))
    return reader_error(reader, "model", "expected an object");
  if (reader_text(reader, "model", json, "type", &name) != 0)
    return -1;
  if (name.text == NULL)
    model->type = guess(reader, json);
  else
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
      if (strcmp(types[i]->name, name.text) == 0)
        model->type = types[i];
  if (model->type == NULL)
    return reader_error(reader, "model", "unknown model `%.64s`", name.text);
  if (reader_object(reader, "model", json, model->type->fields) != 0)
    return -1;
  model->path = arena_strdup(reader->arena, reader->path);
  model->self = calloc(1, model->type->size);
  if (model->self == NULL || model->path == NULL)
    return error_oom(reader->err);
  return model->type->load(model, reader, "model", json);
}

void model_finish(struct model *model) {
  if (model->self != NULL && model->type->finish != NULL)
    model->type->finish(model->self);
  free(model->self);
  model->self = NULL;
  vocabulary_finish(&model->vocabulary);
}

void model_scratch_finish(struct model_scratch *scratch) {
  free(scratch->token);
  free(scratch->memory);
  free(scratch->cache);
  *scratch = (struct model_scratch){0};
}

int model_push(struct model_scratch *scratch, struct token token, struct tfm_error *err) {
  if (scratch->count >= scratch->stop) {
    scratch->stopped = true;
    return error_set(err, TFM_ERROR_LIMIT, "the text has more than %zu tokens", scratch->stop);
  }
  if (scratch->count == scratch->capacity) {
    size_t capacity = scratch->capacity == 0 ? FIRST_TOKENS : scratch->capacity * 2;
    struct token *grown = realloc(scratch->token, capacity * sizeof *grown);
    if (grown == NULL)
      return error_oom(err);
    scratch->token = grown;
    scratch->capacity = capacity;
  }
  scratch->token[scratch->count++] = token;
  return 0;
}

void *model_room(struct model_scratch *scratch, size_t count, size_t size, struct tfm_error *err) {
  size_t bytes;
  if (!checked_mul(count, size, &bytes)) {
    error_oom(err);
    return NULL;
  }
  if (bytes > scratch->size) {
    free(scratch->memory);
    scratch->size = bytes > 4096 ? bytes : 4096;
    scratch->memory = malloc(scratch->size);
    if (scratch->memory == NULL) {
      scratch->size = 0;
      error_oom(err);
    }
  }
  return scratch->memory;
}

int32_t model_byte_token(const struct model *model, unsigned char byte) {
  static const char digits[] = "0123456789ABCDEF";
  const char name[] = {'<', '0', 'x', digits[byte >> 4], digits[byte & 15], '>'};
  return vocabulary_find(&model->vocabulary, name, sizeof name);
}
