/* config.c - JSON as values, and where in it each is from. */
#include "compiler/config.h"

#include "compiler/cell.h"
#include "compiler/report.h"

#include <string.h>

static const struct origin *config_origin(struct compiler *c, const struct compile_json *json,
                                          const char *key) {
  struct origin *origin = compiler_alloc(c, 1, sizeof *origin);
  if (origin != NULL && key != NULL)
    *origin = (struct origin){.kind = ORIGIN_CONFIG, .name = key, .json = json};
  return origin;
}

struct value config_value(const json_t *json, const struct origin *origin) {
  struct value value = {.kind = VALUE_JSON, .origin = origin};
  switch (json == NULL ? JSON_NULL : json_typeof(json)) {
  case JSON_TRUE:
  case JSON_FALSE:
    value.kind = VALUE_BOOL;
    value.boolean = json_is_true(json);
    break;
  case JSON_INTEGER:
    value.kind = VALUE_INT;
    value.integer = json_integer_value(json);
    break;
  case JSON_REAL:
    value.kind = VALUE_REAL;
    value.real = json_real_value(json);
    break;
  case JSON_STRING:
    value.kind = VALUE_STR;
    value.text = json_string_value(json);
    break;
  case JSON_NULL:
    value.kind = VALUE_NONE;
    value.missing = true;
    break;
  default:
    value.json = json;
  }
  return value;
}

struct value config_root(struct compiler *c, const char *name) {
  const struct compile_options *o = c->options;
  if (c->unknown)
    return value_error();
  const struct compile_json *json = strcmp(name, "config") == 0       ? &o->config
                                    : strcmp(name, "generation") == 0 ? &o->generation
                                                                      : &o->modules;
  if (json == &o->modules && o->modules_refusal != NULL) {
    struct report *r = report_keyed(c, CODE_SETTING, "modules", "%s", o->modules_refusal);
    if (o->modules_notes != NULL && o->modules_notes[0] != '\0')
      report_note(c, r, "%s", o->modules_notes);
    return value_error();
  }
  struct value value = config_value(json->root, config_origin(c, json, ""));
  return c->stop ? value_error() : value;
}

void config_report_missing(struct compiler *c, const struct ast_expr *expr,
                           const struct value *value) {
  const struct origin *origin = value->origin;
  struct report *r;
  if (origin != NULL && origin->kind == ORIGIN_ELEMENT) {
    r = report(c, CODE_KIND, origin->span, "%s", origin->name);
    report_primary(c, r, "%s", origin->view);
    return;
  }
  if (origin == NULL || origin->kind != ORIGIN_CONFIG)
    return;
  const struct compile_json *json = origin->json;
  if (json->root == NULL) {
    r = report(c, CODE_CONFIG_MISSING, expr->span, "there is no %s, which has to say `%s`",
               json->name, origin->name);
    return;
  }
  bool null = json_object_get(json->root, origin->name) != NULL;
  r = report(c, CODE_CONFIG_MISSING, expr->span, null ? "%s says null for `%s`" : "%s has no `%s`",
             json->name, origin->name);
  size_t size = json_object_size(json->root), count = 0;
  const char **keys = compiler_alloc(c, size, sizeof *keys), *key;
  json_t *item;
  if (keys == NULL)
    return;
  json_object_foreach((json_t *)json->root, key, item) {
    keys[count++] = key;
  }
  const char *nearest = null ? NULL : diag_nearest(origin->name, keys, count);
  if (nearest != NULL)
    report_help(c, r, "it has `%s`", nearest);
  report_help(c, r, "if it may be missing, say what holds then: `%s ?? ...`",
              compiler_span_text(c, expr->span));
}

struct value config_member(struct compiler *c, const struct value *object, const char *name,
                           struct span span) {
  const struct origin *from = object->origin;
  if (object->kind == VALUE_ERROR)
    return value_error();
  if (object->kind == VALUE_NONE && !object->missing)
    return value_none(); /* no object, no member: `??` goes on */
  if (object->kind == VALUE_NONE && from != NULL && from->kind == ORIGIN_ELEMENT)
    return *object;
  bool json = from != NULL && from->kind == ORIGIN_CONFIG &&
              (object->kind == VALUE_JSON || object->missing);
  if (!json || (object->kind == VALUE_JSON && !json_is_object(object->json))) {
    struct report *r = report(c, CODE_KIND, span, "%s has no members", value_kind_name(object));
    if (object->kind == VALUE_WEIGHT)
      report_help(c, r, "a path in the checkpoint begins with `@`: `@%s`",
                  compiler_span_text(c, span));
    return value_error();
  }
  const char *key =
      compiler_printf(c, "%s%s%s", from->name, from->name[0] == '\0' ? "" : ".", name);
  const json_t *item = object->kind == VALUE_JSON ? json_object_get(object->json, name) : NULL;
  struct value value = config_value(item, config_origin(c, from->json, key));
  return c->stop ? value_error() : value;
}
