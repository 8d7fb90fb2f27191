/* missing.h - tensors that what is computed needs, and that are not there. */
#ifndef TFM_COMPILER_MISSING_H
#define TFM_COMPILER_MISSING_H

#include "compiler/compiler.h"

/* Report each live tensor that is not in the checkpoint, or, without one, whose
 * shape is not told. */
void missing_check(struct compiler *c);

#endif
