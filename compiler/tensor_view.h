/* tensor_view.h - transpositions, pieces and compositions of tensors. */
#ifndef TFM_COMPILER_TENSOR_VIEW_H
#define TFM_COMPILER_TENSOR_VIEW_H

#include "compiler/tensor.h"
#include "compiler/weight_expr.h"

/* The view of operands that expr says, of that kind; made once for its name. */
int32_t tensor_view(struct compiler *c, const struct weight_expr *expr, enum graph_weight_kind kind,
                    const int32_t *operand, uint32_t count, const struct weight_want *want);

#endif
