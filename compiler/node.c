/* node.c - nodes with their names, types and attributes. */
#include "compiler/node.h"

#include "compiler/attr.h"
#include "compiler/frame.h"
#include "compiler/ir.h"
#include "compiler/naming.h"
#include "compiler/report.h"
#include "compiler/tensor.h"
#include "compiler/types.h"
#include "compiler/weight.h"

#include <string.h>

bool node_allocate(struct compiler *c, struct op_call *call) {
  const struct op_schema *s = call->op->schema;
  call->input = compiler_alloc(c, s->input_count, sizeof *call->input);
  call->input_span = compiler_alloc(c, s->input_count, sizeof *call->input_span);
  call->weight = compiler_alloc(c, s->weight_count, sizeof *call->weight);
  call->weight_type = compiler_alloc(c, s->weight_count, sizeof *call->weight_type);
  call->weight_span = compiler_alloc(c, s->weight_count, sizeof *call->weight_span);
  call->attr = compiler_alloc(c, s->attr_count, sizeof *call->attr);
  call->attr_span = compiler_alloc(c, s->attr_count, sizeof *call->attr_span);
  if (c->stop)
    return false;
  for (uint32_t i = 0; i < s->input_count; i++)
    call->input[i] = GRAPH_NONE;
  for (uint32_t i = 0; i < s->weight_count; i++)
    call->weight[i] = WEIGHT_ABSENT;
  for (uint32_t i = 0; i < s->attr_count; i++) {
    call->attr[i] = value_none();
    call->attr_span[i] = call->span;
  }
  return true;
}

static const char *short_name(const char *op) {
  const char *dot = strrchr(op, '.');
  return dot == NULL ? op : dot + 1;
}

/* Where the weights live names the value: the scope's path, or that of the
 * first weight when it ends in the slot's own name; else the op's name. */
static const char *node_name(struct compiler *c, const struct op_call *call) {
  const struct op_schema *s = call->op->schema;
  if (call->name != NULL && call->name[0] != '\0')
    return naming_take(c, call->name);
  if (s->weight_count > 0 && s->weight[0].group == SCHEMA_NONE && call->home != NULL &&
      naming_is_free(c, call->home))
    return naming_take(c, call->home);
  const char *base = naming_in_scope(c, short_name(call->op->name));
  return base == NULL ? NULL : naming_take(c, base);
}

/* A mask's formula has one term for each op that made it, a bias's for each but a sum. */
static bool count_terms(struct compiler *c, const struct op_call *call, struct ir_value *value) {
  if (!dtype_is_formula(value->type.dtype))
    return true;
  value->mask_terms = call->op->desc->role == TFM_ROLE_BIAS_ADD ? 0 : 1;
  for (uint32_t i = 0; i < call->op->schema->input_count; i++)
    if (call->input[i] != GRAPH_NONE)
      value->mask_terms += c->value[call->input[i]].mask_terms;
  if (value->mask_terms <= TFM_MASK_TERMS)
    return true;
  report(c, CODE_MASK_TERMS, call->span, "a %s of %u terms and operators, at most %d are possible",
         dtype_name(value->type.dtype), value->mask_terms, TFM_MASK_TERMS);
  return false;
}

static struct value outputs_value(struct compiler *c, const struct ir_node *node) {
  if (node->output_count == 1)
    return (struct value){.kind = VALUE_TENSOR, .tensor = node->output[0]};
  struct value *item = compiler_alloc(c, node->output_count, sizeof *item);
  if (item == NULL)
    return value_error();
  for (uint32_t i = 0; i < node->output_count; i++)
    item[i] = (struct value){.kind = VALUE_TENSOR, .tensor = node->output[i]};
  return (struct value){.kind = VALUE_TUPLE, .list = {.item = item, .count = node->output_count}};
}

static struct value make_node(struct compiler *c, struct op_call *call) {
  const struct op_schema *s = call->op->schema;
  if (!ir_room_for_node(c, call->span))
    return value_error();
  struct ir_node node = {.op = call->op,
                         .input_count = s->input_count,
                         .weight_count = s->weight_count,
                         .output_count = call->output_count,
                         .input = call->input,
                         .weight = call->weight,
                         .when = c->when,
                         .layer = GRAPH_NONE,
                         .perhaps = c->sides > 0,
                         .span = call->span};
  for (const struct frame *f = c->frame; f != NULL && node.layer == GRAPH_NONE; f = f->caller)
    if (f->loop != NULL)
      node.layer = (int32_t)f->loop->index;
  const char *name = node_name(c, call);
  node.attr = attr_list(c, call, &node.attr_count);
  node.output = compiler_alloc(c, node.output_count, sizeof *node.output);
  if (name == NULL || node.attr == NULL || node.output == NULL)
    return value_error();
  for (uint32_t i = 0; i < node.output_count; i++) {
    struct ir_value value = {.name = i == 0 ? name : compiler_printf(c, "%s:%u", name, i),
                             .type = call->output[i],
                             .node = (int32_t)c->node_count,
                             .output = i,
                             .span = call->span};
    if (!count_terms(c, call, &value) || (node.output[i] = ir_add_value(c, &value)) == GRAPH_NONE)
      return value_error();
  }
  c->node[c->node_count++] = node;
  return outputs_value(c, &node);
}

struct value node_hole(struct compiler *c, const struct ctype *type, struct span span) {
  struct ir_value hole = {.name = "?", .type = *type, .node = GRAPH_NONE, .span = span};
  int32_t value = ir_add_value(c, &hole);
  if (value == GRAPH_NONE)
    return value_error();
  return (struct value){.kind = VALUE_TENSOR, .tensor = value};
}

static struct value holes(struct compiler *c, const struct op_call *call) {
  if (call->output_count == 1)
    return node_hole(c, &call->output[0], call->span);
  struct value *item = compiler_alloc(c, call->output_count, sizeof *item);
  for (uint32_t i = 0; item != NULL && i < call->output_count; i++)
    item[i] = node_hole(c, &call->output[i], call->span);
  return item == NULL ? value_error()
                      : (struct value){.kind = VALUE_TUPLE,
                                       .list = {.item = item, .count = call->output_count}};
}

struct value node_finish(struct compiler *c, struct op_call *call) {
  if (types_call(c, call))
    return make_node(c, call);
  return c->stop || call->output_count == 0 ? value_error() : holes(c, call);
}

/* What is to be computed where the op of a role is not there. */
static const char *const role_text[TFM_ROLES] = {
    [TFM_ROLE_ADD] = "`+`",
    [TFM_ROLE_SUB] = "`-`",
    [TFM_ROLE_MUL] = "`*`",
    [TFM_ROLE_DIV] = "`/`",
    [TFM_ROLE_BIAS_ADD] = "`+` of two biases",
    [TFM_ROLE_MASK_AND] = "`&`",
    [TFM_ROLE_MASK_OR] = "`|`",
    [TFM_ROLE_SCALE] = "a tensor times a number",
    [TFM_ROLE_CONSTANT] = "a number or a weight beside a tensor",
    [TFM_ROLE_LAST_TOKEN] = "the last token of each text",
};

/* The op of a role, which takes so much; NULL after a report. */
static const struct op *op_of_role(struct compiler *c, uint32_t role, uint32_t inputs,
                                   uint32_t attrs, struct span span) {
  const struct op *op = names_role(c, role);
  if (op != NULL && op->schema != NULL && op->schema->input_count == inputs &&
      op->schema->attr_count == attrs)
    return op;
  struct report *r =
      report(c, CODE_UNKNOWN_OP, span, "the op behind %s is not there", role_text[role]);
  report_primary(c, r, "this needs it");
  return NULL;
}

struct value node_role(struct compiler *c, uint32_t role, const int32_t *input, uint32_t count,
                       struct span span) {
  struct op_call call = {.op = op_of_role(c, role, count, 0, span), .span = span};
  if (call.op == NULL || !node_allocate(c, &call))
    return value_error();
  for (uint32_t i = 0; i < count; i++) {
    call.input[i] = input[i];
    call.input_span[i] = span;
  }
  return node_finish(c, &call);
}

static uint32_t role_of_operator(enum ast_op op) {
  switch (op) {
  case AST_OP_ADD:
    return TFM_ROLE_ADD;
  case AST_OP_SUB:
    return TFM_ROLE_SUB;
  case AST_OP_MUL:
    return TFM_ROLE_MUL;
  case AST_OP_DIV:
    return TFM_ROLE_DIV;
  case AST_OP_MASK_AND:
    return TFM_ROLE_MASK_AND;
  case AST_OP_MASK_OR:
    return TFM_ROLE_MASK_OR;
  default:
    return TFM_ROLE_NONE;
  }
}

struct value node_binary(struct compiler *c, const struct ast_expr *expr, int32_t left,
                         int32_t right) {
  struct op_call call = {.span = expr->span, .symbol = ast_op_text(expr->binary.op)};
  uint32_t role = role_of_operator(expr->binary.op);
  if (role == TFM_ROLE_ADD &&
      (c->value[left].type.dtype == DTYPE_BIAS || c->value[right].type.dtype == DTYPE_BIAS))
    role = TFM_ROLE_BIAS_ADD;
  call.op = op_of_role(c, role, 2, 0, expr->binary.op_span);
  if (call.op == NULL || !node_allocate(c, &call))
    return value_error();
  call.input[0] = left;
  call.input[1] = right;
  call.input_span[0] = expr->binary.left->span;
  call.input_span[1] = expr->binary.right->span;
  return node_finish(c, &call);
}

struct value node_scale(struct compiler *c, int32_t tensor, double by, struct span span) {
  struct op_call call = {.op = op_of_role(c, TFM_ROLE_SCALE, 1, 1, span), .span = span};
  if (call.op == NULL || !node_allocate(c, &call))
    return value_error();
  call.input[0] = tensor;
  call.input_span[0] = span;
  call.attr[0] = (struct value){.kind = VALUE_REAL, .real = by};
  return node_finish(c, &call);
}

struct value node_number(struct compiler *c, const struct value *number, enum dtype dtype,
                         struct span span) {
  struct op_call call = {.op = op_of_role(c, TFM_ROLE_CONSTANT, 0, 1, span), .span = span};
  if (call.op == NULL || !node_allocate(c, &call))
    return value_error();
  call.attr[0] = *number;
  if (dtype == DTYPE_NONE) {
    call.attr[0].real = number->kind == VALUE_INT ? (double)number->integer : number->real;
    call.attr[0].kind = VALUE_REAL;
  } else if (number->kind != VALUE_INT) {
    report(c, CODE_DTYPE, span, "a tensor of %s takes whole numbers, this is a real",
           dtype_name(dtype));
    return value_error();
  } else if (number->integer < INT32_MIN || number->integer > INT32_MAX) {
    report(c, CODE_ARITHMETIC, span, "%lld does not fit an i32", (long long)number->integer);
    return value_error();
  }
  return node_finish(c, &call);
}

struct value node_weight(struct compiler *c, const struct weight_expr *expr, struct span span) {
  struct op_call call = {.op = op_of_role(c, TFM_ROLE_CONSTANT, 0, 1, span), .span = span};
  struct weight_want want = {.rank = 1, .span = span};
  if (call.op == NULL || !node_allocate(c, &call) || call.op->schema->weight_count != 1)
    return value_error();
  call.weight_span[0] = span;
  call.weight[0] = weight_take(c, expr, &want, &call.weight_type[0]);
  if (call.weight[0] < 0)
    return value_error();
  const struct weight *weight = &c->weight[call.weight[0]];
  if (!dtype_is_float(weight->dtype)) {
    report_keyed(c, CODE_TENSOR_DTYPE, weight->name,
                 "tensor `%s` is %s in the checkpoint, and only floats can stand beside tensors",
                 weight->name, dtype_name(weight->dtype));
    return value_error();
  }
  call.weight_type[0].dtype = DTYPE_NONE;
  call.home = weight->name;
  return node_finish(c, &call);
}
