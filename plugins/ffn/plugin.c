/* plugin.c - the plugin `ffn`. */
#include "plugins/ffn/ffn.h"

static const tfm_op_desc *const ops[] = {
    &linear_op, &linear3_op,   &linear_add_op, &matmul_op,     &activation_op,
    &ffn_op,    &gated_ffn_op, &top_k_op,      &expert_ffn_op,
};

static const tfm_kernel_desc *const kernels[] = {
    &linear_reference, &linear3_reference,   &linear_add_reference, &activation_reference,
    &ffn_reference,    &gated_ffn_reference, &linear_gemm,          &linear3_gemm,
    &linear_add_gemm,  &top_k_reference,     &expert_ffn_reference, &expert_ffn_base,
    &matmul_gemm,      &matmul_reference,    &activation_base,      &ffn_base,
    &gated_ffn_base,
#if defined(__x86_64__)
    &expert_ffn_avx2,  &expert_ffn_avx512,   &activation_avx2,      &ffn_avx2,
    &gated_ffn_avx2,   &activation_avx512,   &ffn_avx512,           &gated_ffn_avx512,
#endif
};

static const tfm_plugin_desc plugin = {
    .struct_size = sizeof(tfm_plugin_desc),
    .name = "ffn",
    .version = "0.1.0",
    .schema_major = 1,
    .core = 1,
    .summary = "linear layers, activations, and feed-forward nets with and without a gate",
    .license = "MIT",
    .op_count = sizeof ops / sizeof ops[0],
    .kernel_count = sizeof kernels / sizeof kernels[0],
    .op = ops,
    .kernel = kernels,
};

TFM_PLUGIN("ffn", 0, &plugin)
