/* tensor.c - from an expression about weights to the tensor or view itself.
 *
 *     transpose(@mlp.c_fc) for the slot `weight` of a group
 *       -> h.0.mlp.c_fc.weight               TENSOR [768,3072]
 *       -> h.0.mlp.c_fc.weight{transpose}    TRANSPOSE of it
 *
 * Each is made once for its name, so that tied weights are one.  A tensor that
 * is not there gets free cells for a shape: whether that is an error shows when
 * it is known which values are computed at all. */
#include "compiler/weight.h"

#include "base/checked.h"
#include "compiler/eval.h"
#include "compiler/report.h"

#include <string.h>

/* ----------------------------------------------------------------------- making */

static int32_t find_weight(struct compiler *c, const char *name) {
  const struct map_entry *at = map_find_text(&c->weight_names, name);
  return at == NULL ? WEIGHT_ABSENT : (int32_t)at->value.number;
}

static int32_t add_weight(struct compiler *c, const struct weight *made) {
  void *array = c->weight;
  if (!compiler_grow(c, &array, c->weight_count, &c->weight_room, sizeof *c->weight))
    return WEIGHT_FAILED;
  c->weight = array;
  struct map_entry *at = map_insert_text(&c->weight_names, made->name, NULL);
  if (at == NULL) {
    compiler_oom(c);
    return WEIGHT_FAILED;
  }
  at->value.number = c->weight_count;
  c->weight[c->weight_count] = *made;
  return (int32_t)c->weight_count++;
}

/* "[768,2304]" and what was done to it. */
static const struct origin *tensor_origin(struct compiler *c, const struct compile_tensor *tensor,
                                          const char *name, const char *done) {
  struct origin *origin = compiler_alloc(c, 1, sizeof *origin);
  const char *view = "[";
  for (uint32_t i = 0; i < tensor->rank && view != NULL; i++)
    view = compiler_printf(c, "%s%s%lld", view, i > 0 ? "," : "", (long long)tensor->shape[i]);
  view = view == NULL ? NULL
                      : compiler_printf(c, "%s]%s%s", view, done == NULL ? "" : ", ",
                                        done == NULL ? "" : done);
  if (origin != NULL && view != NULL)
    *origin = (struct origin){.kind = ORIGIN_TENSOR, .name = name, .view = view};
  return origin;
}

static const struct origin *missing_origin(struct compiler *c, const char *name) {
  struct origin *origin = compiler_alloc(c, 1, sizeof *origin);
  if (origin != NULL)
    *origin = (struct origin){.kind = ORIGIN_WEIGHT, .name = name};
  return origin;
}

static int32_t make_tensor(struct compiler *c, const struct scope *scope, const char *name,
                           const struct weight_want *want) {
  int32_t found = find_weight(c, name);
  if (found >= 0)
    return found;
  const struct compile_tensor *tensor = checkpoint_find(c, name);
  struct weight made = {.kind = GRAPH_WEIGHT_TENSOR,
                        .name = name,
                        .tensor = tensor,
                        .dtype = tensor != NULL ? tensor->dtype : DTYPE_F32,
                        .type = {.rank = tensor != NULL ? tensor->rank : want->rank},
                        .scope = scope,
                        .slot = want->member,
                        .span = want->span};
  const struct origin *origin =
      tensor != NULL ? tensor_origin(c, tensor, name, NULL) : missing_origin(c, name);
  for (uint32_t i = 0; i < made.type.rank; i++) {
    made.type.shape[i] = tensor != NULL ? cell_number(c->arena, tensor->shape[i], origin)
                                        : cell_free(c->arena, origin);
    if (made.type.shape[i] == NULL) {
      compiler_oom(c);
      return WEIGHT_FAILED;
    }
  }
  return add_weight(c, &made);
}

static const char *path_name(struct compiler *c, const struct scope *scope, const char *member) {
  return member == NULL ? scope->name : compiler_printf(c, "%s.%s", scope->name, member);
}

/* ---------------------------------------------------------------------- presence */

static const struct weight_expr *named_value(struct compiler *c, struct symbol *symbol);
static bool enter(struct compiler *c, struct symbol *symbol);
static void leave(struct compiler *c, struct symbol *symbol);

static bool is_present(struct compiler *c, const struct weight_expr *expr, const char *member) {
  if (!c->options->has_checkpoint)
    return true;
  if (!eval_step(c, expr->span, 0))
    return false;
  const char *name;
  uint32_t count;
  const struct weight_expr *value;
  bool found;
  switch (expr->kind) {
  case WEIGHT_PATH:
    name = path_name(c, expr->scope, member);
    return name != NULL && checkpoint_find(c, name) != NULL;
  case WEIGHT_NAMED:
    value = named_value(c, expr->symbol);
    if (value == NULL || !enter(c, expr->symbol))
      return false;
    found = is_present(c, value, member);
    leave(c, expr->symbol);
    return found;
  case WEIGHT_STARS:
    checkpoint_match(c, expr->scope->name, &count);
    return count > 0;
  case WEIGHT_FIRST:
    for (uint32_t i = 0; i < expr->operand_count; i++)
      if (is_present(c, expr->operand[i], member))
        return true;
    return false;
  case WEIGHT_VIEW:
    for (uint32_t i = 0; i < expr->operand_count; i++)
      if (!is_present(c, expr->operand[i], member))
        return false;
    return true;
  }
  return false;
}

/* ------------------------------------------------------------------------- views */

static int32_t fail_view(struct compiler *c, struct span span, const char *name,
                         const struct ctype *type, const char *why) {
  report(c, CODE_WEIGHT_VIEW, span, "`%s` is %s: %s", name, compiler_type_text(c, type), why);
  return WEIGHT_FAILED;
}

/* A cell of a view: a number anew, so that it tells of the view; else the same cell. */
static struct cell *seen_through(struct compiler *c, struct cell *cell, const char *done) {
  struct dim known;
  const struct origin *from = cell->origin;
  if (from == NULL || from->kind != ORIGIN_TENSOR || !cell_value(cell, &known))
    return cell;
  struct origin *origin = compiler_alloc(c, 1, sizeof *origin);
  if (origin == NULL)
    return NULL;
  *origin = *from;
  origin->view = compiler_printf(c, "%s, %s", from->view, done);
  return cell_known(c->arena, &known, origin);
}

static bool view_type(struct compiler *c, const struct weight_expr *expr, struct weight *made);

static bool split_type(struct compiler *c, const struct weight_expr *expr, struct weight *made) {
  const struct weight *from = &c->weight[made->operand[0]];
  int32_t axis = made->axis < 0 ? made->axis + (int32_t)from->type.rank : made->axis;
  struct cell *parts = cell_number(c->arena, made->parts, NULL), *piece = NULL;
  if (axis < 0 || (uint32_t)axis >= from->type.rank || parts == NULL) {
    fail_view(c, expr->span, from->name, &from->type, "it has no such axis to split");
    return false;
  }
  made->axis = axis;
  made->type = from->type;
  if (cell_compute(c->arena, CELL_DIV, from->type.shape[axis], parts,
                   from->type.shape[axis]->origin, &piece) != CELL_OK) {
    fail_view(c, expr->span, from->name, &from->type, "it does not split into equal parts");
    return false;
  }
  made->type.shape[axis] = seen_through(c, piece, "split");
  return made->type.shape[axis] != NULL;
}

static bool operands_unify(struct compiler *c, const struct weight_expr *expr,
                           const struct weight *made, int32_t except) {
  const struct weight *first = &c->weight[made->operand[0]];
  for (uint32_t i = 1; i < made->operand_count; i++) {
    const struct weight *other = &c->weight[made->operand[i]];
    bool same = other->type.rank == first->type.rank && other->dtype == first->dtype;
    for (uint32_t k = 0; same && k < first->type.rank; k++)
      same =
          (int32_t)k == except || cell_unify(first->type.shape[k], other->type.shape[k]) == CELL_OK;
    if (!same) {
      fail_view(c, expr->span, other->name, &other->type,
                compiler_printf(c, "it does not go together with `%s` %s", first->name,
                                compiler_type_text(c, &first->type)));
      return false;
    }
  }
  return true;
}

static bool concat_type(struct compiler *c, const struct weight_expr *expr, struct weight *made) {
  const struct weight *first = &c->weight[made->operand[0]];
  int32_t axis = made->axis < 0 ? made->axis + (int32_t)first->type.rank : made->axis;
  if (axis < 0 || (uint32_t)axis >= first->type.rank) {
    fail_view(c, expr->span, first->name, &first->type, "it has no such axis");
    return false;
  }
  made->axis = axis;
  made->type = first->type;
  if (!operands_unify(c, expr, made, axis))
    return false;
  struct cell *sum = seen_through(c, first->type.shape[axis], "put together");
  for (uint32_t i = 1; i < made->operand_count && sum != NULL; i++) {
    struct cell *next = NULL;
    cell_compute(c->arena, CELL_ADD, sum, c->weight[made->operand[i]].type.shape[axis], sum->origin,
                 &next);
    sum = next == NULL ? cell_free(c->arena, sum->origin) : next;
  }
  made->type.shape[axis] = sum;
  return sum != NULL;
}

static bool stack_type(struct compiler *c, const struct weight_expr *expr, struct weight *made) {
  const struct weight *first = &c->weight[made->operand[0]];
  if (first->type.rank == GRAPH_MAX_RANK) {
    fail_view(c, expr->span, first->name, &first->type, "it has too many dims to be stacked");
    return false;
  }
  made->type = (struct ctype){.rank = first->type.rank + 1};
  made->type.shape[0] = cell_number(c->arena, made->operand_count, missing_origin(c, first->name));
  for (uint32_t i = 0; i < first->type.rank; i++)
    made->type.shape[i + 1] = first->type.shape[i];
  return made->type.shape[0] != NULL && operands_unify(c, expr, made, -1);
}

static bool known_elements(const struct ctype *type, int64_t *out) {
  *out = 1;
  for (uint32_t i = 0; i < type->rank; i++) {
    struct dim dim;
    int64_t number;
    if (!cell_value(type->shape[i], &dim) || !dim_is_number(&dim, &number) ||
        !checked_mul_i64(*out, number, out))
      return false;
  }
  return true;
}

static bool reshape_type(struct compiler *c, const struct weight_expr *expr, struct weight *made) {
  const struct weight *from = &c->weight[made->operand[0]];
  int64_t before, after;
  made->type = expr->shape;
  if (!known_elements(&made->type, &after)) {
    fail_view(c, expr->span, from->name, &from->type, "its new shape is not known");
    return false;
  }
  if (known_elements(&from->type, &before) && before != after) {
    fail_view(
        c, expr->span, from->name, &from->type,
        compiler_printf(c, "it cannot be reshaped to %s", compiler_type_text(c, &made->type)));
    return false;
  }
  return true;
}

static bool view_type(struct compiler *c, const struct weight_expr *expr, struct weight *made) {
  const struct weight *from = &c->weight[made->operand[0]];
  made->dtype = from->dtype;
  switch (made->kind) {
  case GRAPH_WEIGHT_TRANSPOSE:
    if (from->type.rank != 2) {
      fail_view(c, expr->span, from->name, &from->type, "only a matrix can be transposed");
      return false;
    }
    made->type = from->type;
    made->type.shape[0] = seen_through(c, from->type.shape[1], "transposed");
    made->type.shape[1] = seen_through(c, from->type.shape[0], "transposed");
    return made->type.shape[0] != NULL && made->type.shape[1] != NULL;
  case GRAPH_WEIGHT_SPLIT:
    return split_type(c, expr, made);
  case GRAPH_WEIGHT_CONCAT:
    return concat_type(c, expr, made);
  case GRAPH_WEIGHT_STACK:
    return stack_type(c, expr, made);
  default:
    return reshape_type(c, expr, made);
  }
}

static const char *view_name(struct compiler *c, const struct weight *made,
                             const struct weight_expr *expr) {
  const char *first = c->weight[made->operand[0]].name, *name;
  switch (made->kind) {
  case GRAPH_WEIGHT_TRANSPOSE:
    return compiler_printf(c, "%s{transpose}", first);
  case GRAPH_WEIGHT_SPLIT:
    return compiler_printf(c, "%s{split:%d:%d:%d}", first, expr->axis, made->parts, made->index);
  case GRAPH_WEIGHT_RESHAPE:
    return compiler_printf(c, "%s{reshape:%s}", first, compiler_type_text(c, &expr->shape));
  default:
    name = first;
    for (uint32_t i = 1; i < made->operand_count && name != NULL; i++)
      name = compiler_printf(c, "%s+%s", name, c->weight[made->operand[i]].name);
    if (name != NULL)
      name = made->kind == GRAPH_WEIGHT_STACK
                 ? compiler_printf(c, "%s{stack}", name)
                 : compiler_printf(c, "%s{concat:%d}", name, expr->axis);
    return name;
  }
}

static int32_t make_view(struct compiler *c, const struct weight_expr *expr,
                         enum graph_weight_kind kind, const int32_t *operand, uint32_t count,
                         const struct weight_want *want) {
  struct weight made = {.kind = kind,
                        .operand = operand,
                        .operand_count = count,
                        .axis = expr->axis,
                        .parts = expr->parts,
                        .index = expr->index,
                        .span = want->span};
  made.name = view_name(c, &made, expr);
  if (made.name == NULL)
    return WEIGHT_FAILED;
  int32_t found = find_weight(c, made.name);
  if (found >= 0)
    return found;
  return view_type(c, expr, &made) && !c->stop ? add_weight(c, &made) : WEIGHT_FAILED;
}

/* ------------------------------------------------------------------------ taking */

static int32_t take(struct compiler *c, const struct weight_expr *expr,
                    const struct weight_want *want, struct ctype *type);

static int32_t take_stars(struct compiler *c, const struct weight_expr *expr,
                          const struct weight_want *want, const struct weight_expr *view) {
  uint32_t count;
  const char **names = checkpoint_match(c, expr->scope->name, &count);
  if (names == NULL)
    return WEIGHT_FAILED;
  if (count == 0) {
    report(c, CODE_TENSOR_MISSING, expr->span, "no tensor of the checkpoint matches `%s`",
           expr->scope->name);
    return WEIGHT_FAILED;
  }
  int32_t *operand = compiler_alloc(c, count, sizeof *operand);
  for (uint32_t i = 0; operand != NULL && i < count; i++)
    if ((operand[i] = make_tensor(c, expr->scope, names[i], want)) < 0)
      return WEIGHT_FAILED;
  return operand == NULL ? WEIGHT_FAILED
                         : make_view(c, view, GRAPH_WEIGHT_STACK, operand, count, want);
}

/* The rank that an operand of a view needs for the view to have want->rank. */
static uint32_t operand_rank(const struct weight_expr *expr, uint32_t rank) {
  if (expr->view == GRAPH_WEIGHT_STACK)
    return rank > 0 ? rank - 1 : 0;
  return expr->view == GRAPH_WEIGHT_RESHAPE ? 1 : rank;
}

/* A bias lies along the first axis of its weight: a transposition leaves it
 * alone, and so does a split of the other axis. */
static bool bias_passes(const struct weight_expr *expr) {
  return expr->view == GRAPH_WEIGHT_TRANSPOSE ||
         (expr->view == GRAPH_WEIGHT_SPLIT && (expr->axis == 1 || expr->axis == -1));
}

static int32_t take_view(struct compiler *c, const struct weight_expr *expr,
                         const struct weight_want *want) {
  struct weight_want inner = *want;
  struct ctype ignored;
  bool bias = want->member != NULL && strcmp(want->member, "weight") != 0;
  if (bias && bias_passes(expr))
    return take(c, expr->operand[0], want, &ignored);
  if (bias && expr->view != GRAPH_WEIGHT_SPLIT && expr->view != GRAPH_WEIGHT_CONCAT) {
    report(c, CODE_WEIGHT_VIEW, expr->span, "the weights of a linear layer cannot be viewed so");
    return WEIGHT_FAILED;
  }
  if (expr->view == GRAPH_WEIGHT_STACK && expr->operand_count == 1 &&
      expr->operand[0]->kind == WEIGHT_STARS) {
    inner.rank = operand_rank(expr, want->rank);
    return take_stars(c, expr->operand[0], &inner, expr);
  }
  int32_t *operand = compiler_alloc(c, expr->operand_count, sizeof *operand);
  if (operand == NULL)
    return WEIGHT_FAILED;
  inner.rank = operand_rank(expr, want->rank);
  inner.optional = false;
  for (uint32_t i = 0; i < expr->operand_count; i++)
    if ((operand[i] = take(c, expr->operand[i], &inner, &ignored)) < 0)
      return WEIGHT_FAILED;
  return make_view(c, expr, expr->view, operand, expr->operand_count, want);
}

static const struct weight_expr *named_value(struct compiler *c, struct symbol *symbol) {
  if (!symbol->ready) {
    struct frame frame = FRAME(c, .unit = symbol->unit, .scope = weight_root());
    struct frame *outer = c->frame;
    c->frame = &frame;
    symbol->value = eval_single(c, symbol->decl->weight.value);
    symbol->has_type =
        symbol->decl->weight.type != NULL && eval_type(c, symbol->decl->weight.type, &symbol->type);
    c->frame = outer;
    symbol->ready = true;
    if (symbol->value.kind != VALUE_WEIGHT && symbol->value.kind != VALUE_ERROR)
      report(c, CODE_KIND, symbol->decl->weight.value->span, "`%s` must be a weight, this is %s",
             symbol->name, eval_kind_name(&symbol->value));
  }
  return symbol->value.kind == VALUE_WEIGHT ? symbol->value.weight : NULL;
}

/* A weight that is made of itself leads back to where it is open. */
static bool enter(struct compiler *c, struct symbol *symbol) {
  if (symbol->mark != 0) {
    report(c, CODE_UNKNOWN_NAME, symbol->span, "the weight `%s` is made of itself", symbol->name);
    return false;
  }
  if (c->weight_depth == LIMIT_WEIGHT_DEPTH) {
    report(c, CODE_LIMIT_STEPS, symbol->span,
           "the weight `%s` is declared through more than %d others", symbol->name,
           LIMIT_WEIGHT_DEPTH);
    return false;
  }
  c->weight_depth++;
  symbol->mark = 1;
  return true;
}

static void leave(struct compiler *c, struct symbol *symbol) {
  c->weight_depth--;
  symbol->mark = 0;
}

/* The declared shape as it is written, without blanks: "[V,D]". */
static const char *declared_text(struct compiler *c, const struct ast_type *type) {
  const char *text = "[";
  for (const struct ast_expr *dim = type->dims.first; dim != NULL && text != NULL; dim = dim->next)
    text = compiler_printf(c, "%s%s%s", text, compiler_span_text(c, dim->span),
                           dim->next != NULL ? "," : "");
  return text == NULL ? "" : text;
}

static void note_declared(struct compiler *c, struct report *r, const struct ctype *stored,
                          const struct ctype *declared) {
  for (uint32_t i = 0; i < declared->rank; i++) {
    const struct origin *origin = declared->shape[i]->origin;
    struct dim a, b;
    bool differs = stored->rank != declared->rank || !cell_value(stored->shape[i], &a) ||
                   !cell_value(declared->shape[i], &b) || !dim_equal(&a, &b);
    if (!differs || origin == NULL || origin->kind != ORIGIN_PARAM || origin->from == NULL)
      continue;
    struct buffer text;
    bool ignored;
    buffer_init(&text);
    origin_print(origin->from, c->diag, &text, &ignored);
    report_note(c, r, "%s = %s from %s", origin->name, compiler_cell_text(c, declared->shape[i]),
                buffer_text(&text));
    buffer_finish(&text);
  }
}

static int32_t take_named(struct compiler *c, const struct weight_expr *expr,
                          const struct weight_want *want, struct ctype *type) {
  struct symbol *symbol = expr->symbol;
  const struct weight_expr *value = named_value(c, symbol);
  if (value == NULL)
    return WEIGHT_FAILED;
  if (want->member != NULL) {
    struct report *r = report(c, CODE_KIND, want->span,
                              "`%s` is one tensor, and a linear layer is needed", symbol->name);
    report_help(c, r, "give the path that its names begin with: `@path`");
    return WEIGHT_FAILED;
  }
  struct weight_want inner = *want;
  if (symbol->has_type)
    inner.rank = symbol->type.rank;
  if (!enter(c, symbol))
    return WEIGHT_FAILED;
  int32_t index = take(c, value, &inner, type);
  leave(c, symbol);
  if (index < 0 || !symbol->has_type)
    return index;
  struct ctype stored = *type;
  bool same = stored.rank == symbol->type.rank;
  for (uint32_t i = 0; same && i < stored.rank; i++)
    same = cell_unify(stored.shape[i], symbol->type.shape[i]) == CELL_OK;
  *type = symbol->type;
  if (same)
    return index;
  struct report *r =
      report_keyed(c, CODE_WEIGHT_DECLARED, symbol->name,
                   "weight `%s` is %s in the checkpoint, %s] = %s declared", symbol->name,
                   compiler_type_text(c, &stored), declared_text(c, symbol->decl->weight.type),
                   compiler_type_text(c, &symbol->type));
  note_declared(c, r, &stored, &symbol->type);
  if (strcmp(c->weight[index].name, symbol->name) != 0)
    report_note(c, r, "it is the tensor `%s`", c->weight[index].name);
  return WEIGHT_FAILED;
}

static int32_t take(struct compiler *c, const struct weight_expr *expr,
                    const struct weight_want *want, struct ctype *type) {
  int32_t index = WEIGHT_FAILED;
  const char *name;
  if (!eval_step(c, expr->span, 0))
    return WEIGHT_FAILED;
  switch (expr->kind) {
  case WEIGHT_PATH:
    name = path_name(c, expr->scope, want->member);
    index = name == NULL ? WEIGHT_FAILED : make_tensor(c, expr->scope, name, want);
    break;
  case WEIGHT_NAMED:
    return take_named(c, expr, want, type);
  case WEIGHT_FIRST: {
    uint32_t i = 0;
    while (i + 1 < expr->operand_count && !is_present(c, expr->operand[i], want->member))
      i++;
    if (!is_present(c, expr->operand[i], want->member))
      i = 0; /* none is: speak of the first */
    for (uint32_t k = 0; k < expr->operand_count; k++)
      if (k != i)
        weight_mention_value(c, expr->operand[k], want->member);
    return take(c, expr->operand[i], want, type);
  }
  case WEIGHT_STARS:
    report(c, CODE_PATH, expr->span, "a `*` in a weight path stands inside stack() only");
    break;
  case WEIGHT_VIEW:
    index = take_view(c, expr, want);
    break;
  }
  if (index >= 0)
    *type = c->weight[index].type;
  return index;
}

/* "h.*.attn.bias" of the first path in the expression. */
static const char *optional_key(struct compiler *c, const struct weight_expr *expr,
                                const struct weight_want *want, const char **name) {
  while (expr->kind == WEIGHT_VIEW || expr->kind == WEIGHT_FIRST)
    expr = expr->operand[0];
  if (expr->kind != WEIGHT_PATH || strcmp(expr->scope->name, expr->scope->pattern) == 0)
    return NULL;
  *name = path_name(c, expr->scope, want->member);
  return want->member == NULL ? expr->scope->pattern
                              : compiler_printf(c, "%s.%s", expr->scope->pattern, want->member);
}

int32_t weight_take(struct compiler *c, const struct weight_expr *expr,
                    const struct weight_want *want, struct ctype *type) {
  const char *name = NULL;
  if (want->optional) {
    bool present = is_present(c, expr, want->member);
    const char *key = optional_key(c, expr, want, &name);
    if (key != NULL && name != NULL)
      checkpoint_note_optional(c, key, name, present, want->span);
    if (!present)
      return WEIGHT_ABSENT;
  }
  return take(c, expr, want, type);
}

/* ------------------------------------------------------------------ what is live */

void weight_mark_live(struct compiler *c, int32_t weight) {
  if (weight < 0 || c->weight[weight].live)
    return;
  c->weight[weight].live = true;
  for (uint32_t i = 0; i < c->weight[weight].operand_count; i++)
    weight_mark_live(c, c->weight[weight].operand[i]);
}

/* "`@h.{i}` (34:41) + `@attn.c_prj` (27:21) + slot `weight`" */
static const char *scope_text(struct compiler *c, const struct scope *scope) {
  unsigned line, column;
  if (scope == NULL || scope->path == NULL)
    return "";
  const char *before = scope_text(c, scope->parent);
  diag_position(c->diag, scope->path->span, &line, &column);
  const char *text = compiler_printf(c, "%s%s`%s` (%u:%u)", before, before[0] == '\0' ? "" : " + ",
                                     compiler_span_text(c, scope->path->span), line, column);
  return text == NULL ? "" : text;
}

static const char *pattern_of(struct compiler *c, const struct weight *weight) {
  if (weight->scope == NULL)
    return weight->name;
  return weight->slot == NULL ? weight->scope->pattern
                              : compiler_printf(c, "%s.%s", weight->scope->pattern, weight->slot);
}

static void report_missing(struct compiler *c, const struct weight *weight, uint32_t others) {
  struct report *r = report_keyed(c, CODE_TENSOR_MISSING, weight->name,
                                  "tensor `%s` is not in the checkpoint", weight->name);
  const char *path = scope_text(c, weight->scope);
  if (path[0] != '\0' && weight->slot != NULL)
    report_note(c, r, "%s + slot `%s`", path, weight->slot);
  else if (path[0] != '\0')
    report_note(c, r, "%s", path);
  if (others > 0)
    report_note(c, r, "the same for %u more of `%s`", others, pattern_of(c, weight));
  const char *nearest = checkpoint_nearest(c, weight->name);
  const struct compile_tensor *tensor = nearest == NULL ? NULL : checkpoint_find(c, nearest);
  if (tensor == NULL)
    return;
  const char *shape = "";
  for (uint32_t i = 0; i < tensor->rank && shape != NULL; i++)
    shape = compiler_printf(c, "%s%s%lld", shape, i > 0 ? "," : "", (long long)tensor->shape[i]);
  report_help(c, r, "nearest: `%s` [%s]", nearest, shape == NULL ? "" : shape);
}

/* One report for each pattern: all layers of a repeat lack the same. */
static void check_missing(struct compiler *c) {
  struct map seen;
  map_init(&seen);
  for (int pass = 0; pass < 2; pass++) {
    for (uint32_t i = 0; i < c->weight_count && !c->stop; i++) {
      struct weight *weight = &c->weight[i];
      if (!weight->live || weight->kind != GRAPH_WEIGHT_TENSOR || weight->tensor != NULL)
        continue;
      const char *pattern = pattern_of(c, weight);
      struct map_entry *at = pattern == NULL ? NULL : map_insert_text(&seen, pattern, NULL);
      if (at == NULL) {
        compiler_oom(c);
      } else if (pass == 0) {
        at->value.number++;
      } else if (at->value.number > 0) {
        report_missing(c, weight, (uint32_t)(at->value.number - 1));
        at->value.number = 0;
      }
    }
  }
  map_finish(&seen);
}

static void check_told(struct compiler *c, const struct weight *weight) {
  struct dim dim;
  for (uint32_t i = 0; i < weight->type.rank; i++) {
    if (cell_value(weight->type.shape[i], &dim) && dim_is_number(&dim, NULL))
      continue;
    struct report *r = report_keyed(c, CODE_SHAPE_UNTOLD, pattern_of(c, weight),
                                    "without a checkpoint nothing tells the shape of `%s`: %s",
                                    weight->name, compiler_type_text(c, &weight->type));
    const char *path = scope_text(c, weight->scope);
    if (path[0] != '\0')
      report_note(c, r, "%s%s%s%s", path, weight->slot == NULL ? "" : " + slot `",
                  weight->slot == NULL ? "" : weight->slot, weight->slot == NULL ? "" : "`");
    report_help(c, r, "state the shape of what it makes: `y: [B, T, N] = ...`");
    return;
  }
}

void weight_check_live(struct compiler *c) {
  if (c->options->has_checkpoint) {
    check_missing(c);
    return;
  }
  for (uint32_t i = 0; i < c->weight_count && !c->stop; i++)
    if (c->weight[i].live && c->weight[i].kind == GRAPH_WEIGHT_TENSOR)
      check_told(c, &c->weight[i]);
}
