/* constant.c - declarations, evaluated each in its own file. */
#include "compiler/constant.h"

#include "compiler/cell.h"
#include "compiler/declared.h"
#include "compiler/eval.h"
#include "compiler/frame.h"
#include "compiler/names.h"
#include "compiler/report.h"

#include <string.h>

static void eval_param(struct compiler *c, const struct ast_field *field) {
  struct symbol *symbol =
      field->name.text == NULL ? NULL : names_symbol(c->frame->unit, field->name.text);
  if (symbol == NULL || symbol->field != field)
    return;
  struct value value = eval_single(c, field->value);
  if (value.kind == VALUE_TENSOR || value.kind == VALUE_WEIGHT || value.kind == VALUE_STATE) {
    report(c, CODE_KIND, field->value->span, "the param `%s` is %s, and no constant", symbol->name,
           value_kind_name(&value));
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
    eval_note_origins(c, r, field->value);
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

void constant_assert(struct compiler *c, const struct ast_assert *check) {
  bool holds;
  if (!eval_bool(c, check->condition, "`assert`", &holds) || holds)
    return;
  struct report *r = report(c, CODE_ASSERT, check->condition->span, "%s", check->message);
  report_primary(c, r, "this does not hold");
}

void constant_weight(struct compiler *c, struct symbol *symbol) {
  struct frame frame = FRAME(c, .unit = symbol->unit, .scope = scope_root());
  struct frame *outer = c->frame;
  c->frame = &frame;
  symbol->value = eval_single(c, symbol->decl->weight.value);
  symbol->has_type = symbol->decl->weight.type != NULL &&
                     declared_type(c, symbol->decl->weight.type, &symbol->type);
  c->frame = outer;
  symbol->ready = true;
  if (symbol->value.kind != VALUE_WEIGHT && symbol->value.kind != VALUE_ERROR)
    report(c, CODE_KIND, symbol->decl->weight.value->span, "`%s` must be a weight, this is %s",
           symbol->name, value_kind_name(&symbol->value));
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
  struct frame frame = FRAME(c, .unit = unit, .scope = scope_root());
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
      constant_assert(c, &d->check);
  }
  c->frame = outer;
}

void constant_units(struct compiler *c) {
  for (struct unit *unit = c->units; unit != NULL && !c->stop; unit = unit->next)
    eval_unit(c, unit);
}
