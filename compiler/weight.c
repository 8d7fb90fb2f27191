/* weight.c - what is in the checkpoint, and what a slot takes of it.
 *
 *     transpose(@mlp.c_fc) for the slot `weight` of a group
 *       -> h.0.mlp.c_fc.weight               TENSOR [768,3072]
 *       -> h.0.mlp.c_fc.weight{transpose}    TRANSPOSE of it */
#include "compiler/weight.h"

#include "compiler/checkpoint.h"
#include "compiler/limit.h"
#include "compiler/mention.h"
#include "compiler/names.h"
#include "compiler/report.h"
#include "compiler/tensor_view.h"

#include <string.h>

/* A member of a group lies behind its path; where the path is a tensor itself, that
 * is the weight. */
static const char *tensor_path(struct compiler *c, const struct scope *scope, const char *member) {
  if (member == NULL)
    return scope->name;
  const char *name = compiler_printf(c, "%s.%s", scope->name, member);
  bool whole = name != NULL && strcmp(member, "weight") == 0 && checkpoint_find(c, name) == NULL &&
               checkpoint_find(c, scope->name) != NULL;
  return whole ? scope->name : name;
}

/* The same of a path with stars: what it matches decides. */
static const char *stars_path(struct compiler *c, const struct scope *scope, const char *member) {
  uint32_t count = 0;
  const char *name =
      member == NULL ? scope->name : compiler_printf(c, "%s.%s", scope->name, member);
  if (member == NULL || name == NULL || strcmp(member, "weight") != 0)
    return name;
  checkpoint_match(c, name, &count);
  return count > 0 ? name : scope->name;
}

/* ---------------------------------------------------------------------- presence */

/* What a declaration is of; it is evaluated when it is asked for first. */
static const struct weight_expr *named_value(struct compiler *c, struct symbol *symbol) {
  if (!symbol->ready)
    c->declare_weight(c, symbol);
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

static bool same_member(const char *a, const char *b) {
  return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

/* One more expression inside another: false after a report, when they are too many. */
static bool descend(struct compiler *c, struct span span) {
  if (!limit_step(c, span, 0))
    return false;
  if (++c->view_depth <= LIMIT_VIEW_DEPTH)
    return true;
  report(c, CODE_LIMIT_STEPS, span, "a weight that is made through more than %d others",
         LIMIT_VIEW_DEPTH);
  c->stop = true;
  return false;
}

static bool find_present(struct compiler *c, const struct weight_expr *expr, const char *member);

static bool is_present(struct compiler *c, const struct weight_expr *expr, const char *member) {
  struct weight_memo *memo = expr->memo;
  if (!c->options->has_checkpoint)
    return true;
  if (memo->asked && same_member(memo->present_for, member))
    return memo->present;
  bool present = descend(c, expr->span) && find_present(c, expr, member);
  c->view_depth--;
  if (c->stop)
    return false;
  memo->asked = true;
  memo->present_for = member;
  memo->present = present;
  return present;
}

static bool find_present(struct compiler *c, const struct weight_expr *expr, const char *member) {
  const char *name;
  uint32_t count;
  const struct weight_expr *value;
  bool found;
  switch (expr->kind) {
  case WEIGHT_PATH:
    name = tensor_path(c, expr->scope, member);
    return name != NULL && checkpoint_find(c, name) != NULL;
  case WEIGHT_NAMED:
    value = named_value(c, expr->symbol);
    if (value == NULL || !enter(c, expr->symbol))
      return false;
    found = is_present(c, value, member);
    leave(c, expr->symbol);
    return found;
  case WEIGHT_STARS:
    name = stars_path(c, expr->scope, member);
    if (name != NULL)
      checkpoint_match(c, name, &count);
    return name != NULL && count > 0;
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

bool weight_is_there(struct compiler *c, const struct weight_expr *expr) {
  return c->options->has_checkpoint && is_present(c, expr, NULL);
}

/* ------------------------------------------------------------------------ taking */

static int32_t take(struct compiler *c, const struct weight_expr *expr,
                    const struct weight_want *want, struct ctype *type);

/* rank: that of the tensors that match. */
static int32_t take_stars(struct compiler *c, const struct weight_expr *expr,
                          const struct weight_want *want, const struct weight_expr *view,
                          uint32_t rank) {
  uint32_t count = 0;
  const char *name = stars_path(c, expr->scope, want->member);
  const struct entry **entry = name == NULL ? NULL : checkpoint_match(c, name, &count);
  struct weight_want inner = *want;
  if (entry == NULL)
    return WEIGHT_FAILED;
  if (count == 0 && !c->options->has_checkpoint)
    return tensor_make(c, expr->scope, name, want);
  if (count == 0) {
    report(c, CODE_TENSOR_MISSING, expr->span, "no tensor of the checkpoint matches `%s`",
           want->member == NULL ? expr->scope->name
                                : compiler_printf(c, "%s.%s", expr->scope->name, want->member));
    return WEIGHT_FAILED;
  }
  inner.rank = rank;
  int32_t *operand = compiler_alloc(c, count, sizeof *operand);
  for (uint32_t i = 0; operand != NULL && i < count; i++)
    if ((operand[i] = tensor_make_entry(c, expr->scope, entry[i], &inner,
                                        i == 0 ? WEIGHT_ABSENT : operand[0])) < 0)
      return WEIGHT_FAILED;
  if (operand == NULL)
    return WEIGHT_FAILED;
  return tensor_view(c, view, want->list ? GRAPH_WEIGHT_LIST : GRAPH_WEIGHT_STACK, operand, count,
                     want);
}

/* The rank that an operand of a view needs for the view to have want->rank. */
static uint32_t operand_rank(const struct weight_expr *expr, uint32_t rank) {
  if (expr->view == GRAPH_WEIGHT_STACK)
    return rank > 0 ? rank - 1 : 0;
  return expr->view == GRAPH_WEIGHT_RESHAPE ? 1 : rank;
}

static bool is_part(const struct weight_expr *expr) {
  return expr->view == GRAPH_WEIGHT_SPLIT || expr->view == GRAPH_WEIGHT_SLICE;
}

/* A bias lies along the first axis of its weight: a transposition leaves it
 * alone, and so does a split of the other axis. */
static bool bias_passes(const struct weight_expr *expr) {
  return expr->view == GRAPH_WEIGHT_TRANSPOSE ||
         (is_part(expr) && (expr->axis == 1 || expr->axis == -1));
}

static int32_t take_view(struct compiler *c, const struct weight_expr *expr,
                         const struct weight_want *want) {
  struct weight_want inner = *want;
  struct ctype ignored;
  bool bias = want->member != NULL && strcmp(want->member, "weight") != 0;
  if (bias && bias_passes(expr))
    return take(c, expr->operand[0], want, &ignored);
  if (bias && !is_part(expr) && expr->view != GRAPH_WEIGHT_CONCAT) {
    report(c, CODE_WEIGHT_VIEW, expr->span, "the weights of a linear layer cannot be viewed so");
    return WEIGHT_FAILED;
  }
  if (expr->view == GRAPH_WEIGHT_STACK && expr->operand_count == 1 &&
      expr->operand[0]->kind == WEIGHT_STARS)
    return take_stars(c, expr->operand[0], want, expr, operand_rank(expr, want->rank));
  int32_t *operand = compiler_alloc(c, expr->operand_count, sizeof *operand);
  if (operand == NULL)
    return WEIGHT_FAILED;
  inner.rank = operand_rank(expr, want->rank);
  inner.optional = inner.list = false;
  for (uint32_t i = 0; i < expr->operand_count; i++)
    if ((operand[i] = take(c, expr->operand[i], &inner, &ignored)) < 0)
      return WEIGHT_FAILED;
  bool list = want->list && expr->view == GRAPH_WEIGHT_STACK;
  return tensor_view(c, expr, list ? GRAPH_WEIGHT_LIST : expr->view, operand, expr->operand_count,
                     want);
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

/* Of two dims, in the other order. */
static bool is_turned(const struct ctype *stored, const struct ctype *declared) {
  return stored->rank == 2 && declared->rank == 2 &&
         cell_unify(stored->shape[0], declared->shape[1]) == CELL_OK &&
         cell_unify(stored->shape[1], declared->shape[0]) == CELL_OK;
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
      report_keyed_at(c, CODE_WEIGHT_DECLARED, symbol->span, symbol->name,
                      "weight `%s` is %s in the checkpoint, %s] = %s declared", symbol->name,
                      compiler_type_text(c, &stored), declared_text(c, symbol->decl->weight.type),
                      compiler_type_text(c, &symbol->type));
  note_declared(c, r, &stored, &symbol->type);
  if (strcmp(c->weight[index].name, symbol->name) != 0)
    report_note(c, r, "it is the tensor `%s`", c->weight[index].name);
  if (is_turned(&stored, &symbol->type))
    report_help(c, r,
                "in the other order the dims fit: state them so, and turn it where it is used");
  return WEIGHT_FAILED;
}

static int32_t take_once(struct compiler *c, const struct weight_expr *expr,
                         const struct weight_want *want, struct ctype *type);

static int32_t take(struct compiler *c, const struct weight_expr *expr,
                    const struct weight_want *want, struct ctype *type) {
  struct weight_memo *memo = expr->memo;
  if (memo->taken && memo->list == want->list && same_member(memo->member, want->member)) {
    *type = memo->type;
    return memo->index;
  }
  int32_t index = descend(c, expr->span) ? take_once(c, expr, want, type) : WEIGHT_FAILED;
  c->view_depth--;
  if (index >= 0) {
    memo->taken = true;
    memo->list = want->list;
    memo->member = want->member;
    memo->index = index;
    memo->type = *type;
  }
  return index;
}

static int32_t take_once(struct compiler *c, const struct weight_expr *expr,
                         const struct weight_want *want, struct ctype *type) {
  int32_t index = WEIGHT_FAILED;
  const char *name;
  switch (expr->kind) {
  case WEIGHT_PATH:
    name = tensor_path(c, expr->scope, want->member);
    index = name == NULL ? WEIGHT_FAILED : tensor_make(c, expr->scope, name, want);
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
        mention_value(c, expr->operand[k], want->member);
    return take(c, expr->operand[i], want, type);
  }
  case WEIGHT_STARS:
    if (want->list)
      index = take_stars(c, expr, want, expr, want->rank > 0 ? want->rank - 1 : 0);
    else
      report(c, CODE_PATH, expr->span,
             "a `*` in a weight path stands inside stack(), or where an op takes experts");
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
  for (const struct weight_expr *main; (main = weight_expr_main(expr)) != NULL;)
    expr = main;
  if (expr->kind != WEIGHT_PATH || strcmp(expr->scope->name, expr->scope->pattern) == 0)
    return NULL;
  *name = tensor_path(c, expr->scope, want->member);
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
