/* rope.c - rotary positions: schema, and what it means. */
#include "plugins/attention/rope.h"

#include "plugins/attention/attention.h"

#include <math.h>
#include <string.h>

const tfm_op_desc rope_op = {
    OP_OF(
        "## Rotary positions (Su et al. 2021, section 3.2.2): a pair of elements of a head turns "
        "by\n"
        "## the angle pos * theta^(-2d/width).  Only the first `width` elements turn, all if it "
        "is\n"
        "## not given.  Pair d is d and d + width/2 (halves: Llama, GPT-NeoX) or 2d and 2d + 1\n"
        "## (neighbours: GPT-J).  scaling is the object rope_scaling or rope_parameters of\n"
        "## config.json: its rope_type (or type) is default, linear, dynamic, yarn, longrope,\n"
        "## llama3 or proportional.  original is the length trained at, before it was stretched;\n"
        "## without it the object's original_max_position_embeddings is.  length is\n"
        "## max_position_embeddings.  dynamic and longrope go by the length of the text so far,\n"
        "## which is the largest position given and one more.\n"
        "op rope(x: [B, T, H, K], pos: i32[B, T]; ;\n"
        "  theta: real = 10000.0, scaling: object?, original: real?, length: real?, width: int?,\n"
        "  pairs: \"halves\" | \"neighbours\" = \"halves\") -> [B, T, H, K]\n"
        "  where K / 2 >= 1\n"),
    .flags = TFM_OP_KEEPS_TOKENS};

tfm_status rope_prepare(const tfm_host *host, const tfm_node *node, const tfm_tensor *const *weight,
                        void **instance) {
  struct rope_scaling scaling;
  tfm_status status = rope_read_scaling(host, node, &scaling);
  (void)weight;
  if (status != TFM_OK)
    return status;
  struct rope *rope = host->alloc(host, sizeof *rope + (size_t)scaling.width * sizeof(float));
  if (!rope)
    return TFM_NO_MEMORY;
  rope->heads = node->input[0]->shape[2];
  rope->size = scaling.size;
  rope->half = scaling.width / 2;
  rope->neighbours = strcmp(tfm_attr_text(node, "pairs", "halves"), "neighbours") == 0;
  status = rope_frequencies(host, &scaling, rope);
  if (status != TFM_OK) {
    host->release(host, rope);
    return status;
  }
  rope->scaling = scaling;
  rope->scaling.object = NULL; /* goes with the node */
  *instance = rope;
  return TFM_OK;
}

void rope_destroy(const tfm_host *host, void *instance) {
  if (instance)
    host->release(host, instance);
}

int64_t rope_length(const tfm_run *run, int64_t b) {
  const tfm_tensor *pos = run->input[1];
  const int32_t *at = pos->data;
  int64_t most = 0;
  for (int64_t i = tfm_row_begin(pos, b); i < tfm_row_begin(pos, b + 1); i++)
    most = at[i] >= most ? (int64_t)at[i] + 1 : most;
  return most;
}

/* ---- the meaning */

/* One head of one token. */
static void turn(const struct rope *rope, const float *frequency, int32_t pos, const float *x,
                 float *out) {
  int64_t half = rope->half;
  for (int64_t d = 0; d < half; d++) {
    float angle = (float)pos * frequency[d];
    int64_t first = rope->neighbours ? 2 * d : d, second = rope->neighbours ? 2 * d + 1 : d + half;
    double a = x[first], b = x[second], c = cos(angle) * rope->scale, s = sin(angle) * rope->scale;
    out[first] = (float)(a * c - b * s);
    out[second] = (float)(b * c + a * s);
  }
  for (int64_t d = 2 * half; d < rope->size; d++)
    out[d] = x[d];
}

static tfm_status run(const tfm_host *host, const void *instance, const tfm_run *run) {
  (void)host;
  const struct rope *rope = instance;
  const tfm_tensor *x = run->input[0], *pos = run->input[1];
  for (int64_t b = 0; b < tfm_row_count(run, pos); b++) {
    const float *frequency =
        rope->limit ? rope_of_length(rope, rope_length(run, b), run->workspace) : rope->frequency;
    for (int64_t i = tfm_row_begin(pos, b) * rope->heads;
         i < tfm_row_begin(pos, b + 1) * rope->heads; i++)
      turn(rope, frequency, ((const int32_t *)pos->data)[i / rope->heads],
           (const float *)x->data + i * rope->size, (float *)run->output[0]->data + i * rope->size);
  }
  return TFM_OK;
}

static tfm_status workspace(const tfm_host *host, const void *instance, const tfm_run *run,
                            size_t *bytes) {
  (void)host;
  (void)run;
  *bytes = (size_t)((const struct rope *)instance)->half * sizeof(float);
  return TFM_OK;
}

const tfm_kernel_desc rope_reference = {
    .prepare = rope_prepare,
    .workspace = workspace,
    .run = run,
    .destroy = rope_destroy,
    KERNEL_OF("rope", "reference",
              TFM_KERNEL_REFERENCE | TFM_KERNEL_INPLACE_OK | TFM_KERNEL_KNOWS_ROWS),
};
