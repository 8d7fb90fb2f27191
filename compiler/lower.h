/* lower.h - from what was expanded to a graph. */
#ifndef TFM_COMPILER_LOWER_H
#define TFM_COMPILER_LOWER_H

#include "compiler/expand.h"

/* All that was written, before any pass: graph_verify may refuse it.  NULL = memory is
 * out, which is reported. */
struct graph *lower_emit(struct compiler *c, const struct model *model);

#endif
