/* reshape.c - other dims for the same elements, and axes in another order. */
#include "plugins/shape/shape.h"

#include "plugins/common/kernel.h"

#include <string.h>

/* ---- reshape */

static int is_same(const tfm_host *host, tfm_dim a, tfm_dim b) {
  return host->dim_sub(host, a, b) == 0;
}

/* Without a checkpoint some dims are not known. */
static int is_known(const tfm_host *host, tfm_dim dim) {
  return is_same(host, dim, dim);
}

/* As many elements?  Dims that both begin with do not count, so that one which is not known
 * yet can follow from the others. */
static int has_as_many(const tfm_host *host, const tfm_type *x, const tfm_type *y) {
  tfm_dim before = 1, after = 1;
  uint32_t i = 0;
  while (i + 1 < x->rank && i + 1 < y->rank && is_same(host, x->shape[i], y->shape[i]))
    i++;
  for (uint32_t k = i; k < x->rank; k++)
    before = host->dim_mul(host, before, x->shape[k]);
  for (uint32_t k = i; k < y->rank; k++)
    after = host->dim_mul(host, after, y->shape[k]);
  return before != INT64_MIN && after != INT64_MIN && host->dim_equal(host, before, after);
}

/* The dim of `_`: what is left of all elements.  Where that is not known, and the dims before it
 * stay, it stays too: the one that is not known follows from the rest. */
static tfm_dim open_dim(const tfm_host *host, const tfm_type *x, const tfm_type *y, uint32_t at) {
  tfm_dim left = 1;
  uint32_t same = 0;
  for (uint32_t i = 0; i < x->rank; i++)
    left = host->dim_mul(host, left, x->shape[i]);
  for (uint32_t i = 0; i < y->rank && left != INT64_MIN; i++)
    if (i != at)
      left = host->dim_div(host, left, y->shape[i]);
  if (left == INT64_MIN || is_known(host, left))
    return left;
  while (same < at && same < x->rank && is_same(host, x->shape[same], y->shape[same]))
    same++;
  if (same < at || at + 1 >= x->rank || !is_known(host, x->shape[at]))
    return left;
  tfm_type open = *y;
  open.shape[at] = x->shape[at];
  return has_as_many(host, x, &open) ? x->shape[at] : INT64_MIN;
}

static tfm_status reshape_infer(const tfm_host *host, const tfm_node *node, tfm_type *output,
                                uint32_t capacity, uint32_t *count) {
  const tfm_attr *shape = tfm_attr_find(node, "shape");
  const tfm_type *x = node->input[0];
  uint32_t open = 0, at = 0;
  if (capacity < 1 || !shape || shape->count > TFM_MAX_RANK)
    return host->fail(host, "a shape of more than %d dims", TFM_MAX_RANK);
  output[0] = (tfm_type){.dtype = x->dtype, .rank = shape->count};
  for (uint32_t i = 0; i < shape->count; i++) {
    output[0].shape[i] = shape->item[i]->integer;
    if (shape->item[i]->kind == TFM_ATTR_NONE) {
      at = i;
      open++;
    }
  }
  if (open > 1)
    return host->fail(host, "`_` stands once in a shape: for the dim that follows from the others");
  if (open == 1)
    output[0].shape[at] = open_dim(host, x, &output[0], at);
  if (open == 1 && output[0].shape[at] == INT64_MIN)
    return host->fail(host, "no size of `_` gives the shape as many elements");
  if (open == 0 && !has_as_many(host, x, &output[0]))
    return host->fail(host, "it has another number of elements than the shape");
  *count = 1;
  return TFM_OK;
}

/* Where it is no view of one piece: the rows of what lies row by row. */
static tfm_status reshape_run(const tfm_host *host, const void *instance, const tfm_run *run) {
  const tfm_tensor *x = run->input[0], *y = run->output[0];
  size_t before = shape_element(x->dtype), after = before;
  (void)instance;
  for (uint32_t i = 0; i < x->rank; i++)
    before *= (size_t)x->shape[i];
  for (uint32_t i = 0; i < y->rank; i++)
    after *= (size_t)y->shape[i];
  if (before != after)
    return host->fail(host, "reshape: %zu bytes do not make %zu", before, after);
  if (after > 0)
    memcpy(y->data, x->data, after);
  return TFM_OK;
}

/* ---- transpose */

struct order {
  uint32_t axis[TFM_MAX_RANK]; /* of the input, for each of the output's */
};

static tfm_status read_order(const tfm_host *host, const tfm_node *node, struct order *order) {
  const tfm_attr *axes = tfm_attr_find(node, "axes");
  uint32_t rank = node->input[0]->rank, seen = 0;
  if (!axes || axes->kind != TFM_ATTR_LIST || axes->count != rank)
    return host->fail(host, "transpose: `axes` has %u entries, and the tensor %u dimensions",
                      axes ? axes->count : 0, rank);
  for (uint32_t i = 0; i < rank; i++) {
    const tfm_attr *item = axes->item[i];
    int64_t axis = item->kind == TFM_ATTR_INT ? item->integer : rank;
    axis += axis < 0 ? rank : 0;
    if (axis < 0 || axis >= rank || (seen >> axis & 1) != 0)
      return host->fail(host, "transpose: `axes` must name each of %u axes once", rank);
    seen |= 1u << axis;
    order->axis[i] = (uint32_t)axis;
  }
  return TFM_OK;
}

static tfm_status transpose_infer(const tfm_host *host, const tfm_node *node, tfm_type *output,
                                  uint32_t capacity, uint32_t *count) {
  struct order order;
  if (capacity < 1 || read_order(host, node, &order) != TFM_OK)
    return TFM_FAILED;
  output[0] = *node->input[0];
  for (uint32_t i = 0; i < output[0].rank; i++)
    output[0].shape[i] = node->input[0]->shape[order.axis[i]];
  *count = 1;
  return TFM_OK;
}

static tfm_status transpose_prepare(const tfm_host *host, const tfm_node *node,
                                    const tfm_tensor *const *weight, void **instance) {
  struct order read, *order;
  (void)weight;
  if (read_order(host, node, &read) != TFM_OK)
    return TFM_FAILED;
  if (!(order = host->alloc(host, sizeof *order)))
    return TFM_NO_MEMORY;
  *order = read;
  *instance = order;
  return TFM_OK;
}

static void transpose_destroy(const tfm_host *host, void *instance) {
  if (instance)
    host->release(host, instance);
}

/* Runs of `size` bytes: all inner axes that stay where they are go in one piece. */
static tfm_status transpose_run(const tfm_host *host, const void *instance, const tfm_run *run) {
  const struct order *order = instance;
  const tfm_tensor *x = run->input[0], *y = run->output[0];
  int64_t at[TFM_MAX_RANK] = {0}, pieces = 1;
  uint32_t outer = x->rank;
  size_t size = shape_element(x->dtype);
  (void)host;
  while (outer > 0 && order->axis[outer - 1] == outer - 1)
    size *= (size_t)x->shape[--outer];
  for (uint32_t i = 0; i < outer; i++)
    pieces *= y->shape[i];
  for (int64_t p = 0; p < pieces && size > 0; p++) {
    const char *from = x->data;
    for (uint32_t i = 0; i < outer; i++)
      from += at[i] * x->stride[order->axis[i]];
    memcpy((char *)y->data + (size_t)p * size, from, size);
    for (uint32_t i = outer; i > 0 && ++at[i - 1] == y->shape[i - 1]; i--)
      at[i - 1] = 0;
  }
  return TFM_OK;
}

const tfm_op_desc reshape_op = {
    OP_OF(
        "## Other dims for the same elements, in their order; `_`, once, is the dim that follows\n"
        "## from the others.\n"
        "op reshape(x: any[...]; ; shape: dims) -> _\n"),
    .infer = reshape_infer, .flags = TFM_OP_KEEPS_TOKENS | TFM_OP_VIEW};
const tfm_op_desc transpose_op = {OP_OF("## Axis `axes[i]` of x becomes axis i.\n"
                                        "op transpose(x: any[...]; ; axes: list) -> _\n"),
                                  .infer = transpose_infer, .flags = TFM_OP_KEEPS_TOKENS};
const tfm_kernel_desc reshape_reference = {KERNEL_OF("reshape", "reference", TFM_KERNEL_REFERENCE),
                                           .run = reshape_run};
const tfm_kernel_desc transpose_reference = {
    KERNEL_OF("transpose", "reference", TFM_KERNEL_REFERENCE), .prepare = transpose_prepare,
    .run = transpose_run, .destroy = transpose_destroy};
