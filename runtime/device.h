/* device.h - where tensors' memory lies, and how it comes there and back.
 *
 * All memory that kernels are given comes from a device: activations, kept values,
 * workspace, what a node sees a row at a time, the cache's blocks, copies of weights.
 * What the runtime itself keeps about them (tables, shapes, where rows begin, a mask's
 * formula, a cache's tables) is the host's, always.
 *
 *     host    ids, feeds  --put-->  [ kept | arena | workspace | blocks ]  --get-->  outputs
 *     device                             move, zero: within it
 *
 * The host touches a device's memory through these functions alone, but where number
 * is 0: that memory is the host's own.  The only device so far is the CPU. */
#ifndef TFM_RUNTIME_DEVICE_H
#define TFM_RUNTIME_DEVICE_H

#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

enum { DEVICE_ALIGNMENT = 64 };

/* Constant; outlives all that lies on it.  Calls may come from any thread.  Copies and
 * what kernels do happen in the order in which they were asked for; a copy from or to the
 * host is done when the call returns. */
struct device {
  const char *name;
  int32_t number; /* tfm_tensor.device; 0 = the host reads and writes it itself */
  /* Aligned to DEVICE_ALIGNMENT, contents undefined; a place of its own for size 0 too.
   * NULL = none left. */
  void *(*alloc)(const struct device *device, size_t size);
  /* size: as it was asked for. */
  void (*release)(const struct device *device, void *memory, size_t size);
  void (*put)(const struct device *device, void *to, const void *host, size_t size);
  void (*get)(const struct device *device, void *host, const void *from, size_t size);
  void (*move)(const struct device *device, void *to, const void *from, size_t size);
  void (*zero)(const struct device *device, void *memory, size_t size);
  /* Until all that was asked for is done. */
  void (*wait)(const struct device *device);
  void *impl; /* its own */
};

const struct device *device_cpu(void);

/* A piece of a device's memory; {0} has none. */
struct device_block {
  const struct device *device;
  void *data;
  size_t size; /* bytes that were asked for */
};

/* *block: a new piece.  what names it in the error, TFM_ERROR_LIMIT;
 * *block is then as before. */
int device_alloc(const struct device *device, size_t size, const char *what,
                 struct device_block *block, struct tfm_error *err);
/* May have none; has none afterwards, and keeps its device. */
void device_release(struct device_block *block);

#endif
