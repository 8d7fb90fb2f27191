/* ragged.c - which dims differ by row, and what follows for values and nodes. */
#include "runtime/ragged.h"

#include "base/checked.h"
#include "graph/source.h"
#include "tfm/plugin.h"

#include <string.h>

/* ---------------------------------------------------------------- classifying */

/* The one run-time dim that this is; false for numbers and for what is computed of dims. */
static bool single_dim(const struct dim *dim, uint32_t *variable) {
  for (uint32_t v = 0; v < DIM_VARIABLES; v++) {
    struct dim alone = dim_variable(v);
    if (dim_equal(dim, &alone)) {
      *variable = v;
      return true;
    }
  }
  return false;
}

/* The inputs that have a source: rows along the first axis, tokens along the second. */
static void find_dims(struct ragged *ragged) {
  const struct graph *graph = ragged->graph;
  uint32_t v;
  for (uint32_t i = 0; i < graph->input_count; i++) {
    const struct type *type = &graph->value[graph->input[i].value].type;
    if (source_is(graph->input[i].source, GRAPH_SOURCE_FEED))
      continue;
    if (type->rank > 0 && ragged->batch == GRAPH_NONE && single_dim(&type->shape[0], &v))
      ragged->batch = (int32_t)v;
    if (type->rank > 1 && single_dim(&type->shape[1], &v))
      ragged->differ |= 1u << v;
  }
  /* Without a dim for the rows there is no telling them apart: a rectangle. */
  ragged->differ &= ragged->batch == GRAPH_NONE ? 0 : ~(1u << ragged->batch);
}

uint32_t ragged_dims(const struct dim *dim) {
  uint32_t dims = 0;
  for (uint32_t t = 0; t < dim->count; t++)
    for (uint32_t v = 0; v < DIM_VARIABLES; v++)
      if (dim->term[t].power[v])
        dims |= 1u << v;
  return dims;
}

static struct ragged_value layout_of(const struct ragged *ragged, const struct type *type) {
  uint32_t own = ragged->differ, first = 0, second = 0, rest = 0, v;
  if (ragged->batch != GRAPH_NONE)
    own |= 1u << ragged->batch;
  if (!dtype_is_tensor(type->dtype))
    return (struct ragged_value){.kind = RAGGED_SHARED};
  for (uint32_t i = 0; i < type->rank; i++)
    *(i == 0 ? &first : i == 1 ? &second : &rest) |= ragged_dims(&type->shape[i]) & own;
  if ((first | second | rest) == 0)
    return (struct ragged_value){.kind = RAGGED_SHARED};
  if (rest != 0 || !single_dim(&type->shape[0], &v) || (int32_t)v != ragged->batch)
    return (struct ragged_value){.kind = RAGGED_APART};
  if (second == 0)
    return (struct ragged_value){.kind = RAGGED_ROWS};
  if (single_dim(&type->shape[1], &v) && (ragged->differ >> v & 1) != 0)
    return (struct ragged_value){.kind = RAGGED_TOKENS, .dim = v};
  return (struct ragged_value){.kind = RAGGED_APART};
}

static bool find_apart(const struct ragged *ragged, const int32_t *value, uint32_t count,
                       int32_t *found) {
  for (uint32_t i = 0; i < count; i++)
    if (value[i] != GRAPH_NONE && ragged->value[value[i]].kind == RAGGED_APART) {
      *found = value[i];
      return true;
    }
  return false;
}

static bool has_tokens(const struct ragged *ragged, const int32_t *value, uint32_t count) {
  for (uint32_t i = 0; i < count; i++)
    if (value[i] != GRAPH_NONE && (ragged->value[value[i]].kind == RAGGED_TOKENS ||
                                   dtype_is_state(ragged->graph->value[value[i]].type.dtype)))
      return true;
  return false;
}

static bool makes_mask(const struct graph *graph, const struct graph_node *node) {
  for (uint32_t i = 0; i < node->output_count; i++)
    if (dtype_is_formula(graph->value[node->output[i]].type.dtype))
      return true;
  return false;
}

/* In the graph's order, so that what a node reads is known before it.  A mask that is made a
 * row at a time is one for each row, and so is one that is made of such. */
static void decide(struct ragged *ragged, uint32_t n, bool knows) {
  const struct graph *graph = ragged->graph;
  const struct graph_node *node = &graph->node[n];
  struct ragged_node *out = &ragged->node[n];
  out->because = GRAPH_NONE;
  if (ragged->batch == GRAPH_NONE)
    return;
  bool mask = makes_mask(graph, node);
  out->apart = find_apart(ragged, node->input, node->input_count, &out->because) ||
               find_apart(ragged, node->output, node->output_count, &out->because) ||
               (!knows && mask) ||
               (!knows && node->mixes && has_tokens(ragged, node->input, node->input_count));
  for (uint32_t i = 0; out->apart && i < node->output_count; i++)
    if (dtype_is_formula(graph->value[node->output[i]].type.dtype))
      ragged->value[node->output[i]].kind = RAGGED_APART;
}

int ragged_create(const struct graph *graph, const bool *knows, struct arena *arena,
                  struct ragged **out, struct tfm_error *err) {
  struct ragged *ragged = arena_alloc(arena, sizeof *ragged);
  *out = ragged;
  if (ragged == NULL)
    return error_oom(err);
  *ragged = (struct ragged){.graph = graph, .batch = GRAPH_NONE};
  ragged->value = arena_array(arena, graph->value_count, sizeof *ragged->value);
  ragged->node = arena_array(arena, graph->node_count, sizeof *ragged->node);
  if (ragged->value == NULL || ragged->node == NULL)
    return error_oom(err);
  find_dims(ragged);
  for (uint32_t v = 0; v < graph->value_count; v++)
    ragged->value[v] = layout_of(ragged, &graph->value[v].type);
  for (uint32_t n = 0; n < graph->node_count; n++)
    decide(ragged, n, knows == NULL || knows[n]);
  return 0;
}

void ragged_explain(const struct ragged *ragged, uint32_t node, struct buffer *out) {
  const struct graph *graph = ragged->graph;
  const char *names[DIM_VARIABLES] = {0};
  if (!ragged->node[node].apart)
    return;
  buffer_puts(out, "; a row at a time: ");
  if (ragged->node[node].because == GRAPH_NONE) {
    buffer_puts(out, "the kernel does not know rows");
    return;
  }
  const struct graph_value *value = &graph->value[ragged->node[node].because];
  if (dtype_is_formula(value->type.dtype)) {
    buffer_printf(out, "`%s` is a %s for each row", value->name, dtype_name(value->type.dtype));
    return;
  }
  for (uint32_t d = 0; d < graph->dim_count && d < DIM_VARIABLES; d++)
    names[d] = graph->dim[d].name;
  buffer_printf(out, "`%s` is [", value->name);
  for (uint32_t i = 0; i < value->type.rank; i++) {
    buffer_puts(out, i > 0 ? ", " : "");
    dim_print(&value->type.shape[i], names, out);
  }
  buffer_putc(out, ']');
}

/* ---------------------------------------------------------------------- sizes */

uint32_t ragged_rows(const struct ragged *ragged, const struct ragged_batch *batch) {
  if (ragged->batch == GRAPH_NONE)
    return 1;
  int64_t rows = batch->variable[ragged->batch];
  return rows < 0 ? 0 : rows > INT32_MAX ? INT32_MAX : (uint32_t)rows;
}

static bool eval(const struct type *type, const int64_t *variable, int64_t *shape) {
  for (uint32_t i = 0; i < type->rank; i++) {
    uint32_t dims = ragged_dims(&type->shape[i]);
    for (uint32_t v = 0; v < DIM_VARIABLES; v++)
      if ((dims >> v & 1) != 0 && variable[v] < 0)
        return false;
    if (!dim_eval(&type->shape[i], variable, &shape[i]) || shape[i] < 0)
      return false;
  }
  return true;
}

static const struct type *type_of(const struct ragged *ragged, int32_t value) {
  return &ragged->graph->value[value].type;
}

bool ragged_rectangle(const struct ragged *ragged, int32_t value, const struct ragged_batch *batch,
                      int64_t *shape) {
  return eval(type_of(ragged, value), batch->variable, shape);
}

/* All rows' tokens along a dim that differs by row. */
static bool total(const struct ragged *ragged, const struct ragged_batch *batch, uint32_t dim,
                  int64_t *out) {
  int64_t rows = batch->variable[ragged->batch];
  size_t tokens;
  if (batch->begin[dim] != NULL) {
    *out = batch->begin[dim][rows];
    return true;
  }
  if (batch->variable[dim] < 0 ||
      !checked_mul((size_t)batch->variable[dim], (size_t)rows, &tokens) || tokens > INT64_MAX)
    return false;
  *out = (int64_t)tokens;
  return true;
}

bool ragged_stored(const struct ragged *ragged, int32_t value, const struct ragged_batch *batch,
                   int64_t *shape) {
  int64_t variable[DIM_VARIABLES];
  if (ragged->value[value].kind != RAGGED_TOKENS)
    return ragged_rectangle(ragged, value, batch, shape);
  if (batch->variable[ragged->batch] < 0)
    return false;
  memcpy(variable, batch->variable, sizeof variable);
  variable[ragged->batch] = 1;
  return total(ragged, batch, ragged->value[value].dim, &variable[ragged->value[value].dim]) &&
         eval(type_of(ragged, value), variable, shape);
}

bool ragged_row(const struct ragged *ragged, int32_t value, const struct ragged_batch *batch,
                uint32_t row, int64_t *shape) {
  int64_t variable[DIM_VARIABLES];
  memcpy(variable, batch->variable, sizeof variable);
  if (ragged->batch != GRAPH_NONE)
    variable[ragged->batch] = 1;
  for (uint32_t v = 0; v < DIM_VARIABLES; v++)
    if ((ragged->differ >> v & 1) != 0 && batch->begin[v] != NULL)
      variable[v] = batch->begin[v][row + 1] - batch->begin[v][row];
  return eval(type_of(ragged, value), variable, shape);
}

static bool bytes_of(const struct type *type, const int64_t *shape, size_t *size) {
  size_t bytes = sizeof(float);
  if (dtype_is_formula(type->dtype))
    bytes = sizeof(tfm_mask);
  else if (dtype_is_state(type->dtype))
    bytes = 0;
  else if (type->dtype != DTYPE_NONE)
    bytes = dtype_size(type->dtype);
  for (uint32_t i = 0; dtype_is_tensor(type->dtype) && i < type->rank; i++)
    if (!checked_mul(bytes, (size_t)shape[i], &bytes) || bytes > (size_t)INT64_MAX)
      return false;
  *size = bytes;
  return true;
}

bool ragged_size(const struct ragged *ragged, int32_t value, const struct ragged_batch *batch,
                 size_t *offset, size_t *size) {
  const struct type *type = type_of(ragged, value);
  int64_t shape[TFM_MAX_RANK];
  size_t row, sum = 0;
  if (ragged->value[value].kind != RAGGED_APART)
    return ragged_stored(ragged, value, batch, shape) && bytes_of(type, shape, size);
  uint32_t rows = ragged_rows(ragged, batch);
  for (uint32_t b = 0; b < rows; b++) {
    if (offset != NULL)
      offset[b] = sum;
    if (!ragged_row(ragged, value, batch, b, shape) || !bytes_of(type, shape, &row) ||
        !checked_add(row, RAGGED_ALIGNMENT - 1, &row) ||
        !checked_add(sum, row & ~(size_t)(RAGGED_ALIGNMENT - 1), &sum) || sum > (size_t)INT64_MAX)
      return false;
  }
  if (offset != NULL)
    offset[rows] = sum;
  *size = sum;
  return true;
}
