/* budget.h - what the expansion will cost, before it begins. */
#ifndef TFM_COMPILER_BUDGET_H
#define TFM_COMPILER_BUDGET_H

#include "compiler/compiler.h"

/* Find block cycles, calls and repeats nested too deep, and too many nodes.
 * false: do not expand. */
bool budget_check(struct compiler *c);

#endif
