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
  return 0;
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
  uint32_t blocks = (uint32_t)cache_blocks(sequence->length);
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
  return 0;
}

int sequence_truncate(struct sequence *sequence, int64_t length, struct tfm_error *err) {
  if (length < 0 || length > sequence->length)
    return error_set(err, TFM_ERROR_USAGE, "%lld tokens cannot be cut to %lld",
                     (long long)sequence->length, (long long)length);
  sequence->length = length;
  sequence_trim(sequence);
  return 0;
}

void sequence_trim(struct sequence *sequence) {
  keep_blocks(sequence, (uint32_t)cache_blocks(sequence->length));
}

/* The block that is begun, for this sequence alone.  The others' reference is given up
 * after the copy: whoever then finds itself alone may write at once. */
static int own_last(struct sequence *sequence, struct tfm_error *err) {
  int64_t tokens = sequence->length % CACHE_BLOCK;
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

int sequence_reserve(struct sequence *sequence, int64_t count, struct tfm_error *err) {
  int64_t total;
  if (count < 0 || sequence->length > INT32_MAX - count)
    return error_set(err, TFM_ERROR_LIMIT, "a sequence of %lld and %lld tokens is too long",
                     (long long)sequence->length, (long long)count);
  total = sequence->length + count;
  if (count == 0)
    return 0;
  uint32_t before = sequence->blocks, blocks = (uint32_t)cache_blocks(total);
  if (grow_table(sequence, blocks, err) != 0)
    return -1;
  while (sequence->blocks < blocks) {
    uint32_t block;
    if (cache_take(sequence->cache, &block, err) != 0) {
      keep_blocks(sequence, before);
      return -1;
    }
    sequence->block[sequence->blocks] = block;
    sequence->address[sequence->blocks++] = cache_address(sequence->cache, block);
  }
  if (own_last(sequence, err) == 0)
    return 0;
  keep_blocks(sequence, before);
  return -1;
}

void sequence_advance(struct sequence *sequence, int64_t count) {
  sequence->length += count;
}
