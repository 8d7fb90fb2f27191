/* text_parse.c - read back what graph_print wrote (the form is shown in text.c).
 *
 * One line, one thing; a name is a plain word or a JSON string.  Values may be
 * defined in any order; the number of % in the text bounds theirs.  What the
 * tables mean to each other is left to graph_verify. */
#include "graph/text_read.h"

#include "graph/weight.h"

#include <string.h>

enum { LIST_MAX = 4096, TAPS_MAX = 64 };

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
static int read_value(struct reader *r, int32_t index) {
  static const struct graph_value empty;
  const char **alias = NULL;
  uint32_t room = 0;
  while (r->build.count[BUILD_VALUE] <= (uint32_t)index)
    if (build_value(&r->build, &empty) == GRAPH_NONE)
      return -1;
  struct graph_value *value = &r->build.value[index];
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
  value->span = SPAN_NONE;
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

/* Where the line stands that a build refused. */
static int built(struct reader *r, int32_t index) {
  if (index != GRAPH_NONE)
    return 0;
  error_note(r->err, "at: %s:%u", r->name, r->line);
  return -1;
}

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
  int64_t bound = 0;
  const char *name = text_bare(r, "");
  if (name == NULL || (text_take(r, "<=") && text_integer(r, 1, INT64_MAX, &bound) != 0))
    return -1;
  return built(r, build_dim(&r->build, name, bound));
}

static int expect_entry(struct reader *r) {
  return r->now == GRAPH_NONE ? text_fail(r, "this stands in no entry") : 0;
}

/* GRAPH_WHEN_COUNT = the word is none. */
static enum graph_when find_when(const char *word) {
  enum graph_when when = 0;
  while (when < GRAPH_WHEN_COUNT && strcmp(graph_when_name(when), word) != 0)
    when++;
  return when;
}

/* Said where it is not that of the entry. */
static int read_input_when(struct reader *r, struct graph_input *input) {
  const char *word;
  input->when = r->build.entry[input->entry].when;
  if (text_line_ends(r))
    return 0;
  if ((word = text_bare(r, "")) == NULL)
    return -1;
  input->when = find_when(word);
  return input->when < GRAPH_WHEN_COUNT ? 0
                                        : text_fail(r, "an input that changes at an unknown time");
}

static int read_input_line(struct reader *r) {
  struct graph_input input = {.entry = r->now};
  if (expect_entry(r) != 0)
    return -1;
  if (read_value_index(r, &input.value) != 0 || (input.name = text_name(r)) == NULL ||
      text_expect(r, "=") != 0 || (input.source = text_name(r)) == NULL ||
      text_expect(r, ":") != 0 || read_value(r, input.value) != 0 ||
      read_span(r, &r->build.value[input.value].span) != 0 || read_input_when(r, &input) != 0)
    return -1;
  return built(r, build_input(&r->build, &input));
}

static int read_state_line(struct reader *r) {
  int32_t value;
  const char *name;
  if (read_value_index(r, &value) != 0 || (name = text_name(r)) == NULL ||
      text_expect(r, ":") != 0 || read_value(r, value) != 0 ||
      read_span(r, &r->build.value[value].span) != 0)
    return -1;
  return built(r, build_state(&r->build, name, value));
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

/* "1.0)" */
static int read_weight_number(struct reader *r, struct graph_weight *weight) {
  const tfm_attr *const *attr = NULL;
  uint32_t count = 0;
  if (text_attrs(r, ")", false, &attr, &count, 0) != 0)
    return -1;
  if (count != 1 || (attr[0]->kind != TFM_ATTR_INT && attr[0]->kind != TFM_ATTR_REAL))
    return text_fail(r, "a weight that is a number needs one");
  weight->number = attr[0]->real;
  return 0;
}

/* "transpose($a; 0, 0, 0)"; list is the caller's, of LIST_MAX */
static int read_view(struct reader *r, struct graph_weight *weight, int32_t *list) {
  const char *kind = text_bare(r, "");
  if (kind == NULL)
    return -1;
  weight->kind = weight_kind(kind);
  if (weight->kind == GRAPH_WEIGHT_KINDS || weight->kind == GRAPH_WEIGHT_TENSOR)
    return text_fail(r, "an unknown view of a weight");
  if (text_expect(r, "(") != 0)
    return -1;
  if (weight->kind == GRAPH_WEIGHT_NUMBER)
    return read_weight_number(r, weight);
  do {
    if (weight->operand_count == LIST_MAX)
      return text_fail(r, "a weight of too many operands");
    if (read_weight_ref(r, &list[weight->operand_count++]) != 0)
      return -1;
  } while (text_take(r, ","));
  weight->operand = list;
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
    if (weight->rank == TFM_MAX_RANK)
      return text_fail(r, "too many dimensions");
    if (text_integer(r, 0, INT64_MAX, &weight->shape[weight->rank++]) != 0)
      return -1;
  } while (text_take(r, ","));
  return text_expect(r, "]");
}

static int read_weight_line(struct reader *r) {
  struct graph_weight weight = {.used = true};
  int32_t list[LIST_MAX];
  if (text_expect(r, "$") != 0 || (weight.name = text_name(r)) == NULL ||
      text_expect(r, ":") != 0 || read_weight_shape(r, &weight) != 0 || text_expect(r, "=") != 0)
    return -1;
  text_skip(r);
  if (r->at < r->end && *r->at == '"') {
    if ((weight.tensor = text_string(r)) == NULL)
      return -1;
  } else if (read_view(r, &weight, list) != 0) {
    return -1;
  }
  weight.used = !text_take(r, "unused");
  struct map_entry *entry = map_insert_text(&r->weights, weight.name, NULL);
  if (entry == NULL)
    return error_oom(r->err);
  entry->value.number = r->build.count[BUILD_WEIGHT];
  return built(r, build_weight(&r->build, &weight));
}

static int read_output_line(struct reader *r) {
  int32_t value;
  const char *name = text_name(r);
  if (name == NULL || text_expect(r, "=") != 0 || read_value_index(r, &value) != 0)
    return -1;
  return built(r, build_output(&r->build, name, value));
}

/* The lists of the node that is read, before they are kept. */
struct lists {
  int32_t input[LIST_MAX], weight[LIST_MAX], output[LIST_MAX];
  const char *tap[TAPS_MAX];
};

/* After "op(": "%1, _; $w, _; eps: 1e-05)" */
static int read_operands(struct reader *r, struct graph_node *node, struct lists *lists) {
  text_skip(r);
  if (r->at < r->end && (*r->at == '%' || *r->at == '_')) {
    do {
      int32_t *slot = &lists->input[node->input_count++];
      *slot = GRAPH_NONE;
      if (node->input_count == LIST_MAX)
        return text_fail(r, "a node of too many inputs");
      if (!text_take(r, "_") && read_value_index(r, slot) != 0)
        return -1;
    } while (text_take(r, ","));
  }
  if (text_take(r, ";")) {
    text_skip(r);
    if (r->at < r->end && (*r->at == '$' || *r->at == '_')) {
      do {
        if (node->weight_count == LIST_MAX)
          return text_fail(r, "a node of too many weights");
        if (read_weight_ref(r, &lists->weight[node->weight_count++]) != 0)
          return -1;
      } while (text_take(r, ","));
    }
    if (text_take(r, ";"))
      return text_attrs(r, ")", true, &node->attr, &node->attr_count, 0);
  }
  return text_expect(r, ")");
}

static int read_taps(struct reader *r, struct graph_node *node, struct lists *lists) {
  do {
    if (node->tap_count == TAPS_MAX)
      return text_fail(r, "a node of too many taps");
    if ((lists->tap[node->tap_count] = text_name(r)) == NULL)
      return -1;
    if (text_take(r, "!"))
      node->taps |= UINT64_C(1) << node->tap_count;
    node->tap_count++;
  } while (text_take(r, ","));
  return text_expect(r, ")");
}

static int read_node_tail(struct reader *r, struct graph_node *node, struct lists *lists) {
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
  node->view = text_take(r, "view");
  node->mixes = text_take(r, "mixes");
  return text_take(r, "taps(") ? read_taps(r, node, lists) : 0;
}

static int read_outputs(struct reader *r, struct graph_node *node, struct lists *lists) {
  do {
    if (node->output_count == LIST_MAX)
      return text_fail(r, "a node of too many outputs");
    if (read_value_index(r, &lists->output[node->output_count++]) != 0)
      return -1;
  } while (text_take(r, ","));
  return text_expect(r, "=");
}

/* "%4, %5 = op(...) : type @name, type @name !0:1-2 layer 0" */
static int read_node_line(struct reader *r) {
  struct lists lists;
  struct graph_node node = {.op_version = 1,
                            .entry = r->now,
                            .layer = GRAPH_NONE,
                            .input = lists.input,
                            .weight = lists.weight,
                            .output = lists.output,
                            .tap = lists.tap};
  if (expect_entry(r) != 0 || read_outputs(r, &node, &lists) != 0 ||
      (node.op = text_bare(r, "_.")) == NULL || text_expect(r, "(") != 0 ||
      read_operands(r, &node, &lists) != 0)
    return -1;
  for (uint32_t i = 0; i < node.output_count; i++)
    if (text_expect(r, i == 0 ? ":" : ",") != 0 || read_value(r, lists.output[i]) != 0)
      return -1;
  if (read_node_tail(r, &node, &lists) != 0)
    return -1;
  for (uint32_t i = 0; i < node.output_count; i++)
    r->build.value[lists.output[i]].span = node.span;
  return built(r, build_node(&r->build, &node));
}

static int32_t find_entry(const struct reader *r, const char *name) {
  for (uint32_t i = 0; i < r->build.count[BUILD_ENTRY]; i++)
    if (strcmp(r->build.entry[i].name, name) == 0)
      return (int32_t)i;
  return GRAPH_NONE;
}

static int read_entry_line(struct reader *r) {
  const char *name = text_name(r), *word = name == NULL ? NULL : text_bare(r, "");
  if (word == NULL)
    return -1;
  enum graph_when when = find_when(word);
  if (find_entry(r, name) != GRAPH_NONE)
    return text_fail(r, "an entry that there is already");
  if (when == GRAPH_WHEN_COUNT)
    return text_fail(r, "an entry that runs at an unknown time");
  return built(r, build_entry(&r->build, name, when));
}

/* The name of the entry that what follows belongs to. */
static int read_entry_name(struct reader *r) {
  const char *name = text_name(r);
  if (name == NULL)
    return -1;
  r->now = find_entry(r, name);
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
  for (uint32_t i = 0; i < r->build.count[BUILD_VALUE]; i++)
    if (r->build.value[i].name == NULL)
      return error_set(r->err, TFM_ERROR_MODEL, "%s: value %%%u is not defined", r->name, i);
  return 0;
}

static uint32_t count_values(const struct reader *r) {
  uint32_t values = 0;
  for (const char *c = r->at; c < r->end && values < INT32_MAX; c++)
    values += *c == '%';
  return values;
}

struct graph *graph_parse(const char *name, const char *text, size_t size, struct tfm_error *err) {
  struct reader r = {
      .name = name, .at = text, .end = text + size, .line = 1, .err = err, .now = GRAPH_NONE};
  r.graph = graph_create(err);
  if (r.graph == NULL)
    return NULL;
  map_init(&r.weights);
  build_open(&r.build, r.graph, err);
  r.value_room = count_values(&r);
  int status = read_lines(&r) == 0 ? build_finish(&r.build) : -1;
  build_drop(&r.build);
  map_finish(&r.weights);
  if (status != 0) {
    graph_destroy(r.graph);
    return NULL;
  }
  return r.graph;
}
