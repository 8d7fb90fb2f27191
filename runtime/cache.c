/* cache.c - a pool of blocks: chunks of memory, a count and a link for each block. */
#include "runtime/cache.h"

#include "base/checked.h"

#include <pthread.h>
#include <stdlib.h>

enum { NONE = UINT32_MAX };
enum { KEPT_BYTES = 64 << 20 }; /* that are never given back before the cache is destroyed */
enum { CHUNKS_MAX = 128 };      /* each half as large as all before: enough for 2^32 blocks */

/* What is known of a block; apart from its memory, which need not be the host's. */
struct block {
  char *address;
  uint32_t references; /* 0 = free */
  uint32_t next;       /* of the free ones; NONE = the last */
};

struct cache {
  pthread_mutex_t lock; /* of all below but those that never change: device, layers,
                           block_bytes, tensors, zeros */
  const struct device *device;
  struct cache_layer *layer;
  uint32_t layers;
  size_t block_bytes;
  uint64_t limit;
  struct block *block;
  uint32_t blocks, free_blocks, first_free, most;
  struct chunk {
    struct device_block memory;
    uint32_t begin, used; /* its first block; how many of its blocks are not free */
  } chunk[CHUNKS_MAX];
  uint32_t chunks;
  struct cache *tensors; /* of blocks of its own; NULL = none */
  uint32_t zeros;        /* in it */
};

/* ------------------------------------------------------------------ creation */

/* Room for CACHE_BLOCK tokens of that width behind `bytes`; *at = where it begins. */
static bool place(int64_t width, size_t *at, size_t *bytes) {
  size_t size;
  *at = *bytes;
  return width >= 0 && checked_mul((size_t)width, sizeof(float) * CACHE_BLOCK, &size) &&
         checked_add(*bytes, size, bytes) && *bytes <= (size_t)INT64_MAX;
}

int cache_create(const struct device *device, const struct cache_layer *layer, uint32_t layers,
                 uint64_t memory_limit, struct cache **out, struct tfm_error *err) {
  *out = NULL;
  struct cache *cache = calloc(1, sizeof *cache);
  if (!cache || pthread_mutex_init(&cache->lock, NULL) != 0)
    return free(cache), error_oom(err);
  cache->first_free = NONE;
  cache->device = device;
  cache->limit = memory_limit;
  cache->layers = layers;
  cache->layer = calloc(layers ? layers : 1, sizeof *cache->layer);
  if (!cache->layer)
    return cache_destroy(cache), error_oom(err);
  for (uint32_t i = 0; i < layers; i++) {
    cache->layer[i] = layer[i];
    if (!place(layer[i].key_width, &cache->layer[i].key_at, &cache->block_bytes) ||
        !place(layer[i].value_width, &cache->layer[i].value_at, &cache->block_bytes)) {
      cache_destroy(cache);
      return error_set(err, TFM_ERROR_LIMIT, "the keys and values of %u layers are too wide",
                       layers);
    }
  }
  *out = cache;
  return 0;
}

int cache_add_tensors(struct cache *cache, size_t bytes, struct tfm_error *err) {
  struct cache *tensors;
  if (cache_create(cache->device, NULL, 0, cache->limit, &tensors, err) != 0)
    return -1;
  cache->tensors = tensors;
  tensors->block_bytes = bytes;
  if (cache_take(tensors, &cache->zeros, err) != 0)
    return -1;
  cache->device->zero(cache->device, cache_address(tensors, cache->zeros), bytes);
  return 0;
}

struct cache *cache_tensors(const struct cache *cache) {
  return cache->tensors;
}

uint32_t cache_zeros(const struct cache *cache) {
  return cache->zeros;
}

uint32_t cache_layers(const struct cache *cache) {
  return cache->layers;
}

void cache_destroy(struct cache *cache) {
  if (!cache)
    return;
  cache_destroy(cache->tensors);
  for (uint32_t i = 0; i < cache->chunks; i++)
    device_release(&cache->chunk[i].memory);
  free(cache->block);
  free(cache->layer);
  pthread_mutex_destroy(&cache->lock);
  free(cache);
}

const struct device *cache_device(const struct cache *cache) {
  return cache->device;
}

const struct cache_layer *cache_layer(const struct cache *cache, uint32_t layer) {
  return &cache->layer[layer];
}

/* -------------------------------------------------------------------- growth */

static int no_room(const struct cache *cache, bool limit, struct tfm_error *err) {
  bool tokens = cache->layers > 0;
  uint64_t count = (uint64_t)cache->blocks * (tokens ? CACHE_BLOCK : 1);
  const char *what = tokens ? "key/value cache" : "state of the texts";
  if (limit)
    error_set(err, TFM_ERROR_LIMIT, "the %s does not fit the memory limit", what);
  else
    error_set(err, TFM_ERROR_LIMIT, "out of memory: no room for the %s", what);
  error_note(err, "found: %llu bytes for %llu %s, and %llu more are needed",
             (unsigned long long)cache->blocks * cache->block_bytes, (unsigned long long)count,
             tokens ? "tokens" : "texts and what they will be",
             (unsigned long long)cache->block_bytes);
  error_note(err, "help: give fewer or shorter inputs");
  return -1;
}

/* Half as many blocks as there are, if the limit leaves room for them; at least one. */
static uint32_t chunk_blocks(const struct cache *cache) {
  uint64_t count = cache->blocks / 2;
  if (cache->limit && cache->block_bytes) {
    uint64_t most = cache->limit / cache->block_bytes;
    count = most <= cache->blocks ? 0 : count < most - cache->blocks ? count : most - cache->blocks;
  }
  return count > 0 ? (uint32_t)count : 1;
}

/* Fewer where there is no memory for as many as were wished. */
static bool allocate(const struct cache *cache, uint32_t *count, struct device_block *chunk) {
  struct tfm_error ignored = {0};
  size_t bytes;
  for (;; *count = 1) {
    if (checked_mul(cache->block_bytes, *count, &bytes) &&
        device_alloc(cache->device, bytes, "the cache", chunk, &ignored) == 0)
      return true;
    if (*count == 1)
      return false;
  }
}

static int grow(struct cache *cache, struct tfm_error *err) {
  uint64_t total;
  uint32_t count = chunk_blocks(cache);
  if (!checked_add_u64((uint64_t)cache->blocks * cache->block_bytes, cache->block_bytes, &total) ||
      cache->blocks >= NONE - count || cache->chunks == CHUNKS_MAX)
    return no_room(cache, false, err);
  if (cache->limit && total > cache->limit)
    return no_room(cache, true, err);
  struct block *block = realloc(cache->block, ((size_t)cache->blocks + count) * sizeof *block);
  if (!block)
    return no_room(cache, false, err);
  cache->block = block;
  struct chunk *chunk = &cache->chunk[cache->chunks];
  if (!allocate(cache, &count, &chunk->memory))
    return no_room(cache, false, err);
  cache->chunks++;
  chunk->begin = cache->blocks;
  chunk->used = 0;
  for (uint32_t i = count; i-- > 0;) {
    uint32_t number = cache->blocks + i;
    block[number] = (struct block){.address = (char *)chunk->memory.data + i * cache->block_bytes,
                                   .next = cache->first_free};
    cache->first_free = number;
  }
  cache->blocks += count;
  cache->free_blocks += count;
  return 0;
}

/* Give the last chunk back while nobody uses it, what is left has room for twice as many as
 * are held, and is no small thing: a run that ends is often followed by one as large. */
static void trim(struct cache *cache) {
  while (cache->chunks > 1 && cache->chunk[cache->chunks - 1].used == 0) {
    struct chunk *last = &cache->chunk[cache->chunks - 1];
    uint32_t used = cache->blocks - cache->free_blocks;
    if (last->begin / 2 < used || (uint64_t)last->begin * cache->block_bytes < KEPT_BYTES)
      return;
    uint32_t *link = &cache->first_free;
    while (*link != NONE)
      if (*link >= last->begin)
        *link = cache->block[*link].next;
      else
        link = &cache->block[*link].next;
    cache->free_blocks -= cache->blocks - last->begin;
    cache->blocks = last->begin;
    cache->chunks--;
    device_release(&last->memory);
  }
}

static struct chunk *chunk_of(struct cache *cache, uint32_t block) {
  uint32_t i = cache->chunks;
  while (cache->chunk[--i].begin > block)
    ;
  return &cache->chunk[i];
}

/* -------------------------------------------------------------------- blocks */

int cache_take(struct cache *cache, uint32_t *block, struct tfm_error *err) {
  pthread_mutex_lock(&cache->lock);
  int status = cache->first_free == NONE ? grow(cache, err) : 0;
  if (status == 0) {
    *block = cache->first_free;
    cache->first_free = cache->block[*block].next;
    cache->block[*block].references = 1;
    chunk_of(cache, *block)->used++;
    if (cache->blocks - --cache->free_blocks > cache->most)
      cache->most = cache->blocks - cache->free_blocks;
  }
  pthread_mutex_unlock(&cache->lock);
  return status;
}

void cache_share(struct cache *cache, uint32_t block) {
  pthread_mutex_lock(&cache->lock);
  cache->block[block].references++;
  pthread_mutex_unlock(&cache->lock);
}

void cache_release(struct cache *cache, uint32_t block) {
  pthread_mutex_lock(&cache->lock);
  struct block *b = &cache->block[block];
  if (--b->references == 0) {
    b->next = cache->first_free;
    cache->first_free = block;
    cache->free_blocks++;
    chunk_of(cache, block)->used--;
    trim(cache);
  }
  pthread_mutex_unlock(&cache->lock);
}

bool cache_shared(struct cache *cache, uint32_t block) {
  pthread_mutex_lock(&cache->lock);
  bool shared = cache->block[block].references > 1;
  pthread_mutex_unlock(&cache->lock);
  return shared;
}

void *cache_address(struct cache *cache, uint32_t block) {
  pthread_mutex_lock(&cache->lock);
  void *address = cache->block[block].address;
  pthread_mutex_unlock(&cache->lock);
  return address;
}

void cache_copy(const struct cache *cache, void *to, const void *from, int64_t tokens) {
  const struct device *device = cache->device;
  for (uint32_t i = 0; i < cache->layers; i++) {
    const struct cache_layer *layer = &cache->layer[i];
    size_t token = sizeof(float);
    device->move(device, (char *)to + layer->key_at, (const char *)from + layer->key_at,
                 (size_t)(tokens * layer->key_width) * token);
    device->move(device, (char *)to + layer->value_at, (const char *)from + layer->value_at,
                 (size_t)(tokens * layer->value_width) * token);
  }
}

struct cache_size cache_size(struct cache *cache) {
  pthread_mutex_lock(&cache->lock);
  struct cache_size size = {.used = cache->blocks - cache->free_blocks,
                            .free = cache->free_blocks,
                            .most = cache->most,
                            .block = cache->block_bytes,
                            .bytes = (uint64_t)cache->blocks * cache->block_bytes};
  pthread_mutex_unlock(&cache->lock);
  return size;
}
