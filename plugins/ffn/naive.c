/* naive.c - linear layers as two loops: what the reference kernels are made of. */
#include "plugins/common/weights.h"
#include "plugins/ffn/ffn.h"

const uint64_t ffn_weight_dtypes[7] = {TFM_ROWS_WEIGHTS,
                                       TFM_FLOAT_WEIGHTS,
                                       TFM_ROWS_WEIGHTS,
                                       TFM_FLOAT_WEIGHTS,
                                       TFM_ROWS_WEIGHTS,
                                       TFM_FLOAT_WEIGHTS,
                                       0};

tfm_status naive_prepare(const tfm_host *host, const tfm_node *node,
                         const tfm_tensor *const *weight, void **instance) {
  struct naive *naive = host->alloc(host, sizeof *naive);
  if (!naive)
    return TFM_NO_MEMORY;
  naive->count = node->weight_count / 2;
  tfm_status status = TFM_OK;
  for (uint32_t i = 0; i < naive->count && status == TFM_OK; i++) {
    struct naive_layer *layer = &naive->layer[i];
    layer->out = weight[2 * i]->shape[0];
    layer->in = weight[2 * i]->shape[1];
    status = weights_f32(host, weight[2 * i], &layer->weight);
    if (status == TFM_OK)
      status = weights_f32(host, weight[2 * i + 1], &layer->bias);
  }
  if (status != TFM_OK) {
    naive_destroy(host, naive);
    return status;
  }
  *instance = naive;
  return TFM_OK;
}

void naive_destroy(const tfm_host *host, void *instance) {
  struct naive *naive = instance;
  if (!naive)
    return;
  for (uint32_t i = 0; i < naive->count; i++) {
    host->release(host, naive->layer[i].weight);
    host->release(host, naive->layer[i].bias);
  }
  host->release(host, naive);
}

void naive_row(const struct naive_layer *layer, const float *x, float *out) {
  for (int64_t o = 0; o < layer->out; o++) {
    double sum = layer->bias ? layer->bias[o] : 0;
    for (int64_t i = 0; i < layer->in; i++)
      sum += (double)x[i] * layer->weight[o * layer->in + i];
    out[o] = (float)sum;
  }
}
