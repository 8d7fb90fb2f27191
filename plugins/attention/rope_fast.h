/* rope_fast.h - rotary positions on vectors; included once for each
 * instruction set.  The sines of a token serve all its heads. */
#ifndef TFM_PLUGINS_ATTENTION_ROPE_FAST_H
#define TFM_PLUGINS_ATTENTION_ROPE_FAST_H

#include "plugins/attention/attention.h"
#include "plugins/attention/rope.h"
#include "plugins/common/vmath.h"

#include <math.h>
#include <string.h>

enum { ROPE_ELEMENTS_A_PIECE = 8192 };

struct rope_work {
  const struct rope *rope;
  const float *x;
  const int32_t *pos;
  float *out;             /* may be x */
  float *waves;           /* [lanes, 2, padded half]: cosines and sines */
  const float *frequency; /* [half] */
};

static int64_t rope_padded(int64_t half) {
  return (half + 15) / 16 * 16;
}

SIMD_TARGET static void rope_waves(const struct rope_work *work, float pos, float *cosines,
                                   float *sines) {
  int64_t half = work->rope->half;
  vec scale = vec_set(work->rope->scale); /* 1 changes nothing */
  for (int64_t d = 0; d < half; d += VEC_WIDTH) {
    vec angle = vec_mul(vec_set(pos), vec_load_upto(work->frequency + d, half - d));
#if defined(SIMD_AVX512) || defined(SIMD_AVX2)
    vec sine, cosine;
    vec_sincos(angle, &sine, &cosine);
    vec_store(cosines + d, vec_mul(cosine, scale));
    vec_store(sines + d, vec_mul(sine, scale));
#else
    for (int i = 0; i < VEC_WIDTH; i++) {
      cosines[d + i] = cosf(angle[i]) * scale[i];
      sines[d + i] = sinf(angle[i]) * scale[i];
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

SIMD_TARGET static void rope_turn_neighbours(const float *x, float *out, int64_t half,
                                             const float *cosines, const float *sines) {
  for (int64_t d = 0; d < half; d++) {
    float a = x[2 * d], b = x[2 * d + 1];
    out[2 * d] = a * cosines[d] - b * sines[d];
    out[2 * d + 1] = b * cosines[d] + a * sines[d];
  }
}

static void rope_rows(void *arg, int64_t begin, int64_t end, uint32_t lane) {
  const struct rope_work *work = arg;
  const struct rope *rope = work->rope;
  int64_t half = rope->half, heads = rope->heads, padded = rope_padded(half);
  int64_t rest = rope->size - 2 * half;
  float *cosines = work->waves + 2 * padded * (int64_t)lane, *sines = cosines + padded;
  for (int64_t i = begin; i < end; i++) {
    rope_waves(work, (float)work->pos[i], cosines, sines);
    for (int64_t h = 0; h < heads; h++) {
      const float *x = work->x + (i * heads + h) * rope->size;
      float *out = work->out + (i * heads + h) * rope->size;
      (rope->neighbours ? rope_turn_neighbours : rope_turn)(x, out, half, cosines, sines);
      if (rest > 0 && out != x)
        memcpy(out + 2 * half, x + 2 * half, (size_t)rest * sizeof *out);
    }
  }
}

/* Tokens [begin, end) of all. */
static void rope_some(const tfm_host *host, const struct rope_work *work, int64_t begin,
                      int64_t end) {
  struct rope_work some = *work;
  int64_t token = work->rope->heads * work->rope->size;
  some.x += begin * token;
  some.out += begin * token;
  some.pos += begin;
  if (token > 0)
    host->parallel_for(host, end - begin, ROPE_ELEMENTS_A_PIECE / token + 1, rope_rows, &some);
}

static tfm_status rope_run(const tfm_host *host, const void *instance, const tfm_run *run) {
  const struct rope *rope = instance;
  const tfm_tensor *x = run->input[0], *pos = run->input[1];
  float *room = run->workspace;
  struct rope_work work = {
      rope,           x->data, pos->data, run->output[0]->data, room + rope_padded(rope->half),
      rope->frequency};
  if (rope->limit == 0) {
    rope_some(host, &work, 0, x->shape[0] * x->shape[1]);
    return TFM_OK;
  }
  for (int64_t b = 0; b < tfm_row_count(run, pos); b++) {
    work.frequency = rope_of_length(rope, rope_length(run, b), room);
    rope_some(host, &work, tfm_row_begin(pos, b), tfm_row_begin(pos, b + 1));
  }
  return TFM_OK;
}

static tfm_status rope_workspace(const tfm_host *host, const void *instance, const tfm_run *run,
                                 size_t *bytes) {
  (void)run;
  int64_t padded = rope_padded(((const struct rope *)instance)->half);
  *bytes = (size_t)(padded + 2 * padded * (int64_t)host->lanes(host)) * sizeof(float);
  return TFM_OK;
}

const tfm_kernel_desc SIMD_NAME(rope) = {
    .cpu_need = {SIMD_NEED},
    .score = SIMD_SCORE,
    .prepare = rope_prepare,
    .workspace = rope_workspace,
    .run = rope_run,
    .destroy = rope_destroy,
    KERNEL_OF("rope", SIMD_LABEL, TFM_KERNEL_INPLACE_OK | TFM_KERNEL_KNOWS_ROWS),
};

#endif
