/* test_host.c - tfm_host as one process of fake lanes sees it. */
#include "tests/op/test_host.h"

#include <check.h>
#include <dlfcn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- plugins */

const char *const plugin_isas[] = {"base", "avx2", "avx512", NULL};

const tfm_plugin_desc *plugin_open(const char *name) {
  const char *folder = getenv("TFM_PLUGIN_DIR");
  char path[4096];
  snprintf(path, sizeof path, "%s/%s.so", folder ? folder : "plugins/.libs", name);
  void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  ck_assert_msg(handle != NULL, "%s", handle ? "" : dlerror());
  const tfm_plugin_desc *(*entry)(void);
  void *symbol = dlsym(handle, "tfm_plugin_v1");
  ck_assert_ptr_nonnull(symbol);
  memcpy(&entry, &symbol, sizeof entry);
  return entry();
}

const tfm_op_desc *plugin_op(const tfm_plugin_desc *plugin, const char *op) {
  char head[64];
  snprintf(head, sizeof head, "\nop %s(", op);
  for (uint32_t i = 0; i < plugin->op_count; i++)
    if (strstr(plugin->op[i]->schema, head))
      return plugin->op[i];
  return NULL;
}

static bool processor_has(const uint64_t need[4]) {
#if defined(__x86_64__)
  if (need[0] >> TFM_CPU_X86_AVX2 & 1 &&
      !(__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")))
    return false;
  if (need[0] >> TFM_CPU_X86_AVX512 & 1 &&
      !(__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl")))
    return false;
  return true;
#else
  return need[0] == 0;
#endif
}

const tfm_kernel_desc *plugin_kernel(const tfm_plugin_desc *plugin, const char *op,
                                     const char *kernel) {
  for (uint32_t i = 0; i < plugin->kernel_count; i++) {
    const tfm_kernel_desc *k = plugin->kernel[i];
    if (strcmp(k->op, op) == 0 && strcmp(k->name, kernel) == 0)
      return processor_has(k->cpu_need) ? k : NULL;
  }
  return NULL;
}

void plugin_check(const tfm_plugin_desc *plugin, const char *name) {
  ck_assert_str_eq(plugin->name, name);
  ck_assert_uint_eq(plugin->struct_size, sizeof *plugin);
  ck_assert_uint_eq(plugin->core, 1);
  for (uint32_t i = 0; i < plugin->op_count; i++) {
    const char *start = strstr(plugin->op[i]->schema, "\nop ");
    ck_assert_msg(start && memcmp(plugin->op[i]->schema, "## ", 3) == 0,
                  "an op without its doc: %s", plugin->op[i]->schema);
    char op[64] = "";
    sscanf(start, "\nop %63[a-z0-9_]", op);
    const tfm_kernel_desc *reference = plugin_kernel(plugin, op, "reference");
    ck_assert_msg(reference && reference->flags & TFM_KERNEL_REFERENCE && reference->score == 0,
                  "%s has no reference kernel", op);
  }
  for (uint32_t i = 0; i < plugin->kernel_count; i++) {
    const tfm_kernel_desc *k = plugin->kernel[i];
    ck_assert_uint_eq(k->struct_size, sizeof *k);
    ck_assert_ptr_nonnull(plugin_op(plugin, k->op));
    ck_assert_str_eq(k->device, "cpu");
    for (uint32_t j = 0; j < i; j++)
      ck_assert(strcmp(k->op, plugin->kernel[j]->op) != 0 ||
                strcmp(k->name, plugin->kernel[j]->name) != 0);
  }
}

/* ---- the host */

struct test_host {
  tfm_host host;
  struct call *call;
  uint32_t lanes;
  bool inside;
  int64_t live; /* allocations not given back */
};

static struct test_host *self(const tfm_host *host) {
  return host->impl;
}

static const void *host_ext(const tfm_host *host, const char *id) {
  (void)host;
  (void)id;
  return NULL;
}

static tfm_status host_fail(const tfm_host *host, const char *format, ...) {
  va_list args;
  va_start(args, format);
  vsnprintf(self(host)->call->message, sizeof self(host)->call->message, format, args);
  va_end(args);
  return TFM_FAILED;
}

static void host_log(const tfm_host *host, int level, const char *format, ...) {
  (void)host;
  (void)level;
  (void)format;
}

static tfm_dim dim_add(const tfm_host *host, tfm_dim a, tfm_dim b) {
  (void)host;
  return a + b;
}

static tfm_dim dim_sub(const tfm_host *host, tfm_dim a, tfm_dim b) {
  (void)host;
  return a < b ? INT64_MIN : a - b;
}

static tfm_dim dim_mul(const tfm_host *host, tfm_dim a, tfm_dim b) {
  (void)host;
  return a * b;
}

static tfm_dim dim_div(const tfm_host *host, tfm_dim a, tfm_dim b) {
  (void)host;
  return b == 0 || a % b != 0 ? INT64_MIN : a / b;
}

static int32_t dim_equal(const tfm_host *host, tfm_dim a, tfm_dim b) {
  (void)host;
  return a == b;
}

static void *host_alloc(const tfm_host *host, size_t bytes) {
  void *memory = exact_memory(bytes);
  memset(memory, 0, bytes);
  self(host)->live++;
  return memory;
}

static void host_release(const tfm_host *host, void *memory) {
  if (memory)
    self(host)->live--;
  free(memory);
}

static int32_t host_cancelled(const tfm_host *host) {
  (void)host;
  return 0;
}

static uint32_t host_lanes(const tfm_host *host) {
  return self(host)->lanes;
}

/* Cut [0, count) at random, and do the pieces in a random order. */
static void host_parallel_for(const tfm_host *host, int64_t count, int64_t grain,
                              void (*body)(void *, int64_t, int64_t, uint32_t), void *arg) {
  struct test_host *test = self(host);
  if (count <= 0)
    return;
  if (test->inside || test->lanes == 1) {
    body(arg, 0, count, 0);
    return;
  }
  grain = grain < 1 ? 1 : grain;
  enum { PIECES = 64 };
  int64_t begin[PIECES], end[PIECES], at = 0;
  int pieces = 0;
  while (at < count) {
    int64_t size = grain + (int64_t)chance((uint64_t)(count / 3 + 1));
    if (count - at - size < grain || pieces == PIECES - 1)
      size = count - at;
    begin[pieces] = at;
    end[pieces++] = at += size;
  }
  test->inside = true;
  while (pieces > 0) {
    int i = (int)chance((uint64_t)pieces--);
    body(arg, begin[i], end[i], (uint32_t)chance(test->lanes));
    begin[i] = begin[pieces];
    end[i] = end[pieces];
  }
  test->inside = false;
}

static tfm_status host_to_f32(const tfm_host *host, tfm_dtype dtype, const void *from, float *to,
                              int64_t count) {
  (void)host;
  for (int64_t i = 0; i < count; i++)
    to[i] = tensor_load(dtype, (const char *)from + (size_t)i * tensor_element(dtype));
  return TFM_OK;
}

static void product_row(const tfm_gemm *p, int64_t m) {
  float *c = p->c + m * p->c_stride;
  int64_t n = p->weight->shape[0], k = p->weight->shape[1];
  for (int64_t i = 0; i < n; i++) {
    float sum = 0;
    for (int64_t j = 0; j < k; j++)
      sum += p->a[m * p->a_stride + j] * (float)tensor_at(p->weight, i, j);
    c[i] = sum + (p->bias ? (float)tensor_at(p->bias, 0, i) : 0);
  }
  for (int64_t i = 0; p->epilogue && i < n;) {
    int64_t count = 1 + (int64_t)chance((uint64_t)(n - i));
    p->epilogue(p->epilogue_arg, m, i, c + i, count);
    i += count;
  }
}

static tfm_status host_gemm(const tfm_host *host, const tfm_gemm *const *problem, uint32_t count) {
  (void)host;
  for (uint32_t i = count; i-- > 0;) {
    ck_assert_uint_eq(problem[i]->struct_size, sizeof(tfm_gemm));
    for (int64_t m = problem[i]->rows; m-- > 0;)
      product_row(problem[i], m);
  }
  return TFM_OK;
}

static float *host_tap(const tfm_host *host, const tfm_run *run, uint32_t index, uint32_t rank,
                       const int64_t *shape) {
  struct call *call = self(host)->call;
  if (!(run->taps >> index & 1))
    return NULL;
  tensor_free(call->tap[index]);
  call->tap[index] = tensor_new(TFM_F32, rank, shape);
  return call->tap[index]->data;
}

static void host_init(struct test_host *test, struct call *call, uint32_t lanes) {
  *test = (struct test_host){
      .host = {.struct_size = sizeof(tfm_host),
               .abi_minor = TFM_ABI_MINOR,
               .version = "test",
               .impl = test,
               .ext = host_ext,
               .fail = host_fail,
               .log = host_log,
               .dim_add = dim_add,
               .dim_sub = dim_sub,
               .dim_mul = dim_mul,
               .dim_div = dim_div,
               .dim_equal = dim_equal,
               .alloc = host_alloc,
               .release = host_release,
               .cancelled = host_cancelled,
               .lanes = host_lanes,
               .parallel_for = host_parallel_for,
               .to_f32 = host_to_f32,
               .gemm = host_gemm,
               .tap = host_tap},
      .call = call,
      .lanes = lanes,
  };
}

/* ---- calls */

static tfm_attr *new_attr(struct call *call, const char *name, uint32_t kind) {
  tfm_attr *attr = &call->attr[call->attr_count++];
  *attr = (tfm_attr){.name = name, .kind = kind};
  return attr;
}

void call_attr_int(struct call *call, const char *name, int64_t value) {
  tfm_attr *attr = new_attr(call, name, TFM_ATTR_INT);
  attr->integer = value;
  attr->real = (double)value;
}

void call_attr_real(struct call *call, const char *name, double value) {
  new_attr(call, name, TFM_ATTR_REAL)->real = value;
}

void call_attr_text(struct call *call, const char *name, const char *value) {
  new_attr(call, name, TFM_ATTR_STR)->text = value;
}

/* A node and the arrays that it points to. */
struct node {
  tfm_node node;
  tfm_type type[3 * CALL_MAX];
  const tfm_type *input[CALL_MAX], *weight[CALL_MAX], *output[CALL_MAX];
  const tfm_attr *attr[CALL_MAX];
};

static void set_types(const tfm_type **to, tfm_type *type, tfm_tensor *const *tensor,
                      uint32_t count) {
  for (uint32_t i = 0; i < count; i++) {
    if (!tensor[i])
      continue;
    type[i].dtype = tensor[i]->dtype;
    type[i].rank = tensor[i]->rank;
    memcpy(type[i].shape, tensor[i]->shape, sizeof type[i].shape);
    to[i] = &type[i];
  }
}

static void node_init(struct node *n, struct call *call) {
  memset(n, 0, sizeof *n);
  set_types(n->input, n->type, call->input, call->input_count);
  set_types(n->weight, n->type + CALL_MAX, call->weight, call->weight_count);
  set_types(n->output, n->type + 2 * CALL_MAX, call->output, call->output_count);
  for (uint32_t i = 0; i < call->attr_count; i++)
    n->attr[i] = &call->attr[i];
  n->node = (tfm_node){.struct_size = sizeof(tfm_node),
                       .input_count = call->input_count,
                       .weight_count = call->weight_count,
                       .attr_count = call->attr_count,
                       .output_count = call->output_count,
                       .tap_count = CALL_MAX,
                       .op = call->op,
                       .name = call->op,
                       .input = n->input,
                       .weight = n->weight,
                       .attr = n->attr,
                       .output = n->output};
}

/* With workspace asked for before data is known, as the contract has it. */
static tfm_status run_prepared(struct test_host *test, const tfm_kernel_desc *kernel,
                               const tfm_node *node, const void *instance) {
  struct call *call = test->call;
  tfm_tensor bare[3 * CALL_MAX];
  const tfm_tensor *view[2][3 * CALL_MAX];
  for (int i = 0; i < 3 * CALL_MAX; i++) {
    tfm_tensor *const *group = i < CALL_MAX       ? call->input
                               : i < 2 * CALL_MAX ? call->weight
                                                  : call->output;
    tfm_tensor *tensor = group[i % CALL_MAX];
    if (tensor)
      bare[i] = *tensor;
    bare[i].data = NULL;
    view[0][i] = tensor ? &bare[i] : NULL;
    view[1][i] = tensor;
  }
  tfm_rows rows = {.struct_size = sizeof rows, .count = call->rows};
  tfm_run run = {.struct_size = sizeof run,
                 .rows = &rows,
                 .input_count = call->input_count,
                 .weight_count = call->weight_count,
                 .output_count = call->output_count,
                 .taps = call->taps,
                 .node = node};
  tfm_status status = TFM_OK;
  for (int pass = 0; pass < 2 && status == TFM_OK; pass++) {
    run.input = view[pass];
    run.weight = view[pass] + CALL_MAX;
    run.output = view[pass] + 2 * CALL_MAX;
    if (pass == 0) {
      if (kernel->workspace)
        status = kernel->workspace(&test->host, instance, &run, &run.workspace_size);
      run.workspace = exact_memory(run.workspace_size);
      memset(run.workspace, 0xff, run.workspace_size);
    } else {
      status = kernel->run(&test->host, instance, &run);
    }
  }
  free(run.workspace);
  return status;
}

tfm_status call_run(struct call *call, const tfm_kernel_desc *kernel, uint32_t lanes) {
  struct test_host test;
  struct node node;
  host_init(&test, call, lanes);
  node_init(&node, call);
  call->message[0] = '\0';
  void *instance = NULL;
  tfm_status status = TFM_OK;
  if (kernel->prepare)
    status =
        kernel->prepare(&test.host, &node.node, (const tfm_tensor *const *)call->weight, &instance);
  /* Attributes are read by prepare; whoever looks for one later dies of it. */
  static const tfm_attr *const none[CALL_MAX];
  node.node.attr = none;
  node.node.attr_count = CALL_MAX;
  if (status == TFM_OK)
    status = run_prepared(&test, kernel, &node.node, instance);
  if (kernel->destroy)
    kernel->destroy(&test.host, instance);
  ck_assert_msg(test.live == 0, "%s %s: %d allocations were not given back", kernel->op,
                kernel->name, (int)test.live);
  ck_assert(status != TFM_FAILED || call->message[0] != '\0');
  return status;
}

int call_infer(struct call *call, const tfm_op_desc *op, tfm_type *output, uint32_t capacity) {
  struct test_host test;
  struct node node;
  uint32_t count = 0;
  host_init(&test, call, 1);
  node_init(&node, call);
  node.node.output = NULL;
  call->message[0] = '\0';
  return op->infer(&test.host, &node.node, output, capacity, &count) == TFM_OK ? (int)count : -1;
}

void call_finish(struct call *call, bool all) {
  for (int i = 0; i < CALL_MAX; i++) {
    tensor_free(call->tap[i]);
    call->tap[i] = NULL;
    if (!all)
      continue;
    tensor_free(call->input[i]);
    tensor_free(call->weight[i]);
    tensor_free(call->output[i]);
    call->input[i] = call->weight[i] = call->output[i] = NULL;
  }
}
