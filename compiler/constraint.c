/* constraint.c - the small language of schemas, over a call's dims and attributes. */
#include "compiler/constraint.h"

#include "compiler/compute.h"
#include "compiler/origin.h"

#include <string.h>

/* ------------------------------------------------------------------- arithmetic */

struct cell *constraint_number(struct typing *t, int64_t number, const struct origin *origin) {
  struct cell *cell = cell_number(t->c->arena, number, origin);
  if (cell == NULL)
    compiler_oom(t->c);
  return cell;
}

static bool mentions(const struct ast_expr *expr, const char *name) {
  if (expr->kind == AST_EXPR_BINARY)
    return mentions(expr->binary.left, name) || mentions(expr->binary.right, name);
  return expr->kind == AST_EXPR_NAME && strcmp(expr->text, name) == 0;
}

/* The attributes that expr mentions. */
static void note_attrs(struct typing *t, struct report *r, const struct ast_expr *expr) {
  for (uint32_t i = 0; i < t->schema->attr_count; i++)
    if (mentions(expr, t->schema->attr[i].name))
      origin_note(t->c, r, t->schema->attr[i].name, &t->call->attr[i]);
}

/* left / right is no integer. */
static void fail_division(struct typing *t, const struct ast_expr *expr, const struct cell *left,
                          const struct cell *right) {
  const char *story = typing_story(t->c, left), *text = compiler_cell_text(t->c, left);
  struct report *r =
      report(t->c, CODE_CONSTRAINT, t->call->span, "`%s`: `%s` does not come out even: %s / %s",
             t->call->op->name, compiler_span_text(t->c, expr->span), text,
             compiler_cell_text(t->c, right));
  if (strcmp(story, text) != 0)
    report_note(t->c, r, "%s", story);
  note_attrs(t, r, expr);
  typing_note_schema(t, r);
}

/* What is of numbers only: a polynomial over run-time dims has no remainder. */
static struct cell *computed_number(struct typing *t, const struct ast_expr *expr) {
  const struct ast_expr *side[2] = {expr->binary.left, expr->binary.right};
  struct value value[2];
  struct dim dim;
  for (int i = 0; i < 2; i++) {
    struct cell *cell = constraint_cell(t, side[i]);
    value[i].kind = VALUE_INT;
    if (cell == NULL || !cell_value(cell, &dim) || !dim_is_number(&dim, &value[i].integer))
      return NULL;
  }
  struct value made = compute_binary(t->c, expr->binary.op, &value[0], &value[1], t->call->span);
  return made.kind == VALUE_INT ? constraint_number(t, made.integer, NULL) : NULL;
}

struct cell *constraint_cell(struct typing *t, const struct ast_expr *expr) {
  static const enum cell_op ops[] = {CELL_ADD, CELL_SUB, CELL_MUL, CELL_DIV};
  uint32_t index;
  if (expr->kind == AST_EXPR_INT)
    return constraint_number(t, expr->integer, NULL);
  if (expr->kind == AST_EXPR_NAME) {
    enum schema_dim_kind kind = schema_resolve(t->schema, expr->text, &index);
    if (kind == SCHEMA_DIM_VAR)
      return t->var[index].cell;
    if (kind == SCHEMA_DIM_ATTR && t->call->attr[index].kind == VALUE_INT)
      return constraint_number(t, t->call->attr[index].integer, t->call->attr[index].origin);
    return NULL;
  }
  if (expr->kind != AST_EXPR_BINARY)
    return NULL;
  if (expr->binary.op == AST_OP_REMAINDER || expr->binary.op == AST_OP_QUOTIENT ||
      expr->binary.op == AST_OP_POWER)
    return computed_number(t, expr);
  if (expr->binary.op < AST_OP_ADD || expr->binary.op > AST_OP_DIV)
    return NULL;
  struct cell *left = constraint_cell(t, expr->binary.left),
              *right = constraint_cell(t, expr->binary.right);
  struct cell *out = NULL;
  if (left == NULL || right == NULL)
    return NULL;
  enum cell_status status =
      cell_compute(t->c->arena, ops[expr->binary.op - AST_OP_ADD], left, right, left->origin, &out);
  if (status == CELL_INEXACT)
    fail_division(t, expr, left, right);
  return out;
}

/* ------------------------------------------------------------------- constraints */

static bool fail_constraint(struct typing *t, const struct ast_expr *expr, const struct cell *left,
                            const struct cell *right) {
  struct compiler *c = t->c;
  struct report *r = report(c, CODE_CONSTRAINT, t->call->span, "`%s` needs `%s`", t->call->op->name,
                            compiler_span_text(c, expr->span));
  if (left != NULL && right != NULL)
    report_primary(c, r, "%s and %s", compiler_cell_text(c, left), compiler_cell_text(c, right));
  for (uint32_t i = 0; i < t->schema->dim_count; i++)
    if (t->var[i].cell != NULL && t->var[i].cell->origin != NULL &&
        mentions(expr, t->schema->dim[i]))
      report_note(c, r, "%s: %s, in %s", t->schema->dim[i], typing_story(c, t->var[i].cell),
                  t->var[i].by);
  note_attrs(t, r, expr);
  return false;
}

/* Attributes and literals as values; dims that are numbers too. */
static struct value schema_value(struct typing *t, const struct ast_expr *expr) {
  uint32_t index;
  struct dim dim;
  int64_t number;
  switch (expr->kind) {
  case AST_EXPR_STR:
    return (struct value){.kind = VALUE_STR, .text = expr->text};
  case AST_EXPR_REAL:
    return (struct value){.kind = VALUE_REAL, .real = expr->real};
  case AST_EXPR_BOOL:
    return (struct value){.kind = VALUE_BOOL, .boolean = expr->boolean};
  case AST_EXPR_NAME:
    if (schema_resolve(t->schema, expr->text, &index) == SCHEMA_DIM_ATTR)
      return t->call->attr[index];
    break;
  default:
    break;
  }
  struct cell *cell = constraint_cell(t, expr);
  if (cell != NULL && cell_value(cell, &dim) && dim_is_number(&dim, &number))
    return (struct value){.kind = VALUE_INT, .integer = number};
  return value_none();
}

bool constraint_hold(struct typing *t, const struct ast_expr *expr) {
  if (expr->kind == AST_EXPR_UNARY && expr->unary.op == AST_OP_NOT) {
    struct value value = schema_value(t, expr->unary.operand);
    return value.kind != VALUE_BOOL || !value.boolean || fail_constraint(t, expr, NULL, NULL);
  }
  if (expr->kind != AST_EXPR_BINARY) {
    struct value value = schema_value(t, expr);
    return value.kind != VALUE_BOOL || value.boolean || fail_constraint(t, expr, NULL, NULL);
  }
  enum ast_op op = expr->binary.op;
  if (op == AST_OP_AND)
    return constraint_hold(t, expr->binary.left) && constraint_hold(t, expr->binary.right);
  if (op < AST_OP_EQ || op > AST_OP_GE)
    return true;
  unsigned errors = t->c->diag->errors;
  struct cell *left = constraint_cell(t, expr->binary.left);
  struct cell *right = constraint_cell(t, expr->binary.right);
  if (t->c->diag->errors != errors)
    return false;
  if (op == AST_OP_EQ && left != NULL && right != NULL)
    return cell_unify(left, right) == CELL_OK || fail_constraint(t, expr, left, right);
  struct value a = schema_value(t, expr->binary.left), b = schema_value(t, expr->binary.right);
  if (a.kind == VALUE_NONE || b.kind == VALUE_NONE || a.kind == VALUE_ERROR ||
      b.kind == VALUE_ERROR)
    return true;
  struct value result = compute_binary(t->c, op, &a, &b, t->call->span);
  return result.kind != VALUE_BOOL || result.boolean || fail_constraint(t, expr, left, right);
}

/* --------------------------------------------------------------------- attributes */

static bool attr_fits(const struct value *value, enum schema_attr_kind kind) {
  bool json = value->kind == VALUE_JSON;
  switch (kind) {
  case SCHEMA_ATTR_INT:
    return value->kind == VALUE_INT;
  case SCHEMA_ATTR_REAL:
    return value->kind == VALUE_REAL || value->kind == VALUE_INT;
  case SCHEMA_ATTR_STR:
    return value->kind == VALUE_STR;
  case SCHEMA_ATTR_BOOL:
    return value->kind == VALUE_BOOL;
  case SCHEMA_ATTR_OBJECT:
    return json && json_is_object(value->json);
  case SCHEMA_ATTR_LIST:
    return value->kind == VALUE_LIST || (json && json_is_array(value->json));
  case SCHEMA_ATTR_DIMS:
    return value->kind == VALUE_DIMS;
  case SCHEMA_ATTR_ANY:
    break;
  }
  return value->kind != VALUE_TENSOR && value->kind != VALUE_WEIGHT && value->kind != VALUE_STATE &&
         value->kind != VALUE_TUPLE;
}

/* The default, of numbers, strings and earlier attributes. */
static struct value attr_default(struct typing *t, const struct ast_expr *expr) {
  if (expr->kind == AST_EXPR_UNARY && expr->unary.op == AST_OP_NEG) {
    struct value zero = {.kind = VALUE_INT}, value = attr_default(t, expr->unary.operand);
    return compute_binary(t->c, AST_OP_SUB, &zero, &value, expr->span);
  }
  if (expr->kind == AST_EXPR_INT)
    return (struct value){.kind = VALUE_INT, .integer = expr->integer};
  if (expr->kind != AST_EXPR_BINARY)
    return schema_value(t, expr);
  struct value left = attr_default(t, expr->binary.left);
  struct value right = attr_default(t, expr->binary.right);
  if (left.kind == VALUE_ERROR || right.kind == VALUE_ERROR)
    return value_error();
  return compute_binary(t->c, expr->binary.op, &left, &right, t->call->span);
}

static void fail_choice(struct typing *t, uint32_t i) {
  const struct schema_attr *attr = &t->schema->attr[i];
  const struct value *value = &t->call->attr[i];
  struct buffer list;
  buffer_init(&list);
  for (uint32_t k = 0; k < attr->choice_count; k++)
    buffer_printf(&list, "%s\"%s\"", k == 0 ? "" : ", ", attr->choice[k]);
  struct report *r = report(t->c, CODE_CHOICE, t->call->attr_span[i], "`%s` knows no `%s` \"%s\"",
                            t->call->op->name, attr->name, value->text);
  report_nearest(t->c, r, "one", value->text, attr->choice, attr->choice_count);
  report_note(t->c, r, "it is one of %s", buffer_text(&list));
  origin_note(t->c, r, NULL, value);
  buffer_finish(&list);
}

bool constraint_attrs(struct typing *t) {
  bool ok = true;
  for (uint32_t i = 0; i < t->schema->attr_count; i++) {
    const struct schema_attr *attr = &t->schema->attr[i];
    struct value *value = &t->call->attr[i];
    bool defaulted = value->kind == VALUE_NONE && attr->fallback != NULL;
    if (defaulted)
      *value = attr_default(t, attr->fallback);
    if (value->kind == VALUE_ERROR) {
      ok = ok && t->c->unknown;
    } else if (value->kind == VALUE_NONE) {
      if (attr->optional)
        continue;
      report(t->c, CODE_KIND, t->call->span, "`%s` needs the attribute `%s`, which is none here",
             t->call->op->name, attr->name);
      ok = false;
    } else if (defaulted && !attr_fits(value, attr->kind)) {
      ok = false; /* it is computed of one that does not fit either */
    } else if (!attr_fits(value, attr->kind)) {
      struct report *r = report(
          t->c, CODE_KIND, t->call->attr_span[i], "`%s` needs %s %s for `%s`, this is %s",
          t->call->op->name,
          attr->kind == SCHEMA_ATTR_INT || attr->kind == SCHEMA_ATTR_OBJECT ? "an" : "a",
          attr->kind == SCHEMA_ATTR_DIMS ? "list of dims" : schema_attr_kind_name(attr->kind),
          attr->name, value_kind_name(value));
      origin_note(t->c, r, NULL, value);
      typing_note_schema(t, r);
      ok = false;
    } else if (attr->kind == SCHEMA_ATTR_STR && !schema_is_choice(attr, value->text)) {
      fail_choice(t, i);
      ok = false;
    } else if (attr->kind == SCHEMA_ATTR_REAL && value->kind == VALUE_INT) {
      value->kind = VALUE_REAL;
      value->real = (double)value->integer;
    }
  }
  return ok;
}
