/* graph.h - the op graph: what a model file means for one checkpoint.
 *
 * Flat, typed, in single-assignment form, in an order in which it can run.
 * The compiler builds it, the runtime plans and runs it; this file is all
 * that they share.  Everything is owned by the graph's arena and constant
 * once graph_verify has passed.
 *
 *     inputs  ids pos real          run-time tensors, by source
 *     weights $h.0.ln_1.weight      views of the checkpoint's tensors
 *     states  past[0] .. past[11]   what rows keep from step to step, a layer each
 *     nodes   %3 = layer_norm(%2; $h.0.ln_1.weight, $h.0.ln_1.bias; eps: 1e-05)
 *     outputs logits
 *
 * Nodes lie in entries: runs of nodes that the caller starts on their own, once
 * a request or at each step.  They stand in the order in which they first run;
 * an entry reads its own values and what earlier ones keep, never the other way
 * round. */
#ifndef TFM_GRAPH_GRAPH_H
#define TFM_GRAPH_GRAPH_H

#include "base/arena.h"
#include "base/diag.h"
#include "base/dtype.h"
#include "base/error.h"
#include "graph/dim.h"
#include "tfm/types.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { GRAPH_NONE = -1 };

/* dtype DTYPE_NONE is the run's float type until lowering, F32 after.
 * DTYPE_MASK has rank 0; DTYPE_KV has rank 2: the widths of a row of keys, and of values;
 * DTYPE_BIAS has rank 1: the heads.
 * DTYPE_STATE has the dims of the tensor that each row has, which are numbers. */
struct type {
  enum dtype dtype;
  uint32_t rank;
  struct dim shape[TFM_MAX_RANK];
};

/* When an entry runs; those of a later kind stand after those of an earlier one. */
enum graph_when {
  GRAPH_ONCE, /* once a request, before any step */
  GRAPH_STEP, /* at each step */
  GRAPH_WHEN_COUNT
};
const char *graph_when_name(enum graph_when when); /* "once", "step" */

/* A part of the graph that runs as one.  What it reads and keeps follows from the
 * nodes (graph_link). */
struct graph_entry {
  const char *name; /* "encode", "decode" */
  enum graph_when when;
  uint32_t begin, end; /* its nodes; entries lie end to end */
  /* Values that must be there before it runs: those that the caller gives it, and
   * of earlier entries what it reads.  States are not listed. */
  uint32_t input_count;
  const int32_t *input;
  /* Its values that outlive a run: results, and what later entries read. */
  uint32_t output_count;
  const int32_t *output;
};

/* A run-time dimension: T <= 1024.  bound 0 = none stated. */
struct graph_dim {
  const char *name;
  int64_t bound;
};

/* input ids: i32[B, T] = tokens.ids.  A value that the caller feeds
 * (compile_options.feed) is an input too, with source "feed". */
struct graph_input {
  const char *name, *source;
  int32_t value;
  int32_t entry;        /* before which it is given: that of its first reader */
  enum graph_when when; /* how often what it holds changes */
};

/* A tensor of the checkpoint, or what is made of some.  Operands come earlier in the
 * table. */
enum graph_weight_kind {
#define WEIGHT(ID, ...) GRAPH_WEIGHT_##ID,
#include "graph/weight.def"
#undef WEIGHT
  GRAPH_WEIGHT_KINDS
};
/* Of a TRANSPOSE, the operand's axis that is axis i: three bits each of `index`, the first
 * lowest; 0 = the two of a matrix, the other way round. */
uint32_t graph_weight_axis(int32_t index, uint32_t i);
bool graph_weight_is_computed(enum graph_weight_kind kind); /* ADD to DIV */

struct graph_weight {
  enum graph_weight_kind kind;
  const char *name;   /* as shown: "h.0.attn.c_attn.weight" */
  const char *tensor; /* TENSOR: its name in the checkpoint, before renames */
  uint32_t operand_count;
  const int32_t *operand;
  int32_t axis, parts, index;
  double number;
  enum dtype dtype; /* as stored */
  uint32_t rank;
  int64_t shape[TFM_MAX_RANK];
  bool used; /* by a node, or by a weight that is */
};

/* One layer of a state.  Its type says its dims; the widths of a KV, its reader tells. */
struct graph_state {
  const char *name; /* "past[3]" */
  int32_t value;    /* of dtype DTYPE_KV or DTYPE_STATE */
};

struct graph_value {
  /* The canonical name, unique ("h.0.attn.c_attn", "h.0.attention", "ids"), by
   * which it is dumped and fed, and other names it goes by ("h.0.q"). */
  const char *name;
  uint32_t alias_count;
  const char *const *alias;
  struct type type;
  int32_t node;     /* its producer, or GRAPH_NONE for inputs and states */
  uint32_t output;  /* which output of it */
  int32_t entry;    /* that makes it, or that it is given to; GRAPH_NONE = a state */
  bool dump;        /* the caller wants to see it */
  struct span span; /* where it was written */
};

struct graph_node {
  const char *op;   /* "layer_norm", "acme.flash" */
  const char *name; /* that of its first output */
  uint32_t op_version;
  bool holds_inputs; /* TFM_OP_HOLDS_INPUTS */
  bool view;         /* TFM_OP_VIEW */
  bool mixes;        /* an output depends on several tokens of an input */
  int32_t entry;
  uint32_t input_count; /* slots of the schema; GRAPH_NONE = absent */
  const int32_t *input; /* values */
  uint32_t weight_count;
  const int32_t *weight; /* into graph.weight; GRAPH_NONE = absent */
  uint32_t attr_count;
  const tfm_attr *const *attr; /* as tfm_node has them; attr.h */
  uint32_t output_count;
  const int32_t *output;  /* values */
  uint32_t tap_count;     /* inner values the schema offers */
  const char *const *tap; /* their names: "scores", "probs" */
  uint64_t taps;          /* bit i: the caller wants tap i; dumped as NAME.TAP */
  int32_t layer;          /* of the enclosing repeat; GRAPH_NONE outside */
  struct span span;
};

/* What the model is for, from its head: GRAPH_TASK_GENERATE and so on. */
enum graph_task {
  GRAPH_TASK_NONE,
#define TASK(ID, ...) GRAPH_TASK_##ID,
#include "graph/task.def"
#undef TASK
  GRAPH_TASK_COUNT
};
const char *graph_task_name(enum graph_task task);      /* "fill_mask" */
enum graph_task graph_task_from_name(const char *name); /* NONE if unknown */

struct graph_output {
  const char *name; /* "logits", "start", "end", "vector" */
  int32_t value;
};

struct graph {
  struct arena arena;
  const char *model; /* its declared name */
  enum graph_task task;
  const char *head; /* the chosen head's name, or NULL */
  uint32_t task_attr_count;
  const tfm_attr *const *task_attr; /* labels, stop */
  uint32_t dim_count;
  const struct graph_dim *dim;
  uint32_t entry_count;
  struct graph_entry *entry;
  uint32_t input_count;
  const struct graph_input *input;
  uint32_t weight_count;
  const struct graph_weight *weight;
  uint32_t state_count;
  const struct graph_state *state;
  uint32_t value_count;
  struct graph_value *value;
  uint32_t node_count;
  const struct graph_node *node;
  uint32_t output_count;
  const struct graph_output *output;
};

struct graph *graph_create(struct tfm_error *err); /* empty; the arena is ready */
void graph_destroy(struct graph *graph);

/* entry.c: what follows from the entries of nodes and inputs: the nodes of an
 * entry, its inputs and outputs, the entry of a value.  Before graph_verify, of a
 * graph whose indices may still be wrong. */
int graph_link(struct graph *graph, struct tfm_error *err);
/* The entry of that name, or GRAPH_NONE; whether one runs then. */
int32_t graph_find_entry(const struct graph *graph, const char *name);
bool graph_runs(const struct graph *graph, enum graph_when when);

/* Have a node's tap filled, as `taps` says: of a graph that nothing is planned for yet. */
void graph_watch_tap(struct graph *graph, uint32_t node, uint32_t tap);

/* Every rule stated in this file; -1 with the first breach in err (TFM_ERROR_MODEL). */
int graph_verify(const struct graph *graph, struct tfm_error *err);

/* A value by canonical name or alias (a later one of the same alias wins);
 * GRAPH_NONE if there is none. */
int32_t graph_find_value(const struct graph *graph, const char *name);
/* A node's tap by "NAME.TAP": sets *node and *tap, or returns false. */
bool graph_find_tap(const struct graph *graph, const char *name, int32_t *node, uint32_t *tap);

/* text.c: the graph as text, and back.  parse(print(g)) prints the same. */
void graph_print(const struct graph *graph, struct buffer *out);
struct graph *graph_parse(const char *name, const char *text, size_t size, struct tfm_error *err);

/* emit.c: for other programs. */
void graph_emit_dot(const struct graph *graph, struct buffer *out);
void graph_emit_json(const struct graph *graph, struct buffer *out);

#endif
