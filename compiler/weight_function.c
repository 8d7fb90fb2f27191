/* weight_function.c - what is written of a view of weights. */
#include "compiler/weight_function.h"

#include "compiler/declared.h"
#include "compiler/eval.h"
#include "compiler/names.h"
#include "compiler/report.h"
#include "compiler/weight_expr.h"
#include "graph/weight.h"

#include <string.h>

static bool named_int(struct compiler *c, const struct ast_field *field, int32_t *out) {
  int64_t value;
  if (!eval_int(c, field->value, field->name.text, &value))
    return false;
  if (value < INT32_MIN || value > INT32_MAX) {
    report(c, CODE_WEIGHT_VIEW, field->value->span, "%lld is too large for `%s`", (long long)value,
           field->name.text);
    return false;
  }
  *out = (int32_t)value;
  return true;
}

static bool read_shape(struct compiler *c, const struct ast_field *field,
                       struct weight_expr *made) {
  const struct ast_expr *list = field->value;
  if (list->kind != AST_EXPR_LIST || list->list.count > TFM_MAX_RANK) {
    report(c, CODE_KIND, list->span, "`shape` must be a list of at most %d dims", TFM_MAX_RANK);
    return false;
  }
  for (const struct ast_expr *e = list->list.first; e != NULL; e = e->next)
    if ((made->shape.shape[made->shape.rank++] = declared_dim(c, e)) == NULL)
      return false;
  return true;
}

static bool read_named(struct compiler *c, const struct ast_field *field,
                       enum graph_weight_kind kind, struct weight_expr *made) {
  const struct weight_info *info = weight_info(kind);
  for (size_t i = 0; i < WEIGHT_ARGUMENTS && info->argument[i] != NULL; i++) {
    if (strcmp(info->argument[i], field->name.text) != 0)
      continue;
    if (kind == GRAPH_WEIGHT_RESHAPE)
      return read_shape(c, field, made);
    return named_int(c, field,
                     strcmp(field->name.text, "parts") == 0   ? &made->parts
                     : strcmp(field->name.text, "index") == 0 ? &made->index
                                                              : &made->axis);
  }
  report(c, CODE_UNKNOWN_ARGUMENT, field->name.span, "`%s` of a weight has no argument `%s`",
         info->name, field->name.text);
  return false;
}

static bool read_operand(struct compiler *c, const struct ast_field *field,
                         const struct weight_expr **out) {
  struct value value = eval_single(c, field->value);
  if (value.kind == VALUE_WEIGHT) {
    *out = value.weight;
    return true;
  }
  if (value.kind != VALUE_ERROR)
    report(c, CODE_KIND, field->value->span, "a weight is needed, this is %s",
           value_kind_name(&value));
  return false;
}

static struct value call_function(struct compiler *c, const struct ast_expr *call,
                                  enum graph_weight_kind kind, const struct weight_expr *first) {
  const struct ast_fields *args = &call->call.args;
  const struct weight_expr **operand = compiler_alloc(c, args->count, sizeof *operand);
  struct weight_expr made = {.kind = WEIGHT_VIEW, .view = kind, .span = call->span};
  uint32_t count = 0;
  bool ok = operand != NULL;
  if (!ok)
    return value_error();
  for (const struct ast_field *f = args->first; f != NULL; f = f->next) {
    if (f->name.text != NULL)
      ok = read_named(c, f, kind, &made) && ok;
    else if (count == 0)
      operand[count++] = first;
    else
      ok = read_operand(c, f, &operand[count++]) && ok;
  }
  if (ok && count > 1 && weight_info(kind)->most == 1) {
    report(c, CODE_ARITY, call->span, "`%s` takes one weight, %u are given",
           weight_info(kind)->name, count);
    ok = false;
  }
  if (ok && kind == GRAPH_WEIGHT_SPLIT &&
      (made.parts < 1 || made.index < 0 || made.index >= made.parts)) {
    report(c, CODE_WEIGHT_VIEW, call->span, "piece %d of %d is none", made.index, made.parts);
    ok = false;
  }
  if (call->call.scope != NULL) {
    report(c, CODE_PATH, call->call.scope->span, "`%s` of a weight has no weights of its own",
           weight_info(kind)->name);
    ok = false;
  }
  return ok ? weight_expr_over(c, made, operand, count) : value_error();
}

bool weight_function(struct compiler *c, const struct ast_expr *call, struct value *out) {
  const struct ast_field *first = call->call.args.first;
  enum graph_weight_kind kind = weight_function_kind(call->call.name.text);
  bool is_op = names_op(c, call->call.name.text) != NULL;
  if (kind == GRAPH_WEIGHT_KINDS)
    return false;
  if (first == NULL || first->name.text != NULL) {
    if (is_op)
      return false;
    report(c, CODE_ARITY, call->span, "`%s` needs a weight", weight_info(kind)->name);
    *out = value_error();
    return true;
  }
  /* An op's argument is evaluated once: by whoever is not told it here. */
  struct value value = eval_single(c, first->value);
  *out = value_error();
  if (value.kind == VALUE_WEIGHT) {
    *out = call_function(c, call, kind, value.weight);
    return true;
  }
  c->evaluated_for = first->value;
  c->evaluated = value;
  if (is_op)
    return false;
  if (value.kind != VALUE_ERROR)
    report(c, CODE_KIND, first->value->span, "`%s` is of weights, this is %s",
           weight_info(kind)->name, value_kind_name(&value));
  return true;
}
