/* arithmetic.c - which op an operator is, by what it stands between.
 *
 *     weight, weight or number     a weight, computed when the model is loaded
 *     tensor, weight               the weight becomes a tensor
 *     tensor * 2.0, tensor / 2.0   scale
 *     tensor + 2, 1 / tensor       the number becomes a tensor [1]
 */
#include "compiler/arithmetic.h"

#include "compiler/cell.h"
#include "compiler/ir.h"
#include "compiler/node.h"
#include "compiler/report.h"
#include "compiler/weight_expr.h"

static bool is_number(const struct value *value) {
  return value->kind == VALUE_INT || value->kind == VALUE_REAL;
}

static bool is_operand(const struct value *value) {
  return value->kind == VALUE_TENSOR || value->kind == VALUE_WEIGHT || is_number(value);
}

static struct value fail_kinds(struct compiler *c, const struct ast_expr *expr,
                               const struct value *left, const struct value *right) {
  report(c, CODE_KIND, expr->span, "`%s` cannot take %s and %s", ast_op_text(expr->binary.op),
         value_kind_name(left), value_kind_name(right));
  return value_error();
}

static const struct ctype *type_of(const struct compiler *c, const struct value *tensor) {
  return &c->value[tensor->tensor].type;
}

/* x * 2.0 or x / 2.0 of floats: one op, without a tensor for the number. */
static bool scales(struct compiler *c, enum ast_op op, const struct value *left,
                   const struct value *right) {
  const struct value *tensor = left->kind == VALUE_TENSOR ? left : right;
  return type_of(c, tensor)->dtype == DTYPE_NONE &&
         (op == AST_OP_MUL || (op == AST_OP_DIV && is_number(right)));
}

static struct value scale(struct compiler *c, const struct ast_expr *expr, const struct value *left,
                          const struct value *right) {
  const struct value *tensor = left->kind == VALUE_TENSOR ? left : right;
  const struct value *number = left->kind == VALUE_TENSOR ? right : left;
  double factor = number->kind == VALUE_INT ? (double)number->integer : number->real;
  return node_scale(c, tensor->tensor, expr->binary.op == AST_OP_DIV ? 1.0 / factor : factor,
                    expr->span);
}

/* What stands beside `other` as a tensor; GRAPH_NONE after a report. */
static int32_t as_tensor(struct compiler *c, const struct value *value, const struct value *other,
                         struct span span) {
  struct value made = *value;
  if (value->kind == VALUE_WEIGHT)
    made = node_weight(c, value->weight, span);
  else if (is_number(value))
    made = node_number(c, value, type_of(c, other)->dtype, span);
  return made.kind == VALUE_TENSOR ? made.tensor : GRAPH_NONE;
}

static struct value of_tensors(struct compiler *c, const struct ast_expr *expr,
                               const struct value *left, const struct value *right) {
  if (is_number(left) || is_number(right)) {
    enum dtype dtype = type_of(c, is_number(left) ? right : left)->dtype;
    if (dtype != DTYPE_NONE && dtype != DTYPE_I32)
      return fail_kinds(c, expr, left, right);
    if (scales(c, expr->binary.op, left, right))
      return scale(c, expr, left, right);
  }
  int32_t a = as_tensor(c, left, right, expr->binary.left->span);
  int32_t b = as_tensor(c, right, left, expr->binary.right->span);
  return a == GRAPH_NONE || b == GRAPH_NONE ? value_error() : node_binary(c, expr, a, b);
}

struct value arithmetic_binary(struct compiler *c, const struct ast_expr *expr,
                               const struct value *left, const struct value *right) {
  enum ast_op op = expr->binary.op;
  bool mask = op == AST_OP_MASK_OR || op == AST_OP_MASK_AND;
  bool tensor = left->kind == VALUE_TENSOR || right->kind == VALUE_TENSOR;
  if (!is_operand(left) || !is_operand(right) ||
      (mask && (left->kind != VALUE_TENSOR || right->kind != VALUE_TENSOR)))
    return fail_kinds(c, expr, left, right);
  bool by_zero = (right->kind == VALUE_INT && right->integer == 0) ||
                 (right->kind == VALUE_REAL && !(right->real < 0) && !(right->real > 0));
  if (op == AST_OP_DIV && by_zero) {
    report(c, CODE_ARITHMETIC, expr->span, "a division by zero");
    return value_error();
  }
  if (tensor)
    return of_tensors(c, expr, left, right);
  enum graph_weight_kind kind = op == AST_OP_ADD   ? GRAPH_WEIGHT_ADD
                                : op == AST_OP_SUB ? GRAPH_WEIGHT_SUB
                                : op == AST_OP_MUL ? GRAPH_WEIGHT_MUL
                                                   : GRAPH_WEIGHT_DIV;
  return weight_expr_computed(c, kind, left, right, expr->span);
}

struct value arithmetic_negate(struct compiler *c, const struct ast_expr *expr,
                               const struct value *value) {
  struct value minus = {.kind = VALUE_INT, .integer = -1};
  if (value->kind == VALUE_WEIGHT)
    return weight_expr_computed(c, GRAPH_WEIGHT_MUL, &minus, value, expr->span);
  if (type_of(c, value)->dtype == DTYPE_NONE)
    return node_scale(c, value->tensor, -1.0, expr->span);
  struct value number = node_number(c, &minus, type_of(c, value)->dtype, expr->span);
  const int32_t input[] = {value->tensor, number.kind == VALUE_TENSOR ? number.tensor : GRAPH_NONE};
  return number.kind != VALUE_TENSOR ? value_error()
                                     : node_role(c, TFM_ROLE_MUL, input, 2, expr->span);
}
