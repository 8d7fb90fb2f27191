/* select.c - one index of an axis: x as [outer, shape[axis], inner]. */
#include "plugins/shape/shape.h"

#include "plugins/common/kernel.h"

#include <string.h>

static tfm_status select_infer(const tfm_host *host, const tfm_node *node, tfm_type *output,
                               uint32_t capacity, uint32_t *count) {
  tfm_type type = *node->input[0];
  int64_t axis = shape_axis(node, 0, type.rank), index = tfm_attr_int(node, "index", 0);
  if (capacity < 1 || axis < 0 || axis >= type.rank)
    return host->fail(host, "select: axis %lld of a tensor of %u dimensions",
                      (long long)tfm_attr_int(node, "axis", 0), type.rank);
  tfm_dim length = type.shape[axis];
  if (length >= 0 && (index < -length || index >= length))
    return host->fail(host, "select: index %lld of a dimension of %lld", (long long)index,
                      (long long)length);
  for (uint32_t i = (uint32_t)axis; i + 1 < type.rank; i++)
    type.shape[i] = type.shape[i + 1];
  type.shape[--type.rank] = 0;
  output[0] = type;
  *count = 1;
  return TFM_OK;
}

struct selection {
  int64_t axis, index; /* from 0; from the end if negative */
};

static tfm_status select_prepare(const tfm_host *host, const tfm_node *node,
                                 const tfm_tensor *const *weight, void **instance) {
  (void)weight;
  struct selection *selection = host->alloc(host, sizeof *selection);
  if (!selection)
    return TFM_NO_MEMORY;
  selection->axis = shape_axis(node, 0, node->input[0]->rank);
  selection->index = tfm_attr_int(node, "index", 0);
  *instance = selection;
  return TFM_OK;
}

static void select_destroy(const tfm_host *host, void *instance) {
  if (instance)
    host->release(host, instance);
}

/* Tokens of rows that lie end to end: each row's token of that number. */
static tfm_status select_token(const tfm_host *host, const struct selection *selection,
                               const tfm_run *run) {
  const tfm_tensor *x = run->input[0];
  int64_t inner = 1;
  for (uint32_t i = 2; i < x->rank; i++)
    inner *= x->shape[i];
  for (int64_t b = 0; b < run->rows->count; b++) {
    int64_t at = x->begin[b], length = x->begin[b + 1] - at, index = selection->index;
    float *to = (float *)run->output[0]->data + b * inner;
    if (length == 0) { /* the row rests */
      memset(to, 0, (size_t)inner * sizeof(float));
      continue;
    }
    if (index < -length || index >= length)
      return host->fail(host, "select: index %lld of a dimension of %lld", (long long)index,
                        (long long)length);
    index += index < 0 ? length : 0;
    memcpy(to, (const float *)x->data + (at + index) * inner, (size_t)inner * sizeof(float));
  }
  return TFM_OK;
}

static tfm_status select_run(const tfm_host *host, const void *instance, const tfm_run *run) {
  const struct selection *selection = instance;
  const tfm_tensor *x = run->input[0];
  if (x->begin && selection->axis == 1)
    return select_token(host, selection, run);
  int64_t axis = selection->axis, outer = 1, inner = 1;
  int64_t index = selection->index, length = x->shape[axis];
  for (int64_t i = 0; i < axis; i++)
    outer *= x->shape[i];
  for (int64_t i = axis + 1; i < x->rank; i++)
    inner *= x->shape[i];
  if (index < -length || index >= length)
    return outer * inner == 0 ? TFM_OK
                              : host->fail(host, "select: index %lld of a dimension of %lld",
                                           (long long)index, (long long)length);
  index += index < 0 ? length : 0;
  for (int64_t i = 0; i < outer; i++)
    memcpy((float *)run->output[0]->data + i * inner,
           (const float *)x->data + (i * length + index) * inner, (size_t)inner * sizeof(float));
  return TFM_OK;
}

const tfm_op_desc select_op = {
    OP_OF("## One index of an axis, which goes away; both count from the end if negative.\n"
          "op select(x: [...]; ; axis: int, index: int) -> _\n"),
    .infer = select_infer, .flags = TFM_OP_KEEPS_TOKENS, .role = TFM_ROLE_SELECT};
const tfm_kernel_desc select_reference = {
    KERNEL_OF("select", "reference", TFM_KERNEL_REFERENCE | TFM_KERNEL_KNOWS_ROWS),
    .prepare = select_prepare, .run = select_run, .destroy = select_destroy};
