/* call.h - an op's call as it is written. */
#ifndef TFM_COMPILER_CALL_H
#define TFM_COMPILER_CALL_H

#include "compiler/names.h"

struct value call_op(struct compiler *c, const struct op *op, const struct ast_expr *expr);

#endif
