/* source.h - what fills the inputs of a graph: the table of source.def.
 *
 * The compiler checks an input's type against it, lib and the runtime ask whose
 * tokens an input shows. */
#ifndef TFM_GRAPH_SOURCE_H
#define TFM_GRAPH_SOURCE_H

#include "base/buffer.h"
#include "base/dtype.h"

#include <stdbool.h>
#include <stddef.h>

enum graph_source {
#define SOURCE(ID, ...) GRAPH_SOURCE_##ID,
#include "graph/source.def"
#undef SOURCE
  GRAPH_SOURCE_COUNT
};

/* Whose tokens: tokens.*, generated.*, or no text's, which the caller gives. */
enum graph_side { GRAPH_SIDE_READ, GRAPH_SIDE_WRITTEN, GRAPH_SIDE_CALLER, GRAPH_SIDES };

enum { GRAPH_SOURCE_NAMES = 2 * GRAPH_SOURCE_COUNT };

struct source_info {
  const char *name[GRAPH_SIDES]; /* "tokens.ids", "generated.ids"; NULL = not of this side */
  const char *stem;              /* "ids" */
  enum dtype dtype;              /* DTYPE_NONE = any */
  const char *shape;             /* "BT", see source.def; "" = any */
};

const struct source_info *source_info(enum graph_source source);
/* By its whole name, which may be NULL; false = there is none of it. */
bool source_find(const char *name, enum graph_source *source, enum graph_side *side);
/* Is it the name of this source, of either text? */
bool source_is(const char *name, enum graph_source source);
/* Of this side?  No side's if the name is none. */
bool source_of(const char *name, enum graph_side side);

/* What a model file can write: their number, at most GRAPH_SOURCE_NAMES. */
size_t source_names(const char *names[GRAPH_SOURCE_NAMES]);
/* "tokens.* and generated.*: ids, mask; and tokens.unprompted" */
void source_print_names(struct buffer *out);

#endif
