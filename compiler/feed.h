/* feed.h - what the caller feeds and dumps (compile_options). */
#ifndef TFM_COMPILER_FEED_H
#define TFM_COMPILER_FEED_H

#include "compiler/compiler.h"

/* Mark the values and taps; -1 = err says which is unknown or no tensor (USAGE). */
int feed_mark(struct compiler *c);

#endif
