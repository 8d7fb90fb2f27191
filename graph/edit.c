/* edit.c - what is left of a graph, put together again. */
#include "graph/edit.h"

#include <string.h>

int edit_open(struct edit *edit, struct graph *graph, struct tfm_error *err) {
  *edit = (struct edit){.graph = graph};
  arena_init(&edit->scratch, 0);
  edit->node = arena_array(&edit->scratch, graph->node_count, sizeof *edit->node);
  edit->dead = arena_array(&edit->scratch, graph->node_count, sizeof *edit->dead);
  edit->unread = arena_array(&edit->scratch, graph->value_count, sizeof *edit->unread);
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

/* The tables that come, and the new numbers of old values and entries. */
struct rest {
  struct graph_value *value;
  struct graph_node *node;
  struct graph_input *input;
  struct graph_state *state;
  struct graph_entry *entry;
  struct graph_output *output;
  uint32_t value_count, node_count, input_count, state_count, entry_count;
  int32_t *number, *place;
};

static bool make_rest(struct edit *edit, struct rest *rest) {
  const struct graph *graph = edit->graph;
  *rest =
      (struct rest){.value = edit_keep(edit, graph->value_count, sizeof *rest->value),
                    .node = edit_keep(edit, graph->node_count, sizeof *rest->node),
                    .input = edit_keep(edit, graph->input_count, sizeof *rest->input),
                    .state = edit_keep(edit, graph->state_count, sizeof *rest->state),
                    .entry = edit_keep(edit, graph->entry_count, sizeof *rest->entry),
                    .output = edit_keep(edit, graph->output_count, sizeof *rest->output),
                    .number = arena_array(&edit->scratch, graph->value_count, sizeof *rest->number),
                    .place = arena_array(&edit->scratch, graph->entry_count, sizeof *rest->place)};
  for (uint32_t v = 0; rest->number != NULL && v < graph->value_count; v++)
    rest->number[v] = GRAPH_NONE;
  return !arena_failed(&edit->scratch) && !arena_failed(&edit->graph->arena);
}

/* An input is given to the entry that reads it first; one that nobody reads stays. */
static void place_inputs(struct edit *edit, struct rest *rest) {
  const struct graph *graph = edit->graph;
  int32_t *first = rest->number; /* GRAPH_NONE = no reader yet; set right afterwards */
  for (uint32_t n = 0; n < graph->node_count; n++)
    for (uint32_t k = 0; !edit->dead[n] && k < edit->node[n].input_count; k++) {
      int32_t value = edit->node[n].input[k];
      if (value != GRAPH_NONE && (first[value] == GRAPH_NONE || edit->node[n].entry < first[value]))
        first[value] = edit->node[n].entry;
    }
  for (uint32_t i = 0; i < graph->input_count; i++) {
    struct graph_input input = graph->input[i];
    if (edit->unread[input.value])
      continue;
    if (first[input.value] != GRAPH_NONE)
      input.entry = first[input.value];
    rest->input[rest->input_count++] = input;
  }
  for (uint32_t v = 0; v < graph->value_count; v++)
    first[v] = GRAPH_NONE;
}

/* Entries that have a node or an input. */
static void keep_entries(struct edit *edit, struct rest *rest) {
  const struct graph *graph = edit->graph;
  for (uint32_t e = 0; e < graph->entry_count; e++)
    rest->place[e] = GRAPH_NONE;
  for (uint32_t n = 0; n < graph->node_count; n++)
    if (!edit->dead[n])
      rest->place[edit->node[n].entry] = 0;
  for (uint32_t i = 0; i < rest->input_count; i++)
    rest->place[rest->input[i].entry] = 0;
  for (uint32_t e = 0; e < graph->entry_count; e++) {
    if (rest->place[e] == GRAPH_NONE)
      continue;
    rest->place[e] = (int32_t)rest->entry_count;
    rest->entry[rest->entry_count++] = graph->entry[e];
  }
}

static int32_t keep_value(struct edit *edit, struct rest *rest, int32_t value, int32_t node,
                          uint32_t output) {
  int32_t number = (int32_t)rest->value_count++;
  rest->value[number] = edit->graph->value[value];
  rest->value[number].node = node;
  rest->value[number].output = output;
  rest->number[value] = number;
  return number;
}

static void keep_sources(struct edit *edit, struct rest *rest) {
  const struct graph *graph = edit->graph;
  for (uint32_t i = 0; i < rest->input_count; i++) {
    struct graph_input *input = &rest->input[i];
    input->value = keep_value(edit, rest, input->value, GRAPH_NONE, 0);
    input->entry = rest->place[input->entry];
  }
  for (uint32_t i = 0; i < graph->state_count; i++) {
    struct graph_state state = graph->state[i];
    if (edit->unread[state.value])
      continue;
    state.value = keep_value(edit, rest, state.value, GRAPH_NONE, 0);
    rest->state[rest->state_count++] = state;
  }
}

/* A node under its new number; what it reads stands before it, and so is numbered. */
static bool keep_node(struct edit *edit, struct rest *rest, const struct graph_node *from) {
  int32_t *input = edit_keep(edit, from->input_count, sizeof *input);
  int32_t *output = edit_keep(edit, from->output_count, sizeof *output);
  if (input == NULL || output == NULL)
    return false;
  for (uint32_t i = 0; i < from->input_count; i++)
    input[i] = from->input[i] == GRAPH_NONE ? GRAPH_NONE : rest->number[from->input[i]];
  for (uint32_t i = 0; i < from->output_count; i++)
    output[i] = keep_value(edit, rest, from->output[i], (int32_t)rest->node_count, i);
  struct graph_node *node = &rest->node[rest->node_count++];
  *node = *from;
  node->entry = rest->place[from->entry];
  node->input = input;
  node->output = output;
  node->name = rest->value[output[0]].name;
  return true;
}

static bool keep_nodes(struct edit *edit, struct rest *rest) {
  const struct graph *graph = edit->graph;
  for (uint32_t e = 0; e < graph->entry_count; e++)
    for (uint32_t n = 0; n < graph->node_count; n++)
      if (!edit->dead[n] && edit->node[n].entry == (int32_t)e &&
          !keep_node(edit, rest, &edit->node[n]))
        return false;
  return true;
}

int edit_close(struct edit *edit, struct tfm_error *err) {
  struct graph *graph = edit->graph;
  struct rest rest;
  bool ok = make_rest(edit, &rest);
  if (ok) {
    place_inputs(edit, &rest);
    keep_entries(edit, &rest);
    keep_sources(edit, &rest);
    ok = keep_nodes(edit, &rest);
  }
  for (uint32_t i = 0; ok && i < graph->output_count; i++)
    rest.output[i] =
        (struct graph_output){graph->output[i].name, rest.number[graph->output[i].value]};
  arena_finish(&edit->scratch);
  if (!ok)
    return error_oom(err);
  graph->value = rest.value, graph->value_count = rest.value_count;
  graph->node = rest.node, graph->node_count = rest.node_count;
  graph->input = rest.input, graph->input_count = rest.input_count;
  graph->state = rest.state, graph->state_count = rest.state_count;
  graph->entry = rest.entry, graph->entry_count = rest.entry_count;
  graph->output = rest.output;
  return graph_link(graph, err);
}
