/* weight_expr.c - making them. */
#include "compiler/weight_expr.h"

#include "compiler/names.h"
#include "compiler/report.h"

#include <string.h>

struct value weight_expr_make(struct compiler *c, const struct weight_expr *from) {
  struct weight_expr *expr = compiler_alloc(c, 1, sizeof *expr);
  if (expr == NULL)
    return value_error();
  *expr = *from;
  expr->memo = compiler_alloc(c, 1, sizeof *expr->memo);
  if (expr->memo == NULL)
    return value_error();
  return (struct value){.kind = VALUE_WEIGHT, .weight = expr};
}

struct value weight_expr_named(struct compiler *c, struct symbol *symbol, struct span span) {
  struct weight_expr made = {.kind = WEIGHT_NAMED, .symbol = symbol, .span = span};
  symbol->used = true;
  return weight_expr_make(c, &made);
}

struct value weight_expr_over(struct compiler *c, struct weight_expr made,
                              const struct weight_expr *const *operand, uint32_t count) {
  const struct weight_expr **kept = compiler_alloc(c, count, sizeof *kept);
  if (kept == NULL)
    return value_error();
  memcpy(kept, operand, count * sizeof *kept);
  made.operand = kept;
  made.operand_count = count;
  return weight_expr_make(c, &made);
}

static const struct weight_expr *operand_of(struct compiler *c, const struct value *value,
                                            struct span span) {
  struct weight_expr made = {.kind = WEIGHT_VIEW, .view = GRAPH_WEIGHT_NUMBER, .span = span};
  if (value->kind == VALUE_WEIGHT)
    return value->weight;
  made.number = value->kind == VALUE_INT ? (double)value->integer : value->real;
  struct value number = weight_expr_make(c, &made);
  return number.kind == VALUE_WEIGHT ? number.weight : NULL;
}

struct value weight_expr_computed(struct compiler *c, enum graph_weight_kind op,
                                  const struct value *a, const struct value *b, struct span span) {
  const struct weight_expr *operand[] = {operand_of(c, a, span), operand_of(c, b, span)};
  if (operand[0] == NULL || operand[1] == NULL)
    return value_error();
  struct weight_expr made = {.kind = WEIGHT_VIEW, .view = op, .span = span};
  return weight_expr_over(c, made, operand, 2);
}

const struct weight_expr *weight_expr_main(const struct weight_expr *expr) {
  if ((expr->kind != WEIGHT_VIEW && expr->kind != WEIGHT_FIRST) || expr->operand_count == 0)
    return NULL;
  const struct weight_expr *first = expr->operand[0];
  bool number = first->kind == WEIGHT_VIEW && first->view == GRAPH_WEIGHT_NUMBER;
  return number && expr->operand_count > 1 ? expr->operand[1] : first;
}

struct value weight_expr_first(struct compiler *c, const struct value *left,
                               const struct value *right, struct span span) {
  if (right->kind != VALUE_WEIGHT) {
    report(c, CODE_KIND, span, "`??` cannot take a weight and %s", value_kind_name(right));
    return value_error();
  }
  const struct weight_expr *operand[] = {left->weight, right->weight};
  return weight_expr_over(c, (struct weight_expr){.kind = WEIGHT_FIRST, .span = span}, operand, 2);
}
