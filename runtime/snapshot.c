/* snapshot.c - the blocks of a sequence to tensors and back. */
#include "runtime/snapshot.h"

#include "base/checked.h"

#include <string.h>

static const struct type *type_of(const struct graph *graph, uint32_t state) {
  return &graph->value[graph->state[state].value].type;
}

static bool shape_of(const struct graph *graph, int64_t tokens, struct snapshot_part *part) {
  const struct type *type = type_of(graph, part->state);
  bool keys = type->dtype == DTYPE_KV;
  part->rank = keys ? 2 : type->rank;
  part->shape[0] = tokens;
  part->size = sizeof(float);
  for (uint32_t d = 0; d < part->rank; d++) {
    int64_t *size = &part->shape[d];
    const struct dim *dim = &type->shape[keys ? part->values : d];
    if (!(keys && d == 0) && (!dim_is_number(dim, size) || *size < 0))
      return false;
    if (!checked_mul(part->size, (size_t)*size, &part->size))
      return false;
  }
  return true;
}

bool snapshot_part(const struct graph *graph, uint32_t i, int64_t tokens,
                   struct snapshot_part *out) {
  for (uint32_t s = 0; s < graph->state_count; s++) {
    bool keys = type_of(graph, s)->dtype == DTYPE_KV;
    uint32_t parts = keys ? 2 : 1;
    if (i >= parts) {
      i -= parts;
      continue;
    }
    *out = (struct snapshot_part){.state = s,
                                  .values = i == 1,
                                  .ending = !keys    ? ""
                                            : i == 1 ? ".values"
                                                     : ".keys"};
    return shape_of(graph, tokens, out);
  }
  return false;
}

/* Which layer of the cache, or where in a block of tensors, the state is: the states of its
 * kind before it say. */
static uint32_t layer_of(const struct graph *graph, uint32_t state) {
  uint32_t layer = 0;
  for (uint32_t s = 0; s < state; s++)
    layer += type_of(graph, s)->dtype == DTYPE_KV;
  return layer;
}

static size_t place_of(const struct graph *graph, uint32_t state) {
  struct snapshot_part part;
  size_t at = 0;
  for (uint32_t s = 0; s < state; s++) {
    part.state = s;
    if (type_of(graph, s)->dtype == DTYPE_STATE && shape_of(graph, 0, &part))
      at += (part.size + DEVICE_ALIGNMENT - 1) & ~(size_t)(DEVICE_ALIGNMENT - 1);
  }
  return at;
}

/* A stretch of a block and of the plain tensor. */
typedef void stretch_copy(const struct device *device, char *block, char *plain, size_t size);

static void copy_out(const struct device *device, char *block, char *plain, size_t size) {
  device->get(device, plain, block, size);
}

static void copy_in(const struct device *device, char *block, char *plain, size_t size) {
  device->put(device, block, plain, size);
}

static void each_stretch(const struct graph *graph, const struct sequence *sequence, int64_t tokens,
                         const struct snapshot_part *part, char *block, char *plain,
                         stretch_copy *copy) {
  const struct device *device = cache_device(sequence->cache);
  if (type_of(graph, part->state)->dtype == DTYPE_STATE) {
    copy(device, block + place_of(graph, part->state), plain, part->size);
    return;
  }
  const struct cache_layer *layer = cache_layer(sequence->cache, layer_of(graph, part->state));
  size_t at = part->values ? layer->value_at : layer->key_at;
  size_t token = tokens ? part->size / (size_t)tokens : 0;
  for (int64_t s = 0; s < tokens; s += CACHE_BLOCK) {
    int64_t count = tokens - s < CACHE_BLOCK ? tokens - s : CACHE_BLOCK;
    copy(device, (char *)sequence->address[s / CACHE_BLOCK] + at, plain + (size_t)s * token,
         (size_t)count * token);
  }
}

void snapshot_read(const struct graph *graph, const struct sequence *sequence,
                   const struct snapshot_part *part, void *to) {
  each_stretch(graph, sequence, sequence->length, part, sequence->now.address, to, copy_out);
}

void snapshot_write(const struct graph *graph, const struct sequence *sequence, int64_t tokens,
                    const struct snapshot_part *part, const void *from) {
  each_stretch(graph, sequence, tokens, part, sequence->next.address, (char *)(uintptr_t)from,
               copy_in);
}
