/* fuse.h - neighbours that one op computes faster. */
#ifndef TFM_COMPILER_FUSE_H
#define TFM_COMPILER_FUSE_H

#include "compiler/expand.h"

/* Replace neighbours by one op where such an op exists. */
void fuse_nodes(struct compiler *c, const struct model *model);

#endif
