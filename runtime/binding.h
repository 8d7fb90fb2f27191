/* binding.h - the graph's weight table made into tensors that kernels read.
 *
 *     TENSOR     points into the map; a copy if it is not aligned to its element,
 *                or in a format that not all kernels take which read it (kept.c)
 *     TRANSPOSE  the operand with its strides swapped
 *     SPLIT      the operand at an offset
 *     RESHAPE    the operand under another shape; a copy if it is not contiguous
 *     CONCAT     a copy
 *     STACK      a copy
 *
 * A copy in another format is what dtype_wide says: of packed blocks F16, of
 * integers and the like F32.  A binding lives as long as the model and must be destroyed
 * before the weights are closed. */
#ifndef TFM_RUNTIME_BINDING_H
#define TFM_RUNTIME_BINDING_H

#include "base/error.h"
#include "checkpoint/weights.h"
#include "graph/graph.h"
#include "runtime/device.h"
#include "runtime/registry.h"
#include "tfm/plugin.h"

#include <stdbool.h>
#include <stdint.h>

struct binding;

struct binding_options {
  bool random;           /* make values up: weights may be NULL.  For benchmarks */
  uint64_t seed;         /* of them; a tensor's values depend on seed and its name */
  uint64_t memory_limit; /* bytes that copies may take; 0 = no limit */
  /* Whose kernels will read the weights; NULL = they take F32, F16 and BF16. */
  const struct registry *registry;
  const struct registry_policy *policy;
  /* Where copies lie; NULL = the CPU.  The host writes them, so its number is 0. */
  const struct device *device;
};

/* Resolve every weight of the graph that is used.  A tensor that is not in the
 * checkpoint, or not of the type that the graph was compiled for, is
 * TFM_ERROR_CHECKPOINT. */
int binding_create(const struct graph *graph, const struct weights *weights,
                   const struct binding_options *options, struct binding **out,
                   struct tfm_error *err);
void binding_destroy(struct binding *binding);

/* Weight i of the graph; NULL if it is not used. */
const tfm_tensor *binding_tensor(const struct binding *binding, int32_t i);
/* Bytes that were copied or made up, against those that stayed mapped. */
uint64_t binding_copied(const struct binding *binding);
/* Elements of the distinct tensors that the graph uses. */
uint64_t binding_elements(const struct binding *binding);

#endif
