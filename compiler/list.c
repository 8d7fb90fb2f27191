/* list.c - elements, and what is equal to what. */
#include "compiler/list.h"

#include "compiler/cell.h"
#include "compiler/config.h"
#include "compiler/limit.h"
#include "compiler/report.h"

#include <string.h>

bool list_is(const struct value *value) {
  return value->kind == VALUE_LIST || (value->kind == VALUE_JSON && json_is_array(value->json));
}

int64_t list_count(const struct value *list) {
  return list->kind == VALUE_LIST ? (int64_t)list->list.count
                                  : (int64_t)json_array_size(list->json);
}

struct value list_item(const struct value *list, int64_t at) {
  if (list->kind == VALUE_LIST)
    return list->list.item[at];
  return config_value(json_array_get(list->json, (size_t)at), list->origin);
}

struct value list_make(struct compiler *c, const struct value *item, uint32_t count,
                       struct span span) {
  struct value made = {.kind = VALUE_LIST, .list = {item, count, 1}};
  for (uint32_t i = 0; i < count; i++)
    if (item[i].kind == VALUE_LIST && item[i].list.depth >= made.list.depth)
      made.list.depth = item[i].list.depth + 1;
  if (made.list.depth <= LIMIT_LIST_DEPTH)
    return made;
  report(c, CODE_ARITHMETIC, span, "lists in lists deeper than %d", LIMIT_LIST_DEPTH);
  return value_error();
}

struct value list_join(struct compiler *c, const struct value *a, const struct value *b,
                       struct span span) {
  int64_t first = list_count(a), second = list_count(b);
  if (first > LIMIT_LIST || second > LIMIT_LIST || first + second > LIMIT_LIST) {
    report(c, CODE_ARITHMETIC, span, "a list of more than %d elements", LIMIT_LIST);
    return value_error();
  }
  struct value *item = compiler_alloc(c, (size_t)(first + second), sizeof *item);
  if (item == NULL || !limit_step(c, span, (uint32_t)(first + second) / 16))
    return value_error();
  for (int64_t i = 0; i < first; i++)
    item[i] = list_item(a, i);
  for (int64_t i = 0; i < second; i++)
    item[first + i] = list_item(b, i);
  return list_make(c, item, (uint32_t)(first + second), span);
}

/* -------------------------------------------------------------------- equality */

static bool same_objects(struct compiler *c, const json_t *a, const json_t *b, struct span span) {
  const char *key;
  json_t *item;
  if (json_object_size(a) != json_object_size(b))
    return false;
  json_object_foreach((json_t *)a, key, item) {
    const json_t *other = json_object_get(b, key);
    struct value x = config_value(item, NULL), y = config_value(other, NULL);
    if (other == NULL || !list_same(c, &x, &y, span))
      return false;
  }
  return true;
}

static bool same_lists(struct compiler *c, const struct value *a, const struct value *b,
                       struct span span) {
  int64_t count = list_count(a);
  if (count != list_count(b))
    return false;
  for (int64_t i = 0; i < count; i++) {
    struct value x = list_item(a, i), y = list_item(b, i);
    if (!list_same(c, &x, &y, span))
      return false;
  }
  return true;
}

bool list_same(struct compiler *c, const struct value *a, const struct value *b, struct span span) {
  if (!limit_step(c, span, 0))
    return false;
  if (list_is(a) || list_is(b))
    return list_is(a) && list_is(b) && same_lists(c, a, b, span);
  if (a->kind == VALUE_INT && b->kind == VALUE_REAL)
    return (double)a->integer == b->real;
  if (a->kind == VALUE_REAL && b->kind == VALUE_INT)
    return a->real == (double)b->integer;
  if (a->kind != b->kind)
    return false;
  switch (a->kind) {
  case VALUE_NONE:
    return true;
  case VALUE_BOOL:
    return a->boolean == b->boolean;
  case VALUE_INT:
    return a->integer == b->integer;
  case VALUE_REAL:
    return a->real == b->real;
  case VALUE_STR:
    return strcmp(a->text, b->text) == 0;
  case VALUE_JSON:
    return same_objects(c, a->json, b->json, span);
  default:
    return false;
  }
}

bool list_has(struct compiler *c, const struct value *list, const struct value *value,
              struct span span) {
  int64_t count = list_count(list);
  for (int64_t i = 0; i < count && !c->stop; i++) {
    struct value item = list_item(list, i);
    if (list_same(c, &item, value, span))
      return true;
  }
  return false;
}

/* -------------------------------------------------------------------- elements */

/* There is none at that place: `??` goes on, anything else that needs it complains. */
static struct value no_element(struct compiler *c, struct span span, int64_t at, int64_t count) {
  struct origin *origin = compiler_alloc(c, 1, sizeof *origin);
  const char *what = compiler_printf(c, "there is no element %lld", (long long)at);
  const char *known = count == 0
                          ? "the list is empty"
                          : compiler_printf(c, "elements go from 0 to %lld", (long long)count - 1);
  if (origin == NULL || what == NULL || known == NULL)
    return value_error();
  *origin = (struct origin){.kind = ORIGIN_ELEMENT, .name = what, .view = known, .span = span};
  return (struct value){.kind = VALUE_NONE, .missing = true, .origin = origin};
}

struct value list_element(struct compiler *c, const struct value *object, const struct value *at,
                          struct span span) {
  if (object->kind == VALUE_NONE)
    return *object; /* nothing, and no element of it: `??` goes on */
  if (object->kind == VALUE_JSON && json_is_object(object->json) && at->kind == VALUE_STR)
    return config_member(c, object, at->text, span);
  if (!list_is(object) || at->kind != VALUE_INT) {
    struct report *r =
        report(c, CODE_KIND, span, "an index of %s must be %s", value_kind_name(object),
               list_is(object) ? "an integer that is known when the file is compiled" : "a string");
    report_primary(c, r, "this is %s", value_kind_name(at));
    return value_error();
  }
  int64_t count = list_count(object);
  if (at->integer >= 0 && at->integer < count)
    return list_item(object, at->integer);
  struct value none = no_element(c, span, at->integer, count);
  if (at->integer >= 0 || none.kind == VALUE_ERROR)
    return none;
  struct report *r = report(c, CODE_KIND, span, "%s", none.origin->name);
  report_primary(c, r, "%s", none.origin->view);
  return value_error();
}
