/* graph.c - a graph's life, and finding things in it by name. */
#include "graph/graph.h"

#include <stdlib.h>
#include <string.h>

struct graph *graph_create(struct tfm_error *err) {
  struct graph *graph = calloc(1, sizeof *graph);
  if (graph == NULL) {
    error_oom(err);
    return NULL;
  }
  arena_init(&graph->arena, 0);
  graph->model = "";
  return graph;
}

void graph_destroy(struct graph *graph) {
  if (graph == NULL)
    return;
  arena_finish(&graph->arena);
  free(graph);
}

static bool has_alias(const struct graph_value *value, const char *name) {
  for (uint32_t i = 0; i < value->alias_count; i++)
    if (strcmp(value->alias[i], name) == 0)
      return true;
  return false;
}

int32_t graph_find_value(const struct graph *graph, const char *name) {
  for (uint32_t i = 0; i < graph->value_count; i++)
    if (strcmp(graph->value[i].name, name) == 0)
      return (int32_t)i;
  for (uint32_t i = graph->value_count; i-- > 0;)
    if (has_alias(&graph->value[i], name))
      return (int32_t)i;
  return GRAPH_NONE;
}

void graph_watch_tap(struct graph *graph, uint32_t node, uint32_t tap) {
  struct graph_node *own = (struct graph_node *)&graph->node[node]; /* the arena's */
  own->taps |= UINT64_C(1) << tap;
}

bool graph_find_tap(const struct graph *graph, const char *name, int32_t *node, uint32_t *tap) {
  const char *dot = strrchr(name, '.');
  if (dot == NULL)
    return false;
  size_t length = (size_t)(dot - name);
  char *stem = malloc(length + 1);
  if (stem == NULL)
    return false;
  memcpy(stem, name, length);
  stem[length] = '\0';
  int32_t value = graph_find_value(graph, stem);
  free(stem);
  if (value == GRAPH_NONE || graph->value[value].node == GRAPH_NONE)
    return false;
  const struct graph_node *owner = &graph->node[graph->value[value].node];
  for (uint32_t i = 0; i < owner->tap_count; i++) {
    if (strcmp(owner->tap[i], dot + 1) == 0) {
      *node = graph->value[value].node;
      *tap = i;
      return true;
    }
  }
  return false;
}
