/* computed.c - weights that are computed when a model is loaded: 1 + w, a * b.
 *
 * In F32, whatever the operands are stored in; dims of 1, and those that an operand
 * does not have, are repeated. */
#include "runtime/binding_private.h"
#include "runtime/view.h"

#include <stdlib.h>
#include <string.h>

/* Dim i of the result in an operand of fewer dims: false where it is repeated. */
static bool has_dim(const tfm_tensor *t, uint32_t rank, uint32_t i, uint32_t *own) {
  *own = i + t->rank - rank;
  return i + t->rank >= rank && t->shape[*own] != 1;
}

bool computed_is_sound(const struct binding *binding, int32_t i) {
  const struct graph_weight *w = &binding->graph->weight[i];
  uint32_t own;
  if (w->kind == GRAPH_WEIGHT_NUMBER)
    return w->operand_count == 0 && w->rank == 0;
  for (uint32_t o = 0; o < 2; o++) {
    int32_t from = w->operand_count == 2 ? w->operand[o] : i;
    if (from < 0 || from >= i || binding->tensor[from].dtype == TFM_NONE ||
        binding->tensor[from].rank > w->rank)
      return false;
    for (uint32_t d = 0; d < w->rank; d++)
      if (has_dim(&binding->tensor[from], w->rank, d, &own) &&
          binding->tensor[from].shape[own] != w->shape[d])
        return false;
  }
  return true;
}

/* An operand while the rows of the result are made. */
struct operand {
  const tfm_tensor *tensor;
  int64_t step;  /* bytes from element to element of a row; 0 = one for all */
  float *row;    /* [width], as F32 */
  char *scratch; /* [width] elements as they are stored */
};

/* Where row number r begins; the result has `rank` dims. */
static const char *row_begin(const struct operand *from, const tfm_tensor *out, int64_t r) {
  const char *at = from->tensor->data;
  uint32_t own;
  for (uint32_t d = out->rank > 0 ? out->rank - 1 : 0; d-- > 0;) {
    int64_t index = r % out->shape[d];
    r /= out->shape[d];
    if (has_dim(from->tensor, out->rank, d, &own))
      at += index * from->tensor->stride[own];
  }
  return at;
}

static void read_row(struct operand *from, const tfm_tensor *out, int64_t r, int64_t width) {
  const enum dtype dtype = (enum dtype)from->tensor->dtype;
  const size_t size = dtype_size(dtype);
  const char *at = row_begin(from, out, r);
  int64_t count = from->step == 0 ? 1 : width;
  for (int64_t i = 0; i < count; i++)
    memcpy(from->scratch + (size_t)i * size, at + i * from->step, size);
  dtype_to_f32(dtype, from->scratch, from->row, (size_t)count);
  for (int64_t i = 1; from->step == 0 && i < width; i++)
    from->row[i] = from->row[0];
}

static void compute_row(enum graph_weight_kind kind, const float *a, const float *b, float *out,
                        int64_t width) {
  for (int64_t i = 0; i < width; i++)
    out[i] = kind == GRAPH_WEIGHT_ADD   ? a[i] + b[i]
             : kind == GRAPH_WEIGHT_SUB ? a[i] - b[i]
             : kind == GRAPH_WEIGHT_MUL ? a[i] * b[i]
                                        : a[i] / b[i];
}

static int compute(const struct graph_weight *w, struct operand operand[2], const tfm_tensor *out,
                   struct tfm_error *err) {
  size_t elements;
  uint32_t own;
  int64_t width = out->rank > 0 ? out->shape[out->rank - 1] : 1;
  if (!view_count(out->shape, out->rank, &elements) || elements == 0)
    return 0;
  char *memory = malloc((size_t)width * 2 * (sizeof(float) + sizeof(double)));
  if (!memory)
    return error_oom(err);
  for (int o = 0; o < 2; o++) {
    struct operand *from = &operand[o];
    bool along = out->rank > 0 && has_dim(from->tensor, out->rank, out->rank - 1, &own);
    from->step = along ? from->tensor->stride[own] : 0;
    from->scratch = memory + (size_t)o * (size_t)width * sizeof(double);
    from->row = (float *)(void *)(memory + 2 * (size_t)width * sizeof(double)) + o * width;
  }
  for (int64_t r = 0; r < (int64_t)elements / width; r++) {
    read_row(&operand[0], out, r, width);
    read_row(&operand[1], out, r, width);
    compute_row(w->kind, operand[0].row, operand[1].row, (float *)out->data + r * width, width);
  }
  free(memory);
  return 0;
}

int computed_bind(struct binding *binding, int32_t i, struct tfm_error *err) {
  const struct graph_weight *w = &binding->graph->weight[i];
  tfm_tensor *t = &binding->tensor[i];
  t->dtype = TFM_F32;
  t->rank = w->rank;
  memcpy(t->shape, w->shape, sizeof t->shape);
  if (binding_own_view(binding, i, err) != 0)
    return -1;
  if (w->kind == GRAPH_WEIGHT_NUMBER) {
    *(float *)t->data = (float)w->number;
    return 0;
  }
  struct operand operand[2] = {{.tensor = &binding->tensor[w->operand[0]]},
                               {.tensor = &binding->tensor[w->operand[1]]}};
  return compute(w, operand, t, err);
}
