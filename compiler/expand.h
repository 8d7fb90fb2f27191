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
  uint32_t first, count; /* its locals on compiler.local, above those of its callers */
  struct loop *loop;     /* the innermost */
  uint32_t depth;        /* of inlining */
};

/* A frame without locals. */
#define FRAME(c, ...) ((struct frame){.first = (c)->local_count, __VA_ARGS__})

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

/* uncalled.c: blocks that nothing has called, by themselves; to be checked only. */
void expand_uncalled(struct compiler *c);

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

struct local *frame_find(const struct compiler *c, const struct frame *frame, const char *name);
/* The frame is the innermost one, or the one that is being made. */
bool frame_bind(struct compiler *c, struct frame *frame, const char *name, struct span span,
                struct value value);

#endif
