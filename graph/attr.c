/* attr.c - making, finding and comparing attributes. */
#include "graph/attr.h"

#include <string.h>

tfm_attr *attr_alloc(struct arena *arena, uint32_t count, const tfm_attr *const **list) {
  tfm_attr *attr = arena_array(arena, count, sizeof *attr);
  const tfm_attr **each = arena_array(arena, count, sizeof *each);
  if (attr == NULL || each == NULL)
    return NULL;
  for (uint32_t i = 0; i < count; i++) {
    attr[i].name = "";
    each[i] = &attr[i];
  }
  *list = each;
  return attr;
}

const tfm_attr *attr_find(const tfm_attr *const *list, uint32_t count, const char *name) {
  for (uint32_t i = 0; i < count; i++)
    if (strcmp(list[i]->name, name) == 0)
      return list[i];
  return NULL;
}

bool attr_equal(const tfm_attr *a, const tfm_attr *b) {
  if (a->kind != b->kind || a->integer != b->integer || a->real != b->real ||
      a->count != b->count || (a->text == NULL) != (b->text == NULL))
    return false;
  if (a->text != NULL && strcmp(a->text, b->text) != 0)
    return false;
  for (uint32_t i = 0; i < a->count; i++)
    if (strcmp(a->item[i]->name, b->item[i]->name) != 0 || !attr_equal(a->item[i], b->item[i]))
      return false;
  return true;
}
