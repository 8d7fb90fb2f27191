/* live.c - from what is asked for back to all that it reads.
 *
 * A node stands after what it reads and a view after what it is of, so one turn
 * through each table, from its end, is enough. */
#include "graph/pass/live.h"

#include "graph/edit.h"

/* All is dead at first; then what is read, or asked for, is not. */
struct live {
  struct edit edit;
  const struct graph *graph;
  bool *value; /* of each value: something alive wants it */
};

static bool open_live(struct live *l, struct graph *graph, struct tfm_error *err) {
  l->graph = graph;
  if (edit_open(&l->edit, graph, err) != 0)
    return false;
  l->value = arena_array(&l->edit.scratch, graph->value_count, sizeof *l->value);
  if (l->value == NULL) {
    edit_drop(&l->edit);
    error_oom(err);
    return false;
  }
  for (uint32_t w = 0; w < graph->weight_count; w++)
    l->edit.dead_weight[w] = true;
  return true;
}

static void want_results(struct live *l) {
  for (uint32_t i = 0; i < l->graph->output_count; i++)
    l->value[l->graph->output[i].value] = true;
  for (uint32_t v = 0; v < l->graph->value_count; v++)
    l->value[v] = l->value[v] || l->graph->value[v].dump;
}

static void want_nodes(struct live *l) {
  for (uint32_t n = l->graph->node_count; n-- > 0;) {
    const struct graph_node *node = &l->edit.node[n];
    bool wanted = node->taps != 0;
    for (uint32_t k = 0; k < node->output_count; k++)
      wanted = wanted || l->value[node->output[k]];
    l->edit.dead[n] = !wanted;
    for (uint32_t k = 0; wanted && k < node->input_count; k++)
      if (node->input[k] != GRAPH_NONE)
        l->value[node->input[k]] = true;
    for (uint32_t k = 0; wanted && k < node->weight_count; k++)
      if (node->weight[k] != GRAPH_NONE)
        l->edit.dead_weight[node->weight[k]] = false;
  }
}

static void want_sources(struct live *l) {
  const struct graph *graph = l->graph;
  for (uint32_t i = 0; i < graph->input_count; i++)
    l->edit.dead_input[i] = !l->value[graph->input[i].value];
  for (uint32_t i = 0; i < graph->state_count; i++)
    l->edit.dead_state[i] = !l->value[graph->state[i].value];
  for (uint32_t w = graph->weight_count; w-- > 0;)
    for (uint32_t k = 0; !l->edit.dead_weight[w] && k < graph->weight[w].operand_count; k++)
      l->edit.dead_weight[graph->weight[w].operand[k]] = false;
}

static bool any(const bool *flag, uint32_t count) {
  for (uint32_t i = 0; i < count; i++)
    if (flag[i])
      return true;
  return false;
}

/* Nothing is dead, and each entry has something to do: a graph is large, and no copy of it
 * is needed then. */
static bool is_whole(const struct live *l) {
  const struct graph *graph = l->graph;
  for (uint32_t e = 0; e < graph->entry_count; e++)
    if (graph->entry[e].begin == graph->entry[e].end && graph->entry[e].input_count == 0)
      return false;
  return !any(l->edit.dead, graph->node_count) && !any(l->edit.dead_input, graph->input_count) &&
         !any(l->edit.dead_state, graph->state_count) &&
         !any(l->edit.dead_weight, graph->weight_count);
}

int live_graph(struct graph *graph, struct tfm_error *err) {
  struct live l;
  if (!open_live(&l, graph, err))
    return -1;
  want_results(&l);
  want_nodes(&l);
  want_sources(&l);
  if (!is_whole(&l))
    return edit_close(&l.edit, err);
  edit_drop(&l.edit);
  return 0;
}
