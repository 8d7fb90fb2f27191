/* budget.c - the cost of every block, bottom-up, with saturating arithmetic.
 *
 * A graph of blocks without a cycle can still double at each level, so cost is
 * computed from the tree and not by expanding it:
 *
 *     cost(op) = 1     cost(repeat n) = n * cost(body)
 *     cost(if) = the dearer branch     cost(block) = its body, once computed
 *
 * What cannot be counted here (a repeat by a block's parameter) counts once;
 * expand.c counts again as it goes. */
#include "compiler/budget.h"

#include "base/checked.h"
#include "compiler/limit.h"
#include "compiler/names.h"
#include "compiler/origin.h"

#include <string.h>

enum { BLOCK_NEW, BLOCK_OPEN, BLOCK_DONE };
/* Deeper than this nothing is looked at: it is over the limit anyway. */
enum { BUDGET_DEPTH = 4 * LIMIT_INLINE_DEPTH };

struct budget {
  struct compiler *c;
  struct unit *unit;
  struct symbol *path[BUDGET_DEPTH]; /* the blocks that are open */
  uint32_t open;
  bool failed;
};

struct cost {
  uint64_t nodes;
  uint32_t depth;   /* of blocks below */
  uint32_t nesting; /* of repeats below */
};

static struct cost cost_expr(struct budget *b, const struct ast_expr *expr);
static struct cost cost_body(struct budget *b, const struct ast_stmts *body);

static struct cost plus(struct cost a, struct cost b) {
  a.nodes = saturating_add(a.nodes, b.nodes);
  a.depth = a.depth > b.depth ? a.depth : b.depth;
  a.nesting = a.nesting > b.nesting ? a.nesting : b.nesting;
  return a;
}

/* ----------------------------------------------------------------------- blocks */

static void report_cycle(struct budget *b, const struct symbol *block, struct span span) {
  const char *ring = "";
  uint32_t from = b->open;
  while (from > 0 && b->path[from - 1] != block)
    from--;
  for (uint32_t i = from > 0 ? from - 1 : 0; i < b->open && ring != NULL; i++)
    ring = compiler_printf(b->c, "%s`%s` -> ", ring, b->path[i]->name);
  struct report *r =
      report(b->c, CODE_BLOCK_CYCLE, span, "the block `%s` calls itself", block->name);
  report_primary(b->c, r, "this closes the ring");
  report_note(b->c, r, "%s`%s`", ring == NULL ? "" : ring, block->name);
  report_help(b->c, r, "a block cannot call itself: use `repeat N as i { ... }`");
  b->failed = true;
}

/* Of a call at span; SPAN_NONE = only where it is declared. */
static struct cost cost_block(struct budget *b, struct symbol *block, struct span span) {
  struct cost none = {0};
  if (block->mark == BLOCK_OPEN) {
    report_cycle(b, block, span);
    return none;
  }
  if (block->mark == BLOCK_NEW) {
    struct unit *outer = b->unit;
    if (b->open == BUDGET_DEPTH) {
      report(b->c, CODE_LIMIT_INLINE, span, "blocks are called deeper than %d", LIMIT_INLINE_DEPTH);
      b->failed = true;
      return none;
    }
    block->mark = BLOCK_OPEN;
    b->path[b->open++] = block;
    b->unit = block->unit;
    struct cost cost = cost_body(b, &block->decl->block.body);
    b->unit = outer;
    b->open--;
    block->mark = BLOCK_DONE;
    block->cost = cost.nodes;
    block->depth = cost.depth + 1;
    block->nesting = cost.nesting;
  }
  if (block->depth > LIMIT_INLINE_DEPTH && !b->failed && span.source != UINT32_MAX) {
    report(b->c, CODE_LIMIT_INLINE, span, "blocks are called deeper than %d", LIMIT_INLINE_DEPTH);
    b->failed = true;
  }
  return (struct cost){block->cost, block->depth, block->nesting};
}

static struct symbol *called_block(const struct budget *b, const struct ast_expr *call) {
  const struct unit *unit = b->unit;
  if (call->call.name.text == NULL)
    return NULL;
  if (call->call.qualifier.text != NULL) {
    const struct qualifier *q = names_qualifier(unit, call->call.qualifier.text);
    unit = q == NULL ? NULL : q->unit;
  }
  struct symbol *symbol = unit == NULL ? NULL : names_symbol(unit, call->call.name.text);
  return symbol != NULL && symbol->kind == SYMBOL_BLOCK ? symbol : NULL;
}

/* ------------------------------------------------------------------ expressions */

/* A constant for sure: no node comes of arithmetic with it. */
static bool is_constant(const struct budget *b, const struct ast_expr *expr) {
  switch (expr->kind) {
  case AST_EXPR_INT:
  case AST_EXPR_REAL:
  case AST_EXPR_STR:
  case AST_EXPR_BOOL:
  case AST_EXPR_NONE:
  case AST_EXPR_MEMBER:
    return true;
  case AST_EXPR_NAME: {
    const struct symbol *symbol = names_symbol(b->unit, expr->text);
    return symbol != NULL && symbol->kind == SYMBOL_PARAM;
  }
  case AST_EXPR_BINARY:
    return is_constant(b, expr->binary.left) && is_constant(b, expr->binary.right);
  default:
    return false;
  }
}

static struct cost cost_call(struct budget *b, const struct ast_expr *expr) {
  struct symbol *block = called_block(b, expr);
  struct cost cost = {.nodes = block == NULL};
  for (const struct ast_field *f = expr->call.args.first; f != NULL; f = f->next)
    cost = plus(cost, cost_expr(b, f->value));
  return block == NULL ? cost : plus(cost, cost_block(b, block, expr->call.name.span));
}

static struct cost cost_expr(struct budget *b, const struct ast_expr *expr) {
  struct cost cost = {0}, other;
  if (expr == NULL)
    return cost;
  switch (expr->kind) {
  case AST_EXPR_CALL:
    return cost_call(b, expr);
  case AST_EXPR_LIST:
    for (const struct ast_expr *e = expr->list.first; e != NULL; e = e->next)
      cost = plus(cost, cost_expr(b, e));
    return cost;
  case AST_EXPR_UNARY:
    return cost_expr(b, expr->unary.operand);
  case AST_EXPR_BINARY:
    cost.nodes = expr->binary.op >= AST_OP_MASK_OR && expr->binary.op <= AST_OP_DIV &&
                 !is_constant(b, expr->binary.left) && !is_constant(b, expr->binary.right);
    cost = plus(cost, cost_expr(b, expr->binary.left));
    return plus(cost, cost_expr(b, expr->binary.right));
  case AST_EXPR_IF:
    cost = cost_expr(b, expr->choice.then);
    other = cost_expr(b, expr->choice.otherwise);
    if (other.nodes < cost.nodes)
      other.nodes = cost.nodes;
    cost.nodes = 0;
    return plus(cost, other);
  default:
    return cost;
  }
}

/* ------------------------------------------------------------------- statements */

/* The count of a repeat if it is a param or number; else -1. */
static struct value count_of(const struct budget *b, const struct ast_expr *expr) {
  struct value unknown = {.kind = VALUE_INT, .integer = -1};
  if (expr->kind == AST_EXPR_INT)
    return (struct value){.kind = VALUE_INT, .integer = expr->integer};
  if (expr->kind != AST_EXPR_NAME)
    return unknown;
  const struct symbol *symbol = names_symbol(b->unit, expr->text);
  return symbol != NULL && symbol->kind == SYMBOL_PARAM && symbol->ready &&
                 symbol->value.kind == VALUE_INT
             ? symbol->value
             : unknown;
}

static struct cost cost_repeat(struct budget *b, const struct ast_stmt *stmt) {
  struct value given = count_of(b, stmt->repeat.count);
  int64_t count = given.integer;
  struct cost cost = cost_body(b, &stmt->repeat.body);
  if (count > LIMIT_REPEAT) {
    struct report *r = report(b->c, CODE_LIMIT_REPEAT, stmt->repeat.count->span,
                              "a repeat of %lld turns", (long long)count);
    report_primary(b->c, r, "0 to %d are possible", LIMIT_REPEAT);
    origin_note(b->c, r, NULL, &given);
    b->failed = true;
  }
  cost.nodes = saturating_mul(cost.nodes, count < 0 ? 1 : (uint64_t)count);
  if (++cost.nesting > LIMIT_REPEAT_NESTING && !b->failed) {
    report(b->c, CODE_LIMIT_REPEAT_NESTING, stmt->span, "repeats are nested deeper than %d",
           LIMIT_REPEAT_NESTING);
    b->failed = true;
  }
  return plus(cost, cost_expr(b, stmt->repeat.count));
}

static struct cost cost_body(struct budget *b, const struct ast_stmts *body) {
  struct cost cost = {0};
  for (const struct ast_stmt *stmt = body->first; stmt != NULL && !b->failed; stmt = stmt->next) {
    switch (stmt->kind) {
    case AST_STMT_ASSIGN:
      cost = plus(cost, cost_expr(b, stmt->assign.value));
      break;
    case AST_STMT_REPEAT:
      cost = plus(cost, cost_repeat(b, stmt));
      break;
    case AST_STMT_RETURN:
      for (const struct ast_expr *e = stmt->result.values.first; e != NULL; e = e->next)
        cost = plus(cost, cost_expr(b, e));
      break;
    case AST_STMT_ASSERT:
      break;
    }
  }
  return cost;
}

static void check_total(struct budget *b, const struct ast_decl *decl, uint64_t nodes) {
  if (nodes <= LIMIT_NODES || b->failed)
    return;
  struct report *r = report(b->c, CODE_LIMIT_NODES, decl->name.span,
                            "`%s` expands to more than %d nodes", decl->name.text, LIMIT_NODES);
  if (nodes == UINT64_MAX)
    report_primary(b->c, r, "more than can be counted");
  else
    report_primary(b->c, r, "about %llu", (unsigned long long)nodes);
  b->failed = true;
}

bool budget_check(struct compiler *c) {
  struct budget b = {.c = c};
  uint64_t total = 0;
  for (struct unit *unit = c->units; unit != NULL && !b.failed && !c->stop; unit = unit->next) {
    b.unit = unit;
    for (const struct ast_decl *d = unit->file->decls.first; d != NULL && !b.failed; d = d->next) {
      struct symbol *symbol = d->kind == AST_DECL_BLOCK && d->name.text != NULL
                                  ? names_symbol(unit, d->name.text)
                                  : NULL;
      if (symbol != NULL && symbol->kind == SYMBOL_BLOCK && symbol->mark == BLOCK_NEW)
        cost_block(&b, symbol, SPAN_NONE);
      if (d->kind == AST_DECL_GRAPH && unit == c->main) {
        total = saturating_add(total, cost_body(&b, &d->graph).nodes);
        check_total(&b, d, total);
      } else if (d->kind == AST_DECL_HEAD && unit == c->main) {
        check_total(&b, d, cost_body(&b, &d->head.body).nodes);
      }
    }
  }
  return !b.failed && !c->stop;
}
