/* weight.c - expressions about weights, before the checkpoint is asked. */
#include "compiler/weight.h"

#include "compiler/eval.h"
#include "compiler/names.h"
#include "compiler/report.h"

#include <string.h>

const struct scope *weight_root(void) {
  static const struct scope root = {NULL, NULL, "", ""};
  return &root;
}

/* One piece of a path as text; NULL after a report. */
static const char *part_text(struct compiler *c, const struct ast_part *part) {
  if (part->kind == AST_PART_TEXT)
    return part->text;
  if (part->kind == AST_PART_STAR)
    return "*";
  struct value value = eval_single(c, part->expr);
  if (c->unknown && value.kind == VALUE_ERROR)
    return "_";
  if (value.kind == VALUE_STR)
    return value.text;
  if (value.kind == VALUE_INT && value.integer >= 0)
    return compiler_printf(c, "%lld", (long long)value.integer);
  if (value.kind != VALUE_ERROR)
    report(c, CODE_PATH, part->span, "a path is made of names and numbers from 0, not of %s",
           value.kind == VALUE_INT ? "a negative number" : eval_kind_name(&value));
  return NULL;
}

static bool has_star(const struct ast_path *path) {
  const struct ast_part *part = path->first;
  while (part != NULL && part->kind != AST_PART_STAR)
    part = part->next;
  return part != NULL;
}

static const struct scope *join(struct compiler *c, const struct ast_path *path) {
  const struct scope *parent = c->frame->scope;
  const char *dot = parent->name[0] == '\0' ? "" : ".";
  struct buffer name, pattern;
  bool ok = true;
  buffer_init(&name);
  buffer_init(&pattern);
  buffer_printf(&name, "%s%s", parent->name, dot);
  buffer_printf(&pattern, "%s%s", parent->pattern, dot);
  for (const struct ast_part *part = path->first; part != NULL && ok; part = part->next) {
    const char *text = part_text(c, part);
    ok = text != NULL && eval_step(c, part->span, 0);
    buffer_puts(&name, ok ? text : "");
    buffer_puts(&pattern, ok && part->kind == AST_PART_TEXT ? text : "*");
    if (ok && name.length > LIMIT_PATH) {
      report(c, CODE_PATH, path->span, "a weight path of more than %d bytes", LIMIT_PATH);
      ok = false;
    }
  }
  struct scope *scope = ok ? compiler_alloc(c, 1, sizeof *scope) : NULL;
  if (scope != NULL)
    *scope = (struct scope){parent, path, compiler_printf(c, "%s", buffer_text(&name)),
                            compiler_printf(c, "%s", buffer_text(&pattern))};
  if (name.failed || pattern.failed)
    compiler_oom(c);
  buffer_finish(&name);
  buffer_finish(&pattern);
  return scope == NULL || c->stop ? NULL : scope;
}

const struct scope *weight_join(struct compiler *c, const struct ast_path *path) {
  return has_star(path) ? NULL : join(c, path); /* check.c has said so */
}

static struct value make(struct compiler *c, const struct weight_expr *from) {
  struct weight_expr *expr = compiler_alloc(c, 1, sizeof *expr);
  if (expr == NULL)
    return value_error();
  *expr = *from;
  expr->memo = compiler_alloc(c, 1, sizeof *expr->memo);
  if (expr->memo == NULL)
    return value_error();
  return (struct value){.kind = VALUE_WEIGHT, .weight = expr};
}

struct value weight_path(struct compiler *c, const struct ast_expr *expr) {
  struct weight_expr made = {.kind = has_star(expr->path) ? WEIGHT_STARS : WEIGHT_PATH,
                             .span = expr->span};
  made.scope = join(c, expr->path);
  return made.scope == NULL ? value_error() : make(c, &made);
}

struct value weight_named(struct compiler *c, struct symbol *symbol, struct span span) {
  struct weight_expr made = {.kind = WEIGHT_NAMED, .symbol = symbol, .span = span};
  symbol->used = true;
  return make(c, &made);
}

static struct value make_of(struct compiler *c, struct weight_expr made,
                            const struct weight_expr *const *operand, uint32_t count) {
  const struct weight_expr **kept = compiler_alloc(c, count, sizeof *kept);
  if (kept == NULL)
    return value_error();
  memcpy(kept, operand, count * sizeof *kept);
  made.operand = kept;
  made.operand_count = count;
  return make(c, &made);
}

struct value weight_first(struct compiler *c, const struct value *left, const struct value *right,
                          struct span span) {
  if (right->kind != VALUE_WEIGHT) {
    report(c, CODE_KIND, span, "`??` cannot take a weight and %s", eval_kind_name(right));
    return value_error();
  }
  const struct weight_expr *operand[] = {left->weight, right->weight};
  return make_of(c, (struct weight_expr){.kind = WEIGHT_FIRST, .span = span}, operand, 2);
}

/* ------------------------------------------------------------------ functions */

struct function {
  const char *name;
  enum graph_weight_kind kind;
  const char *argument[3]; /* the named ones that it takes */
  bool several;
};
static const struct function functions[] = {
    {"transpose", GRAPH_WEIGHT_TRANSPOSE, {NULL}, false},
    {"split", GRAPH_WEIGHT_SPLIT, {"parts", "index", "axis"}, false},
    {"concat", GRAPH_WEIGHT_CONCAT, {"axis"}, true},
    {"stack", GRAPH_WEIGHT_STACK, {NULL}, true},
    {"reshape", GRAPH_WEIGHT_RESHAPE, {"shape"}, false},
};

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
  if (list->kind != AST_EXPR_LIST || list->list.count > GRAPH_MAX_RANK) {
    report(c, CODE_KIND, list->span, "`shape` must be a list of at most %d dims", GRAPH_MAX_RANK);
    return false;
  }
  for (const struct ast_expr *e = list->list.first; e != NULL; e = e->next)
    if ((made->shape.shape[made->shape.rank++] = eval_dim(c, e)) == NULL)
      return false;
  return true;
}

static bool read_named(struct compiler *c, const struct ast_field *field,
                       const struct function *function, struct weight_expr *made) {
  for (size_t i = 0; i < 3; i++) {
    if (function->argument[i] == NULL || strcmp(function->argument[i], field->name.text) != 0)
      continue;
    if (function->kind == GRAPH_WEIGHT_RESHAPE)
      return read_shape(c, field, made);
    return named_int(c, field,
                     strcmp(field->name.text, "parts") == 0   ? &made->parts
                     : strcmp(field->name.text, "index") == 0 ? &made->index
                                                              : &made->axis);
  }
  report(c, CODE_UNKNOWN_ARGUMENT, field->name.span, "`%s` of a weight has no argument `%s`",
         function->name, field->name.text);
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
           eval_kind_name(&value));
  return false;
}

static struct value call_function(struct compiler *c, const struct ast_expr *call,
                                  const struct function *function,
                                  const struct weight_expr *first) {
  const struct ast_fields *args = &call->call.args;
  const struct weight_expr **operand = compiler_alloc(c, args->count, sizeof *operand);
  struct weight_expr made = {.kind = WEIGHT_VIEW, .view = function->kind, .span = call->span};
  uint32_t count = 0;
  bool ok = operand != NULL;
  if (!ok)
    return value_error();
  for (const struct ast_field *f = args->first; f != NULL; f = f->next) {
    if (f->name.text != NULL)
      ok = read_named(c, f, function, &made) && ok;
    else if (count == 0)
      operand[count++] = first;
    else
      ok = read_operand(c, f, &operand[count++]) && ok;
  }
  if (ok && count > 1 && !function->several) {
    report(c, CODE_ARITY, call->span, "`%s` takes one weight, %u are given", function->name, count);
    ok = false;
  }
  if (ok && function->kind == GRAPH_WEIGHT_SPLIT &&
      (made.parts < 1 || made.index < 0 || made.index >= made.parts)) {
    report(c, CODE_WEIGHT_VIEW, call->span, "piece %d of %d is none", made.index, made.parts);
    ok = false;
  }
  if (call->call.scope != NULL) {
    report(c, CODE_PATH, call->call.scope->span, "`%s` of a weight has no weights of its own",
           function->name);
    ok = false;
  }
  return ok ? make_of(c, made, operand, count) : value_error();
}

bool weight_function(struct compiler *c, const struct ast_expr *call, struct value *out) {
  const struct ast_field *first = call->call.args.first;
  const struct function *function = NULL;
  for (size_t i = 0; i < sizeof functions / sizeof functions[0]; i++)
    if (strcmp(functions[i].name, call->call.name.text) == 0)
      function = &functions[i];
  bool is_op = names_op(c, call->call.name.text) != NULL;
  if (function == NULL)
    return false;
  if (first == NULL || first->name.text != NULL) {
    if (is_op)
      return false;
    report(c, CODE_ARITY, call->span, "`%s` needs a weight", function->name);
    *out = value_error();
    return true;
  }
  /* An op's argument is evaluated once: by whoever is not told it here. */
  struct value value = eval_single(c, first->value);
  *out = value_error();
  if (value.kind == VALUE_WEIGHT) {
    *out = call_function(c, call, function, value.weight);
    return true;
  }
  c->evaluated_for = first->value;
  c->evaluated = value;
  if (is_op)
    return false;
  if (value.kind != VALUE_ERROR)
    report(c, CODE_KIND, first->value->span, "`%s` is of weights, this is %s", function->name,
           eval_kind_name(&value));
  return true;
}
