/* node.h - a call of an op becomes a node. */
#ifndef TFM_COMPILER_NODE_H
#define TFM_COMPILER_NODE_H

#include "compiler/op_call.h"

/* A call's arrays, nothing in them yet; false = memory is out. */
bool node_allocate(struct compiler *c, struct op_call *call);
/* Check it against its schema, and make the node; what it makes. */
struct value node_finish(struct compiler *c, struct op_call *call);

/* left op right of tensors or masks. */
struct value node_binary(struct compiler *c, const struct ast_expr *expr, int32_t left,
                         int32_t right);
struct value node_scale(struct compiler *c, int32_t tensor, double by, struct span span);
/* A weight where a tensor is asked for. */
struct value node_weight(struct compiler *c, const struct weight_expr *expr, struct span span);
/* [1] of that dtype: of i32 a whole number. */
struct value node_number(struct compiler *c, const struct value *number, enum dtype dtype,
                         struct span span);
/* Inputs only: an op that the compiler puts in by itself, by its role. */
struct value node_role(struct compiler *c, uint32_t role, const int32_t *input, uint32_t count,
                       struct span span);

/* A value of that type in the place of one that has an error, so that what is
 * made of it can still be checked.  Nothing is emitted of it. */
struct value node_hole(struct compiler *c, const struct ctype *type, struct span span);

#endif
