/* masks.c - masks stay formulas: each op writes one, none makes a matrix.
 *
 *     causal() & padding(real)  =  CAUSAL PADDING(real) AND
 *
 * A formula is the same for all rows of a batch.  It points at the bool tensors that it was made of
 * (TFM_OP_HOLDS_INPUTS), so the host keeps them until the run ends. */
#include "plugins/masking/masks.h"

#include "plugins/common/kernel.h"

#include <string.h>

#define MASK_OP_OF(id, tfm_role, text)                                                             \
  const tfm_op_desc id##_op = {OP_OF(text), .flags = TFM_OP_HOLDS_INPUTS | TFM_OP_KEEPS_TOKENS,    \
                               .role = (tfm_role)}
#define MASK_OP(id, text) MASK_OP_OF(id, TFM_ROLE_NONE, text)

MASK_OP(causal,
        "## Each query sees its own position and those before it (Vaswani et al. 2017, 3.2.3).\n"
        "op causal() -> mask\n");
MASK_OP(padding, "## Only keys that are real tokens: real[b, s] is true.\n"
                 "op padding(real: bool[B, S]) -> mask\n");
MASK_OP(window,
        "## Keys nearer than n to the query: |p - s| < n (Beltagy et al. 2020, section 3.1).\n"
        "op window(; ; n: int) -> mask\n");
MASK_OP(prefix, "## The first n keys, for every query.\n"
                "op prefix(; ; n: int) -> mask\n");
MASK_OP_OF(mask_and, TFM_ROLE_MASK_AND,
           "## Allowed by both; written a & b.\n"
           "op mask_and(a: mask, b: mask) -> mask\n");
MASK_OP_OF(mask_or, TFM_ROLE_MASK_OR,
           "## Allowed by either; written a | b.\n"
           "op mask_or(a: mask, b: mask) -> mask\n");
MASK_OP(dense, "## A mask spelt out: query t of row b sees key s where x[b, t, s] is true.\n"
               "op dense(x: bool[_, T, S]) -> mask\n");

static tfm_status give(const tfm_run *run, uint32_t kind, int64_t n, const tfm_tensor *tensor) {
  tfm_mask *mask = run->output[0]->data;
  memset(mask, 0, sizeof *mask);
  mask->count = 1;
  mask->term[0] = (tfm_mask_term){.kind = kind, .n = n, .tensor = tensor};
  return TFM_OK;
}

static tfm_status run_causal(const tfm_host *host, const void *instance, const tfm_run *run) {
  (void)host;
  (void)instance;
  return give(run, TFM_MASK_CAUSAL, 0, NULL);
}

static tfm_status run_padding(const tfm_host *host, const void *instance, const tfm_run *run) {
  (void)host;
  (void)instance;
  return give(run, TFM_MASK_PADDING, 0, run->input[0]);
}

static tfm_status run_dense(const tfm_host *host, const void *instance, const tfm_run *run) {
  (void)host;
  (void)instance;
  return give(run, TFM_MASK_DENSE, 0, run->input[0]);
}

static tfm_status run_window(const tfm_host *host, const void *instance, const tfm_run *run) {
  (void)host;
  return give(run, TFM_MASK_WINDOW, *(const int64_t *)instance, NULL);
}

static tfm_status run_prefix(const tfm_host *host, const void *instance, const tfm_run *run) {
  (void)host;
  return give(run, TFM_MASK_PREFIX, *(const int64_t *)instance, NULL);
}

static tfm_status join(const tfm_host *host, const tfm_run *run, uint32_t kind) {
  const tfm_mask *a = run->input[0]->data, *b = run->input[1]->data;
  tfm_mask *mask = run->output[0]->data;
  if (a->count == 0 || b->count == 0) { /* all allowed, on one side */
    const tfm_mask *rest = a->count == 0 ? b : a, *all = a->count == 0 ? a : b;
    *mask = kind == TFM_MASK_AND ? *rest : *all;
    return TFM_OK;
  }
  uint32_t count = a->count + b->count + 1;
  if (count > TFM_MASK_TERMS)
    return host->fail(host, "a mask of %u terms and operators is too long: at most %d", count,
                      TFM_MASK_TERMS);
  tfm_mask both = {.count = count};
  memcpy(both.term, a->term, a->count * sizeof *both.term);
  memcpy(both.term + a->count, b->term, b->count * sizeof *both.term);
  both.term[count - 1].kind = kind;
  *mask = both;
  return TFM_OK;
}

static tfm_status run_and(const tfm_host *host, const void *instance, const tfm_run *run) {
  (void)instance;
  return join(host, run, TFM_MASK_AND);
}

static tfm_status run_or(const tfm_host *host, const void *instance, const tfm_run *run) {
  (void)instance;
  return join(host, run, TFM_MASK_OR);
}

/* The instance of window and prefix: n, which counts keys. */
static tfm_status prepare_n(const tfm_host *host, const tfm_node *node,
                            const tfm_tensor *const *weight, void **instance) {
  (void)weight;
  *instance = NULL;
  int64_t n = tfm_attr_int(node, "n", 0);
  if (n < 0)
    return host->fail(host, "n is %lld, but it counts keys: at least 0", (long long)n);
  int64_t *kept = host->alloc(host, sizeof *kept);
  if (!kept)
    return TFM_NO_MEMORY;
  *kept = n;
  *instance = kept;
  return TFM_OK;
}

static void release(const tfm_host *host, void *instance) {
  if (instance)
    host->release(host, instance);
}

#define KNOWS_ROWS (TFM_KERNEL_REFERENCE | TFM_KERNEL_KNOWS_ROWS)
#define MASK_KERNEL(id, run_it, prepare_it)                                                        \
  const tfm_kernel_desc id##_kernel = {KERNEL_OF(#id, "reference", KNOWS_ROWS),                    \
                                       .prepare = (prepare_it), .run = (run_it),                   \
                                       .destroy = release}

MASK_KERNEL(causal, run_causal, NULL);
MASK_KERNEL(padding, run_padding, NULL);
MASK_KERNEL(window, run_window, prepare_n);
MASK_KERNEL(prefix, run_prefix, prepare_n);
MASK_KERNEL(mask_and, run_and, NULL);
MASK_KERNEL(mask_or, run_or, NULL);
MASK_KERNEL(dense, run_dense, NULL);
