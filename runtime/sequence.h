/* sequence.h - what a row has seen so far: how many tokens, and in which blocks.
 *
 *     length 150      blocks  [ 7 | 3 | 9 ]      64 + 64 + 22 tokens
 *     its fork        blocks  [ 7 | 3 | 9 ]      shared until one of them grows:
 *     after a step    blocks  [ 7 | 3 | 4 ]      the block that is begun is copied
 *
 * Where the model keeps tensors, it has a block of those besides.  A step reads the one and
 * writes another, so that a step that fails has changed nothing and a fork shares for free:
 *
 *     now 5, next 8   --a step-->   now 8          5 goes back, or stays a fork's
 *
 * A sequence lives apart from any batch.  One thread at a time may use it;
 * sequences that share blocks may be used by threads of their own. */
#ifndef TFM_RUNTIME_SEQUENCE_H
#define TFM_RUNTIME_SEQUENCE_H

#include "base/error.h"
#include "runtime/cache.h"

#include <stdbool.h>
#include <stdint.h>

struct sequence {
  struct cache *cache;
  int64_t length;        /* tokens */
  uint32_t blocks, room; /* in the table: at least those that length needs */
  uint32_t *block;       /* [room]: numbers */
  void **address;        /* [room]: where they lie, what kernels are handed */
  bool stepping;         /* in a step that runs */
  struct {
    bool held;       /* is there one? */
    uint32_t number; /* in cache_tensors */
    void *address;
  } now, next; /* what it has; what a step writes.  now: not held = zeros.  Without
                  tensors neither has an address */
};

/* Of no tokens.  The cache must live longer. */
int sequence_create(struct cache *cache, struct sequence **out, struct tfm_error *err);
void sequence_destroy(struct sequence *sequence);
/* A second one that goes on from the same tokens: no token is copied. */
int sequence_fork(const struct sequence *sequence, struct sequence **out, struct tfm_error *err);
/* Forget what comes after the first `length` tokens, and give its blocks back.  Tensors have
 * no way back: where there are any, and a token is forgotten, all are, and the length is 0
 * after it. */
int sequence_truncate(struct sequence *sequence, int64_t length, struct tfm_error *err);

/* Blocks for `count` more tokens, that nobody else holds, and one for the tensors after
 * them.  After a failure the sequence is as it was.  Allocates where the table grows (it doubles),
 * or the cache. */
int sequence_reserve(struct sequence *sequence, int64_t count, struct tfm_error *err);
/* The step has written so many. */
void sequence_advance(struct sequence *sequence, int64_t count);
/* Give back what was reserved and not used. */
void sequence_trim(struct sequence *sequence);

#endif
