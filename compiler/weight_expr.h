/* weight_expr.h - an expression about weights, before the checkpoint is asked.
 *
 * It is a tree of these until an op's slot takes it, so that a branch that is not
 * taken, or a value that is fed, needs no tensor. */
#ifndef TFM_COMPILER_WEIGHT_EXPR_H
#define TFM_COMPILER_WEIGHT_EXPR_H

#include "compiler/cell.h"
#include "compiler/frame.h"

/* What an expression was taken to be, and what is known of it: an expression is a
 * graph, not a tree, and each of it is looked at once.  member as in weight_want. */
struct weight_memo {
  const char *member, *present_for, *mentioned_for;
  bool taken, asked, present, mentioned;
  bool list; /* it was taken where a list may stand */
  int32_t index;
  struct ctype type;
};

enum weight_expr_kind {
  WEIGHT_PATH,  /* scope                        */
  WEIGHT_NAMED, /* a weight declaration: symbol */
  WEIGHT_FIRST, /* operands: the first present  */
  WEIGHT_STARS, /* scope: what matches, in the order of numbers; inside stack, or a list */
  WEIGHT_VIEW   /* view of operands, or number  */
};

/* What a weight's expression means before anyone looks into the checkpoint: a
 * path may be a tensor or the start of a slot group's names. */
struct weight_expr {
  enum weight_expr_kind kind;
  const struct scope *scope; /* PATH, STARS: the whole path, as a scope */
  struct symbol *symbol;     /* NAMED */
  enum graph_weight_kind view;
  int32_t axis, parts, index; /* as in the graph; of a SLICE, parts -1 is all that is left */
  int64_t total;              /* SLICE of a split by sizes: their sum; else 0 */
  uint32_t operand_count;
  const struct weight_expr *const *operand;
  struct ctype shape; /* RESHAPE */
  double number;      /* NUMBER */
  struct span span;
  struct weight_memo *memo; /* of what it was taken to be */
};

/* One of these as a value, kept in the arena. */
struct value weight_expr_make(struct compiler *c, const struct weight_expr *from);
/* The same over operands, which are kept too. */
struct value weight_expr_over(struct compiler *c, struct weight_expr made,
                              const struct weight_expr *const *operand, uint32_t count);
/* a op b of two weights, or of one and a number. */
struct value weight_expr_computed(struct compiler *c, enum graph_weight_kind op,
                                  const struct value *a, const struct value *b, struct span span);
/* Of a view, the operand that its name is of; NULL of any other. */
const struct weight_expr *weight_expr_main(const struct weight_expr *expr);
struct value weight_expr_named(struct compiler *c, struct symbol *symbol, struct span span);
struct value weight_expr_first(struct compiler *c, const struct value *left,
                               const struct value *right, struct span span);

#endif
