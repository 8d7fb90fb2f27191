/* binding_private.h - what binding.c (rows of the table) and join.c (rows that are
 * several tensors) share. */
#ifndef TFM_RUNTIME_BINDING_PRIVATE_H
#define TFM_RUNTIME_BINDING_PRIVATE_H

#include "base/arena.h"
#include "base/map.h"
#include "runtime/binding.h"

struct binding {
  struct arena arena;
  const struct graph *graph;
  const struct weights *weights;
  struct binding_options options;
  tfm_tensor *tensor;         /* dtype TFM_NONE = not bound */
  struct device_block *owned; /* a row's copy, or none */
  enum dtype *format;         /* of a stored tensor, as it will be bound; NONE = dtype_wide */
  bool *passing;   /* a joined row that only other joined rows read: it has a type, no memory */
  struct map seen; /* names of tensors counted in elements */
  uint64_t copied, elements;
  uint64_t viewed; /* of copied: bytes of views */
};

/* Memory of its own for row i, whose dtype, rank and shape are set; for a view,
 * within a multiple of what the tensors take. */
int binding_own(struct binding *binding, int32_t i, struct tfm_error *err);
int binding_own_view(struct binding *binding, int32_t i, struct tfm_error *err);

/* kept.c: the format of each stored tensor, before any is bound. */
int kept_plan(struct binding *binding, struct tfm_error *err);

/* join.c: which rows pass through, before any is bound; then each joined row. */
int join_plan(struct binding *binding, struct tfm_error *err);
int join_bind(struct binding *binding, int32_t i, struct tfm_error *err);

/* computed.c: a row that is a number, or arithmetic of two others. */
bool computed_is_sound(const struct binding *binding, int32_t i);
int computed_bind(struct binding *binding, int32_t i, struct tfm_error *err);

#endif
