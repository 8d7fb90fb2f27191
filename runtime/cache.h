/* cache.h - memory of keys and values, in blocks that sequences share; and of what else
 * they keep.
 *
 * A block holds CACHE_BLOCK tokens of every layer, so that a sequence has one
 * table of blocks and no more:
 *
 *     block    keys of layer 0 | values of layer 0 | keys of layer 1 | ...
 *              [CACHE_BLOCK, width of a key]
 *
 * 64 tokens: attention works on 64 keys at once, counted from a row's first
 * one, and so seldom finds its keys in two places; a row wastes 32 tokens of
 * memory on average; a table for a million tokens has 16,000 entries.
 *
 * Blocks come in chunks, each half as large as all before it, so an address
 * never changes.  A block is counted: whoever holds it has one
 * reference, and may write to it only while that is the only one.  What nobody
 * holds is on a list of free ones.  Memory goes back when the cache is destroyed; of a large
 * one also a chunk that nobody uses any more, if that leaves twice what is held.  All calls may be made from any thread.
 *
 * A state that is a tensor for each row (tfm_state) is no token's: a sequence has one block
 * for all layers of it, from a pool beside that of the tokens, cache_tensors:
 *
 *     block    layer 0 | layer 1 | ...      each aligned to 64 bytes */
#ifndef TFM_RUNTIME_CACHE_H
#define TFM_RUNTIME_CACHE_H

#include "base/error.h"
#include "runtime/device.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cache;

enum { CACHE_BLOCK = 64 };

/* Of one layer; f32.  Strides are the widths: tokens lie close. */
struct cache_layer {
  int64_t key_width, value_width; /* elements of a token */
  size_t key_at, value_at;        /* bytes from a block's begin; set by cache_create */
};

/* Blocks are the device's memory.  layer: `layers` widths, copied.  memory_limit: bytes of
 * all blocks, 0 = none. */
int cache_create(const struct device *device, const struct cache_layer *layer, uint32_t layers,
                 uint64_t memory_limit, struct cache **out, struct tfm_error *err);
/* Every reference must have been given back. */
void cache_destroy(struct cache *cache);

/* A pool of blocks of so many bytes beside the tokens', with a limit of its own, and a block
 * of zeros in it: what a sequence begins with.  Called once, right after cache_create. */
int cache_add_tensors(struct cache *cache, size_t bytes, struct tfm_error *err);
/* NULL = none; the block of zeros. */
struct cache *cache_tensors(const struct cache *cache);
uint32_t cache_zeros(const struct cache *cache);

const struct device *cache_device(const struct cache *cache);
const struct cache_layer *cache_layer(const struct cache *cache, uint32_t layer);

/* A block with one reference; its contents mean nothing.  Allocates only while
 * none is free. */
int cache_take(struct cache *cache, uint32_t *block, struct tfm_error *err);
void cache_share(struct cache *cache, uint32_t block);
void cache_release(struct cache *cache, uint32_t block);
/* Do others hold the block too? */
bool cache_shared(struct cache *cache, uint32_t block);
/* Where it lies on the device, for good; aligned to 64 bytes. */
void *cache_address(struct cache *cache, uint32_t block);
/* The first `tokens` of a block, of all layers. */
void cache_copy(const struct cache *cache, void *to, const void *from, int64_t tokens);

struct cache_size {
  uint32_t used, free;   /* blocks: held by somebody; by nobody */
  uint32_t most;         /* the most that were used at once */
  uint64_t block, bytes; /* bytes of one block, and of all there are */
};
struct cache_size cache_size(struct cache *cache);

/* Blocks that hold so many tokens; a cache of no layers needs none. */
static inline int64_t cache_blocks(int64_t tokens) {
  return (tokens + CACHE_BLOCK - 1) / CACHE_BLOCK;
}
uint32_t cache_layers(const struct cache *cache);

#endif
