/* reader.c - one function a kind of value. */
#include "tokenizer/reader.h"

#include "base/file.h"
#include "base/large.h"
#include "tokenizer/pattern.h"
#include "tokenizer/unicode.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int reader_error(struct reader *reader, const char *place, const char *format, ...) {
  char message[512];
  va_list args;
  va_start(args, format);
  vsnprintf(message, sizeof message, format, args);
  va_end(args);
  if (place[0] == '\0')
    return error_set(reader->err, TFM_ERROR_TOKENIZER, "%s: %s", reader->path, message);
  return error_set(reader->err, TFM_ERROR_TOKENIZER, "%s: %s: %s", reader->path, place, message);
}

const char *reader_place(struct reader *reader, const char *format, ...) {
  char place[256];
  va_list args;
  va_start(args, format);
  vsnprintf(place, sizeof place, format, args);
  va_end(args);
  const char *copy = arena_strdup(reader->arena, place);
  return copy == NULL ? "(out of memory)" : copy;
}

int reader_object(struct reader *reader, const char *place, const json_t *json,
                  const char *const *names) {
  if (!json_is_object(json))
    return reader_error(reader, place, "expected an object");
  const char *key;
  json_t *value;
  json_object_foreach((json_t *)(uintptr_t)json, key, value) {
    size_t i = 0;
    while (names[i] != NULL && strcmp(names[i], key) != 0)
      i++;
    if (names[i] == NULL)
      return reader_error(reader, place, "unknown field `%.64s`", key);
  }
  return 0;
}

static const json_t *field(const json_t *json, const char *name) {
  const json_t *value = json_object_get(json, name);
  return json_is_null(value) ? NULL : value;
}

int reader_bool(struct reader *reader, const char *place, const json_t *json, const char *name,
                bool *out) {
  const json_t *value = field(json, name);
  if (value == NULL)
    return 0;
  if (!json_is_boolean(value))
    return reader_error(reader, place, "`%s` must be true or false", name);
  *out = json_is_true(value);
  return 0;
}

int reader_size(struct reader *reader, const char *place, const json_t *json, const char *name,
                size_t *out) {
  const json_t *value = field(json, name);
  if (value == NULL)
    return 0;
  if (!json_is_integer(value) || json_integer_value(value) < 0)
    return reader_error(reader, place, "`%s` must be an integer of at least 0", name);
  *out = (size_t)json_integer_value(value);
  return 0;
}

int reader_copy(struct reader *reader, const char *text, size_t length, struct slice *out) {
  out->text = arena_strndup(reader->arena, text, length);
  out->length = length;
  return out->text == NULL ? error_oom(reader->err) : 0;
}

int reader_text(struct reader *reader, const char *place, const json_t *json, const char *name,
                struct slice *out) {
  const json_t *value = field(json, name);
  if (value == NULL)
    return 0;
  if (!json_is_string(value))
    return reader_error(reader, place, "`%s` must be a string", name);
  if (json_string_length(value) > READER_TOKEN_LIMIT)
    return reader_error(reader, place, "`%s` is longer than %d bytes", name, READER_TOKEN_LIMIT);
  return reader_copy(reader, json_string_value(value), json_string_length(value), out);
}

int reader_need_text(struct reader *reader, const char *place, const json_t *json, const char *name,
                     struct slice *out) {
  if (field(json, name) == NULL)
    return reader_error(reader, place, "`%s` is missing", name);
  return reader_text(reader, place, json, name, out);
}

int reader_need_char(struct reader *reader, const char *place, const json_t *json, const char *name,
                     uint32_t *out) {
  struct slice text;
  size_t size = 0;
  if (reader_need_text(reader, place, json, name, &text) != 0)
    return -1;
  if (text.length > 0)
    *out = unicode_read(text.text, &size);
  if (size == 0 || size != text.length)
    return reader_error(reader, place, "`%s` must be one character", name);
  return 0;
}

int reader_need_array(struct reader *reader, const char *place, const json_t *json,
                      const char *name, const json_t **out) {
  *out = json_object_get(json, name);
  if (!json_is_array(*out))
    return reader_error(reader, place, "`%s` must be an array", name);
  return 0;
}

int reader_components(struct reader *reader, const char *place, const json_t *json,
                      const char *name, const json_t **out) {
  if (reader_need_array(reader, place, json, name, out) != 0)
    return -1;
  if (json_array_size(*out) <= READER_COMPONENTS)
    return 0;
  return reader_error(reader, reader_place(reader, "%s.%s[%d]", place, name, READER_COMPONENTS),
                      "more than %d components", READER_COMPONENTS);
}

int reader_id(struct reader *reader, const char *place, const json_t *value, int32_t *out) {
  if (!json_is_integer(value) || json_integer_value(value) < 0)
    return reader_error(reader, place, "an id must be an integer of at least 0");
  if (json_integer_value(value) >= READER_VOCABULARY_LIMIT)
    return reader_error(reader, place, "id %lld is not below %d",
                        (long long)json_integer_value(value), READER_VOCABULARY_LIMIT);
  *out = (int32_t)json_integer_value(value);
  return 0;
}

static int own_pattern(struct reader *reader, const char *place, const char *source, size_t length,
                       bool regex, const struct pattern **out) {
  struct owned_pattern *owned = reader_alloc(reader, sizeof *owned);
  if (owned == NULL)
    return -1;
  const char *full = reader_place(reader, "%s: %s", reader->path, place);
  if (pattern_create(full, source, length, regex, &owned->pattern, reader->err) != 0)
    return -1;
  owned->next = *reader->patterns;
  *reader->patterns = owned;
  *out = owned->pattern;
  return 0;
}

int reader_regex(struct reader *reader, const char *place, const char *source,
                 const struct pattern **out) {
  return own_pattern(reader, place, source, strlen(source), true, out);
}

int reader_pattern(struct reader *reader, const char *place, const json_t *json, const char *name,
                   const struct pattern **out) {
  const json_t *value = json_object_get(json, name);
  const json_t *text = json_object_get(value, "String"), *regex = json_object_get(value, "Regex");
  const json_t *source = text != NULL ? text : regex;
  if (json_object_size(value) != 1 || !json_is_string(source))
    return reader_error(reader, place, "`%s` must be {\"String\": ...} or {\"Regex\": ...}", name);
  return own_pattern(reader, reader_place(reader, "%s.%s", place, name), json_string_value(source),
                     json_string_length(source), regex != NULL, out);
}

void *reader_alloc(struct reader *reader, size_t size) {
  void *memory = arena_alloc(reader->arena, size);
  if (memory == NULL)
    error_oom(reader->err);
  return memory;
}

bool reader_pull(const struct reader *reader, enum reader_bulk bulk, struct json_pull *pull) {
  if (reader->text == NULL || reader->text->bulk[bulk].end == 0)
    return false;
  *pull = (struct json_pull){.name = reader->path,
                             .text = reader->text->text,
                             .at = reader->text->bulk[bulk].begin,
                             .end = reader->text->bulk[bulk].end,
                             .code = TFM_ERROR_TOKENIZER,
                             .err = reader->err,
                             .utf8 = reader->text->utf8};
  return true;
}

size_t reader_strings(const struct reader *reader, enum reader_bulk bulk) {
  return reader->text == NULL ? 0 : reader->text->bulk[bulk].strings;
}

char *reader_room(struct reader *reader, const struct json_pull *pull) {
  char *room = large_alloc(pull->end - pull->at + JSON_PULL_SLACK);
  if (room == NULL)
    error_oom(reader->err);
  return room;
}

int reader_beside(const char *directory, const char *name, json_t **out, struct tfm_error *err) {
  char *path = file_join(directory, name);
  *out = NULL;
  if (path == NULL)
    return error_oom(err);
  int status = file_is_there(path) ? json_read(path, READER_FILE_LIMIT, READER_DEPTH_LIMIT,
                                               TFM_ERROR_TOKENIZER, out, err)
                                   : 0;
  free(path);
  return status;
}
