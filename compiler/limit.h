/* limit.h - how far a file may go: what it can cost is known before it costs it. */
#ifndef TFM_COMPILER_LIMIT_H
#define TFM_COMPILER_LIMIT_H

#include "compiler/compiler.h"

enum {
  LIMIT_REPEAT = 1024,
  LIMIT_REPEAT_NESTING = 4,
  LIMIT_INLINE_DEPTH = 16,
  LIMIT_LIST = 65536, /* elements of a list that is put together */
  LIMIT_LIST_DEPTH = 64,
  LIMIT_NODES = 65536,
  LIMIT_WEIGHT_DEPTH = 64, /* weights declared by other weights */
  /* Statements and expressions looked at: stops what makes no nodes. */
  LIMIT_STEPS = 32 * LIMIT_NODES,
  LIMIT_VIEW_DEPTH = 1200, /* views of views of a weight */
  LIMIT_PATH = 4096,       /* bytes of a weight's path; longer names of views are cut */
  LIMIT_VIEW_NAME = 256,
  /* Bytes of a compilation, and of the graph that it makes: at first, then more
   * for each byte of the sources (source.h), node, tensor and byte of JSON. */
  LIMIT_MEMORY = 16 << 20,
  MEMORY_NODE = 6 << 10,
  MEMORY_TENSOR = 2 << 10,
  MEMORY_JSON = 64
};

/* Count a step; false when there are too many, or all is to stop. */
bool limit_step(struct compiler *c, struct span span, uint32_t cost);

#endif
