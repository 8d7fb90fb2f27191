/* head.c - the ids among the attributes of a head. */
#include "lib/head.h"

#include "graph/attr.h"

static bool is_id(const tfm_attr *attr) {
  return attr->kind == TFM_ATTR_INT && attr->integer >= 0 && attr->integer <= INT32_MAX;
}

int head_ids(const struct graph *graph, const char *attribute, struct arena *arena, tfm_ids *out,
             struct tfm_error *err) {
  const tfm_attr *attr = attr_find(graph->task_attr, graph->task_attr_count, attribute);
  *out = (tfm_ids){NULL, 0};
  if (!attr)
    return 0;
  bool list = attr->kind == TFM_ATTR_LIST;
  const tfm_attr *const *item = list ? attr->item : &attr;
  uint32_t count = list ? attr->count : 1;
  int32_t *ids = arena_array(arena, count ? count : 1, sizeof *ids);
  if (!ids)
    return error_oom(err);
  out->ids = ids;
  for (uint32_t i = 0; i < count; i++)
    if (is_id(item[i]))
      ids[out->count++] = (int32_t)item[i]->integer;
  return 0;
}

int32_t head_id(const struct graph *graph, const char *attribute) {
  const tfm_attr *attr = attr_find(graph->task_attr, graph->task_attr_count, attribute);
  if (attr && attr->kind == TFM_ATTR_LIST && attr->count)
    attr = attr->item[0];
  return attr && is_id(attr) ? (int32_t)attr->integer : -1;
}
