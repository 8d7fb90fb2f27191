/* budget.c - the cost of every block, bottom-up, with saturating arithmetic.
 *
 * A graph of blocks without a cycle can still double at each level, so cost is
 * computed from the tree and not by expanding it:
 *
 *     cost(op) = 1     cost(repeat n) = n * cost(body)
 *     cost(if) = the dearer branch     cost(block) = its body, once computed
 *     cost(a + b) = 0 if either is a constant: of numbers comes no node
 *
 * What cannot be counted here (a repeat by a block's parameter) counts once;
 * expand.c counts again as it goes. */
#include "compiler/budget.h"

#include "base/checked.h"
#include "compiler/function.h"
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
  struct map *local; /* the names of the body that is looked at: 1 = a constant */
  bool failed;
};

struct cost {
  uint64_t nodes;
  uint32_t depth;   /* of blocks below */
  uint32_t nesting; /* of repeats below */
  bool constant;    /* an expression: no node comes of arithmetic with it */
};

static struct cost cost_expr(struct budget *b, const struct ast_expr *expr);
static struct cost cost_body(struct budget *b, const struct ast_stmts *body);
static struct cost cost_whole(struct budget *b, const struct ast_fields *params,
                              const struct ast_stmts *body);

static struct cost plus(struct cost a, struct cost b) {
  a.nodes = saturating_add(a.nodes, b.nodes);
  a.depth = a.depth > b.depth ? a.depth : b.depth;
  a.nesting = a.nesting > b.nesting ? a.nesting : b.nesting;
  a.constant = a.constant && b.constant;
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
  struct cost none = {.constant = false};
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
    struct cost cost = cost_whole(b, &block->decl->block.params, &block->decl->block.body);
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
  return (struct cost){.nodes = block->cost, .depth = block->depth, .nesting = block->nesting};
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

static void set_local(struct budget *b, const char *name, bool constant) {
  struct map_entry *entry = name == NULL ? NULL : map_insert_text(b->local, name, NULL);
  if (entry != NULL)
    entry->value.number = constant;
  else if (name != NULL)
    compiler_oom(b->c);
}

static bool is_constant_name(const struct budget *b, const char *name) {
  const struct map_entry *local = map_find_text(b->local, name);
  if (local != NULL)
    return local->value.number == 1;
  const struct symbol *symbol = names_symbol(b->unit, name);
  return symbol == NULL ? names_is_json(name) : symbol->kind == SYMBOL_PARAM;
}

static struct cost cost_list(struct budget *b, const struct ast_exprs *list) {
  struct cost cost = {.constant = true};
  for (const struct ast_expr *e = list->first; e != NULL; e = e->next)
    cost = plus(cost, cost_expr(b, e));
  return cost;
}

/* A function of constants makes no node. */
static struct cost cost_call(struct budget *b, const struct ast_expr *expr) {
  struct symbol *block = called_block(b, expr);
  struct cost cost = {.constant = block == NULL && expr->call.qualifier.text == NULL &&
                                  expr->call.name.text != NULL &&
                                  function_find(expr->call.name.text) != NULL};
  for (const struct ast_field *f = expr->call.args.first; f != NULL; f = f->next)
    cost = plus(cost, cost_expr(b, f->value));
  if (block != NULL)
    return plus(cost, cost_block(b, block, expr->call.name.span));
  cost.nodes = saturating_add(cost.nodes, !cost.constant);
  return cost;
}

static struct cost cost_binary(struct budget *b, const struct ast_expr *expr) {
  struct cost left = cost_expr(b, expr->binary.left), right = cost_expr(b, expr->binary.right);
  bool node = expr->binary.op >= AST_OP_MASK_OR && expr->binary.op <= AST_OP_DIV &&
              !left.constant && !right.constant;
  struct cost cost = plus(left, right);
  cost.nodes = saturating_add(cost.nodes, node);
  return cost;
}

static struct cost cost_choice(struct budget *b, const struct ast_expr *expr) {
  struct cost then = cost_expr(b, expr->choice.then);
  struct cost otherwise = cost_expr(b, expr->choice.otherwise);
  if (otherwise.nodes < then.nodes)
    otherwise.nodes = then.nodes;
  then.nodes = 0;
  return plus(then, otherwise);
}

static struct cost cost_expr(struct budget *b, const struct ast_expr *expr) {
  struct cost cost = {.constant = true};
  if (expr == NULL)
    return cost;
  switch (expr->kind) {
  case AST_EXPR_NAME:
    cost.constant = is_constant_name(b, expr->text);
    return cost;
  case AST_EXPR_INDEX:
    return plus(cost_expr(b, expr->index.object), cost_expr(b, expr->index.at));
  case AST_EXPR_CALL:
    return cost_call(b, expr);
  case AST_EXPR_LIST:
    return cost_list(b, &expr->list);
  case AST_EXPR_UNARY:
    return cost_expr(b, expr->unary.operand);
  case AST_EXPR_BINARY:
    return cost_binary(b, expr);
  case AST_EXPR_IF:
    return cost_choice(b, expr);
  case AST_EXPR_PATH:
    cost.constant = false;
    return cost;
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
  set_local(b, stmt->repeat.name.text, true);
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

static struct cost cost_assign(struct budget *b, const struct ast_stmt *stmt) {
  const struct ast_fields *targets = &stmt->assign.targets;
  struct cost cost = cost_expr(b, stmt->assign.value);
  for (const struct ast_field *t = targets->first; t != NULL; t = t->next)
    set_local(b, t->name.text, cost.constant && targets->count == 1);
  return cost;
}

static struct cost cost_body(struct budget *b, const struct ast_stmts *body) {
  struct cost cost = {0};
  for (const struct ast_stmt *stmt = body->first; stmt != NULL && !b->failed; stmt = stmt->next) {
    switch (stmt->kind) {
    case AST_STMT_ASSIGN:
      cost = plus(cost, cost_assign(b, stmt));
      break;
    case AST_STMT_REPEAT:
      cost = plus(cost, cost_repeat(b, stmt));
      break;
    case AST_STMT_RETURN:
      cost = plus(cost, cost_list(b, &stmt->result.values));
      break;
    case AST_STMT_ASSERT:
      break;
    }
  }
  return cost;
}

/* Of a block, graph or head.  A parameter is a constant for sure when it has no type and
 * its default is one. */
static struct cost cost_whole(struct budget *b, const struct ast_fields *params,
                              const struct ast_stmts *body) {
  struct map local, *outer = b->local;
  map_init(&local);
  b->local = &local;
  for (const struct ast_field *p = params == NULL ? NULL : params->first; p != NULL; p = p->next)
    set_local(b, p->name.text,
              p->type == NULL && p->value != NULL && p->value->kind != AST_EXPR_NONE &&
                  cost_expr(b, p->value).constant);
  struct cost cost = cost_body(b, body);
  b->local = outer;
  map_finish(&local);
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
        total = saturating_add(total, cost_whole(&b, NULL, &d->graph).nodes);
        check_total(&b, d, total);
      } else if (d->kind == AST_DECL_HEAD && unit == c->main) {
        check_total(&b, d, cost_whole(&b, &d->head.params, &d->head.body).nodes);
      }
    }
  }
  return !b.failed && !c->stop;
}
