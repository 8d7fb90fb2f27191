/* constraint.h - what a schema computes: dims, conditions, defaults. */
#ifndef TFM_COMPILER_CONSTRAINT_H
#define TFM_COMPILER_CONSTRAINT_H

#include "compiler/typing.h"

struct cell *constraint_number(struct typing *t, int64_t number, const struct origin *origin);
/* A dim expression of the schema; NULL when it cannot be said (yet). */
struct cell *constraint_cell(struct typing *t, const struct ast_expr *expr);
/* A condition of the schema: false after a report. */
bool constraint_hold(struct typing *t, const struct ast_expr *expr);
/* Kinds of attributes, and defaults for those that are not given. */
bool constraint_attrs(struct typing *t);

#endif
