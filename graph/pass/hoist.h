/* hoist.h - compute less often what does not change.
 *
 * A node of an entry that runs often, all of whose inputs are there when an earlier
 * entry runs that runs less often, moves to that entry: so the keys and values of a
 * cross-attention, made of what the encoder made, are computed once a request.  What
 * may move where follows from the table of entries, from how often each input changes
 * (graph_input.when) and from the states, which change always. */
#ifndef TFM_GRAPH_PASS_HOIST_H
#define TFM_GRAPH_PASS_HOIST_H

#include "graph/graph.h"

/* -1: memory is out, and the graph can only be destroyed. */
int hoist_graph(struct graph *graph, struct tfm_error *err);

#endif
