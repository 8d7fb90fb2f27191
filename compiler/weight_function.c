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

/* A list of so many integers at most, known when the file is compiled; count of them. */
static bool read_ints(struct compiler *c, const struct ast_field *field, int64_t *out,
                      uint32_t most, uint32_t *count) {
  struct value list = eval_single(c, field->value);
  const char *name = field->name.text;
  *count = list.kind == VALUE_LIST ? list.list.count : 0;
  bool ok = list.kind == VALUE_LIST && *count <= most;
  for (uint32_t i = 0; ok && i < *count; i++) {
    ok = list.list.item[i].kind == VALUE_INT;
    out[i] = ok ? list.list.item[i].integer : 0;
  }
  if (!ok && list.kind != VALUE_ERROR)
    report(c, CODE_KIND, field->value->span, "`%s` must be a list of at most %u integers", name,
           most);
  return ok;
}

/* The axes of a transposition, as the graph has them. */
static bool read_axes(struct compiler *c, const struct ast_field *field, struct weight_expr *made) {
  int64_t axis[TFM_MAX_RANK];
  uint32_t count, seen = 0;
  if (!read_ints(c, field, axis, TFM_MAX_RANK, &count))
    return false;
  made->parts = (int32_t)count;
  if (count < 2) {
    report(c, CODE_WEIGHT_VIEW, field->value->span, "`axes` of %u dims", count);
    return false;
  }
  for (uint32_t i = 0; i < count; i++) {
    axis[i] += axis[i] < 0 ? count : 0;
    if (axis[i] < 0 || axis[i] >= count || (seen >> axis[i] & 1) != 0) {
      report(c, CODE_WEIGHT_VIEW, field->value->span, "`axes` must name each of %u axes once",
             count);
      return false;
    }
    seen |= 1u << axis[i];
    made->index |= (int32_t)axis[i] << 3 * i;
  }
  return true;
}

/* Piece `index` of the sizes is a slice. */
static bool read_sizes(struct compiler *c, const struct ast_field *field,
                       struct weight_expr *made) {
  enum { MOST = 64 };
  int64_t size[MOST], from = 0;
  uint32_t count;
  int32_t index = made->index;
  if (!read_ints(c, field, size, MOST, &count))
    return false;
  for (uint32_t i = 0; i < count; i++) {
    if (size[i] < 0 || size[i] > INT32_MAX || made->total > INT32_MAX - size[i]) {
      report(c, CODE_WEIGHT_VIEW, field->value->span, "a size of %lld", (long long)size[i]);
      return false;
    }
    from = (int32_t)i == index ? made->total : from;
    made->total += size[i];
  }
  if (made->parts != 0 || index < 0 || index >= (int32_t)count) {
    report(c, CODE_WEIGHT_VIEW, field->span,
           made->parts != 0 ? "a split has `parts` or `sizes`, not both"
                            : "the index of a split by sizes must be one of them");
    return false;
  }
  made->view = GRAPH_WEIGHT_SLICE;
  made->index = (int32_t)from;
  made->parts = (int32_t)size[index];
  return true;
}

/* Where an argument of split or slice goes. */
static int32_t *int_of(struct weight_expr *made, const char *name) {
  if (strcmp(name, "parts") == 0 || strcmp(name, "count") == 0)
    return &made->parts;
  return strcmp(name, "index") == 0 || strcmp(name, "from") == 0 ? &made->index : &made->axis;
}

static const struct ast_field *find_sizes(const struct ast_fields *args) {
  const struct ast_field *f = args->first;
  while (f != NULL && (f->name.text == NULL || strcmp(f->name.text, "sizes") != 0))
    f = f->next;
  return f;
}

static bool read_named(struct compiler *c, const struct ast_field *field,
                       enum graph_weight_kind kind, struct weight_expr *made) {
  const struct weight_info *info = weight_info(kind);
  for (size_t i = 0; i < WEIGHT_ARGUMENTS && info->argument[i] != NULL; i++) {
    if (strcmp(info->argument[i], field->name.text) != 0)
      continue;
    if (kind == GRAPH_WEIGHT_RESHAPE)
      return read_shape(c, field, made);
    if (kind == GRAPH_WEIGHT_TRANSPOSE)
      return read_axes(c, field, made);
    if (strcmp(field->name.text, "sizes") == 0)
      return true; /* once the index is known: read_sizes */
    return named_int(c, field, int_of(made, field->name.text));
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
  const struct ast_field *sizes = find_sizes(args);
  uint32_t count = 0;
  bool ok = operand != NULL;
  if (!ok)
    return value_error();
  made.parts = kind == GRAPH_WEIGHT_SLICE ? -1 : 0;
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
  if (ok && sizes != NULL && kind == GRAPH_WEIGHT_SPLIT)
    ok = read_sizes(c, sizes, &made);
  if (ok && made.view == GRAPH_WEIGHT_SPLIT &&
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
