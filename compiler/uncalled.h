/* uncalled.h - blocks that nothing has called, by themselves. */
#ifndef TFM_COMPILER_UNCALLED_H
#define TFM_COMPILER_UNCALLED_H

#include "compiler/compiler.h"

/* To be checked only. */
void uncalled_expand(struct compiler *c);

#endif
