/* merges.h - a BPE model's merges, and a piece's symbols while they are merged. */
#ifndef TFM_TOKENIZER_MERGES_H
#define TFM_TOKENIZER_MERGES_H

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
  size_t count;
  unsigned bits;   /* 1 << bits places */
  uint64_t factor; /* odd and random */
};

/* false = out of memory.  Room for count pairs, more as they come. */
bool merges_init(struct merges *merges, size_t count);
void merges_finish(struct merges *merges);
static inline struct merge merges_entry(int32_t left, int32_t right, uint32_t rank, int32_t id) {
  uint64_t pair = ((uint64_t)(uint32_t)left << 32 | (uint32_t)right) + 1;
  return (struct merge){pair, rank, id};
}
/* Ask for the memory that merges_put will need. */
static inline void merges_prefetch(const struct merges *merges, const struct merge *merge) {
  __builtin_prefetch(&merges->merge[(merge->pair * merges->factor) >> (64 - merges->bits)]);
}
/* A pair that is there already gets the new rank.  false = out of memory. */
bool merges_put(struct merges *merges, const struct merge *merge);

struct symbol {
  int32_t id;             /* -1 = merged into the one before */
  int32_t previous, next; /* -1 at the ends */
  uint32_t length;        /* bytes of the text; 0 = none, see bpe.c's add_bytes */
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
