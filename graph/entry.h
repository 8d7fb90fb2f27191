/* entry.h - what an entry reads and keeps; for graph_link and graph_verify. */
#ifndef TFM_GRAPH_ENTRY_H
#define TFM_GRAPH_ENTRY_H

#include "graph/graph.h"

/* Writes the values to list, which has room for all of the graph's, in their
 * order, and returns how many there are.  seen: scratch, a byte a value. */
uint32_t entry_inputs(const struct graph *graph, int32_t entry, uint8_t *seen, int32_t *list);
uint32_t entry_outputs(const struct graph *graph, int32_t entry, uint8_t *seen, int32_t *list);

#endif
