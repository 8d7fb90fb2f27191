/* tensor.h - what tensor.c and tensor_view.c share. */
#ifndef TFM_COMPILER_TENSOR_H
#define TFM_COMPILER_TENSOR_H

#include "compiler/weight.h"

/* Of that name; WEIGHT_ABSENT if it is not made yet. */
int32_t tensor_find(struct compiler *c, const char *name);
int32_t tensor_add(struct compiler *c, const struct weight *made);
/* Where a cell is from when its tensor is not there. */
const struct origin *tensor_missing_origin(struct compiler *c, const char *name);

/* The view of operands that expr says, of that kind; made once for its name. */
int32_t tensor_view(struct compiler *c, const struct weight_expr *expr, enum graph_weight_kind kind,
                    const int32_t *operand, uint32_t count, const struct weight_want *want);

#endif
