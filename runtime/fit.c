/* fit.c - room and shapes for a call: settled before anything runs. */
#include "runtime/exec_private.h"
#include "runtime/view.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

uint64_t exec_bytes(const struct exec *exec) {
  return (uint64_t)exec->activations.size + exec->workspace.size + exec->staging.size +
         exec->kept_bytes;
}

int exec_grow(struct exec *exec, struct device_block *block, size_t size, const char *what,
              struct tfm_error *err) {
  size_t limit = exec->options.memory_limit;
  if (size <= block->size && block->data)
    return 0;
  if (limit && (size > limit || exec_bytes(exec) - block->size > limit - size)) {
    error_set(err, TFM_ERROR_LIMIT, "%s needs %zu bytes, which does not fit the limit of %zu", what,
              size, limit);
    error_note(err, "help: give fewer or shorter inputs");
    return -1;
  }
  struct device_block grown;
  if (device_alloc(block->device, size, what, &grown, err) != 0) {
    error_note(err, "help: give fewer or shorter inputs");
    return -1;
  }
  device_release(block);
  *block = grown;
  return 0;
}

/* A buffer of its own, with some room and grown by a half at least, so that a mask that gets
 * a column longer each step seldom moves; no larger than it must be once half of the limit is
 * taken. */
static int fit_kept(struct exec *exec, int32_t v, size_t size, struct tfm_error *err) {
  enum { ROOM = 4096 };
  struct device_block *block = &exec->kept[v];
  size_t before = block->size, wanted = size, limit = exec->options.memory_limit;
  if (size > before && size <= SIZE_MAX / 2) {
    wanted = size + ROOM;
    if (before + before / 2 > wanted)
      wanted = before + before / 2;
    if (limit && exec_bytes(exec) - before + wanted > limit / 2)
      wanted = size;
  }
  int status = exec_grow(exec, block, wanted, exec->graph->value[v].name, err);
  exec->kept_bytes += block->size - before;
  for (uint32_t i = 0; i < exec->graph->value_count; i++) /* itself, and views of it */
    if (exec->plan->value[i].root == v)
      exec->tensor[i].data = block->data;
  return status;
}

/* Where the rows of a value that is APART begin, before its size is known. */
static int fit_offset(struct exec *exec, int32_t v, const struct fit *fit, struct tfm_error *err) {
  struct row_offsets *offset = &exec->offset[v];
  if (offset->at && fit->rows <= offset->rows)
    return 0;
  size_t *grown = realloc(offset->at, ((size_t)fit->rows + 1) * sizeof *grown);
  if (!grown)
    return error_oom(err);
  *offset = (struct row_offsets){grown, fit->rows};
  return 0;
}

static int fit_shape(struct exec *exec, int32_t v, const struct fit *fit, struct tfm_error *err) {
  const struct ragged_value *lies = &exec->ragged->value[v];
  tfm_tensor *tensor = &exec->tensor[v];
  size_t size;
  if (lies->kind == RAGGED_APART && fit_offset(exec, v, fit, err) != 0)
    return -1;
  if (plan_value_size(exec->plan, v, &fit->batch, exec->offset[v].at, &size, err) != 0)
    return -1;
  ragged_stored(exec->ragged, v, &fit->batch, tensor->shape);
  view_set_contiguous(tensor);
  tensor->begin = lies->kind == RAGGED_TOKENS ? fit->batch.begin[lies->dim] : NULL;
  bool own = exec->plan->value[v].root == v; /* else a view of one that is kept */
  return own && exec_is_kept(exec, v) ? fit_kept(exec, v, size, err) : 0;
}

/* Shapes of the entry's own values that depend on a dimension in `changed`;
 * all of them the first time. */
static int fit_shapes(struct exec *exec, uint32_t entry, uint32_t changed, bool all,
                      struct tfm_error *err) {
  for (uint32_t v = 0; v < exec->graph->value_count; v++) {
    if (exec->graph->value[v].entry != (int32_t)entry ||
        !(all || (exec->plan->value[v].dims & changed) ||
          exec->ragged->value[v].kind == RAGGED_APART))
      continue;
    if (fit_shape(exec, (int32_t)v, &exec->fit[entry], err) != 0)
      return -1;
  }
  return 0;
}

static int fit_arena(struct exec *exec, uint32_t entry, uint32_t changed, struct tfm_error *err) {
  bool moved;
  size_t limit = exec->options.memory_limit;
  if (exec->fit[entry].done && !(exec->plan->entry[entry].dims & changed))
    return 0;
  if (plan_layout(exec->plan, entry, &exec->fit[entry].batch, limit, &moved, err) != 0)
    return -1;
  size_t peak = exec->plan->entry[entry].peak;
  void *before = exec->activations.data;
  if (exec_grow(exec, &exec->activations, peak, "the activations", err) != 0)
    return -1;
  for (uint32_t e = 0; before != exec->activations.data && e < exec->graph->entry_count; e++)
    exec->fit[e].done = exec->fit[e].done && e == entry;
  if (!moved && before == exec->activations.data && exec->fit[entry].done)
    return 0;
  for (uint32_t v = 0; v < exec->graph->value_count; v++) {
    const struct plan_value *value = &exec->plan->value[v];
    if (value->place == PLAN_ARENA && exec->graph->value[v].entry == (int32_t)entry &&
        !exec_is_kept(exec, (int32_t)v))
      exec->tensor[v].data = (char *)exec->activations.data + exec->plan->value[value->root].offset;
  }
  return 0;
}

int exec_failed(struct exec *exec, const struct step *step, tfm_status status,
                struct tfm_error *err) {
  char prefix[512];
  const struct registry_kernel *kernel = step->node->kernel;
  snprintf(prefix, sizeof prefix, "`%s` (op `%s`, kernel `%s` of plugin `%s`)",
           step->node->view.name, step->node->view.op, kernel->desc->name, kernel->plugin->name);
  return host_take_failure(&exec->host, status, TFM_ERROR_RUN, prefix, err);
}

int exec_workspace(struct exec *exec, const struct step *step, tfm_run *run,
                   struct tfm_error *err) {
  const tfm_kernel_desc *kernel = step->node->kernel->desc;
  run->workspace_size = 0;
  if (!kernel->workspace)
    return 0;
  host_begin(&exec->host);
  tfm_status status =
      kernel->workspace(&exec->host.api, step->node->instance, run, &run->workspace_size);
  return status == TFM_OK ? 0 : exec_failed(exec, step, status, err);
}

/* What a step needs of what all share, if it is more. */
static int fit_step(struct exec *exec, struct step *step, const struct fit *fit, size_t *workspace,
                    size_t *staging, struct tfm_error *err) {
  size_t size;
  if (step->apart) {
    if (apart_fit(exec, step, fit, &step->run.workspace_size, &size, err) != 0)
      return -1;
    *staging = size > *staging ? size : *staging;
  } else if (exec_workspace(exec, step, &step->run, err) != 0) {
    return -1;
  }
  if (step->run.workspace_size > *workspace)
    *workspace = step->run.workspace_size;
  return 0;
}

static int grow_workspace(struct exec *exec, size_t workspace, size_t staging,
                          struct tfm_error *err) {
  void *before = exec->workspace.data;
  if (exec_grow(exec, &exec->workspace, workspace, "the kernels' workspace", err) != 0 ||
      exec_grow(exec, &exec->staging, staging, "what kernels see a row at a time", err) != 0)
    return -1;
  for (uint32_t n = 0; before != exec->workspace.data && n < exec->graph->node_count; n++)
    exec->step[n].run.workspace = exec->workspace.data;
  return 0;
}

static int fit_workspace(struct exec *exec, const struct graph_entry *entry, struct fit *fit,
                         uint32_t changed, bool all, struct tfm_error *err) {
  size_t most = exec->workspace.size, staging = exec->staging.size;
  for (uint32_t n = entry->begin; n < entry->end; n++) {
    struct step *step = &exec->step[n];
    if ((all || (step->dims & changed) || (step->has_state && fit->state_changed)) &&
        fit_step(exec, step, fit, &most, &staging, err) != 0)
      return -1;
  }
  return grow_workspace(exec, most, staging, err);
}

/* ------------------------------------------------------------ what has changed */

/* Room for where the rows begin, along each dim. */
static int fit_rows(struct fit *fit, uint32_t rows, struct tfm_error *err) {
  if (rows > fit->room || !fit->memory) {
    size_t cells = ((size_t)rows + 1) * DIM_VARIABLES;
    int64_t *grown = calloc(cells, sizeof *grown);
    if (!grown)
      return error_oom(err);
    free(fit->memory);
    fit->memory = grown;
    fit->room = rows;
    fit->done = false; /* tensors point there */
  }
  fit->rows = rows;
  fit->view = (tfm_rows){.struct_size = sizeof(tfm_rows), .count = rows};
  return 0;
}

/* Take over the new begins of a dim; true = they are others than before. */
static bool take_begins(struct fit *fit, uint32_t d, const struct ragged_batch *batch) {
  int64_t *to = fit->memory + (size_t)d * (fit->room + 1);
  bool other = false;
  for (uint32_t b = 0; b <= fit->rows; b++) {
    int64_t at = batch->begin[d] ? batch->begin[d][b] : (int64_t)b * batch->variable[d];
    other = other || to[b] != at;
    to[b] = at;
  }
  fit->batch.begin[d] = to;
  return other;
}

static uint32_t take_batch(const struct exec *exec, struct fit *fit,
                           const struct ragged_batch *batch) {
  uint32_t changed = 0;
  for (uint32_t d = 0; d < exec->graph->dim_count; d++) {
    bool differs = (exec->ragged->differ >> d & 1) && batch->variable[d] >= 0;
    if (batch->variable[d] != fit->batch.variable[d])
      changed |= 1u << d;
    if (differs && take_begins(fit, d, batch))
      changed |= 1u << d;
    else if (!differs)
      fit->batch.begin[d] = NULL;
  }
  memcpy(fit->batch.variable, batch->variable, sizeof batch->variable);
  return changed;
}

int exec_fit(struct exec *exec, uint32_t entry, const struct ragged_batch *batch,
             struct tfm_error *err) {
  struct fit *fit = &exec->fit[entry];
  if (fit_rows(fit, ragged_rows(exec->ragged, batch), err) != 0)
    return -1;
  uint32_t changed = take_batch(exec, fit, batch);
  bool all = !fit->done;
  if (!all && !changed && !fit->state_changed)
    return 0;
  int status = fit_shapes(exec, entry, changed, all, err);
  if (status == 0)
    status = fit_arena(exec, entry, changed, err);
  if (status == 0)
    status = fit_workspace(exec, &exec->graph->entry[entry], fit, changed, all, err);
  fit->done = status == 0;
  fit->state_changed = fit->state_changed && status != 0;
  return status;
}

/* ------------------------------------------------------- what an entry has left */

bool exec_leaves(const struct exec *exec, int32_t value) {
  const struct plan_value *own = &exec->plan->value[value];
  int32_t entry = exec->graph->value[value].entry;
  return own->place == PLAN_KEPT && entry != GRAPH_NONE &&
         own->last >= (int32_t)exec->graph->entry[entry].end;
}

static bool is_mask(const struct exec *exec, int32_t value) {
  return dtype_is_formula(exec->graph->value[value].type.dtype);
}

bool exec_leaves_mask(const struct exec *exec, uint32_t node) {
  const struct graph_node *own = &exec->graph->node[node];
  for (uint32_t i = 0; i < own->output_count; i++)
    if (is_mask(exec, own->output[i]) && exec_leaves(exec, own->output[i]))
      return true;
  return false;
}

/* A mask that is made anew finds what else its node makes where it was, if it is there. */
static int check_remade(const struct exec *exec, uint32_t node, struct tfm_error *err) {
  const struct graph_node *own = &exec->graph->node[node];
  for (uint32_t i = 0; i < own->output_count; i++)
    if (!exec_leaves(exec, own->output[i]))
      return error_set(err, TFM_ERROR_MODEL,
                       "`%s` makes a mask and `%s`, and cannot be run again for other rows",
                       own->name, exec->graph->value[own->output[i]].name);
  return 0;
}

int exec_adopt(struct exec *exec, uint32_t entry, const struct ragged_batch *batch,
               struct tfm_error *err) {
  const struct graph *graph = exec->graph;
  struct fit *fit = &exec->fit[entry];
  size_t most = exec->workspace.size, staging = exec->staging.size;
  if (fit_rows(fit, ragged_rows(exec->ragged, batch), err) != 0)
    return -1;
  take_batch(exec, fit, batch);
  fit->done = false; /* its other values are not there */
  for (uint32_t v = 0; v < graph->value_count; v++)
    if (graph->value[v].entry == (int32_t)entry && exec_leaves(exec, (int32_t)v) &&
        fit_shape(exec, (int32_t)v, fit, err) != 0)
      return -1;
  for (uint32_t n = graph->entry[entry].begin; n < graph->entry[entry].end; n++)
    if (exec_leaves_mask(exec, n) && (check_remade(exec, n, err) != 0 ||
                                      fit_step(exec, &exec->step[n], fit, &most, &staging, err)))
      return -1;
  return grow_workspace(exec, most, staging, err);
}
