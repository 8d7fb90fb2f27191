/* program.c - from graph nodes to prepared kernels.
 *
 * First every node's view is built (one arena, one thread), then kernels are
 * ranked and prepared, node by node in parallel: a kernel that declines a node
 * in prepare leaves it to the next in rank. */
#include "runtime/program.h"

#include "runtime/accept.h"
#include "runtime/cpu.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ------------------------------------------------------------- node views */

/* Symbolic dimensions get negative handles, equal ones the same. */
struct handles {
  struct arena *arena;
  const struct dim **dim;
  uint32_t count, capacity;
};

static tfm_dim dim_handle(struct handles *handles, const struct dim *dim) {
  int64_t number;
  if (dim_is_number(dim, &number))
    return number;
  for (uint32_t i = 0; i < handles->count; i++)
    if (dim_equal(handles->dim[i], dim))
      return -1 - (tfm_dim)i;
  if (handles->count == handles->capacity) {
    uint32_t wanted = handles->capacity ? handles->capacity * 2 : 16;
    const struct dim **grown = arena_array(handles->arena, wanted, sizeof *grown);
    if (!grown)
      return INT64_MIN;
    if (handles->count)
      memcpy((void *)grown, (const void *)handles->dim, handles->count * sizeof *grown);
    handles->dim = grown;
    handles->capacity = wanted;
  }
  handles->dim[handles->count] = dim;
  return -1 - (tfm_dim)handles->count++;
}

static const tfm_type *value_type(struct handles *handles, const struct type *type) {
  tfm_type *t = arena_alloc(handles->arena, sizeof *t);
  if (!t)
    return NULL;
  t->dtype = type->dtype == DTYPE_NONE ? TFM_F32 : (tfm_dtype)type->dtype;
  t->rank = type->rank;
  for (uint32_t i = 0; i < type->rank; i++)
    t->shape[i] = dim_handle(handles, &type->shape[i]);
  return t;
}

/* dtype: of a weight that is not bound */
static const tfm_type *weight_type(struct handles *handles, const struct graph_weight *weight,
                                   const tfm_tensor *tensor, enum dtype dtype) {
  tfm_type *t = arena_alloc(handles->arena, sizeof *t);
  if (!t)
    return NULL;
  t->dtype = tensor ? tensor->dtype : (tfm_dtype)dtype;
  t->rank = weight->rank;
  memcpy(t->shape, tensor ? tensor->shape : weight->shape, sizeof t->shape);
  return t;
}

static void fill_view(struct program *program, struct handles *handles, struct program_node *p) {
  const struct graph *graph = program->graph;
  const struct graph_node *node = p->node;
  struct arena *arena = &program->arena;
  const tfm_type **input = arena_array(arena, node->input_count, sizeof *input);
  const tfm_type **weight = arena_array(arena, node->weight_count, sizeof *weight);
  const tfm_type **output = arena_array(arena, node->output_count, sizeof *output);
  p->weight = arena_array(arena, node->weight_count, sizeof *p->weight);
  if (arena_failed(arena))
    return;
  for (uint32_t i = 0; i < node->input_count; i++)
    if (node->input[i] != GRAPH_NONE)
      input[i] = value_type(handles, &graph->value[node->input[i]].type);
  for (uint32_t i = 0; i < node->output_count; i++)
    output[i] = value_type(handles, &graph->value[node->output[i]].type);
  for (uint32_t i = 0; i < node->weight_count; i++) {
    if (node->weight[i] == GRAPH_NONE)
      continue;
    p->weight[i] = program->binding ? binding_tensor(program->binding, node->weight[i]) : NULL;
    const struct graph_weight *w = &graph->weight[node->weight[i]];
    weight[i] = weight_type(handles, w, p->weight[i],
                            accept_choose(program->registry, &program->policy, node->op,
                                          node->op_version, i, w->dtype));
  }
  p->view = (tfm_node){.struct_size = sizeof(tfm_node),
                       .input_count = node->input_count,
                       .weight_count = node->weight_count,
                       .attr_count = node->attr_count,
                       .output_count = node->output_count,
                       .tap_count = node->tap_count,
                       .op = node->op,
                       .name = node->name ? node->name : "",
                       .input = input,
                       .weight = weight,
                       .attr = node->attr,
                       .output = output};
}

/* ---------------------------------------------------------------- preparing */

struct preparation {
  struct program *program;
  const atomic_int *cancel;
  pthread_mutex_t lock; /* of failed and cause */
  int32_t failed;       /* the first node that failed, by its number */
  struct tfm_error cause;
};

static void name_node(const struct program_node *p, const struct registry_kernel *kernel,
                      char out[512]) {
  snprintf(out, 512, "`%s` (op `%s`, kernel `%s` of plugin `%s`)", p->view.name, p->view.op,
           kernel->desc->name, kernel->plugin->name);
}

/* 0, or -1; on DECLINED *declined and 0. */
static int prepare_with(struct program_node *p, const struct registry_kernel *kernel,
                        struct host *host, bool *declined, struct tfm_error *err) {
  *declined = false;
  p->kernel = kernel;
  if (!kernel->desc->prepare)
    return 0;
  host_begin(host);
  tfm_status status = kernel->desc->prepare(&host->api, &p->view, p->weight, &p->instance);
  if (status == TFM_OK)
    return 0;
  p->instance = NULL;
  p->kernel = NULL;
  if (status == TFM_DECLINED) {
    *declined = true;
    struct tfm_error ignored = {0};
    host_take_failure(host, status, TFM_ERROR_RUN, "", &ignored);
    return 0;
  }
  char prefix[512];
  name_node(p, kernel, prefix);
  return host_take_failure(host, status, TFM_ERROR_PLUGIN, prefix, err);
}

/* The weights that none of the kernels takes, each with what it is and what would be taken. */
static void note_weights(const struct program *program, const struct program_node *p,
                         const struct registry_candidate *candidate, size_t count,
                         struct tfm_error *err) {
  for (uint32_t i = 0; i < p->view.weight_count; i++) {
    struct buffer taken;
    bool served = !p->view.weight[i] || count == 0;
    buffer_init(&taken);
    for (size_t c = 0; c < count && !served; c++) {
      const tfm_kernel_desc *kernel = candidate[c].kernel->desc;
      served = accept_weight(kernel, i, (enum dtype)p->view.weight[i]->dtype);
      buffer_printf(&taken, "%s", taken.length ? "; " : "");
      accept_print(kernel, i, &taken);
    }
    if (!served)
      error_note(err, "weight `%s` is %s; expected: %s",
                 program->graph->weight[p->node->weight[i]].name,
                 dtype_name((enum dtype)p->view.weight[i]->dtype), buffer_text(&taken));
    buffer_finish(&taken);
  }
}

static int prepare_node(struct program *program, struct program_node *p, struct host *host,
                        struct tfm_error *err) {
  struct registry_candidate candidate[REGISTRY_CANDIDATES];
  size_t count;
  int racing = registry_rank(program->registry, &program->policy, &host->api, &p->view,
                             p->node->op_version, candidate, &count, err);
  if (racing < 0) {
    if (count == 0)
      registry_note_missing(program->registry, p->view.op, err);
    note_weights(program, p, candidate, count, err);
    return -1;
  }
  if (!program->binding) {
    p->kernel = candidate[0].kernel;
    return 0;
  }
  for (int i = 0; i < racing; i++) {
    bool declined;
    if (prepare_with(p, candidate[i].kernel, host, &declined, err) != 0)
      return -1;
    if (!declined)
      return 0;
  }
  return error_set(err, TFM_ERROR_PLUGIN, "every kernel of op `%s` declined `%s`", p->view.op,
                   p->view.name);
}

static void prepare_range(void *arg, int64_t begin, int64_t end, uint32_t lane) {
  struct preparation *work = arg;
  struct host host;
  (void)lane;
  host_init(&host, work->program->pool, work->cancel);
  program_share_log(work->program, &host);
  for (int64_t i = begin; i < end; i++) {
    struct tfm_error err = {0};
    int status = 0;
    if (work->cancel && atomic_load_explicit(work->cancel, memory_order_relaxed))
      status = error_set(&err, TFM_ERROR_INTERRUPTED, "interrupted");
    else
      status = prepare_node(work->program, &work->program->node[i], &host, &err);
    if (status == 0)
      continue;
    pthread_mutex_lock(&work->lock);
    if (work->failed == GRAPH_NONE || i < work->failed) {
      work->failed = (int32_t)i;
      work->cause = err;
    }
    pthread_mutex_unlock(&work->lock);
    break;
  }
  host_finish(&host);
}

static int prepare_all(struct program *program, const atomic_int *cancel, int32_t *failed,
                       struct tfm_error *err) {
  struct preparation work = {.program = program, .cancel = cancel, .failed = GRAPH_NONE};
  pthread_mutex_init(&work.lock, NULL);
  if (program->pool && program->binding)
    pool_run(program->pool, program->count, 4, prepare_range, &work);
  else
    prepare_range(&work, 0, program->count, 0);
  pthread_mutex_destroy(&work.lock);
  if (work.failed == GRAPH_NONE)
    return 0;
  if (failed)
    *failed = work.failed;
  if (err && err->code == TFM_ERROR_NONE)
    *err = work.cause;
  return -1;
}

static int build_views(struct program *program, struct tfm_error *err) {
  const struct graph *graph = program->graph;
  struct handles handles = {.arena = &program->arena};
  program->node = arena_array(&program->arena, graph->node_count, sizeof *program->node);
  if (!program->node)
    return error_oom(err);
  program->count = graph->node_count;
  for (uint32_t i = 0; i < program->count; i++) {
    program->node[i].node = &graph->node[i];
    if (graph->node[i].tap_count > 64)
      return error_set(err, TFM_ERROR_MODEL, "op `%s` has %u taps, at most 64 are possible",
                       graph->node[i].op, graph->node[i].tap_count);
    fill_view(program, &handles, &program->node[i]);
  }
  return arena_failed(&program->arena) ? error_oom(err) : 0;
}

static int find_ragged(struct program *program, struct tfm_error *err) {
  bool *knows = calloc(program->count + 1, sizeof *knows);
  if (!knows)
    return error_oom(err);
  for (uint32_t i = 0; i < program->count; i++)
    knows[i] = program->node[i].kernel->desc->flags & TFM_KERNEL_KNOWS_ROWS;
  int status = ragged_create(program->graph, knows, &program->arena, &program->ragged, err);
  free(knows);
  return status;
}

int program_create(const struct graph *graph, const struct registry *registry,
                   const struct binding *binding, struct pool *pool,
                   const struct program_options *options, struct program **out,
                   int32_t *failed_node, struct tfm_error *err) {
  static const struct program_options none;
  *out = NULL;
  if (failed_node)
    *failed_node = GRAPH_NONE;
  options = options ? options : &none;
  struct program *program = calloc(1, sizeof *program);
  if (!program)
    return error_oom(err);
  arena_init(&program->arena, 0);
  host_init(&program->host, pool, NULL);
  program->graph = graph;
  program->registry = registry;
  program->log = options->log;
  program->log_arg = options->log_arg;
  program_share_log(program, &program->host);
  program->binding = binding;
  program->pool = pool;
  program->device = options->device ? options->device : device_cpu();
  program->policy.reference_only = options->reference_only;
  cpu_features(program->policy.cpu);
  int status = 0;
  if (options->kernels) {
    program->policy.overrides = arena_strdup(&program->arena, options->kernels);
    status = program->policy.overrides ? 0 : error_oom(err);
  }
  if (status == 0)
    status = build_views(program, err);
  if (status == 0)
    status = prepare_all(program, options->cancel, failed_node, err);
  if (status == 0)
    status = find_ragged(program, err);
  if (status != 0) {
    program_destroy(program);
    return -1;
  }
  *out = program;
  return 0;
}

void program_share_log(const struct program *program, struct host *host) {
  if (program->log)
    host_set_log(host, program->log, program->log_arg);
  else
    registry_share_log(program->registry, host);
}

void program_destroy(struct program *program) {
  if (!program)
    return;
  for (uint32_t i = 0; i < program->count; i++) {
    struct program_node *p = &program->node[i];
    if (p->kernel && p->kernel->desc->destroy && p->instance)
      p->kernel->desc->destroy(&program->host.api, p->instance);
  }
  host_finish(&program->host);
  arena_finish(&program->arena);
  free(program);
}

int program_plan(const struct program *program, struct plan **out, struct tfm_error *err) {
  bool *inplace = calloc(program->count + 1, sizeof *inplace);
  if (!inplace)
    return error_oom(err);
  for (uint32_t i = 0; i < program->count; i++)
    inplace[i] = program->node[i].kernel->desc->flags & TFM_KERNEL_INPLACE_OK;
  int status = plan_create(program->graph, program->ragged, inplace, out, err);
  free(inplace);
  return status;
}

/* --------------------------------------------------------------- explaining */

int program_explain(const struct program *program, struct buffer *out, struct tfm_error *err) {
  for (uint32_t i = 0; i < program->count; i++) {
    const struct program_node *p = &program->node[i];
    struct registry_candidate candidate[REGISTRY_CANDIDATES];
    struct tfm_error ignored = {0};
    size_t count;
    registry_rank(program->registry, &program->policy, &program->host.api, &p->view,
                  p->node->op_version, candidate, &count, &ignored);
    buffer_printf(out, "%s: %s = %s of %s", p->view.name, p->view.op, p->kernel->desc->name,
                  p->kernel->plugin->name);
    for (size_t c = 0; c < count; c++) {
      if (candidate[c].kernel == p->kernel)
        continue;
      const char *lost = candidate[c].lost;
      buffer_printf(out, "; not %s: %s", candidate[c].kernel->desc->name,
                    lost ? lost : "it ranks lower, or declined");
    }
    ragged_explain(program->ragged, i, out);
    buffer_putc(out, '\n');
  }
  return out->failed ? error_oom(err) : 0;
}
