/* attention.h - what attention looked at: the probabilities of each op that offers them, kept
 * for the result (TFM_OPEN_KEEP_ATTENTION).
 *
 * An op offers them as a tap called `probs`, [B, H, T, S].  Those of the first pass are kept. */
#ifndef TFM_LIB_ATTENTION_H
#define TFM_LIB_ATTENTION_H

#include "base/error.h"
#include "graph/graph.h"
#include "lib/result.h"
#include "tfm/plugin.h"

struct attention_list; /* of one engine; NULL = nothing is kept */

/* Have the taps filled: before the graph is planned. */
void attention_watch(struct graph *graph);

/* *out: empty, for attention_free. */
int attention_create(struct attention_list **out, struct tfm_error *err);
void attention_free(struct attention_list *list);
void attention_clear(struct attention_list *list);
/* A tap that was filled: kept if it is one of these. */
int attention_see(struct attention_list *list, const struct graph *graph, int32_t node, int32_t tap,
                  const tfm_tensor *tensor, struct tfm_error *err);
/* All that was kept goes to the result. */
int attention_tell(struct attention_list *list, const struct graph *graph,
                   struct tfm_result *result, struct tfm_error *err);

#endif
