/* function.c - functions of one element, computed in double. */
#include "plugins/common/kernel.h"
#include "plugins/common/weights.h"
#include "plugins/elementwise/elementwise.h"

#include <math.h>

enum { ELEMENTS_A_PIECE = 1024 };

struct work {
  const float *x;
  float *out; /* may be x */
  double low, high;
};

static tfm_status run_work(const tfm_host *host, const tfm_run *run, struct work work,
                           void (*piece)(void *, int64_t, int64_t, uint32_t)) {
  work.x = run->input[0]->data;
  work.out = run->output[0]->data;
  host->parallel_for(host, tensor_count(run->input[0]), ELEMENTS_A_PIECE, piece, &work);
  return TFM_OK;
}

/* An op and its kernel, from what is done to an element x. */
#define FUNCTION(id, doc, value)                                                                   \
  const tfm_op_desc id##_op = {OP_OF("## " doc "\nop " #id "(x: [...]) -> [...]\n"),               \
                               .flags = TFM_OP_KEEPS_TOKENS};                                      \
  static void id##_piece(void *arg, int64_t i, int64_t end, uint32_t lane) {                       \
    (void)lane;                                                                                    \
    const struct work *work = arg;                                                                 \
    for (; i < end; i++) {                                                                         \
      double x = work->x[i];                                                                       \
      work->out[i] = (float)(value);                                                               \
    }                                                                                              \
  }                                                                                                \
  static tfm_status id##_run(const tfm_host *host, const void *instance, const tfm_run *run) {     \
    (void)instance;                                                                                \
    return run_work(host, run, (struct work){0}, id##_piece);                                      \
  }                                                                                                \
  const tfm_kernel_desc id##_reference = {                                                         \
      KERNEL_OF(#id, "reference", TFM_KERNEL_REFERENCE | TFM_KERNEL_INPLACE_OK), .run = id##_run}

FUNCTION(exp, "e to the power of each element.", exp(x));
FUNCTION(log, "The natural logarithm.", log(x));
FUNCTION(sin, "The sine.", sin(x));
FUNCTION(cos, "The cosine.", cos(x));
FUNCTION(sqrt, "The square root.", sqrt(x));
FUNCTION(abs, "Without its sign.", fabs(x));

/* ---- clamp: its instance holds both ends */

const tfm_op_desc clamp_op = {OP_OF("## At least `min`, at most `max`.\n"
                                    "op clamp(x: [...]; ; min: real?, max: real?) -> [...]\n"),
                              .flags = TFM_OP_KEEPS_TOKENS};

static tfm_status clamp_prepare(const tfm_host *host, const tfm_node *node,
                                const tfm_tensor *const *weight, void **instance) {
  (void)weight;
  struct work *ends = host->alloc(host, sizeof *ends);
  if (!ends)
    return TFM_NO_MEMORY;
  ends->low = tfm_attr_real(node, "min", -INFINITY);
  ends->high = tfm_attr_real(node, "max", INFINITY);
  *instance = ends;
  return TFM_OK;
}

static void clamp_destroy(const tfm_host *host, void *instance) {
  if (instance)
    host->release(host, instance);
}

static void clamp_piece(void *arg, int64_t i, int64_t end, uint32_t lane) {
  (void)lane;
  const struct work *work = arg;
  for (; i < end; i++) {
    double x = work->x[i];
    work->out[i] = (float)(x < work->low ? work->low : x > work->high ? work->high : x);
  }
}

static tfm_status clamp_run(const tfm_host *host, const void *instance, const tfm_run *run) {
  return run_work(host, run, *(const struct work *)instance, clamp_piece);
}

const tfm_kernel_desc clamp_reference = {
    KERNEL_OF("clamp", "reference", TFM_KERNEL_REFERENCE | TFM_KERNEL_INPLACE_OK),
    .prepare = clamp_prepare, .run = clamp_run, .destroy = clamp_destroy};
