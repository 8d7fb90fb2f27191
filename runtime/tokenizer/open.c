/* open.c - find a directory's tokenizer files, and put the parts together. */
#include "runtime/tokenizer/internal.h"

#include "base/file.h"

#include <stdlib.h>
#include <string.h>

static const char *const fields[] = {
    "version",       "truncation",     "padding", "added_tokens", "normalizer",
    "pre_tokenizer", "post_processor", "decoder", "model",        NULL};

int tokenizer_build(struct tokenizer *tokenizer, const char *path, const json_t *json,
                    struct tfm_error *err) {
  struct reader reader = {path, &tokenizer->arena, &tokenizer->patterns, err};
  struct slice version = {NULL, 0};
  if (reader_object(&reader, "", json, fields) != 0 ||
      reader_text(&reader, "version", json, "version", &version) != 0)
    return -1;
  if (version.text != NULL && strcmp(version.text, "1.0") != 0)
    return reader_error(&reader, "version", "`%.64s` is not 1.0", version.text);
  if (model_load(&tokenizer->model, &reader, json_object_get(json, "model")) != 0 ||
      normalizer_load(&reader, json_object_get(json, "normalizer"), &tokenizer->normalizer) != 0 ||
      pre_tokenizer_load(&reader, json_object_get(json, "pre_tokenizer"),
                         &tokenizer->pre_tokenizer) != 0 ||
      post_processor_load(&reader, json_object_get(json, "post_processor"),
                          &tokenizer->post_processor) != 0 ||
      decoder_load(&reader, json_object_get(json, "decoder"), &tokenizer->decoder) != 0)
    return -1;
  return added_load(&tokenizer->added, &reader, json_object_get(json, "added_tokens"),
                    &tokenizer->model, tokenizer->normalizer);
}

/* tokenizer.json if it is there, else what older files stand for. */
static int read_files(const char *directory, json_t **json, char **path, struct tfm_error *err) {
  *json = NULL;
  *path = file_join(directory, "tokenizer.json");
  if (*path == NULL)
    return error_oom(err);
  if (file_exists(*path))
    return json_read(*path, READER_FILE_LIMIT, READER_DEPTH_LIMIT, TFM_ERROR_TOKENIZER, json, err);
  free(*path);
  if (legacy_read(directory, json, path, err) != 0)
    return -1;
  if (*json != NULL)
    return 0;
  error_set(err, TFM_ERROR_TOKENIZER, "%s: no tokenizer here", directory);
  error_note(err, "looked for: tokenizer.json; vocab.txt; vocab.json and merges.txt; "
                  "encoder.json and vocab.bpe");
  return -1;
}

struct tokenizer *tokenizer_create(void) {
  struct tokenizer *tokenizer = calloc(1, sizeof *tokenizer);
  if (tokenizer == NULL)
    return NULL;
  arena_init(&tokenizer->arena, 0);
  vocabulary_init(&tokenizer->model.vocabulary);
  added_init(&tokenizer->added);
  tokenizer->spare = spare_create();
  if (tokenizer->spare != NULL)
    return tokenizer;
  tokenizer_destroy(tokenizer);
  return NULL;
}

int tokenizer_open(const char *directory, struct tokenizer **out, struct tfm_error *err) {
  json_t *json = NULL;
  char *path = NULL;
  *out = NULL;
  struct tokenizer *tokenizer = tokenizer_create();
  if (tokenizer == NULL)
    return error_oom(err);
  int status = read_files(directory, &json, &path, err);
  if (status == 0)
    status = tokenizer_build(tokenizer, path, json, err);
  json_decref(json);
  free(path);
  if (status == 0)
    status = roles_find(tokenizer, directory, err);
  if (status != 0)
    tokenizer_destroy(tokenizer);
  else
    *out = tokenizer;
  return status;
}

void tokenizer_destroy(struct tokenizer *tokenizer) {
  if (tokenizer == NULL)
    return;
  for (struct owned_pattern *p = tokenizer->patterns; p != NULL; p = p->next)
    pattern_destroy(p->pattern);
  spare_destroy(tokenizer->spare);
  model_finish(&tokenizer->model);
  added_finish(&tokenizer->added);
  arena_finish(&tokenizer->arena);
  free(tokenizer);
}
