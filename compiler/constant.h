/* constant.h - what is computed of a file's declarations: params, dims, weights, asserts. */
#ifndef TFM_COMPILER_CONSTANT_H
#define TFM_COMPILER_CONSTANT_H

#include "compiler/compiler.h"

void constant_assert(struct compiler *c, const struct ast_assert *check);
/* The expression and the type of a declared weight, when something takes it first. */
void constant_weight(struct compiler *c, struct symbol *symbol);
/* Compute all params, dims and asserts of all units, in order. */
void constant_units(struct compiler *c);

#endif
