/* call.c - find what a call's arguments are: inputs, attributes, weights. */
#include "compiler/call.h"

#include "compiler/declared.h"
#include "compiler/eval.h"
#include "compiler/frame.h"
#include "compiler/match.h"
#include "compiler/node.h"
#include "compiler/report.h"
#include "compiler/tensor.h"
#include "compiler/weight.h"

#include <string.h>

/* -------------------------------------------------------------------- arguments */

/* An argument is evaluated once, even if weight_function has looked at it. */
static struct value argument(struct compiler *c, const struct ast_expr *expr) {
  if (c->evaluated_for == expr && expr != NULL) {
    c->evaluated_for = NULL;
    return c->evaluated;
  }
  return eval_single(c, expr);
}

static bool take_input(struct compiler *c, struct op_call *call, uint32_t i,
                       const struct ast_field *field) {
  const struct schema_input *slot = &call->op->schema->input[i];
  call->input_span[i] = field->value->span;
  struct value value = argument(c, field->value);
  if (value.kind == VALUE_ERROR || (value.kind == VALUE_NONE && slot->optional))
    return value.kind != VALUE_ERROR;
  if (value.kind == VALUE_WEIGHT && slot->type.has_dims && slot->type.dtype == DTYPE_NONE)
    value = node_weight(c, value.weight, field->value->span);
  if (value.kind == VALUE_ERROR)
    return false;
  if (value.kind == VALUE_TENSOR) {
    call->input[i] = value.tensor;
    return true;
  }
  struct report *r =
      report(c, CODE_KIND, field->value->span, "`%s` needs %s for `%s`, this is %s", call->op->name,
             slot->type.dtype == DTYPE_MASK     ? "a mask"
             : slot->type.dtype == DTYPE_BIAS   ? "a bias"
             : dtype_is_state(slot->type.dtype) ? "one layer of a state"
                                                : "a tensor",
             slot->name, value_kind_name(&value));
  if (value.kind == VALUE_STATE)
    report_help(c, r, "take one layer of it: `%s[i]`", value.state->name);
  return false;
}

static bool take_as(struct compiler *c, struct op_call *call, uint32_t i,
                    const struct weight_expr *expr, const char *member, bool optional,
                    struct span span) {
  const struct schema_weight *slot = &call->op->schema->weight[i];
  struct weight_want want = {member, slot->type.rank, optional, slot->list, span};
  call->weight_span[i] = span;
  call->weight[i] = weight_take(c, expr, &want, &call->weight_type[i]);
  if (call->weight[i] == WEIGHT_FAILED)
    return false;
  if (call->weight[i] == WEIGHT_ABSENT)
    return true;
  enum dtype dtype = c->weight[call->weight[i]].dtype;
  call->weight_type[i].dtype = slot->type.dtype;
  bool fits = slot->type.dtype == DTYPE_NONE ? dtype_is_float(dtype) : dtype == slot->type.dtype;
  if (slot->type.any_dtype)
    call->weight_type[i].dtype = dtype;
  else if (!fits)
    report_keyed(c, CODE_TENSOR_DTYPE, c->weight[call->weight[i]].name,
                 "tensor `%s` is %s in the checkpoint, `%s` needs %s",
                 c->weight[call->weight[i]].name, dtype_name(dtype), call->op->name,
                 slot->type.dtype == DTYPE_NONE ? "a float" : dtype_name(slot->type.dtype));
  return slot->type.any_dtype || fits;
}

static bool take_weight(struct compiler *c, struct op_call *call, uint32_t i,
                        const struct weight_expr *expr, const char *member, struct span span) {
  return take_as(c, call, i, expr, member, call->op->schema->weight[i].optional, span);
}

/* What is written for a weight or a group: false after a report; *out NULL = none. */
static bool weight_argument(struct compiler *c, const struct op_call *call,
                            const struct ast_field *field, const char *name, bool optional,
                            const struct weight_expr **out) {
  struct value value = argument(c, field->value);
  *out = NULL;
  if (value.kind == VALUE_WEIGHT)
    *out = value.weight;
  else if (value.kind == VALUE_ERROR || (value.kind == VALUE_NONE && optional))
    return value.kind != VALUE_ERROR;
  else
    report(c, CODE_KIND, field->value->span, "`%s` needs a weight for `%s`, this is %s",
           call->op->name, name, value_kind_name(&value));
  return *out != NULL;
}

/* The scope's path with a slot's name behind it. */
static const struct weight_expr *scoped(struct compiler *c, const struct scope *scope,
                                        struct span span) {
  struct weight_expr *made = compiler_alloc(c, 1, sizeof *made);
  if (made != NULL)
    *made = (struct weight_expr){.kind = WEIGHT_PATH,
                                 .scope = scope,
                                 .span = span,
                                 .memo = compiler_alloc(c, 1, sizeof *made->memo)};
  return made == NULL || made->memo == NULL ? NULL : made;
}

static const struct scope *group_scope(struct compiler *c, const struct scope *scope,
                                       const char *group) {
  struct scope *made = compiler_alloc(c, 1, sizeof *made);
  if (made == NULL)
    return NULL;
  *made = *scope;
  made->name = compiler_printf(c, "%s.%s", scope->name, group);
  made->pattern = compiler_printf(c, "%s.%s", scope->pattern, group);
  return made;
}

/* A group's members, from what is written for it or from the call's scope.
 * All of an optional group is absent when its weight is. */
static bool take_group(struct compiler *c, struct op_call *call, uint32_t g,
                       const struct ast_field *field, const struct scope *scope,
                       struct span scope_span) {
  const struct schema_group *group = &call->op->schema->group[g];
  const struct weight_expr *expr = NULL;
  struct span span = scope_span;
  if (field != NULL) {
    span = field->value->span;
    if (!weight_argument(c, call, field, group->name, group->optional, &expr))
      return false;
  } else if (scope != NULL) {
    const struct scope *inner = group_scope(c, scope, group->name);
    expr = inner == NULL ? NULL : scoped(c, inner, span);
  }
  if (expr == NULL)
    return !c->stop;
  for (uint32_t i = group->first; i < group->first + group->count; i++) {
    if (!take_weight(c, call, i, expr, call->op->schema->weight[i].member, span))
      return false;
    if (i == group->first && call->weight[i] == WEIGHT_ABSENT)
      break;
  }
  return true;
}

static bool take_weights(struct compiler *c, struct op_call *call, const struct match *m,
                         const struct scope *scope, struct span scope_span) {
  const struct op_schema *s = call->op->schema;
  bool ok = true;
  for (uint32_t i = 0; i < s->weight_count; i++) {
    const struct weight_expr *expr = NULL;
    if (s->weight[i].group != SCHEMA_NONE)
      continue;
    if (m->weight[i] != NULL) {
      bool found =
          weight_argument(c, call, m->weight[i], s->weight[i].name, s->weight[i].optional, &expr);
      ok = ok && found;
      if (expr != NULL)
        ok = take_weight(c, call, i, expr, NULL, m->weight[i]->value->span) && ok;
    } else if (scope != NULL && (expr = scoped(c, scope, scope_span)) != NULL) {
      ok = take_weight(c, call, i, expr, s->weight[i].name, scope_span) && ok;
    }
  }
  for (uint32_t g = 0; g < s->group_count; g++)
    ok = take_group(c, call, g, m->group[g], scope, scope_span) && ok;
  return ok;
}

/* A scope at which there is nothing is a mistake, though every slot is optional. */
static bool take_something(struct compiler *c, struct op_call *call, const struct match *m,
                           const struct scope *scope, struct span span) {
  const struct op_schema *s = call->op->schema;
  for (uint32_t i = 0; i < s->weight_count; i++)
    if (call->weight[i] != WEIGHT_ABSENT || s->weight[i].group != SCHEMA_NONE ||
        m->weight[i] != NULL)
      return true;
  const struct weight_expr *expr = s->weight_count == 0 ? NULL : scoped(c, scope, span);
  return expr == NULL ? !c->stop : take_as(c, call, 0, expr, s->weight[0].name, false, span);
}

static bool take_attrs(struct compiler *c, struct op_call *call, const struct match *m) {
  bool ok = true;
  for (uint32_t i = 0; i < call->op->schema->attr_count; i++) {
    if (m->attr[i] == NULL)
      continue;
    call->attr[i] = call->op->schema->attr[i].kind == SCHEMA_ATTR_DIMS
                        ? declared_dims(c, m->attr[i]->value)
                        : argument(c, m->attr[i]->value);
    call->attr_span[i] = m->attr[i]->value->span;
    ok = ok && (call->attr[i].kind != VALUE_ERROR || c->unknown);
  }
  return ok;
}

/* ------------------------------------------------------------------------ calls */

/* "P" when the first weight is written as @P.slot, "wte" when it is declared so. */
static const char *home_of(struct compiler *c, const struct op_call *call, const struct match *m) {
  const struct op_schema *s = call->op->schema;
  if (s->weight_count == 0 || s->weight[0].group != SCHEMA_NONE || m->weight[0] == NULL ||
      call->weight[0] < 0)
    return NULL;
  const struct ast_expr *written = m->weight[0]->value;
  if (written->kind == AST_EXPR_NAME) {
    const struct symbol *symbol = names_symbol(c->frame->unit, written->text);
    return symbol != NULL && symbol->kind == SYMBOL_WEIGHT ? symbol->name : NULL;
  }
  const struct weight *weight = tensor_main(c, call->weight[0]);
  size_t length = strlen(weight->name), slot = strlen(s->weight[0].name);
  if (length <= slot + 1 || weight->name[length - slot - 1] != '.' ||
      strcmp(weight->name + length - slot, s->weight[0].name) != 0)
    return NULL;
  return compiler_printf(c, "%.*s", (int)(length - slot - 1), weight->name);
}

struct value call_op(struct compiler *c, const struct op *op, const struct ast_expr *expr) {
  struct op_call call = {.op = op, .span = expr->call.name.span};
  const struct scope *scope = NULL;
  struct span scope_span = call.span;
  struct match m = match_op(c, expr, op);
  if (op->schema == NULL || c->stop || !node_allocate(c, &call))
    return value_error();
  if (!m.ok) { /* what the arguments say is still worth hearing */
    for (const struct ast_field *f = expr->call.args.first; f != NULL; f = f->next)
      argument(c, f->value);
    return value_error();
  }
  bool ok = true;
  for (uint32_t i = 0; i < op->schema->input_count; i++)
    if (m.input[i] != NULL)
      ok = take_input(c, &call, i, m.input[i]) && ok;
  if (expr->call.scope != NULL) {
    scope = eval_scope(c, expr->call.scope);
    scope_span = expr->call.scope->span;
    ok = ok && scope != NULL;
    call.name = scope == NULL ? NULL : scope->name;
  }
  ok = take_attrs(c, &call, &m) && ok;
  ok = take_weights(c, &call, &m, scope, scope_span) && ok;
  if (ok && scope != NULL)
    ok = take_something(c, &call, &m, scope, scope_span);
  if (!ok || c->stop)
    return value_error();
  call.home = home_of(c, &call, &m);
  return node_finish(c, &call);
}
