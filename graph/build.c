/* build.c - tables that grow until the graph is whole. */
#include "graph/build.h"

#include "graph/attr.h"

#include <string.h>

enum { FIRST_ROOM = 16 };

void build_open(struct build *build, struct graph *graph, struct tfm_error *err) {
  *build = (struct build){.graph = graph, .err = err};
  arena_init(&build->scratch, graph->arena.limit);
}

bool build_expect(struct build *build, uint32_t values, uint32_t nodes) {
  struct arena *arena = &build->graph->arena;
  build->value = arena_array(arena, values, sizeof *build->value);
  build->node = arena_array(arena, nodes, sizeof *build->node);
  build->room[BUILD_VALUE] = values, build->kept[BUILD_VALUE] = true;
  build->room[BUILD_NODE] = nodes, build->kept[BUILD_NODE] = true;
  if (build->value != NULL && build->node != NULL)
    return true;
  error_oom(build->err);
  return false;
}

void build_drop(struct build *build) {
  arena_finish(&build->scratch);
}

/* ---------------------------------------------------------------------- memory */

/* The table, with room for one line more; NULL = err is set. */
static void *more(struct build *build, enum build_table table, void *lines, size_t size) {
  uint32_t count = build->count[table], room = count == 0 ? FIRST_ROOM : count * 2;
  if (count < build->room[table])
    return lines;
  if (count > INT32_MAX / 2) { /* an index is an int32_t */
    error_set(build->err, TFM_ERROR_LIMIT, "graph: more than %u lines in a table", count);
    return NULL;
  }
  void *grown = arena_array(&build->scratch, room, size);
  if (grown == NULL) {
    error_oom(build->err);
    return NULL;
  }
  if (count > 0)
    memcpy(grown, lines, count * size);
  build->room[table] = room;
  build->kept[table] = false;
  return grown;
}

/* The finished table, in the graph's memory. */
static void *fit(struct build *build, enum build_table table, void *lines, size_t size) {
  if (build->kept[table])
    return lines;
  void *kept = arena_array(&build->graph->arena, build->count[table], size);
  if (kept != NULL && build->count[table] > 0)
    memcpy(kept, lines, build->count[table] * size);
  return kept;
}

static bool keep_indices(struct build *build, const int32_t **list, uint32_t count) {
  int32_t *kept = arena_array(&build->graph->arena, count, sizeof *kept);
  if (kept == NULL) {
    error_oom(build->err);
    return false;
  }
  if (count > 0)
    memcpy(kept, *list, count * sizeof *kept);
  *list = kept;
  return true;
}

static bool keep_texts(struct build *build, const char *const **list, uint32_t count) {
  const char **kept = arena_array(&build->graph->arena, count, sizeof *kept);
  if (kept == NULL) {
    error_oom(build->err);
    return false;
  }
  for (uint32_t i = 0; i < count; i++)
    kept[i] = (*list)[i];
  *list = kept;
  return true;
}

const char *build_text(struct build *build, const char *text) {
  const char *copy = text == NULL ? NULL : arena_strdup(&build->graph->arena, text);
  if (text != NULL && copy == NULL)
    error_oom(build->err);
  return copy;
}

const tfm_attr *const *build_attrs(struct build *build, const tfm_attr *const *from,
                                   uint32_t count) {
  const tfm_attr *const *list = NULL;
  tfm_attr *attr = attr_alloc(&build->graph->arena, count, &list);
  if (attr == NULL)
    error_oom(build->err);
  for (uint32_t i = 0; attr != NULL && i < count; i++) {
    attr[i] = *from[i];
    attr[i].name = build_text(build, from[i]->name);
    attr[i].text = build_text(build, from[i]->text);
    attr[i].item = from[i]->count == 0 ? NULL : build_attrs(build, from[i]->item, from[i]->count);
  }
  return arena_failed(&build->graph->arena) ? NULL : list;
}

/* ----------------------------------------------------------------------- lines */

int32_t build_dim(struct build *build, const char *name, int64_t bound) {
  if (build->count[BUILD_DIM] == DIM_VARIABLES) {
    error_set(build->err, TFM_ERROR_MODEL, "graph: more than %d run-time dimensions",
              DIM_VARIABLES);
    return GRAPH_NONE;
  }
  struct graph_dim *dim = more(build, BUILD_DIM, build->dim, sizeof *dim);
  if (dim == NULL)
    return GRAPH_NONE;
  build->dim = dim;
  dim[build->count[BUILD_DIM]] = (struct graph_dim){name, bound};
  return (int32_t)build->count[BUILD_DIM]++;
}

int32_t build_entry(struct build *build, const char *name, enum graph_when when) {
  struct graph_entry *entry = more(build, BUILD_ENTRY, build->entry, sizeof *entry);
  if (entry == NULL)
    return GRAPH_NONE;
  build->entry = entry;
  entry[build->count[BUILD_ENTRY]] = (struct graph_entry){.name = name, .when = when};
  return (int32_t)build->count[BUILD_ENTRY]++;
}

int32_t build_value(struct build *build, const struct graph_value *value) {
  struct graph_value *table = more(build, BUILD_VALUE, build->value, sizeof *table);
  if (table == NULL)
    return GRAPH_NONE;
  build->value = table;
  struct graph_value *added = &table[build->count[BUILD_VALUE]];
  *added = *value;
  added->node = GRAPH_NONE;
  added->output = 0;
  if (!keep_texts(build, &added->alias, added->alias_count))
    return GRAPH_NONE;
  return (int32_t)build->count[BUILD_VALUE]++;
}

static bool is_value(struct build *build, int32_t value, const char *who) {
  if (value >= 0 && (uint32_t)value < build->count[BUILD_VALUE])
    return true;
  error_set(build->err, TFM_ERROR_MODEL, "graph: `%s` has a value that does not exist", who);
  return false;
}

int32_t build_input(struct build *build, const struct graph_input *input) {
  if (!is_value(build, input->value, input->name))
    return GRAPH_NONE;
  struct graph_input *table = more(build, BUILD_INPUT, build->input, sizeof *table);
  if (table == NULL)
    return GRAPH_NONE;
  build->input = table;
  table[build->count[BUILD_INPUT]] = *input;
  return (int32_t)build->count[BUILD_INPUT]++;
}

int32_t build_state(struct build *build, const char *name, int32_t value) {
  if (!is_value(build, value, name))
    return GRAPH_NONE;
  struct graph_state *table = more(build, BUILD_STATE, build->state, sizeof *table);
  if (table == NULL)
    return GRAPH_NONE;
  build->state = table;
  table[build->count[BUILD_STATE]] = (struct graph_state){name, value};
  return (int32_t)build->count[BUILD_STATE]++;
}

int32_t build_weight(struct build *build, const struct graph_weight *weight) {
  struct graph_weight *table = more(build, BUILD_WEIGHT, build->weight, sizeof *table);
  if (table == NULL)
    return GRAPH_NONE;
  build->weight = table;
  struct graph_weight *added = &table[build->count[BUILD_WEIGHT]];
  *added = *weight;
  if (!keep_indices(build, &added->operand, added->operand_count))
    return GRAPH_NONE;
  return (int32_t)build->count[BUILD_WEIGHT]++;
}

/* Values that nothing makes yet become those of the node. */
static bool make_outputs(struct build *build, struct graph_node *node, int32_t index) {
  for (uint32_t i = 0; i < node->output_count; i++) {
    if (!is_value(build, node->output[i], node->op))
      return false;
    struct graph_value *value = &build->value[node->output[i]];
    if (value->node != GRAPH_NONE) {
      error_set(build->err, TFM_ERROR_MODEL, "graph: value `%s` comes from two places",
                value->name);
      return false;
    }
    value->node = index;
    value->output = i;
  }
  if (node->output_count > 0)
    node->name = build->value[node->output[0]].name;
  return true;
}

int32_t build_node(struct build *build, const struct graph_node *node) {
  struct graph_node *table = more(build, BUILD_NODE, build->node, sizeof *table);
  if (table == NULL)
    return GRAPH_NONE;
  build->node = table;
  struct graph_node *added = &table[build->count[BUILD_NODE]];
  *added = *node;
  if (!keep_indices(build, &added->input, added->input_count) ||
      !keep_indices(build, &added->weight, added->weight_count) ||
      !keep_indices(build, &added->output, added->output_count) ||
      !keep_texts(build, &added->tap, added->tap_count) ||
      !make_outputs(build, added, (int32_t)build->count[BUILD_NODE]))
    return GRAPH_NONE;
  return (int32_t)build->count[BUILD_NODE]++;
}

int32_t build_output(struct build *build, const char *name, int32_t value) {
  struct graph_output *table = more(build, BUILD_OUTPUT, build->output, sizeof *table);
  if (table == NULL)
    return GRAPH_NONE;
  build->output = table;
  table[build->count[BUILD_OUTPUT]] = (struct graph_output){name, value};
  return (int32_t)build->count[BUILD_OUTPUT]++;
}

/* ------------------------------------------------------------------- the graph */

int build_finish(struct build *build) {
  struct graph *graph = build->graph;
  struct graph rest = {.dim = fit(build, BUILD_DIM, build->dim, sizeof *build->dim),
                       .entry = fit(build, BUILD_ENTRY, build->entry, sizeof *build->entry),
                       .value = fit(build, BUILD_VALUE, build->value, sizeof *build->value),
                       .input = fit(build, BUILD_INPUT, build->input, sizeof *build->input),
                       .state = fit(build, BUILD_STATE, build->state, sizeof *build->state),
                       .weight = fit(build, BUILD_WEIGHT, build->weight, sizeof *build->weight),
                       .node = fit(build, BUILD_NODE, build->node, sizeof *build->node),
                       .output = fit(build, BUILD_OUTPUT, build->output, sizeof *build->output)};
  build_drop(build);
  if (arena_failed(&graph->arena))
    return error_oom(build->err);
  graph->dim = rest.dim, graph->dim_count = build->count[BUILD_DIM];
  graph->entry = rest.entry, graph->entry_count = build->count[BUILD_ENTRY];
  graph->value = rest.value, graph->value_count = build->count[BUILD_VALUE];
  graph->input = rest.input, graph->input_count = build->count[BUILD_INPUT];
  graph->state = rest.state, graph->state_count = build->count[BUILD_STATE];
  graph->weight = rest.weight, graph->weight_count = build->count[BUILD_WEIGHT];
  graph->node = rest.node, graph->node_count = build->count[BUILD_NODE];
  graph->output = rest.output, graph->output_count = build->count[BUILD_OUTPUT];
  return graph_link(graph, build->err);
}
