/* text_parse.c - read back what graph_print wrote (the form is shown in text.c).
 *
 * One line, one thing; a name is a plain word or a JSON string.  The number of
 * lines and of % bounds every table, so they are made once, up front.  What
 * the tables mean to each other is left to graph_verify. */
#include "graph/text_read.h"

#include <string.h>

enum { LIST_MAX = 4096 };

/* ------------------------------------------------------------------ values */

static int read_value_index(struct reader *r, int32_t *out) {
  int64_t index;
  if (text_expect(r, "%") != 0 || text_integer(r, 0, (int64_t)r->value_room - 1, &index) != 0)
    return -1;
  *out = (int32_t)index;
  return 0;
}

/* Room for twice as many; what was there is left to the arena. */
static bool more_names(struct reader *r, const char ***list, uint32_t *room) {
  uint32_t grown = *room == 0 ? 4 : *room * 2;
  const char **names = arena_array(&r->graph->arena, grown, sizeof *names);
  if (names == NULL) {
    error_oom(r->err);
    return false;
  }
  if (*room > 0)
    memcpy(names, *list, *room * sizeof *names);
  *list = names;
  *room = grown;
  return true;
}

/* ": type @name | alias !" of a value that is defined here. */
static int read_value(struct reader *r, int32_t index, int32_t node, uint32_t output) {
  struct graph_value *value = &r->graph->value[index];
  const char **alias = NULL;
  uint32_t room = 0;
  if (value->name != NULL)
    return text_fail(r, "a value that is defined already");
  if (text_type(r, &value->type) != 0 || text_expect(r, "@") != 0 ||
      (value->name = text_name(r)) == NULL)
    return -1;
  while (text_take(r, "|")) {
    if (value->alias_count == room && !more_names(r, &alias, &room))
      return -1;
    if ((alias[value->alias_count++] = text_name(r)) == NULL)
      return -1;
  }
  value->alias = alias;
  text_skip(r);
  /* "!" alone; "!0:5-9" is a span */
  if (r->at < r->end && *r->at == '!' &&
      (r->at + 1 == r->end || r->at[1] < '0' || r->at[1] > '9')) {
    r->at++;
    value->dump = true;
  }
  value->node = node;
  value->output = output;
  value->span = SPAN_NONE;
  if ((uint32_t)index >= r->graph->value_count)
    r->graph->value_count = (uint32_t)index + 1;
  return 0;
}

static int read_span(struct reader *r, struct span *out) {
  *out = SPAN_NONE;
  if (!text_take(r, "!"))
    return 0;
  if (text_u32(r, &out->source) != 0 || text_expect(r, ":") != 0 || text_u32(r, &out->begin) != 0 ||
      text_expect(r, "-") != 0)
    return -1;
  return text_u32(r, &out->end);
}

/* -------------------------------------------------------------- statements */

static int read_graph_line(struct reader *r) {
  struct graph *g = r->graph;
  if ((g->model = text_name(r)) == NULL)
    return -1;
  if (!text_take(r, ":"))
    return 0;
  const char *task = text_bare(r, "");
  if (task == NULL || (g->head = text_name(r)) == NULL)
    return -1;
  g->task = graph_task_from_name(task);
  if (g->task == GRAPH_TASK_NONE && strcmp(task, "none") != 0)
    return text_fail(r, "an unknown task");
  return text_take(r, "(") ? text_attrs(r, ")", true, &g->task_attr, &g->task_attr_count, 0) : 0;
}

static int read_dim_line(struct reader *r) {
  struct graph_dim *dim = &r->dim[r->graph->dim_count];
  if (r->graph->dim_count == DIM_VARIABLES)
    return text_fail(r, "too many run-time dimensions");
  if ((dim->name = text_bare(r, "")) == NULL)
    return -1;
  r->graph->dim_count++;
  return text_take(r, "<=") ? text_integer(r, 1, INT64_MAX, &dim->bound) : 0;
}

static int expect_entry(struct reader *r) {
  return r->now == GRAPH_NONE ? text_fail(r, "this stands in no entry") : 0;
}

static int read_input_line(struct reader *r) {
  struct graph_input *input = &r->input[r->graph->input_count];
  if (expect_entry(r) != 0)
    return -1;
  if (read_value_index(r, &input->value) != 0 || (input->name = text_name(r)) == NULL ||
      text_expect(r, "=") != 0 || (input->source = text_name(r)) == NULL ||
      text_expect(r, ":") != 0 || read_value(r, input->value, GRAPH_NONE, 0) != 0)
    return -1;
  input->entry = r->now;
  r->graph->input_count++;
  return read_span(r, &r->graph->value[input->value].span);
}

static int read_state_line(struct reader *r) {
  struct graph_state *state = &r->state[r->graph->state_count];
  if (read_value_index(r, &state->value) != 0 || (state->name = text_name(r)) == NULL ||
      text_expect(r, ":") != 0 || read_value(r, state->value, GRAPH_NONE, 0) != 0)
    return -1;
  state->width = r->graph->value[state->value].type.shape[0];
  r->graph->state_count++;
  return read_span(r, &r->graph->value[state->value].span);
}

static int read_weight_ref(struct reader *r, int32_t *out) {
  *out = GRAPH_NONE;
  if (text_take(r, "_"))
    return 0;
  if (text_expect(r, "$") != 0)
    return -1;
  const char *name = text_name(r);
  if (name == NULL)
    return -1;
  const struct map_entry *entry = map_find_text(&r->weights, name);
  if (entry == NULL)
    return text_fail(r, "an unknown weight");
  *out = (int32_t)entry->value.number;
  return 0;
}

/* "transpose($a; 0, 0, 0)" */
static int read_view(struct reader *r, struct graph_weight *weight) {
  static const char *const kinds[] = {"", "transpose", "split", "concat", "stack", "reshape"};
  const char *kind = text_bare(r, "");
  if (kind == NULL)
    return -1;
  uint32_t k = 1;
  while (k <= GRAPH_WEIGHT_RESHAPE && strcmp(kinds[k], kind) != 0)
    k++;
  if (k > GRAPH_WEIGHT_RESHAPE)
    return text_fail(r, "an unknown view of a weight");
  weight->kind = (enum graph_weight_kind)k;
  if (text_expect(r, "(") != 0)
    return -1;
  int32_t list[LIST_MAX];
  do {
    if (weight->operand_count == LIST_MAX)
      return text_fail(r, "a weight of too many operands");
    if (read_weight_ref(r, &list[weight->operand_count++]) != 0)
      return -1;
  } while (text_take(r, ","));
  int32_t *kept = arena_array(&r->graph->arena, weight->operand_count, sizeof *kept);
  if (kept == NULL)
    return error_oom(r->err);
  memcpy(kept, list, weight->operand_count * sizeof *kept);
  weight->operand = kept;
  int64_t number[3];
  for (int i = 0; i < 3; i++)
    if (text_expect(r, i == 0 ? ";" : ",") != 0 ||
        text_integer(r, INT32_MIN, INT32_MAX, &number[i]) != 0)
      return -1;
  weight->axis = (int32_t)number[0];
  weight->parts = (int32_t)number[1];
  weight->index = (int32_t)number[2];
  return text_expect(r, ")");
}

static int read_weight_shape(struct reader *r, struct graph_weight *weight) {
  if (text_dtype(r, &weight->dtype) != 0 || text_expect(r, "[") != 0)
    return -1;
  if (text_take(r, "]"))
    return 0;
  do {
    if (weight->rank == GRAPH_MAX_RANK)
      return text_fail(r, "too many dimensions");
    if (text_integer(r, 0, INT64_MAX, &weight->shape[weight->rank++]) != 0)
      return -1;
  } while (text_take(r, ","));
  return text_expect(r, "]");
}

static int read_weight_line(struct reader *r) {
  struct graph_weight *weight = &r->weight[r->graph->weight_count];
  if (text_expect(r, "$") != 0 || (weight->name = text_name(r)) == NULL ||
      text_expect(r, ":") != 0 || read_weight_shape(r, weight) != 0 || text_expect(r, "=") != 0)
    return -1;
  text_skip(r);
  if (r->at < r->end && *r->at == '"') {
    if ((weight->tensor = text_string(r)) == NULL)
      return -1;
  } else if (read_view(r, weight) != 0) {
    return -1;
  }
  weight->used = !text_take(r, "unused");
  struct map_entry *entry = map_insert_text(&r->weights, weight->name, NULL);
  if (entry == NULL)
    return error_oom(r->err);
  entry->value.number = r->graph->weight_count++;
  return 0;
}

static int read_output_line(struct reader *r) {
  struct graph_output *output = &r->output[r->graph->output_count];
  if ((output->name = text_name(r)) == NULL || text_expect(r, "=") != 0 ||
      read_value_index(r, &output->value) != 0)
    return -1;
  r->graph->output_count++;
  return 0;
}

static int keep_indices(struct reader *r, const int32_t *list, uint32_t count,
                        const int32_t **out) {
  int32_t *kept = arena_array(&r->graph->arena, count, sizeof *kept);
  if (kept == NULL)
    return error_oom(r->err);
  if (count > 0)
    memcpy(kept, list, count * sizeof *kept);
  *out = kept;
  return 0;
}

/* After "op(": "%1, _; $w, _; eps: 1e-05)" */
static int read_operands(struct reader *r, struct graph_node *node) {
  int32_t list[LIST_MAX];
  text_skip(r);
  if (r->at < r->end && (*r->at == '%' || *r->at == '_')) {
    do {
      int32_t *slot = &list[node->input_count++];
      *slot = GRAPH_NONE;
      if (node->input_count == LIST_MAX)
        return text_fail(r, "a node of too many inputs");
      if (!text_take(r, "_") && read_value_index(r, slot) != 0)
        return -1;
    } while (text_take(r, ","));
  }
  if (keep_indices(r, list, node->input_count, &node->input) != 0)
    return -1;
  if (text_take(r, ";")) {
    text_skip(r);
    if (r->at < r->end && (*r->at == '$' || *r->at == '_')) {
      do {
        if (node->weight_count == LIST_MAX)
          return text_fail(r, "a node of too many weights");
        if (read_weight_ref(r, &list[node->weight_count++]) != 0)
          return -1;
      } while (text_take(r, ","));
    }
    if (keep_indices(r, list, node->weight_count, &node->weight) != 0)
      return -1;
    if (text_take(r, ";"))
      return text_attrs(r, ")", true, &node->attr, &node->attr_count, 0);
  }
  return text_expect(r, ")");
}

static int read_taps(struct reader *r, struct graph_node *node) {
  const char *list[64];
  do {
    if (node->tap_count == 64)
      return text_fail(r, "a node of too many taps");
    if ((list[node->tap_count] = text_name(r)) == NULL)
      return -1;
    if (text_take(r, "!"))
      node->taps |= UINT64_C(1) << node->tap_count;
    node->tap_count++;
  } while (text_take(r, ","));
  const char **kept = arena_array(&r->graph->arena, node->tap_count, sizeof *kept);
  if (kept == NULL)
    return error_oom(r->err);
  memcpy(kept, list, node->tap_count * sizeof *kept);
  node->tap = kept;
  return text_expect(r, ")");
}

static int read_node_tail(struct reader *r, struct graph_node *node) {
  int64_t layer;
  if (read_span(r, &node->span) != 0)
    return -1;
  if (text_take(r, "layer ")) {
    if (text_integer(r, 0, INT32_MAX, &layer) != 0)
      return -1;
    node->layer = (int32_t)layer;
  }
  if (text_take(r, "version ") && text_u32(r, &node->op_version) != 0)
    return -1;
  node->holds_inputs = text_take(r, "holds");
  node->mixes = text_take(r, "mixes");
  return text_take(r, "taps(") ? read_taps(r, node) : 0;
}

/* "%4, %5 = op(...) : type @name, type @name !0:1-2 layer 0" */
static int read_node_line(struct reader *r) {
  struct graph_node *node = &r->node[r->graph->node_count];
  int32_t list[LIST_MAX];
  node->entry = r->now;
  node->layer = GRAPH_NONE;
  node->op_version = 1;
  if (expect_entry(r) != 0)
    return -1;
  do {
    if (node->output_count == LIST_MAX)
      return text_fail(r, "a node of too many outputs");
    if (read_value_index(r, &list[node->output_count++]) != 0)
      return -1;
  } while (text_take(r, ","));
  if (keep_indices(r, list, node->output_count, &node->output) != 0 || text_expect(r, "=") != 0 ||
      (node->op = text_bare(r, "_.")) == NULL || text_expect(r, "(") != 0 ||
      read_operands(r, node) != 0)
    return -1;
  for (uint32_t i = 0; i < node->output_count; i++)
    if (text_expect(r, i == 0 ? ":" : ",") != 0 ||
        read_value(r, node->output[i], (int32_t)r->graph->node_count, i) != 0)
      return -1;
  node->name = r->graph->value[node->output[0]].name;
  if (read_node_tail(r, node) != 0)
    return -1;
  for (uint32_t i = 0; i < node->output_count; i++)
    r->graph->value[node->output[i]].span = node->span;
  r->graph->node_count++;
  return 0;
}

static int read_entry_line(struct reader *r) {
  struct graph_entry *entry = &r->entry[r->graph->entry_count];
  const char *name = text_name(r), *when = name == NULL ? NULL : text_bare(r, "");
  if (when == NULL)
    return -1;
  if (graph_find_entry(r->graph, name) != GRAPH_NONE)
    return text_fail(r, "an entry that there is already");
  entry->name = name;
  while (entry->when < GRAPH_WHEN_COUNT && strcmp(graph_when_name(entry->when), when) != 0)
    entry->when++;
  if (entry->when == GRAPH_WHEN_COUNT)
    return text_fail(r, "an entry that runs at an unknown time");
  r->graph->entry_count++;
  return 0;
}

/* The name of the entry that what follows belongs to. */
static int read_entry_name(struct reader *r) {
  const char *name = text_name(r);
  if (name == NULL)
    return -1;
  r->now = graph_find_entry(r->graph, name);
  return r->now == GRAPH_NONE ? text_fail(r, "an unknown entry") : 0;
}

static int read_line(struct reader *r) {
  static const struct {
    const char *word;
    int (*read)(struct reader *r);
  } lines[] = {{"graph ", read_graph_line},   {"dim ", read_dim_line},
               {"input ", read_input_line},   {"state ", read_state_line},
               {"weight ", read_weight_line}, {"output ", read_output_line},
               {"entry ", read_entry_line}};
  for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++)
    if (text_take(r, lines[i].word))
      return lines[i].read(r);
  text_skip(r);
  return *r->at == '%' ? read_node_line(r) : read_entry_name(r);
}

static int read_lines(struct reader *r) {
  while (r->at < r->end) {
    if (!text_line_ends(r) && read_line(r) != 0)
      return -1;
    if (!text_line_ends(r))
      return text_fail(r, "something is left over at the end of the line");
    if (r->at < r->end)
      r->at++;
    r->line++;
  }
  for (uint32_t i = 0; i < r->graph->value_count; i++)
    if (r->graph->value[i].name == NULL)
      return error_set(r->err, TFM_ERROR_MODEL, "%s: value %%%u is not defined", r->name, i);
  return 0;
}

static int make_tables(struct reader *r) {
  struct arena *arena = &r->graph->arena;
  size_t lines = 1, values = 0;
  for (const char *c = r->at; c < r->end; c++) {
    lines += *c == '\n';
    values += *c == '%';
  }
  r->value_room = values < INT32_MAX ? (uint32_t)values : INT32_MAX;
  r->graph->value = arena_array(arena, values, sizeof *r->graph->value);
  r->graph->entry = r->entry = arena_array(arena, lines, sizeof *r->entry);
  r->graph->dim = r->dim = arena_array(arena, DIM_VARIABLES, sizeof *r->dim);
  r->graph->input = r->input = arena_array(arena, lines, sizeof *r->input);
  r->graph->weight = r->weight = arena_array(arena, lines, sizeof *r->weight);
  r->graph->state = r->state = arena_array(arena, lines, sizeof *r->state);
  r->graph->node = r->node = arena_array(arena, lines, sizeof *r->node);
  r->graph->output = r->output = arena_array(arena, lines, sizeof *r->output);
  return arena_failed(arena) ? error_oom(r->err) : 0;
}

struct graph *graph_parse(const char *name, const char *text, size_t size, struct tfm_error *err) {
  struct reader r = {
      .name = name, .at = text, .end = text + size, .line = 1, .err = err, .now = GRAPH_NONE};
  r.graph = graph_create(err);
  if (r.graph == NULL)
    return NULL;
  map_init(&r.weights);
  int status = make_tables(&r) != 0 || read_lines(&r) != 0 ? -1 : graph_link(r.graph, err);
  map_finish(&r.weights);
  if (status != 0) {
    graph_destroy(r.graph);
    return NULL;
  }
  return r.graph;
}
