/* portable.c - C11 for any machine, in the same order as the others.
 *
 * Where fused multiply-add is an instruction, fmaf gives the very bits of the
 * vector kernels; elsewhere it would be a slow call, and product and sum are
 * rounded apart, the same way in every loop below.  Inner loops are eight long
 * and known to be, so that compilers use what vectors there are. */
#include "runtime/gemm/isa.h"

#include "base/dtype.h"

#include <math.h>

enum { TILE_M = 4, TILE_N = 8, DIRECT_M = 2 };
_Static_assert(TILE_N *GEMM_BLOCK <= GEMM_DIRECT_M_MAX * GEMM_DIRECT_MAX &&
                   (int)DIRECT_M < (int)GEMM_DIRECT_M_MAX,
               "gemm_direct.sums is too small for widened lines");

static inline float multiply_add(float a, float b, float sum) {
#ifdef FP_FAST_FMAF
  return fmaf(a, b, sum);
#else
  float product = a * b;
  return product + sum;
#endif
}

/* Eight sums side by side need not wait for each other. */
static inline void add_eight(float s[TILE_N], float a, const float w[TILE_N]) {
  for (int i = 0; i < TILE_N; i++)
    s[i] = multiply_add(a, w[i], s[i]);
}

/* count contiguous elements as f32: where they lie, or widened into buffer. */
static const float *line(const struct gemm_piece *w, int64_t n, int64_t k, int64_t count,
                         float *buffer) {
  const char *from = w->data + n * w->n_stride + k * w->k_stride;
  if (w->dtype == TFM_F32)
    return (const float *)(const void *)from;
  dtype_to_f32((enum dtype)w->dtype, from, buffer, (size_t)count);
  return buffer;
}

static bool in_rows(const struct gemm_piece *w) {
  return w->k_stride == (int64_t)dtype_size((enum dtype)w->dtype);
}

/* -------------------------------------------------------------------- pack */

static void pack_rows(const struct gemm_piece *w, float *panels) {
  float buffer[GEMM_BLOCK];
  for (int64_t n = 0; n < (w->n + TILE_N - 1) / TILE_N * TILE_N; n++) {
    float *to = panels + n / TILE_N * (GEMM_BLOCK * TILE_N) + n % TILE_N;
    const float *from = n < w->n ? line(w, n, 0, w->k, buffer) : NULL;
    for (int64_t k = 0; k < w->k; k++)
      to[k * TILE_N] = from != NULL ? from[k] : 0.0f;
  }
}

static void pack_columns(const struct gemm_piece *w, float *panels) {
  float buffer[GEMM_WIDTH_MAX];
  for (int64_t k = 0; k < w->k; k++) {
    const float *from = line(w, 0, k, w->n, buffer);
    for (int64_t n = 0; n < (w->n + TILE_N - 1) / TILE_N * TILE_N; n++)
      panels[n / TILE_N * (GEMM_BLOCK * TILE_N) + k * TILE_N + n % TILE_N] =
          n < w->n ? from[n] : 0.0f;
  }
}

static void pack(const struct gemm_piece *w, float *panels) {
  if (in_rows(w))
    pack_rows(w, panels);
  else
    pack_columns(w, panels);
}

/* -------------------------------------------------------------------- tile */

static void tile_row(const struct gemm_tile *t, const float *a, float *c) {
  float s[TILE_N] = {0};
  for (int64_t k = 0; k < t->k; k++)
    add_eight(s, a[k], t->panel + k * TILE_N);
  for (int i = 0; i < TILE_N; i++) {
    float sum = t->first ? s[i] : c[i] + s[i];
    c[i] = t->bias != NULL ? sum + t->bias[i] : sum;
  }
}

static void tile(const struct gemm_tile *t) {
  for (int i = 0; i < t->m; i++)
    tile_row(t, t->a + i * GEMM_A_STRIDE, t->c + i * t->c_stride);
}

/* ------------------------------------------------------------------ direct */

/* c (+)= the block's sums for eight outputs, one row of a. */
static void eight_rows(const float *const w[TILE_N], const float *a, int64_t count, bool first,
                       int64_t outputs, float *c) {
  float s[TILE_N] = {0};
  for (int64_t k = 0; k < count; k++)
    for (int i = 0; i < TILE_N; i++)
      s[i] = multiply_add(a[k], w[i][k], s[i]);
  for (int64_t i = 0; i < outputs; i++)
    c[i] = first ? s[i] : c[i] + s[i];
}

/* Rows past the last are read as the last. */
static void direct_rows(const struct gemm_direct *d) {
  const struct gemm_piece *w = &d->weight;
  for (int64_t n = 0; n < w->n; n += TILE_N)
    for (int64_t k = 0; k < w->k; k += GEMM_BLOCK) {
      int64_t count = w->k - k < GEMM_BLOCK ? w->k - k : GEMM_BLOCK;
      int64_t outputs = w->n - n < TILE_N ? w->n - n : TILE_N;
      const float *from[TILE_N];
      for (int64_t i = 0; i < TILE_N; i++)
        from[i] = line(w, n + (i < outputs ? i : outputs - 1), k, count, d->sums + i * GEMM_BLOCK);
      for (int i = 0; i < d->m; i++)
        eight_rows(from, d->a + i * d->a_stride + k, count, k == 0, outputs,
                   d->c + i * d->c_stride + n);
    }
}

/* A line of the weight, times one element of a, into the sums. */
static void add_line(const float *w, float a, float *sums, int64_t count) {
  int64_t n = 0;
  for (; n + TILE_N <= count; n += TILE_N)
    add_eight(sums + n, a, w + n);
  for (; n < count; n++)
    sums[n] = multiply_add(a, w[n], sums[n]);
}

static void direct_columns(const struct gemm_direct *d) {
  const struct gemm_piece *w = &d->weight;
  float *buffer = d->sums + DIRECT_M * GEMM_SUMS_STRIDE;
  for (int64_t k = 0; k < w->k;) {
    int64_t end = w->k - k < GEMM_BLOCK ? w->k : k + GEMM_BLOCK;
    bool first = k == 0;
    for (int64_t i = 0; i < d->m * GEMM_SUMS_STRIDE; i++)
      d->sums[i] = 0.0f;
    for (; k < end; k++) {
      const float *from = line(w, 0, k, w->n, buffer);
      for (int i = 0; i < d->m; i++)
        add_line(from, d->a[i * d->a_stride + k], d->sums + i * GEMM_SUMS_STRIDE, w->n);
    }
    for (int i = 0; i < d->m; i++)
      for (int64_t n = 0; n < w->n; n++) {
        float *c = d->c + i * d->c_stride + n, sum = d->sums[i * GEMM_SUMS_STRIDE + n];
        *c = first ? sum : *c + sum;
      }
  }
}

static void direct(const struct gemm_direct *d) {
  if (in_rows(&d->weight))
    direct_rows(d);
  else
    direct_columns(d);
  for (int i = 0; i < d->m && d->bias != NULL; i++)
    for (int64_t n = 0; n < d->weight.n; n++)
      d->c[i * d->c_stride + n] += d->bias[n];
}

const struct gemm_isa gemm_portable = {
    .name = "portable",
    .tile_m = TILE_M,
    .tile_n = TILE_N,
    .direct_m = DIRECT_M,
    .pack = pack,
    .tile = tile,
    .direct = direct,
};
