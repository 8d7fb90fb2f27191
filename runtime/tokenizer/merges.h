/* merges.h - a BPE model's merges, and a piece's symbols while they are merged. */
#ifndef TFM_RUNTIME_TOKENIZER_MERGES_H
#define TFM_RUNTIME_TOKENIZER_MERGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct merge {
  uint64_t pair; /* left << 32 | right, plus 1; 0 = free */
  uint32_t rank;
  int32_t id; /* what the pair makes */
};

struct merges {
  struct merge *merge; /* open addressing, at most half full */
  size_t capacity;
  uint64_t factor; /* odd and random */
};

/* false = out of memory.  Room for count pairs. */
bool merges_init(struct merges *merges, size_t count);
void merges_finish(struct merges *merges);
/* A pair that is there already gets the new rank. */
void merges_put(struct merges *merges, int32_t left, int32_t right, uint32_t rank, int32_t id);

struct symbol {
  int32_t id;
  int32_t previous, next; /* -1 at the ends */
  uint32_t length;        /* bytes; 0 = merged into the one before */
  uint32_t rank;          /* of the pair with next; merges.c's */
  int32_t merged;         /* what that pair makes; merges.c's */
};

struct candidate {
  uint32_t rank;
  int32_t at, id;
};

/* Merge symbols[0..count) linked in order.  heap has room for 3 * count. */
void merges_apply(const struct merges *merges, struct symbol *symbol, size_t count,
                  struct candidate *heap);

#endif
