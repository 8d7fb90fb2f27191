/* apart.c - run a node once a row, with all that it is given cut to that row.
 *
 *     x      [1, 8 + 3, D]     row 0: [1, 8, D]   row 1: [1, 3, D]
 *     mask   its tensors       cut likewise, in a copy of the formula; a bias too
 *     cache  all rows          the row's
 *
 * So a kernel that mixes tokens and knows nothing of rows sees what it would see alone.
 * Kernels are promised memory aligned to 64 bytes; a row that begins elsewhere is copied to the
 * staging memory, or made there and copied back. */
#include "runtime/exec_private.h"
#include "runtime/view.h"

#include "base/checked.h"

#include <stdlib.h>
#include <string.h>

/* A mask's formula for one row.  whole: the tensors that it was cut from. */
struct apart_mask {
  tfm_mask mask;
  tfm_tensor term[TFM_MASK_TERMS];
  const tfm_tensor *whole[TFM_MASK_TERMS];
};

/* An operand of the row at hand. */
struct apart_view {
  int32_t value;     /* GRAPH_NONE = absent */
  tfm_tensor tensor; /* what the kernel sees */
  void *place;       /* where the row lies; tensor.data may be elsewhere */
  size_t size;       /* its bytes */
  union {
    tfm_kv cache;     /* KV */
    tfm_state tensor; /* STATE */
  } kept;
  struct apart_mask *mask; /* MASK or BIAS, of an input; else NULL */
};

/* What a tap of a row was, copied; no data = not filled. */
struct apart_copy {
  tfm_tensor tensor;
  struct device_block memory;
};
struct apart_tap {
  struct apart_copy *row; /* [rows] */
  uint32_t rows, room;
};

struct apart {
  tfm_run run;             /* its operands are the views */
  struct apart_view *view; /* inputs, then outputs */
  uint32_t input_count, count;
  struct apart_tap *tap; /* step->taps.count */
  tfm_rows rows;
};

/* ------------------------------------------------------------------- creation */

static bool fill_view(struct exec *exec, struct apart_view *view, int32_t value, bool input,
                      const tfm_tensor **pointer) {
  view->value = value;
  if (value == GRAPH_NONE)
    return true;
  *pointer = &view->tensor;
  if (!input || !dtype_is_formula(exec->graph->value[value].type.dtype))
    return true;
  view->mask = arena_alloc(&exec->arena, sizeof *view->mask);
  return view->mask != NULL;
}

int apart_create(struct exec *exec, struct step *step, struct tfm_error *err) {
  const struct graph_node *node = step->node->node;
  struct apart *apart = arena_alloc(&exec->arena, sizeof *apart);
  uint32_t count = node->input_count + node->output_count;
  struct apart_view *view = arena_array(&exec->arena, count, sizeof *view);
  const tfm_tensor **pointer = arena_array(&exec->arena, count, sizeof *pointer);
  struct apart_tap *tap = arena_array(&exec->arena, step->taps.count, sizeof *tap);
  if (!apart || !view || !pointer || !tap)
    return error_oom(err);
  *apart = (struct apart){.run = step->run,
                          .view = view,
                          .input_count = node->input_count,
                          .count = count,
                          .tap = tap,
                          .rows = {.struct_size = sizeof(tfm_rows), .count = 1}};
  apart->run.input = pointer;
  apart->run.output = pointer + node->input_count;
  apart->run.rows = &apart->rows;
  for (uint32_t i = 0; i < count; i++) {
    bool input = i < node->input_count;
    int32_t value = input ? node->input[i] : node->output[i - node->input_count];
    if (!fill_view(exec, &view[i], value, input, &pointer[i]))
      return error_oom(err);
  }
  step->apart = apart;
  return 0;
}

static void forget_taps(struct apart_tap *tap) {
  for (uint32_t b = 0; b < tap->rows; b++)
    device_release(&tap->row[b].memory);
  tap->rows = 0;
}

void apart_destroy(struct step *step) {
  for (uint32_t i = 0; step->apart && i < step->taps.count; i++) {
    forget_taps(&step->apart->tap[i]);
    free(step->apart->tap[i].row);
  }
}

/* -------------------------------------------------------------------- cutting */

/* The value whose tensor this is; GRAPH_NONE = the kernel's own. */
static int32_t value_of(const struct exec *exec, const tfm_tensor *tensor) {
  for (uint32_t v = 0; v < exec->graph->value_count; v++)
    if (tensor == &exec->tensor[v])
      return (int32_t)v;
  return GRAPH_NONE;
}

static bool has_tensor(const tfm_mask_term *term) {
  return term->kind == TFM_MASK_PADDING || term->kind == TFM_MASK_DENSE ||
         term->kind == TFM_BIAS_DENSE;
}

/* One formula for all rows, or the row's own among many. */
static const tfm_mask *mask_of(const struct exec *exec, int32_t value, uint32_t row) {
  const char *data = exec->tensor[value].data;
  if (exec->ragged->value[value].kind == RAGGED_APART)
    data += exec->offset[value].at[row];
  return (const tfm_mask *)(const void *)data;
}

/* filled: the mask has been made; while shapes are settled it has not, and has no terms. */
static void cut_mask(const struct exec *exec, struct apart_view *view, uint32_t row, bool filled) {
  struct apart_mask *own = view->mask;
  own->mask = filled ? *mask_of(exec, view->value, row) : (tfm_mask){0};
  for (uint32_t i = 0; i < own->mask.count && i < TFM_MASK_TERMS; i++) {
    tfm_mask_term *term = &own->mask.term[i];
    int32_t value = has_tensor(term) ? value_of(exec, term->tensor) : GRAPH_NONE;
    own->whole[i] = NULL;
    if (value == GRAPH_NONE)
      continue;
    own->whole[i] = term->tensor;
    exec_row(exec, value, row, &own->term[i]);
    term->tensor = &own->term[i];
  }
  view->tensor.data = &own->mask;
}

static void cut_cache(struct apart_view *view, const tfm_kv *kv, uint32_t row) {
  tfm_kv *own = &view->kept.cache;
  *own = *kv;
  own->rows = 1;
  own->past = kv->past + row;
  own->fresh = kv->fresh + row;
  own->block = kv->block + row;
  view->tensor.data = own;
}

static void cut_state(struct apart_view *view, const tfm_state *state, uint32_t row) {
  tfm_state *own = &view->kept.tensor;
  *own = *state;
  own->rows = 1;
  own->past = state->past + row;
  own->fresh = state->fresh + row;
  own->now = state->now + row;
  own->next = state->next + row;
  view->tensor.data = own;
}

static void cut(const struct exec *exec, struct apart_view *view, uint32_t row, bool filled) {
  enum dtype dtype = exec->graph->value[view->value].type.dtype;
  view->tensor = exec->tensor[view->value];
  if (view->mask) {
    cut_mask(exec, view, row, filled);
  } else if (dtype == DTYPE_KV) {
    cut_cache(view, exec->tensor[view->value].data, row);
  } else if (dtype == DTYPE_STATE) {
    cut_state(view, exec->tensor[view->value].data, row);
  } else {
    exec_row(exec, view->value, row, &view->tensor);
    view->size =
        dtype_is_formula(dtype) ? sizeof(tfm_mask) : dtype_size((enum dtype)view->tensor.dtype);
    for (uint32_t i = 0; !dtype_is_formula(dtype) && i < view->tensor.rank; i++)
      view->size *= (size_t)view->tensor.shape[i];
  }
  view->place = view->tensor.data;
}

/* False: the row has no tokens here, so that there is nothing to do. */
static bool cut_all(const struct exec *exec, struct apart *apart, uint32_t row, bool filled) {
  bool any = true;
  for (uint32_t i = 0; i < apart->count; i++) {
    struct apart_view *view = &apart->view[i];
    if (view->value == GRAPH_NONE)
      continue;
    view->size = 0;
    cut(exec, view, row, filled);
    enum ragged_kind kind = exec->ragged->value[view->value].kind;
    for (uint32_t d = 0; (kind == RAGGED_TOKENS || kind == RAGGED_APART) && d < view->tensor.rank;
         d++)
      any = any && view->tensor.shape[d] != 0;
  }
  return any;
}

/* -------------------------------------------------------------------- fitting */

static bool add_staging(size_t size, size_t *staging) {
  return checked_add(size, RAGGED_ALIGNMENT - 1, &size) &&
         checked_add(*staging, size & ~(size_t)(RAGGED_ALIGNMENT - 1), staging);
}

int apart_fit(struct exec *exec, struct step *step, const struct fit *fit, size_t *workspace,
              size_t *staging, struct tfm_error *err) {
  struct apart *apart = step->apart;
  *workspace = *staging = 0;
  for (uint32_t row = 0; row < fit->rows; row++) {
    size_t most = 0;
    if (!cut_all(exec, apart, row, false))
      continue;
    for (uint32_t i = 0; i < apart->count; i++)
      if (apart->view[i].value != GRAPH_NONE && !add_staging(apart->view[i].size, &most))
        return error_set(err, TFM_ERROR_LIMIT, "`%s` is too large for these dimensions",
                         step->node->view.name);
    if (exec_workspace(exec, step, &apart->run, err) != 0)
      return -1;
    *staging = most > *staging ? most : *staging;
    if (apart->run.workspace_size > *workspace)
      *workspace = apart->run.workspace_size;
  }
  return 0;
}

/* -------------------------------------------------------------------- running */

/* To aligned memory, where it is not. */
static void stage(const struct exec *exec, struct apart *apart) {
  const struct device *device = exec->program->device;
  char *free_at = exec->staging.data;
  for (uint32_t i = 0; i < apart->count; i++) {
    struct apart_view *view = &apart->view[i];
    if (view->value == GRAPH_NONE || view->size == 0 ||
        (uintptr_t)view->place % RAGGED_ALIGNMENT == 0)
      continue;
    view->tensor.data = free_at;
    if (i < apart->input_count)
      device->move(device, free_at, view->place, view->size);
    free_at += (view->size + RAGGED_ALIGNMENT - 1) & ~(size_t)(RAGGED_ALIGNMENT - 1);
  }
}

/* A mask points to the row's tensors, which are gone with the next row: let it point to those
 * that they were cut from. */
static void widen_mask(const struct exec *exec, const struct apart *apart, tfm_mask *mask) {
  for (uint32_t t = 0; t < mask->count && t < TFM_MASK_TERMS; t++) {
    const tfm_tensor **tensor = &mask->term[t].tensor;
    if (!has_tensor(&mask->term[t]))
      continue;
    for (uint32_t i = 0; i < apart->count; i++) {
      const struct apart_view *view = &apart->view[i];
      if (view->value == GRAPH_NONE)
        continue;
      if (*tensor == &view->tensor)
        *tensor = &exec->tensor[view->value];
      for (uint32_t k = 0; view->mask && k < view->mask->mask.count; k++)
        if (*tensor == &view->mask->term[k] && view->mask->whole[k])
          *tensor = view->mask->whole[k];
    }
  }
}

static void give_back(const struct exec *exec, struct apart *apart) {
  const struct device *device = exec->program->device;
  for (uint32_t i = apart->input_count; i < apart->count; i++) {
    struct apart_view *view = &apart->view[i];
    if (view->tensor.data != view->place)
      device->move(device, view->place, view->tensor.data, view->size);
    if (dtype_is_formula(exec->graph->value[view->value].type.dtype))
      widen_mask(exec, apart, view->place);
  }
}

/* A row that rests: its outputs mean nothing, and are zero. */
static void rest(const struct exec *exec, struct apart *apart) {
  for (uint32_t i = apart->input_count; i < apart->count; i++) {
    const struct apart_view *view = &apart->view[i];
    const struct device *device = exec_device_of(exec, view->value);
    if (view->size > 0)
      device->zero(device, view->place, view->size);
  }
}

/* The row's taps are kept until all rows ran: the next row's go to the same memory. */
static int keep_taps(struct step *step, uint32_t row, struct tfm_error *err) {
  for (uint32_t i = 0; i < step->taps.count; i++) {
    const struct host_tap *from = &step->taps.tap[i];
    struct apart_tap *tap = &step->apart->tap[i];
    size_t size = sizeof(float);
    if (!from->filled)
      continue;
    struct apart_copy *copy = &tap->row[row];
    copy->tensor = from->tensor;
    for (uint32_t d = 0; d < from->tensor.rank; d++)
      size *= (size_t)from->tensor.shape[d];
    if (device_alloc(device_cpu(), size, "a tap", &copy->memory, err) != 0)
      return -1;
    copy->tensor.data = copy->memory.data;
    memcpy(copy->tensor.data, from->tensor.data, size);
  }
  return 0;
}

static int begin_taps(struct step *step, uint32_t rows, struct tfm_error *err) {
  for (uint32_t i = 0; i < step->taps.count; i++) {
    struct apart_tap *tap = &step->apart->tap[i];
    forget_taps(tap);
    if (rows > tap->room) {
      struct apart_copy *grown = realloc(tap->row, rows * sizeof *grown);
      if (!grown)
        return error_oom(err);
      tap->row = grown;
      tap->room = rows;
    }
    memset(tap->row, 0, rows * sizeof *tap->row);
    tap->rows = rows;
  }
  return 0;
}

static int run_row(struct exec *exec, struct step *step, uint32_t row, struct tfm_error *err) {
  struct apart *apart = step->apart;
  if (!cut_all(exec, apart, row, true)) {
    rest(exec, apart);
    return 0;
  }
  stage(exec, apart);
  apart->run.workspace = exec->workspace.data;
  if (exec_workspace(exec, step, &apart->run, err) != 0)
    return -1;
  for (uint32_t i = 0; i < step->taps.count; i++)
    step->taps.tap[i].filled = false;
  host_begin(&exec->host);
  tfm_status status =
      step->node->kernel->desc->run(&exec->host.api, step->node->instance, &apart->run);
  if (status != TFM_OK)
    return exec_failed(exec, step, status, err);
  give_back(exec, apart);
  return keep_taps(step, row, err);
}

int apart_run(struct exec *exec, struct step *step, const struct fit *fit, struct tfm_error *err) {
  if (begin_taps(step, fit->rows, err) != 0)
    return -1;
  for (uint32_t row = 0; row < fit->rows; row++)
    if (run_row(exec, step, row, err) != 0)
      return -1;
  return 0;
}

/* ----------------------------------------------------------------------- taps */

int apart_show_tap(struct exec *exec, const struct step *step, uint32_t index, bool *filled,
                   struct shown *shown, struct tfm_error *err) {
  const struct apart_tap *tap = &step->apart->tap[index];
  int64_t shape[TFM_MAX_RANK] = {0}, most = 0;
  const tfm_tensor *any = NULL;
  for (uint32_t b = 0; b < tap->rows; b++) {
    if (!tap->row[b].memory.data)
      continue;
    any = &tap->row[b].tensor;
    for (uint32_t d = 0; d < any->rank; d++)
      shape[d] = any->shape[d] > shape[d] ? any->shape[d] : shape[d];
  }
  *filled = any != NULL;
  if (!any)
    return 0;
  most = shape[0];
  shape[0] *= any->rank ? tap->rows : 1;
  if (show_blank(exec, shown, TFM_F32, any->rank, shape, err) != 0)
    return -1;
  for (uint32_t b = 0; b < tap->rows; b++)
    if (tap->row[b].memory.data && tap->row[b].tensor.rank == any->rank)
      show_put(&shown->tensor, 0, b * most, &tap->row[b].tensor);
  return 0;
}
