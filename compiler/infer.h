/* infer.h - outputs that an op's schema leaves to the op. */
#ifndef TFM_COMPILER_INFER_H
#define TFM_COMPILER_INFER_H

#include "compiler/op_call.h"

/* Ask the op's own infer; false after a report. */
bool infer_outputs(struct compiler *c, struct op_call *call);

#endif
