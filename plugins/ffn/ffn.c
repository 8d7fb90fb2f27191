/* ffn.c - the feed-forward net of two layers.
 *
 *     x [rows, D] --up--> [rows, F] --activation--> [rows, F] --down--> [rows, D]
 *
 * The activation is applied by the gemm that makes the hidden values, while
 * they are in cache. */
#include "plugins/ffn/ffn.h"

#include "plugins/common/weights.h"
#include "plugins/ffn/activation.h"

#include <string.h>

const tfm_op_desc ffn_op = {
    OP_OF("## Feed-forward net (Vaswani et al. 2017, section 3.3): down(activation(up(x))).\n"
          "## Taps: up, what the first layer gives; act, what the second gets.\n"
          "## inner, if it is given, is F: config.json's word for it.\n"
          "op ffn(x: [..., D]; up: linear[D, F], down: linear[F, D]; kind: " ACTIVATION_KINDS ",\n"
          "  inner: int?) -> [..., D] taps up, act where F == inner\n"),
    .flags = TFM_OP_KEEPS_TOKENS};

float *ffn_tap(const tfm_host *host, const tfm_run *run, uint32_t index, int64_t width) {
  if (!(run->taps >> index & 1))
    return NULL;
  int64_t shape[TFM_MAX_RANK];
  const tfm_tensor *x = run->input[0];
  memcpy(shape, x->shape, sizeof shape);
  shape[x->rank - 1] = width;
  return host->tap(host, run, index, x->rank, shape);
}

static int64_t fewer(int64_t a, int64_t b) {
  return a < b ? a : b;
}

/* ---- by host->gemm */

struct hidden {
  activation_fn *apply;
  int64_t width;
  float *up, *act; /* taps, from this gemm's first row on; or NULL */
};

static void activate(void *arg, int64_t row, int64_t column, float *value, int64_t count) {
  const struct hidden *hidden = arg;
  int64_t at = row * hidden->width + column;
  if (hidden->up)
    memcpy(hidden->up + at, value, (size_t)count * sizeof *value);
  hidden->apply(value, value, count);
  if (hidden->act)
    memcpy(hidden->act + at, value, (size_t)count * sizeof *value);
}

tfm_status ffn_workspace(const tfm_host *host, const void *instance, const tfm_run *run,
                         size_t *bytes) {
  (void)host;
  (void)instance;
  int64_t rows = fewer(tensor_rows(run->input[0]), FFN_ROWS);
  *bytes = (size_t)(rows * run->weight[0]->shape[0]) * sizeof(float);
  return TFM_OK;
}

tfm_status ffn_run(const tfm_host *host, const void *instance, const tfm_run *run) {
  int64_t rows = tensor_rows(run->input[0]);
  int64_t inner = run->weight[0]->shape[0], width = run->weight[0]->shape[1];
  struct hidden hidden = {((const struct activation_instance *)instance)->apply, inner,
                          ffn_tap(host, run, 0, inner), ffn_tap(host, run, 1, inner)};
  tfm_status status = TFM_OK;
  for (int64_t r = 0; r < rows && status == TFM_OK; r += FFN_ROWS) {
    int64_t count = fewer(rows - r, FFN_ROWS);
    tfm_gemm up = linear_problem(run, 0, count, (const float *)run->input[0]->data + r * width,
                                 run->workspace);
    up.epilogue = activate;
    up.epilogue_arg = &hidden;
    tfm_gemm down =
        linear_problem(run, 2, count, run->workspace, (float *)run->output[0]->data + r * width);
    const tfm_gemm *const first[] = {&up}, *const second[] = {&down};
    status = host->gemm(host, first, 1);
    if (status == TFM_OK)
      status = host->gemm(host, second, 1);
    hidden.up = hidden.up ? hidden.up + count * inner : NULL;
    hidden.act = hidden.act ? hidden.act + count * inner : NULL;
  }
  return status;
}

/* ---- the meaning, a row at a time */

static tfm_status workspace_reference(const tfm_host *host, const void *instance,
                                      const tfm_run *run, size_t *bytes) {
  (void)host;
  (void)run;
  *bytes = (size_t)((const struct naive *)instance)->layer[0].out * sizeof(float);
  return TFM_OK;
}

static tfm_status run_reference(const tfm_host *host, const void *instance, const tfm_run *run) {
  const struct naive *naive = instance;
  const struct naive_layer *up = &naive->layer[0], *down = &naive->layer[1];
  float *hidden = run->workspace;
  size_t size = (size_t)up->out * sizeof *hidden;
  float *tap_up = ffn_tap(host, run, 0, up->out), *tap_act = ffn_tap(host, run, 1, up->out);
  int64_t rows = tensor_rows(run->input[0]);
  for (int64_t r = 0; r < rows; r++) {
    naive_row(up, (const float *)run->input[0]->data + r * up->in, hidden);
    if (tap_up)
      memcpy(tap_up + r * up->out, hidden, size);
    naive->apply(hidden, hidden, up->out);
    if (tap_act)
      memcpy(tap_act + r * up->out, hidden, size);
    naive_row(down, hidden, (float *)run->output[0]->data + r * down->out);
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

const tfm_kernel_desc ffn_reference = {
    .prepare = prepare_reference,
    .workspace = workspace_reference,
    .run = run_reference,
    .destroy = naive_destroy,
    .weight_dtypes = ffn_weight_dtypes,
    KERNEL_OF("ffn", "reference", TFM_KERNEL_REFERENCE),
};
