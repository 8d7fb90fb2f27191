/* pool.c - a text's real tokens as one vector, in the ways that sentence-transformers
 * names.
 *
 *   cls                   the first
 *   max                   the largest of each place
 *   sum                   the sum of each place
 *   mean                  the sum, by their number
 *   mean_sqrt_len_tokens  the sum, by the root of their number
 *   weightedmean          token t counts t + 1 times (Muennighoff 2022, section 3.1)
 *   lasttoken             the last
 *
 * Several stand side by side.  Sums go in the order of the tokens, so that padding
 * changes no bit. */
#include "plugins/pooling/pooling.h"

#include "plugins/common/kernel.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

/* The real tokens of one row: from is [tokens, width], to is [width]. */
struct pool_row {
  const float *from;
  const uint8_t *real;
  int64_t tokens, width;
  float *to;
};

static void take(const struct pool_row *row, int64_t token) {
  memcpy(row->to, row->from + token * row->width, (size_t)row->width * sizeof *row->to);
}

static void pool_cls(const struct pool_row *row) {
  for (int64_t t = 0; t < row->tokens; t++)
    if (row->real[t])
      return take(row, t);
}

static void pool_last(const struct pool_row *row) {
  for (int64_t t = row->tokens; t-- > 0;)
    if (row->real[t])
      return take(row, t);
}

static void pool_max(const struct pool_row *row) {
  bool first = true;
  for (int64_t t = 0; t < row->tokens; t++) {
    const float *x = row->from + t * row->width;
    if (!row->real[t])
      continue;
    for (int64_t i = 0; i < row->width; i++)
      row->to[i] = first || x[i] > row->to[i] || x[i] != x[i] ? x[i] : row->to[i];
    first = false;
  }
}

/* The sum of the tokens, each times its weight; returns the sum of the weights. */
static float pool_sum(const struct pool_row *row, bool by_place) {
  float total = 0;
  for (int64_t t = 0; t < row->tokens; t++) {
    const float *x = row->from + t * row->width;
    float weight = by_place ? (float)(t + 1) : 1;
    if (!row->real[t])
      continue;
    for (int64_t i = 0; i < row->width; i++)
      row->to[i] += x[i] * weight;
    total += weight;
  }
  return total;
}

static void pool_mean(const struct pool_row *row, float by) {
  for (int64_t i = 0; by > 0 && i < row->width; i++)
    row->to[i] /= by;
}

static void pool_all(const struct pool_row *row) {
  pool_sum(row, false);
}

static void pool_plain(const struct pool_row *row) {
  pool_mean(row, pool_sum(row, false));
}

static void pool_root(const struct pool_row *row) {
  pool_mean(row, sqrtf(pool_sum(row, false)));
}

static void pool_weighted(const struct pool_row *row) {
  pool_mean(row, pool_sum(row, true));
}

/* Each leaves zero where a row has no real token. */
static const struct pool_kind {
  const char *name;
  void (*run)(const struct pool_row *row);
} pool_kinds[] = {
    {"cls", pool_cls},
    {"max", pool_max},
    {"sum", pool_all},
    {"mean", pool_plain},
    {"mean_sqrt_len_tokens", pool_root},
    {"weightedmean", pool_weighted},
    {"lasttoken", pool_last},
};

static const struct pool_kind *find_kind(const tfm_attr *attr) {
  for (size_t i = 0; attr->text && i < sizeof pool_kinds / sizeof pool_kinds[0]; i++)
    if (strcmp(pool_kinds[i].name, attr->text) == 0)
      return &pool_kinds[i];
  return NULL;
}

static tfm_status pool_infer(const tfm_host *host, const tfm_node *node, tfm_type *output,
                             uint32_t capacity, uint32_t *count) {
  const tfm_attr *kinds = tfm_attr_find(node, "kinds");
  if (capacity < 1 || !kinds || kinds->count < 1)
    return host->fail(host, "pool needs at least one of its kinds");
  for (uint32_t i = 0; i < kinds->count; i++)
    if (!find_kind(kinds->item[i]))
      return host->fail(host,
                        "pool has no kind `%s`: it is cls, max, sum, mean, mean_sqrt_len_tokens, "
                        "weightedmean or lasttoken",
                        kinds->item[i]->text ? kinds->item[i]->text : "?");
  output[0] = (tfm_type){.dtype = node->input[0]->dtype, .rank = 2};
  output[0].shape[0] = node->input[0]->shape[0];
  output[0].shape[1] = host->dim_mul(host, node->input[0]->shape[2], kinds->count);
  *count = 1;
  return TFM_OK;
}

/* The instance: the kinds, in their order. */
struct pool {
  uint32_t count;
  const struct pool_kind *kind[];
};

static tfm_status pool_prepare(const tfm_host *host, const tfm_node *node,
                               const tfm_tensor *const *weight, void **instance) {
  (void)weight;
  const tfm_attr *kinds = tfm_attr_find(node, "kinds");
  uint32_t count = kinds ? kinds->count : 0;
  struct pool *pool = host->alloc(host, sizeof *pool + count * sizeof pool->kind[0]);
  if (!pool)
    return TFM_NO_MEMORY;
  pool->count = count;
  for (uint32_t i = 0; i < count; i++)
    if (!(pool->kind[i] = find_kind(kinds->item[i]))) {
      host->release(host, pool);
      return host->fail(host, "pool has no kind `%s`",
                        kinds->item[i]->text ? kinds->item[i]->text : "?");
    }
  *instance = pool;
  return TFM_OK;
}

static void pool_destroy(const tfm_host *host, void *instance) {
  if (instance)
    host->release(host, instance);
}

static tfm_status pool_run(const tfm_host *host, const void *instance, const tfm_run *run) {
  (void)host;
  const struct pool *pool = instance;
  const tfm_tensor *x = run->input[0];
  int64_t width = x->shape[2];
  float *out = run->output[0]->data;
  for (int64_t b = 0; b < tfm_row_count(run, x); b++)
    for (uint32_t k = 0; k < pool->count; k++, out += width) {
      int64_t at = tfm_row_begin(x, b);
      struct pool_row row = {(const float *)x->data + at * width,
                             (const uint8_t *)run->input[1]->data + tfm_row_begin(run->input[1], b),
                             tfm_row_begin(x, b + 1) - at, width, out};
      memset(out, 0, (size_t)width * sizeof *out);
      pool->kind[k]->run(&row);
    }
  return TFM_OK;
}

const tfm_op_desc pool_op = {
    OP_OF("## The real tokens of each row as one vector, in one way or in several side by side:\n"
          "## cls, max, mean, mean_sqrt_len_tokens, weightedmean, lasttoken\n"
          "## (Reimers and Gurevych 2019, section 3).  Zero for a row without any.\n"
          "op pool(x: [B, T, D], real: bool[B, T]; ; kinds: list) -> _\n"),
    .infer = pool_infer,
};
const tfm_kernel_desc pool_reference = {
    KERNEL_OF("pool", "reference", TFM_KERNEL_REFERENCE | TFM_KERNEL_KNOWS_ROWS),
    .prepare = pool_prepare, .run = pool_run, .destroy = pool_destroy};
