/* constant.c - what is computed of a file before it is expanded: types,
 * attributes, params, dims, asserts. */
#include "compiler/eval.h"

#include "compiler/names.h"
#include "compiler/origin.h"
#include "compiler/weight.h"

#include <string.h>

/* ----------------------------------------------------------------------- types */

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
    origin_note_expr(c, r, expr);
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
  struct cell *left = eval_dim(c, expr->binary.left), *right = eval_dim(c, expr->binary.right);
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
    origin_note_expr(c, r, expr);
  return NULL;
}

struct cell *eval_dim(struct compiler *c, const struct ast_expr *expr) {
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

bool eval_type(struct compiler *c, const struct ast_type *type, struct ctype *out) {
  *out = (struct ctype){0};
  if (type->name.text != NULL) {
    out->dtype = dtype_from_name(type->name.text);
    if (!dtype_is_value(out->dtype))
      return false; /* check.c has said so */
  }
  if (out->dtype == DTYPE_KV && type->dims.count == 0) {
    out->rank = 1;
    out->shape[0] = cell_free(c->arena, NULL);
    return out->shape[0] != NULL;
  }
  if (type->dims.count > GRAPH_MAX_RANK || (out->dtype == DTYPE_KV && type->dims.count != 1))
    return false;
  for (const struct ast_expr *dim = type->dims.first; dim != NULL; dim = dim->next)
    if ((out->shape[out->rank++] = eval_dim(c, dim)) == NULL)
      return false;
  return true;
}

/* ------------------------------------------------------------------ attributes */

static bool json_attr(struct compiler *c, const char *name, const json_t *json,
                      struct graph_attr *out) {
  *out = (struct graph_attr){.name = name};
  if (!eval_step(c, SPAN_NONE, 0))
    return false;
  struct graph_attr *item;
  switch (json_typeof(json)) {
  case JSON_TRUE:
  case JSON_FALSE:
    out->kind = GRAPH_ATTR_BOOL;
    out->integer = json_is_true(json);
    return true;
  case JSON_INTEGER:
    out->kind = GRAPH_ATTR_INT;
    out->integer = json_integer_value(json);
    out->real = (double)out->integer;
    return true;
  case JSON_REAL:
    out->kind = GRAPH_ATTR_REAL;
    out->real = json_real_value(json);
    return true;
  case JSON_STRING:
    out->kind = GRAPH_ATTR_STR;
    out->text = compiler_printf(c, "%s", json_string_value(json));
    return out->text != NULL;
  case JSON_ARRAY: {
    out->kind = GRAPH_ATTR_LIST;
    item = compiler_alloc(c, json_array_size(json), sizeof *item);
    out->item = item;
    for (size_t i = 0; item != NULL && i < json_array_size(json); i++)
      if (!json_attr(c, "", json_array_get(json, i), &item[out->count++]))
        return false;
    return item != NULL;
  }
  case JSON_OBJECT: {
    const char *key;
    json_t *member;
    out->kind = GRAPH_ATTR_OBJECT;
    item = compiler_alloc(c, json_object_size(json), sizeof *item);
    out->item = item;
    if (item == NULL)
      return false;
    json_object_foreach((json_t *)json, key, member) {
      const char *kept = compiler_printf(c, "%s", key);
      if (kept == NULL || !json_attr(c, kept, member, &item[out->count++]))
        return false;
    }
    return true;
  }
  default:
    return true; /* null is none */
  }
}

bool eval_attr(struct compiler *c, const char *name, const struct value *value,
               struct graph_attr *out) {
  struct graph_attr *item;
  *out = (struct graph_attr){.name = name};
  if (!eval_step(c, SPAN_NONE,
                 0)) /* a list of the same list twice is as long as it is written out */
    return false;
  switch (value->kind) {
  case VALUE_NONE:
    return true;
  case VALUE_BOOL:
    out->kind = GRAPH_ATTR_BOOL;
    out->integer = value->boolean;
    return true;
  case VALUE_INT:
    out->kind = GRAPH_ATTR_INT;
    out->integer = value->integer;
    out->real = (double)value->integer;
    return true;
  case VALUE_REAL:
    out->kind = GRAPH_ATTR_REAL;
    out->real = value->real;
    return true;
  case VALUE_STR:
    out->kind = GRAPH_ATTR_STR;
    out->text = value->text;
    return true;
  case VALUE_JSON:
    return json_attr(c, name, value->json, out);
  case VALUE_LIST:
    out->kind = GRAPH_ATTR_LIST;
    item = compiler_alloc(c, value->list.count, sizeof *item);
    out->item = item;
    for (uint32_t i = 0; item != NULL && i < value->list.count; i++)
      if (!eval_attr(c, "", &value->list.item[i], &item[out->count++]))
        return false;
    return item != NULL;
  default:
    return false;
  }
}

/* ---------------------------------------------------------------- declarations */

static void eval_param(struct compiler *c, const struct ast_field *field) {
  struct symbol *symbol =
      field->name.text == NULL ? NULL : names_symbol(c->frame->unit, field->name.text);
  if (symbol == NULL || symbol->field != field)
    return;
  struct value value = eval_single(c, field->value);
  if (value.kind == VALUE_TENSOR || value.kind == VALUE_WEIGHT || value.kind == VALUE_STATE) {
    report(c, CODE_KIND, field->value->span, "the param `%s` is %s, and no constant", symbol->name,
           eval_kind_name(&value));
    value = value_error();
  }
  struct origin *origin = compiler_alloc(c, 1, sizeof *origin);
  if (origin != NULL)
    *origin = (struct origin){
        .kind = ORIGIN_PARAM, .name = symbol->name, .span = field->span, .from = value.origin};
  value.origin = origin != NULL && value.kind != VALUE_JSON ? origin : value.origin;
  symbol->value = value;
  symbol->ready = true;
}

/* Dims of one name are one dim, in whichever files they are declared. */
static void eval_dim_decl(struct compiler *c, const struct ast_field *field) {
  struct symbol *symbol =
      field->name.text == NULL ? NULL : names_symbol(c->frame->unit, field->name.text);
  int64_t bound = 0;
  if (symbol == NULL || symbol->field != field)
    return;
  if (field->value != NULL && eval_int(c, field->value, "the bound of a dim", &bound) &&
      bound < 1) {
    struct report *r = report(c, CODE_ARITHMETIC, field->value->span, "the bound of `%s` is %lld",
                              symbol->name, (long long)bound);
    origin_note_expr(c, r, field->value);
    bound = 0;
  }
  uint32_t i = 0;
  while (i < c->dim_count && strcmp(c->dim[i].name, symbol->name) != 0)
    i++;
  if (i == DIM_VARIABLES) {
    report(c, CODE_LIMIT_DIMS, field->span, "more than %d run-time dims", DIM_VARIABLES);
    return;
  }
  if (i == c->dim_count)
    c->dim[c->dim_count++] = (struct graph_dim){symbol->name, bound};
  else if (bound > 0 && (c->dim[i].bound == 0 || bound < c->dim[i].bound))
    c->dim[i].bound = bound;
  symbol->dim = i;
  symbol->ready = true;
}

void eval_assert(struct compiler *c, const struct ast_assert *check) {
  bool holds;
  if (!eval_bool(c, check->condition, "`assert`", &holds) || holds)
    return;
  struct report *r = report(c, CODE_ASSERT, check->condition->span, "%s", check->message);
  report_primary(c, r, "this does not hold");
}

static void eval_unit(struct compiler *c, struct unit *unit) {
  if (unit->evaluated)
    return;
  unit->evaluated = true;
  for (const struct ast_decl *d = unit->file->decls.first; d != NULL; d = d->next) {
    const struct qualifier *import = d->kind == AST_DECL_IMPORT && d->name.text != NULL
                                         ? names_qualifier(unit, d->name.text)
                                         : NULL;
    if (import != NULL && import->unit != NULL)
      eval_unit(c, import->unit);
  }
  struct frame frame = FRAME(c, .unit = unit, .scope = weight_root());
  struct frame *outer = c->frame;
  c->frame = &frame;
  for (const struct ast_decl *d = unit->file->decls.first; d != NULL && !c->stop; d = d->next)
    if (d->kind == AST_DECL_PARAM)
      for (const struct ast_field *f = d->fields.first; f != NULL && !c->stop; f = f->next)
        eval_param(c, f);
  for (const struct ast_decl *d = unit->file->decls.first; d != NULL && !c->stop; d = d->next) {
    if (d->kind == AST_DECL_DIM)
      for (const struct ast_field *f = d->fields.first; f != NULL; f = f->next)
        eval_dim_decl(c, f);
    else if (d->kind == AST_DECL_ASSERT)
      eval_assert(c, &d->check);
  }
  c->frame = outer;
}

void eval_units(struct compiler *c) {
  for (struct unit *unit = c->units; unit != NULL && !c->stop; unit = unit->next)
    eval_unit(c, unit);
}
