/* compute.h - operators on constants. */
#ifndef TFM_COMPILER_COMPUTE_H
#define TFM_COMPILER_COMPUTE_H

#include "compiler/compiler.h"

/* A binary operator, or a unary one (right unused), on constants. */
struct value compute_binary(struct compiler *c, enum ast_op op, const struct value *left,
                            const struct value *right, struct span span);

/* An integer or a real. */
bool compute_is_number(const struct value *value);

#endif
