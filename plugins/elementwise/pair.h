/* pair.h - the elements of two tensors whose dims agree, side by side.
 *
 * The result's elements lie in rows; along a row an operand goes on by one element,
 * or stays where it is:
 *
 *     a [B, T, D], b [B, T, D]     one row, both go on
 *     a [B, T, D], b [D]           B * T rows of D, both go on
 *     a [B, T, D], b [B, T, 1]     B * T rows of D, b stays
 *
 * Where the rows of the batch lie end to end, what is [B, 1, D] is taken a row of the
 * batch at a time. */
#ifndef TFM_PLUGINS_ELEMENTWISE_PAIR_H
#define TFM_PLUGINS_ELEMENTWISE_PAIR_H

#include "tfm/plugin.h"

struct pair {
  const void *a, *b;
  void *out;
  int64_t rows, width;
  int64_t a_step, b_step; /* along a row: 1 or 0 */
  uint32_t rank;          /* of what the rows are counted in */
  int64_t shape[TFM_MAX_RANK];
  int64_t a_stride[TFM_MAX_RANK], b_stride[TFM_MAX_RANK]; /* elements, 0 = stays */
};

/* Where row r begins in the operands, in elements. */
static inline void pair_row(const struct pair *pair, int64_t r, int64_t *a, int64_t *b) {
  *a = *b = 0;
  for (uint32_t d = pair->rank; d-- > 0 && r > 0;) {
    int64_t index = r % pair->shape[d];
    r /= pair->shape[d];
    *a += index * pair->a_stride[d];
    *b += index * pair->b_stride[d];
  }
}

/* Calls body with each pair that the inputs and the output of the run are made of. */
void pair_each(const tfm_run *run, size_t size, void (*body)(void *arg, struct pair *pair),
               void *arg);

#endif
