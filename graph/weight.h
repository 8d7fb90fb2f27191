/* weight.h - what a weight can be made of: the table of weight.def. */
#ifndef TFM_GRAPH_WEIGHT_H
#define TFM_GRAPH_WEIGHT_H

#include "graph/graph.h"

enum { WEIGHT_ARGUMENTS = 4 };

struct weight_info {
  const char *name;
  uint32_t least, most;                   /* operands */
  bool function;                          /* can a model file call it? */
  const char *argument[WEIGHT_ARGUMENTS]; /* its named ones; NULL = no more */
};

const struct weight_info *weight_info(enum graph_weight_kind kind);
/* The kind of that name; GRAPH_WEIGHT_KINDS if there is none. */
enum graph_weight_kind weight_kind(const char *name);
/* The kind that a function of a model file makes; GRAPH_WEIGHT_KINDS if none is called so. */
enum graph_weight_kind weight_function_kind(const char *name);

#endif
