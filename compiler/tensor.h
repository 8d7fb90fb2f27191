/* tensor.h - the tensors of the checkpoint that a file takes, and the views of them.
 *
 * Each is made once for its name, so that tied weights are one.  A tensor that
 * is not there gets free cells for a shape: whether that is an error shows when
 * it is known which values are computed at all. */
#ifndef TFM_COMPILER_TENSOR_H
#define TFM_COMPILER_TENSOR_H

#include "compiler/cell.h"
#include "compiler/frame.h"

struct entry;

enum { WEIGHT_ABSENT = -1, WEIGHT_FAILED = -2 };

/* A tensor, or a view of some: made once for each name. */
struct weight {
  enum graph_weight_kind kind;
  const char *name;
  const struct compile_tensor *tensor; /* TENSOR; NULL = not in the checkpoint */
  uint32_t operand_count;
  const int32_t *operand; /* into compiler.weight */
  int32_t axis, parts, index;
  double number;
  uint32_t depth; /* views below it */
  enum dtype dtype;
  struct ctype type;
  const struct scope *scope; /* of its first use, for messages */
  const char *slot;          /* appended to the scope, or NULL */
  struct span span;
  bool live;           /* the graph has it (kept.c) */
  int32_t graph_index; /* in the graph as it was made */
};

/* What a slot asks for. */
struct weight_want {
  const char *member; /* appended to a path: "weight"; NULL = the path is the tensor's */
  uint32_t rank;
  bool optional;
  bool list;        /* several tensors may be handed over as they are */
  struct span span; /* for messages */
};

/* Of that name; WEIGHT_ABSENT if it is not made yet. */
int32_t tensor_find(struct compiler *c, const char *name);
int32_t tensor_add(struct compiler *c, const struct weight *made);
/* The tensor of that name, as the checkpoint has it, or of which nothing is known. */
int32_t tensor_make(struct compiler *c, const struct scope *scope, const char *name,
                    const struct weight_want *want);
/* One that is there.  Its dims are those of `like` where the shapes are the same, so that
 * thousands of experts do not take thousands of cells; WEIGHT_ABSENT = none is like it. */
int32_t tensor_make_entry(struct compiler *c, const struct scope *scope, const struct entry *entry,
                          const struct weight_want *want, int32_t like);
/* Where a cell is from when its tensor is not there. */
const struct origin *tensor_missing_origin(struct compiler *c, const char *name);
/* The tensor that its name is of: a view's first operand that is no number. */
const struct weight *tensor_main(struct compiler *c, int32_t weight);

#endif
