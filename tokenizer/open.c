/* open.c - find a directory's tokenizer files, and put the parts together. */
#include "tokenizer/internal.h"

#include "base/file.h"
#include "checkpoint/gguf/gguf.h"
#include "tokenizer/gguf.h"
#include "tokenizer/rebuild.h"
#include "tokenizer/unicode.h"

#include <stdlib.h>
#include <string.h>

static const char *const fields[] = {
    "version",       "truncation",     "padding", "added_tokens", "normalizer",
    "pre_tokenizer", "post_processor", "decoder", "model",        NULL};

/* What a tokenizer is read from. */
struct source {
  char *path;
  char *merges; /* the older file that they are from */
  json_t *json;
  json_t *roles; /* of a .gguf file; NULL = they are in files beside it */
  struct file_bytes bytes;
  struct reader_text text; /* of bytes */
};

int tokenizer_build(struct tokenizer *tokenizer, const char *path, const json_t *json,
                    const struct reader_text *text, const char *merges, struct tfm_error *err) {
  struct reader reader = {path, &tokenizer->arena, &tokenizer->patterns, err, text, merges};
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
  if (limits_load(&tokenizer->limits, &reader, json_object_get(json, "truncation"),
                  json_object_get(json, "padding")) != 0)
    return -1;
  return added_load(&tokenizer->added, &reader, json_object_get(json, "added_tokens"),
                    &tokenizer->model, tokenizer->normalizer);
}

/* A tokenizer.json, all but what is large in it as a tree. */
static int read_tokenizer_json(struct source *source, struct tfm_error *err) {
  static const char *const bulk[] = {[READER_VOCAB] = "vocab", [READER_MERGES] = "merges", NULL};
  struct reader_text *text = &source->text;
  if (file_read(source->path, READER_FILE_LIMIT, TFM_ERROR_TOKENIZER, &source->bytes, err) != 0)
    return -1;
  text->text = source->bytes.data;
  text->size = source->bytes.size;
  text->utf8 = unicode_check(text->text, text->size) == text->size;
  json_span_find(text->text, text->size, "model", bulk, text->bulk);
  return json_parse_without(source->path, text->text, text->size, READER_DEPTH_LIMIT, text->bulk,
                            READER_BULKS, TFM_ERROR_TOKENIZER, &source->json, err);
}

static void source_finish(struct source *source) {
  json_decref(source->json);
  json_decref(source->roles);
  file_bytes_finish(&source->bytes);
  free(source->path);
  free(source->merges);
  *source = (struct source){0};
}

/* tokenizer.json if it is there, else what older files stand for. */
static int read_directory(const char *directory, struct source *source, struct tfm_error *err) {
  source->path = file_join(directory, "tokenizer.json");
  if (source->path == NULL)
    return error_oom(err);
  if (file_is_there(source->path))
    return read_tokenizer_json(source, err);
  source_finish(source);
  if (legacy_read(directory, NULL, &source->json, &source->path, &source->merges, err) != 0)
    return -1;
  if (source->json != NULL)
    return 0;
  error_set(err, TFM_ERROR_TOKENIZER, "%s: no tokenizer here", directory);
  error_note(err, "looked for: tokenizer.json; vocab.txt; vocab.json and merges.txt; "
                  "encoder.json and vocab.bpe; tokenizer.model; spiece.model");
  return -1;
}

static bool ends_in(const char *name, const char *end) {
  size_t length = strlen(name), size = strlen(end);
  return length >= size && strcmp(name + length - size, end) == 0;
}

/* A tokenizer.json beside a .gguf file says more than its metadata. */
static int read_gguf(const char *directory, const char *file, struct source *source,
                     struct tfm_error *err) {
  source->path = file_join(directory, "tokenizer.json");
  if (source->path == NULL)
    return error_oom(err);
  if (file_exists(source->path))
    return read_tokenizer_json(source, err);
  free(source->path);
  source->path = strdup(file);
  return source->path == NULL ? error_oom(err)
                              : gguf_tokenizer_read(file, &source->json, &source->roles, err);
}

/* One file: a .json with a model is a tokenizer.json, whatever its name. */
static int read_file(const char *directory, const char *file, struct source *source,
                     struct tfm_error *err) {
  if (gguf_is_path(file))
    return read_gguf(directory, file, source, err);
  if (ends_in(file, ".json")) {
    source->path = strdup(file);
    if (source->path == NULL)
      return error_oom(err);
    if (read_tokenizer_json(source, err) != 0)
      return -1;
    if (json_is_object(json_object_get(source->json, "model")))
      return 0;
    source_finish(source);
  }
  if (legacy_read(directory, file, &source->json, &source->path, &source->merges, err) != 0)
    return -1;
  if (source->json == NULL)
    return error_set(err, TFM_ERROR_TOKENIZER,
                     "%s: a tokenizer's file ends in .json, .txt, .model or .gguf", file);
  return 0;
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

static bool is_type(const json_t *json, const char *type) {
  const char *name = json_string_value(json_object_get(json, "type"));
  return name != NULL && strcmp(name, type) == 0;
}

/* As sentence-transformers does for do_lower_case: a Lowercase before what there is, if
 * there is none in the list already. */
static int lower_first(json_t *tokenizer, struct tfm_error *err) {
  json_t *old = json_object_get(tokenizer, "normalizer"), *item;
  const json_t *parts = is_type(old, "Sequence") ? json_object_get(old, "normalizers") : NULL;
  size_t i;
  json_array_foreach((json_t *)parts, i, item) {
    if (is_type(item, "Lowercase"))
      return 0;
  }
  if (is_type(old, "Lowercase"))
    return 0;
  json_t *made =
      json_pack("{s:s, s:[{s:s}]}", "type", "Sequence", "normalizers", "type", "Lowercase");
  json_t *list = json_object_get(made, "normalizers");
  bool whole =
      made != NULL && (old == NULL || json_is_null(old) || json_array_append(list, old) == 0);
  if (!whole)
    json_decref(made);
  return whole && json_object_set_new(tokenizer, "normalizer", made) == 0 ? 0 : error_oom(err);
}

/* A tokenizer.json of a directory, as the configuration beside it has it. */
static int follow_config(struct tokenizer *tokenizer, const char *directory, json_t *json,
                         struct rebuilt *rebuilt, struct tfm_error *err) {
  struct buffer notice;
  buffer_init(&notice);
  int status = rebuild_apply(directory, json, rebuilt, &notice, err);
  if (status == 0 && notice.length)
    tokenizer->notice = arena_strdup(&tokenizer->arena, buffer_text(&notice));
  if (status == 0 && (notice.failed || (notice.length && tokenizer->notice == NULL)))
    status = error_oom(err);
  buffer_finish(&notice);
  return status;
}

/* What is put around a text, once the ids are known. */
static int find_ends(struct tokenizer *tokenizer, const struct source *source,
                     struct tfm_error *err) {
  static const char *const ends[] = {"cls", "sep"};
  json_t *json = json_object_get(source->json, "post_processor");
  struct reader reader = {source->path, &tokenizer->arena, &tokenizer->patterns,
                          err,          &source->text,     source->merges};
  for (size_t i = 0; i < 2; i++) {
    json_t *pair = json_object_get(json, ends[i]);
    int32_t id = tokenizer_id(tokenizer, json_string_value(json_array_get(pair, 0)));
    if (id >= 0 && json_array_set_new(pair, 1, json_integer(id)) != 0)
      return error_oom(err);
  }
  return post_processor_load(&reader, json, &tokenizer->post_processor);
}

/* directory holds the files that go with it: the configuration, the roles. */
static int open_parts(struct tokenizer *tokenizer, const char *directory, const char *file,
                      unsigned flags, struct tfm_error *err) {
  struct source source = {0};
  struct rebuilt rebuilt = {.listed = SIZE_MAX};
  int status = file == NULL ? read_directory(directory, &source, err)
                            : read_file(directory, file, &source, err);
  if (status == 0 && file == NULL && source.bytes.data != NULL)
    status = follow_config(tokenizer, directory, source.json, &rebuilt, err);
  if (status == 0 && (flags & TOKENIZER_LOWER_CASE))
    status = lower_first(source.json, err);
  if (status == 0)
    status = tokenizer_build(tokenizer, source.path, source.json,
                             source.bytes.data == NULL ? NULL : &source.text, source.merges, err);
  tokenizer->listed = rebuilt.listed;
  if (status == 0 && rebuilt.ends)
    status = find_ends(tokenizer, &source, err);
  if (status == 0)
    status = roles_find(tokenizer, directory, source.roles, err);
  if (status == 0 && file != NULL && source.bytes.data != NULL)
    tokenizer->types = TOKENIZER_TYPES_FILE;           /* it was named itself */
  tokenizer->plain = tokenizer->plain && file == NULL; /* a file that is named is taken as it is */
  source_finish(&source);
  return status;
}

int tokenizer_open(const char *path, struct tokenizer **out, struct tfm_error *err) {
  return tokenizer_open_with(path, 0, out, err);
}

int tokenizer_open_with(const char *path, unsigned flags, struct tokenizer **out,
                        struct tfm_error *err) {
  bool is_file = file_exists(path);
  *out = NULL;
  char *directory = is_file ? file_dirname(path) : strdup(path);
  struct tokenizer *tokenizer = tokenizer_create();
  if (tokenizer == NULL || directory == NULL)
    error_oom(err);
  else if (open_parts(tokenizer, directory, is_file ? path : NULL, flags, err) == 0)
    *out = tokenizer;
  if (*out == NULL)
    tokenizer_destroy(tokenizer);
  free(directory);
  return *out == NULL ? -1 : 0;
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
