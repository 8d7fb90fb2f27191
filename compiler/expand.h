/* expand.h - blocks inlined and loops unrolled, into typed nodes. */
#ifndef TFM_COMPILER_EXPAND_H
#define TFM_COMPILER_EXPAND_H

#include "compiler/compiler.h"

struct loop {
  const char *name;
  int64_t index;
  struct loop *outer;
};

struct local {
  const char *name;
  struct value value;
  struct span span;
};

/* One body that is being expanded: of a graph, a head or a block. */
struct frame {
  struct frame *caller; /* NULL = a graph or head */
  const char *block;    /* NULL = a graph or head */
  struct span call;     /* of the block's call */
  struct unit *unit;
  const struct scope *scope;
  struct local *local;
  uint32_t local_count, local_room;
  struct loop *loop; /* the innermost */
  uint32_t depth;    /* of inlining */
};

/* What a body returns. */
struct result {
  const char *name; /* NULL = none */
  struct value value;
  struct span span;
};
struct results {
  struct result *item;
  uint32_t count;
  bool failed;
};

/* Expand a body in the frame; results are set by its return. */
void expand_body(struct compiler *c, struct frame *frame, const struct ast_stmts *body,
                 struct results *out);
/* The call of a block or op. */
struct value expand_call(struct compiler *c, const struct ast_expr *call);

/* model.c: all of it, both graphs and the head. */
struct model {
  const struct ast_decl *head; /* NULL = the file has none */
  enum graph_task task;
  bool has_encode, has_decode;
  struct results results; /* of the head, or of the last graph */
  struct graph_attr *task_attr;
  uint32_t task_attr_count;
};
void expand_model(struct compiler *c, struct model *out);

struct local *frame_find(struct frame *frame, const char *name);
bool frame_bind(struct compiler *c, struct frame *frame, const char *name, struct span span,
                struct value value);

#endif
