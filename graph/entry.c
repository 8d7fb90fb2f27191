/* entry.c - entries: what they read and keep, from what their nodes read.
 *
 *              encode              decode
 *     nodes    0 .. 11             12 .. 90
 *     inputs   src                 ids  memory
 *     outputs  memory              logits            memory is kept in between */
#include "graph/entry.h"

#include <string.h>

const char *graph_when_name(enum graph_when when) {
  static const char *const names[] = {[GRAPH_ONCE] = "once", [GRAPH_STEP] = "step"};
  return names[when];
}

int32_t graph_find_entry(const struct graph *graph, const char *name) {
  for (uint32_t i = 0; i < graph->entry_count; i++)
    if (strcmp(graph->entry[i].name, name) == 0)
      return (int32_t)i;
  return GRAPH_NONE;
}

bool graph_runs(const struct graph *graph, enum graph_when when) {
  for (uint32_t i = 0; i < graph->entry_count; i++)
    if (graph->entry[i].when == when)
      return true;
  return false;
}

static bool is_value(const struct graph *graph, int32_t value) {
  return value >= 0 && (uint32_t)value < graph->value_count;
}

/* Marks of `seen` as a list. */
static uint32_t list_seen(const struct graph *graph, const uint8_t *seen, int32_t *list) {
  uint32_t count = 0;
  for (uint32_t v = 0; v < graph->value_count; v++)
    if (seen[v])
      list[count++] = (int32_t)v;
  return count;
}

uint32_t entry_inputs(const struct graph *graph, int32_t entry, uint8_t *seen, int32_t *list) {
  memset(seen, 0, graph->value_count);
  for (uint32_t i = 0; i < graph->input_count; i++)
    if (graph->input[i].entry == entry && is_value(graph, graph->input[i].value))
      seen[graph->input[i].value] = 1;
  for (uint32_t n = 0; n < graph->node_count; n++)
    for (uint32_t k = 0; graph->node[n].entry == entry && k < graph->node[n].input_count; k++) {
      int32_t value = graph->node[n].input[k];
      if (is_value(graph, value) && graph->value[value].entry != GRAPH_NONE &&
          graph->value[value].entry != entry)
        seen[value] = 1;
    }
  return list_seen(graph, seen, list);
}

uint32_t entry_outputs(const struct graph *graph, int32_t entry, uint8_t *seen, int32_t *list) {
  memset(seen, 0, graph->value_count);
  for (uint32_t i = 0; i < graph->output_count; i++) {
    int32_t value = graph->output[i].value;
    if (is_value(graph, value) && graph->value[value].entry == entry)
      seen[value] = 1;
  }
  for (uint32_t n = 0; n < graph->node_count; n++)
    for (uint32_t k = 0; graph->node[n].entry != entry && k < graph->node[n].input_count; k++) {
      int32_t value = graph->node[n].input[k];
      if (is_value(graph, value) && graph->value[value].entry == entry)
        seen[value] = 1;
    }
  return list_seen(graph, seen, list);
}

static void find_ranges(struct graph *graph) {
  uint32_t at = 0;
  for (uint32_t e = 0; e < graph->entry_count; e++) {
    graph->entry[e].begin = at;
    while (at < graph->node_count && graph->node[at].entry == (int32_t)e)
      at++;
    graph->entry[e].end = at;
  }
}

static void tell_values(struct graph *graph) {
  for (uint32_t v = 0; v < graph->value_count; v++) {
    int32_t node = graph->value[v].node;
    bool made = node >= 0 && (uint32_t)node < graph->node_count;
    graph->value[v].entry = made ? graph->node[node].entry : GRAPH_NONE;
  }
  for (uint32_t i = 0; i < graph->input_count; i++)
    if (is_value(graph, graph->input[i].value))
      graph->value[graph->input[i].value].entry = graph->input[i].entry;
}

/* list, of count values, in the graph's arena; NULL = there is no memory. */
static const int32_t *keep(struct graph *graph, const int32_t *list, uint32_t count) {
  int32_t *kept = arena_array(&graph->arena, count, sizeof *kept);
  if (kept != NULL && count > 0)
    memcpy(kept, list, count * sizeof *kept);
  return kept;
}

int graph_link(struct graph *graph, struct tfm_error *err) {
  struct arena scratch;
  arena_init(&scratch, 0);
  uint8_t *seen = arena_alloc(&scratch, graph->value_count);
  int32_t *list = arena_array(&scratch, graph->value_count, sizeof *list);
  bool ok = seen != NULL && list != NULL;
  find_ranges(graph);
  tell_values(graph);
  for (uint32_t e = 0; ok && e < graph->entry_count; e++) {
    struct graph_entry *entry = &graph->entry[e];
    entry->input_count = entry_inputs(graph, (int32_t)e, seen, list);
    entry->input = keep(graph, list, entry->input_count);
    entry->output_count = entry_outputs(graph, (int32_t)e, seen, list);
    entry->output = keep(graph, list, entry->output_count);
    ok = entry->input != NULL && entry->output != NULL;
  }
  arena_finish(&scratch);
  return ok ? 0 : error_oom(err);
}
