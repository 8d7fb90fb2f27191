/* activation.c - the op `activation`, the kinds, and what each means. */
#include "plugins/ffn/activation.h"

#include "plugins/common/weights.h"
#include "plugins/ffn/ffn.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { ELEMENTS_A_PIECE = 4096 };

const tfm_op_desc activation_op = {
    OP_OF(
        "## A function of each element, as config.json calls it: gelu = gelu_python (exact: x "
        "Phi(x),\n"
        "## Hendrycks and Gimpel 2016), its tanh form (gelu_new and its like), gelu_10 (cut off at "
        "-10\n"
        "## and 10), quick_gelu = x sigmoid(1.702 x), relu, relu2 = relu(x)^2, relu6 (at most 6),\n"
        "## leaky_relu (0.01 x below 0), silu = swish = x sigmoid(x), hardswish = x relu6(x + 3) / "
        "6,\n"
        "## mish = x tanh(log(1 + e^x)), tanh, sigmoid, linear (as it is).\n"
        "op activation(x: [...]; ; kind: " ACTIVATION_KINDS ") -> [...]\n"),
    .flags = TFM_OP_KEEPS_TOKENS};

static const struct {
  const char *name;
  enum activation kind;
} kinds[] = {
#define KIND(name, id) {name, ACTIVATION_##id},
    ACTIVATION_ROWS(KIND, KIND)
#undef KIND
};
enum { KIND_COUNT = sizeof kinds / sizeof kinds[0] };

tfm_status activation_find(const tfm_host *host, const tfm_node *node, activation_fn *const *table,
                           activation_fn **out) {
  const char *kind = tfm_attr_text(node, "kind", "");
  for (int i = 0; i < KIND_COUNT; i++) {
    if (strcmp(kind, kinds[i].name) == 0) {
      *out = table[kinds[i].kind];
      return TFM_OK;
    }
  }
  char known[512] = "";
  for (int i = 0, used = 0; i < KIND_COUNT; i++)
    used +=
        snprintf(known + used, sizeof known - (size_t)used, "%s%s", i ? ", " : "", kinds[i].name);
  return host->fail(host, "unknown kind of activation `%s`: the known ones are %s", kind, known);
}

/* ---- the meaning of each kind */

static double sigmoid(double x) {
  return 1 / (1 + exp(-x));
}

static void gelu(const float *x, float *out, int64_t count) {
  for (int64_t i = 0; i < count; i++)
    out[i] = (float)(0.5 * x[i] * (1 + erf(x[i] / sqrt(2))));
}

/* The coefficients are those of the paper, and of the checkpoints' own code. */
static void gelu_tanh(const float *x, float *out, int64_t count) {
  for (int64_t i = 0; i < count; i++) {
    double v = x[i];
    out[i] = (float)(0.5 * v * (1 + tanh(0.7978845608028654 * (v + 0.044715 * v * v * v))));
  }
}

static void quick_gelu(const float *x, float *out, int64_t count) {
  for (int64_t i = 0; i < count; i++)
    out[i] = (float)(x[i] * sigmoid(1.702 * x[i]));
}

static void relu(const float *x, float *out, int64_t count) {
  for (int64_t i = 0; i < count; i++)
    out[i] = x[i] < 0 ? 0 : x[i];
}

static void gelu_10(const float *x, float *out, int64_t count) {
  gelu(x, out, count);
  for (int64_t i = 0; i < count; i++)
    out[i] = out[i] > 10 ? 10 : out[i] < -10 ? -10 : out[i];
}

static void relu2(const float *x, float *out, int64_t count) {
  for (int64_t i = 0; i < count; i++)
    out[i] = x[i] < 0 ? 0 : x[i] * x[i];
}

static void relu6(const float *x, float *out, int64_t count) {
  for (int64_t i = 0; i < count; i++)
    out[i] = x[i] < 0 ? 0 : x[i] > 6 ? 6 : x[i];
}

static void leaky_relu(const float *x, float *out, int64_t count) {
  for (int64_t i = 0; i < count; i++)
    out[i] = x[i] < 0 ? 0.01f * x[i] : x[i];
}

static void hardswish(const float *x, float *out, int64_t count) {
  for (int64_t i = 0; i < count; i++) {
    double v = x[i], gate = v + 3 < 0 ? 0 : v + 3 > 6 ? 6 : v + 3;
    out[i] = (float)(v * gate / 6);
  }
}

static void mish(const float *x, float *out, int64_t count) {
  for (int64_t i = 0; i < count; i++)
    out[i] = (float)(x[i] * tanh(x[i] > 40 ? x[i] : log1p(exp(x[i]))));
}

static void silu(const float *x, float *out, int64_t count) {
  for (int64_t i = 0; i < count; i++)
    out[i] = (float)(x[i] * sigmoid(x[i]));
}

static void tangent(const float *x, float *out, int64_t count) {
  for (int64_t i = 0; i < count; i++)
    out[i] = (float)tanh(x[i]);
}

static void logistic(const float *x, float *out, int64_t count) {
  for (int64_t i = 0; i < count; i++)
    out[i] = (float)sigmoid(x[i]);
}

static void identity(const float *x, float *out, int64_t count) {
  for (int64_t i = 0; i < count; i++)
    out[i] = x[i];
}

activation_fn *const activation_table_reference[ACTIVATION_COUNT] = {
#define ACTIVATION(id, function) [ACTIVATION_##id] = function,
    ACTIVATIONS(ACTIVATION)
#undef ACTIVATION
};

/* ---- the op */

tfm_status activation_prepare(const tfm_host *host, const tfm_node *node,
                              activation_fn *const *table, void **instance) {
  activation_fn *apply;
  tfm_status status = activation_find(host, node, table, &apply);
  if (status != TFM_OK)
    return status;
  struct activation_instance *made = host->alloc(host, sizeof *made);
  if (!made)
    return TFM_NO_MEMORY;
  made->apply = apply;
  *instance = made;
  return TFM_OK;
}

void activation_destroy(const tfm_host *host, void *instance) {
  if (instance)
    host->release(host, instance);
}

struct work {
  activation_fn *apply;
  const float *x;
  float *out;
};

static void run_piece(void *arg, int64_t begin, int64_t end, uint32_t lane) {
  (void)lane;
  const struct work *work = arg;
  work->apply(work->x + begin, work->out + begin, end - begin);
}

tfm_status activation_run(const tfm_host *host, const void *instance, const tfm_run *run) {
  struct work work = {((const struct activation_instance *)instance)->apply, run->input[0]->data,
                      run->output[0]->data};
  host->parallel_for(host, tensor_count(run->input[0]), ELEMENTS_A_PIECE, run_piece, &work);
  return TFM_OK;
}

static tfm_status prepare(const tfm_host *host, const tfm_node *node,
                          const tfm_tensor *const *weight, void **instance) {
  (void)weight;
  return activation_prepare(host, node, activation_table_reference, instance);
}

const tfm_kernel_desc activation_reference = {
    .prepare = prepare,
    .run = activation_run,
    .destroy = activation_destroy,
    KERNEL_OF("activation", "reference", TFM_KERNEL_REFERENCE | TFM_KERNEL_INPLACE_OK),
};
