/* verify.c - hold a graph to every rule that graph.h states.
 *
 * The runtime indexes without looking once this has passed, so nothing here
 * trusts the graph: it may come from a text that a stranger wrote. */
#include "graph/entry.h"
#include "graph/weight.h"

#include "base/buffer.h"
#include "base/checked.h"
#include "base/map.h"

#include <string.h>

struct verify {
  const struct graph *graph;
  struct tfm_error *err;
  uint8_t *owner; /* of each value: how many inputs, states and node outputs claim it */
  uint8_t *seen;  /* scratch: a byte a value */
  int32_t *list;  /* scratch: a value each */
};

#define FAIL(v, ...) return error_set((v)->err, TFM_ERROR_MODEL, "graph: " __VA_ARGS__)

static bool in_range(int32_t index, uint32_t count) {
  return index >= 0 && (uint32_t)index < count;
}

static int check_unique(struct verify *v, struct map *names, const char *name, const char *what) {
  bool added;
  if (name == NULL || name[0] == '\0')
    FAIL(v, "a %s without a name", what);
  if (map_insert_text(names, name, &added) == NULL)
    return error_oom(v->err);
  if (!added)
    FAIL(v, "two %ss are named `%s`", what, name);
  return 0;
}

static int check_dims(struct verify *v) {
  const struct graph *g = v->graph;
  if (g->dim_count > DIM_VARIABLES)
    FAIL(v, "%u run-time dimensions, at most %d are possible", g->dim_count, DIM_VARIABLES);
  for (uint32_t i = 0; i < g->dim_count; i++) {
    if (g->dim[i].name == NULL || g->dim[i].bound < 0)
      FAIL(v, "run-time dimension %u is malformed", i);
    for (uint32_t j = 0; j < i; j++)
      if (strcmp(g->dim[i].name, g->dim[j].name) == 0)
        FAIL(v, "two run-time dimensions are named `%s`", g->dim[i].name);
  }
  return 0;
}

/* Normal form over the graph's own variables. */
static bool dim_is_sound(const struct dim *d, uint32_t variables) {
  if (d->count > DIM_TERMS)
    return false;
  for (uint32_t i = 0; i < d->count; i++) {
    const struct dim_term *term = &d->term[i];
    if (term->coefficient == 0)
      return false;
    for (uint32_t k = variables; k < DIM_VARIABLES; k++)
      if (term->power[k] != 0)
        return false;
    if (i > 0 && memcmp(d->term[i - 1].power, term->power, sizeof term->power) <= 0)
      return false;
  }
  int64_t number;
  return !dim_is_number(d, &number) || number >= 0;
}

static int check_type(struct verify *v, const struct type *type, const char *name) {
  if (!dtype_is_value(type->dtype))
    FAIL(v, "`%s` has no element type", name);
  if (type->rank > TFM_MAX_RANK)
    FAIL(v, "`%s` has rank %u, at most %d is possible", name, type->rank, TFM_MAX_RANK);
  if ((type->dtype == DTYPE_MASK && type->rank != 0) ||
      (type->dtype == DTYPE_KV && type->rank != 2) ||
      (type->dtype == DTYPE_BIAS && type->rank != 1))
    FAIL(v, "`%s` is a %s of rank %u", name, dtype_name(type->dtype), type->rank);
  for (uint32_t i = 0; i < type->rank; i++)
    if (!dim_is_sound(&type->shape[i], v->graph->dim_count))
      FAIL(v, "dimension %u of `%s` is malformed", i, name);
  return 0;
}

static int check_attr(struct verify *v, const tfm_attr *attr, unsigned depth) {
  if (attr->name == NULL || attr->kind > TFM_ATTR_OBJECT || depth > 64)
    FAIL(v, "an attribute is malformed");
  if (attr->kind == TFM_ATTR_STR && attr->text == NULL)
    FAIL(v, "attribute `%s` has no text", attr->name);
  if (attr->kind != TFM_ATTR_LIST && attr->kind != TFM_ATTR_OBJECT)
    return 0;
  for (uint32_t i = 0; i < attr->count; i++)
    if (check_attr(v, attr->item[i], depth + 1) != 0)
      return -1;
  return 0;
}

static int check_weight_shape(struct verify *v, const struct graph_weight *weight) {
  size_t size = 1;
  if (weight->rank > TFM_MAX_RANK)
    FAIL(v, "weight `%s` has rank %u", weight->name, weight->rank);
  for (uint32_t i = 0; i < weight->rank; i++)
    if (weight->shape[i] < 0 || !checked_mul(size, (size_t)weight->shape[i], &size))
      FAIL(v, "weight `%s` has an impossible shape", weight->name);
  if (size > INT64_MAX)
    FAIL(v, "weight `%s` has an impossible shape", weight->name);
  if (dtype_wide(weight->dtype) == DTYPE_NONE)
    FAIL(v, "weight `%s` has no element type", weight->name);
  return 0;
}

static int64_t elements(const struct graph_weight *weight) {
  int64_t n = 1;
  for (uint32_t i = 0; i < weight->rank; i++)
    n *= weight->shape[i];
  return n;
}

/* Dim i of the result, counted from the last; 1 where the weight has none. */
static int64_t dim_from_end(const struct graph_weight *w, uint32_t i) {
  return i < w->rank ? w->shape[w->rank - 1 - i] : 1;
}

/* Dims of the two operands are equal, or 1 in one of them. */
static bool computed_fits(const struct graph *g, const struct graph_weight *w) {
  const struct graph_weight *a = &g->weight[w->operand[0]], *b = &g->weight[w->operand[1]];
  uint32_t rank = a->rank > b->rank ? a->rank : b->rank;
  bool fits = w->rank == rank && w->dtype == DTYPE_F32;
  for (uint32_t i = 0; fits && i < rank; i++) {
    int64_t x = dim_from_end(a, i), y = dim_from_end(b, i);
    fits = (x == y || x == 1 || y == 1) && dim_from_end(w, i) == (x == 1 ? y : x);
  }
  return fits;
}

/* Each axis of the operand stands once, with its dim. */
static bool transpose_fits(const struct graph_weight *w, const struct graph_weight *from) {
  uint32_t seen = 0;
  if (w->rank != from->rank || w->index < 0 || (w->index == 0 && w->rank != 2))
    return false;
  for (uint32_t i = 0; i < w->rank; i++) {
    uint32_t axis = graph_weight_axis(w->index, i);
    if (axis >= w->rank || (seen >> axis & 1) != 0 || w->shape[i] != from->shape[axis])
      return false;
    seen |= 1u << axis;
  }
  return true;
}

/* The shape that weight's kind gives it from its operands. */
static bool view_shape_fits(const struct graph *g, const struct graph_weight *w) {
  const struct graph_weight *from = &g->weight[w->operand[0]];
  int64_t along = 0;
  bool axis_ok = w->axis >= 0 && (uint32_t)w->axis < from->rank;
  if (graph_weight_is_computed(w->kind))
    return computed_fits(g, w);
  switch (w->kind) {
  case GRAPH_WEIGHT_TRANSPOSE:
    return transpose_fits(w, from);
  case GRAPH_WEIGHT_RESHAPE:
    return elements(w) == elements(from);
  case GRAPH_WEIGHT_STACK:
  case GRAPH_WEIGHT_LIST:
    if (w->rank != from->rank + 1 || w->shape[0] != (int64_t)w->operand_count)
      return false;
    return memcmp(w->shape + 1, from->shape, from->rank * sizeof w->shape[0]) == 0;
  case GRAPH_WEIGHT_SPLIT:
    if (!axis_ok || w->rank != from->rank || w->parts < 1 || w->index < 0 || w->index >= w->parts)
      return false;
    along = from->shape[w->axis];
    if (along % w->parts != 0 || w->shape[w->axis] != along / w->parts)
      return false;
    break;
  case GRAPH_WEIGHT_SLICE:
    if (!axis_ok || w->rank != from->rank || w->parts < 0 || w->index < 0 ||
        (int64_t)w->index + w->parts > from->shape[w->axis] || w->shape[w->axis] != w->parts)
      return false;
    break;
  case GRAPH_WEIGHT_CONCAT:
    if (!axis_ok || w->rank != from->rank)
      return false;
    for (uint32_t i = 0; i < w->operand_count; i++)
      if (!checked_add_i64(along, g->weight[w->operand[i]].shape[w->axis], &along))
        return false;
    if (w->shape[w->axis] != along)
      return false;
    break;
  default:
    return false;
  }
  for (uint32_t i = 0; i < w->rank; i++)
    if (i != (uint32_t)w->axis && w->shape[i] != from->shape[i])
      return false;
  return true;
}

/* Operands of a concat or stack are alike, but for the axis. */
static bool operands_alike(const struct graph *g, const struct graph_weight *w) {
  const struct graph_weight *first = &g->weight[w->operand[0]];
  if (graph_weight_is_computed(w->kind))
    return true;
  for (uint32_t i = 0; i < w->operand_count; i++) {
    const struct graph_weight *from = &g->weight[w->operand[i]];
    if (from->dtype != w->dtype || from->rank != first->rank)
      return false;
    for (uint32_t k = 0; k < from->rank; k++)
      if (from->shape[k] != first->shape[k] &&
          !(w->kind == GRAPH_WEIGHT_CONCAT && k == (uint32_t)w->axis))
        return false;
  }
  return true;
}

static int check_weight(struct verify *v, uint32_t index) {
  const struct graph *g = v->graph;
  const struct graph_weight *w = &g->weight[index];
  if (w->kind >= GRAPH_WEIGHT_KINDS)
    FAIL(v, "weight `%s` is of no kind", w->name);
  if (check_weight_shape(v, w) != 0)
    return -1;
  if (w->kind == GRAPH_WEIGHT_TENSOR) {
    if (w->tensor == NULL || w->operand_count != 0)
      FAIL(v, "weight `%s` names no tensor", w->name);
    return 0;
  }
  if (w->kind == GRAPH_WEIGHT_NUMBER) {
    if (w->operand_count != 0 || w->rank != 0 || w->dtype != DTYPE_F32)
      FAIL(v, "weight `%s` is no number", w->name);
    return 0;
  }
  if (w->operand_count < weight_info(w->kind)->least ||
      w->operand_count > weight_info(w->kind)->most)
    FAIL(v, "weight `%s` has %u operands", w->name, w->operand_count);
  for (uint32_t i = 0; i < w->operand_count; i++) {
    if (!in_range(w->operand[i], index))
      FAIL(v, "weight `%s` is made of one that does not come before it", w->name);
    if (g->weight[w->operand[i]].kind == GRAPH_WEIGHT_LIST)
      FAIL(v, "weight `%s` is made of a list", w->name);
    if (w->used && !g->weight[w->operand[i]].used)
      FAIL(v, "weight `%s` is used, its operand is not", w->name);
  }
  if (!operands_alike(g, w) || !view_shape_fits(g, w))
    FAIL(v, "the shape of weight `%s` does not follow from its operands", w->name);
  return 0;
}

static int claim(struct verify *v, int32_t value, int32_t node, uint32_t output, const char *who) {
  if (!in_range(value, v->graph->value_count))
    FAIL(v, "`%s` has a value that does not exist", who);
  const struct graph_value *found = &v->graph->value[value];
  if (v->owner[value]++ != 0)
    FAIL(v, "value `%s` comes from two places", found->name);
  if (found->node != node || (node != GRAPH_NONE && found->output != output))
    FAIL(v, "value `%s` does not know where it comes from", found->name);
  return 0;
}

/* A row's tensor has one size, whatever runs. */
static bool is_sized(const struct type *type) {
  int64_t number;
  for (uint32_t i = 0; i < type->rank; i++)
    if (!dim_is_number(&type->shape[i], &number))
      return false;
  return true;
}

static int check_state(struct verify *v, const struct graph_state *state) {
  const struct graph *g = v->graph;
  if (claim(v, state->value, GRAPH_NONE, 0, state->name) != 0)
    return -1;
  const struct type *type = &g->value[state->value].type;
  if (g->value[state->value].entry != GRAPH_NONE)
    FAIL(v, "state `%s` belongs to no entry", state->name);
  if (type->dtype == DTYPE_STATE ? !is_sized(type) : type->dtype != DTYPE_KV)
    FAIL(v, "state `%s` does not have the type of its value", state->name);
  return 0;
}

static int check_inputs(struct verify *v) {
  const struct graph *g = v->graph;
  for (uint32_t i = 0; i < g->input_count; i++) {
    const struct graph_input *input = &g->input[i];
    if (input->name == NULL || input->source == NULL || input->when >= GRAPH_WHEN_COUNT ||
        !in_range(input->entry, g->entry_count))
      FAIL(v, "input %u is malformed", i);
    if (claim(v, input->value, GRAPH_NONE, 0, input->name) != 0)
      return -1;
    if (g->value[input->value].entry != input->entry)
      FAIL(v, "value `%s` does not know its entry", g->value[input->value].name);
  }
  for (uint32_t i = 0; i < g->state_count; i++) {
    const struct graph_state *state = &g->state[i];
    if (state->name == NULL)
      FAIL(v, "state %u has no name", i);
    if (check_state(v, state) != 0)
      return -1;
  }
  return 0;
}

static bool is_state(const struct graph *g, int32_t value) {
  return dtype_is_state(g->value[value].type.dtype);
}

static int check_node_inputs(struct verify *v, uint32_t index) {
  const struct graph *g = v->graph;
  const struct graph_node *node = &g->node[index];
  for (uint32_t i = 0; i < node->input_count; i++) {
    int32_t value = node->input[i];
    if (value == GRAPH_NONE)
      continue;
    if (!in_range(value, g->value_count) || g->value[value].node >= (int32_t)index)
      FAIL(v, "node `%s` reads a value that is not there yet", node->name);
    if (g->value[value].entry > node->entry)
      FAIL(v, "input `%s` is given after it is first read", g->value[value].name);
    if (g->entry[node->entry].when == GRAPH_ONCE && is_state(g, value))
      FAIL(v, "node `%s` runs once a request but reads `%s`, which changes with each step",
           node->name, g->value[value].name);
  }
  for (uint32_t i = 0; i < node->weight_count; i++) {
    int32_t weight = node->weight[i];
    if (weight == GRAPH_NONE)
      continue;
    if (!in_range(weight, g->weight_count))
      FAIL(v, "node `%s` has a weight that does not exist", node->name);
    if (!g->weight[weight].used)
      FAIL(v, "weight `%s` is not marked as used", g->weight[weight].name);
  }
  return 0;
}

/* The elements of a value, as a polynomial; false = too large to say. */
static bool elements_of(const struct type *type, struct dim *out) {
  struct dim product = dim_number(1);
  for (uint32_t i = 0; i < type->rank; i++)
    if (!dim_mul(&product, &type->shape[i], &product))
      return false;
  *out = product;
  return true;
}

/* A view has the elements of its input: they may share memory. */
static int check_view(struct verify *v, const struct graph_node *node) {
  const struct graph *g = v->graph;
  struct dim from, to;
  if (node->input_count == 0 || node->input[0] == GRAPH_NONE || node->output_count != 1)
    FAIL(v, "view `%s` is not of one value", node->name);
  const struct type *in = &g->value[node->input[0]].type, *out = &g->value[node->output[0]].type;
  if (in->dtype != out->dtype || !dtype_is_tensor(in->dtype) || !elements_of(in, &from) ||
      !elements_of(out, &to) || !dim_equal(&from, &to))
    FAIL(v, "view `%s` does not have the elements of its input", node->name);
  return 0;
}

static int check_node(struct verify *v, uint32_t index) {
  const struct graph_node *node = &v->graph->node[index];
  const struct graph *g = v->graph;
  if (node->op == NULL || node->name == NULL || !in_range(node->entry, g->entry_count))
    FAIL(v, "node %u is malformed", index);
  if (index < g->entry[node->entry].begin || index >= g->entry[node->entry].end)
    FAIL(v, "node `%s` does not stand among those of `%s`", node->name, g->entry[node->entry].name);
  if (check_node_inputs(v, index) != 0)
    return -1;
  for (uint32_t i = 0; i < node->attr_count; i++) {
    if (check_attr(v, node->attr[i], 0) != 0)
      return -1;
    for (uint32_t j = 0; j < i; j++)
      if (strcmp(node->attr[i]->name, node->attr[j]->name) == 0)
        FAIL(v, "node `%s` has attribute `%s` twice", node->name, node->attr[i]->name);
  }
  if (node->output_count == 0)
    FAIL(v, "node `%s` has no output", node->name);
  for (uint32_t i = 0; i < node->output_count; i++) {
    if (claim(v, node->output[i], (int32_t)index, i, node->name) != 0)
      return -1;
    if (g->value[node->output[i]].entry != node->entry)
      FAIL(v, "value `%s` does not know its entry", g->value[node->output[i]].name);
    if (is_state(g, node->output[i]))
      FAIL(v, "node `%s` makes a %s, which only a state is", node->name,
           dtype_name(g->value[node->output[i]].type.dtype));
  }
  if (node->view && check_view(v, node) != 0)
    return -1;
  if (strcmp(node->name, v->graph->value[node->output[0]].name) != 0)
    FAIL(v, "node `%s` is not named as its first output", node->name);
  if (node->tap_count > 64 || (node->tap_count < 64 && node->taps >> node->tap_count != 0))
    FAIL(v, "node `%s` is asked for a tap that it does not have", node->name);
  return 0;
}

static int check_values(struct verify *v, struct map *names) {
  const struct graph *g = v->graph;
  for (uint32_t i = 0; i < g->value_count; i++) {
    if (check_unique(v, names, g->value[i].name, "value") != 0 ||
        check_type(v, &g->value[i].type, g->value[i].name) != 0)
      return -1;
    if (g->value[i].node != GRAPH_NONE && !in_range(g->value[i].node, g->node_count))
      FAIL(v, "value `%s` comes from a node that does not exist", g->value[i].name);
  }
  return 0;
}

/* The table itself; before anything is looked up in it. */
static int check_entries(struct verify *v, struct map *names) {
  const struct graph *g = v->graph;
  uint32_t at = 0;
  for (uint32_t e = 0; e < g->entry_count; e++) {
    const struct graph_entry *entry = &g->entry[e];
    if (check_unique(v, names, entry->name, "entry") != 0)
      return -1;
    if (entry->when >= GRAPH_WHEN_COUNT)
      FAIL(v, "entry `%s` never runs", entry->name);
    if (e > 0 && entry->when < g->entry[e - 1].when)
      FAIL(v, "entry `%s` runs before `%s` and stands after it", entry->name, g->entry[e - 1].name);
    if (entry->begin != at || entry->end < at)
      FAIL(v, "the nodes of entry `%s` do not follow those before", entry->name);
    at = entry->end;
  }
  if (at != g->node_count)
    FAIL(v, "node %u stands in no entry", at);
  return 0;
}

static bool lists_alike(const struct verify *v, uint32_t found, const int32_t *list,
                        uint32_t count) {
  return found == count && (count == 0 || memcmp(v->list, list, count * sizeof *list) == 0);
}

/* Once all indices are known to be right. */
static int check_entry_lists(struct verify *v) {
  const struct graph *g = v->graph;
  for (uint32_t e = 0; e < g->entry_count; e++) {
    const struct graph_entry *entry = &g->entry[e];
    uint32_t found = entry_inputs(g, (int32_t)e, v->seen, v->list);
    if (!lists_alike(v, found, entry->input, entry->input_count))
      FAIL(v, "the inputs of entry `%s` are not those that it reads", entry->name);
    found = entry_outputs(g, (int32_t)e, v->seen, v->list);
    if (!lists_alike(v, found, entry->output, entry->output_count))
      FAIL(v, "the outputs of entry `%s` are not those that outlive it", entry->name);
  }
  return 0;
}

static int check_outputs(struct verify *v) {
  const struct graph *g = v->graph;
  if (g->task >= GRAPH_TASK_COUNT)
    FAIL(v, "its task is unknown");
  for (uint32_t i = 0; i < g->task_attr_count; i++)
    if (check_attr(v, g->task_attr[i], 0) != 0)
      return -1;
  for (uint32_t i = 0; i < g->output_count; i++) {
    if (g->output[i].name == NULL || !in_range(g->output[i].value, g->value_count))
      FAIL(v, "output %u is malformed", i);
    if (is_state(g, g->output[i].value))
      FAIL(v, "output `%s` is a state", g->output[i].name);
    for (uint32_t j = 0; j < i; j++)
      if (strcmp(g->output[i].name, g->output[j].name) == 0)
        FAIL(v, "two outputs are named `%s`", g->output[i].name);
  }
  return 0;
}

static int check_all(struct verify *v, struct map *entries, struct map *values,
                     struct map *weights) {
  const struct graph *g = v->graph;
  if (check_dims(v) != 0 || check_entries(v, entries) != 0 || check_values(v, values) != 0)
    return -1;
  for (uint32_t i = 0; i < g->weight_count; i++)
    if (check_unique(v, weights, g->weight[i].name, "weight") != 0 || check_weight(v, i) != 0)
      return -1;
  if (check_inputs(v) != 0)
    return -1;
  for (uint32_t i = 0; i < g->node_count; i++)
    if (check_node(v, i) != 0)
      return -1;
  for (uint32_t i = 0; i < g->value_count; i++)
    if (v->owner[i] == 0)
      FAIL(v, "value `%s` comes from nowhere", g->value[i].name);
  return check_outputs(v) != 0 ? -1 : check_entry_lists(v);
}

int graph_verify(const struct graph *graph, struct tfm_error *err) {
  struct arena arena;
  struct map entries, values, weights;
  arena_init(&arena, 0);
  map_init(&entries);
  map_init(&values);
  map_init(&weights);
  struct verify v = {graph, err, arena_alloc(&arena, graph->value_count),
                     arena_alloc(&arena, graph->value_count),
                     arena_array(&arena, graph->value_count, sizeof *v.list)};
  int status = arena_failed(&arena) ? error_oom(err) : check_all(&v, &entries, &values, &weights);
  map_finish(&weights);
  map_finish(&values);
  map_finish(&entries);
  arena_finish(&arena);
  return status;
}
