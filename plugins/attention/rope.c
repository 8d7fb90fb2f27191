/* rope.c - rotary positions: schema, frequencies, and what it means. */
#include "plugins/attention/rope.h"

#include "plugins/attention/attention.h"

#include <math.h>
#include <string.h>

const tfm_op_desc rope_op = {
    OP_OF(
        "## Rotary positions (Su et al. 2021, section 3.2.2), in the layout of Llama: elements d\n"
        "## and d + K/2 of a head turn by the angle pos * theta^(-2d/K).  scaling is the object\n"
        "## rope_scaling of config.json: its rope_type (or type) is default, linear or llama3.\n"
        "## original is the length that llama3 was trained at, before it was stretched; without "
        "it\n"
        "## the object's original_max_position_embeddings is.\n"
        "op rope(x: [B, T, H, K], pos: i32[B, T]; ;\n"
        "  theta: real = 10000.0, scaling: object?, original: real?) -> [B, T, H, K]\n"
        "  where K / 2 >= 1\n"),
    .flags = TFM_OP_KEEPS_TOKENS};

/* ---- frequencies */

static double member(const tfm_attr *object, const char *name, double otherwise) {
  const tfm_attr *a = tfm_attr_member(object, name);
  return a && (a->kind == TFM_ATTR_INT || a->kind == TFM_ATTR_REAL) ? a->real : otherwise;
}

static const char *scaling_type(const tfm_attr *scaling) {
  const tfm_attr *type = tfm_attr_member(scaling, "rope_type");
  if (!type || type->kind != TFM_ATTR_STR)
    type = tfm_attr_member(scaling, "type");
  return type && type->kind == TFM_ATTR_STR ? type->text : "default";
}

/* Long waves are stretched by factor, short ones kept, and between the two
 * wavelengths there is a ramp: transformers, modeling_rope_utils.py,
 * _compute_llama3_parameters. */
static double llama3(const tfm_attr *scaling, double context, double frequency) {
  double factor = member(scaling, "factor", 0), low = member(scaling, "low_freq_factor", 0);
  double high = member(scaling, "high_freq_factor", 0);
  double wavelength = 2 * 3.14159265358979323846 / frequency;
  if (wavelength > context / low)
    return frequency / factor;
  if (wavelength < context / high)
    return frequency;
  double kept = (context / wavelength - low) / (high - low);
  return (1 - kept) * frequency / factor + kept * frequency;
}

static double original_length(const tfm_node *node, const tfm_attr *scaling) {
  return tfm_attr_real(node, "original", member(scaling, "original_max_position_embeddings", 0));
}

static tfm_status check_llama3(const tfm_host *host, const tfm_attr *scaling, double context) {
  double low = member(scaling, "low_freq_factor", 0), high = member(scaling, "high_freq_factor", 0);
  if (!(high > low && low > 0))
    return host->fail(host, "rope scaling `llama3` needs 0 < low_freq_factor < high_freq_factor");
  if (!(context > 0))
    return host->fail(host, "rope scaling `llama3` needs original_max_position_embeddings above 0");
  return TFM_OK;
}

/* rope_type where it is there, type where it is not; NULL = no text. */
static const char *check_type(const tfm_host *host, const tfm_attr *scaling) {
  const tfm_attr *type = tfm_attr_member(scaling, "rope_type");
  if (!type)
    type = tfm_attr_member(scaling, "type");
  if (type && type->kind != TFM_ATTR_STR) {
    host->fail(host, "rope_type is no text: the known kinds are default, linear, llama3");
    return NULL;
  }
  return scaling_type(scaling);
}

static tfm_status check_scaling(const tfm_host *host, const tfm_attr *scaling, double context) {
  if (!scaling || scaling->kind == TFM_ATTR_NONE)
    return TFM_OK;
  const char *type = check_type(host, scaling);
  if (!type)
    return TFM_FAILED;
  if (strcmp(type, "default") == 0)
    return TFM_OK;
  if (strcmp(type, "linear") != 0 && strcmp(type, "llama3") != 0)
    return host->fail(
        host, "unknown kind of rope scaling `%s`: the known ones are default, linear, llama3",
        type);
  if (!(member(scaling, "factor", 0) > 0))
    return host->fail(host, "rope scaling `%s` needs a factor above 0", type);
  return strcmp(type, "llama3") == 0 ? check_llama3(host, scaling, context) : TFM_OK;
}

tfm_status rope_prepare(const tfm_host *host, const tfm_node *node, const tfm_tensor *const *weight,
                        void **instance) {
  (void)weight;
  int64_t heads = node->input[0]->shape[2], size = node->input[0]->shape[3];
  if (heads < 0 || size < 0 || size % 2 != 0)
    return host->fail(host, "%lld heads of %lld do not split into pairs", (long long)heads,
                      (long long)size);
  const tfm_attr *scaling = tfm_attr_find(node, "scaling");
  double context = original_length(node, scaling);
  tfm_status status = check_scaling(host, scaling, context);
  if (status != TFM_OK)
    return status;
  int64_t half = size / 2;
  struct rope *rope = host->alloc(host, sizeof *rope + (size_t)half * sizeof(float));
  if (!rope)
    return TFM_NO_MEMORY;
  rope->heads = heads;
  rope->half = half;
  const char *type = scaling_type(scaling);
  double theta = tfm_attr_real(node, "theta", 10000);
  for (int64_t d = 0; d < half; d++) {
    double frequency = pow(theta, -(double)d / (double)half);
    if (strcmp(type, "linear") == 0)
      frequency /= member(scaling, "factor", 1);
    else if (strcmp(type, "llama3") == 0)
      frequency = llama3(scaling, context, frequency);
    rope->frequency[d] = (float)frequency;
  }
  *instance = rope;
  return TFM_OK;
}

void rope_destroy(const tfm_host *host, void *instance) {
  if (instance)
    host->release(host, instance);
}

/* ---- the meaning */

static tfm_status run(const tfm_host *host, const void *instance, const tfm_run *run) {
  (void)host;
  const struct rope *rope = instance;
  const float *x = run->input[0]->data;
  const int32_t *pos = run->input[1]->data;
  float *out = run->output[0]->data;
  int64_t rows = run->input[0]->shape[0] * run->input[0]->shape[1], half = rope->half;
  for (int64_t i = 0; i < rows * rope->heads; i++) {
    for (int64_t d = 0; d < half; d++) {
      float angle = (float)pos[i / rope->heads] * rope->frequency[d];
      int64_t first = i * 2 * half + d, second = first + half;
      double a = x[first], b = x[second];
      out[first] = (float)(a * cos(angle) - b * sin(angle));
      out[second] = (float)(b * cos(angle) + a * sin(angle));
    }
  }
  return TFM_OK;
}

const tfm_kernel_desc rope_reference = {
    .prepare = rope_prepare,
    .run = run,
    .destroy = rope_destroy,
    KERNEL_OF("rope", "reference", TFM_KERNEL_REFERENCE | TFM_KERNEL_INPLACE_OK),
};
