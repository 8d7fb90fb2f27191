/* split.c - parts of an axis, copied: split has all of them, slice one.
 *
 * x is seen as [outer, shape[axis], inner]. */
#include "plugins/shape/shape.h"

#include "plugins/common/kernel.h"

#include <string.h>

size_t shape_element(tfm_dtype dtype) {
  switch (dtype) {
  case TFM_F64:
  case TFM_I64:
  case TFM_U64:
    return 8;
  case TFM_F32:
  case TFM_I32:
  case TFM_U32:
    return 4;
  case TFM_F16:
  case TFM_BF16:
  case TFM_I16:
  case TFM_U16:
    return 2;
  default:
    return 1;
  }
}

/* Indices [from, from + count) of the axis of x to an output. */
static void copy_part(const tfm_tensor *x, int64_t axis, int64_t from, const tfm_tensor *out) {
  int64_t outer = 1, inner = (int64_t)shape_element(x->dtype), count = out->shape[axis];
  for (int64_t i = 0; i < axis; i++)
    outer *= x->shape[i];
  for (uint32_t i = (uint32_t)axis + 1; i < x->rank; i++)
    inner *= x->shape[i];
  for (int64_t r = 0; r < outer && count * inner > 0; r++)
    memcpy((char *)out->data + r * count * inner,
           (const char *)x->data + (r * x->shape[axis] + from) * inner, (size_t)(count * inner));
}

struct part {
  int64_t axis, from; /* from the front; slice: from the end if negative */
};

static tfm_status part_prepare(const tfm_host *host, const tfm_node *node,
                               const tfm_tensor *const *weight, void **instance) {
  (void)weight;
  struct part *part = host->alloc(host, sizeof *part);
  if (!part)
    return TFM_NO_MEMORY;
  part->axis = shape_axis(node, -1, node->input[0]->rank);
  part->from = tfm_attr_int(node, "from", 0);
  *instance = part;
  return TFM_OK;
}

static void part_destroy(const tfm_host *host, void *instance) {
  if (instance)
    host->release(host, instance);
}

/* False after a failure: there is no such axis. */
static int find_axis(const tfm_host *host, const tfm_node *node, const char *op, int64_t *axis) {
  uint32_t rank = node->input[0]->rank;
  *axis = shape_axis(node, -1, rank);
  if (*axis >= 0 && *axis < rank)
    return 1;
  host->fail(host, "%s: axis %lld of a tensor of %u dimensions", op,
             (long long)tfm_attr_int(node, "axis", -1), rank);
  return 0;
}

/* ---- split */

static tfm_status infer_sizes(const tfm_host *host, const tfm_type *x, int64_t axis,
                              const tfm_attr *sizes, tfm_type *output, uint32_t capacity) {
  tfm_dim sum = 0;
  if (sizes->count < 1 || sizes->count > capacity)
    return host->fail(host, "split into %u parts: sizes must be 1 to %u", sizes->count, capacity);
  for (uint32_t i = 0; i < sizes->count; i++) {
    const tfm_attr *size = sizes->item[i];
    if (size->kind != TFM_ATTR_INT || size->integer < 0)
      return host->fail(host, "split: size %u is no integer from 0", i);
    sum = host->dim_add(host, sum, size->integer);
    output[i] = *x;
    output[i].shape[axis] = size->integer;
  }
  if (sum == INT64_MIN || !host->dim_equal(host, sum, x->shape[axis]))
    return host->fail(host, "the sizes of split add up to %lld, and axis %lld is of another",
                      (long long)sum, (long long)axis);
  return TFM_OK;
}

static tfm_status infer_parts(const tfm_host *host, const tfm_type *x, int64_t axis, int64_t parts,
                              tfm_type *output, uint32_t capacity) {
  if (parts < 1 || parts > capacity)
    return host->fail(host, "split into %lld parts: parts must be 1 to %u", (long long)parts,
                      capacity);
  tfm_dim part = host->dim_div(host, x->shape[axis], parts);
  if (part == INT64_MIN)
    return host->fail(host, "%s does not split into %lld equal parts",
                      axis + 1 == x->rank ? "the last dimension" : "the axis", (long long)parts);
  for (int64_t i = 0; i < parts; i++) {
    output[i] = *x;
    output[i].shape[axis] = part;
  }
  return TFM_OK;
}

static tfm_status split_infer(const tfm_host *host, const tfm_node *node, tfm_type *output,
                              uint32_t capacity, uint32_t *count) {
  const tfm_attr *sizes = tfm_attr_find(node, "sizes"), *parts = tfm_attr_find(node, "parts");
  int64_t axis;
  tfm_status status;
  if (!sizes == !parts)
    return host->fail(host, "split takes one of `parts` and `sizes`");
  if (!find_axis(host, node, "split", &axis))
    return TFM_FAILED;
  if (sizes)
    status = infer_sizes(host, node->input[0], axis, sizes, output, capacity);
  else
    status = infer_parts(host, node->input[0], axis, parts->integer, output, capacity);
  if (status == TFM_OK)
    *count = sizes ? sizes->count : (uint32_t)parts->integer;
  return status;
}

static tfm_status split_run(const tfm_host *host, const void *instance, const tfm_run *run) {
  int64_t axis = ((const struct part *)instance)->axis, from = 0;
  (void)host;
  for (uint32_t i = 0; i < run->output_count; i++) {
    copy_part(run->input[0], axis, from, run->output[i]);
    from += run->output[i]->shape[axis];
  }
  return TFM_OK;
}

/* ---- slice */

static tfm_status slice_infer(const tfm_host *host, const tfm_node *node, tfm_type *output,
                              uint32_t capacity, uint32_t *count) {
  int64_t axis, from = tfm_attr_int(node, "from", 0);
  const tfm_attr *given = tfm_attr_find(node, "count");
  if (capacity < 1 || !find_axis(host, node, "slice", &axis))
    return TFM_FAILED;
  tfm_dim length = node->input[0]->shape[axis], left = INT64_MIN;
  if (length >= 0)
    left = from < 0 ? (from >= -length ? -from : INT64_MIN) : host->dim_sub(host, length, from);
  if (length >= 0 && (left == INT64_MIN || (given && given->integer > left)))
    return host->fail(host, "slice: %lld from %lld on of a dimension of %lld",
                      given ? (long long)given->integer : 0, (long long)from, (long long)length);
  if (given ? given->integer < 0 : left == INT64_MIN)
    return host->fail(host, given ? "slice: a count below 0"
                                  : "slice: of an axis that is known at run time only `count` must "
                                    "be given");
  output[0] = *node->input[0];
  output[0].shape[axis] = given ? given->integer : left;
  *count = 1;
  return TFM_OK;
}

static tfm_status slice_run(const tfm_host *host, const void *instance, const tfm_run *run) {
  const struct part *part = instance;
  const tfm_tensor *x = run->input[0];
  int64_t length = x->shape[part->axis], count = run->output[0]->shape[part->axis];
  int64_t from = part->from + (part->from < 0 ? length : 0);
  if (from < 0 || from + count > length)
    return host->fail(host, "slice: %lld from %lld on of a dimension of %lld", (long long)count,
                      (long long)part->from, (long long)length);
  copy_part(x, part->axis, from, run->output[0]);
  return TFM_OK;
}

const tfm_op_desc split_op = {
    OP_OF("## Parts of an axis: q, k, v = split(x, parts: 3), or of the sizes that are given.\n"
          "op split(x: any[...]; ; parts: int?, sizes: list?, axis: int = -1) -> ...\n"),
    .infer = split_infer, .flags = TFM_OP_KEEPS_TOKENS};
const tfm_op_desc slice_op = {
    OP_OF(
        "## `count` of an axis, `from` on, which counts from the end if it is negative; the rest\n"
        "## if no count is given.\n"
        "op slice(x: any[...]; ; axis: int = -1, from: int = 0, count: int?) -> _\n"),
    .infer = slice_infer, .flags = TFM_OP_KEEPS_TOKENS};

#define PART_KERNEL(id)                                                                            \
  const tfm_kernel_desc id##_reference = {KERNEL_OF(#id, "reference", TFM_KERNEL_REFERENCE),       \
                                          .prepare = part_prepare, .run = id##_run,                \
                                          .destroy = part_destroy}
PART_KERNEL(split);
PART_KERNEL(slice);
