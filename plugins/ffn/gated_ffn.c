/* gated_ffn.c - the feed-forward net with a gate.
 *
 *     x [rows, D] --gate--> [rows, F] --activation--+
 *        |                                          * --> [rows, F] --down--> [rows, D]
 *        +---------up-----> [rows, F] --------------+
 */
#include "plugins/common/vec.h"
#include "plugins/common/weights.h"
#include "plugins/ffn/activation.h"
#include "plugins/ffn/ffn.h"

#include <string.h>

const tfm_op_desc gated_ffn_op = {
    OP_OF("## Feed-forward net with a gate (Shazeer 2020, section 2):\n"
          "## down(activation(gate(x)) * up(x)).  Taps: gate and up, what these layers give;\n"
          "## act, what down gets.\n"
          "op gated_ffn(x: [..., D]; gate: linear[D, F], up: linear[D, F], down: linear[F, D];\n"
          "  kind: " ACTIVATION_KINDS
          ", inner: int?) -> [..., D] taps gate, up, act where F == inner\n"),
    .flags = TFM_OP_KEEPS_TOKENS};

/* With this few rows the two first layers are one parallel region; with more,
 * the product is taken by the epilogue of the second, in cache. */
enum { FEW_ROWS = 16 };

static int64_t fewer(int64_t a, int64_t b) {
  return a < b ? a : b;
}

/* ---- by host->gemm */

struct hidden {
  activation_fn *apply;
  int64_t width;
  const float *gate;                  /* activation(gate(x)), once it is made */
  float *tap_gate, *tap_up, *tap_act; /* from this gemm's first row on; or NULL */
};

static void keep(float *tap, int64_t at, const float *value, int64_t count) {
  if (tap)
    memcpy(tap + at, value, (size_t)count * sizeof *value);
}

static void activate_gate(void *arg, int64_t row, int64_t column, float *value, int64_t count) {
  const struct hidden *hidden = arg;
  keep(hidden->tap_gate, row * hidden->width + column, value, count);
  hidden->apply(value, value, count);
}

static void keep_up(void *arg, int64_t row, int64_t column, float *value, int64_t count) {
  const struct hidden *hidden = arg;
  keep(hidden->tap_up, row * hidden->width + column, value, count);
}

static void multiply(const struct hidden *hidden, int64_t at, float *value, int64_t count) {
  const float *gate = hidden->gate + at;
  for (int64_t i = 0; i < count; i += VEC_WIDTH) {
    vec product = vec_mul(vec_load_upto(value + i, count - i), vec_load_upto(gate + i, count - i));
    vec_store_upto(value + i, product, count - i);
  }
  keep(hidden->tap_act, at, value, count);
}

static void multiply_up(void *arg, int64_t row, int64_t column, float *value, int64_t count) {
  const struct hidden *hidden = arg;
  keep_up(arg, row, column, value, count);
  multiply(hidden, row * hidden->width + column, value, count);
}

tfm_status gated_ffn_workspace(const tfm_host *host, const void *instance, const tfm_run *run,
                               size_t *bytes) {
  tfm_status status = ffn_workspace(host, instance, run, bytes);
  *bytes *= 2;
  return status;
}

/* rows of the net, at most FFN_ROWS */
static tfm_status run_some(const tfm_host *host, const tfm_run *run, struct hidden *hidden,
                           int64_t first, int64_t rows) {
  int64_t width = run->weight[0]->shape[1];
  const float *x = (const float *)run->input[0]->data + first * width;
  float *gated = run->workspace, *upped = gated + rows * hidden->width;
  hidden->gate = gated;
  tfm_gemm gate = linear_problem(run, 0, rows, x, gated),
           up = linear_problem(run, 2, rows, x, upped);
  tfm_gemm down =
      linear_problem(run, 4, rows, upped, (float *)run->output[0]->data + first * width);
  gate.epilogue = activate_gate;
  up.epilogue = rows <= FEW_ROWS ? keep_up : multiply_up;
  gate.epilogue_arg = up.epilogue_arg = hidden;
  const tfm_gemm *const both[] = {&gate, &up}, *const second[] = {&down};
  tfm_status status;
  if (rows <= FEW_ROWS) {
    status = host->gemm(host, both, 2);
    if (status == TFM_OK)
      multiply(hidden, 0, upped, rows * hidden->width);
  } else {
    status = host->gemm(host, both, 1);
    if (status == TFM_OK)
      status = host->gemm(host, both + 1, 1);
  }
  return status == TFM_OK ? host->gemm(host, second, 1) : status;
}

tfm_status gated_ffn_run(const tfm_host *host, const void *instance, const tfm_run *run) {
  int64_t rows = tensor_rows(run->input[0]), inner = run->weight[0]->shape[0];
  struct hidden hidden = {.apply = ((const struct activation_instance *)instance)->apply,
                          .width = inner,
                          .tap_gate = ffn_tap(host, run, 0, inner),
                          .tap_up = ffn_tap(host, run, 1, inner),
                          .tap_act = ffn_tap(host, run, 2, inner)};
  tfm_status status = TFM_OK;
  for (int64_t r = 0; r < rows && status == TFM_OK; r += FFN_ROWS) {
    int64_t count = fewer(rows - r, FFN_ROWS);
    status = run_some(host, run, &hidden, r, count);
    float **taps[] = {&hidden.tap_gate, &hidden.tap_up, &hidden.tap_act};
    for (int i = 0; i < 3; i++)
      *taps[i] = *taps[i] ? *taps[i] + count * inner : NULL;
  }
  return status;
}

/* ---- the meaning, a row at a time */

static tfm_status workspace_reference(const tfm_host *host, const void *instance,
                                      const tfm_run *run, size_t *bytes) {
  (void)host;
  (void)run;
  *bytes = 2 * (size_t)((const struct naive *)instance)->layer[0].out * sizeof(float);
  return TFM_OK;
}

static tfm_status run_reference(const tfm_host *host, const void *instance, const tfm_run *run) {
  const struct naive *naive = instance;
  const struct naive_layer *layer = naive->layer;
  int64_t inner = layer[0].out, width = layer[0].in;
  float *gate = run->workspace, *up = gate + inner;
  float *tap[3];
  for (uint32_t i = 0; i < 3; i++)
    tap[i] = ffn_tap(host, run, i, inner);
  int64_t rows = tensor_rows(run->input[0]);
  for (int64_t r = 0; r < rows; r++) {
    const float *x = (const float *)run->input[0]->data + r * width;
    naive_row(&layer[0], x, gate);
    naive_row(&layer[1], x, up);
    keep(tap[0], r * inner, gate, inner);
    keep(tap[1], r * inner, up, inner);
    naive->apply(gate, gate, inner);
    for (int64_t i = 0; i < inner; i++)
      up[i] *= gate[i];
    keep(tap[2], r * inner, up, inner);
    naive_row(&layer[2], up, (float *)run->output[0]->data + r * width);
  }
  return TFM_OK;
}

static tfm_status prepare_reference(const tfm_host *host, const tfm_node *node,
                                    const tfm_tensor *const *weight, void **instance) {
  activation_fn *apply; /* an unknown kind is found out now */
  tfm_status status = activation_find(host, node, activation_table_reference, &apply);
  if (status == TFM_OK)
    status = naive_prepare(host, node, weight, instance);
  if (status == TFM_OK)
    ((struct naive *)*instance)->apply = apply;
  return status;
}

const tfm_kernel_desc gated_ffn_reference = {
    .prepare = prepare_reference,
    .workspace = workspace_reference,
    .run = run_reference,
    .destroy = naive_destroy,
    .weight_dtypes = ffn_weight_dtypes,
    KERNEL_OF("gated_ffn", "reference", TFM_KERNEL_REFERENCE),
};
