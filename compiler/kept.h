/* kept.h - what passes left of the graph, held against the checkpoint and the file.
 *
 * A missing tensor, a shape that nothing tells and an op that cannot stand beside a
 * state are wrong only where they are computed. */
#ifndef TFM_COMPILER_KEPT_H
#define TFM_COMPILER_KEPT_H

#include "compiler/expand.h"

/* False = something is reported. */
bool kept_check(struct compiler *c, const struct model *model, const struct graph *graph);

#endif
