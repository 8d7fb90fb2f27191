/* embedding.c - rows of a table: schema and reference kernel. */
#include "plugins/embedding/embedding.h"

#include "plugins/common/kernel.h"
#include "plugins/common/weights.h"

const tfm_op_desc embedding_op = {
    OP_OF("## The row of the table for each id: out[b, t] = weight[ids[b, t]].\n"
          "op embedding(ids: i32[B, T]; weight: [V, D]) -> [B, T, D]\n"),
    .flags = TFM_OP_KEEPS_TOKENS, .role = TFM_ROLE_LOOKUP};

/* The instance: the table as it is stored.  Its memory is the model's. */
struct table {
  tfm_tensor weight;
};

static tfm_status prepare(const tfm_host *host, const tfm_node *node,
                          const tfm_tensor *const *weight, void **instance) {
  (void)node;
  struct table *table = host->alloc(host, sizeof *table);
  if (!table)
    return TFM_NO_MEMORY;
  table->weight = *weight[0];
  *instance = table;
  return TFM_OK;
}

static void destroy(const tfm_host *host, void *instance) {
  host->release(host, instance);
}

static tfm_status copy_row(const tfm_host *host, const tfm_tensor *weight, int64_t id, float *to) {
  const char *from = (const char *)weight->data + id * weight->stride[0];
  int64_t width = weight->shape[1], size = weights_size(weight->dtype);
  if (weight->stride[1] == size || size == 0)
    return host->to_f32(host, weight->dtype, from, to, width);
  tfm_status status = TFM_OK;
  for (int64_t i = 0; i < width && status == TFM_OK; i++)
    status = host->to_f32(host, weight->dtype, from + i * weight->stride[1], to + i, 1);
  return status;
}

static tfm_status refuse(const tfm_host *host, const tfm_tensor *ids, int64_t at, int64_t rows) {
  int64_t b = 0;
  while (tfm_row_begin(ids, b + 1) <= at)
    b++;
  return host->fail(
      host, "id %ld at [%lld, %lld] is outside the table of %lld rows (ids are 0 to %lld)",
      (long)((const int32_t *)ids->data)[at], (long long)b, (long long)(at - tfm_row_begin(ids, b)),
      (long long)rows, (long long)(rows - 1));
}

static tfm_status run(const tfm_host *host, const void *instance, const tfm_run *run) {
  const tfm_tensor *weight = &((const struct table *)instance)->weight, *ids = run->input[0];
  int64_t rows = weight->shape[0], width = weight->shape[1];
  int64_t count = ids->shape[0] * ids->shape[1];
  float *out = run->output[0]->data;
  for (int64_t i = 0; i < count; i++) {
    int32_t id = ((const int32_t *)ids->data)[i];
    if (id < 0 || id >= rows)
      return refuse(host, ids, i, rows);
    tfm_status status = copy_row(host, weight, id, out + i * width);
    if (status != TFM_OK)
      return status;
  }
  return TFM_OK;
}

static const uint64_t weight_dtypes[] = {TFM_ROWS_WEIGHTS, 0};
const tfm_kernel_desc embedding_reference = {
    .weight_dtypes = weight_dtypes,
    .prepare = prepare,
    .run = run,
    .destroy = destroy,
    KERNEL_OF("embedding", "reference", TFM_KERNEL_REFERENCE),
};
