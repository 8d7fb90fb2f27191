#include "compiler/tokens.h"

#include "compiler/cell.h"
#include "compiler/ir.h"
#include "compiler/names.h"
#include "compiler/naming.h"
#include "compiler/node.h"
#include "compiler/report.h"
#include "graph/attr.h"
#include "graph/source.h"

#include <string.h>

static int64_t own_axis(const struct ir_node *node, uint32_t rank) {
  const tfm_attr *axis = attr_find(node->attr, node->attr_count, "axis");
  if (axis == NULL || axis->kind != TFM_ATTR_INT)
    return -1;
  return axis->integer < 0 ? axis->integer + rank : axis->integer;
}

/* Does an output have the schema's dim?  A mask or bias has those of all that it was made of. */
static bool in_outputs(const struct op_schema *schema, uint32_t dim) {
  for (uint32_t o = 0; o < schema->output_count; o++) {
    const struct schema_type *type = &schema->output[o].type;
    if (!schema->output[o].infer && dtype_is_formula(type->dtype))
      return true;
    for (uint32_t d = 0; !schema->output[o].infer && d < type->rank; d++)
      if (type->dim[d].kind == SCHEMA_DIM_VAR && type->dim[d].index == dim)
        return true;
  }
  return false;
}

static bool reads_state(const struct compiler *c, const struct ir_node *node) {
  for (uint32_t i = 0; i < node->input_count; i++)
    if (node->input[i] != GRAPH_NONE && dtype_is_state(c->value[node->input[i]].type.dtype))
      return true;
  return false;
}

/* Does the node keep apart what lies along this axis of its input?  What reads a state has
 * seen the tokens before, whatever its op says of itself. */
static bool keeps_apart(const struct compiler *c, const struct ir_node *node, uint32_t input,
                        uint32_t axis) {
  const struct op_schema *schema = node->op->schema;
  const struct schema_type *slot = &schema->input[input].type;
  uint32_t rank = c->value[node->input[input]].type.rank;
  if (!(node->op->desc->flags & TFM_OP_KEEPS_TOKENS) || !slot->has_dims || reads_state(c, node) ||
      own_axis(node, rank) == (int64_t)axis)
    return false;
  uint32_t rest = slot->ellipsis ? rank - slot->rank : 0;
  if (axis < rest)
    return true;
  const struct schema_dim *dim = &slot->dim[axis - rest];
  return dim->kind == SCHEMA_DIM_VAR && in_outputs(schema, dim->index);
}

/* A dim of run time; a number says nothing of where it is. */
static bool is_dim(const struct cell *cell, const struct dim *wanted) {
  struct dim dim;
  return cell_value(cell, &dim) && dim_equal(&dim, wanted);
}

static bool run_time_dim(const struct cell *cell, struct dim *out) {
  int64_t number;
  return cell != NULL && cell_value(cell, out) && !dim_is_number(out, &number);
}

bool tokens_mixes(const struct compiler *c, const struct ir_node *node) {
  struct dim batch, dim;
  bool rows = run_time_dim(c->batch, &batch);
  for (uint32_t i = 0; i < node->input_count; i++) {
    if (node->input[i] == GRAPH_NONE || !node->op->schema->input[i].type.has_dims)
      continue;
    const struct ctype *type = &c->value[node->input[i]].type;
    for (uint32_t d = 0; dtype_is_tensor(type->dtype) && d < type->rank; d++)
      if (run_time_dim(type->shape[d], &dim) && !(rows && dim_equal(&dim, &batch)) &&
          !keeps_apart(c, node, i, d))
        return true;
  }
  return false;
}

/* ---------------------------------------------------------------- the last token */

/* What becomes of the head's values. */
struct narrowing {
  struct compiler *c;
  struct dim tokens;
  struct span span; /* of what is added */
  uint32_t first, values;
  bool *wanted;  /* only its last token is read */
  bool *whole;   /* something reads all of it */
  bool *narrows; /* its node can make the last token alone */
};

/* [B, T, D], where T is the tokens. */
static bool has_tokens(const struct narrowing *n, int32_t value) {
  const struct ctype *type = &n->c->value[value].type;
  return dtype_is_tensor(type->dtype) && type->rank == 3 && is_dim(type->shape[1], &n->tokens);
}

/* Are there tokens along another axis than that of has_tokens?  The last of them would
 * have to be taken there, too. */
static bool has_tokens_elsewhere(const struct narrowing *n, int32_t value) {
  const struct ctype *type = &n->c->value[value].type;
  for (uint32_t d = 0; d < type->rank; d++)
    if ((d != 1 || type->rank != 3) && is_dim(type->shape[d], &n->tokens))
      return true;
  return false;
}

/* An input without tokens: 1 or nothing where they would be. */
static bool is_plain(const struct ctype *type) {
  struct dim dim;
  int64_t number;
  if (!dtype_is_tensor(type->dtype) || type->rank > 3)
    return false;
  return type->rank < 2 || (cell_value(type->shape[type->rank - 2], &dim) &&
                            dim_is_number(&dim, &number) && number == 1);
}

static bool can_narrow(const struct narrowing *n, const struct ir_node *node) {
  bool any = false;
  for (uint32_t i = 0; i < node->output_count; i++)
    if (n->whole[node->output[i]] || !n->wanted[node->output[i]] ||
        !has_tokens(n, node->output[i]) || has_tokens_elsewhere(n, node->output[i]))
      return false;
  for (uint32_t i = 0; i < node->input_count; i++) {
    if (node->input[i] == GRAPH_NONE)
      continue;
    if (has_tokens_elsewhere(n, node->input[i]))
      return false;
    if (!has_tokens(n, node->input[i])) {
      if (!is_plain(&n->c->value[node->input[i]].type))
        return false;
    } else if (!keeps_apart(n->c, node, i, 1)) {
      return false;
    } else {
      any = true;
    }
  }
  return any;
}

/* From the end: a node narrows when all that reads it does. */
static void decide(struct narrowing *n) {
  for (uint32_t i = n->c->node_count; i-- > n->first;) {
    const struct ir_node *node = &n->c->node[i];
    bool narrow = can_narrow(n, node);
    for (uint32_t k = 0; k < node->output_count; k++)
      n->narrows[node->output[k]] = narrow;
    for (uint32_t k = 0; k < node->input_count; k++)
      if (node->input[k] != GRAPH_NONE) {
        n->wanted[node->input[k]] = n->wanted[node->input[k]] || narrow;
        n->whole[node->input[k]] = n->whole[node->input[k]] || !narrow;
      }
  }
}

/* The last token of the text that is written, declared if the file does not. */
static int32_t last_input(struct compiler *c, int32_t like, struct span span) {
  const struct source_info *last = source_info(GRAPH_SOURCE_LAST);
  const char *source = last->name[c->two_texts ? GRAPH_SIDE_WRITTEN : GRAPH_SIDE_READ];
  for (uint32_t i = 0; i < c->value_count; i++)
    if (c->value[i].source != NULL && strcmp(c->value[i].source, source) == 0)
      return (int32_t)i;
  struct ir_value value = {.name = naming_take(c, last->stem),
                           .type = {.dtype = last->dtype, .rank = 1},
                           .node = GRAPH_NONE,
                           .source = source,
                           .span = span};
  value.type.shape[0] = c->value[like].type.shape[0];
  return value.name == NULL ? GRAPH_NONE : ir_add_value(c, &value);
}

/* The last node goes to this place, those behind it one further. */
static void move_last(struct compiler *c, uint32_t to) {
  struct ir_node node = c->node[c->node_count - 1];
  memmove(&c->node[to + 1], &c->node[to], (c->node_count - 1 - to) * sizeof node);
  c->node[to] = node;
  for (uint32_t i = to; i < c->node_count; i++)
    for (uint32_t k = 0; k < c->node[i].output_count; k++)
      c->value[c->node[i].output[k]].node = (int32_t)i;
}

/* The last token of x, as soon as x is there; GRAPH_NONE after a report. */
static int32_t cut(struct narrowing *n, int32_t x) {
  struct compiler *c = n->c;
  const int32_t input[] = {x, last_input(c, x, n->span)};
  struct value made = input[1] == GRAPH_NONE ? (struct value){0}
                                             : node_role(c, TFM_ROLE_LAST_TOKEN, input, 2, n->span);
  if (made.kind != VALUE_TENSOR)
    return GRAPH_NONE;
  uint32_t behind = (uint32_t)(c->value[x].node + 1); /* 0 for an input */
  move_last(c, behind > n->first ? behind : n->first);
  return made.tensor;
}

/* Readers that narrow take `cut` in place of x. */
static void replace(struct narrowing *n, int32_t x, int32_t with) {
  for (uint32_t i = n->first; i < n->c->node_count; i++) {
    struct ir_node *node = &n->c->node[i];
    if ((uint32_t)node->output[0] >= n->values || !n->narrows[node->output[0]])
      continue;
    for (uint32_t k = 0; k < node->input_count; k++)
      if (node->input[k] == x)
        node->input[k] = with;
  }
}

static void narrow(struct narrowing *n, struct result *result) {
  int32_t end = result->value.tensor;
  for (uint32_t v = 0; v < n->values && !n->c->stop; v++) {
    if (!n->wanted[v] || n->narrows[v] || !has_tokens(n, (int32_t)v))
      continue;
    int32_t made = cut(n, (int32_t)v);
    if (made == GRAPH_NONE)
      return;
    replace(n, (int32_t)v, made);
    if ((int32_t)v == end)
      result->value.tensor = made;
  }
  for (uint32_t v = 0; v < n->values; v++)
    if (n->narrows[v])
      n->c->value[v].type.shape[1] = cell_number(n->c->arena, 1, NULL);
}

void tokens_take_last(struct compiler *c, struct results *results, uint32_t first,
                      struct span span) {
  struct narrowing n = {.c = c, .span = span, .first = first, .values = c->value_count};
  struct result *result = results->count == 1 ? &results->item[0] : NULL;
  const struct op *op = names_role(c, TFM_ROLE_LAST_TOKEN);
  for (uint32_t i = 0; i < results->count; i++)
    if (results->item[i].name != NULL && strcmp(results->item[i].name, "logits") == 0)
      result = &results->item[i];
  if (op == NULL || op->schema == NULL || result == NULL || result->value.kind != VALUE_TENSOR)
    return;
  const struct ctype *type = &c->value[result->value.tensor].type;
  if (type->rank != 3 || !run_time_dim(type->shape[1], &n.tokens))
    return;
  n.wanted = compiler_alloc(c, n.values, sizeof *n.wanted);
  n.whole = compiler_alloc(c, n.values, sizeof *n.whole);
  n.narrows = compiler_alloc(c, n.values, sizeof *n.narrows);
  if (n.wanted == NULL || n.whole == NULL || n.narrows == NULL)
    return;
  for (uint32_t i = 0; i < results->count; i++)
    if (&results->item[i] != result && results->item[i].value.kind == VALUE_TENSOR)
      n.whole[results->item[i].value.tensor] = true;
  n.wanted[result->value.tensor] = true;
  decide(&n);
  narrow(&n, result);
}

/* --------------------------------------------------------------- beside a state */

static void refuse(struct compiler *c, const struct ir_node *node, uint32_t input) {
  bool flagged = (node->op->desc->flags & TFM_OP_KEEPS_TOKENS) != 0;
  struct report *r =
      report(c, CODE_GRAPH, node->span,
             "beside a state, `%s` would see the new tokens of a step and not those before",
             node->op->name);
  report_primary(c, r, "its `%s` is %s", node->op->schema->input[input].name,
                 compiler_type_text(c, &c->value[node->input[input]].type));
  if (flagged)
    report_help(c, r,
                "it mixes the tokens of a text: use it in a model without a state, or give "
                "it a cache if it takes one");
  else
    report_help(c, r,
                "a plugin's op that keeps tokens apart says so: TFM_OP_KEEPS_TOKENS among "
                "the flags of its descriptor");
}

/* The first input along whose tokens the node mixes; GRAPH_NONE = there is none. */
static int32_t mixed_input(const struct compiler *c, const struct ir_node *node,
                           const struct dim *tokens) {
  for (uint32_t i = 0; i < node->input_count; i++) {
    if (node->input[i] == GRAPH_NONE || !node->op->schema->input[i].type.has_dims)
      continue;
    const struct ctype *type = &c->value[node->input[i]].type;
    for (uint32_t d = 0; d < type->rank; d++)
      if (is_dim(type->shape[d], tokens) && !keeps_apart(c, node, i, d))
        return (int32_t)i;
  }
  return GRAPH_NONE;
}

void tokens_check(struct compiler *c) {
  struct dim tokens;
  bool state = false;
  for (uint32_t i = 0; i < c->value_count; i++)
    state = state || (c->value[i].state && c->value[i].live);
  if (!state || !run_time_dim(c->tokens[c->two_texts], &tokens))
    return;
  for (uint32_t i = 0; i < c->node_count && !c->stop; i++) {
    const struct ir_node *node = &c->node[i];
    if (!node->live || node->when != GRAPH_STEP || reads_state(c, node) ||
        node->op->desc->role == TFM_ROLE_LAST_TOKEN)
      continue;
    int32_t input = mixed_input(c, node, &tokens);
    if (input != GRAPH_NONE)
      refuse(c, node, (uint32_t)input);
  }
}
