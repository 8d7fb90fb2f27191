/* weight_function.h - functions of weights: transpose, split, concat, stack, reshape. */
#ifndef TFM_COMPILER_WEIGHT_FUNCTION_H
#define TFM_COMPILER_WEIGHT_FUNCTION_H

#include "compiler/compiler.h"

/* false: the first argument is no weight, so it may be an op's call. */
bool weight_function(struct compiler *c, const struct ast_expr *call, struct value *out);

#endif
