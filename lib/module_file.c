/* module_file.c - one JSON file of a sentence-transformers directory, key by key. */
#include "lib/module_file.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MODULE_LIMIT = 1 << 20, MODULE_DEPTH = 16 };

void module_file_finish(struct module_file *file) {
  json_decref(file->root);
  file_bytes_finish(&file->text);
  free(file->path);
  *file = (struct module_file){0};
}

int module_file_open(const char *dir, const char *sub, const char *name, struct module_file *out,
                     struct tfm_error *err) {
  *out = (struct module_file){0};
  char *folder = file_join(dir, *sub ? sub : ".");
  out->path = folder ? file_join(*sub ? folder : dir, name) : NULL;
  free(folder);
  if (!out->path)
    return error_oom(err);
  if (!file_is_there(out->path))
    return 0;
  if (file_read(out->path, MODULE_LIMIT, TFM_ERROR_CHECKPOINT, &out->text, err) != 0)
    return -1;
  return json_parse(out->path, out->text.data, out->text.size, MODULE_DEPTH, TFM_ERROR_CHECKPOINT,
                    &out->root, err);
}

int module_file_refuse(const struct module_file *file, const char *key, struct tfm_error *err,
                       const char *format, ...) {
  char what[512], place[24] = "";
  va_list args;
  va_start(args, format);
  vsnprintf(what, sizeof what, format, args);
  va_end(args);
  unsigned line = file->text.data ? json_key_line(file->text.data, file->text.size, key) : 0;
  if (line)
    snprintf(place, sizeof place, ":%u", line);
  return error_set(err, TFM_ERROR_CHECKPOINT, "%s%s: `%.64s` %s", file->path, place, key, what);
}

static const struct key_rule *find_rule(const struct key_rule *rule, size_t count,
                                        const char *key) {
  for (size_t i = 0; i < count; i++)
    if (strcmp(rule[i].key, key) == 0)
      return &rule[i];
  return NULL;
}

static bool all_strings(const json_t *value) {
  const char *key;
  json_t *item;
  for (size_t i = 0; json_is_array(value) && i < json_array_size(value); i++)
    if (!json_is_string(json_array_get(value, i)))
      return false;
  json_object_foreach((json_t *)value, key, item) {
    if (!json_is_string(item) && !json_is_null(item))
      return false;
  }
  return true;
}

static bool is_empty(const json_t *value) {
  return json_is_null(value) || (json_is_object(value) && json_object_size(value) == 0) ||
         (json_is_array(value) && json_array_size(value) == 0);
}

/* What the value should have been; NULL = it is that. */
static const char *wanted(const struct key_rule *rule, const json_t *value) {
  if (rule->or_null && json_is_null(value))
    return NULL;
  switch (rule->kind) {
  case KEY_COUNT:
    return json_is_integer(value) && json_integer_value(value) >= 1
               ? NULL
               : "must be an integer of at least 1";
  case KEY_BOOL:
    return json_is_boolean(value) ? NULL : "must be true or false";
  case KEY_TEXT:
    return json_is_string(value) ? NULL : "must be a string";
  case KEY_MODES:
    return json_is_string(value) ||
                   (json_is_array(value) && json_array_size(value) && all_strings(value))
               ? NULL
               : "must be a string or a list of strings";
  case KEY_MAP:
    return json_is_object(value) && all_strings(value) ? NULL : "must be an object of strings";
  case KEY_EMPTY:
    return is_empty(value) ? NULL : "is supported only where it is empty";
  case KEY_ONLY:
  case KEY_ANY:
    break;
  }
  return NULL;
}

int module_file_check(const struct module_file *file, const struct key_rule *rule, size_t count,
                      struct tfm_error *err) {
  const char *key;
  json_t *value;
  if (!json_is_object(file->root))
    return error_set(err, TFM_ERROR_CHECKPOINT, "%s is not a JSON object", file->path);
  json_object_foreach(file->root, key, value) {
    const struct key_rule *found = find_rule(rule, count, key);
    if (!found)
      return module_file_refuse(file, key, err, "is not a setting that is known");
    const char *text = json_string_value(value), *problem = wanted(found, value);
    if (problem)
      return module_file_refuse(file, key, err, "%s", problem);
    if (found->kind == KEY_ONLY && !json_is_null(value) &&
        (!text || strcmp(text, found->only) != 0))
      return module_file_refuse(file, key, err, "is \"%.64s\"; only \"%s\" is supported",
                                text ? text : "?", found->only);
  }
  return 0;
}
