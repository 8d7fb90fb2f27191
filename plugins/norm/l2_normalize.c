/* l2_normalize.c - vectors of length one: schema and reference kernel. */
#include "plugins/common/weights.h"
#include "plugins/norm/norm.h"

#include <math.h>

const tfm_op_desc l2_normalize_op = {
    OP_OF("## x / max(|x|, eps), |x| the Euclidean norm over the last dimension.\n"
          "op l2_normalize(x: [..., D]; ; eps: real = 1e-12) -> [..., D]\n"),
    .flags = TFM_OP_KEEPS_TOKENS, .role = TFM_ROLE_UNIT};

/* The instance: eps. */
static tfm_status prepare(const tfm_host *host, const tfm_node *node,
                          const tfm_tensor *const *weight, void **instance) {
  (void)weight;
  double *eps = host->alloc(host, sizeof *eps);
  if (!eps)
    return TFM_NO_MEMORY;
  *eps = tfm_attr_real(node, "eps", 1e-12);
  *instance = eps;
  return TFM_OK;
}

static void destroy(const tfm_host *host, void *instance) {
  if (instance)
    host->release(host, instance);
}

static tfm_status run(const tfm_host *host, const void *instance, const tfm_run *run) {
  (void)host;
  const tfm_tensor *x = run->input[0];
  int64_t width = x->shape[x->rank - 1], count = width > 0 ? tensor_count(x) : 0;
  double eps = *(const double *)instance;
  for (int64_t i = 0; i < count; i += width) {
    const float *from = (const float *)x->data + i;
    float *to = (float *)run->output[0]->data + i;
    double square = 0;
    for (int64_t j = 0; j < width; j++)
      square += (double)from[j] * from[j];
    double length = sqrt(square) > eps ? sqrt(square) : eps;
    for (int64_t j = 0; j < width; j++)
      to[j] = (float)(from[j] / length);
  }
  return TFM_OK;
}

const tfm_kernel_desc l2_normalize_reference = {
    .prepare = prepare,
    .run = run,
    .destroy = destroy,
    KERNEL_OF("l2_normalize", "reference", TFM_KERNEL_REFERENCE | TFM_KERNEL_INPLACE_OK),
};
