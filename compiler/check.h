/* check.h - what can be said of a file before anything is computed: names,
 * arity, what may stand where. */
#ifndef TFM_COMPILER_CHECK_H
#define TFM_COMPILER_CHECK_H

#include "compiler/compiler.h"

void check_units(struct compiler *c);

/* Warn of values that no statement uses; once, when all else is sound. */
void check_unused(struct compiler *c);

#endif
