/* declared.c - dims of params, numbers and run-time dims, and values against them. */
#include "compiler/declared.h"

#include "compiler/eval.h"
#include "compiler/frame.h"
#include "compiler/ir.h"
#include "compiler/names.h"
#include "compiler/report.h"
#include "compiler/typing.h"

#include <string.h>

static const struct origin *text_origin(struct compiler *c, struct span span) {
  struct origin *origin = compiler_alloc(c, 1, sizeof *origin);
  if (origin != NULL)
    *origin = (struct origin){.kind = ORIGIN_TEXT, .span = span};
  return origin;
}

static struct cell *number_dim(struct compiler *c, const struct ast_expr *expr) {
  int64_t number;
  unsigned errors = c->diag->errors;
  if (!eval_int(c, expr, "a dim", &number)) {
    if (!c->unknown || c->diag->errors != errors || c->stop)
      return NULL;
    return cell_free(c->arena, text_origin(c, expr->span));
  }
  if (number < 0) {
    struct report *r = report(c, CODE_ARITHMETIC, expr->span, "a dim of %lld", (long long)number);
    eval_note_origins(c, r, expr);
    return NULL;
  }
  struct cell *cell = cell_number(c->arena, number, NULL);
  if (cell == NULL) {
    compiler_oom(c);
    return NULL;
  }
  struct local *local = expr->kind == AST_EXPR_NAME ? frame_find(c, c->frame, expr->text) : NULL;
  const struct symbol *symbol =
      expr->kind == AST_EXPR_NAME ? names_symbol(c->frame->unit, expr->text) : NULL;
  if (local != NULL)
    cell->origin = local->value.origin;
  else if (symbol != NULL)
    cell->origin = symbol->value.origin;
  if (cell->origin == NULL)
    cell->origin = text_origin(c, expr->span);
  return cell;
}

static struct cell *computed_dim(struct compiler *c, const struct ast_expr *expr) {
  static const enum cell_op ops[] = {CELL_ADD, CELL_SUB, CELL_MUL, CELL_DIV};
  struct cell *left = declared_dim(c, expr->binary.left),
              *right = declared_dim(c, expr->binary.right);
  struct cell *out = NULL;
  if (left == NULL || right == NULL)
    return NULL;
  enum cell_status status = cell_compute(c->arena, ops[expr->binary.op - AST_OP_ADD], left, right,
                                         text_origin(c, expr->span), &out);
  struct report *r = NULL;
  struct dim known;
  int64_t number;
  if (c->unknown && (status == CELL_UNKNOWN || status == CELL_INEXACT))
    return cell_free(c->arena, text_origin(c, expr->span));
  if (status == CELL_INEXACT)
    r = report(c, CODE_ARITHMETIC, expr->span, "%s / %s does not come out even",
               compiler_cell_text(c, left), compiler_cell_text(c, right));
  else if (status != CELL_OK)
    r = report(c, CODE_ARITHMETIC, expr->span, "a dim that is too large or has too many terms");
  else if (out == NULL)
    compiler_oom(c);
  else if (cell_value(out, &known) && dim_is_number(&known, &number) && number < 0)
    r = report(c, CODE_ARITHMETIC, expr->span, "a dim of %lld", (long long)number);
  else
    return out;
  if (r != NULL)
    eval_note_origins(c, r, expr);
  return NULL;
}

struct cell *declared_dim(struct compiler *c, const struct ast_expr *expr) {
  if (expr->kind == AST_EXPR_ANY) {
    struct cell *cell = cell_free(c->arena, text_origin(c, expr->span));
    if (cell == NULL)
      compiler_oom(c);
    return cell;
  }
  if (expr->kind == AST_EXPR_BINARY && expr->binary.op >= AST_OP_ADD &&
      expr->binary.op <= AST_OP_DIV)
    return computed_dim(c, expr);
  if (expr->kind == AST_EXPR_NAME && frame_find(c, c->frame, expr->text) == NULL) {
    const struct symbol *symbol = names_symbol(c->frame->unit, expr->text);
    if (symbol != NULL && symbol->kind == SYMBOL_DIM) {
      struct dim dim = dim_variable(symbol->dim);
      struct cell *cell =
          symbol->ready ? cell_known(c->arena, &dim, text_origin(c, expr->span)) : NULL;
      return cell;
    }
  }
  return number_dim(c, expr);
}

/* A list that is not written out: of numbers, from a param or config.json. */
static struct value listed_dims(struct compiler *c, const struct ast_expr *expr) {
  struct value list = eval_single(c, expr);
  uint32_t count = list.kind == VALUE_LIST ? list.list.count : 0;
  struct cell **item = compiler_alloc(c, count, sizeof *item);
  for (uint32_t i = 0; item != NULL && i < count; i++) {
    const struct value *number = &list.list.item[i];
    if (number->kind != VALUE_INT || number->integer < 0) {
      report(c, CODE_KIND, expr->span, "a dim must be an integer from 0, this is %s",
             number->kind == VALUE_INT ? "a negative number" : value_kind_name(number));
      return value_error();
    }
    item[i] = cell_number(c->arena, number->integer, number->origin);
  }
  if (list.kind != VALUE_LIST || item == NULL)
    return list; /* whoever asked says what is needed */
  return (struct value){.kind = VALUE_DIMS, .dims = {item, count}};
}

struct value declared_dims(struct compiler *c, const struct ast_expr *expr) {
  if (expr->kind != AST_EXPR_LIST)
    return listed_dims(c, expr);
  struct cell **item = compiler_alloc(c, expr->list.count, sizeof *item);
  uint32_t count = 0;
  bool ok = item != NULL;
  for (const struct ast_expr *e = expr->list.first; item != NULL && e != NULL; e = e->next) {
    item[count] = e->kind == AST_EXPR_ANY ? NULL : declared_dim(c, e);
    ok = ok && (e->kind == AST_EXPR_ANY || item[count] != NULL);
    count++;
  }
  return ok ? (struct value){.kind = VALUE_DIMS, .dims = {item, count}} : value_error();
}

bool declared_type(struct compiler *c, const struct ast_type *type, struct ctype *out) {
  *out = (struct ctype){0};
  if (type->name.text != NULL) {
    out->dtype = dtype_from_name(type->name.text);
    if (!dtype_is_value(out->dtype))
      return false; /* check.c has said so */
  }
  if (out->dtype == DTYPE_STATE && !type->has_dims)
    return true; /* of any dims: declared_hold */
  /* the widths of keys and values; the heads */
  uint32_t own = out->dtype == DTYPE_KV ? 2 : out->dtype == DTYPE_BIAS ? 1 : 0;
  if (own > 0 && type->dims.count == 0) {
    out->rank = own;
    out->shape[0] = cell_free(c->arena, NULL);
    out->shape[1] = cell_free(c->arena, NULL);
    return out->shape[0] != NULL && out->shape[1] != NULL;
  }
  if (type->dims.count > TFM_MAX_RANK || (own > 0 && type->dims.count > own))
    return false;
  for (const struct ast_expr *dim = type->dims.first; dim != NULL; dim = dim->next)
    if ((out->shape[out->rank++] = declared_dim(c, dim)) == NULL)
      return false;
  if (out->dtype == DTYPE_KV && out->rank == 1) /* keys and values are equally wide */
    out->shape[out->rank++] = out->shape[0];
  return true;
}

bool declared_hold(struct compiler *c, int32_t tensor, const struct ctype *declared,
                   const char *what, struct span span, const struct ast_type *written) {
  const struct ctype *type = &c->value[tensor].type;
  bool same_dtype = type->dtype == declared->dtype;
  uint32_t i = 0;
  if (same_dtype && declared->dtype == DTYPE_STATE && !written->has_dims)
    return true;
  if (same_dtype && type->rank == declared->rank)
    while (i < type->rank && cell_unify(type->shape[i], declared->shape[i]) == CELL_OK)
      i++;
  if (same_dtype && type->rank == declared->rank && i == type->rank)
    return true;
  unsigned code = !same_dtype ? CODE_DTYPE : type->rank != declared->rank ? CODE_RANK : CODE_SHAPE;
  struct report *r = report(c, code, span, "%s is %s, %s is declared", what,
                            compiler_type_text(c, type), compiler_type_text(c, declared));
  if (code == CODE_SHAPE) {
    report_primary(c, r, "%s", typing_story(c, type->shape[i]));
    report_label(c, r, written->span, "%s", typing_story(c, declared->shape[i]));
    const struct ast_expr *dim = written->dims.first;
    while (dim != NULL && i-- > 0)
      dim = dim->next;
    if (dim != NULL && dim->kind == AST_EXPR_BINARY)
      eval_note_origins(c, r, dim);
  } else {
    report_primary(c, r, "this is %s", compiler_type_text(c, type));
    report_label(c, r, written->span, "declared here");
  }
  return false;
}
