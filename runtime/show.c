/* show.c - rectangles for whoever looks at values that lie end to end. */
#include "runtime/exec_private.h"
#include "runtime/view.h"

#include "base/checked.h"

#include <string.h>

int show_blank(struct exec *exec, struct shown *shown, tfm_dtype dtype, uint32_t rank,
               const int64_t *shape, struct tfm_error *err) {
  tfm_tensor *tensor = &shown->tensor;
  size_t size = dtype_size((enum dtype)dtype);
  *tensor = (tfm_tensor){.dtype = dtype, .rank = rank};
  for (uint32_t i = 0; i < rank; i++) {
    tensor->shape[i] = shape[i];
    if (!checked_mul(size, (size_t)shape[i], &size))
      return error_set(err, TFM_ERROR_LIMIT, "a value is too large to be shown");
  }
  view_set_contiguous(tensor);
  if (exec_grow(exec, &shown->block, size, "a value that is shown", err) != 0)
    return -1;
  tensor->data = shown->block.data;
  memset(tensor->data, 0, size);
  return 0;
}

/* The part of a rectangle that a row of this shape has. */
static tfm_tensor window(const tfm_tensor *rectangle, uint32_t axis, int64_t at,
                         const tfm_tensor *row) {
  tfm_tensor part = *rectangle;
  if (part.rank > 0)
    part.data = (char *)part.data + at * part.stride[axis];
  memcpy(part.shape, row->shape, sizeof part.shape);
  return part;
}

void show_put(const tfm_tensor *rectangle, uint32_t axis, int64_t at, const tfm_tensor *row) {
  tfm_tensor part = window(rectangle, axis, at, row);
  view_copy(&part, row);
}

/* -------------------------------------------------------------------- a value */

/* Along which axis rows lie side by side; false = along none. */
static bool row_axis(const struct exec *exec, int32_t value, uint32_t *axis) {
  const struct type *type = &exec->graph->value[value].type;
  for (*axis = 0; *axis < type->rank; ++*axis)
    for (uint32_t t = 0; exec->ragged->batch != GRAPH_NONE && t < type->shape[*axis].count; t++)
      if (type->shape[*axis].term[t].power[exec->ragged->batch])
        return true;
  *axis = 0;
  return false;
}

static int64_t elements(const tfm_tensor *tensor) {
  int64_t count = 1;
  for (uint32_t i = 0; i < tensor->rank; i++)
    count *= tensor->shape[i];
  return count;
}

/* The row with most of a value that rows do not lie side by side in: it is the rectangle. */
static uint32_t longest_row(const struct exec *exec, int32_t value, uint32_t rows) {
  uint32_t longest = 0;
  int64_t most = -1;
  for (uint32_t b = 0; b < rows; b++) {
    tfm_tensor row;
    exec_row(exec, value, b, &row);
    if (elements(&row) > most) {
      most = elements(&row);
      longest = b;
    }
  }
  return longest;
}

/* All rows as long as the longest: what lies end to end is a rectangle. */
static bool is_rectangle(const struct exec *exec, int32_t value, const int64_t *shape) {
  enum ragged_kind kind = exec->ragged->value[value].kind;
  const tfm_tensor *tensor = &exec->tensor[value];
  int64_t count = 1;
  for (uint32_t i = 0; i < tensor->rank; i++)
    count *= shape[i];
  return kind == RAGGED_SHARED || kind == RAGGED_ROWS ||
         (kind == RAGGED_TOKENS && count == elements(tensor));
}

const tfm_tensor *exec_rectangle(struct exec *exec, int32_t value, struct tfm_error *err) {
  const struct fit *fit = exec_fit_of(exec, value);
  struct shown *shown = &exec->shown[value];
  const tfm_tensor *tensor = &exec->tensor[value];
  int64_t shape[TFM_MAX_RANK] = {0};
  uint32_t axis;
  tfm_tensor row;
  ragged_rectangle(exec->ragged, value, &fit->batch, shape);
  if (is_rectangle(exec, value, shape)) {
    shown->tensor = *tensor;
    shown->tensor.begin = NULL;
    memcpy(shown->tensor.shape, shape, sizeof shape);
    view_set_contiguous(&shown->tensor);
    return image_of(exec, value, true, &shown->tensor, err) == 0 ? &shown->tensor : NULL;
  }
  if (show_blank(exec, shown, tensor->dtype, tensor->rank, shape, err) != 0)
    return NULL;
  bool beside = row_axis(exec, value, &axis);
  for (uint32_t b = 0; beside && b < fit->rows; b++) {
    if (exec_read_row(exec, value, b, &row, err) != 0)
      return NULL;
    show_put(&shown->tensor, axis, b * (shape[axis] / fit->rows), &row);
  }
  if (!beside && fit->rows > 0) {
    if (exec_read_row(exec, value, longest_row(exec, value, fit->rows), &row, err) != 0)
      return NULL;
    show_put(&shown->tensor, 0, 0, &row);
  }
  return &shown->tensor;
}

int exec_give(struct exec *exec, int32_t value, const tfm_tensor *rectangle,
              struct tfm_error *err) {
  const struct fit *fit = exec_fit_of(exec, value);
  uint32_t axis;
  tfm_tensor row, from = *rectangle;
  view_set_contiguous(&from);
  if (exec->ragged->value[value].kind == RAGGED_SHARED) {
    if (exec_open_row(exec, value, 0, &row, err) != 0)
      return -1;
    view_copy(&row, &from);
    exec_close_row(exec, value, &row);
    return 0;
  }
  bool beside = row_axis(exec, value, &axis);
  for (uint32_t b = 0; b < fit->rows; b++) {
    if (exec_open_row(exec, value, b, &row, err) != 0)
      return -1;
    tfm_tensor part = window(&from, axis, beside ? b * (from.shape[axis] / fit->rows) : 0, &row);
    view_copy(&row, &part);
    exec_close_row(exec, value, &row);
  }
  return 0;
}

/* ----------------------------------------------------------------------- taps */

/* Where the rows of what a node reads or makes begin; NULL = it has no tokens. */
static const tfm_tensor *node_tokens(const struct step *step) {
  const tfm_run *run = &step->run;
  for (uint32_t i = 0; i < run->input_count + run->output_count; i++) {
    const tfm_tensor *x = i < run->input_count ? run->input[i] : run->output[i - run->input_count];
    if (x && x->begin)
      return x;
  }
  return NULL;
}

/* A tap as its kernel left it: [1, N, ...] is tokens, like what it is given; else it is what it
 * says it is. */
static int show_whole(struct exec *exec, const struct step *step, const tfm_tensor *tap,
                      struct shown *shown, struct tfm_error *err) {
  const tfm_tensor *tokens = node_tokens(step);
  uint32_t rows = exec->fit[step->node->node->entry].rows;
  int64_t shape[TFM_MAX_RANK];
  if (!tokens || tap->rank < 2 || rows < 2 || tap->shape[0] != 1 ||
      tap->shape[1] != tokens->shape[1]) {
    shown->tensor = *tap;
    return 0;
  }
  memcpy(shape, tap->shape, sizeof shape);
  shape[0] = rows;
  shape[1] = 0;
  for (uint32_t b = 0; b < rows; b++)
    if (tokens->begin[b + 1] - tokens->begin[b] > shape[1])
      shape[1] = tokens->begin[b + 1] - tokens->begin[b];
  if (show_blank(exec, shown, TFM_F32, tap->rank, shape, err) != 0)
    return -1;
  for (uint32_t b = 0; b < rows; b++) {
    tfm_tensor row = *tap;
    row.data = (char *)tap->data + tokens->begin[b] * tap->stride[1];
    row.shape[1] = tokens->begin[b + 1] - tokens->begin[b];
    show_put(&shown->tensor, 0, b, &row);
  }
  return 0;
}

static int show_tap(struct exec *exec, struct step *step, uint32_t index, struct tfm_error *err) {
  struct shown shown = {.block.device = device_cpu()};
  bool filled = step->taps.tap[index].filled;
  int status = step->apart ? apart_show_tap(exec, step, index, &filled, &shown, err) : 0;
  if (status == 0 && !step->apart && filled)
    status = show_whole(exec, step, &step->taps.tap[index].tensor, &shown, err);
  if (status == 0 && filled)
    status = exec->watch(exec->watch_arg, GRAPH_NONE, (int32_t)(step - exec->step), (int32_t)index,
                         &shown.tensor, err);
  device_release(&shown.block);
  return status;
}

static int show_value(struct exec *exec, int32_t value, int32_t node, struct tfm_error *err) {
  if (!exec->graph->value[value].dump)
    return 0;
  const tfm_tensor *tensor = exec_rectangle(exec, value, err);
  return tensor ? exec->watch(exec->watch_arg, value, node, -1, tensor, err) : -1;
}

int show_step(struct exec *exec, struct step *step, struct tfm_error *err) {
  const struct graph_node *node = step->node->node;
  int status = 0;
  for (uint32_t i = 0; status == 0 && i < node->output_count; i++)
    status = show_value(exec, node->output[i], (int32_t)(step - exec->step), err);
  for (uint32_t i = 0; status == 0 && i < step->taps.count; i++)
    status = show_tap(exec, step, i, err);
  return status;
}

int show_inputs(struct exec *exec, uint32_t entry, struct tfm_error *err) {
  int status = 0;
  for (uint32_t i = 0; status == 0 && i < exec->graph->input_count; i++)
    if (exec->graph->input[i].entry == (int32_t)entry)
      status = show_value(exec, exec->graph->input[i].value, GRAPH_NONE, err);
  return status;
}
