/* edit.h - change a graph's nodes, and have all numbers follow.
 *
 * A pass opens an edit, changes its copy of the nodes (an op, what it reads, its
 * entry), marks as dead what nothing alive reads, and closes it: what is dead is gone
 * with what dead nodes made, nodes lie entry after entry in their old order, an entry
 * of nothing is gone, values are numbered anew (inputs, states, then by node), each
 * input is given to the entry that reads it first (one that nobody reads, to the
 * last), and the graph is linked. */
#ifndef TFM_GRAPH_EDIT_H
#define TFM_GRAPH_EDIT_H

#include "graph/graph.h"

struct edit {
  struct graph *graph;
  struct arena scratch;    /* of the pass, until edit_close */
  struct graph_node *node; /* graph->node_count; arrays in the graph's arena */
  bool *dead;              /* of each node; of each input, state, weight */
  bool *dead_input, *dead_state, *dead_weight;
};

/* -1: memory is out, and nothing is open. */
int edit_open(struct edit *edit, struct graph *graph, struct tfm_error *err);
/* Memory for what stays: in the graph's arena, NULL when it is out. */
void *edit_keep(struct edit *edit, size_t count, size_t size);
void edit_drop(struct edit *edit); /* close it; the graph stays as it was */
/* Apply it.  After -1 (memory) the graph can only be destroyed. */
int edit_close(struct edit *edit, struct tfm_error *err);

#endif
