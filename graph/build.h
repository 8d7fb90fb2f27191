/* build.h - put a graph together, a line of each table at a time.
 *
 * The tables grow in the build's scratch memory and are handed to the graph, cut
 * to size, by build_finish; until then the graph is as it was, so a pass may read
 * the old one while it builds the new.  Lists of a line (operands, aliases, taps)
 * are copied; texts and attributes must be the graph's own (build_text,
 * build_attrs) or outlive it.  What lines mean to each other is left to
 * graph_verify. */
#ifndef TFM_GRAPH_BUILD_H
#define TFM_GRAPH_BUILD_H

#include "graph/graph.h"

enum build_table {
  BUILD_DIM,
  BUILD_ENTRY,
  BUILD_VALUE,
  BUILD_INPUT,
  BUILD_STATE,
  BUILD_WEIGHT,
  BUILD_NODE,
  BUILD_OUTPUT,
  BUILD_TABLES
};

/* A table's lines may be changed in place; its address changes as it grows. */
struct build {
  struct graph *graph;
  struct tfm_error *err;
  struct arena scratch; /* of the tables; for the caller's own lists too */
  struct graph_dim *dim;
  struct graph_entry *entry;
  struct graph_value *value;
  struct graph_input *input;
  struct graph_state *state;
  struct graph_weight *weight;
  struct graph_node *node;
  struct graph_output *output;
  uint32_t count[BUILD_TABLES], room[BUILD_TABLES];
  bool kept[BUILD_TABLES]; /* the table is in the graph's memory already */
};

/* Empty tables.  Memory is bounded as the graph's is. */
void build_open(struct build *build, struct graph *graph, struct tfm_error *err);
/* So many values and nodes will come, or a few less: these tables, the large ones, need not
 * be copied then.  False = memory is out. */
bool build_expect(struct build *build, uint32_t values, uint32_t nodes);
/* Hand the tables over and link the graph; closes the build, also after -1. */
int build_finish(struct build *build);
void build_drop(struct build *build); /* close it; the graph's tables stay as they were */

/* A copy in the graph's memory; NULL when that is out (or for no text). */
const char *build_text(struct build *build, const char *text);
const tfm_attr *const *build_attrs(struct build *build, const tfm_attr *const *attr,
                                   uint32_t count);

/* Each appends a line and returns its index; GRAPH_NONE = it is refused, err says why,
 * and the build can only be dropped. */
int32_t build_dim(struct build *build, const char *name, int64_t bound);
int32_t build_entry(struct build *build, const char *name, enum graph_when when);
/* Its producer is told by build_node. */
int32_t build_value(struct build *build, const struct graph_value *value);
int32_t build_input(struct build *build, const struct graph_input *input);
/* As wide as its value. */
int32_t build_state(struct build *build, const char *name, int32_t value);
int32_t build_weight(struct build *build, const struct graph_weight *weight);
/* Its outputs are values without a producer so far; it is named as the first. */
int32_t build_node(struct build *build, const struct graph_node *node);
int32_t build_output(struct build *build, const char *name, int32_t value);

#endif
