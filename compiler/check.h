/* check.h - what can be said of a file before anything is computed: names,
 * arity, what may stand where. */
#ifndef TFM_COMPILER_CHECK_H
#define TFM_COMPILER_CHECK_H

#include "compiler/compiler.h"

void check_units(struct compiler *c);

#endif
