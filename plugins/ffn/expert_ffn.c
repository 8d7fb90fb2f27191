/* expert_ffn.c - feed-forward nets of which each token uses a few.
 *
 *     pairs (token, expert), sorted by expert, FFN_ROWS at a time:
 *
 *       x of the pairs --gate--> [pairs, F] --activation--+
 *            |                                            * --> --down--> [pairs, D]
 *            +------------up---> [pairs, F] --------------+
 *
 *     out[token] = the sum of share * what its experts give, by the experts' numbers
 *
 * Only experts that some token has chosen are read.  The order of a token's sum depends
 * on its own choice alone. */
#include "plugins/common/vec.h"
#include "plugins/common/weights.h"
#include "plugins/ffn/ffn.h"

#include <string.h>

const tfm_op_desc expert_ffn_op = {
    OP_OF("## Feed-forward nets with a gate, or without, of which each token uses those that "
          "`choice`\n"
          "## names: the sum over these of share * down(activation(gate(x)) * up(x)).\n"
          "op expert_ffn(x: [..., D], choice: i32[..., K], share: [..., K];\n"
          "  gate: experts[E, D, F]?, up: experts[E, D, F], down: experts[E, F, D];\n"
          "  kind: " ACTIVATION_KINDS ",\n"
          "  experts: int?, inner: int?) -> [..., D] where E == experts, F == inner\n"),
    .flags = TFM_OP_KEEPS_TOKENS};

/* The weights in the order of the schema; each is followed by its bias. */
enum { GATE = 0, UP = 2, DOWN = 4, LAYERS = 3 };

/* One pair's expert, for a piece of memory of all that a block of pairs needs. */
struct segment {
  tfm_gemm gate, up, down;
  tfm_tensor weight[LAYERS], bias[LAYERS];
};

struct block {
  const tfm_run *run;
  activation_fn *apply;
  int64_t width, inner, k, tokens, experts;
  int64_t *begin;   /* [E + 1]: where the pairs of each expert begin */
  int64_t *pair;    /* [tokens * k]: token * k + j, by expert */
  float *x, *y;     /* [FFN_ROWS, D] */
  float *gate, *up; /* [FFN_ROWS, F] */
  struct segment *segment;
  const tfm_gemm **problem;
  int64_t first, count; /* of the pairs of this block */
};

static int64_t fewer(int64_t a, int64_t b) {
  return a < b ? a : b;
}

static void sizes_of(struct block *b, const tfm_run *run) {
  const tfm_tensor *x = run->input[0], *choice = run->input[1];
  *b = (struct block){.run = run,
                      .width = x->shape[x->rank - 1],
                      .inner = run->weight[UP]->shape[1],
                      .k = choice->shape[choice->rank - 1],
                      .tokens = tensor_rows(x),
                      .experts = run->weight[UP]->shape[0]};
}

/* The next piece of the workspace, aligned; only counted where there is none yet. */
static void *take(char *base, size_t *at, size_t bytes) {
  char *piece = base ? base + *at : NULL;
  *at += (bytes + 63) & ~(size_t)63;
  return piece;
}

static size_t lay_out(struct block *b, char *base) {
  size_t at = 0, rows = (size_t)fewer(b->tokens * b->k, FFN_ROWS);
  size_t segments = (size_t)fewer((int64_t)rows, b->experts);
  b->begin = take(base, &at, ((size_t)b->experts + 1) * sizeof *b->begin);
  b->pair = take(base, &at, (size_t)(b->tokens * b->k) * sizeof *b->pair);
  b->x = take(base, &at, rows * (size_t)b->width * sizeof *b->x);
  b->y = take(base, &at, rows * (size_t)b->width * sizeof *b->y);
  b->gate = take(base, &at, rows * (size_t)b->inner * sizeof *b->gate);
  b->up = take(base, &at, rows * (size_t)b->inner * sizeof *b->up);
  b->segment = take(base, &at, segments * sizeof *b->segment);
  b->problem = take(base, &at, 2 * segments * sizeof *b->problem);
  return at;
}

tfm_status expert_ffn_workspace(const tfm_host *host, const void *instance, const tfm_run *run,
                                size_t *bytes) {
  struct block b;
  (void)host;
  (void)instance;
  sizes_of(&b, run);
  *bytes = lay_out(&b, NULL);
  return TFM_OK;
}

/* Sorted by counting, tokens in their order within an expert. */
static tfm_status sort_pairs(const tfm_host *host, struct block *b) {
  const int32_t *choice = b->run->input[1]->data;
  int64_t pairs = b->tokens * b->k;
  memset(b->begin, 0, ((size_t)b->experts + 1) * sizeof *b->begin);
  for (int64_t p = 0; p < pairs; p++) {
    if (choice[p] < 0 || choice[p] >= b->experts)
      return host->fail(host, "expert %d is chosen, and there are %lld", (int)choice[p],
                        (long long)b->experts);
    b->begin[choice[p]]++;
  }
  for (int64_t e = 0; e < b->experts; e++)
    b->begin[e + 1] += b->begin[e];
  for (int64_t p = pairs; p-- > 0;) /* from the ends down to the beginnings */
    b->pair[--b->begin[choice[p]]] = p;
  b->begin[b->experts] = pairs;
  return TFM_OK;
}

/* ---- parallel pieces */

static void gather(void *arg, int64_t begin, int64_t end, uint32_t lane) {
  const struct block *b = arg;
  (void)lane;
  for (int64_t i = begin; i < end; i++)
    memcpy(b->x + i * b->width,
           (const float *)b->run->input[0]->data + b->pair[b->first + i] / b->k * b->width,
           (size_t)b->width * sizeof(float));
}

static void activate(void *arg, int64_t row, int64_t column, float *value, int64_t count) {
  const struct block *b = arg;
  (void)row;
  (void)column;
  b->apply(value, value, count);
}

static void multiply(void *arg, int64_t begin, int64_t end, uint32_t lane) {
  const struct block *b = arg;
  (void)lane;
  for (int64_t i = begin; i < end; i += VEC_WIDTH) {
    vec product = vec_mul(vec_load_upto(b->up + i, end - i), vec_load_upto(b->gate + i, end - i));
    vec_store_upto(b->up + i, product, end - i);
  }
}

/* A range of columns of all the block's pairs, in their order. */
static void scatter(void *arg, int64_t begin, int64_t end, uint32_t lane) {
  const struct block *b = arg;
  (void)lane;
  for (int64_t i = 0; i < b->count; i++) {
    int64_t pair = b->pair[b->first + i];
    vec share = vec_set(((const float *)b->run->input[2]->data)[pair]);
    const float *y = b->y + i * b->width;
    float *out = (float *)b->run->output[0]->data + pair / b->k * b->width;
    for (int64_t c = begin; c < end; c += VEC_WIDTH) {
      vec v = vec_mul(share, vec_load_upto(y + c, end - c));
      vec_store_upto(out + c, vec_add(vec_load_upto(out + c, end - c), v), end - c);
    }
  }
}

/* ---- by host->gemm */

static void set_problem(const struct block *b, struct segment *s, tfm_gemm *problem, uint32_t slot,
                        int64_t expert, int64_t rows, const float *a, float *c) {
  tfm_tensor *weight = &s->weight[slot / 2], *bias = &s->bias[slot / 2];
  *weight = tfm_tensor_item(b->run->weight[slot], expert);
  if (b->run->weight[slot + 1])
    *bias = tfm_tensor_item(b->run->weight[slot + 1], expert);
  *problem = (tfm_gemm){.struct_size = sizeof *problem,
                        .rows = rows,
                        .a = a,
                        .a_stride = weight->shape[1],
                        .weight = weight,
                        .bias = b->run->weight[slot + 1] ? bias : NULL,
                        .c = c,
                        .c_stride = weight->shape[0]};
}

/* The problems of an expert's pairs, rows [at, at + rows) of the block. */
static void set_segment(struct block *b, struct segment *s, int64_t expert, int64_t at,
                        int64_t rows) {
  const float *x = b->x + at * b->width;
  float *up = b->up + at * b->inner;
  int gated = b->run->weight[GATE] != NULL;
  set_problem(b, s, &s->up, UP, expert, rows, x, up);
  if (gated)
    set_problem(b, s, &s->gate, GATE, expert, rows, x, b->gate + at * b->inner);
  tfm_gemm *first = gated ? &s->gate : &s->up;
  first->epilogue = activate;
  first->epilogue_arg = b;
  set_problem(b, s, &s->down, DOWN, expert, rows, up, b->y + at * b->width);
}

static uint32_t set_segments(struct block *b) {
  uint32_t count = 0;
  int64_t expert = 0;
  for (int64_t at = 0; at < b->count;) {
    while (b->begin[expert + 1] <= b->first + at)
      expert++;
    int64_t rows = fewer(b->begin[expert + 1] - b->first, b->count) - at;
    set_segment(b, &b->segment[count++], expert, at, rows);
    at += rows;
  }
  return count;
}

static tfm_status run_block(const tfm_host *host, struct block *b) {
  enum { GRAIN = 8192 };
  int gated = b->run->weight[GATE] != NULL;
  host->parallel_for(host, b->count, GRAIN / (b->width + 1) + 1, gather, b);
  uint32_t segments = set_segments(b), problems = 0;
  for (uint32_t i = 0; i < segments; i++) {
    if (gated)
      b->problem[problems++] = &b->segment[i].gate;
    b->problem[problems++] = &b->segment[i].up;
  }
  tfm_status status = host->gemm(host, b->problem, problems);
  if (status != TFM_OK)
    return status;
  if (gated)
    host->parallel_for(host, b->count * b->inner, GRAIN, multiply, b);
  for (uint32_t i = 0; i < segments; i++)
    b->problem[i] = &b->segment[i].down;
  status = host->gemm(host, b->problem, segments);
  if (status == TFM_OK)
    host->parallel_for(host, b->width, GRAIN / (b->count + 1) + 1, scatter, b);
  return status;
}

tfm_status expert_ffn_run(const tfm_host *host, const void *instance, const tfm_run *run) {
  struct block b;
  sizes_of(&b, run);
  b.apply = ((const struct activation_instance *)instance)->apply;
  lay_out(&b, run->workspace);
  memset(run->output[0]->data, 0, (size_t)(b.tokens * b.width) * sizeof(float));
  tfm_status status = sort_pairs(host, &b);
  for (; status == TFM_OK && b.first < b.tokens * b.k; b.first += b.count) {
    b.count = fewer(b.tokens * b.k - b.first, FFN_ROWS);
    status = run_block(host, &b);
  }
  return status;
}

/* ---- the meaning: a token and one of its experts at a time */

static tfm_status workspace_reference(const tfm_host *host, const void *instance,
                                      const tfm_run *run, size_t *bytes) {
  struct block b;
  (void)host;
  (void)instance;
  sizes_of(&b, run);
  int64_t longest = b.width > b.inner ? b.width : b.inner;
  *bytes = (size_t)(2 * b.inner + b.width + longest) * sizeof(float);
  return TFM_OK;
}

/* Row o of a matrix as floats, whatever its strides. */
static tfm_status read_row(const tfm_host *host, const tfm_tensor *matrix, int64_t o, float *row) {
  const char *from = (const char *)matrix->data + o * matrix->stride[0];
  int together = matrix->stride[1] == weights_size(matrix->dtype);
  int64_t width = matrix->shape[1], step = together ? width : 1;
  tfm_status status = TFM_OK;
  for (int64_t i = 0; i < width && status == TFM_OK; i += step)
    status = host->to_f32(host, matrix->dtype, from + i * matrix->stride[1], row + i, step);
  return status;
}

/* out = x weight^T + bias, of one expert's layer */
static tfm_status layer(const tfm_host *host, const tfm_run *run, uint32_t slot, int64_t expert,
                        const float *x, float *out, float *row) {
  tfm_tensor weight = tfm_tensor_item(run->weight[slot], expert), bias = {0};
  tfm_status status = TFM_OK;
  if (run->weight[slot + 1])
    bias = tfm_tensor_item(run->weight[slot + 1], expert);
  for (int64_t o = 0; o < weight.shape[0] && status == TFM_OK; o++) {
    float offset = 0;
    if (bias.data)
      status =
          host->to_f32(host, bias.dtype, (const char *)bias.data + o * bias.stride[0], &offset, 1);
    double sum = offset;
    if (status == TFM_OK)
      status = read_row(host, &weight, o, row);
    for (int64_t i = 0; i < weight.shape[1]; i++)
      sum += (double)x[i] * row[i];
    out[o] = (float)sum;
  }
  return status;
}

static tfm_status net(const tfm_host *host, const struct block *b, int64_t expert, const float *x,
                      float *memory, float **y) {
  float *gate = memory, *up = gate + b->inner, *row = up + b->inner + b->width;
  const tfm_run *run = b->run;
  *y = up + b->inner;
  tfm_status status = layer(host, run, UP, expert, x, up, row);
  if (status == TFM_OK && run->weight[GATE])
    status = layer(host, run, GATE, expert, x, gate, row);
  if (status != TFM_OK)
    return status;
  if (!run->weight[GATE])
    b->apply(up, up, b->inner);
  else
    b->apply(gate, gate, b->inner);
  for (int64_t i = 0; run->weight[GATE] && i < b->inner; i++)
    up[i] *= gate[i];
  return layer(host, run, DOWN, expert, up, *y, row);
}

static tfm_status run_reference(const tfm_host *host, const void *instance, const tfm_run *run) {
  struct block b;
  sizes_of(&b, run);
  b.apply = ((const struct activation_instance *)instance)->apply;
  memset(run->output[0]->data, 0, (size_t)(b.tokens * b.width) * sizeof(float));
  for (int64_t p = 0; p < b.tokens * b.k; p++) {
    int32_t expert = ((const int32_t *)run->input[1]->data)[p];
    float share = ((const float *)run->input[2]->data)[p], *y;
    float *out = (float *)run->output[0]->data + p / b.k * b.width;
    if (expert < 0 || expert >= b.experts)
      return host->fail(host, "expert %d is chosen, and there are %lld", (int)expert,
                        (long long)b.experts);
    tfm_status status =
        net(host, &b, expert, (const float *)run->input[0]->data + p / b.k * b.width,
            run->workspace, &y);
    if (status != TFM_OK)
      return status;
    for (int64_t i = 0; i < b.width; i++)
      out[i] += share * y[i];
  }
  return TFM_OK;
}

static tfm_status prepare_reference(const tfm_host *host, const tfm_node *node,
                                    const tfm_tensor *const *weight, void **instance) {
  (void)weight;
  return activation_prepare(host, node, activation_table_reference, instance);
}

const tfm_kernel_desc expert_ffn_reference = {
    .prepare = prepare_reference,
    .workspace = workspace_reference,
    .run = run_reference,
    .destroy = activation_destroy,
    KERNEL_OF("expert_ffn", "reference", TFM_KERNEL_REFERENCE),
};
