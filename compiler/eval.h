/* eval.h - what an expression is: constants computed, calls handed on.
 *
 * The call of a block or op is left to compiler.call, which evaluates arguments
 * in turn: that is the one recursion of the language. */
#ifndef TFM_COMPILER_EVAL_H
#define TFM_COMPILER_EVAL_H

#include "compiler/compiler.h"
#include "compiler/frame.h"
#include "compiler/report.h"

/* Evaluate in c->frame.  VALUE_ERROR when something was reported. */
struct value eval_expr(struct compiler *c, const struct ast_expr *expr);
/* Refuse a tuple, and a value that config.json does not have. */
struct value eval_single(struct compiler *c, const struct ast_expr *expr);

/* The same, and of that kind; false after a report that says what it is for. */
bool eval_int(struct compiler *c, const struct ast_expr *expr, const char *what, int64_t *out);
bool eval_bool(struct compiler *c, const struct ast_expr *expr, const char *what, bool *out);

/* The frame's scope and the path; NULL after a report. */
const struct scope *eval_scope(struct compiler *c, const struct ast_path *path);

/* What is computed of several values has no origin: note that of each name in an
 * expression that was evaluated in c->frame. */
void eval_note_origins(struct compiler *c, struct report *r, const struct ast_expr *expr);

#endif
