/* plan.c - decide where every value lives before anything runs.
 *
 * A value is live from its writer to its last reader.  Two values may
 * share bytes only if their lives do not meet:
 *
 *     node   0    1    2    3
 *     a      [=========]
 *     b           [=========]
 *     c                     []      a and c may share; b may not
 *
 * Largest first, smallest gap that fits.  O(n^2), n is a few hundred. */
#include "runtime/plan.h"

#include "base/checked.h"
#include "tfm/plugin.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --------------------------------------------------------------- lifetimes */

static uint32_t dims_of(const struct type *type) {
  uint32_t dims = 0;
  for (uint32_t d = 0; d < type->rank; d++)
    for (uint32_t t = 0; t < type->shape[d].count; t++)
      for (uint32_t v = 0; v < DIM_VARIABLES; v++)
        if (type->shape[d].term[t].power[v])
          dims |= 1u << v;
  return dims;
}

/* Of as many elements: do they lie in memory alike? */
static bool lie_alike(const struct ragged *ragged, int32_t a, int32_t b) {
  return ragged->value[a].kind == ragged->value[b].kind &&
         ragged->value[a].dim == ragged->value[b].dim;
}

static void first_use(struct plan *plan) {
  const struct graph *graph = plan->graph;
  for (uint32_t v = 0; v < graph->value_count; v++)
    plan->value[v] = (struct plan_value){.place = PLAN_KEPT,
                                         .root = (int32_t)v,
                                         .shown = (int32_t)v,
                                         .dims = dims_of(&graph->value[v].type)};
  for (uint32_t i = 0; i < graph->state_count; i++)
    plan->value[graph->state[i].value].place = PLAN_STATE;
  for (uint32_t n = 0; n < graph->node_count; n++) {
    const struct graph_node *node = &graph->node[n];
    for (uint32_t i = 0; i < node->output_count; i++) {
      struct plan_value *value = &plan->value[node->output[i]];
      value->place = PLAN_ARENA;
      value->first = value->last = (int32_t)n;
    }
    if (node->view && lie_alike(plan->ragged, node->input[0], node->output[0]))
      plan->value[node->output[0]].shown = plan->value[node->input[0]].shown;
  }
}

bool plan_is_view(const struct plan *plan, uint32_t node) {
  const struct graph_node *n = &plan->graph->node[node];
  return n->view && plan->value[n->output[0]].shown != n->output[0];
}

static void extend(struct plan_value *value, int32_t last) {
  if (last > value->last)
    value->last = last;
}

/* A mask points into what it was made of, and may point into the other outputs. */
static bool makes_mask(const struct graph *graph, const struct graph_node *node) {
  for (uint32_t i = 0; i < node->output_count; i++)
    if (dtype_is_formula(graph->value[node->output[i]].type.dtype))
      return true;
  return false;
}

static bool holds_inputs(const struct graph *graph, const struct graph_node *node) {
  return node->holds_inputs || makes_mask(graph, node);
}

/* Last readers, from the end: what a node holds of its inputs lives as long
 * as its outputs, whose lives are known by then. */
static void last_use(struct plan *plan) {
  const struct graph *graph = plan->graph;
  for (uint32_t e = 0; e < graph->entry_count; e++)
    for (uint32_t i = 0; i < graph->entry[e].output_count; i++)
      extend(&plan->value[graph->entry[e].output[i]], (int32_t)graph->entry[e].end);
  for (uint32_t n = graph->node_count; n-- > 0;) {
    const struct graph_node *node = &graph->node[n];
    int32_t last = (int32_t)n;
    bool holds = holds_inputs(graph, node) || plan_is_view(plan, n);
    for (uint32_t i = 0; holds && i < node->output_count; i++)
      if (plan->value[node->output[i]].last > last)
        last = plan->value[node->output[i]].last;
    for (uint32_t i = 0; makes_mask(graph, node) && i < node->output_count; i++)
      extend(&plan->value[node->output[i]], last);
    for (uint32_t i = 0; i < node->input_count; i++)
      if (node->input[i] != GRAPH_NONE)
        extend(&plan->value[node->input[i]], last);
  }
}

/* What an entry leaves behind is kept where other nodes run after it, maybe many times. */
static void keep_results(struct plan *plan) {
  const struct graph *graph = plan->graph;
  for (uint32_t v = 0; v < graph->value_count; v++) {
    struct plan_value *value = &plan->value[v];
    if (value->place != PLAN_ARENA)
      continue;
    uint32_t end = graph->entry[graph->value[v].entry].end;
    if (end < graph->node_count && value->last >= (int32_t)end)
      value->place = PLAN_KEPT;
  }
}

static bool same_type(const struct type *a, const struct type *b) {
  if (a->dtype != b->dtype || a->rank != b->rank)
    return false;
  for (uint32_t i = 0; i < a->rank; i++)
    if (!dim_equal(&a->shape[i], &b->shape[i]))
      return false;
  return true;
}

/* A mask's terms point into booleans, a bias's into floats; which ones, the plan does not follow.
 */
static bool may_point_into(const struct graph *graph, int32_t value, int32_t from) {
  enum dtype dtype = value == GRAPH_NONE ? DTYPE_NONE : graph->value[value].type.dtype;
  enum dtype held = graph->value[from].type.dtype;
  return dtype_is_formula(dtype) &&
         (dtype == DTYPE_MASK ? held == DTYPE_BOOL : held == DTYPE_NONE || dtype_is_float(held));
}

/* May output 0 of the node take over the memory of input 0? */
static bool can_take_over(const struct plan *plan, int32_t index) {
  const struct graph *graph = plan->graph;
  const struct graph_node *node = &graph->node[index];
  if (node->input_count == 0 || node->output_count == 0 || node->input[0] == GRAPH_NONE ||
      holds_inputs(graph, node))
    return false;
  int32_t from = node->input[0], to = node->output[0], shown = plan->value[from].shown;
  if (plan->value[from].place != PLAN_ARENA || plan->value[to].place != PLAN_ARENA ||
      plan->value[from].last != index || plan->value[shown].last != index ||
      !same_type(&graph->value[from].type, &graph->value[to].type))
    return false;
  for (uint32_t i = 1; i < node->input_count; i++)
    if (node->input[i] != GRAPH_NONE &&
        (plan->value[node->input[i]].shown == shown || may_point_into(graph, node->input[i], from)))
      return false;
  return true;
}

static void share(struct plan *plan, const bool *inplace) {
  for (uint32_t n = 0; n < plan->graph->node_count; n++) {
    const struct graph_node *node = &plan->graph->node[n];
    bool view = plan_is_view(plan, n);
    if (!view && !(inplace && inplace[n] && can_take_over(plan, (int32_t)n)))
      continue;
    struct plan_value *to = &plan->value[node->output[0]];
    to->root = plan->value[node->input[0]].root;
    if (view)
      to->place = plan->value[to->root].place;
    extend(&plan->value[to->root], to->last);
  }
}

static int list_roots(struct plan *plan, struct tfm_error *err) {
  const struct graph *graph = plan->graph;
  uint32_t count = graph->value_count;
  for (uint32_t e = 0; e < graph->entry_count; e++) {
    struct plan_entry *list = &plan->entry[e];
    list->root = arena_array(&plan->arena, count, sizeof *list->root);
    if (!list->root)
      return error_oom(err);
    for (uint32_t v = 0; v < count; v++)
      if (plan->value[v].place == PLAN_ARENA && plan->value[v].root == (int32_t)v &&
          graph->value[v].entry == (int32_t)e) {
        list->root[list->root_count++] = (int32_t)v;
        list->dims |=
            plan->ragged->value[v].kind == RAGGED_APART ? UINT32_MAX : plan->value[v].dims;
      }
  }
  plan->wanted = arena_array(&plan->arena, count, sizeof *plan->wanted);
  plan->placed = arena_array(&plan->arena, count, sizeof *plan->placed);
  return arena_failed(&plan->arena) ? error_oom(err) : 0;
}

static int own_ragged(struct plan *plan, struct tfm_error *err) {
  struct ragged *own;
  int status = ragged_create(plan->graph, NULL, &plan->arena, &own, err);
  plan->ragged = own;
  return status;
}

int plan_create(const struct graph *graph, const struct ragged *ragged, const bool *inplace,
                struct plan **out, struct tfm_error *err) {
  *out = NULL;
  struct plan *plan = calloc(1, sizeof *plan);
  if (!plan)
    return error_oom(err);
  arena_init(&plan->arena, 0);
  plan->graph = graph;
  plan->ragged = ragged;
  plan->value = arena_array(&plan->arena, graph->value_count, sizeof *plan->value);
  plan->entry = arena_array(&plan->arena, graph->entry_count, sizeof *plan->entry);
  int status = plan->value && plan->entry ? 0 : error_oom(err);
  if (status == 0 && !ragged)
    status = own_ragged(plan, err);
  if (status == 0) {
    first_use(plan);
    last_use(plan);
    keep_results(plan);
    share(plan, inplace);
    status = list_roots(plan, err);
  }
  if (status != 0) {
    plan_destroy(plan);
    return -1;
  }
  *out = plan;
  return 0;
}

void plan_destroy(struct plan *plan) {
  if (!plan)
    return;
  arena_finish(&plan->arena);
  free(plan);
}

/* ------------------------------------------------------------------- layout */

static int unknown_dim(const struct plan *plan, int32_t value, const struct ragged_batch *batch,
                       struct tfm_error *err) {
  const struct graph *graph = plan->graph;
  for (uint32_t d = 0; d < graph->dim_count; d++)
    if ((plan->value[value].dims >> d & 1) && batch->variable[d] < 0)
      return error_set(err, TFM_ERROR_RUN, "dimension `%s` of `%s` is not known: no input has it",
                       graph->dim[d].name, graph->value[value].name);
  return error_set(err, TFM_ERROR_LIMIT, "`%s` is too large for these dimensions",
                   graph->value[value].name);
}

int plan_value_size(const struct plan *plan, int32_t value, const struct ragged_batch *batch,
                    size_t *offset, size_t *size, struct tfm_error *err) {
  return ragged_size(plan->ragged, value, batch, offset, size)
             ? 0
             : unknown_dim(plan, value, batch, err);
}

static bool round_up(size_t size, size_t *out) {
  if (!checked_add(size, PLAN_ALIGNMENT - 1, out))
    return false;
  *out &= ~(size_t)(PLAN_ALIGNMENT - 1);
  return true;
}

/* New sizes of the entry's roots into plan->wanted; *grew = one outgrew its place. */
static int measure(struct plan *plan, uint32_t entry, const struct ragged_batch *batch, bool *grew,
                   struct tfm_error *err) {
  const struct plan_entry *list = &plan->entry[entry];
  *grew = !list->laid_out;
  for (uint32_t r = 0; r < list->root_count; r++) {
    int32_t v = list->root[r];
    size_t size;
    if (plan_value_size(plan, v, batch, NULL, &size, err) != 0)
      return -1;
    if (!round_up(size, &plan->wanted[v]))
      return unknown_dim(plan, v, batch, err);
    *grew = *grew || plan->wanted[v] > plan->value[v].size;
  }
  return 0;
}

static bool meet(const struct plan_value *a, const struct plan_value *b) {
  return a->first <= b->last && b->first <= a->last;
}

/* The offset for root v among those placed, which are in order of offset: the
 * smallest gap that it fits in, else behind all that live with it.  False on
 * overflow. */
static bool find_place(const struct plan *plan, uint32_t placed, int32_t v, size_t *offset) {
  const struct plan_value *value = &plan->value[v];
  size_t end = 0, best = SIZE_MAX, end_of;
  for (uint32_t i = 0; i < placed; i++) {
    const struct plan_value *other = &plan->value[plan->placed[i]];
    if (!meet(value, other))
      continue;
    if (other->offset > end && other->offset - end >= value->size && other->offset - end < best) {
      best = other->offset - end;
      *offset = end;
    }
    if (!checked_add(other->offset, other->size, &end_of))
      return false;
    if (end_of > end)
      end = end_of;
  }
  if (best == SIZE_MAX)
    *offset = end;
  return checked_add(*offset, value->size, &end_of);
}

static void insert_placed(struct plan *plan, uint32_t placed, int32_t v) {
  uint32_t at = placed;
  for (; at > 0 && plan->value[plan->placed[at - 1]].offset > plan->value[v].offset; at--)
    plan->placed[at] = plan->placed[at - 1];
  plan->placed[at] = v;
}

struct sort_key {
  size_t size;
  int32_t value;
};

static int by_size(const void *a, const void *b) {
  const struct sort_key *x = a, *y = b;
  if (x->size != y->size)
    return x->size > y->size ? -1 : 1;
  return x->value < y->value ? -1 : x->value > y->value;
}

/* list->root by wanted size, largest first. */
static int sort_roots(struct plan *plan, struct plan_entry *list, struct tfm_error *err) {
  struct sort_key *key = calloc(list->root_count + 1, sizeof *key);
  if (!key)
    return error_oom(err);
  for (uint32_t r = 0; r < list->root_count; r++)
    key[r] = (struct sort_key){plan->wanted[list->root[r]], list->root[r]};
  qsort(key, list->root_count, sizeof *key, by_size);
  for (uint32_t r = 0; r < list->root_count; r++)
    list->root[r] = key[r].value;
  free(key);
  return 0;
}

static int too_large(const struct plan *plan, const struct plan_entry *list, size_t peak,
                     size_t limit, struct tfm_error *err) {
  int32_t v = list->root[0];
  error_set(err, TFM_ERROR_LIMIT, "activations need %zu bytes, over the limit of %zu", peak, limit);
  error_note(err, "found: the largest is `%s`, %zu bytes", plan->graph->value[v].name,
             plan->value[v].size);
  error_note(err, "help: give fewer or shorter inputs");
  return -1;
}

int plan_layout(struct plan *plan, uint32_t entry, const struct ragged_batch *batch, size_t limit,
                bool *moved, struct tfm_error *err) {
  struct plan_entry *list = &plan->entry[entry];
  *moved = false;
  if (measure(plan, entry, batch, moved, err) != 0)
    return -1;
  if (!*moved)
    return 0;
  if (sort_roots(plan, list, err) != 0)
    return -1;
  list->laid_out = false;
  list->peak = 0;
  for (uint32_t r = 0; r < list->root_count; r++) {
    struct plan_value *value = &plan->value[list->root[r]];
    value->size = plan->wanted[list->root[r]];
    if (!find_place(plan, r, list->root[r], &value->offset))
      return error_set(err, TFM_ERROR_LIMIT, "activations are too large for these dimensions");
    insert_placed(plan, r, list->root[r]);
    if (value->offset + value->size > list->peak)
      list->peak = value->offset + value->size;
  }
  if (limit && list->peak > limit)
    return too_large(plan, list, list->peak, limit, err);
  list->laid_out = true;
  return 0;
}
