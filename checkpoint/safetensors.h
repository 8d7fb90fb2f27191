/* safetensors.h - one file of tensors, mapped, and refused unless it is sound.
 *
 *     bytes 0..7    N, a little-endian u64, at most 100,000,000
 *     bytes 8..     N bytes of JSON: {"__metadata__": {"format": "pt"},
 *                   "wte.weight": {"dtype": "F32", "shape": [6, 4], "data_offsets": [0, 96]}, ...}
 *     the rest      the tensors' bytes, without holes, overlaps or rest
 *
 * Every rule that a file must keep has a message of its own, which names
 * the file, the tensor, what was expected and what was found
 * (TFM_ERROR_CHECKPOINT).  Nothing is allocated by a size that the file only
 * claims.  Offsets need not be aligned. */
#ifndef TFM_CHECKPOINT_SAFETENSORS_H
#define TFM_CHECKPOINT_SAFETENSORS_H

#include "base/arena.h"
#include "base/dtype.h"
#include "base/error.h"
#include "base/file.h"
#include "base/map.h"
#include "graph/graph.h"

#include <stddef.h>
#include <stdint.h>

#define SAFETENSORS_HEADER_MAX 100000000u
enum { SAFETENSORS_TENSORS_MAX = 1000000 };

struct safetensors_tensor {
  const char *name; /* NUL-terminated; a name with a NUL inside is refused */
  enum dtype dtype;
  uint32_t rank;
  int64_t shape[TFM_MAX_RANK];
  const unsigned char *data; /* size bytes in the map, contiguous, any alignment */
  size_t size;
};

struct safetensors {
  struct arena arena; /* owns the names */
  struct file_map map;
  const char *path;
  size_t count;
  const struct safetensors_tensor *tensor; /* by offset, size and name; owned */
  struct map index;                        /* name -> number in tensor */
  /* __metadata__ entries, in the file's order; both owned. */
  size_t metadata_count;
  const char **metadata_key, **metadata_value;
};

/* Map and validate.  On failure *file is finished. */
int safetensors_open(struct safetensors *file, const char *path, struct tfm_error *err);
/* The same on bytes in memory, which must outlive it: for tests and fuzzing. */
int safetensors_parse(struct safetensors *file, const char *name, const unsigned char *data,
                      size_t size, struct tfm_error *err);
void safetensors_finish(struct safetensors *file);
/* NULL = not there. */
const struct safetensors_tensor *safetensors_find(const struct safetensors *file, const char *name);

#endif
