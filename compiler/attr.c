/* attr.c - from values, JSON among them, to attributes. */
#include "compiler/attr.h"

#include "compiler/limit.h"
#include "graph/attr.h"

/* Room for the items of a list; a list of too many is too large for memory, too. */
static tfm_attr *items(struct compiler *c, size_t count, tfm_attr *list) {
  tfm_attr *item = count > UINT32_MAX ? NULL : attr_alloc(c->arena, (uint32_t)count, &list->item);
  if (item == NULL)
    compiler_oom(c);
  return item;
}

static bool json_attr(struct compiler *c, const char *name, const json_t *json, tfm_attr *out) {
  *out = (tfm_attr){.name = name};
  if (!limit_step(c, SPAN_NONE, 0))
    return false;
  tfm_attr *item;
  switch (json_typeof(json)) {
  case JSON_TRUE:
  case JSON_FALSE:
    out->kind = TFM_ATTR_BOOL;
    out->integer = json_is_true(json);
    return true;
  case JSON_INTEGER:
    out->kind = TFM_ATTR_INT;
    out->integer = json_integer_value(json);
    out->real = (double)out->integer;
    return true;
  case JSON_REAL:
    out->kind = TFM_ATTR_REAL;
    out->real = json_real_value(json);
    return true;
  case JSON_STRING:
    out->kind = TFM_ATTR_STR;
    out->text = compiler_printf(c, "%s", json_string_value(json));
    return out->text != NULL;
  case JSON_ARRAY: {
    out->kind = TFM_ATTR_LIST;
    item = items(c, json_array_size(json), out);
    for (size_t i = 0; item != NULL && i < json_array_size(json); i++)
      if (!json_attr(c, "", json_array_get(json, i), &item[out->count++]))
        return false;
    return item != NULL;
  }
  case JSON_OBJECT: {
    const char *key;
    json_t *member;
    out->kind = TFM_ATTR_OBJECT;
    item = items(c, json_object_size(json), out);
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
                     tfm_attr *out) {
  tfm_attr *item;
  *out = (tfm_attr){.name = name};
  if (!limit_step(c, SPAN_NONE,
                  0)) /* a list of the same list twice is as long as it is written out */
    return false;
  switch (value->kind) {
  case VALUE_NONE:
    return true;
  case VALUE_BOOL:
    out->kind = TFM_ATTR_BOOL;
    out->integer = value->boolean;
    return true;
  case VALUE_INT:
    out->kind = TFM_ATTR_INT;
    out->integer = value->integer;
    out->real = (double)value->integer;
    return true;
  case VALUE_REAL:
    out->kind = TFM_ATTR_REAL;
    out->real = value->real;
    return true;
  case VALUE_STR:
    out->kind = TFM_ATTR_STR;
    out->text = value->text;
    return true;
  case VALUE_JSON:
    return json_attr(c, name, value->json, out);
  case VALUE_LIST:
    out->kind = TFM_ATTR_LIST;
    item = items(c, value->list.count, out);
    for (uint32_t i = 0; item != NULL && i < value->list.count; i++)
      if (!attr_from_value(c, "", &value->list.item[i], &item[out->count++]))
        return false;
    return item != NULL;
  default:
    return false;
  }
}

const tfm_attr *const *attr_list(struct compiler *c, const struct op_call *call, uint32_t *count) {
  const struct op_schema *s = call->op->schema;
  tfm_attr all = {.name = ""};
  tfm_attr *attr = items(c, s->attr_count, &all);
  *count = 0;
  for (uint32_t i = 0; attr != NULL && i < s->attr_count; i++)
    if (call->attr[i].kind != VALUE_NONE &&
        attr_from_value(c, s->attr[i].name, &call->attr[i], &attr[*count]))
      ++*count;
  return all.item;
}
