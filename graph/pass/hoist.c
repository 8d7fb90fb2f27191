/* hoist.c - each node to the earliest entry that pays.
 *
 * Nodes are looked at in their order, so what a node reads has moved before it. */
#include "graph/pass/hoist.h"

#include "graph/edit.h"

struct hoist {
  struct edit edit;
  const struct graph *graph;
  /* Of each value that no node makes, how often it changes; of a state
   * GRAPH_WHEN_COUNT: within a step. */
  enum graph_when *changes;
};

static bool open_hoist(struct hoist *h, struct graph *graph, struct tfm_error *err) {
  h->graph = graph;
  if (edit_open(&h->edit, graph, err) != 0)
    return false;
  h->changes = arena_array(&h->edit.scratch, graph->value_count, sizeof *h->changes);
  if (h->changes == NULL) {
    edit_drop(&h->edit);
    error_oom(err);
    return false;
  }
  for (uint32_t v = 0; v < graph->value_count; v++)
    h->changes[v] = GRAPH_WHEN_COUNT;
  for (uint32_t i = 0; i < graph->input_count; i++)
    h->changes[graph->input[i].value] = graph->input[i].when;
  return true;
}

/* The nearest entry before this one that runs less often, or GRAPH_NONE. */
static int32_t rarer(const struct graph *graph, int32_t entry) {
  int32_t e = entry - 1;
  while (e >= 0 && graph->entry[e].when >= graph->entry[entry].when)
    e--;
  return e >= 0 ? e : GRAPH_NONE;
}

static bool there_by(const struct hoist *h, int32_t value, int32_t entry) {
  int32_t maker = h->graph->value[value].node;
  if (maker != GRAPH_NONE)
    return h->edit.node[maker].entry <= entry;
  return h->changes[value] <= h->graph->entry[entry].when;
}

/* What reads nothing costs nothing (causal()), and stays where it is used. */
static bool can_move(const struct hoist *h, const struct graph_node *node, int32_t to) {
  bool reads = false;
  for (uint32_t k = 0; to != GRAPH_NONE && k < node->input_count; k++) {
    if (node->input[k] == GRAPH_NONE)
      continue;
    if (!there_by(h, node->input[k], to))
      return false;
    reads = true;
  }
  return reads;
}

static uint32_t move_nodes(struct hoist *h) {
  uint32_t moved = 0;
  for (uint32_t n = 0; n < h->graph->node_count; n++) {
    struct graph_node *node = &h->edit.node[n];
    int32_t to = rarer(h->graph, node->entry);
    for (; can_move(h, node, to); to = rarer(h->graph, to), moved++)
      node->entry = to;
  }
  return moved;
}

int hoist_graph(struct graph *graph, struct tfm_error *err) {
  struct hoist h;
  if (!open_hoist(&h, graph, err))
    return -1;
  if (move_nodes(&h) > 0)
    return edit_close(&h.edit, err);
  edit_drop(&h.edit);
  return 0;
}
