/* concat.c - rows of a, each followed by that of b. */
#include "plugins/shape/shape.h"

#include "plugins/common/kernel.h"

#include <string.h>

static tfm_status concat_infer(const tfm_host *host, const tfm_node *node, tfm_type *output,
                               uint32_t capacity, uint32_t *count) {
  tfm_type type = *node->input[0];
  if (capacity < 1)
    return TFM_FAILED;
  tfm_dim *last = &type.shape[type.rank - 1];
  *last = host->dim_add(host, *last, node->input[1]->shape[type.rank - 1]);
  output[0] = type;
  *count = 1;
  return TFM_OK;
}

static tfm_status concat_run(const tfm_host *host, const void *instance, const tfm_run *run) {
  (void)host;
  (void)instance;
  const tfm_tensor *a = run->input[0], *b = run->input[1];
  int64_t rows = 1, m = a->shape[a->rank - 1], n = b->shape[b->rank - 1];
  for (uint32_t i = 0; i + 1 < a->rank; i++)
    rows *= a->shape[i];
  float *out = run->output[0]->data;
  for (int64_t r = 0; r < rows; r++) {
    memcpy(out + r * (m + n), (const float *)a->data + r * m, (size_t)m * sizeof(float));
    memcpy(out + r * (m + n) + m, (const float *)b->data + r * n, (size_t)n * sizeof(float));
  }
  return TFM_OK;
}

const tfm_op_desc concat_op = {OP_OF("## a and b side by side, along the last dimension.\n"
                                     "op concat(a: [..., M], b: [..., N]) -> _\n"),
                               .infer = concat_infer, .flags = TFM_OP_KEEPS_TOKENS};
const tfm_kernel_desc concat_reference = {KERNEL_OF("concat", "reference", TFM_KERNEL_REFERENCE),
                                          .run = concat_run};
