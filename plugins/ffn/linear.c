/* linear.c - linear layers: linear, linear_add and linear3. */
#include "plugins/common/vec.h"
#include "plugins/common/weights.h"
#include "plugins/ffn/ffn.h"

const tfm_op_desc linear_op = {
    OP_OF("## A linear layer: x weight^T + bias.\n"
          "op linear(x: [..., I]; weight: [O, I], bias: [O]?) -> [..., O]\n"),
    .flags = TFM_OP_KEEPS_TOKENS};

const tfm_op_desc linear_add_op = {
    OP_OF("## A linear layer joining a residual: x weight^T + bias + y.\n"
          "op linear_add(x: [..., I], y: [..., O]; weight: [O, I], bias: [O]?) -> [..., O]\n"
          "  fuses add(y, linear(x; weight, bias))\n"
          "  fuses add(linear(x; weight, bias), y)\n"),
    .flags = TFM_OP_KEEPS_TOKENS};

const tfm_op_desc linear3_op = {
    OP_OF("## Three linear layers of one input: query, key and value.\n"
          "op linear3(x: [..., I]; a: linear[I, M], b: linear[I, N], c: linear[I, O])\n"
          "  -> a: [..., M], b: [..., N], c: [..., O]\n"
          "  fuses linear(x; a), linear(x; b), linear(x; c)\n"),
    .flags = TFM_OP_KEEPS_TOKENS};

/* ---- by host->gemm
 *
 * gemm takes packed weights too, but a step of few rows would wait for their blocks to be
 * widened, so they are asked for as F16. */

tfm_gemm linear_problem(const tfm_run *run, uint32_t slot, int64_t rows, const float *x, float *c) {
  const tfm_tensor *weight = run->weight[slot];
  return (tfm_gemm){
      .struct_size = sizeof(tfm_gemm),
      .rows = rows,
      .a = x,
      .a_stride = weight->shape[1],
      .weight = weight,
      .bias = run->weight[slot + 1],
      .c = c,
      .c_stride = weight->shape[0],
  };
}

static tfm_status run_linear(const tfm_host *host, const void *instance, const tfm_run *run) {
  (void)instance;
  tfm_gemm problem =
      linear_problem(run, 0, tensor_rows(run->input[0]), run->input[0]->data, run->output[0]->data);
  const tfm_gemm *const problems[] = {&problem};
  return host->gemm(host, problems, 1);
}

struct residual {
  const float *y;
  int64_t width;
};

static void add_residual(void *arg, int64_t row, int64_t column, float *value, int64_t count) {
  const struct residual *residual = arg;
  const float *y = residual->y + row * residual->width + column;
  for (int64_t i = 0; i < count; i += VEC_WIDTH) {
    vec sum = vec_add(vec_load_upto(value + i, count - i), vec_load_upto(y + i, count - i));
    vec_store_upto(value + i, sum, count - i);
  }
}

static tfm_status run_linear_add(const tfm_host *host, const void *instance, const tfm_run *run) {
  (void)instance;
  struct residual residual = {run->input[1]->data, run->weight[0]->shape[0]};
  tfm_gemm problem =
      linear_problem(run, 0, tensor_rows(run->input[0]), run->input[0]->data, run->output[0]->data);
  problem.epilogue = add_residual;
  problem.epilogue_arg = &residual;
  const tfm_gemm *const problems[] = {&problem};
  return host->gemm(host, problems, 1);
}

static tfm_status run_linear3(const tfm_host *host, const void *instance, const tfm_run *run) {
  (void)instance;
  int64_t rows = tensor_rows(run->input[0]);
  tfm_gemm problem[3];
  for (uint32_t i = 0; i < 3; i++)
    problem[i] = linear_problem(run, 2 * i, rows, run->input[0]->data, run->output[i]->data);
  const tfm_gemm *const problems[] = {&problem[0], &problem[1], &problem[2]};
  return host->gemm(host, problems, 3);
}

enum { GEMM_SCORE = 10 };
const tfm_kernel_desc linear_gemm = {
    .score = GEMM_SCORE,
    .run = run_linear,
    KERNEL_OF("linear", "gemm", 0),
};
const tfm_kernel_desc linear_add_gemm = {
    .score = GEMM_SCORE,
    .run = run_linear_add,
    KERNEL_OF("linear_add", "gemm", 0),
};
const tfm_kernel_desc linear3_gemm = {
    .score = GEMM_SCORE,
    .run = run_linear3,
    KERNEL_OF("linear3", "gemm", 0),
};

/* ---- the meaning, for all three: a layer an output, and y if there is one */

static tfm_status run_reference(const tfm_host *host, const void *instance, const tfm_run *run) {
  (void)host;
  const struct naive *naive = instance;
  int64_t rows = tensor_rows(run->input[0]);
  const float *y = run->input_count > 1 ? run->input[1]->data : NULL;
  for (uint32_t i = 0; i < naive->count; i++) {
    const struct naive_layer *layer = &naive->layer[i];
    for (int64_t r = 0; r < rows; r++) {
      float *out = (float *)run->output[i]->data + r * layer->out;
      naive_row(layer, (const float *)run->input[0]->data + r * layer->in, out);
      for (int64_t o = 0; y && o < layer->out; o++)
        out[o] += y[r * layer->out + o];
    }
  }
  return TFM_OK;
}

#define LINEAR_REFERENCE(id)                                                                       \
  const tfm_kernel_desc id##_reference = {                                                         \
      KERNEL_OF(#id, "reference", TFM_KERNEL_REFERENCE), .prepare = naive_prepare,                 \
      .run = run_reference, .destroy = naive_destroy, .weight_dtypes = ffn_weight_dtypes}
LINEAR_REFERENCE(linear);
LINEAR_REFERENCE(linear_add);
LINEAR_REFERENCE(linear3);
