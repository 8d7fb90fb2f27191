/* norm.h - what the norms share: an instance, and a loop over rows.
 *
 * A norm works on one row at a time, so its result cannot depend on the
 * batch; rows are shared out to the lanes. */
#ifndef TFM_PLUGINS_NORM_NORM_H
#define TFM_PLUGINS_NORM_NORM_H

#include "plugins/common/kernel.h"
#include "tfm/plugin.h"

struct norm;
/* x, out: [width]; the same memory, or apart. */
typedef void norm_row(const struct norm *norm, const float *x, float *out);

/* sum = a + b, [width] each; sum may be a. */
typedef void norm_add(const float *a, const float *b, float *sum, int64_t width);

struct norm {
  norm_row *row;
  norm_add *add;
  int64_t width; /* of a run */
  double eps;
  float *weight; /* [width], or NULL */
  float *bias;   /* [width], or NULL */
};

/* What a kernel's prepare does, given how it works on a row. */
tfm_status norm_prepare(const tfm_host *host, const tfm_node *node, const tfm_tensor *const *weight,
                        norm_row *row, norm_add *add, void **instance);
void norm_destroy(const tfm_host *host, void *instance);
norm_add norm_add_reference;

/* out = norm(x) */
tfm_status norm_run(const tfm_host *host, const void *instance, const tfm_run *run);
/* sum = a + b, out = norm(sum) */
tfm_status norm_run_sum(const tfm_host *host, const void *instance, const tfm_run *run);

/* What all kernels of norms say of themselves. */
#define NORM_KERNEL(op, name, flags, kernel_prepare, kernel_run)                                   \
  KERNEL_OF(op, name, TFM_KERNEL_INPLACE_OK | (flags)),                                            \
      .prepare = (kernel_prepare), .run = (kernel_run), .destroy = norm_destroy

#define OP(id)     extern const tfm_op_desc id##_op;
#define KERNEL(id) extern const tfm_kernel_desc id;
/* Each is made by the header that is included once for each instruction set. */
#define ISAS(id) extern const tfm_kernel_desc id##_base, id##_avx2, id##_avx512;
#include "plugins/norm/ops.def"
#undef OP
#undef KERNEL
#undef ISAS

#endif
