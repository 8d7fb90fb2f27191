/* weight.h - from an expression about weights to the tensor or view itself. */
#ifndef TFM_COMPILER_WEIGHT_H
#define TFM_COMPILER_WEIGHT_H

#include "compiler/tensor.h"
#include "compiler/weight_expr.h"

/* The tensor or view, made once; WEIGHT_ABSENT when optional and not there,
 * WEIGHT_FAILED after a report.  type: as declared if it is, else as stored. */
int32_t weight_take(struct compiler *c, const struct weight_expr *expr,
                    const struct weight_want *want, struct ctype *type);
/* Is it in the checkpoint?  Without a checkpoint nothing is. */
bool weight_is_there(struct compiler *c, const struct weight_expr *expr);

#endif
