/* attr.c - from values, JSON among them, to attributes. */
#include "compiler/attr.h"

#include "compiler/limit.h"

static bool json_attr(struct compiler *c, const char *name, const json_t *json,
                      struct graph_attr *out) {
  *out = (struct graph_attr){.name = name};
  if (!limit_step(c, SPAN_NONE, 0))
    return false;
  struct graph_attr *item;
  switch (json_typeof(json)) {
  case JSON_TRUE:
  case JSON_FALSE:
    out->kind = GRAPH_ATTR_BOOL;
    out->integer = json_is_true(json);
    return true;
  case JSON_INTEGER:
    out->kind = GRAPH_ATTR_INT;
    out->integer = json_integer_value(json);
    out->real = (double)out->integer;
    return true;
  case JSON_REAL:
    out->kind = GRAPH_ATTR_REAL;
    out->real = json_real_value(json);
    return true;
  case JSON_STRING:
    out->kind = GRAPH_ATTR_STR;
    out->text = compiler_printf(c, "%s", json_string_value(json));
    return out->text != NULL;
  case JSON_ARRAY: {
    out->kind = GRAPH_ATTR_LIST;
    item = compiler_alloc(c, json_array_size(json), sizeof *item);
    out->item = item;
    for (size_t i = 0; item != NULL && i < json_array_size(json); i++)
      if (!json_attr(c, "", json_array_get(json, i), &item[out->count++]))
        return false;
    return item != NULL;
  }
  case JSON_OBJECT: {
    const char *key;
    json_t *member;
    out->kind = GRAPH_ATTR_OBJECT;
    item = compiler_alloc(c, json_object_size(json), sizeof *item);
    out->item = item;
    if (item == NULL)
      return false;
    json_object_foreach((json_t *)json, key, member) {
      const char *kept = compiler_printf(c, "%s", key);
      if (kept == NULL || !json_attr(c, kept, member, &item[out->count++]))
        return false;
    }
    return true;
  }
  default:
    return true; /* null is none */
  }
}

bool attr_from_value(struct compiler *c, const char *name, const struct value *value,
                     struct graph_attr *out) {
  struct graph_attr *item;
  *out = (struct graph_attr){.name = name};
  if (!limit_step(c, SPAN_NONE,
                  0)) /* a list of the same list twice is as long as it is written out */
    return false;
  switch (value->kind) {
  case VALUE_NONE:
    return true;
  case VALUE_BOOL:
    out->kind = GRAPH_ATTR_BOOL;
    out->integer = value->boolean;
    return true;
  case VALUE_INT:
    out->kind = GRAPH_ATTR_INT;
    out->integer = value->integer;
    out->real = (double)value->integer;
    return true;
  case VALUE_REAL:
    out->kind = GRAPH_ATTR_REAL;
    out->real = value->real;
    return true;
  case VALUE_STR:
    out->kind = GRAPH_ATTR_STR;
    out->text = value->text;
    return true;
  case VALUE_JSON:
    return json_attr(c, name, value->json, out);
  case VALUE_LIST:
    out->kind = GRAPH_ATTR_LIST;
    item = compiler_alloc(c, value->list.count, sizeof *item);
    out->item = item;
    for (uint32_t i = 0; item != NULL && i < value->list.count; i++)
      if (!attr_from_value(c, "", &value->list.item[i], &item[out->count++]))
        return false;
    return item != NULL;
  default:
    return false;
  }
}

struct graph_attr *attr_list(struct compiler *c, const struct op_call *call, uint32_t *count) {
  const struct op_schema *s = call->op->schema;
  struct graph_attr *attr = compiler_alloc(c, s->attr_count, sizeof *attr);
  *count = 0;
  for (uint32_t i = 0; attr != NULL && i < s->attr_count; i++)
    if (call->attr[i].kind != VALUE_NONE &&
        attr_from_value(c, s->attr[i].name, &call->attr[i], &attr[*count]))
      ++*count;
  return attr;
}
