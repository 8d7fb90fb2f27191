/* eval.h - what an expression is: constants computed, calls expanded. */
#ifndef TFM_COMPILER_EVAL_H
#define TFM_COMPILER_EVAL_H

#include "compiler/expand.h"

/* Evaluate in c->frame.  VALUE_ERROR when something was reported. */
struct value eval_expr(struct compiler *c, const struct ast_expr *expr);

/* The same, and of that kind; false after a report that says what it is for. */
bool eval_int(struct compiler *c, const struct ast_expr *expr, const char *what, int64_t *out);
bool eval_bool(struct compiler *c, const struct ast_expr *expr, const char *what, bool *out);
/* Refuse a tuple, and a value that config.json does not have. */
struct value eval_single(struct compiler *c, const struct ast_expr *expr);
/* Report that config.json lacks what value is missing for. */
void eval_report_missing(struct compiler *c, const struct ast_expr *expr,
                         const struct value *value);

/* Count a step; false when there are too many, or all is to stop. */
bool eval_step(struct compiler *c, struct span span, uint32_t cost);

/* A dim of a type: numbers, params, run-time dims, `_` a free cell; NULL after a report. */
struct cell *eval_dim(struct compiler *c, const struct ast_expr *expr);
/* A type as declared; false after a report. */
bool eval_type(struct compiler *c, const struct ast_type *type, struct ctype *out);

/* "a tensor", "an integer": for messages. */
const char *eval_kind_name(const struct value *value);

/* As an attribute; false when a value of this kind cannot be one. */
bool eval_attr(struct compiler *c, const char *name, const struct value *value,
               struct graph_attr *out);

void eval_assert(struct compiler *c, const struct ast_assert *check);

/* Compute all params, dims and asserts of all units, in order. */
void eval_units(struct compiler *c);

/* compute.c: a binary operator, or a unary one (right unused), on constants. */
struct value compute_binary(struct compiler *c, enum ast_op op, const struct value *left,
                            const struct value *right, struct span span);

#endif
