/* join.c - weights that are put together: concat and stack.
 *
 * A chain such as concat(concat(a, b), c) is written once, into the memory of its
 * last: a row that only joined rows read gets none of its own, and its operands
 * are copied through it to where they end up.
 *
 *     w1 = concat(a, b)     passes through
 *     w2 = concat(w1, c)    memory: [ a | b | c ]                              */
#include "runtime/binding_private.h"
#include "runtime/view.h"

#include <stdlib.h>
#include <string.h>

enum { DEEPEST = 2048 }; /* rows passed through inside one another */

static bool is_joined(const struct graph_weight *w) {
  return w->kind == GRAPH_WEIGHT_CONCAT || w->kind == GRAPH_WEIGHT_STACK;
}

/* Rows that nodes or other views read need memory. */
static void mark_needed(const struct graph *g, bool *needed, bool *joined) {
  for (uint32_t n = 0; n < g->node_count; n++)
    for (uint32_t k = 0; k < g->node[n].weight_count; k++)
      if (g->node[n].weight[k] != GRAPH_NONE)
        needed[g->node[n].weight[k]] = true;
  for (uint32_t i = 0; i < g->weight_count; i++)
    for (uint32_t o = 0; g->weight[i].used && o < g->weight[i].operand_count; o++) {
      int32_t from = g->weight[i].operand[o];
      bool earlier = from >= 0 && from < (int32_t)i;
      if (earlier)
        *(is_joined(&g->weight[i]) ? &joined[from] : &needed[from]) = true;
    }
}

int join_plan(struct binding *binding, struct tfm_error *err) {
  const struct graph *g = binding->graph;
  size_t count = g->weight_count;
  bool *needed = arena_array(&binding->arena, count, sizeof *needed);
  bool *joined = arena_array(&binding->arena, count, sizeof *joined);
  uint32_t *depth = arena_array(&binding->arena, count, sizeof *depth);
  binding->passing = arena_array(&binding->arena, count, sizeof *binding->passing);
  if (arena_failed(&binding->arena))
    return error_oom(err);
  mark_needed(g, needed, joined);
  for (uint32_t i = 0; i < count; i++) {
    const struct graph_weight *w = &g->weight[i];
    if (!w->used || !is_joined(w) || needed[i] || !joined[i])
      continue;
    for (uint32_t o = 0; o < w->operand_count; o++) {
      int32_t from = w->operand[o];
      if (from >= 0 && from < (int32_t)i && binding->passing[from] && depth[from] >= depth[i])
        depth[i] = depth[from] + 1;
    }
    binding->passing[i] = depth[i] < DEEPEST;
  }
  return 0;
}

/* Widen a view to f32 in a temporary copy, for operands of unequal dtypes. */
static int widen(tfm_tensor *t, void **memory, struct tfm_error *err) {
  size_t elements;
  tfm_tensor packed = *t;
  view_set_contiguous(&packed);
  if (!view_count(t->shape, t->rank, &elements))
    return error_set(err, TFM_ERROR_LIMIT, "a weight is too large");
  size_t size = dtype_size((enum dtype)t->dtype);
  char *raw = malloc(elements * size + 1);
  float *wide = malloc(elements * sizeof *wide + 1);
  *memory = wide;
  if (!raw || !wide) {
    free(raw);
    return error_oom(err);
  }
  packed.data = raw;
  view_copy(&packed, t);
  dtype_to_f32((enum dtype)t->dtype, raw, wide, elements);
  free(raw);
  t->data = wide;
  t->dtype = TFM_F32;
  view_set_contiguous(t);
  return 0;
}

static int place_leaf(const tfm_tensor *to, tfm_tensor from, struct tfm_error *err) {
  void *memory = NULL;
  int status = from.dtype != to->dtype ? widen(&from, &memory, err) : 0;
  if (status == 0)
    view_copy(to, &from);
  free(memory);
  return status;
}

/* Copy the operands of row i into whole, which has its shape.  Each copy fills at
 * least an element of the last row's memory, so a row that is named many times
 * costs no more than what comes out. */
static int place(const struct binding *binding, int32_t i, const tfm_tensor *whole,
                 struct tfm_error *err) {
  const struct graph_weight *w = &binding->graph->weight[i];
  bool stack = w->kind == GRAPH_WEIGHT_STACK;
  uint32_t axis = stack ? 0 : (uint32_t)w->axis;
  int64_t at = 0;
  size_t elements;
  int status = 0;
  for (uint32_t o = 0; status == 0 && o < w->operand_count; o++) {
    int32_t row = w->operand[o];
    tfm_tensor to = binding->tensor[row];
    to.dtype = whole->dtype;
    to.data = (char *)whole->data + at * whole->stride[axis];
    memcpy(to.stride, whole->stride + stack, sizeof to.stride - stack * sizeof to.stride[0]);
    at += stack ? 1 : to.shape[axis];
    if (!view_count(to.shape, to.rank, &elements) || elements == 0)
      continue;
    status = binding->passing[row] ? place(binding, row, &to, err)
                                   : place_leaf(&to, binding->tensor[row], err);
  }
  return status;
}

int join_bind(struct binding *binding, int32_t i, struct tfm_error *err) {
  const struct graph_weight *w = &binding->graph->weight[i];
  tfm_tensor *t = &binding->tensor[i];
  t->dtype = binding->tensor[w->operand[0]].dtype;
  for (uint32_t o = 1; o < w->operand_count; o++)
    if (binding->tensor[w->operand[o]].dtype != t->dtype)
      t->dtype = TFM_F32;
  t->rank = w->rank;
  memcpy(t->shape, w->shape, sizeof t->shape);
  if (binding->passing[i])
    return 0;
  return binding_own_view(binding, i, err) != 0 ? -1 : place(binding, i, t, err);
}
