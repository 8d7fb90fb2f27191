/* fusion.h - what `fuses` in the schemas says, for graph/pass/fuse.h. */
#ifndef TFM_COMPILER_FUSION_H
#define TFM_COMPILER_FUSION_H

#include "compiler/compiler.h"

/* Apply the patterns of every op that is loaded, whoever brings it.  A pattern that
 * makes no sense is reported where it stands in its schema; -1 = err is set. */
int fusion_apply(struct compiler *c, struct graph *graph);

#endif
