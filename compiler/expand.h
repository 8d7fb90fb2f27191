/* expand.h - blocks inlined and loops unrolled, into typed nodes. */
#ifndef TFM_COMPILER_EXPAND_H
#define TFM_COMPILER_EXPAND_H

#include "compiler/frame.h"

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

/* All of it, both graphs and the head: what model.c makes. */
struct model {
  const struct ast_decl *head; /* NULL = the file has none */
  enum graph_task task;
  bool has_encode, has_decode;
  struct results results; /* of the head, or of the last graph */
  const tfm_attr *const *task_attr;
  uint32_t task_attr_count;
};

#endif
