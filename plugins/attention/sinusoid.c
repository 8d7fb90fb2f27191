/* sinusoid.c - positions by formula: sines and cosines of growing wavelength. */
#include "plugins/attention/attention.h"

#include <math.h>
#include <string.h>

const tfm_op_desc sinusoid_op = {
    OP_OF(
        "## Fixed positions (Vaswani et al. 2017, section 3.5): sines and cosines of pos *\n"
        "## theta^(-2d/width).  All sines and then all cosines (halves: Marian, Whisper), or each\n"
        "## sine beside its cosine (neighbours).  inclusive: theta^(-d/(width/2 - 1)), so that "
        "the\n"
        "## last is 1/theta itself (Whisper, M2M100).\n"
        "op sinusoid(pos: i32[B, T]; ; width: int, theta: real = 10000.0,\n"
        "  pairs: \"halves\" | \"neighbours\" = \"halves\", inclusive: bool = false) -> [B, T, "
        "width]\n"
        "  where width / 2 >= 1\n"),
    .flags = TFM_OP_KEEPS_TOKENS};

struct sinusoid {
  int64_t half;
  bool neighbours;
  double frequency[]; /* [half] */
};

static tfm_status prepare(const tfm_host *host, const tfm_node *node,
                          const tfm_tensor *const *weight, void **instance) {
  int64_t width = tfm_attr_int(node, "width", 0), half = width / 2;
  double theta = tfm_attr_real(node, "theta", 10000);
  bool inclusive = tfm_attr_int(node, "inclusive", 0) != 0;
  double steps = inclusive ? (double)half - 1 : (double)half;
  (void)weight;
  if (width < 2 || width % 2 != 0 || width > INT32_MAX || (inclusive && width < 4))
    return host->fail(host, "a width of %lld does not split into sines and cosines",
                      (long long)width);
  if (!(theta > 0 && isfinite(theta)))
    return host->fail(host, "theta is %g, but must be above 0", theta);
  struct sinusoid *made = host->alloc(host, sizeof *made + (size_t)half * sizeof(double));
  if (!made)
    return TFM_NO_MEMORY;
  made->half = half;
  made->neighbours = strcmp(tfm_attr_text(node, "pairs", "halves"), "neighbours") == 0;
  for (int64_t d = 0; d < half; d++)
    made->frequency[d] = pow(theta, -(double)d / steps);
  *instance = made;
  return TFM_OK;
}

static void destroy(const tfm_host *host, void *instance) {
  if (instance)
    host->release(host, instance);
}

struct work {
  const struct sinusoid *sinusoid;
  const int32_t *pos;
  float *out;
};

static void rows(void *arg, int64_t begin, int64_t end, uint32_t lane) {
  const struct work *work = arg;
  int64_t half = work->sinusoid->half;
  bool neighbours = work->sinusoid->neighbours;
  (void)lane;
  for (int64_t i = begin; i < end; i++)
    for (int64_t d = 0; d < half; d++) {
      double angle = work->pos[i] * work->sinusoid->frequency[d];
      float *out = work->out + i * 2 * half;
      out[neighbours ? 2 * d : d] = (float)sin(angle);
      out[neighbours ? 2 * d + 1 : d + half] = (float)cos(angle);
    }
}

static tfm_status run(const tfm_host *host, const void *instance, const tfm_run *run) {
  enum { TOKENS_A_PIECE = 4 };
  const tfm_tensor *pos = run->input[0];
  struct work work = {instance, pos->data, run->output[0]->data};
  host->parallel_for(host, pos->shape[0] * pos->shape[1], TOKENS_A_PIECE, rows, &work);
  return TFM_OK;
}

const tfm_kernel_desc sinusoid_reference = {
    .prepare = prepare,
    .run = run,
    .destroy = destroy,
    KERNEL_OF("sinusoid", "reference", TFM_KERNEL_REFERENCE),
};
