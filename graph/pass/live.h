/* live.h - what is asked for, and what that needs.
 *
 * Asked for are the results of the graph, the values that are dumped and the taps
 * that somebody watches.  A node that leads to none of these goes, with the inputs,
 * states and weights that it alone reads. */
#ifndef TFM_GRAPH_PASS_LIVE_H
#define TFM_GRAPH_PASS_LIVE_H

#include "graph/graph.h"

/* -1: memory is out, and the graph can only be destroyed. */
int live_graph(struct graph *graph, struct tfm_error *err);

#endif
