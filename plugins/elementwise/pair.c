/* pair.c - strides of two operands, and as few and long rows as they allow. */
#include "plugins/elementwise/pair.h"

/* Elements from index to index along each dim of `shape`; 0 where the operand repeats. */
static void strides_of(const tfm_tensor *t, const int64_t *shape, uint32_t rank, int64_t *stride) {
  int64_t step = 1;
  for (uint32_t d = rank; d-- > 0;) {
    uint32_t own = d + t->rank - rank;
    int64_t size = d + t->rank >= rank ? t->shape[own] : 1;
    stride[d] = size == 1 && shape[d] != 1 ? 0 : step;
    step *= size;
  }
}

/* Dims d and d + 1 as one: both operands go on from the end of a row to the next, or stay. */
static int merges(const struct pair *p, uint32_t d) {
  int64_t size = p->shape[d + 1];
  return p->a_stride[d] == p->a_stride[d + 1] * size && p->b_stride[d] == p->b_stride[d + 1] * size;
}

static void drop(struct pair *p, uint32_t d) {
  p->rank--;
  for (uint32_t i = d; i < p->rank; i++) {
    p->shape[i] = p->shape[i + 1];
    p->a_stride[i] = p->a_stride[i + 1];
    p->b_stride[i] = p->b_stride[i + 1];
  }
}

static void simplify(struct pair *p) {
  for (uint32_t d = p->rank; d-- > 0;)
    if (p->shape[d] == 1)
      drop(p, d);
  for (uint32_t d = p->rank; d-- > 1;)
    if (merges(p, d - 1)) {
      p->shape[d] *= p->shape[d - 1];
      drop(p, d - 1);
    }
  p->width = p->rows = p->a_step = p->b_step = 1;
  if (p->rank > 0) {
    p->rank--;
    p->width = p->shape[p->rank];
    p->a_step = p->a_stride[p->rank];
    p->b_step = p->b_stride[p->rank];
  }
  for (uint32_t d = 0; d < p->rank; d++)
    p->rows *= p->shape[d];
}

/* Is it one for each row of the batch, where the result lies end to end? */
static int is_by_row(const tfm_tensor *t, const tfm_tensor *out) {
  return out->begin && !t->begin && t->rank == out->rank && t->shape[0] > 1;
}

void pair_each(const tfm_run *run, size_t size, void (*body)(void *arg, struct pair *pair),
               void *arg) {
  const tfm_tensor *a = run->input[0], *b = run->input[1], *out = run->output[0];
  int by_row = is_by_row(a, out) || is_by_row(b, out);
  int64_t count = by_row ? tfm_row_count(run, out) : 1;
  for (int64_t row = 0; row < count; row++) {
    struct pair p = {.a = a->data, .b = b->data, .out = out->data, .rank = out->rank};
    int64_t elements = 1;
    for (uint32_t d = 0; d < out->rank; d++)
      p.shape[d] = out->shape[d];
    if (by_row) {
      p.shape[0] = 1;
      p.shape[1] = tfm_row_begin(out, row + 1) - tfm_row_begin(out, row);
    }
    for (uint32_t d = 0; d < out->rank; d++)
      elements *= p.shape[d];
    if (elements == 0)
      continue;
    strides_of(a, out->shape, out->rank, p.a_stride);
    strides_of(b, out->shape, out->rank, p.b_stride);
    if (by_row) {
      int64_t begin = tfm_row_begin(out, row), own = 1;
      for (uint32_t d = 2; d < out->rank; d++)
        own *= out->shape[d];
      p.a = (const char *)p.a +
            (is_by_row(a, out) ? row * p.a_stride[0] : begin * p.a_stride[1]) * (int64_t)size;
      p.b = (const char *)p.b +
            (is_by_row(b, out) ? row * p.b_stride[0] : begin * p.b_stride[1]) * (int64_t)size;
      p.out = (char *)p.out + begin * own * (int64_t)size;
    }
    simplify(&p);
    body(arg, &p);
  }
}
