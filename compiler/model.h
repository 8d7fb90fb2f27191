/* model.h - the graphs and the head of the main file, expanded. */
#ifndef TFM_COMPILER_MODEL_H
#define TFM_COMPILER_MODEL_H

#include "compiler/expand.h"

void model_expand(struct compiler *c, struct model *out);

#endif
