/* unused.h - tensors of the checkpoint that a file has no use for. */
#ifndef TFM_COMPILER_UNUSED_H
#define TFM_COMPILER_UNUSED_H

#include "compiler/compiler.h"

/* Every tensor that nothing used, ignores or mentions: one error. */
void unused_check(struct compiler *c);

#endif
