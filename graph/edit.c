/* edit.c - what is left of a graph, put together again. */
#include "graph/edit.h"

#include "graph/build.h"

#include <string.h>

int edit_open(struct edit *edit, struct graph *graph, struct tfm_error *err) {
  *edit = (struct edit){.graph = graph};
  arena_init(&edit->scratch, 0);
  edit->node = arena_array(&edit->scratch, graph->node_count, sizeof *edit->node);
  edit->dead = arena_array(&edit->scratch, graph->node_count, sizeof *edit->dead);
  if (arena_failed(&edit->scratch)) {
    arena_finish(&edit->scratch);
    return error_oom(err);
  }
  if (graph->node_count > 0)
    memcpy(edit->node, graph->node, graph->node_count * sizeof *edit->node);
  return 0;
}

void *edit_keep(struct edit *edit, size_t count, size_t size) {
  return arena_array(&edit->graph->arena, count, size);
}

/* The new numbers of old values and entries; GRAPH_NONE = it goes. */
struct numbers {
  int32_t *value, *entry;
  int32_t *first; /* of each old value: the first old entry that reads it */
};

static bool make_numbers(struct edit *edit, struct numbers *to) {
  const struct graph *graph = edit->graph;
  *to =
      (struct numbers){.value = arena_array(&edit->scratch, graph->value_count, sizeof *to->value),
                       .entry = arena_array(&edit->scratch, graph->entry_count, sizeof *to->entry),
                       .first = arena_array(&edit->scratch, graph->value_count, sizeof *to->first)};
  if (arena_failed(&edit->scratch))
    return false;
  for (uint32_t v = 0; v < graph->value_count; v++)
    to->value[v] = to->first[v] = GRAPH_NONE;
  for (uint32_t e = 0; e < graph->entry_count; e++)
    to->entry[e] = GRAPH_NONE;
  return true;
}

/* An input is given to the entry that reads it first; one that nobody reads stays. */
static int32_t input_entry(const struct numbers *to, const struct graph_input *input) {
  return to->first[input->value] == GRAPH_NONE ? input->entry : to->first[input->value];
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
    to->entry[input_entry(to, &graph->input[i])] = 0;
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
    if (!keep_value(edit, to, build, input.value))
      return false;
    input.entry = to->entry[input_entry(to, &input)];
    input.value = to->value[input.value];
    if (build_input(build, &input) == GRAPH_NONE)
      return false;
  }
  for (uint32_t i = 0; i < graph->state_count; i++) {
    const struct graph_state *state = &graph->state[i];
    if (!keep_value(edit, to, build, state->value) ||
        build_state(build, state->name, to->value[state->value]) == GRAPH_NONE)
      return false;
  }
  return true;
}

/* A node under its new number; what it reads stands before it, and so is numbered. */
static bool keep_node(struct edit *edit, struct numbers *to, struct build *build,
                      struct graph_node node) {
  int32_t *input = arena_array(&build->scratch, node.input_count, sizeof *input);
  int32_t *output = arena_array(&build->scratch, node.output_count, sizeof *output);
  if (input == NULL || output == NULL) {
    error_oom(build->err);
    return false;
  }
  for (uint32_t i = 0; i < node.input_count; i++)
    input[i] = node.input[i] == GRAPH_NONE ? GRAPH_NONE : to->value[node.input[i]];
  for (uint32_t i = 0; i < node.output_count; i++) {
    if (!keep_value(edit, to, build, node.output[i]))
      return false;
    output[i] = to->value[node.output[i]];
  }
  node.entry = to->entry[node.entry];
  node.input = input;
  node.output = output;
  return build_node(build, &node) != GRAPH_NONE;
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
  for (uint32_t i = 0; i < graph->weight_count; i++)
    if (build_weight(build, &graph->weight[i]) == GRAPH_NONE)
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
  return keep_entries(edit, &to, build) && keep_sources(edit, &to, build) &&
         keep_nodes(edit, &to, build) && keep_rest(edit, &to, build);
}

int edit_close(struct edit *edit, struct tfm_error *err) {
  struct build build;
  build_open(&build, edit->graph, err);
  int status = keep_all(edit, &build) ? build_finish(&build) : -1;
  build_drop(&build);
  arena_finish(&edit->scratch);
  return status;
}
