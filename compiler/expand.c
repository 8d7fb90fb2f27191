/* expand.c - bodies become nodes: blocks inlined, repeats unrolled. */
#include "compiler/expand.h"

#include "compiler/call.h"
#include "compiler/constant.h"
#include "compiler/declared.h"
#include "compiler/eval.h"
#include "compiler/function.h"
#include "compiler/ir.h"
#include "compiler/limit.h"
#include "compiler/match.h"
#include "compiler/names.h"
#include "compiler/naming.h"
#include "compiler/node.h"
#include "compiler/report.h"
#include "compiler/weight_function.h"

#include <string.h>

/* ----------------------------------------------------------------------- names */

/* A name keeps its type: x = x + a. */
static bool check_rebind(struct compiler *c, const struct local *old, const struct value *value,
                         const struct ast_field *target) {
  if (old->value.kind == VALUE_ERROR || value->kind == VALUE_ERROR)
    return true;
  bool same = old->value.kind == value->kind;
  if (same && value->kind == VALUE_TENSOR) {
    const struct ctype *a = &c->value[old->value.tensor].type, *b = &c->value[value->tensor].type;
    same = a->dtype == b->dtype && a->rank == b->rank;
    for (uint32_t i = 0; same && i < a->rank; i++)
      same = cell_unify(a->shape[i], b->shape[i]) == CELL_OK;
    if (same)
      return true;
    struct report *r =
        report(c, CODE_REBIND, target->name.span, "`%s` is %s, and gets a value of %s",
               target->name.text, compiler_type_text(c, a), compiler_type_text(c, b));
    report_label(c, r, old->span, "%s here", compiler_type_text(c, a));
    report_help(c, r, "a name keeps its type: choose another for the new value");
  } else if (!same && (value->kind == VALUE_TENSOR || old->value.kind == VALUE_TENSOR)) {
    struct report *r =
        report(c, CODE_REBIND, target->name.span, "`%s` is %s, and gets %s", target->name.text,
               value_kind_name(&old->value), value_kind_name(value));
    report_label(c, r, old->span, "here");
  } else {
    return true;
  }
  return false;
}

static void assign(struct compiler *c, const struct ast_field *target, struct value value) {
  const char *name = target->name.text;
  if (name == NULL || !limit_step(c, target->span, c->frame->count / 16))
    return;
  if (names_symbol(c->frame->unit, name) != NULL)
    return; /* check.c has said so */
  if (target->type != NULL && value.kind == VALUE_TENSOR) {
    struct ctype declared;
    const char *what = compiler_printf(c, "`%s`", name);
    if (what == NULL || !declared_type(c, target->type, &declared))
      value = value_error();
    else if (!declared_hold(c, value.tensor, &declared, what, target->name.span, target->type))
      value = node_hole(c, &declared, target->name.span);
  } else if (target->type != NULL && value.kind != VALUE_ERROR) {
    report(c, CODE_KIND, target->name.span, "`%s` has a type, and is %s", name,
           value_kind_name(&value));
  }
  struct local *old = frame_find(c, c->frame, name);
  if (old != NULL) {
    if (!check_rebind(c, old, &value, target))
      return;
    old->value = value;
    old->span = target->name.span;
  } else if (!frame_bind(c, c->frame, name, target->name.span, value)) {
    return;
  }
  if (value.kind == VALUE_TENSOR)
    naming_alias(c, naming_in_scope(c, name), value.tensor);
}

/* ------------------------------------------------------------------- statements */

static void run_assign(struct compiler *c, const struct ast_stmt *stmt) {
  const struct ast_fields *targets = &stmt->assign.targets;
  struct value value =
      targets->count == 1 ? eval_single(c, stmt->assign.value) : eval_expr(c, stmt->assign.value);
  uint32_t i = 0;
  if (targets->count > 1 && value.kind != VALUE_ERROR &&
      (value.kind != VALUE_TUPLE || value.list.count != targets->count)) {
    uint32_t results = value.kind == VALUE_TUPLE ? value.list.count : 1;
    report(c, CODE_RESULT_COUNT, stmt->assign.value->span, "%u name%s for %u result%s",
           targets->count, targets->count == 1 ? "" : "s", results, results == 1 ? "" : "s");
    value = value_error();
  }
  for (const struct ast_field *t = targets->first; t != NULL && !c->stop; t = t->next, i++)
    assign(c, t, targets->count > 1 && value.kind == VALUE_TUPLE ? value.list.item[i] : value);
}

static void run_body(struct compiler *c, const struct ast_stmts *body, struct results *out);

static unsigned loops_around(const struct frame *frame) {
  unsigned count = 0;
  for (; frame != NULL; frame = frame->caller)
    for (const struct loop *loop = frame->loop; loop != NULL; loop = loop->outer)
      count++;
  return count;
}

static void run_repeat(struct compiler *c, const struct ast_stmt *stmt, struct results *out) {
  int64_t count;
  if (!eval_int(c, stmt->repeat.count, "the count of a repeat", &count)) {
    if (!c->unknown || c->stop)
      return;
    count = 1;
  }
  if (count < 0 || count > LIMIT_REPEAT) {
    struct report *r = report(c, count < 0 ? CODE_ARITHMETIC : CODE_LIMIT_REPEAT,
                              stmt->repeat.count->span, "a repeat of %lld turns", (long long)count);
    report_primary(c, r, "0 to %d are possible", LIMIT_REPEAT);
    eval_note_origins(c, r, stmt->repeat.count);
    return;
  }
  if (loops_around(c->frame) >= LIMIT_REPEAT_NESTING) {
    report(c, CODE_LIMIT_REPEAT_NESTING, stmt->span, "repeats are nested deeper than %d",
           LIMIT_REPEAT_NESTING);
    return;
  }
  struct loop loop = {.name = stmt->repeat.name.text, .outer = c->frame->loop};
  c->frame->loop = &loop;
  for (int64_t i = 0; i < count && !c->stop; i++) {
    if (!limit_step(c, stmt->span, 0))
      break;
    uint32_t outer = c->frame->count;
    struct value index = {.kind = VALUE_INT, .integer = i};
    loop.index = i;
    if (loop.name != NULL && !frame_bind(c, c->frame, loop.name, stmt->repeat.name.span, index))
      break;
    run_body(c, &stmt->repeat.body, out);
    frame_drop(c, c->frame, outer);
  }
  c->frame->loop = loop.outer;
}

static void add_result(struct compiler *c, struct results *out, uint32_t room,
                       const struct ast_field *name, const struct ast_expr *expr,
                       struct value value) {
  struct result *result = &out->item[out->count];
  if (out->count == room)
    return;
  out->count++;
  *result = (struct result){.value = value, .span = expr->span};
  if (name != NULL && name->name.text != NULL) {
    result->name = name->name.text;
    result->span = name->name.span;
    if (value.kind == VALUE_TENSOR)
      naming_alias(c, naming_in_scope(c, result->name), value.tensor);
  } else if (expr->kind == AST_EXPR_NAME) {
    result->name = expr->text;
  }
  out->failed = out->failed || value.kind == VALUE_ERROR;
}

/* return e   return a, b   return n = e   return n, m = e */
static void run_return(struct compiler *c, const struct ast_stmt *stmt, struct results *out) {
  const struct ast_fields *names = &stmt->result.names;
  uint32_t room =
      names->count > stmt->result.values.count ? names->count : stmt->result.values.count;
  const struct ast_field *name = names->first;
  out->item = compiler_alloc(c, room, sizeof *out->item);
  for (const struct ast_expr *e = stmt->result.values.first; e != NULL && out->item != NULL;
       e = e->next) {
    struct value value =
        names->count > 1 && stmt->result.values.count == 1 ? eval_expr(c, e) : eval_single(c, e);
    if (value.kind != VALUE_TUPLE || value.list.count != names->count) {
      if (value.kind != VALUE_ERROR && names->count > 1 && stmt->result.values.count == 1) {
        report(c, CODE_RESULT_COUNT, e->span, "%u names for %u results", names->count,
               value.kind == VALUE_TUPLE ? value.list.count : 1);
        value = value_error();
      }
      add_result(c, out, room, name, e, value);
      name = name == NULL ? NULL : name->next;
      continue;
    }
    for (uint32_t i = 0; i < value.list.count; i++, name = name == NULL ? NULL : name->next)
      add_result(c, out, room, name, e, value.list.item[i]);
  }
  out->failed = out->failed || out->item == NULL;
}

static void run_body(struct compiler *c, const struct ast_stmts *body, struct results *out) {
  for (const struct ast_stmt *stmt = body->first; stmt != NULL; stmt = stmt->next) {
    if (!limit_step(c, stmt->span, 0))
      return;
    switch (stmt->kind) {
    case AST_STMT_ASSIGN:
      run_assign(c, stmt);
      break;
    case AST_STMT_REPEAT:
      run_repeat(c, stmt, out);
      break;
    case AST_STMT_RETURN:
      if (out->item == NULL)
        run_return(c, stmt, out);
      break;
    case AST_STMT_ASSERT:
      constant_assert(c, &stmt->check);
      break;
    }
  }
}

void expand_body(struct compiler *c, struct frame *frame, const struct ast_stmts *body,
                 struct results *out) {
  struct frame *outer = c->frame;
  c->frame = frame;
  *out = (struct results){0};
  run_body(c, body, out);
  out->failed = out->failed || c->stop || out->item == NULL;
  frame_drop(c, frame, 0);
  c->frame = outer;
}

/* ------------------------------------------------------------------------ blocks */

/* A parameter's type, which the block's own file states. */
static bool param_type(struct compiler *c, struct frame *frame, const struct ast_field *param,
                       struct ctype *out) {
  struct frame *outer = c->frame;
  c->frame = frame;
  bool ok = declared_type(c, param->type, out);
  c->frame = outer;
  return ok;
}

/* Bind a parameter in the block's frame; what does not fit is the caller's mistake. */
static bool bind_param(struct compiler *c, struct frame *frame, const struct ast_field *param,
                       struct value value, struct span span) {
  struct ctype declared;
  bool lacks = value.kind == VALUE_NONE && param->value != NULL;
  if (value.kind != VALUE_ERROR && param->type != NULL && !lacks) {
    const char *what = compiler_printf(c, "`%s` of `%s`", param->name.text, frame->block);
    if (value.kind != VALUE_TENSOR) {
      struct report *r = report(c, CODE_KIND, span, "`%s` needs a tensor for `%s`, this is %s",
                                frame->block, param->name.text, value_kind_name(&value));
      report_label(c, r, param->span, "declared here");
      if (value.kind == VALUE_STATE)
        report_help(c, r, "take one layer of it: `%s[i]`", value.state->name);
      value = value_error();
    } else if (what == NULL || !param_type(c, frame, param, &declared)) {
      value = value_error();
    } else if (!declared_hold(c, value.tensor, &declared, what, span, param->type)) {
      value = node_hole(c, &declared, span);
    }
  }
  return frame_bind(c, frame, param->name.text, param->name.span, value) &&
         value.kind != VALUE_ERROR;
}

static bool bind_params(struct compiler *c, struct frame *frame, const struct symbol *block,
                        const struct match *m) {
  struct frame *outer = c->frame;
  uint32_t i = 0;
  bool ok = true;
  for (const struct ast_field *p = block->decl->block.params.first; p != NULL && !c->stop;
       p = p->next, i++) {
    struct value value;
    struct span span = p->span;
    if (m->param[i] != NULL) {
      value = eval_single(c, m->param[i]->value);
      span = m->param[i]->value->span;
    }
    if (m->param[i] == NULL) {
      c->frame = frame;
      value = eval_single(c, p->value);
      c->frame = outer;
    }
    ok = bind_param(c, frame, p, value, span) && ok;
  }
  return ok && !c->stop;
}

static struct value results_value(struct compiler *c, const struct results *results) {
  if (results->failed)
    return value_error();
  if (results->count == 1)
    return results->item[0].value;
  struct value *item = compiler_alloc(c, results->count, sizeof *item);
  if (item == NULL)
    return value_error();
  for (uint32_t i = 0; i < results->count; i++)
    item[i] = results->item[i].value;
  return (struct value){.kind = VALUE_TUPLE, .list = {.item = item, .count = results->count}};
}

static struct value call_block(struct compiler *c, struct symbol *block,
                               const struct ast_expr *call) {
  struct match m = match_block(c, call, block);
  struct frame frame =
      FRAME(c, .caller = c->frame, .block = block->name, .call = call->call.name.span,
            .unit = block->unit, .scope = c->frame->scope, .depth = c->frame->depth + 1);
  struct results results;
  if (!m.ok) {
    for (const struct ast_field *f = call->call.args.first; f != NULL && !c->stop; f = f->next)
      eval_single(c, f->value);
    return value_error();
  }
  if (frame.depth > LIMIT_INLINE_DEPTH) {
    report(c, CODE_LIMIT_INLINE, call->call.name.span, "blocks are called deeper than %d",
           LIMIT_INLINE_DEPTH);
    c->stop = true;
    return value_error();
  }
  bool ok = bind_params(c, &frame, block, &m);
  if (call->call.scope != NULL) {
    frame.scope = eval_scope(c, call->call.scope);
    ok = ok && frame.scope != NULL;
  }
  if (!ok || c->stop) {
    frame_drop(c, &frame, 0);
    return value_error();
  }
  block->expanded = true;
  expand_body(c, &frame, &block->decl->block.body, &results);
  struct value value = results_value(c, &results);
  if (call->call.scope != NULL && value.kind == VALUE_TENSOR)
    naming_alias(c, frame.scope->name, value.tensor);
  return value;
}

static bool is_constant(const struct value *value) {
  return value->kind != VALUE_TENSOR && value->kind != VALUE_WEIGHT && value->kind != VALUE_STATE &&
         value->kind != VALUE_TUPLE && value->kind != VALUE_ERROR;
}

/* sqrt(x), min(a, b).  false: the first argument is no constant, so it may be an op's call. */
static bool call_function(struct compiler *c, const struct ast_expr *call, const struct op *op,
                          struct value *out) {
  const struct function *function = function_find(call->call.name.text);
  const struct ast_fields *args = &call->call.args;
  struct value few[4], *arg = few;
  uint32_t count = 0;
  *out = value_error();
  if (args->count > sizeof few / sizeof few[0])
    arg = compiler_alloc(c, args->count, sizeof *arg);
  if (arg == NULL || (op == NULL && !function_fits(c, function, call)))
    return true;
  if (args->first == NULL || args->first->name.text != NULL)
    return false;
  arg[count++] = eval_single(c, args->first->value);
  if (op != NULL && !is_constant(arg)) {
    c->evaluated_for = args->first->value;
    c->evaluated = *arg;
    return false;
  }
  if (!function_fits(c, function, call))
    return true;
  for (const struct ast_field *f = args->first->next; f != NULL; f = f->next)
    arg[count++] = eval_single(c, f->value);
  for (uint32_t i = 0; i < count; i++)
    if (arg[i].kind == VALUE_ERROR)
      return true;
  *out = function_compute(c, function, arg, count, call->span);
  return true;
}

struct value expand_call(struct compiler *c, const struct ast_expr *call) {
  struct callee callee = names_callee(c, c->frame->unit, call);
  struct value value;
  if (callee.kind == CALLEE_WEIGHT && weight_function(c, call, &value))
    return value;
  if (callee.kind == CALLEE_FUNCTION && call_function(c, call, callee.op, &value))
    return value;
  if (callee.kind == CALLEE_BLOCK)
    return call_block(c, callee.block, call);
  if (callee.op != NULL)
    return call_op(c, callee.op, call);
  for (const struct ast_field *f = call->call.args.first; f != NULL && !c->stop; f = f->next)
    eval_single(c, f->value);
  return value_error();
}
