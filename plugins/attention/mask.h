/* mask.h - a mask formula, evaluated for one key or for 64 keys at once.
 *
 * 64 keys are one word, bit i for key first + i, so that a formula over a
 * block of keys costs a few instructions and no matrix is ever made. */
#ifndef TFM_PLUGINS_ATTENTION_MASK_H
#define TFM_PLUGINS_ATTENTION_MASK_H

#include "tfm/plugin.h"

#include <stdbool.h>

/* Is it a formula, and do its tensors have rows for this batch and its tokens?
 * NULL is: everything is allowed. */
tfm_status mask_check(const tfm_host *host, const tfm_mask *mask, int64_t batch, int64_t tokens);

/* May query t of batch row b, at position p, attend to key s? */
bool mask_allows(const tfm_mask *mask, int64_t b, int64_t t, int64_t p, int64_t s);

/* Keys [first, first + count), count <= 64, of batch row b. */
struct mask_block {
  const tfm_mask *mask;
  int64_t b, first, count;
  uint64_t padding[TFM_MASK_TERMS]; /* the word of each PADDING term */
};
void mask_block_open(struct mask_block *block, const tfm_mask *mask, int64_t b, int64_t first,
                     int64_t count);
uint64_t mask_block_row(const struct mask_block *block, int64_t t, int64_t p);

/* A key before which batch row b allows none, whoever asks: the end of its
 * padding on the left, or 0. */
int64_t mask_origin(const tfm_mask *mask, int64_t b);

#endif
