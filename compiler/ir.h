/* ir.h - values and nodes while the graph is being made. */
#ifndef TFM_COMPILER_IR_H
#define TFM_COMPILER_IR_H

#include "compiler/cell.h"
#include "compiler/compiler.h"
#include "compiler/names.h"

struct alias {
  const char *name;
  struct alias *next;
};

struct ir_value {
  const char *name;
  struct alias *alias; /* in order */
  struct ctype type;
  int32_t node; /* GRAPH_NONE: an input or a state */
  uint32_t output;
  struct span span;
  bool dump, fed;
  enum graph_when fed_when; /* when what is fed in its place is known */
  uint32_t mask_terms;      /* of a mask: terms of its formula */
  const char *source;       /* input: "tokens.ids"; NULL = none */
  bool state, any;          /* one layer of a state; which one is not known */
  int32_t graph_index;      /* in the graph as it was made */
  bool live;                /* the graph has it, after passes (kept.c) */
};

struct ir_node {
  const struct op *op;
  uint32_t input_count, weight_count, attr_count, output_count;
  int32_t *input;  /* values */
  int32_t *weight; /* into compiler.weight */
  const tfm_attr *const *attr;
  int32_t *output;
  uint64_t taps;
  enum graph_when when; /* as it is written; then as the graph has it */
  int32_t layer;
  struct span span;
  bool live;    /* the graph has it, after passes */
  bool perhaps; /* in a side of a choice that is not known */
};

/* A value of the graph; GRAPH_NONE when memory is out. */
int32_t ir_add_value(struct compiler *c, const struct ir_value *made);
/* Room for one more node at c->node[c->node_count]; false after a report. */
bool ir_room_for_node(struct compiler *c, struct span span);

#endif
