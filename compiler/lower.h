/* lower.h - from what was expanded to the graph: what is fed and dumped, what
 * is computed at all, when, and in which order. */
#ifndef TFM_COMPILER_LOWER_H
#define TFM_COMPILER_LOWER_H

#include "compiler/expand.h"

/* Find the fed and dumped values; unknown names are err's (USAGE).  Then mark
 * what is live, and find when each node runs.  -1 = err is set. */
int lower_mark(struct compiler *c, const struct model *model);

/* The graph of all that is live; NULL = err is set. */
struct graph *lower_emit(struct compiler *c, const struct model *model);

#endif
