/* edit.c - what is left of a graph, put together again. */
#include "graph/edit.h"

#include "graph/build.h"

#include <string.h>

int edit_open(struct edit *edit, struct graph *graph, struct tfm_error *err) {
  *edit = (struct edit){.graph = graph};
  arena_init(&edit->scratch, 0);
  edit->node = arena_array(&edit->scratch, graph->node_count, sizeof *edit->node);
  edit->dead = arena_array(&edit->scratch, graph->node_count, sizeof *edit->dead);
  edit->dead_input = arena_array(&edit->scratch, graph->input_count, sizeof *edit->dead_input);
  edit->dead_state = arena_array(&edit->scratch, graph->state_count, sizeof *edit->dead_state);
  edit->dead_weight = arena_array(&edit->scratch, graph->weight_count, sizeof *edit->dead_weight);
  if (arena_failed(&edit->scratch)) {
    edit_drop(edit);
    return error_oom(err);
  }
  if (graph->node_count > 0)
    memcpy(edit->node, graph->node, graph->node_count * sizeof *edit->node);
  return 0;
}

void edit_drop(struct edit *edit) {
  arena_finish(&edit->scratch);
}

void *edit_keep(struct edit *edit, size_t count, size_t size) {
  return arena_array(&edit->graph->arena, count, size);
}

/* The new numbers of old values, weights and entries; GRAPH_NONE = it goes. */
struct numbers {
  int32_t *value, *weight, *entry;
  int32_t *first; /* of each old value: the first old entry that reads it */
};

static bool make_numbers(struct edit *edit, struct numbers *to) {
  const struct graph *graph = edit->graph;
  *to = (struct numbers){
      .value = arena_array(&edit->scratch, graph->value_count, sizeof *to->value),
      .weight = arena_array(&edit->scratch, graph->weight_count, sizeof *to->weight),
      .entry = arena_array(&edit->scratch, graph->entry_count, sizeof *to->entry),
      .first = arena_array(&edit->scratch, graph->value_count, sizeof *to->first)};
  if (arena_failed(&edit->scratch))
    return false;
  for (uint32_t v = 0; v < graph->value_count; v++)
    to->value[v] = to->first[v] = GRAPH_NONE;
  for (uint32_t w = 0; w < graph->weight_count; w++)
    to->weight[w] = GRAPH_NONE;
  for (uint32_t e = 0; e < graph->entry_count; e++)
    to->entry[e] = GRAPH_NONE;
  return true;
}

/* The old number of the entry that an input is given to. */
static int32_t input_entry(const struct edit *edit, const struct numbers *to, uint32_t input) {
  int32_t first = to->first[edit->graph->input[input].value];
  return first == GRAPH_NONE ? (int32_t)edit->graph->entry_count - 1 : first;
}

static void find_readers(const struct edit *edit, struct numbers *to) {
  for (uint32_t n = 0; n < edit->graph->node_count; n++)
    for (uint32_t k = 0; !edit->dead[n] && k < edit->node[n].input_count; k++) {
      int32_t value = edit->node[n].input[k];
      if (value != GRAPH_NONE &&
          (to->first[value] == GRAPH_NONE || edit->node[n].entry < to->first[value]))
        to->first[value] = edit->node[n].entry;
    }
}

/* Entries that have a node or an input. */
static bool keep_entries(const struct edit *edit, struct numbers *to, struct build *build) {
  const struct graph *graph = edit->graph;
  for (uint32_t n = 0; n < graph->node_count; n++)
    if (!edit->dead[n])
      to->entry[edit->node[n].entry] = 0;
  for (uint32_t i = 0; i < graph->input_count; i++)
    if (!edit->dead_input[i])
      to->entry[input_entry(edit, to, i)] = 0;
  for (uint32_t e = 0; e < graph->entry_count; e++) {
    if (to->entry[e] == GRAPH_NONE)
      continue;
    to->entry[e] = build_entry(build, graph->entry[e].name, graph->entry[e].when);
    if (to->entry[e] == GRAPH_NONE)
      return false;
  }
  return true;
}

static bool keep_value(const struct edit *edit, struct numbers *to, struct build *build,
                       int32_t value) {
  to->value[value] = build_value(build, &edit->graph->value[value]);
  return to->value[value] != GRAPH_NONE;
}

static bool keep_sources(const struct edit *edit, struct numbers *to, struct build *build) {
  const struct graph *graph = edit->graph;
  for (uint32_t i = 0; i < graph->input_count; i++) {
    struct graph_input input = graph->input[i];
    if (edit->dead_input[i])
      continue;
    if (!keep_value(edit, to, build, input.value))
      return false;
    input.entry = to->entry[input_entry(edit, to, i)];
    input.value = to->value[input.value];
    if (build_input(build, &input) == GRAPH_NONE)
      return false;
  }
  for (uint32_t i = 0; i < graph->state_count; i++) {
    const struct graph_state *state = &graph->state[i];
    if (edit->dead_state[i])
      continue;
    if (!keep_value(edit, to, build, state->value) ||
        build_state(build, state->name, to->value[state->value]) == GRAPH_NONE)
      return false;
  }
  return true;
}

/* A list of old numbers, by their new ones; false = memory is out. */
static bool renumber(struct build *build, const int32_t *to, const int32_t **list, uint32_t count) {
  int32_t *made = arena_array(&build->scratch, count, sizeof *made);
  if (made == NULL) {
    error_oom(build->err);
    return false;
  }
  for (uint32_t i = 0; i < count; i++)
    made[i] = (*list)[i] == GRAPH_NONE ? GRAPH_NONE : to[(*list)[i]];
  *list = made;
  return true;
}

/* Operands stand before what is made of them. */
static bool keep_weights(const struct edit *edit, struct numbers *to, struct build *build) {
  for (uint32_t w = 0; w < edit->graph->weight_count; w++) {
    struct graph_weight weight = edit->graph->weight[w];
    if (edit->dead_weight[w])
      continue;
    if (!renumber(build, to->weight, &weight.operand, weight.operand_count) ||
        (to->weight[w] = build_weight(build, &weight)) == GRAPH_NONE)
      return false;
  }
  return true;
}

/* A node under its new number; what it reads stands before it, and so is numbered. */
static bool keep_node(struct edit *edit, struct numbers *to, struct build *build,
                      struct graph_node node) {
  for (uint32_t i = 0; i < node.output_count; i++)
    if (!keep_value(edit, to, build, node.output[i]))
      return false;
  node.entry = to->entry[node.entry];
  return renumber(build, to->value, &node.input, node.input_count) &&
         renumber(build, to->weight, &node.weight, node.weight_count) &&
         renumber(build, to->value, &node.output, node.output_count) &&
         build_node(build, &node) != GRAPH_NONE;
}

static bool keep_nodes(struct edit *edit, struct numbers *to, struct build *build) {
  const struct graph *graph = edit->graph;
  for (uint32_t e = 0; e < graph->entry_count; e++)
    for (uint32_t n = 0; n < graph->node_count; n++)
      if (!edit->dead[n] && edit->node[n].entry == (int32_t)e &&
          !keep_node(edit, to, build, edit->node[n]))
        return false;
  return true;
}

/* What no edit changes, or only by number. */
static bool keep_rest(const struct edit *edit, const struct numbers *to, struct build *build) {
  const struct graph *graph = edit->graph;
  for (uint32_t i = 0; i < graph->dim_count; i++)
    if (build_dim(build, graph->dim[i].name, graph->dim[i].bound) == GRAPH_NONE)
      return false;
  for (uint32_t i = 0; i < graph->output_count; i++)
    if (build_output(build, graph->output[i].name, to->value[graph->output[i].value]) == GRAPH_NONE)
      return false;
  return true;
}

static bool keep_all(struct edit *edit, struct build *build) {
  struct numbers to;
  if (!make_numbers(edit, &to)) {
    error_oom(build->err);
    return false;
  }
  find_readers(edit, &to);
  return build_expect(build, edit->graph->value_count, edit->graph->node_count) &&
         keep_entries(edit, &to, build) && keep_sources(edit, &to, build) &&
         keep_weights(edit, &to, build) && keep_nodes(edit, &to, build) &&
         keep_rest(edit, &to, build);
}

int edit_close(struct edit *edit, struct tfm_error *err) {
  struct build build;
  build_open(&build, edit->graph, err);
  int status = keep_all(edit, &build) ? build_finish(&build) : -1;
  build_drop(&build);
  edit_drop(edit);
  return status;
}
