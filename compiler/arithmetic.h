/* arithmetic.h - + - * / and a sign before it, of tensors and weights. */
#ifndef TFM_COMPILER_ARITHMETIC_H
#define TFM_COMPILER_ARITHMETIC_H

#include "compiler/compiler.h"

/* left op right, also & and |, where one side is a tensor or a weight. */
struct value arithmetic_binary(struct compiler *c, const struct ast_expr *expr,
                               const struct value *left, const struct value *right);
/* -value of a tensor or a weight. */
struct value arithmetic_negate(struct compiler *c, const struct ast_expr *expr,
                               const struct value *value);

#endif
