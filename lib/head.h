/* head.h - what the chosen head says of token ids: an attribute such as `stop` is an id, or a
 * list of them. */
#ifndef TFM_LIB_HEAD_H
#define TFM_LIB_HEAD_H

#include "base/arena.h"
#include "base/error.h"
#include "graph/graph.h"
#include "tfm/tfm.h"

/* In the arena; none = count 0. */
int head_ids(const struct graph *graph, const char *attribute, struct arena *arena, tfm_ids *out,
             struct tfm_error *err);
/* The first of them, -1 = none. */
int32_t head_id(const struct graph *graph, const char *attribute);

#endif
