/* types.h - a call against its op's schema. */
#ifndef TFM_COMPILER_TYPES_H
#define TFM_COMPILER_TYPES_H

#include "compiler/op_call.h"

/* Check the call, find its outputs' types.  On failure call->output may be there all
 * the same, as far as it can be told. */
bool types_call(struct compiler *c, struct op_call *call);

#endif
