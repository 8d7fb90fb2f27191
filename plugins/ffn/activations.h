/* activations.h - the activations on vectors, and the kernels that use them;
 * included once for each instruction set. */
#ifndef TFM_PLUGINS_FFN_ACTIVATIONS_H
#define TFM_PLUGINS_FFN_ACTIVATIONS_H

#include "plugins/common/vmath.h"
#include "plugins/ffn/activation.h"
#include "plugins/ffn/ffn.h"

SIMD_INLINE vec act_gelu(vec x) {
  vec half = vec_mul(vec_set(0.5f), x);
  return vec_mul(half, vec_add(vec_set(1.0f), vec_erf_scaled(x)));
}

/* 0.5 x (1 + tanh u) = x sigmoid(2 u) */
SIMD_INLINE vec act_gelu_tanh(vec x) {
  vec cube = vec_mul(vec_mul(x, x), vec_mul(x, vec_set(2 * 0.7978845608f * 0.044715f)));
  return vec_mul(x, vec_sigmoid(vec_fma(x, vec_set(2 * 0.7978845608f), cube)));
}

SIMD_INLINE vec act_quick_gelu(vec x) {
  return vec_mul(x, vec_sigmoid(vec_mul(vec_set(1.702f), x)));
}

SIMD_INLINE vec act_relu(vec x) {
  return vec_if_less(x, vec_set(0), vec_set(0), x);
}

SIMD_INLINE vec act_silu(vec x) {
  return vec_mul(x, vec_sigmoid(x));
}

/* vec_max and vec_min give their second operand where one is NaN. */
SIMD_INLINE vec act_gelu_10(vec x) {
  return vec_min(vec_set(10), vec_max(vec_set(-10), act_gelu(x)));
}

SIMD_INLINE vec act_relu2(vec x) {
  vec v = act_relu(x);
  return vec_mul(v, v);
}

SIMD_INLINE vec act_relu6(vec x) {
  return vec_min(vec_set(6), act_relu(x));
}

SIMD_INLINE vec act_leaky_relu(vec x) {
  return vec_if_less(x, vec_set(0), vec_mul(x, vec_set(0.01f)), x);
}

SIMD_INLINE vec act_hardswish(vec x) {
  return vec_div(vec_mul(x, act_relu6(vec_add(x, vec_set(3)))), vec_set(6));
}

/* tanh(log(1 + n)) = n (n + 2) / (n (n + 2) + 2), n = e^x; from 20 on it rounds to 1. */
SIMD_INLINE vec act_mish(vec x) {
  vec n = vec_exp(vec_min(vec_set(20), x)), two = vec_set(2);
  vec m = vec_mul(n, vec_add(n, two));
  return vec_mul(x, vec_div(m, vec_add(m, two)));
}

SIMD_INLINE vec act_tangent(vec x) {
  return vec_tanh(x);
}

SIMD_INLINE vec act_logistic(vec x) {
  return vec_sigmoid(x);
}

SIMD_INLINE vec act_identity(vec x) {
  return x;
}

#define ACTIVATION_LOOP(id, function)                                                              \
  SIMD_TARGET static void loop_##function(const float *x, float *out, int64_t count) {             \
    int64_t i = 0;                                                                                 \
    for (; i + VEC_WIDTH <= count; i += VEC_WIDTH)                                                 \
      vec_store(out + i, act_##function(vec_load(x + i)));                                         \
    if (i < count)                                                                                 \
      vec_store_part(out + i, act_##function(vec_load_part(x + i, count - i)), count - i);         \
  }
ACTIVATIONS(ACTIVATION_LOOP)

#define ACTIVATION_ENTRY(id, function) [ACTIVATION_##id] = loop_##function,
static activation_fn *const table[ACTIVATION_COUNT] = {ACTIVATIONS(ACTIVATION_ENTRY)};

static tfm_status prepare(const tfm_host *host, const tfm_node *node,
                          const tfm_tensor *const *weight, void **instance) {
  (void)weight;
  return activation_prepare(host, node, table, instance);
}

const tfm_kernel_desc SIMD_NAME(activation) = {
    .cpu_need = {SIMD_NEED},
    .score = SIMD_SCORE,
    .prepare = prepare,
    .run = activation_run,
    .destroy = activation_destroy,
    KERNEL_OF("activation", SIMD_LABEL, TFM_KERNEL_INPLACE_OK),
};

const tfm_kernel_desc SIMD_NAME(ffn) = {
    .cpu_need = {SIMD_NEED},
    .score = SIMD_SCORE,
    .prepare = prepare,
    .workspace = ffn_workspace,
    .run = ffn_run,
    .destroy = activation_destroy,
    KERNEL_OF("ffn", SIMD_LABEL, 0),
};

const tfm_kernel_desc SIMD_NAME(gated_ffn) = {
    .cpu_need = {SIMD_NEED},
    .score = SIMD_SCORE,
    .prepare = prepare,
    .workspace = gated_ffn_workspace,
    .run = gated_ffn_run,
    .destroy = activation_destroy,
    KERNEL_OF("gated_ffn", SIMD_LABEL, 0),
};

const tfm_kernel_desc SIMD_NAME(expert_ffn) = {
    .cpu_need = {SIMD_NEED},
    .score = SIMD_SCORE,
    .prepare = prepare,
    .workspace = expert_ffn_workspace,
    .run = expert_ffn_run,
    .destroy = activation_destroy,
    KERNEL_OF("expert_ffn", SIMD_LABEL, 0),
};

#endif
