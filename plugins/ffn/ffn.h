/* ffn.h - linear layers and the nets made of two or three of them. */
#ifndef TFM_PLUGINS_FFN_FFN_H
#define TFM_PLUGINS_FFN_FFN_H

#include "plugins/common/kernel.h"
#include "plugins/ffn/activation.h"
#include "tfm/plugin.h"

/* ---- by host->gemm: linear.c */

/* The product x . weight + bias for run->weight[slot] and [slot + 1]: x is
 * [rows, I], c is [rows, O], both contiguous. */
tfm_gemm linear_problem(const tfm_run *run, uint32_t slot, int64_t rows, const float *x, float *c);

/* ---- by plain loops, the meaning: naive.c */

enum { NAIVE_LAYERS = 3 };
/* The node's weights in f32, two slots a layer, in the order of the schema. */
struct naive {
  uint32_t count;
  activation_fn *apply; /* of the nets, set by their own prepare */
  struct naive_layer {
    int64_t in, out;
    float *weight; /* [out, in] */
    float *bias;   /* [out] or NULL */
  } layer[NAIVE_LAYERS];
};
tfm_status naive_prepare(const tfm_host *host, const tfm_node *node,
                         const tfm_tensor *const *weight, void **instance);
void naive_destroy(const tfm_host *host, void *instance);
/* out[o] = sum_i x[i] weight[o, i] + bias[o], for one row */
void naive_row(const struct naive_layer *layer, const float *x, float *out);

/* ---- the nets: hidden rows at once, so that scratch memory has a bound */

enum { FFN_ROWS = 512 };
tfm_status ffn_workspace(const tfm_host *host, const void *instance, const tfm_run *run,
                         size_t *bytes);
tfm_status ffn_run(const tfm_host *host, const void *instance, const tfm_run *run);
tfm_status gated_ffn_workspace(const tfm_host *host, const void *instance, const tfm_run *run,
                               size_t *bytes);
tfm_status gated_ffn_run(const tfm_host *host, const void *instance, const tfm_run *run);

tfm_status expert_ffn_workspace(const tfm_host *host, const void *instance, const tfm_run *run,
                                size_t *bytes);
tfm_status expert_ffn_run(const tfm_host *host, const void *instance, const tfm_run *run);

/* Memory for tap `index` of [..., width], the leading dimensions those of
 * input 0; NULL when nobody wants it. */
float *ffn_tap(const tfm_host *host, const tfm_run *run, uint32_t index, int64_t width);

#define OP(id)     extern const tfm_op_desc id##_op;
#define KERNEL(id) extern const tfm_kernel_desc id;
/* Each is made by the header that is included once for each instruction set. */
#define ISAS(id) extern const tfm_kernel_desc id##_base, id##_avx2, id##_avx512;
#include "plugins/ffn/ops.def"
#undef OP
#undef KERNEL
#undef ISAS

/* What naive takes: a matrix and its bias, up to three times. */
extern const uint64_t ffn_weight_dtypes[7];

#endif
