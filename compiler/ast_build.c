/* ast_build.c - make expressions, each with its depth.
 *
 * Depth is capped here, where nodes are made, because the parser's stack does
 * not bound it: `1 + 1 + ...` needs three entries and makes a tree as deep as
 * the sum is long.  What is too deep becomes one AST_EXPR_ERROR. */
#include "compiler/ast_build.h"

#include "compiler/codes.h"

#include <string.h>

const char *ast_source_text(const struct ast_builder *build, struct span span) {
  return build->diag->sources[span.source].text + span.begin;
}

static uint32_t deeper(uint32_t depth, const struct ast_expr *expr) {
  return expr != NULL && expr->depth > depth ? expr->depth : depth;
}

static uint32_t deepest_field(const struct ast_fields *fields) {
  uint32_t depth = 0;
  for (const struct ast_field *field = fields->first; field != NULL; field = field->next)
    depth = deeper(depth, field->value);
  return depth;
}

static void report_depth(struct ast_builder *build, struct span span) {
  if (build->too_deep)
    return;
  build->too_deep = true;
  struct diag_item *item = diag_report(build->diag, DIAG_ERROR, CODE_LIMIT_DEPTH, span,
                                       "nested deeper than %d levels", AST_MAX_DEPTH);
  diag_help(build->diag, item, "give a part of it a name, on a line of its own");
}

/* A node over children of which the deepest is `below`; the caller fills it in
 * unless it became an AST_EXPR_ERROR. */
static struct ast_expr *new_expr(struct ast_builder *build, enum ast_expr_kind kind,
                                 struct span span, uint32_t below) {
  struct ast_expr *expr = arena_alloc(build->arena, sizeof *expr);
  if (expr == NULL)
    return NULL;
  *expr = (struct ast_expr){.kind = kind, .depth = below + 1, .span = span};
  if (expr->depth > AST_MAX_DEPTH) {
    report_depth(build, span);
    expr->kind = AST_EXPR_ERROR;
    expr->depth = 1;
  }
  return expr;
}

static bool usable(const struct ast_expr *expr) {
  return expr != NULL && expr->kind != AST_EXPR_ERROR;
}

struct ast_expr *ast_leaf(struct ast_builder *build, enum ast_expr_kind kind, struct span span) {
  return new_expr(build, kind, span, 0);
}

struct ast_expr *ast_bool(struct ast_builder *build, struct span span, bool value) {
  struct ast_expr *expr = new_expr(build, AST_EXPR_BOOL, span, 0);
  if (expr != NULL)
    expr->boolean = value;
  return expr;
}

struct ast_expr *ast_int(struct ast_builder *build, struct span span, int64_t value) {
  struct ast_expr *expr = new_expr(build, AST_EXPR_INT, span, 0);
  if (expr != NULL)
    expr->integer = value;
  return expr;
}

struct ast_expr *ast_real(struct ast_builder *build, struct span span, double value) {
  struct ast_expr *expr = new_expr(build, AST_EXPR_REAL, span, 0);
  if (expr != NULL)
    expr->real = value;
  return expr;
}

struct ast_expr *ast_text(struct ast_builder *build, enum ast_expr_kind kind, struct span span,
                          const char *text) {
  struct ast_expr *expr = new_expr(build, kind, span, 0);
  if (expr != NULL)
    expr->text = text == NULL ? "" : text;
  return expr;
}

struct ast_expr *ast_member(struct ast_builder *build, struct span span, struct ast_expr *object,
                            struct ast_name name) {
  struct ast_expr *expr = new_expr(build, AST_EXPR_MEMBER, span, deeper(0, object));
  if (usable(expr)) {
    expr->member.object = object;
    expr->member.name = name;
  }
  return expr;
}

struct ast_expr *ast_index(struct ast_builder *build, struct span span, struct ast_expr *object,
                           struct ast_expr *at) {
  struct ast_expr *expr = new_expr(build, AST_EXPR_INDEX, span, deeper(deeper(0, object), at));
  if (usable(expr)) {
    expr->index.object = object;
    expr->index.at = at;
  }
  return expr;
}

/* f or plugin.f; anything else has no name to be called by. */
static bool callee_names(const struct ast_expr *callee, struct ast_name *qualifier,
                         struct ast_name *name) {
  *qualifier = *name = (struct ast_name){0};
  if (callee->kind == AST_EXPR_NAME) {
    *name = (struct ast_name){callee->text, callee->span};
    return true;
  }
  if (callee->kind != AST_EXPR_MEMBER || callee->member.object == NULL ||
      callee->member.object->kind != AST_EXPR_NAME)
    return false;
  const struct ast_expr *object = callee->member.object;
  *qualifier = (struct ast_name){object->text, object->span};
  *name = callee->member.name;
  return true;
}

struct ast_expr *ast_call(struct ast_builder *build, struct span span,
                          const struct ast_expr *callee, struct ast_fields args) {
  struct ast_expr *expr = new_expr(build, AST_EXPR_CALL, span, deepest_field(&args));
  if (!usable(expr) || callee == NULL)
    return expr;
  struct ast_name qualifier, name;
  if (callee_names(callee, &qualifier, &name)) {
    expr->call.qualifier = qualifier;
    expr->call.name = name;
    expr->call.args = args;
    return expr;
  }
  if (callee->kind != AST_EXPR_ERROR) {
    struct diag_item *item = diag_report(build->diag, DIAG_ERROR, CODE_CALLEE, callee->span,
                                         "only an op or a block can be called, by its name");
    diag_help(build->diag, item, "a call is written `name(...)` or `plugin.name(...)`");
  }
  expr->kind = AST_EXPR_ERROR;
  return expr;
}

struct ast_expr *ast_scope(struct ast_builder *build, struct span span, struct ast_expr *expr,
                           struct ast_path *path) {
  if (!usable(expr) || path == NULL)
    return expr;
  if (expr->kind == AST_EXPR_CALL && expr->call.scope == NULL) {
    if (path->depth >= AST_MAX_DEPTH) {
      report_depth(build, path->span);
      return ast_leaf(build, AST_EXPR_ERROR, span);
    }
    if (path->depth >= expr->depth)
      expr->depth = path->depth + 1;
    expr->call.scope = path;
    expr->span = span;
    return expr;
  }
  struct diag_item *item;
  if (expr->kind == AST_EXPR_CALL) {
    item = diag_report(build->diag, DIAG_ERROR, CODE_SCOPE_TARGET, path->span,
                       "a call has one weight scope");
    diag_label(build->diag, item, expr->call.scope->span, "the first");
  } else {
    item = diag_report(build->diag, DIAG_ERROR, CODE_SCOPE_TARGET, path->span,
                       "only a call can have a weight scope");
    diag_label(build->diag, item, expr->span, "not a call");
  }
  diag_help(build->diag, item, "the scope follows its call: `f(x) @path`");
  return ast_leaf(build, AST_EXPR_ERROR, span);
}

struct ast_expr *ast_list(struct ast_builder *build, struct span span, struct ast_exprs items) {
  uint32_t depth = 0;
  for (const struct ast_expr *item = items.first; item != NULL; item = item->next)
    depth = deeper(depth, item);
  struct ast_expr *expr = new_expr(build, AST_EXPR_LIST, span, depth);
  if (usable(expr))
    expr->list = items;
  return expr;
}

struct ast_expr *ast_unary(struct ast_builder *build, struct span span, enum ast_op op,
                           struct span op_span, struct ast_expr *operand) {
  struct ast_expr *expr = new_expr(build, AST_EXPR_UNARY, span, deeper(0, operand));
  if (usable(expr)) {
    expr->unary.op = op;
    expr->unary.op_span = op_span;
    expr->unary.operand = operand;
  }
  return expr;
}

struct ast_expr *ast_binary(struct ast_builder *build, enum ast_op op, struct span op_span,
                            struct ast_expr *left, struct ast_expr *right) {
  if (left == NULL || right == NULL)
    return NULL;
  struct span span = {left->span.source, left->span.begin, right->span.end};
  struct ast_expr *expr = new_expr(build, AST_EXPR_BINARY, span, deeper(deeper(0, left), right));
  if (usable(expr)) {
    expr->binary.op = op;
    expr->binary.op_span = op_span;
    expr->binary.left = left;
    expr->binary.right = right;
  }
  return expr;
}

struct ast_expr *ast_choice(struct ast_builder *build, struct span span, struct ast_expr *condition,
                            struct ast_expr *then, struct ast_expr *otherwise) {
  uint32_t depth = deeper(deeper(deeper(0, condition), then), otherwise);
  struct ast_expr *expr = new_expr(build, AST_EXPR_IF, span, depth);
  if (usable(expr)) {
    expr->choice.condition = condition;
    expr->choice.then = then;
    expr->choice.otherwise = otherwise;
  }
  return expr;
}

struct ast_expr *ast_path_expr(struct ast_builder *build, struct ast_path *path) {
  if (path == NULL)
    return NULL;
  struct ast_expr *expr = new_expr(build, AST_EXPR_PATH, path->span, path->depth);
  if (usable(expr))
    expr->path = path;
  return expr;
}

struct ast_exprs ast_exprs_add(struct ast_exprs list, struct ast_expr *item) {
  AST_APPEND(list, item);
  return list;
}
