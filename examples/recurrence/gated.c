/* gated.c - a plugin for tfm: an op that carries a state of its own from step to step.
 *
 * A gated linear recurrence (Katharopoulos et al. 2020, section 3.4, with the decay of Sun et
 * al. 2023, section 2.1): what a head remembers is a matrix, however long the text is.  For
 * each token, and each head of K columns,
 *
 *     memory[i, j] = decay * memory[i, j] + key[i] * value[j]
 *     y[j]         = sum over i of query[i] * memory[i, j]
 *
 * The host keeps the matrices of each text: it shares them between texts that begin alike,
 * and gives a step the ones before it and room for those after it.  Built like
 * examples/plugin. */
#include <tfm/plugin.h>

#include <string.h>

static const tfm_op_desc recall = {
    .struct_size = sizeof(tfm_op_desc),
    .version = 1,
    .schema = "## Linear attention whose memory fades by `decay` with each token.\n"
              "op recall(q: [B, T, W], k: [B, T, W], v: [B, T, W], memory: state[heads, K, K]; ;\n"
              "  heads: int, decay: real) -> [B, T, W]\n"
              "  where heads >= 1 and heads * K == W\n",
};

static tfm_status prepare(const tfm_host *host, const tfm_node *node,
                          const tfm_tensor *const *weight, void **instance) {
  (void)weight;
  double decay = tfm_attr_real(node, "decay", 0);
  if (!(decay > 0 && decay <= 1))
    return host->fail(host, "decay is %g, but must be above 0 and at most 1", decay);
  float *kept = host->alloc(host, sizeof *kept);
  if (!kept)
    return TFM_NO_MEMORY;
  *kept = (float)decay;
  *instance = kept;
  return TFM_OK;
}

static void destroy(const tfm_host *host, void *instance) {
  if (instance)
    host->release(host, instance);
}

/* One head of one row, token after token: so a prompt at once and token by token are the
 * same, to the bit. */
struct job {
  const tfm_run *run;
  const tfm_state *memory;
  float decay;
};

static void step_token(const struct job *job, int64_t token, int64_t head, float *memory) {
  const tfm_run *run = job->run;
  const int64_t size = job->memory->shape[1], width = run->input[0]->shape[2];
  const int64_t at = token * width + head * size;
  const float *query = (const float *)run->input[0]->data + at;
  const float *key = (const float *)run->input[1]->data + at;
  const float *value = (const float *)run->input[2]->data + at;
  float *y = (float *)run->output[0]->data + at;
  memset(y, 0, (size_t)size * sizeof *y);
  for (int64_t i = 0; i < size; i++)
    for (int64_t j = 0; j < size; j++) {
      float *m = &memory[i * size + j];
      *m = job->decay * *m + key[i] * value[j];
      y[j] += query[i] * *m;
    }
}

static void run_heads(void *arg, int64_t begin, int64_t end, uint32_t lane) {
  const struct job *job = arg;
  const tfm_state *state = job->memory;
  const int64_t heads = state->shape[0], matrix = state->shape[1] * state->shape[2];
  (void)lane;
  for (int64_t i = begin; i < end; i++) {
    const int64_t row = i / heads, head = i % heads;
    const float *now = (const float *)tfm_state_now(state, row) + head * matrix;
    float *next = (float *)tfm_state_next(state, row) + head * matrix;
    memcpy(next, now, (size_t)matrix * sizeof *next);
    const int64_t first = tfm_row_begin(job->run->input[0], row);
    for (int64_t t = 0; t < state->fresh[row]; t++)
      step_token(job, first + t, head, next);
  }
}

static tfm_status run(const tfm_host *host, const void *instance, const tfm_run *run) {
  struct job job = {.run = run, .memory = run->input[3]->data, .decay = *(const float *)instance};
  host->parallel_for(host, job.memory->rows * job.memory->shape[0], 1, run_heads, &job);
  return TFM_OK;
}

static const tfm_kernel_desc reference = {
    .struct_size = sizeof(tfm_kernel_desc),
    .flags = TFM_KERNEL_REFERENCE | TFM_KERNEL_DETERMINISTIC | TFM_KERNEL_KNOWS_ROWS,
    .op_min = 1,
    .op_max = 1,
    .op = "gated.recall",
    .name = "reference",
    .device = "cpu",
    .prepare = prepare,
    .run = run,
    .destroy = destroy,
};

static const tfm_op_desc *const ops[] = {&recall};
static const tfm_kernel_desc *const kernels[] = {&reference};

static const tfm_plugin_desc gated = {
    .struct_size = sizeof(tfm_plugin_desc),
    .abi_minor = 1,
    .name = "gated",
    .version = "1.0.0",
    .schema_major = 1,
    .summary = "a recurrence in place of attention",
    .license = "MIT",
    .op_count = sizeof ops / sizeof ops[0],
    .kernel_count = sizeof kernels / sizeof kernels[0],
    .op = ops,
    .kernel = kernels,
};

TFM_PLUGIN("gated", 1, &gated)
