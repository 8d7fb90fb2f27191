/* lower.c - from the compiler's lists to a graph, all of it, as it was written.
 *
 * What is computed at all, and what of it less often than it stands there, is left to
 * passes over the graph (graph/pass/live.h, hoist.h); so what nothing tells is here
 * dim_untold, or -1 in a weight. */
#include "compiler/lower.h"

#include "compiler/ir.h"
#include "compiler/report.h"
#include "compiler/tensor.h"
#include "compiler/tokens.h"
#include "compiler/when.h"
#include "graph/build.h"

#include <stdio.h>

struct emitter {
  struct compiler *c;
  struct graph *g;
  const struct model *model;
  struct build build;
  struct tfm_error err;            /* of the build: that memory is out, which compiler_full tells */
  int32_t entry[GRAPH_WHEN_COUNT]; /* GRAPH_NONE = the file has no graph of the kind */
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

static const tfm_attr *const *copy_attrs(struct emitter *e, const tfm_attr *const *from,
                                         uint32_t count) {
  const tfm_attr *const *attr = build_attrs(&e->build, from, count);
  if (attr == NULL)
    compiler_full(e->c, &e->g->arena);
  return attr;
}

static struct type copy_type(const struct ir_value *from) {
  struct type type = {.dtype = from->type.dtype == DTYPE_NONE ? DTYPE_F32 : from->type.dtype,
                      .rank = from->type.rank};
  for (uint32_t i = 0; i < type.rank; i++)
    if (!cell_value(from->type.shape[i], &type.shape[i])) /* of a state nothing reads it */
      type.shape[i] = from->state ? dim_number(0) : dim_untold();
  return type;
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
                              .type = copy_type(from),
                              .alias_count = aliases,
                              .alias = alias,
                              .dump = from->dump,
                              .span = from->span};
  from->graph_index = build_value(&e->build, &value);
  return took(e, from->graph_index) && !e->c->stop;
}

/* The graphs that the file has, in the order in which they first run. */
static bool emit_entries(struct emitter *e) {
  const struct {
    const char *name;
    bool written;
  } graph[] = {[GRAPH_ONCE] = {"encode", e->model->has_encode},
               [GRAPH_STEP] = {"decode", e->model->has_decode}};
  for (int when = 0; when < GRAPH_WHEN_COUNT; when++) {
    e->entry[when] = GRAPH_NONE;
    if (!graph[when].written)
      continue;
    e->entry[when] = build_entry(&e->build, graph[when].name, (enum graph_when)when);
    if (!took(e, e->entry[when]))
      return false;
  }
  return true;
}

static bool emit_inputs(struct emitter *e) {
  struct compiler *c = e->c;
  for (uint32_t i = 0; i < c->value_count; i++) {
    const struct ir_value *value = &c->value[i];
    if (value->source == NULL)
      continue;
    if (!emit_value(e, (int32_t)i))
      return false;
    struct graph_input input = {.name = text(e, value->name),
                                .source = text(e, value->source),
                                .value = value->graph_index,
                                .entry = e->entry[c->when],
                                .when = when_changes(c, value)};
    if (!took(e, build_input(&e->build, &input)))
      return false;
  }
  for (uint32_t i = 0; i < c->value_count; i++) {
    const struct ir_value *value = &c->value[i];
    if (!value->state)
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
      weight.shape[i] = -1;
  }
  from->graph_index = build_weight(&e->build, &weight);
  return took(e, from->graph_index) && !e->c->stop;
}

/* Operands come before what is made of them: they were made before it. */
static bool emit_weights(struct emitter *e) {
  struct compiler *c = e->c;
  for (uint32_t i = 0; i < c->weight_count; i++)
    if (!emit_weight(e, &c->weight[i]))
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
                            .view = (from->op->desc->flags & TFM_OP_VIEW) != 0,
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

/* In the order of the file, where `encode` was expanded before `decode`. */
static bool emit_nodes(struct emitter *e) {
  for (uint32_t i = 0; i < e->c->node_count; i++)
    if (!emit_node(e, &e->c->node[i]))
      return false;
  return true;
}

/* Inputs were emitted first, so that each stands in its line as its value does in its own. */
static void place_inputs(struct emitter *e) {
  for (uint32_t n = 0; n < e->build.count[BUILD_NODE]; n++)
    for (uint32_t k = 0; k < e->build.node[n].input_count; k++) {
      int32_t value = e->build.node[n].input[k];
      if (value != GRAPH_NONE && (uint32_t)value < e->build.count[BUILD_INPUT] &&
          e->build.node[n].entry < e->build.input[value].entry)
        e->build.input[value].entry = e->build.node[n].entry;
    }
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
  bool ok = build_expect(&e.build, c->value_count, c->node_count);
  if (!ok)
    compiler_full(c, &e.g->arena);
  ok = ok && emit_head(&e) && emit_entries(&e) && emit_inputs(&e) && emit_weights(&e) &&
       emit_nodes(&e) && emit_outputs(&e);
  if (ok)
    place_inputs(&e);
  if (ok && build_finish(&e.build) == 0)
    return e.g;
  if (ok)
    compiler_full(c, &e.g->arena);
  build_drop(&e.build);
  c->stop = true;
  graph_destroy(e.g);
  return NULL;
}
