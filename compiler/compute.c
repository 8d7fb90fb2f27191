/* compute.c - exact integers, doubles, comparisons. */
#include "compiler/compute.h"

#include "base/checked.h"
#include "compiler/origin.h"

#include <math.h>
#include <string.h>

static bool is_number(const struct value *v) {
  return v->kind == VALUE_INT || v->kind == VALUE_REAL;
}

static double as_real(const struct value *v) {
  return v->kind == VALUE_INT ? (double)v->integer : v->real;
}

static struct report *fail_arithmetic(struct compiler *c, const struct value *a,
                                      const struct value *b, struct span span, const char *what) {
  struct report *r = report(c, CODE_ARITHMETIC, span, "%s", what);
  origin_note(c, r, NULL, a);
  origin_note(c, r, NULL, b);
  return r;
}

static bool divide(struct compiler *c, const struct value *a, const struct value *b,
                   struct span span, int64_t *result) {
  long long x = a->integer, y = b->integer;
  if (y == 0) {
    fail_arithmetic(c, a, b, span, "a division by zero");
    return false;
  }
  if (x != INT64_MIN && x % y == 0) {
    *result = x / y;
    return true;
  }
  const char *what = compiler_printf(c, "%lld / %lld does not come out even", x, y);
  struct report *r = fail_arithmetic(c, a, b, span, what == NULL ? "" : what);
  report_help(c, r, "a division of integers must be exact; write a real for a quotient: `%lld.0`",
              y);
  return false;
}

static struct value integers(struct compiler *c, enum ast_op op, const struct value *a,
                             const struct value *b, struct span span) {
  int64_t result = 0;
  bool fits = true;
  switch (op) {
  case AST_OP_ADD:
    fits = checked_add_i64(a->integer, b->integer, &result);
    break;
  case AST_OP_SUB:
    fits = checked_sub_i64(a->integer, b->integer, &result);
    break;
  case AST_OP_MUL:
    fits = checked_mul_i64(a->integer, b->integer, &result);
    break;
  default:
    if (!divide(c, a, b, span, &result))
      return value_error();
  }
  if (!fits) {
    fail_arithmetic(c, a, b, span, "an integer that does not fit into 64 bits");
    return value_error();
  }
  return (struct value){.kind = VALUE_INT, .integer = result};
}

static struct value arithmetic(struct compiler *c, enum ast_op op, const struct value *a,
                               const struct value *b, struct span span) {
  if (a->kind == VALUE_INT && b->kind == VALUE_INT)
    return integers(c, op, a, b, span);
  double x = as_real(a), y = as_real(b), result;
  bool by_zero = op == AST_OP_DIV && y == 0;
  result = by_zero            ? 0
           : op == AST_OP_ADD ? x + y
           : op == AST_OP_SUB ? x - y
           : op == AST_OP_MUL ? x * y
                              : x / y;
  if (by_zero || !isfinite(result)) {
    fail_arithmetic(c, a, b, span, by_zero ? "a division by zero" : "a real that is too large");
    return value_error();
  }
  return (struct value){.kind = VALUE_REAL, .real = result};
}

static bool compare(double order, enum ast_op op) {
  switch (op) {
  case AST_OP_EQ:
    return order == 0;
  case AST_OP_NE:
    return order != 0;
  case AST_OP_LT:
    return order < 0;
  case AST_OP_LE:
    return order <= 0;
  case AST_OP_GT:
    return order > 0;
  default:
    return order >= 0;
  }
}

/* -1, 0, 1 without the rounding of a difference. */
static double order_of(const struct value *a, const struct value *b) {
  if (a->kind == VALUE_INT && b->kind == VALUE_INT)
    return (double)((a->integer > b->integer) - (a->integer < b->integer));
  double x = as_real(a), y = as_real(b);
  return (double)((x > y) - (x < y));
}

static struct value comparison(struct compiler *c, enum ast_op op, const struct value *a,
                               const struct value *b, struct span span) {
  struct value result = {.kind = VALUE_BOOL};
  bool equality = op == AST_OP_EQ || op == AST_OP_NE;
  if (is_number(a) && is_number(b)) {
    result.boolean = compare(order_of(a, b), op);
    return result;
  }
  if (a->kind == VALUE_STR && b->kind == VALUE_STR) {
    result.boolean = compare(strcmp(a->text, b->text), op);
    return result;
  }
  if (equality && a->kind == VALUE_BOOL && b->kind == VALUE_BOOL) {
    result.boolean = (a->boolean == b->boolean) == (op == AST_OP_EQ);
    return result;
  }
  if (equality && (a->kind == VALUE_NONE || b->kind == VALUE_NONE)) {
    result.boolean = (a->kind == b->kind) == (op == AST_OP_EQ);
    return result;
  }
  struct report *r = report(c, CODE_KIND, span, "`%s` cannot compare %s with %s", ast_op_text(op),
                            value_kind_name(a), value_kind_name(b));
  report_primary(c, r, "only values of a kind are compared, and tensors never");
  return value_error();
}

struct value compute_binary(struct compiler *c, enum ast_op op, const struct value *left,
                            const struct value *right, struct span span) {
  switch (op) {
  case AST_OP_EQ:
  case AST_OP_NE:
  case AST_OP_LT:
  case AST_OP_LE:
  case AST_OP_GT:
  case AST_OP_GE:
    return comparison(c, op, left, right, span);
  default:
    break;
  }
  if (is_number(left) && is_number(right))
    return arithmetic(c, op, left, right, span);
  report(c, CODE_KIND, span, "`%s` cannot take %s and %s", ast_op_text(op), value_kind_name(left),
         value_kind_name(right));
  return value_error();
}
