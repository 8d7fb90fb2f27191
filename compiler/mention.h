/* mention.h - names of tensors that a file speaks of without taking them. */
#ifndef TFM_COMPILER_MENTION_H
#define TFM_COMPILER_MENTION_H

#include "compiler/weight_expr.h"

/* Names that an expression which is not evaluated speaks of, so that they are
 * not left over.  In c->frame. */
void mention_expr(struct compiler *c, const struct ast_expr *expr);
void mention_body(struct compiler *c, const struct ast_stmts *body);
/* The names of an expression that was evaluated but not taken. */
void mention_value(struct compiler *c, const struct weight_expr *expr, const char *member);
/* Does the file speak of it? */
bool mention_has(struct compiler *c, const char *name);

#endif
