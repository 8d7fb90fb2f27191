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

#include "base/checked.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct step {
  const struct program_node *node;
  uint32_t dims;  /* run-time dimensions that a shape of it depends on */
  bool has_state; /* reads a state, whose capacity may change */
  bool watched;   /* has outputs or taps to show */
  tfm_run run;
  struct host_taps taps;
};

struct block {
  void *data;
  size_t size;
};

/* What an entry was last fitted to. */
struct fit {
  bool done, state_changed;
  int64_t variable[DIM_VARIABLES];
};

struct exec {
  struct arena arena; /* steps, tensors */
  const struct program *program;
  const struct graph *graph;
  struct exec_options options;
  struct plan *plan;
  struct host host;
  exec_watch *watch;
  void *watch_arg;
  tfm_tensor *tensor; /* one a value */
  struct step *step;  /* one a node of the graph */
  struct block *kept; /* one a value; empty unless PLAN_KEPT */
  struct block activations, workspace;
  size_t kept_bytes;
  struct fit *fit;              /* one an entry */
  struct exec_profile *profile; /* one a node of the graph */
};

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
                        .impl = &step->taps};
  return 0;
}

static void fill_types(struct exec *exec) {
  for (uint32_t v = 0; v < exec->graph->value_count; v++) {
    const struct type *type = &exec->graph->value[v].type;
    exec->tensor[v].dtype = type->dtype == DTYPE_NONE ? TFM_F32 : (tfm_dtype)type->dtype;
    exec->tensor[v].rank = type->rank;
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
                                             .plugin = p->kernel->plugin->name};
  }
  return 0;
}

static int fill(struct exec *exec, struct tfm_error *err) {
  const struct graph *graph = exec->graph;
  exec->tensor = arena_array(&exec->arena, graph->value_count, sizeof *exec->tensor);
  exec->kept = arena_array(&exec->arena, graph->value_count, sizeof *exec->kept);
  exec->step = arena_array(&exec->arena, graph->node_count, sizeof *exec->step);
  exec->fit = arena_array(&exec->arena, graph->entry_count, sizeof *exec->fit);
  if (!exec->tensor || !exec->kept || !exec->step || !exec->fit)
    return error_oom(err);
  fill_types(exec);
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
  for (uint32_t n = 0; exec->step && n < exec->graph->node_count; n++)
    host_taps_finish(&exec->step[n].taps);
  for (uint32_t v = 0; exec->kept && v < exec->graph->value_count; v++)
    free(exec->kept[v].data);
  free(exec->activations.data);
  free(exec->workspace.data);
  plan_destroy(exec->plan);
  host_finish(&exec->host);
  arena_finish(&exec->arena);
  free(exec);
}

void exec_set_watch(struct exec *exec, exec_watch *watch, void *arg) {
  exec->watch = watch;
  exec->watch_arg = arg;
}

/* ------------------------------------------------------------------- fitting */

uint64_t exec_bytes(const struct exec *exec) {
  return (uint64_t)exec->activations.size + exec->workspace.size + exec->kept_bytes;
}

/* Room for size bytes; the contents are lost when it moves. */
static int grow(struct exec *exec, struct block *block, size_t size, const char *what,
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
  void *memory = NULL;
  if (posix_memalign(&memory, PLAN_ALIGNMENT, size ? size : PLAN_ALIGNMENT) != 0) {
    error_set(err, TFM_ERROR_LIMIT, "out of memory: %s needs %zu bytes", what, size);
    error_note(err, "help: give fewer or shorter inputs");
    return -1;
  }
  free(block->data);
  *block = (struct block){memory, size};
  return 0;
}

/* A buffer of its own, grown by a half at least, so that a mask that gets a
 * column longer each step seldom moves. */
static int fit_kept(struct exec *exec, int32_t v, size_t size, struct tfm_error *err) {
  struct block *block = &exec->kept[v];
  size_t before = block->size, wanted = size;
  if (size > before && before > 0 && before + before / 2 > size)
    wanted = before + before / 2;
  int status = grow(exec, block, wanted, exec->graph->value[v].name, err);
  exec->kept_bytes += block->size - before;
  exec->tensor[v].data = block->data;
  return status;
}

static int fit_shape(struct exec *exec, int32_t v, const int64_t *variable, struct tfm_error *err) {
  const struct type *type = &exec->graph->value[v].type;
  tfm_tensor *tensor = &exec->tensor[v];
  size_t size;
  if (plan_value_size(exec->plan, v, variable, &size, err) != 0)
    return -1;
  int64_t step = (int64_t)dtype_size((enum dtype)tensor->dtype);
  for (uint32_t i = type->rank; i-- > 0;) {
    dim_eval(&type->shape[i], variable, &tensor->shape[i]);
    tensor->stride[i] = step;
    step *= tensor->shape[i] > 0 ? tensor->shape[i] : 1;
  }
  return exec->plan->value[v].place == PLAN_KEPT ? fit_kept(exec, v, size, err) : 0;
}

/* Shapes of the entry's own values that depend on a dimension in `changed`;
 * all of them the first time. */
static int fit_shapes(struct exec *exec, uint32_t entry, const int64_t *variable, uint32_t changed,
                      bool all, struct tfm_error *err) {
  for (uint32_t v = 0; v < exec->graph->value_count; v++) {
    if (exec->graph->value[v].entry != (int32_t)entry ||
        !(all || (exec->plan->value[v].dims & changed)))
      continue;
    if (fit_shape(exec, (int32_t)v, variable, err) != 0)
      return -1;
  }
  return 0;
}

static int fit_arena(struct exec *exec, uint32_t entry, const int64_t *variable,
                     struct tfm_error *err) {
  bool moved;
  size_t limit = exec->options.memory_limit;
  if (plan_layout(exec->plan, entry, variable, limit, &moved, err) != 0)
    return -1;
  size_t peak = exec->plan->entry[entry].peak;
  void *before = exec->activations.data;
  if (grow(exec, &exec->activations, peak, "the activations", err) != 0)
    return -1;
  for (uint32_t e = 0; before != exec->activations.data && e < exec->graph->entry_count; e++)
    exec->fit[e].done = exec->fit[e].done && e == entry;
  if (!moved && before == exec->activations.data && exec->fit[entry].done)
    return 0;
  for (uint32_t v = 0; v < exec->graph->value_count; v++) {
    const struct plan_value *value = &exec->plan->value[v];
    if (value->place == PLAN_ARENA && exec->graph->value[v].entry == (int32_t)entry)
      exec->tensor[v].data = (char *)exec->activations.data + exec->plan->value[value->root].offset;
  }
  return 0;
}

static int failed(struct exec *exec, const struct step *step, tfm_status status,
                  struct tfm_error *err) {
  char prefix[512];
  const struct registry_kernel *kernel = step->node->kernel;
  snprintf(prefix, sizeof prefix, "`%s` (op `%s`, kernel `%s` of plugin `%s`)",
           step->node->view.name, step->node->view.op, kernel->desc->name, kernel->plugin->name);
  return host_take_failure(&exec->host, status, TFM_ERROR_RUN, prefix, err);
}

static int fit_workspace(struct exec *exec, const struct graph_entry *entry, uint32_t changed,
                         bool all, bool states, struct tfm_error *err) {
  size_t most = exec->workspace.size;
  for (uint32_t n = entry->begin; n < entry->end; n++) {
    struct step *step = &exec->step[n];
    const tfm_kernel_desc *kernel = step->node->kernel->desc;
    if (!kernel->workspace || !(all || (step->dims & changed) || (step->has_state && states)))
      continue;
    step->run.workspace_size = 0;
    host_begin(&exec->host);
    tfm_status status = kernel->workspace(&exec->host.api, step->node->instance, &step->run,
                                          &step->run.workspace_size);
    if (status != TFM_OK)
      return failed(exec, step, status, err);
    if (step->run.workspace_size > most)
      most = step->run.workspace_size;
  }
  void *before = exec->workspace.data;
  if (grow(exec, &exec->workspace, most, "the kernels' workspace", err) != 0)
    return -1;
  for (uint32_t n = 0; before != exec->workspace.data && n < exec->graph->node_count; n++)
    exec->step[n].run.workspace = exec->workspace.data;
  return 0;
}

int exec_fit(struct exec *exec, uint32_t entry, const int64_t *variable, struct tfm_error *err) {
  struct fit *fit = &exec->fit[entry];
  uint32_t changed = 0;
  bool all = !fit->done, states = fit->state_changed;
  for (uint32_t d = 0; d < exec->graph->dim_count; d++)
    if (variable[d] != fit->variable[d])
      changed |= 1u << d;
  if (!all && !changed && !states)
    return 0;
  int status = fit_shapes(exec, entry, variable, changed, all, err);
  if (status == 0)
    status = fit_arena(exec, entry, variable, err);
  if (status == 0)
    status = fit_workspace(exec, &exec->graph->entry[entry], changed, all, states, err);
  fit->done = status == 0;
  fit->state_changed = fit->state_changed && status != 0;
  memcpy(fit->variable, variable, exec->graph->dim_count * sizeof *variable);
  return status;
}

tfm_tensor *exec_tensor(struct exec *exec, int32_t value) {
  return &exec->tensor[value];
}

void exec_set_state(struct exec *exec, int32_t value, const tfm_kv *kv) {
  tfm_tensor *tensor = &exec->tensor[value];
  tensor->data = (void *)(uintptr_t)kv;
  tensor->shape[0] = kv->key_width;
  for (uint32_t e = 0; e < exec->graph->entry_count; e++)
    exec->fit[e].state_changed = true;
}

/* ------------------------------------------------------------------- running */

static uint64_t now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static int show(struct exec *exec, struct step *step, struct tfm_error *err) {
  const struct graph_node *node = step->node->node;
  int32_t number = (int32_t)(step - exec->step);
  int status = 0;
  for (uint32_t i = 0; status == 0 && i < node->output_count; i++)
    if (exec->graph->value[node->output[i]].dump)
      status = exec->watch(exec->watch_arg, node->output[i], number, -1,
                           &exec->tensor[node->output[i]], err);
  for (uint32_t i = 0; status == 0 && i < step->taps.count; i++)
    if (step->taps.tap[i].filled)
      status = exec->watch(exec->watch_arg, GRAPH_NONE, number, (int32_t)i,
                           &step->taps.tap[i].tensor, err);
  return status;
}

static int show_inputs(struct exec *exec, uint32_t entry, struct tfm_error *err) {
  int status = 0;
  for (uint32_t i = 0; status == 0 && i < exec->graph->input_count; i++) {
    const struct graph_input *input = &exec->graph->input[i];
    if (input->entry == (int32_t)entry && exec->graph->value[input->value].dump)
      status = exec->watch(exec->watch_arg, input->value, GRAPH_NONE, -1,
                           &exec->tensor[input->value], err);
  }
  return status;
}

static bool cancelled(const struct exec *exec) {
  return exec->options.cancel &&
         atomic_load_explicit(exec->options.cancel, memory_order_relaxed) != 0;
}

static int run_step(struct exec *exec, struct step *step, struct tfm_error *err) {
  const struct program_node *p = step->node;
  uint64_t start = exec->profile ? now() : 0;
  for (uint32_t i = 0; i < step->taps.count; i++)
    step->taps.tap[i].filled = false;
  host_begin(&exec->host);
  tfm_status status = p->kernel->desc->run(&exec->host.api, p->instance, &step->run);
  if (status != TFM_OK)
    return failed(exec, step, status, err);
  if (exec->profile) {
    struct exec_profile *profile = &exec->profile[step - exec->step];
    profile->calls++;
    profile->nanoseconds += now() - start;
  }
  return step->watched && exec->watch ? show(exec, step, err) : 0;
}

int exec_run(struct exec *exec, uint32_t entry, struct tfm_error *err) {
  const struct graph_entry *run = &exec->graph->entry[entry];
  if (!exec->fit[entry].done)
    return error_set(err, TFM_ERROR_RUN, "`%s` was run before its dimensions were known",
                     run->name);
  if (exec->watch && show_inputs(exec, entry, err) != 0)
    return -1;
  for (uint32_t n = run->begin; n < run->end; n++) {
    if (cancelled(exec))
      return error_set(err, TFM_ERROR_INTERRUPTED, "interrupted");
    if (run_step(exec, &exec->step[n], err) != 0)
      return -1;
  }
  return 0;
}

const struct exec_profile *exec_profiles(const struct exec *exec, uint32_t *count) {
  *count = exec->profile ? exec->program->count : 0;
  return exec->profile;
}
