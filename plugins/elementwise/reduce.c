/* reduce.c - softmax, and sums, means and largest elements over an axis.
 *
 * x is [outer, length, inner]; each of its outer * inner columns is taken in order, in
 * double, so that a result depends on its own column alone. */
#include "plugins/common/kernel.h"
#include "plugins/elementwise/elementwise.h"

#include <math.h>

enum { ELEMENTS_A_PIECE = 4096 };

struct reduction {
  int64_t axis;
};

static int64_t axis_of(const tfm_node *node) {
  int64_t axis = tfm_attr_int(node, "axis", -1);
  return axis < 0 ? axis + node->input[0]->rank : axis;
}

static tfm_status fail_axis(const tfm_host *host, const tfm_node *node) {
  return host->fail(host, "axis %lld of a tensor of %u dimensions",
                    (long long)tfm_attr_int(node, "axis", -1), node->input[0]->rank);
}

static tfm_status prepare(const tfm_host *host, const tfm_node *node,
                          const tfm_tensor *const *weight, void **instance) {
  (void)weight;
  if (axis_of(node) < 0 || axis_of(node) >= node->input[0]->rank)
    return fail_axis(host, node);
  struct reduction *made = host->alloc(host, sizeof *made);
  if (!made)
    return TFM_NO_MEMORY;
  made->axis = axis_of(node);
  *instance = made;
  return TFM_OK;
}

static void destroy(const tfm_host *host, void *instance) {
  if (instance)
    host->release(host, instance);
}

/* `axis` goes away, or stays as 1. */
static tfm_status infer(const tfm_host *host, const tfm_node *node, tfm_type *output,
                        uint32_t capacity, uint32_t *count) {
  tfm_type type = *node->input[0];
  int64_t axis = axis_of(node);
  (void)capacity;
  if (axis < 0 || axis >= type.rank)
    return fail_axis(host, node);
  type.shape[axis] = 1;
  if (!tfm_attr_int(node, "keep", 0)) {
    for (uint32_t i = (uint32_t)axis; i + 1 < type.rank; i++)
      type.shape[i] = type.shape[i + 1];
    type.shape[--type.rank] = 0;
  }
  output[0] = type;
  *count = 1;
  return TFM_OK;
}

/* One column: `length` elements of x, `inner` apart; out as far apart, or one. */
typedef void column_fn(const float *x, int64_t length, int64_t inner, float *out);

struct work {
  column_fn *column;
  const float *x;
  float *out;
  int64_t length, inner;
  int64_t out_length; /* length, or 1 */
};

static void run_columns(void *arg, int64_t begin, int64_t end, uint32_t lane) {
  (void)lane;
  const struct work *work = arg;
  for (int64_t i = begin; i < end; i++) {
    int64_t outer = i / work->inner, inner = i % work->inner;
    work->column(work->x + outer * work->length * work->inner + inner, work->length, work->inner,
                 work->out + outer * work->out_length * work->inner + inner);
  }
}

static tfm_status run_all(const tfm_host *host, const void *instance, const tfm_run *run,
                          column_fn *column, int whole) {
  const tfm_tensor *x = run->input[0];
  int64_t axis = ((const struct reduction *)instance)->axis, outer = 1, inner = 1;
  for (int64_t d = 0; d < axis; d++)
    outer *= x->shape[d];
  for (int64_t d = axis + 1; d < x->rank; d++)
    inner *= x->shape[d];
  struct work work = {column,         x->data, run->output[0]->data,
                      x->shape[axis], inner,   whole ? x->shape[axis] : 1};
  if (inner > 0)
    host->parallel_for(host, outer * inner, ELEMENTS_A_PIECE / (work.length + 1) + 1, run_columns,
                       &work);
  return TFM_OK;
}

static double largest(const float *x, int64_t length, int64_t inner) {
  double most = -INFINITY;
  for (int64_t i = 0; i < length; i++)
    if (!(x[i * inner] <= most)) /* NaN stays */
      most = x[i * inner];
  return most;
}

static double total(const float *x, int64_t length, int64_t inner) {
  double sum = 0;
  for (int64_t i = 0; i < length; i++)
    sum += x[i * inner];
  return sum;
}

static void max_column(const float *x, int64_t length, int64_t inner, float *out) {
  *out = (float)largest(x, length, inner);
}

static void sum_column(const float *x, int64_t length, int64_t inner, float *out) {
  *out = (float)total(x, length, inner);
}

static void mean_column(const float *x, int64_t length, int64_t inner, float *out) {
  *out = (float)(total(x, length, inner) / (double)length);
}

/* The largest is taken off first: e^89 is inf.  out may be x. */
static void softmax_column(const float *x, int64_t length, int64_t inner, float *out) {
  double most = largest(x, length, inner), sum = 0;
  for (int64_t i = 0; i < length; i++)
    sum += exp(x[i * inner] - most);
  for (int64_t i = 0; i < length; i++)
    out[i * inner] = (float)(exp(x[i * inner] - most) / sum);
}

#define REDUCE(id, doc)                                                                            \
  const tfm_op_desc id##_op = {OP_OF("## " doc " over an axis, which goes away, or stays as 1.\n"  \
                                     "op " #id                                                     \
                                     "(x: [...]; ; axis: int, keep: bool = false) -> _\n"),        \
                               .infer = infer, .flags = TFM_OP_KEEPS_TOKENS};                      \
  static tfm_status id##_run(const tfm_host *host, const void *instance, const tfm_run *run) {     \
    return run_all(host, instance, run, id##_column, 0);                                           \
  }                                                                                                \
  const tfm_kernel_desc id##_reference = {KERNEL_OF(#id, "reference", TFM_KERNEL_REFERENCE),       \
                                          .prepare = prepare, .run = id##_run, .destroy = destroy}

REDUCE(sum, "The sum");
REDUCE(mean, "The mean");
REDUCE(max, "The largest element");

const tfm_op_desc softmax_op = {OP_OF("## e^x, divided by the sum of these over an axis.\n"
                                      "op softmax(x: [...]; ; axis: int = -1) -> [...]\n"),
                                .flags = TFM_OP_KEEPS_TOKENS};

static tfm_status softmax_run(const tfm_host *host, const void *instance, const tfm_run *run) {
  return run_all(host, instance, run, softmax_column, 1);
}

const tfm_kernel_desc softmax_reference = {
    KERNEL_OF("softmax", "reference", TFM_KERNEL_REFERENCE | TFM_KERNEL_INPLACE_OK),
    .prepare = prepare, .run = softmax_run, .destroy = destroy};
