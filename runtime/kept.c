/* kept.c - in which format each stored tensor is bound.
 *
 * As it is stored, if all that reads it takes that; else as plain floats.  Who reads it may
 * see it through views.  Packed blocks lie along one dimension, and a kernel is handed them
 * along the last one only:
 *
 *     TRANSPOSE          the blocks' dimension changes place
 *     SPLIT              fine, but along the blocks' dimension
 *     RESHAPE, CONCAT,   are made of plain elements: what they read is widened
 *     STACK, ADD to DIV                                                           */
#include "runtime/accept.h"
#include "runtime/binding_private.h"

/* What is known of a row of the weight table. */
struct row {
  int32_t leaf; /* the stored tensor that it is a view of */
  int32_t axis; /* along which that one's blocks lie; GRAPH_NONE = they are cut */
  bool made;    /* a row of plain elements is made of it */
};

static const struct weights_tensor *stored_of(const struct binding *b, int32_t i) {
  const struct graph_weight *w = &b->graph->weight[i];
  return w->kind == GRAPH_WEIGHT_TENSOR && b->weights && !b->options.random
             ? weights_find(b->weights, w->tensor)
             : NULL;
}

/* Where an axis of the operand stands in the transposed. */
static int32_t turned_axis(const struct graph_weight *w, int32_t axis) {
  for (uint32_t i = 0; axis != GRAPH_NONE && i < w->rank; i++)
    if ((int32_t)graph_weight_axis(w->index, i) == axis)
      return (int32_t)i;
  return GRAPH_NONE;
}

static struct row row_of(const struct binding *b, const struct row *rows, int32_t i) {
  const struct graph_weight *w = &b->graph->weight[i];
  const struct weights_tensor *stored = stored_of(b, i);
  bool view = w->operand_count > 0 && w->operand[0] >= 0 && w->operand[0] < i;
  struct row row = {GRAPH_NONE, GRAPH_NONE, false};
  if (w->kind == GRAPH_WEIGHT_TENSOR && stored && w->rank > 0) {
    row.leaf = i;
    row.axis = stored->transposed ? 0 : (int32_t)w->rank - 1;
  } else if (w->kind == GRAPH_WEIGHT_TRANSPOSE && view) {
    row = rows[w->operand[0]];
    row.axis = turned_axis(w, row.axis);
  } else if ((w->kind == GRAPH_WEIGHT_SPLIT || w->kind == GRAPH_WEIGHT_SLICE) && view) {
    row = rows[w->operand[0]];
    row.axis = row.axis == w->axis ? GRAPH_NONE : row.axis;
  }
  row.made = false;
  return row;
}

static void mark_made(const struct graph *g, struct row *rows) {
  for (uint32_t i = g->weight_count; i-- > 0;) {
    const struct graph_weight *w = &g->weight[i];
    bool makes = w->kind == GRAPH_WEIGHT_RESHAPE || w->kind == GRAPH_WEIGHT_CONCAT ||
                 w->kind == GRAPH_WEIGHT_STACK || graph_weight_is_computed(w->kind) || rows[i].made;
    for (uint32_t o = 0; w->used && makes && o < w->operand_count; o++)
      if (w->operand[o] >= 0 && w->operand[o] < (int32_t)i)
        rows[w->operand[o]].made = true;
  }
}

/* The plainest of two that are in the chain stored, wide, F32. */
static enum dtype plainest(enum dtype stored, enum dtype a, enum dtype b) {
  return a == DTYPE_NONE || a == stored ? b : b == stored ? a : a == b ? a : DTYPE_F32;
}

/* Weight number k of a node is row r of the table, or r is in the list that it is. */
static void read_row(struct binding *b, const struct row *rows, const struct graph_node *node,
                     uint32_t k, int32_t r) {
  int32_t leaf = rows[r].leaf;
  if (leaf == GRAPH_NONE)
    return;
  const enum dtype stored = stored_of(b, leaf)->dtype;
  bool cut = dtype_class(stored) == DTYPE_CLASS_PACKED &&
             rows[r].axis != (int32_t)b->graph->weight[r].rank - 1;
  enum dtype wanted = accept_choose(b->options.registry, b->options.policy, node->op,
                                    node->op_version, k, cut ? dtype_wide(stored) : stored);
  b->format[leaf] = plainest(stored, b->format[leaf], wanted);
}

static void read_by(struct binding *b, const struct row *rows, const struct graph_node *node,
                    uint32_t k) {
  if (node->weight[k] == GRAPH_NONE)
    return;
  const struct graph_weight *w = &b->graph->weight[node->weight[k]];
  if (w->kind != GRAPH_WEIGHT_LIST)
    read_row(b, rows, node, k, node->weight[k]);
  for (uint32_t o = 0; w->kind == GRAPH_WEIGHT_LIST && o < w->operand_count; o++)
    if (w->operand[o] >= 0 && w->operand[o] < node->weight[k])
      read_row(b, rows, node, k, w->operand[o]);
}

int kept_plan(struct binding *b, struct tfm_error *err) {
  const struct graph *g = b->graph;
  struct row *rows = arena_array(&b->arena, g->weight_count, sizeof *rows);
  b->format = arena_array(&b->arena, g->weight_count, sizeof *b->format);
  if (arena_failed(&b->arena))
    return error_oom(err);
  if (!b->options.registry)
    return 0;
  for (uint32_t i = 0; i < g->weight_count; i++)
    rows[i] = row_of(b, rows, (int32_t)i);
  mark_made(g, rows);
  for (uint32_t n = 0; n < g->node_count; n++)
    for (uint32_t k = 0; k < g->node[n].weight_count; k++)
      read_by(b, rows, &g->node[n], k);
  for (uint32_t i = 0; i < g->weight_count; i++)
    if (rows[i].made)
      b->format[i] = DTYPE_NONE;
  return 0;
}
