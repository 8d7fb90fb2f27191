/* fuse.h - neighbours that an op does better together.
 *
 * A pattern says of what an op is made:
 *
 *     linear_add       add(y, linear(x; weight, bias))
 *     linear3          linear(x; a), linear(x; b), linear(x; c)
 *     add_layer_norm   add(a, b) as sum, layer_norm(sum; weight, bias; eps)
 *
 * Each term is one node.  Those side by side are the results of the op, in order;
 * what stands inside another is seen by that one alone, and vanishes.  The names
 * are the slots of the op itself: the same name is the same value. */
#ifndef TFM_GRAPH_PASS_FUSE_H
#define TFM_GRAPH_PASS_FUSE_H

#include "graph/graph.h"

enum {
  FUSE_PARTS = 16, /* nodes that one op can stand for */
  FUSE_SLOTS = 64  /* inputs, weights, attributes of that op, each */
};

enum fuse_slot_kind {
  FUSE_ABSENT, /* the node has nothing there */
  FUSE_SLOT,   /* index: a slot of the op */
  FUSE_PART    /* index: the only output of that part */
};

struct fuse_slot {
  enum fuse_slot_kind kind;
  uint32_t index;
};

/* An attribute of a part: one of the op, or a value that it must have. */
struct fuse_attr {
  const char *name;
  int32_t to; /* into fuse_pattern.attr; GRAPH_NONE = `value` */
  tfm_attr value;
};

struct fuse_part {
  const char *op;
  uint32_t input_count, weight_count, attr_count, output_count;
  const struct fuse_slot *input, *weight; /* a slot of its schema each */
  const struct fuse_attr *attr;           /* by name; the node has no others */
  bool level;  /* TFM_OP_BROADCASTS: its inputs must be of the type of its output */
  bool result; /* side by side with others: its outputs are the op's */
};

struct fuse_name {
  const char *name;
  bool optional;
};

struct fuse_pattern {
  /* What is put in the place of the parts. */
  const char *op;
  uint32_t version;
  bool holds_inputs, view;
  uint32_t tap_count;
  const char *const *tap;
  uint32_t input_count, weight_count, attr_count, output_count;
  const struct fuse_name *input, *weight, *attr;
  /* The first is a result; the parts inside another follow it. */
  uint32_t part_count;
  const struct fuse_part *part;
};

/* Replaces what fits, pattern by pattern, each all over the graph: those of more
 * parts first, then those that leave fewer results, then in the given order.
 *
 * A fused node stands where the first of its results was made, and what it reads
 * must be there by then.  It never stands for nodes of two entries, for one with a
 * tap that somebody watches, nor swallows a value that is dumped, that is a result of
 * the graph, or that a second node reads.  Terms that share no value but what
 * they read (linear3) are looked for in one layer, and not far apart. */
int fuse_graph(struct graph *graph, const struct fuse_pattern *pattern, uint32_t count,
               struct tfm_error *err);

#endif
