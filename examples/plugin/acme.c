/* acme.c - a plugin for tfm: one op, acme.soft_cap, and two kernels for it.
 *
 * Build it with the Makefile beside it; all it needs is tfm/plugin.h.  A model
 * file then says `use acme 1` and calls acme.soft_cap(x, cap: 30.0). */
#include <tfm/plugin.h>

#include <math.h>

/* What the op means.  The compiler reads this text: it checks calls of the op
 * by it, and knows from it that what comes out is as large as what went in. */
static const tfm_op_desc soft_cap = {
    .struct_size = sizeof(tfm_op_desc),
    .flags = TFM_OP_KEEPS_TOKENS, /* element by element */
    .version = 1,
    .schema = "## cap * tanh(x / cap): as x near 0, and never beyond cap (Gemma 2, section 2).\n"
              "op soft_cap(x: [...]; ; cap: real) -> [...]\n",
};

/* ---- the reference kernel: plain, since it says what is right */

static int64_t count_of(const tfm_tensor *tensor) {
  int64_t count = 1;
  for (uint32_t i = 0; i < tensor->rank; i++)
    count *= tensor->shape[i];
  return count;
}

static tfm_status run_reference(const tfm_host *host, const void *instance, const tfm_run *run) {
  (void)host;
  const double cap = *(const double *)instance;
  const float *x = run->input[0]->data;
  float *out = run->output[0]->data;
  for (int64_t i = 0; i < count_of(run->input[0]); i++)
    out[i] = (float)(cap * tanh(x[i] / cap));
  return TFM_OK;
}

/* Once a node: read the attribute, refuse what cannot work, keep the rest. */
static tfm_status prepare(const tfm_host *host, const tfm_node *node,
                          const tfm_tensor *const *weight, void **instance) {
  (void)weight;
  double cap = tfm_attr_real(node, "cap", 0);
  if (!(cap > 0))
    return host->fail(host, "cap is %g, but must be above 0", cap);
  double *kept = host->alloc(host, sizeof *kept);
  if (!kept)
    return TFM_NO_MEMORY;
  *kept = cap;
  *instance = kept;
  return TFM_OK;
}

static void destroy(const tfm_host *host, void *instance) {
  if (instance)
    host->release(host, instance);
}

static const tfm_kernel_desc reference = {
    .struct_size = sizeof(tfm_kernel_desc),
    .flags = TFM_KERNEL_REFERENCE | TFM_KERNEL_INPLACE_OK | TFM_KERNEL_DETERMINISTIC,
    .op_min = 1,
    .op_max = 1,
    .op = "acme.soft_cap",
    .name = "reference",
    .device = "cpu",
    .prepare = prepare,
    .run = run_reference,
    .destroy = destroy,
};

/* ---- a faster one: f32, and shared out to all threads */

struct work {
  float cap;
  const float *x;
  float *out;
};

/* Elements [begin, end).  One element does not depend on another, so the
 * result is the same however the host cuts the range. */
static void run_piece(void *arg, int64_t begin, int64_t end, uint32_t lane) {
  (void)lane;
  const struct work *work = arg;
  for (int64_t i = begin; i < end; i++)
    work->out[i] = work->cap * tanhf(work->x[i] / work->cap);
}

static tfm_status run_parallel(const tfm_host *host, const void *instance, const tfm_run *run) {
  struct work work = {(float)*(const double *)instance, run->input[0]->data, run->output[0]->data};
  host->parallel_for(host, count_of(run->input[0]), 1024, run_piece, &work);
  return TFM_OK;
}

static const tfm_kernel_desc parallel = {
    .struct_size = sizeof(tfm_kernel_desc),
    .flags = TFM_KERNEL_INPLACE_OK | TFM_KERNEL_DETERMINISTIC,
    .op_min = 1,
    .op_max = 1,
    .op = "acme.soft_cap",
    .name = "parallel",
    .device = "cpu",
    .score = 10,
    .prepare = prepare,
    .run = run_parallel,
    .destroy = destroy,
};

/* ---- the plugin */

static const tfm_op_desc *const ops[] = {&soft_cap};
static const tfm_kernel_desc *const kernels[] = {&reference, &parallel};

static const tfm_plugin_desc acme = {
    .struct_size = sizeof(tfm_plugin_desc),
    .abi_minor = 0, /* the oldest that has all it uses */
    .name = "acme", /* that of the file, acme.so */
    .version = "1.0.0",
    .schema_major = 1,
    .summary = "soft caps for logits and attention scores",
    .license = "MIT",
    .op_count = sizeof ops / sizeof ops[0],
    .kernel_count = sizeof kernels / sizeof kernels[0],
    .op = ops,
    .kernel = kernels,
};

TFM_PLUGIN("acme", 0, &acme)
