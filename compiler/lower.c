/* lower.c - what is computed, and once a request or once a step.
 *
 * Live is what the head's results, the dumped values and taps need; a fed
 * value needs nothing.  With both graphs, a node of decode that depends on
 * nothing of a step (generated.* and the state) moves to encode: so the keys
 * and values of a cross-attention are computed once. */
#include "compiler/lower.h"

#include "compiler/ir.h"
#include "compiler/naming.h"
#include "compiler/report.h"
#include "compiler/tensor.h"
#include "compiler/tokens.h"
#include "graph/build.h"
#include "graph/source.h"

#include <stdio.h>
#include <string.h>

/* ------------------------------------------------------------------ fed, dumped */

static int unknown_value(struct compiler *c, const char *name, const char *flag) {
  const char *nearest = naming_nearest(c, name);
  error_set(c->err, TFM_ERROR_USAGE, "%s: the graph has no value `%s`", flag, name);
  if (nearest != NULL)
    error_note(c->err, "help: a value with a similar name exists: `%s`", nearest);
  error_note(c->err, "help: tfmc --emit=graph lists the names");
  return -1;
}

/* A value's other outputs may still be computed: then what is fed is another
 * value than what the node makes. */
static void detach(struct compiler *c, int32_t fed) {
  int32_t node = c->value[fed].node;
  if (node == GRAPH_NONE)
    return;
  struct ir_value made = c->value[fed];
  made.alias = NULL;
  made.dump = false;
  made.name = naming_take(c, compiler_printf(c, "%s#computed", made.name));
  int32_t value = made.name == NULL ? GRAPH_NONE : ir_add_value(c, &made);
  if (value == GRAPH_NONE)
    return;
  c->node[node].output[made.output] = value;
  c->value[fed].node = GRAPH_NONE;
}

/* Does it change with each step?  Where nothing is generated, one text goes
 * into both graphs, and it is that which grows. */
static bool source_of_step(const struct compiler *c, const char *source) {
  return !c->two_texts || source_of(source, GRAPH_SIDE_WRITTEN);
}

static int feed_one(struct compiler *c, const char *name) {
  int32_t value = naming_find(c, name);
  if (value == GRAPH_NONE)
    return unknown_value(c, name, "feed");
  struct ir_value *fed = &c->value[value];
  if (!dtype_is_tensor(fed->type.dtype))
    return error_set(c->err, TFM_ERROR_USAGE, "feed: `%s` is a %s, and no tensor", name,
                     dtype_name(fed->type.dtype));
  if (fed->node != GRAPH_NONE)
    fed->fed_when = c->node[fed->node].when;
  else if (fed->source != NULL)
    fed->fed_when = !c->both_graphs || source_of_step(c, fed->source) ? c->when : GRAPH_ONCE;
  detach(c, value);
  c->value[value].fed = true;
  c->value[value].source = source_info(GRAPH_SOURCE_FEED)->name[GRAPH_SIDE_CALLER];
  return c->stop ? -1 : 0;
}

static bool dump_tap(struct compiler *c, const char *name) {
  const char *dot = strrchr(name, '.');
  const char *stem = dot == NULL ? NULL : compiler_printf(c, "%.*s", (int)(dot - name), name);
  int32_t value = stem == NULL ? GRAPH_NONE : naming_find(c, stem);
  if (value == GRAPH_NONE || c->value[value].node == GRAPH_NONE)
    return false;
  struct ir_node *node = &c->node[c->value[value].node];
  int32_t tap = schema_find_tap(node->op->schema, dot + 1);
  if (tap == SCHEMA_NONE)
    return false;
  node->taps |= UINT64_C(1) << tap;
  return true;
}

static int find_feeds_and_dumps(struct compiler *c) {
  for (size_t i = 0; i < c->options->feed_count; i++)
    if (feed_one(c, c->options->feed[i]) != 0)
      return -1;
  for (size_t i = 0; i < c->options->dump_count; i++) {
    const char *name = c->options->dump[i];
    int32_t value = naming_find(c, name);
    if (value != GRAPH_NONE && dtype_is_tensor(c->value[value].type.dtype))
      c->value[value].dump = true;
    else if (value != GRAPH_NONE)
      return error_set(c->err, TFM_ERROR_USAGE, "dump: `%s` is a %s, and no tensor", name,
                       dtype_name(c->value[value].type.dtype));
    else if (!dump_tap(c, name))
      return unknown_value(c, name, "dump");
  }
  return 0;
}

/* -------------------------------------------------------------------------- live */

static void mark_live(struct compiler *c, const struct model *model) {
  for (uint32_t i = 0; i < model->results.count; i++)
    if (model->results.item[i].value.kind == VALUE_TENSOR)
      c->value[model->results.item[i].value.tensor].live = true;
  for (uint32_t i = 0; i < c->value_count; i++)
    c->value[i].live = c->value[i].live || c->value[i].dump;
  for (uint32_t i = c->node_count; i-- > 0;) {
    struct ir_node *node = &c->node[i];
    node->live = node->taps != 0;
    for (uint32_t k = 0; k < node->output_count; k++)
      node->live = node->live || c->value[node->output[k]].live;
    if (!node->live)
      continue;
    for (uint32_t k = 0; k < node->output_count; k++)
      c->value[node->output[k]].live = true;
    for (uint32_t k = 0; k < node->input_count; k++)
      if (node->input[k] != GRAPH_NONE)
        c->value[node->input[k]].live = true;
    for (uint32_t k = 0; k < node->weight_count; k++)
      tensor_mark_live(c, node->weight[k]);
  }
}

/* -------------------------------------------------------------------------- when */

static bool of_step(const struct compiler *c, const struct ir_value *value) {
  if (value->state)
    return true;
  if (value->fed)
    return value->fed_when == GRAPH_STEP;
  if (value->source != NULL)
    return source_of_step(c, value->source);
  return value->node != GRAPH_NONE && c->node[value->node].when == GRAPH_STEP;
}

static void find_times(struct compiler *c) {
  for (uint32_t i = 0; i < c->node_count && c->both_graphs; i++) {
    struct ir_node *node = &c->node[i];
    const struct ir_value *changes = NULL;
    bool reads = false;
    for (uint32_t k = 0; k < node->input_count; k++) {
      if (node->input[k] == GRAPH_NONE)
        continue;
      reads = true;
      if (of_step(c, &c->value[node->input[k]]))
        changes = &c->value[node->input[k]];
    }
    if (node->when == GRAPH_ONCE && changes != NULL && (c->two_texts || !changes->source)) {
      struct report *r =
          report(c, CODE_GRAPH, node->span,
                 "`encode` runs once a request, but `%s` changes with each step", changes->name);
      report_help(c, r, "use tokens.* and no state here, or compute it in `decode`");
    } else if (changes == NULL && reads) { /* what reads nothing costs nothing: causal() */
      node->when = GRAPH_ONCE;
    }
  }
}

int lower_mark(struct compiler *c, const struct model *model) {
  c->both_graphs = model->has_encode && model->has_decode;
  c->when = model->has_decode ? GRAPH_STEP : GRAPH_ONCE;
  if (find_feeds_and_dumps(c) != 0)
    return -1;
  find_times(c);
  mark_live(c, model);
  tokens_check(c);
  return 0;
}

/* --------------------------------------------------------------------- the graph */

struct emitter {
  struct compiler *c;
  struct graph *g;
  const struct model *model;
  struct build build;
  struct tfm_error err;            /* of the build: that memory is out, which compiler_full tells */
  bool *early;                     /* of each of c->value: an input that runs read once */
  int32_t entry[GRAPH_WHEN_COUNT]; /* GRAPH_NONE = nothing runs then */
};

/* Did the build take it?  Nothing but memory can stand in its way. */
static bool took(struct emitter *e, int32_t index) {
  if (index == GRAPH_NONE)
    compiler_full(e->c, e->build.scratch.over ? &e->build.scratch : &e->g->arena);
  return index != GRAPH_NONE;
}

/* A list that the build copies. */
static void *make(struct emitter *e, size_t count, size_t size) {
  void *memory = arena_array(&e->build.scratch, count, size);
  if (memory == NULL)
    compiler_full(e->c, &e->build.scratch);
  return memory;
}

static const char *text(struct emitter *e, const char *from) {
  const char *copy = build_text(&e->build, from);
  if (from != NULL && copy == NULL)
    compiler_full(e->c, &e->g->arena);
  return copy;
}

static const struct graph_attr *copy_attrs(struct emitter *e, const struct graph_attr *from,
                                           uint32_t count) {
  const struct graph_attr *attr = build_attrs(&e->build, from, count);
  if (attr == NULL)
    compiler_full(e->c, &e->g->arena);
  return attr;
}

static bool copy_type(struct emitter *e, const struct ir_value *from, struct type *out) {
  *out = (struct type){.dtype = from->type.dtype == DTYPE_NONE ? DTYPE_F32 : from->type.dtype,
                       .rank = from->type.rank};
  for (uint32_t i = 0; i < from->type.rank; i++) {
    if (cell_value(from->type.shape[i], &out->shape[i]))
      continue;
    if (from->state) { /* nothing reads it */
      out->shape[i] = dim_number(0);
      continue;
    }
    struct report *r =
        report(e->c, CODE_SHAPE_UNTOLD, from->span, "nothing tells the shape of `%s`: %s",
               from->name, compiler_type_text(e->c, &from->type));
    report_help(e->c, r, "state it: `y: [B, T, N] = ...`");
    return false;
  }
  return true;
}

static bool emit_value(struct emitter *e, int32_t index) {
  struct ir_value *from = &e->c->value[index];
  uint32_t aliases = 0;
  for (const struct alias *a = from->alias; a != NULL; a = a->next)
    aliases++;
  const char **alias = make(e, aliases, sizeof *alias);
  if (alias == NULL)
    return false;
  uint32_t i = 0;
  for (const struct alias *a = from->alias; a != NULL; a = a->next)
    alias[i++] = text(e, a->name);
  struct graph_value value = {.name = text(e, from->name),
                              .alias_count = aliases,
                              .alias = alias,
                              .dump = from->dump,
                              .span = from->span};
  if (!copy_type(e, from, &value.type))
    return false;
  from->graph_index = build_value(&e->build, &value);
  return took(e, from->graph_index) && !e->c->stop;
}

/* When an input is first read; one that is a result itself, last. */
static enum graph_when input_when(const struct emitter *e, uint32_t value) {
  return e->early[value] ? GRAPH_ONCE : e->c->when;
}

/* An entry for each time at which something runs or is given. */
static bool emit_entries(struct emitter *e) {
  static const char *const names[] = {[GRAPH_ONCE] = "encode", [GRAPH_STEP] = "decode"};
  struct compiler *c = e->c;
  bool used[GRAPH_WHEN_COUNT] = {false};
  e->early = make(e, c->value_count, sizeof *e->early);
  if (e->early == NULL)
    return false;
  for (uint32_t i = 0; i < c->node_count; i++) {
    const struct ir_node *node = &c->node[i];
    used[node->when] = used[node->when] || node->live;
    for (uint32_t k = 0; node->live && k < node->input_count; k++)
      if (node->input[k] != GRAPH_NONE && node->when == GRAPH_ONCE)
        e->early[node->input[k]] = true;
  }
  for (uint32_t i = 0; i < c->value_count; i++)
    if (c->value[i].live && c->value[i].source != NULL)
      used[input_when(e, i)] = true;
  for (int when = 0; when < GRAPH_WHEN_COUNT; when++) {
    e->entry[when] = GRAPH_NONE;
    if (!used[when])
      continue;
    e->entry[when] = build_entry(&e->build, text(e, names[when]), (enum graph_when)when);
    if (!took(e, e->entry[when]))
      return false;
  }
  return !c->stop;
}

static bool emit_inputs(struct emitter *e) {
  struct compiler *c = e->c;
  for (uint32_t i = 0; i < c->value_count; i++) {
    const struct ir_value *value = &c->value[i];
    if (!value->live || value->source == NULL)
      continue;
    if (!emit_value(e, (int32_t)i))
      return false;
    struct graph_input input = {.name = text(e, value->name),
                                .source = text(e, value->source),
                                .value = value->graph_index,
                                .entry = e->entry[input_when(e, i)]};
    if (!took(e, build_input(&e->build, &input)))
      return false;
  }
  for (uint32_t i = 0; i < c->value_count; i++) {
    const struct ir_value *value = &c->value[i];
    if (!value->live || !value->state)
      continue;
    if (!emit_value(e, (int32_t)i) ||
        !took(e, build_state(&e->build, text(e, value->name), value->graph_index)))
      return false;
  }
  return !c->stop;
}

static bool emit_weight(struct emitter *e, struct weight *from) {
  int32_t *operand = make(e, from->operand_count, sizeof *operand);
  if (operand == NULL)
    return false;
  for (uint32_t i = 0; i < from->operand_count; i++)
    operand[i] = e->c->weight[from->operand[i]].graph_index;
  struct graph_weight weight = {.kind = from->kind,
                                .name = text(e, from->name),
                                .operand_count = from->operand_count,
                                .operand = operand,
                                .axis = from->axis,
                                .parts = from->parts,
                                .index = from->index,
                                .number = from->number,
                                .dtype = from->dtype,
                                .rank = from->type.rank,
                                .used = true};
  if (from->kind == GRAPH_WEIGHT_TENSOR)
    weight.tensor = text(e, from->tensor != NULL ? from->tensor->name : from->name);
  for (uint32_t i = 0; i < from->type.rank; i++) {
    struct dim dim;
    if (!cell_value(from->type.shape[i], &dim) || !dim_is_number(&dim, &weight.shape[i]))
      return false; /* missing_check has said so */
  }
  from->graph_index = build_weight(&e->build, &weight);
  return took(e, from->graph_index) && !e->c->stop;
}

/* Operands come before what is made of them: they were made before it. */
static bool emit_weights(struct emitter *e) {
  struct compiler *c = e->c;
  for (uint32_t i = 0; i < c->weight_count; i++)
    if (c->weight[i].live && !emit_weight(e, &c->weight[i]))
      return false;
  return true;
}

static const int32_t *copy_values(struct emitter *e, const int32_t *from, uint32_t count) {
  int32_t *index = make(e, count, sizeof *index);
  for (uint32_t i = 0; index != NULL && i < count; i++)
    index[i] = from[i] == GRAPH_NONE ? GRAPH_NONE : e->c->value[from[i]].graph_index;
  return index;
}

static const int32_t *copy_weights(struct emitter *e, const int32_t *from, uint32_t count) {
  int32_t *index = make(e, count, sizeof *index);
  for (uint32_t i = 0; index != NULL && i < count; i++)
    index[i] = from[i] < 0 ? GRAPH_NONE : e->c->weight[from[i]].graph_index;
  return index;
}

static const char *const *copy_taps(struct emitter *e, const struct op_schema *schema) {
  const char **tap = make(e, schema->tap_count, sizeof *tap);
  for (uint32_t i = 0; tap != NULL && i < schema->tap_count; i++)
    tap[i] = text(e, schema->tap[i]);
  return tap;
}

static bool emit_node(struct emitter *e, const struct ir_node *from) {
  for (uint32_t i = 0; i < from->output_count; i++)
    if (!emit_value(e, from->output[i]))
      return false;
  struct graph_node node = {.op = text(e, from->op->name),
                            .op_version = from->op->desc->version,
                            .holds_inputs = (from->op->desc->flags & TFM_OP_HOLDS_INPUTS) != 0,
                            .mixes = tokens_mixes(e->c, from),
                            .entry = e->entry[from->when],
                            .input_count = from->input_count,
                            .input = copy_values(e, from->input, from->input_count),
                            .weight_count = from->weight_count,
                            .weight = copy_weights(e, from->weight, from->weight_count),
                            .attr_count = from->attr_count,
                            .attr = copy_attrs(e, from->attr, from->attr_count),
                            .output_count = from->output_count,
                            .output = copy_values(e, from->output, from->output_count),
                            .tap_count = from->op->schema->tap_count,
                            .tap = copy_taps(e, from->op->schema),
                            .taps = from->taps,
                            .layer = from->layer,
                            .span = from->span};
  return !e->c->stop && took(e, build_node(&e->build, &node));
}

/* Entry after entry, each in the order of the file. */
static bool emit_nodes(struct emitter *e) {
  struct compiler *c = e->c;
  for (int when = 0; when < GRAPH_WHEN_COUNT; when++)
    for (uint32_t i = 0; i < c->node_count; i++)
      if (c->node[i].live && (int)c->node[i].when == when && !emit_node(e, &c->node[i]))
        return false;
  return true;
}

/* A name for each result; the first of a kind of the file, or `result`. */
static bool emit_outputs(struct emitter *e) {
  const struct results *results = &e->model->results;
  for (uint32_t i = 0; i < results->count; i++) {
    const struct result *from = &results->item[i];
    char fallback[24];
    snprintf(fallback, sizeof fallback, "result%u", i);
    const char *name = text(e, from->name != NULL ? from->name : fallback);
    if (!took(e, build_output(&e->build, name, e->c->value[from->value.tensor].graph_index)))
      return false;
    for (uint32_t k = 0; k < i; k++)
      if (!e->c->stop && strcmp(e->build.output[k].name, name) == 0) {
        report(e->c, CODE_HEAD_RESULT, from->span, "two results are named `%s`", name);
        return false;
      }
  }
  return !e->c->stop;
}

static bool emit_head(struct emitter *e) {
  struct compiler *c = e->c;
  for (uint32_t i = 0; i < c->dim_count; i++)
    if (!took(e, build_dim(&e->build, text(e, c->dim[i].name), c->dim[i].bound)))
      return false;
  e->g->model = text(e, c->main->file->unit->name.text);
  e->g->task = e->model->task;
  if (e->model->head != NULL) {
    e->g->head = text(e, e->model->head->name.text);
    e->g->task_attr = copy_attrs(e, e->model->task_attr, e->model->task_attr_count);
    e->g->task_attr_count = e->model->task_attr_count;
  }
  return !c->stop;
}

struct graph *lower_emit(struct compiler *c, const struct model *model) {
  struct emitter e = {.c = c, .model = model, .g = graph_create(c->err)};
  if (e.g == NULL) {
    c->stop = true;
    return NULL;
  }
  e.g->arena.limit = c->arena->limit;
  build_open(&e.build, e.g, &e.err);
  bool ok = emit_head(&e) && emit_entries(&e) && emit_inputs(&e) && emit_weights(&e) &&
            emit_nodes(&e) && emit_outputs(&e);
  if (ok && build_finish(&e.build) == 0)
    return e.g;
  if (ok)
    compiler_full(c, &e.g->arena);
  build_drop(&e.build);
  c->stop = true;
  graph_destroy(e.g);
  return NULL;
}
