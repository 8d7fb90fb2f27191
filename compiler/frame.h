/* frame.h - where expansion is: the body, the turn of its loop, the names that
 * it has, and the scope that its weights are looked up in. */
#ifndef TFM_COMPILER_FRAME_H
#define TFM_COMPILER_FRAME_H

#include "compiler/compiler.h"

/* Where paths are joined to: "h.0" and, with each {…} as a star, "h.*". */
struct scope {
  const struct scope *parent; /* NULL = the root */
  const struct ast_path *path;
  const char *name, *pattern; /* with all parents; "" at the root */
};

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

const struct scope *scope_root(void);

struct local *frame_find(const struct compiler *c, const struct frame *frame, const char *name);
/* The frame is the innermost one, or the one that is being made. */
bool frame_bind(struct compiler *c, struct frame *frame, const char *name, struct span span,
                struct value value);
/* Forget all locals of the innermost frame but the first count. */
void frame_drop(struct compiler *c, struct frame *frame, uint32_t count);

#endif
