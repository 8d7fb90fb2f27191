/* constant.c - what stands beside tensors in arithmetic: a number, a weight. */
#include "plugins/common/kernel.h"
#include "plugins/common/weights.h"
#include "plugins/elementwise/elementwise.h"

/* The weight's type; of a number [1], of i32 if it is whole. */
static tfm_status infer_constant(const tfm_host *host, const tfm_node *node, tfm_type *output,
                                 uint32_t capacity, uint32_t *count) {
  const tfm_attr *value = tfm_attr_find(node, "value");
  (void)capacity;
  *count = 1;
  if (node->weight[0]) {
    output[0] = *node->weight[0];
    return TFM_OK;
  }
  if (!value || (value->kind != TFM_ATTR_INT && value->kind != TFM_ATTR_REAL))
    return host->fail(host, "`value` must be a number where there is no weight");
  output[0] = (tfm_type){.dtype = value->kind == TFM_ATTR_INT ? TFM_I32 : TFM_NONE, .rank = 1};
  output[0].shape[0] = 1;
  return TFM_OK;
}

const tfm_op_desc constant_op = {
    OP_OF("## A weight as a tensor; without one a number, as a tensor [1].\n"
          "op constant(; weight: [...]?; value: any?) -> _\n"),
    .infer = infer_constant, .flags = TFM_OP_KEEPS_TOKENS, .role = TFM_ROLE_CONSTANT};

/* The instance: the number. */
static tfm_status prepare_constant(const tfm_host *host, const tfm_node *node,
                                   const tfm_tensor *const *weight, void **instance) {
  (void)weight;
  double *value = host->alloc(host, sizeof *value);
  if (!value)
    return TFM_NO_MEMORY;
  *value = tfm_attr_real(node, "value", 0);
  *instance = value;
  return TFM_OK;
}

static void destroy_constant(const tfm_host *host, void *instance) {
  if (instance)
    host->release(host, instance);
}

static void write_number(double value, const tfm_tensor *out) {
  if (out->dtype == TFM_I32)
    *(int32_t *)out->data = (int32_t)value;
  else
    *(float *)out->data = (float)value;
}

/* Where the elements of row r begin, in bytes. */
static int64_t row_begin(const tfm_tensor *weight, int64_t r) {
  int64_t at = 0;
  for (uint32_t d = weight->rank - 1; d-- > 0;) {
    at += r % weight->shape[d] * weight->stride[d];
    r /= weight->shape[d];
  }
  return at;
}

static tfm_status run_constant(const tfm_host *host, const void *instance, const tfm_run *run) {
  const tfm_tensor *weight = run->weight[0];
  if (!weight) {
    write_number(*(const double *)instance, run->output[0]);
    return TFM_OK;
  }
  float *out = run->output[0]->data;
  if (weight->rank == 0)
    return host->to_f32(host, weight->dtype, weight->data, out, 1);
  int64_t width = weight->shape[weight->rank - 1], step = weight->stride[weight->rank - 1];
  int64_t together = step == weights_size(weight->dtype) ? width : 1;
  tfm_status status = TFM_OK;
  for (int64_t r = 0; width > 0 && r < tensor_rows(weight); r++) {
    const char *from = (const char *)weight->data + row_begin(weight, r);
    for (int64_t i = 0; i < width && status == TFM_OK; i += together, out += together)
      status = host->to_f32(host, weight->dtype, from + i * step, out, together);
  }
  return status;
}

const tfm_kernel_desc constant_reference = {
    KERNEL_OF("constant", "reference", TFM_KERNEL_REFERENCE), .prepare = prepare_constant,
    .run = run_constant, .destroy = destroy_constant};
