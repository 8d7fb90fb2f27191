/* biases.c - what is added to attention's scores stays a formula, as masks do.
 *
 *     alibi(heads: 8) + dense_bias(x)  =  SLOPE(slopes) DENSE(x)     terms add up
 *
 * Slopes and tables are made once, in `prepare`, and the formula points at them; of a relative
 * bias that is a number for each head and distance, so a kernel need not know of buckets. */
#include "plugins/masking/masks.h"

#include "plugins/common/kernel.h"
#include "plugins/common/weights.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

enum { DISTANCE_MAX = 1 << 16, TABLE_MAX = 1 << 24 /* numbers: 64 MiB */ };

const tfm_op_desc alibi_op = {
    OP_OF("## Less for each position between query and key: -slope[h] * |p - s|, the slopes a\n"
          "## geometric series that ends in 2^-max (Press et al. 2022, section 3; where heads are\n"
          "## no power of two, as BLOOM and MPT have it).\n"
          "op alibi(; ; heads: int, max: real = 8) -> bias[heads]\n"
          "  where heads >= 1\n"),
    .flags = TFM_OP_HOLDS_INPUTS | TFM_OP_KEEPS_TOKENS};
const tfm_op_desc relative_op = {
    OP_OF(
        "## A learnt number for each head and bucket of distances s - p: near ones a bucket each,\n"
        "## farther ones in logarithmic steps up to `distance` (Raffel et al. 2020, section 2.1).\n"
        "## both: half of the buckets for keys behind the query; else these share bucket 0.\n"
        "op relative(; weight: [buckets, H]; buckets: int, distance: int = 128,\n"
        "  both: bool = true) -> bias[H]\n"
        "  where buckets >= 2\n"),
    .flags = TFM_OP_HOLDS_INPUTS | TFM_OP_KEEPS_TOKENS};
const tfm_op_desc dense_bias_op = {
    OP_OF("## A bias spelt out: x[b, h, t, s] for query t and key s of row b.\n"
          "op dense_bias(x: [_, H, T, S]) -> bias[H]\n"),
    .flags = TFM_OP_HOLDS_INPUTS | TFM_OP_KEEPS_TOKENS};
const tfm_op_desc bias_add_op = {OP_OF("## The sum of two biases; written a + b.\n"
                                       "op bias_add(a: bias[H], b: bias[H]) -> bias[H]\n"),
                                 .flags = TFM_OP_HOLDS_INPUTS | TFM_OP_KEEPS_TOKENS,
                                 .role = TFM_ROLE_BIAS_ADD};

/* The instance of alibi and relative: the term, its tensor, and its numbers behind it. */
struct table {
  tfm_bias_term term;
  tfm_tensor tensor;
  float *value;
};

static struct table *new_table(const tfm_host *host, uint32_t kind, int64_t heads, int64_t n) {
  int64_t columns = kind == TFM_BIAS_DISTANCE ? 2 * n + 1 : 1;
  struct table *table = host->alloc(host, sizeof *table);
  if (!table)
    return NULL;
  table->value = host->alloc(host, (size_t)(heads * columns + 1) * sizeof(float));
  if (!table->value) {
    host->release(host, table);
    return NULL;
  }
  table->term = (tfm_bias_term){.kind = kind, .n = n, .tensor = &table->tensor};
  table->tensor = (tfm_tensor){.data = table->value, .dtype = TFM_F32, .rank = 1};
  table->tensor.shape[0] = heads;
  table->tensor.stride[0] = columns * (int64_t)sizeof(float);
  if (kind == TFM_BIAS_DISTANCE) {
    table->tensor.rank = 2;
    table->tensor.shape[1] = columns;
    table->tensor.stride[1] = sizeof(float);
  }
  return table;
}

static void free_table(const tfm_host *host, void *instance) {
  struct table *table = instance;
  if (!table)
    return;
  host->release(host, table->value);
  host->release(host, table);
}

static tfm_status run_table(const tfm_host *host, const void *instance, const tfm_run *run) {
  (void)host;
  tfm_bias *bias = run->output[0]->data;
  memset(bias, 0, sizeof *bias);
  bias->count = 1;
  bias->term[0] = ((const struct table *)instance)->term;
  return TFM_OK;
}

/* ---- alibi */

/* Of P heads, a power of two, head h has 2^(-max (h + 1) / P).  Other numbers take all of the
 * power below, then every second one of twice as many. */
static void fill_slopes(float *slope, int64_t heads, double max) {
  int64_t power = 1;
  while (power <= heads / 2)
    power *= 2;
  for (int64_t h = 0; h < heads; h++) {
    double step = h < power ? (double)(h + 1) / (double)power
                            : (double)(2 * (h - power) + 1) / (double)(2 * power);
    slope[h] = (float)exp2(-max * step);
  }
}

static tfm_status prepare_alibi(const tfm_host *host, const tfm_node *node,
                                const tfm_tensor *const *weight, void **instance) {
  (void)weight;
  int64_t heads = tfm_attr_int(node, "heads", 0);
  double max = tfm_attr_real(node, "max", 8);
  if (heads < 1 || heads > TABLE_MAX)
    return host->fail(host, "heads is %lld, but must be in 1..%d", (long long)heads, TABLE_MAX);
  if (!(max > 0) || !isfinite(max))
    return host->fail(host, "max is %g, but must be above 0", max);
  struct table *table = new_table(host, TFM_BIAS_SLOPE, heads, 0);
  if (!table)
    return TFM_NO_MEMORY;
  fill_slopes(table->value, heads, max);
  *instance = table;
  return TFM_OK;
}

/* ---- relative */

struct buckets {
  int64_t count, distance;
  bool both;
};

/* The bucket of key s for the query at p, far = s - p.  In f32 step by step, as the models were
 * trained: in exact arithmetic some distances would fall into the next bucket. */
static int64_t bucket_of(const struct buckets *buckets, int64_t far) {
  int64_t count = buckets->count, base = 0, near = far < 0 ? -far : far;
  if (buckets->both) {
    count /= 2;
    base = far > 0 ? count : 0;
  } else if (far > 0) {
    near = 0;
  }
  int64_t exact = count / 2;
  if (near < exact || exact == 0)
    return base + (near < count ? near : count - 1);
  float scale = (float)log((double)buckets->distance / (double)exact);
  float step = logf((float)near / (float)exact) / scale * (float)(count - exact);
  int64_t at = exact + (int64_t)step;
  return base + (at < count ? at : count - 1);
}

static tfm_status read_buckets(const tfm_host *host, const tfm_node *node,
                               struct buckets *buckets) {
  buckets->count = tfm_attr_int(node, "buckets", 0);
  buckets->distance = tfm_attr_int(node, "distance", 128);
  buckets->both = tfm_attr_int(node, "both", 1) != 0;
  int64_t exact = buckets->count / (buckets->both ? 4 : 2);
  if (exact < 1)
    return host->fail(host, "%lld buckets are too few: at least %d", (long long)buckets->count,
                      buckets->both ? 4 : 2);
  if (buckets->distance <= exact || buckets->distance > DISTANCE_MAX)
    return host->fail(host, "distance is %lld, but with %lld buckets must be in %lld..%d",
                      (long long)buckets->distance, (long long)buckets->count, (long long)exact + 1,
                      DISTANCE_MAX);
  return TFM_OK;
}

static tfm_status prepare_relative(const tfm_host *host, const tfm_node *node,
                                   const tfm_tensor *const *weight, void **instance) {
  struct buckets buckets;
  float *learnt;
  int64_t heads = weight[0]->shape[1];
  tfm_status status = read_buckets(host, node, &buckets);
  if (status != TFM_OK)
    return status;
  int64_t n = buckets.distance;
  if (weight[0]->shape[0] < buckets.count || heads < 1 || heads > TABLE_MAX / (2 * n + 1))
    return host->fail(host, "a table of %lld buckets and %lld heads does not fit distance %lld",
                      (long long)weight[0]->shape[0], (long long)heads, (long long)n);
  if ((status = weights_f32(host, weight[0], &learnt)) != TFM_OK)
    return status;
  struct table *table = new_table(host, TFM_BIAS_DISTANCE, heads, n);
  for (int64_t far = -n; table && far <= n; far++) {
    const float *row = learnt + bucket_of(&buckets, far) * heads;
    for (int64_t h = 0; h < heads; h++)
      table->value[h * (2 * n + 1) + n + far] = row[h];
  }
  host->release(host, learnt);
  *instance = table;
  return table ? TFM_OK : TFM_NO_MEMORY;
}

/* ---- the others */

static tfm_status run_dense_bias(const tfm_host *host, const void *instance, const tfm_run *run) {
  (void)host;
  (void)instance;
  tfm_bias *bias = run->output[0]->data;
  memset(bias, 0, sizeof *bias);
  bias->count = 1;
  bias->term[0] = (tfm_bias_term){.kind = TFM_BIAS_DENSE, .tensor = run->input[0]};
  return TFM_OK;
}

static tfm_status run_bias_add(const tfm_host *host, const void *instance, const tfm_run *run) {
  (void)instance;
  const tfm_bias *a = run->input[0]->data, *b = run->input[1]->data;
  uint32_t count = a->count + b->count;
  if (count > TFM_MASK_TERMS)
    return host->fail(host, "a bias of %u terms is too long: at most %d", count, TFM_MASK_TERMS);
  tfm_bias sum = {.count = count};
  memcpy(sum.term, a->term, a->count * sizeof *sum.term);
  memcpy(sum.term + a->count, b->term, b->count * sizeof *sum.term);
  *(tfm_bias *)run->output[0]->data = sum;
  return TFM_OK;
}

#define KNOWS_ROWS (TFM_KERNEL_REFERENCE | TFM_KERNEL_KNOWS_ROWS)
#define BIAS_KERNEL(id, run_it, prepare_it)                                                        \
  const tfm_kernel_desc id##_kernel = {KERNEL_OF(#id, "reference", KNOWS_ROWS),                    \
                                       .prepare = (prepare_it), .run = (run_it),                   \
                                       .destroy = free_table}

BIAS_KERNEL(alibi, run_table, prepare_alibi);
BIAS_KERNEL(relative, run_table, prepare_relative);
BIAS_KERNEL(dense_bias, run_dense_bias, NULL);
BIAS_KERNEL(bias_add, run_bias_add, NULL);
