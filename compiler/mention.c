/* mention.c - a walk over what is not expanded, for the paths in it. */
#include "compiler/mention.h"

#include "compiler/checkpoint.h"
#include "compiler/limit.h"
#include "compiler/names.h"

#include <string.h>

enum { MENTION_DEPTH = 32 };

static void mention_name(struct compiler *c, const char *name) {
  if (name != NULL && map_insert_text(&c->checkpoint->mentions, name, NULL) == NULL)
    compiler_oom(c);
}

static void mention_path(struct compiler *c, const struct ast_path *path) {
  const char *name = compiler_printf(c, "%s%s", c->frame->scope->name,
                                     c->frame->scope->name[0] == '\0' ? "" : ".");
  for (const struct ast_part *part = path->first; part != NULL && name != NULL; part = part->next)
    name = compiler_printf(c, "%s%s", name, part->kind == AST_PART_TEXT ? part->text : "*");
  if (name == NULL)
    return;
  mention_name(c, name);
  mention_name(c, compiler_printf(c, "%s.*", name));
}

static void mention_weight(struct compiler *c, struct symbol *symbol) {
  if (symbol->mentioned || c->mention_depth >= MENTION_DEPTH)
    return;
  symbol->mentioned = true;
  c->mention_depth++;
  struct frame frame = FRAME(c, .unit = symbol->unit, .scope = scope_root());
  struct frame *outer = c->frame;
  c->frame = &frame;
  mention_expr(c, symbol->decl->weight.value);
  c->mention_depth--;
  c->frame = outer;
}

void mention_value(struct compiler *c, const struct weight_expr *expr, const char *member) {
  struct weight_memo *memo = expr->memo;
  bool same = memo->mentioned_for == member || (memo->mentioned_for != NULL && member != NULL &&
                                                strcmp(memo->mentioned_for, member) == 0);
  if ((memo->mentioned && same) || c->view_depth >= LIMIT_VIEW_DEPTH ||
      !limit_step(c, expr->span, 0))
    return;
  memo->mentioned = true;
  memo->mentioned_for = member;
  if (expr->kind == WEIGHT_PATH || expr->kind == WEIGHT_STARS)
    mention_name(c, member == NULL ? expr->scope->name
                                   : compiler_printf(c, "%s.%s", expr->scope->name, member));
  else if (expr->kind == WEIGHT_NAMED)
    mention_weight(c, expr->symbol);
  c->view_depth++;
  for (uint32_t i = 0; i < expr->operand_count; i++)
    mention_value(c, expr->operand[i], member);
  c->view_depth--;
}

static void mention_call(struct compiler *c, const struct ast_expr *expr) {
  for (const struct ast_field *f = expr->call.args.first; f != NULL; f = f->next)
    mention_expr(c, f->value);
  if (expr->call.scope != NULL) {
    mention_path(c, expr->call.scope);
    return;
  }
  if (expr->call.name.text == NULL)
    return;
  const struct unit *unit = c->frame->unit;
  if (expr->call.qualifier.text != NULL) {
    const struct qualifier *q = names_qualifier(unit, expr->call.qualifier.text);
    unit = q == NULL ? NULL : q->unit;
  }
  const struct symbol *block = unit == NULL ? NULL : names_symbol(unit, expr->call.name.text);
  if (block == NULL || block->kind != SYMBOL_BLOCK || c->mention_depth >= MENTION_DEPTH)
    return;
  struct frame frame = FRAME(c, .unit = block->unit, .scope = c->frame->scope);
  struct frame *outer = c->frame;
  c->frame = &frame;
  c->mention_depth++;
  mention_body(c, &block->decl->block.body);
  c->mention_depth--;
  c->frame = outer;
}

void mention_expr(struct compiler *c, const struct ast_expr *expr) {
  if (expr == NULL || c->checkpoint == NULL || c->checkpoint->count == 0 ||
      !limit_step(c, expr->span, 0))
    return;
  switch (expr->kind) {
  case AST_EXPR_NAME: {
    struct symbol *symbol = names_symbol(c->frame->unit, expr->text);
    if (symbol != NULL && symbol->kind == SYMBOL_WEIGHT)
      mention_weight(c, symbol);
    break;
  }
  case AST_EXPR_CALL:
    mention_call(c, expr);
    break;
  case AST_EXPR_PATH:
    mention_path(c, expr->path);
    break;
  case AST_EXPR_LIST:
    for (const struct ast_expr *e = expr->list.first; e != NULL; e = e->next)
      mention_expr(c, e);
    break;
  case AST_EXPR_UNARY:
    mention_expr(c, expr->unary.operand);
    break;
  case AST_EXPR_BINARY:
    mention_expr(c, expr->binary.left);
    mention_expr(c, expr->binary.right);
    break;
  case AST_EXPR_IF:
    mention_expr(c, expr->choice.then);
    mention_expr(c, expr->choice.otherwise);
    break;
  default:
    break;
  }
}

void mention_body(struct compiler *c, const struct ast_stmts *body) {
  for (const struct ast_stmt *stmt = body->first; stmt != NULL && !c->stop; stmt = stmt->next) {
    switch (stmt->kind) {
    case AST_STMT_ASSIGN:
      mention_expr(c, stmt->assign.value);
      break;
    case AST_STMT_REPEAT:
      mention_body(c, &stmt->repeat.body);
      break;
    case AST_STMT_RETURN:
      for (const struct ast_expr *e = stmt->result.values.first; e != NULL; e = e->next)
        mention_expr(c, e);
      break;
    case AST_STMT_ASSERT:
      break;
    }
  }
}

bool mention_has(struct compiler *c, const char *name) {
  const struct checkpoint *k = c->checkpoint;
  if (map_find_text(&k->mentions, name) != NULL)
    return true;
  if (!limit_step(c, SPAN_NONE, (uint32_t)(k->mentions.capacity / 64)))
    return true;
  for (size_t i = 0; i < k->mentions.capacity; i++) {
    const char *key = k->mentions.entries[i].key;
    if (key != NULL && strchr(key, '*') != NULL && checkpoint_glob(c, key, name))
      return true;
  }
  return false;
}
