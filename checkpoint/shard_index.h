/* shard_index.h - model.safetensors.index.json: which file holds which tensor.
 *
 *     {"metadata": {...},
 *      "weight_map": {"wte.weight": "model-00001-of-00002.safetensors", ...}}
 *
 * File names are bare: an index cannot point outside its directory. */
#ifndef TFM_CHECKPOINT_SHARD_INDEX_H
#define TFM_CHECKPOINT_SHARD_INDEX_H

#include "base/arena.h"
#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

enum { SHARDS_MAX = 10000 };

struct shard_entry {
  const char *tensor;
  uint32_t shard; /* its number */
};

struct shard_index {
  struct arena arena; /* owns the texts */
  size_t count, shard_count;
  struct shard_entry *entry; /* in the file's order; owned */
  struct shard_file {
    const char *name;
    const char *first; /* the first tensor that it shall hold */
  } * shard;           /* owned */
};

/* On failure *index is finished. */
int shard_index_read(struct shard_index *index, const char *path, struct tfm_error *err);
void shard_index_finish(struct shard_index *index);

#endif
