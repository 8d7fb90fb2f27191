/* op_call.h - the call of an op whose arguments are found. */
#ifndef TFM_COMPILER_OP_CALL_H
#define TFM_COMPILER_OP_CALL_H

#include "compiler/cell.h"
#include "compiler/compiler.h"
#include "compiler/names.h"

/* Arrays are as long as the schema's. */
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

#endif
