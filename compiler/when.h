/* when.h - how often what a graph is given changes. */
#ifndef TFM_COMPILER_WHEN_H
#define TFM_COMPILER_WHEN_H

#include "compiler/ir.h"

/* Of an input or a state. */
enum graph_when when_changes(const struct compiler *c, const struct ir_value *value);
/* Reports each node of `encode` that reads what changes with each step. */
void when_check(struct compiler *c);

#endif
