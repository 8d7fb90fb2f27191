/* rope_fast.h - rotary positions on vectors; included once for each
 * instruction set.  The sines of a token serve all its heads. */
#ifndef TFM_PLUGINS_ATTENTION_ROPE_FAST_H
#define TFM_PLUGINS_ATTENTION_ROPE_FAST_H

#include "plugins/attention/attention.h"
#include "plugins/attention/rope.h"
#include "plugins/common/vmath.h"

#include <math.h>

enum { ROPE_ELEMENTS_A_PIECE = 8192 };

struct rope_work {
  const struct rope *rope;
  const float *x;
  const int32_t *pos;
  float *out;   /* may be x */
  float *waves; /* [lanes, 2, padded half]: cosines and sines */
};

static int64_t rope_padded(int64_t half) {
  return (half + 15) / 16 * 16;
}

SIMD_TARGET static void rope_waves(const struct rope *rope, float pos, float *cosines,
                                   float *sines) {
  for (int64_t d = 0; d < rope->half; d += VEC_WIDTH) {
    vec angle = vec_mul(vec_set(pos), vec_load_upto(rope->frequency + d, rope->half - d));
#if defined(SIMD_AVX512) || defined(SIMD_AVX2)
    vec sine, cosine;
    vec_sincos(angle, &sine, &cosine);
    vec_store(cosines + d, cosine);
    vec_store(sines + d, sine);
#else
    for (int i = 0; i < VEC_WIDTH; i++) {
      cosines[d + i] = cosf(angle[i]);
      sines[d + i] = sinf(angle[i]);
    }
#endif
  }
}

SIMD_TARGET static void rope_turn(const float *x, float *out, int64_t half, const float *cosines,
                                  const float *sines) {
  for (int64_t d = 0; d < half; d += VEC_WIDTH) {
    int64_t n = half - d;
    vec a = vec_load_upto(x + d, n), b = vec_load_upto(x + half + d, n);
    vec c = vec_load(cosines + d), s = vec_load(sines + d);
    vec_store_upto(out + d, vec_fnma(b, s, vec_mul(a, c)), n);
    vec_store_upto(out + half + d, vec_fma(a, s, vec_mul(b, c)), n);
  }
}

static void rope_rows(void *arg, int64_t begin, int64_t end, uint32_t lane) {
  const struct rope_work *work = arg;
  int64_t half = work->rope->half, heads = work->rope->heads, padded = rope_padded(half);
  float *cosines = work->waves + 2 * padded * (int64_t)lane, *sines = cosines + padded;
  for (int64_t i = begin; i < end; i++) {
    rope_waves(work->rope, (float)work->pos[i], cosines, sines);
    for (int64_t h = 0; h < heads; h++) {
      int64_t at = (i * heads + h) * 2 * half;
      rope_turn(work->x + at, work->out + at, half, cosines, sines);
    }
  }
}

static tfm_status rope_run(const tfm_host *host, const void *instance, const tfm_run *run) {
  struct rope_work work = {instance, run->input[0]->data, run->input[1]->data, run->output[0]->data,
                           run->workspace};
  int64_t width = run->input[0]->shape[2] * run->input[0]->shape[3];
  if (width > 0)
    host->parallel_for(host, run->input[0]->shape[0] * run->input[0]->shape[1],
                       ROPE_ELEMENTS_A_PIECE / width + 1, rope_rows, &work);
  return TFM_OK;
}

static tfm_status rope_workspace(const tfm_host *host, const void *instance, const tfm_run *run,
                                 size_t *bytes) {
  (void)run;
  int64_t padded = rope_padded(((const struct rope *)instance)->half);
  *bytes = (size_t)(2 * padded * (int64_t)host->lanes(host)) * sizeof(float);
  return TFM_OK;
}

const tfm_kernel_desc SIMD_NAME(rope) = {
    .cpu_need = {SIMD_NEED},
    .score = SIMD_SCORE,
    .prepare = rope_prepare,
    .workspace = rope_workspace,
    .run = rope_run,
    .destroy = rope_destroy,
    KERNEL_OF("rope", SIMD_LABEL, TFM_KERNEL_INPLACE_OK),
};

#endif
