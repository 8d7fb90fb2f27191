/* sequence.c - tables of blocks: shared by forks, copied when one of them writes. */
#include "runtime/sequence.h"

#include "base/checked.h"

#include <stdlib.h>
#include <string.h>

enum { ROOM_FIRST = 4 };

int sequence_create(struct cache *cache, struct sequence **out, struct tfm_error *err) {
  *out = calloc(1, sizeof **out);
  if (!*out)
    return error_oom(err);
  (*out)->cache = cache;
  if (cache_tensors(cache))
    (*out)->now.address = cache_address(cache_tensors(cache), cache_zeros(cache));
  return 0;
}

/* Of no layers the table stays empty. */
static uint32_t blocks_for(const struct sequence *sequence, int64_t tokens) {
  return cache_layers(sequence->cache) ? (uint32_t)cache_blocks(tokens) : 0;
}

static void drop_now(struct sequence *sequence) {
  struct cache *tensors = cache_tensors(sequence->cache);
  if (!sequence->now.held)
    return;
  cache_release(tensors, sequence->now.number);
  sequence->now.held = false;
  sequence->now.address = cache_address(tensors, cache_zeros(sequence->cache));
}

static void drop_next(struct sequence *sequence) {
  if (sequence->next.held)
    cache_release(cache_tensors(sequence->cache), sequence->next.number);
  sequence->next.held = false;
}

/* Keep the first `blocks` of the table. */
static void keep_blocks(struct sequence *sequence, uint32_t blocks) {
  while (sequence->blocks > blocks)
    cache_release(sequence->cache, sequence->block[--sequence->blocks]);
}

void sequence_destroy(struct sequence *sequence) {
  if (!sequence)
    return;
  keep_blocks(sequence, 0);
  drop_now(sequence);
  drop_next(sequence);
  free(sequence->block);
  free(sequence->address);
  free(sequence);
}

static int grow_table(struct sequence *sequence, uint32_t blocks, struct tfm_error *err) {
  uint32_t room = sequence->room ? sequence->room : ROOM_FIRST;
  if (blocks <= sequence->room)
    return 0;
  while (room < blocks)
    room *= 2; /* of 2^31 tokens at most: 2^25 blocks */
  uint32_t *block = realloc(sequence->block, room * sizeof *block);
  if (!block)
    return error_oom(err);
  sequence->block = block;
  void **address = realloc(sequence->address, room * sizeof *address);
  if (!address)
    return error_oom(err);
  sequence->address = address;
  sequence->room = room;
  return 0;
}

int sequence_fork(const struct sequence *sequence, struct sequence **out, struct tfm_error *err) {
  uint32_t blocks = blocks_for(sequence, sequence->length);
  if (sequence_create(sequence->cache, out, err) != 0)
    return -1;
  if (grow_table(*out, blocks, err) != 0) {
    sequence_destroy(*out);
    *out = NULL;
    return -1;
  }
  for (uint32_t i = 0; i < blocks; i++) {
    cache_share(sequence->cache, sequence->block[i]);
    (*out)->block[i] = sequence->block[i];
    (*out)->address[i] = sequence->address[i];
  }
  (*out)->blocks = blocks;
  (*out)->length = sequence->length;
  (*out)->now = sequence->now;
  if (sequence->now.held)
    cache_share(cache_tensors(sequence->cache), sequence->now.number);
  return 0;
}

int sequence_truncate(struct sequence *sequence, int64_t length, struct tfm_error *err) {
  if (length < 0 || length > sequence->length)
    return error_set(err, TFM_ERROR_USAGE, "%lld tokens cannot be cut to %lld",
                     (long long)sequence->length, (long long)length);
  if (length < sequence->length && sequence->now.held) {
    length = 0;
    drop_now(sequence);
  }
  sequence->length = length;
  sequence_trim(sequence);
  return 0;
}

void sequence_trim(struct sequence *sequence) {
  keep_blocks(sequence, blocks_for(sequence, sequence->length));
  drop_next(sequence);
}

/* The block that is begun, for this sequence alone.  The others' reference is given up
 * after the copy: whoever then finds itself alone may write at once. */
static int own_last(struct sequence *sequence, struct tfm_error *err) {
  int64_t tokens = sequence->blocks ? sequence->length % CACHE_BLOCK : 0;
  uint32_t at = (uint32_t)(sequence->length / CACHE_BLOCK), block;
  if (tokens == 0 || !cache_shared(sequence->cache, sequence->block[at]))
    return 0;
  if (cache_take(sequence->cache, &block, err) != 0)
    return -1;
  void *address = cache_address(sequence->cache, block);
  cache_copy(sequence->cache, address, sequence->address[at], tokens);
  cache_release(sequence->cache, sequence->block[at]);
  sequence->block[at] = block;
  sequence->address[at] = address;
  return 0;
}

/* Where the step writes its tensors. */
static int take_next(struct sequence *sequence, struct tfm_error *err) {
  struct cache *tensors = cache_tensors(sequence->cache);
  if (!tensors || sequence->next.held)
    return 0;
  if (cache_take(tensors, &sequence->next.number, err) != 0)
    return -1;
  sequence->next.held = true;
  sequence->next.address = cache_address(tensors, sequence->next.number);
  return 0;
}

int sequence_reserve(struct sequence *sequence, int64_t count, struct tfm_error *err) {
  int64_t total;
  if (count < 0 || sequence->length > INT32_MAX - count)
    return error_set(err, TFM_ERROR_LIMIT, "a sequence of %lld and %lld tokens is too long",
                     (long long)sequence->length, (long long)count);
  total = sequence->length + count;
  if (take_next(sequence, err) != 0)
    return -1;
  if (count == 0)
    return 0;
  uint32_t before = sequence->blocks, blocks = blocks_for(sequence, total);
  if (grow_table(sequence, blocks, err) != 0)
    return drop_next(sequence), -1;
  while (sequence->blocks < blocks) {
    uint32_t block;
    if (cache_take(sequence->cache, &block, err) != 0)
      break;
    sequence->block[sequence->blocks] = block;
    sequence->address[sequence->blocks++] = cache_address(sequence->cache, block);
  }
  if (sequence->blocks >= blocks && own_last(sequence, err) == 0)
    return 0;
  keep_blocks(sequence, before);
  return drop_next(sequence), -1;
}

void sequence_advance(struct sequence *sequence, int64_t count) {
  sequence->length += count;
  if (count == 0 || !sequence->next.held)
    return;
  drop_now(sequence);
  sequence->now = sequence->next;
  sequence->next.held = false;
}
