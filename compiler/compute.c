/* compute.c - exact integers, doubles, comparisons. */
#include "compiler/compute.h"

#include "base/checked.h"
#include "compiler/list.h"
#include "compiler/origin.h"

#include <math.h>
#include <string.h>

bool compute_is_number(const struct value *v) {
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

/* The quotient towards minus infinity, and the remainder that has the sign of y: so
 * x == (x // y) * y + x % y. */
static bool divide_down(struct compiler *c, enum ast_op op, const struct value *a,
                        const struct value *b, struct span span, int64_t *result) {
  int64_t x = a->integer, y = b->integer;
  if (y == 0 || (x == INT64_MIN && y == -1)) {
    fail_arithmetic(c, a, b, span,
                    y == 0 ? "a division by zero" : "an integer that does not fit into 64 bits");
    return false;
  }
  int64_t quotient = x / y, rest = x % y;
  bool down = rest != 0 && (rest < 0) != (y < 0);
  if (op == AST_OP_QUOTIENT)
    *result = down ? quotient - 1 : quotient;
  else
    *result = down ? rest + y : rest;
  return true;
}

/* Of an exponent from 0, by squaring; false when it does not fit. */
static bool raise(int64_t base, int64_t exponent, int64_t *result) {
  *result = 1;
  while (exponent > 0) {
    if (exponent % 2 == 1 && !checked_mul_i64(*result, base, result))
      return false;
    exponent /= 2;
    if (exponent > 0 && !checked_mul_i64(base, base, &base))
      return false;
  }
  return true;
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
  case AST_OP_POWER:
    fits = raise(a->integer, b->integer, &result);
    break;
  case AST_OP_REMAINDER:
  case AST_OP_QUOTIENT:
    if (!divide_down(c, op, a, b, span, &result))
      return value_error();
    break;
  default:
    if (!divide(c, a, b, span, &result))
      return value_error();
  }
  if (!fits) {
    struct report *r = fail_arithmetic(c, a, b, span, "an integer that does not fit into 64 bits");
    if (op == AST_OP_POWER)
      report_help(c, r, "a power of a real is a real: `%lld.0 ** ...`", (long long)a->integer);
    return value_error();
  }
  return (struct value){.kind = VALUE_INT, .integer = result};
}

static double reals(enum ast_op op, double x, double y) {
  switch (op) {
  case AST_OP_ADD:
    return x + y;
  case AST_OP_SUB:
    return x - y;
  case AST_OP_MUL:
    return x * y;
  case AST_OP_POWER:
    return pow(x, y);
  default:
    return x / y;
  }
}

static struct value arithmetic(struct compiler *c, enum ast_op op, const struct value *a,
                               const struct value *b, struct span span) {
  bool whole = a->kind == VALUE_INT && b->kind == VALUE_INT;
  if (whole && (op != AST_OP_POWER || b->integer >= 0))
    return integers(c, op, a, b, span);
  if (op == AST_OP_REMAINDER || op == AST_OP_QUOTIENT) {
    struct report *r = report(c, CODE_KIND, span, "`%s` is of integers, this is %s and %s",
                              ast_op_text(op), value_kind_name(a), value_kind_name(b));
    report_help(c, r, "`floor(x)` is the integer below a real");
    return value_error();
  }
  double x = as_real(a), y = as_real(b), result = reals(op, x, y);
  const char *why = NULL;
  if ((op == AST_OP_DIV && y == 0) || (op == AST_OP_POWER && x == 0 && y < 0))
    why = "a division by zero";
  else if (isnan(result))
    why = "a power of what is below zero, and its exponent is not whole";
  else if (!isfinite(result))
    why = "a real that is too large";
  if (why == NULL)
    return (struct value){.kind = VALUE_REAL, .real = result};
  fail_arithmetic(c, a, b, span, why);
  return value_error();
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

static bool is_object(const struct value *a, const struct value *b) {
  return a->kind == VALUE_JSON && b->kind == VALUE_JSON && !list_is(a) && !list_is(b);
}

static struct value membership(struct compiler *c, const struct value *value,
                               const struct value *list, struct span span) {
  if (list_is(list) && value->kind != VALUE_TENSOR && value->kind != VALUE_WEIGHT)
    return (struct value){.kind = VALUE_BOOL, .boolean = list_has(c, list, value, span)};
  struct report *r =
      report(c, CODE_KIND, span, "`in` needs a constant and a list, this is %s and %s",
             value_kind_name(value), value_kind_name(list));
  report_help(c, r, "it asks whether a list has an element: `i in [0, 2]`");
  return value_error();
}

static struct value comparison(struct compiler *c, enum ast_op op, const struct value *a,
                               const struct value *b, struct span span) {
  struct value result = {.kind = VALUE_BOOL};
  bool equality = op == AST_OP_EQ || op == AST_OP_NE;
  if (compute_is_number(a) && compute_is_number(b)) {
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
  if (equality && ((list_is(a) && list_is(b)) || is_object(a, b))) {
    result.boolean = list_same(c, a, b, span) == (op == AST_OP_EQ);
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
  case AST_OP_IN:
    return membership(c, left, right, span);
  default:
    break;
  }
  if (compute_is_number(left) && compute_is_number(right))
    return arithmetic(c, op, left, right, span);
  if (op == AST_OP_ADD && list_is(left) && list_is(right))
    return list_join(c, left, right, span);
  report(c, CODE_KIND, span, "`%s` cannot take %s and %s", ast_op_text(op), value_kind_name(left),
         value_kind_name(right));
  return value_error();
}
