/* exec.c - the loop, and the table of tensors that it walks over.
 *
 *     node    kernel  instance  run { input[] weight[] output[] workspace }
 *     0       *       *               |                  |
 *     1       *       *               v                  v
 *     tensor  ids  %0  %1  %2  past[0] ...     rows of the values, by number
 *
 * Steps point into the tensor table once and for all.  exec_fit writes shapes
 * and addresses there; exec_run only reads. */
#include "runtime/exec.h"

#include "runtime/exec_private.h"
#include "runtime/view.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* ------------------------------------------------------------------ creation */

static void set_pointers(struct exec *exec, const tfm_tensor **list, const int32_t *value,
                         uint32_t count, struct step *step) {
  for (uint32_t i = 0; i < count; i++) {
    if (value[i] == GRAPH_NONE)
      continue;
    list[i] = &exec->tensor[value[i]];
    step->dims |= exec->plan->value[value[i]].dims;
    step->has_state = step->has_state || exec->plan->value[value[i]].place == PLAN_STATE;
  }
}

static int fill_step(struct exec *exec, struct step *step, const struct program_node *p,
                     struct tfm_error *err) {
  const struct graph_node *node = p->node;
  const tfm_tensor **input = arena_array(&exec->arena, node->input_count, sizeof *input);
  const tfm_tensor **output = arena_array(&exec->arena, node->output_count, sizeof *output);
  uint32_t taps = node->taps ? node->tap_count : 0;
  struct host_tap *tap = arena_array(&exec->arena, taps, sizeof *tap);
  if (!input || !output || !tap)
    return error_oom(err);
  step->node = p;
  step->view = plan_is_view(exec->plan, (uint32_t)(p - exec->program->node));
  set_pointers(exec, input, node->input, node->input_count, step);
  set_pointers(exec, output, node->output, node->output_count, step);
  host_taps_init(&step->taps, node->taps, tap, taps);
  step->watched = node->taps != 0;
  for (uint32_t i = 0; i < node->output_count; i++)
    step->watched = step->watched || exec->graph->value[node->output[i]].dump;
  step->run = (tfm_run){.struct_size = sizeof(tfm_run),
                        .input_count = node->input_count,
                        .weight_count = node->weight_count,
                        .output_count = node->output_count,
                        .input = input,
                        .weight = p->weight,
                        .output = output,
                        .taps = node->taps,
                        .node = &p->view,
                        .impl = &step->taps,
                        .rows = &exec->fit[node->entry].view};
  bool apart = exec->ragged->node[p - exec->program->node].apart && !step->view;
  return apart ? apart_create(exec, step, err) : 0;
}

static void fill_values(struct exec *exec) {
  exec->activations.device = exec->workspace.device = exec->staging.device = exec->program->device;
  for (uint32_t v = 0; v < exec->graph->value_count; v++) {
    const struct type *type = &exec->graph->value[v].type;
    exec->tensor[v].dtype = type->dtype == DTYPE_NONE ? TFM_F32 : (tfm_dtype)type->dtype;
    exec->tensor[v].rank = type->rank;
    exec->kept[v].device = exec_device_of(exec, (int32_t)v);
    exec->image[v].device = exec->shown[v].block.device = device_cpu();
    exec->tensor[v].device = exec->kept[v].device->number;
  }
}

static int fill_profile(struct exec *exec, struct tfm_error *err) {
  if (!exec->options.profile)
    return 0;
  exec->profile = arena_array(&exec->arena, exec->program->count, sizeof *exec->profile);
  if (!exec->profile)
    return error_oom(err);
  for (uint32_t i = 0; i < exec->program->count; i++) {
    const struct program_node *p = &exec->program->node[i];
    exec->profile[i] = (struct exec_profile){.name = p->view.name,
                                             .op = p->view.op,
                                             .kernel = p->kernel->desc->name,
                                             .plugin = p->kernel->plugin->name,
                                             .node = i};
  }
  return 0;
}

static int fill(struct exec *exec, struct tfm_error *err) {
  const struct graph *graph = exec->graph;
  exec->tensor = arena_array(&exec->arena, graph->value_count, sizeof *exec->tensor);
  exec->kept = arena_array(&exec->arena, graph->value_count, sizeof *exec->kept);
  exec->step = arena_array(&exec->arena, graph->node_count, sizeof *exec->step);
  exec->fit = arena_array(&exec->arena, graph->entry_count, sizeof *exec->fit);
  exec->offset = arena_array(&exec->arena, graph->value_count, sizeof *exec->offset);
  exec->image = arena_array(&exec->arena, graph->value_count, sizeof *exec->image);
  exec->shown = arena_array(&exec->arena, graph->value_count, sizeof *exec->shown);
  if (arena_failed(&exec->arena))
    return error_oom(err);
  fill_values(exec);
  for (uint32_t n = 0; n < graph->node_count; n++)
    if (fill_step(exec, &exec->step[n], &exec->program->node[n], err) != 0)
      return -1;
  return fill_profile(exec, err);
}

int exec_create(const struct program *program, const struct exec_options *options,
                struct exec **out, struct tfm_error *err) {
  *out = NULL;
  struct exec *exec = calloc(1, sizeof *exec);
  if (!exec)
    return error_oom(err);
  if (options)
    exec->options = *options;
  arena_init(&exec->arena, 0);
  host_init(&exec->host, program->pool, exec->options.cancel);
  program_share_log(program, &exec->host);
  exec->program = program;
  exec->graph = program->graph;
  exec->ragged = program->ragged;
  int status = program_plan(program, &exec->plan, err);
  if (status == 0)
    status = fill(exec, err);
  if (status != 0) {
    exec_destroy(exec);
    return -1;
  }
  *out = exec;
  return 0;
}

void exec_destroy(struct exec *exec) {
  if (!exec)
    return;
  for (uint32_t n = 0; exec->step && n < exec->graph->node_count; n++) {
    apart_destroy(&exec->step[n]); /* counts the taps, so before they go */
    host_taps_finish(&exec->step[n].taps);
  }
  bool tables = exec->kept && exec->offset && exec->image && exec->shown; /* else nothing is held */
  for (uint32_t v = 0; tables && v < exec->graph->value_count; v++) {
    device_release(&exec->kept[v]);
    free(exec->offset[v].at);
    device_release(&exec->image[v]);
    device_release(&exec->shown[v].block);
  }
  for (uint32_t e = 0; exec->fit && e < exec->graph->entry_count; e++)
    free(exec->fit[e].memory);
  device_release(&exec->activations);
  device_release(&exec->workspace);
  device_release(&exec->staging);
  plan_destroy(exec->plan);
  host_finish(&exec->host);
  arena_finish(&exec->arena);
  free(exec);
}

void exec_set_watch(struct exec *exec, exec_watch *watch, void *arg) {
  exec->watch = watch;
  exec->watch_arg = arg;
}

/* -------------------------------------------------------------------- access */

const struct fit *exec_fit_of(const struct exec *exec, int32_t value) {
  return &exec->fit[exec->graph->value[value].entry];
}

const struct device *exec_device_of(const struct exec *exec, int32_t value) {
  return dtype_is_formula(exec->graph->value[value].type.dtype) ? device_cpu()
                                                                : exec->program->device;
}

bool exec_is_kept(const struct exec *exec, int32_t value) {
  enum plan_place place = exec->plan->value[value].place;
  return place == PLAN_KEPT || (place == PLAN_ARENA && exec_device_of(exec, value)->number !=
                                                           exec->program->device->number);
}

void exec_shape(const struct exec *exec, int32_t value, tfm_tensor *out) {
  *out = exec->tensor[value];
  out->data = NULL;
  out->begin = NULL;
  ragged_rectangle(exec->ragged, value, &exec_fit_of(exec, value)->batch, out->shape);
  view_set_contiguous(out);
}

void exec_row(const struct exec *exec, int32_t value, uint32_t row, tfm_tensor *out) {
  const struct ragged_value *lies = &exec->ragged->value[value];
  const struct ragged_batch *batch = &exec_fit_of(exec, value)->batch;
  *out = exec->tensor[value];
  out->begin = NULL;
  if (lies->kind == RAGGED_ROWS) {
    out->data = (char *)out->data + row * out->stride[0];
    out->shape[0] = 1;
  } else if (lies->kind == RAGGED_TOKENS) {
    const int64_t *begin = batch->begin[lies->dim];
    out->data = (char *)out->data + begin[row] * out->stride[1];
    out->shape[1] = begin[row + 1] - begin[row];
    view_set_contiguous(out);
  } else if (lies->kind == RAGGED_APART) {
    ragged_row(exec->ragged, value, batch, row, out->shape);
    out->data = (char *)out->data + exec->offset[value].at[row];
    view_set_contiguous(out);
  }
}

void exec_set_state(struct exec *exec, int32_t value, const void *state, const int64_t *shape) {
  tfm_tensor *tensor = &exec->tensor[value];
  tensor->data = (void *)(uintptr_t)state;
  memcpy(tensor->shape, shape, tensor->rank * sizeof *shape);
  for (uint32_t e = 0; e < exec->graph->entry_count; e++)
    exec->fit[e].state_changed = true;
}

/* ------------------------------------------------------------------- running */

static uint64_t now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static bool cancelled(const struct exec *exec) {
  return exec->options.cancel &&
         atomic_load_explicit(exec->options.cancel, memory_order_relaxed) != 0;
}

static int run_whole(struct exec *exec, struct step *step, struct tfm_error *err) {
  const struct program_node *p = step->node;
  for (uint32_t i = 0; i < step->taps.count; i++)
    step->taps.tap[i].filled = false;
  host_begin(&exec->host);
  tfm_status status = p->kernel->desc->run(&exec->host.api, p->instance, &step->run);
  return status == TFM_OK ? 0 : exec_failed(exec, step, status, err);
}

static int run_step(struct exec *exec, struct step *step, struct tfm_error *err) {
  uint64_t start = exec->profile ? now() : 0;
  if (step->view)
    return exec->watch ? show_step(exec, step, err) : 0;
  if ((step->apart ? apart_run(exec, step, &exec->fit[step->node->node->entry], err)
                   : run_whole(exec, step, err)) != 0)
    return -1;
  if (exec->profile) {
    struct exec_profile *profile = &exec->profile[step - exec->step];
    profile->calls++;
    profile->nanoseconds += now() - start;
  }
  return step->watched && exec->watch ? show_step(exec, step, err) : 0;
}

int exec_run(struct exec *exec, uint32_t entry, struct tfm_error *err) {
  const struct graph_entry *run = &exec->graph->entry[entry];
  if (!exec->fit[entry].done)
    return error_set(err, TFM_ERROR_RUN, "`%s` was run before its dimensions were known",
                     run->name);
  if (exec->watch && show_inputs(exec, entry, err) != 0)
    return -1;
  for (uint32_t n = run->begin; n < run->end; n++) {
    if (exec->step[n].view && !exec->step[n].watched)
      continue;
    if (cancelled(exec))
      return error_set(err, TFM_ERROR_INTERRUPTED, "interrupted");
    if (run_step(exec, &exec->step[n], err) != 0)
      return -1;
  }
  exec->program->device->wait(exec->program->device);
  return 0;
}

int exec_remake(struct exec *exec, uint32_t entry, struct tfm_error *err) {
  const struct graph_entry *own = &exec->graph->entry[entry];
  for (uint32_t n = own->begin; n < own->end; n++) {
    struct step *step = &exec->step[n];
    if (exec_leaves_mask(exec, n) && (step->apart ? apart_run(exec, step, &exec->fit[entry], err)
                                                  : run_whole(exec, step, err)) != 0)
      return -1;
  }
  return 0;
}

const struct exec_profile *exec_profiles(const struct exec *exec, uint32_t *count) {
  *count = exec->profile ? exec->program->count : 0;
  return exec->profile;
}
