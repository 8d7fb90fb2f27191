/* call.h - a call of an op becomes a node. */
#ifndef TFM_COMPILER_CALL_H
#define TFM_COMPILER_CALL_H

#include "compiler/expand.h"

/* A call whose arguments are found; arrays are as long as the schema's. */
struct op_call {
  const struct op *op;
  struct span span;   /* what a message about all of it points at */
  const char *symbol; /* "+" when it is written so; NULL = a call */
  int32_t *input;     /* values; GRAPH_NONE = absent */
  struct span *input_span;
  int32_t *weight; /* into compiler.weight; WEIGHT_ABSENT */
  struct ctype *weight_type;
  struct span *weight_span;
  struct value *attr; /* NONE = absent */
  struct span *attr_span;
  struct ctype *output; /* set by types_call */
  uint32_t output_count;
  const char *name; /* that of the scope; NULL = none */
  const char *home; /* where its first weight lives; NULL = nowhere that names it */
};

/* An op's call as it is written. */
struct value call_op(struct compiler *c, const struct op *op, const struct ast_expr *expr);
/* left op right of tensors or masks. */
struct value call_binary(struct compiler *c, const struct ast_expr *expr, int32_t left,
                         int32_t right);
struct value call_scale(struct compiler *c, int32_t tensor, double by, struct span span);
/* Inputs only: an op that the compiler puts in by itself. */
struct value call_plain(struct compiler *c, const char *op, const int32_t *input, uint32_t count,
                        struct span span, const char *symbol);

/* A value of the graph; GRAPH_NONE when memory is out. */
int32_t call_add_value(struct compiler *c, const struct ir_value *made);

/* A value of that type in the place of one that has an error, so that what is
 * made of it can still be checked.  Nothing is emitted of it. */
struct value call_hole(struct compiler *c, const struct ctype *type, struct span span);

/* types.c: check the call against its schema, find its outputs' types.  On
 * failure call->output may be there all the same, as far as it can be told. */
bool types_call(struct compiler *c, struct op_call *call);
/* The attributes that have a value, as the graph keeps them. */
struct graph_attr *types_attrs(struct compiler *c, const struct op_call *call, uint32_t *count);
/* Demand that the value has the declared type; what it is for, for the message. */
bool types_declared(struct compiler *c, int32_t tensor, const struct ctype *declared,
                    const char *what, struct span span, const struct ast_type *written);

/* infer.c: the op's own infer. */
bool infer_outputs(struct compiler *c, struct op_call *call);

/* naming.c */
void naming_open(struct compiler *c);
void naming_close(struct compiler *c);
/* A canonical name: base, or base#2, ... */
const char *naming_take(struct compiler *c, const char *base);
bool naming_is_free(const struct compiler *c, const char *name);
/* "h.0.q" from the frame's scope and a local name. */
const char *naming_in_scope(struct compiler *c, const char *local);
/* The value is also called so, until another is. */
void naming_alias(struct compiler *c, const char *name, int32_t value);
/* Hand the aliases out; then names are found. */
void naming_finish(struct compiler *c);
int32_t naming_find(const struct compiler *c, const char *name);
/* The nearest name of a value, for messages. */
const char *naming_nearest(struct compiler *c, const char *name);

#endif
