/* norm.c - the rows of a norm, shared out to the lanes. */
#include "plugins/norm/norm.h"

#include "plugins/common/weights.h"

enum { ELEMENTS_A_PIECE = 8192 };

tfm_status norm_prepare(const tfm_host *host, const tfm_node *node, const tfm_tensor *const *weight,
                        norm_row *row, norm_add *add, void **instance) {
  struct norm *norm = host->alloc(host, sizeof *norm);
  if (!norm)
    return TFM_NO_MEMORY;
  norm->row = row;
  norm->add = add;
  norm->eps = tfm_attr_real(node, "eps", 1e-5);
  tfm_status status = weights_f32(host, weight[0], &norm->weight);
  if (status == TFM_OK && node->weight_count > 1)
    status = weights_f32(host, weight[1], &norm->bias);
  if (status != TFM_OK) {
    norm_destroy(host, norm);
    return status;
  }
  *instance = norm;
  return TFM_OK;
}

void norm_destroy(const tfm_host *host, void *instance) {
  struct norm *norm = instance;
  if (!norm)
    return;
  host->release(host, norm->weight);
  host->release(host, norm->bias);
  host->release(host, norm);
}

void norm_add_reference(const float *a, const float *b, float *sum, int64_t width) {
  for (int64_t i = 0; i < width; i++)
    sum[i] = a[i] + b[i];
}

struct work {
  struct norm norm;   /* with the width of this run */
  const float *a, *b; /* [rows, width]; b may be NULL */
  float *sum, *out;
};

static void run_rows(void *arg, int64_t begin, int64_t end, uint32_t lane) {
  (void)lane;
  const struct work *work = arg;
  const struct norm *norm = &work->norm;
  int64_t width = norm->width;
  for (int64_t i = begin * width; i < end * width; i += width) {
    const float *x = work->a + i;
    if (work->b) {
      norm->add(work->a + i, work->b + i, work->sum + i, width);
      x = work->sum + i;
    }
    norm->row(norm, x, work->out + i);
  }
}

static tfm_status run_work(const tfm_host *host, const tfm_run *run, struct work *work) {
  const tfm_tensor *x = run->input[0];
  int64_t width = work->norm.width = x->shape[x->rank - 1];
  if (width > 0)
    host->parallel_for(host, tensor_rows(x), ELEMENTS_A_PIECE / width + 1, run_rows, work);
  return TFM_OK;
}

tfm_status norm_run(const tfm_host *host, const void *instance, const tfm_run *run) {
  struct work work = {.norm = *(const struct norm *)instance,
                      .a = run->input[0]->data,
                      .out = run->output[0]->data};
  return run_work(host, run, &work);
}

tfm_status norm_run_sum(const tfm_host *host, const void *instance, const tfm_run *run) {
  struct work work = {.norm = *(const struct norm *)instance,
                      .a = run->input[0]->data,
                      .b = run->input[1]->data,
                      .sum = run->output[0]->data,
                      .out = run->output[1]->data};
  return run_work(host, run, &work);
}
