/* Kernels chosen and prepared, shapes that change, dumps and taps, failures. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* nftw, mkdtemp */
#endif
#include "runtime/cpu.h"
#include "runtime/exec.h"
#include "tests/unit/runtime_ops.h"

static const char model[] = "graph t\n"
                            "dim B\n"
                            "dim T\n"
                            "entry decode step\n"
                            "decode\n"
                            "input %0 ids = tokens.ids : i32[B,T] @ids !\n"
                            "weight $w : f32[1] = \"w\"\n"
                            "%1 = lift(%0) : f32[B,T,1] @a taps(twice!, thrice)\n"
                            "%2 = shift(%1; ; by: 10.0) : f32[B,T,1] @b !\n"
                            "%3 = scale(%2; $w) : f32[B,T,1] @c\n"
                            "%4 = add(%3, %1) : f32[B,T,1] @d\n"
                            "output y = %4\n";

/* Everything from a graph's text to an exec, with random weights. */
struct bench {
  struct graph *graph;
  struct registry *registry;
  struct binding *binding;
  struct pool *pool;
  struct program *program;
  struct exec *exec;
};

static struct bench open_bench(const char *text, const struct program_options *program,
                               const struct exec_options *options) {
  struct bench b = {.graph = test_graph(text), .registry = test_registry()};
  struct binding_options random = {.random = true, .seed = 1};
  CHECK_OK(binding_create(b.graph, NULL, &random, &b.binding, err));
  CHECK_OK(pool_create(2, &b.pool, err));
  CHECK_OK(program_create(b.graph, b.registry, b.binding, b.pool, program, &b.program, NULL, err));
  CHECK_OK(exec_create(b.program, options, &b.exec, err));
  return b;
}

static void close_bench(struct bench *b) {
  exec_destroy(b->exec);
  program_destroy(b->program);
  pool_destroy(b->pool);
  binding_destroy(b->binding);
  registry_close(b->registry);
  graph_destroy(b->graph);
}

/* All of a value that no row has a part of, else row 0's part. */
static void *data_of(const struct bench *b, int32_t value) {
  tfm_tensor tensor;
  exec_row(b->exec, value, 0, &tensor);
  return tensor.data;
}

static void run(struct bench *b, int64_t rows, int64_t tokens) {
  struct ragged_batch batch = {.variable = {rows, tokens}};
  CHECK_OK(exec_fit(b->exec, 0, &batch, err));
  int32_t ids[256];
  for (int64_t i = 0; i < rows * tokens; i++)
    ids[i] = (int32_t)i;
  CHECK_OK(exec_give(
      b->exec, 0, &(tfm_tensor){.data = ids, .dtype = TFM_I32, .rank = 2, .shape = {rows, tokens}},
      err));
  CHECK_OK(exec_run(b->exec, 0, err));
  struct tfm_error none = {0};
  const tfm_tensor *y = exec_rectangle(b->exec, b->graph->output[0].value, &none);
  float w = *(const float *)binding_tensor(b->binding, 0)->data;
  ck_assert_int_eq(y->shape[0], rows);
  ck_assert_int_eq(y->shape[1], tokens);
  ck_assert_int_eq(y->stride[0], tokens * 4);
  for (int64_t i = 0; i < rows * tokens; i++)
    ck_assert(((const float *)y->data)[i] == ((float)i + 10) * w + (float)i);
}

START_TEST(test_shapes) {
  struct bench b = open_bench(model, NULL, NULL);
  run(&b, 1, 1);
  run(&b, 3, 50);
  run(&b, 2, 7);
  run(&b, 0, 7);
  run(&b, 3, 51);
  ck_assert_uint_gt(exec_bytes(b.exec), 0);
  close_bench(&b);
}
END_TEST

/* Decode grows the arena that encode's values lie in. */
START_TEST(test_stages) {
  struct bench b = open_bench("graph t\ndim B\ndim T\nentry encode once\nentry decode step\n"
                              "encode\n"
                              "input %0 x = feed : f32[B] @x\n"
                              "decode\n"
                              "input %1 z = feed : f32[T] @z\n"
                              "encode\n"
                              "%2 = shift(%0; ; by: 1.0) : f32[B] @a\n"
                              "%3 = add(%2, %2) : f32[B] @kept\n"
                              "decode\n"
                              "%4 = shift(%1; ; by: 1.0) : f32[T] @c\n"
                              "%5 = add(%4, %4) : f32[T] @d\n"
                              "%6 = shift(%3) : f32[B] @e\n"
                              "output d = %5\noutput e = %6\n",
                              NULL, NULL);
  struct ragged_batch batch = {.variable = {3, -1}};
  for (int64_t round = 1; round < 8; round++) {
    batch.variable[0] = 3 + round % 2;
    batch.variable[1] = -1;
    CHECK_OK(exec_fit(b.exec, 0, &batch, err));
    /* Both are the first in the one arena, wherever it is now. */
    if (round > 1)
      ck_assert_ptr_eq(data_of(&b, 2), data_of(&b, 4));
    float *x = data_of(&b, 0);
    for (int64_t i = 0; i < batch.variable[0]; i++)
      x[i] = (float)(i + round);
    CHECK_OK(exec_run(b.exec, 0, err));
    ck_assert(*(const float *)data_of(&b, 2) == (float)round + 1);
    for (batch.variable[1] = 1; batch.variable[1] < 1000 * round; batch.variable[1] *= 10) {
      CHECK_OK(exec_fit(b.exec, 1, &batch, err));
      float *z = data_of(&b, 1);
      for (int64_t i = 0; i < batch.variable[1]; i++)
        z[i] = (float)i;
      CHECK_OK(exec_run(b.exec, 1, err));
      const float *d = data_of(&b, 5), *e = data_of(&b, 6);
      ck_assert(d[batch.variable[1] - 1] == (float)(2 * batch.variable[1]));
      ck_assert(e[batch.variable[0] - 1] == (float)(2 * (batch.variable[0] + round) + 1));
    }
  }
  CHECK_FAILS(exec_fit(b.exec, 1, &(struct ragged_batch){.variable = {3, -1}}, err), TFM_ERROR_RUN,
              "dimension `T` of");
  close_bench(&b);
}
END_TEST

/* Two entries run once and one at each step; the second reads what the first kept, the
 * third what both did, and a dimension that only it knows. */
START_TEST(test_three_entries) {
  struct bench b = open_bench("graph t\ndim B\ndim T\n"
                              "entry see once\nentry encode once\nentry decode step\n"
                              "see\ninput %0 x = feed : f32[B] @x\n"
                              "encode\ninput %1 y = feed : f32[B] @y\n"
                              "decode\ninput %2 z = feed : f32[T] @z\n"
                              "see\n%3 = shift(%0; ; by: 1.0) : f32[B] @a\n"
                              "%4 = add(%3, %3) : f32[B] @seen\n"
                              "encode\n%5 = add(%1, %4) : f32[B] @b\n"
                              "%6 = shift(%5; ; by: 1.0) : f32[B] @memory\n"
                              "decode\n%7 = shift(%2; ; by: 1.0) : f32[T] @c\n"
                              "%8 = shift(%7; ; by: 1.0) : f32[T] @d\n"
                              "%9 = add(%6, %4) : f32[B] @e\n"
                              "output d = %8\noutput e = %9\n",
                              NULL, NULL);
  struct ragged_batch batch = {.variable = {2, -1}};
  for (int round = 0; round < 3; round++) {
    for (uint32_t entry = 0; entry < 2; entry++) {
      CHECK_OK(exec_fit(b.exec, entry, &batch, err));
      float *given = data_of(&b, (int32_t)entry);
      given[0] = given[1] = (float)(round + 10 * (int)entry);
      CHECK_OK(exec_run(b.exec, entry, err));
    }
    for (batch.variable[1] = 1; batch.variable[1] < 100000; batch.variable[1] *= 10) {
      CHECK_OK(exec_fit(b.exec, 2, &batch, err));
      float *z = data_of(&b, 2);
      for (int64_t i = 0; i < batch.variable[1]; i++)
        z[i] = (float)i;
      CHECK_OK(exec_run(b.exec, 2, err));
      ck_assert(((const float *)data_of(&b, 8))[batch.variable[1] - 1] ==
                (float)batch.variable[1] + 1);
      ck_assert(((const float *)data_of(&b, 9))[1] == (float)(5 * round + 15));
    }
    batch.variable[1] = -1;
  }
  close_bench(&b);
}
END_TEST

struct seen {
  int count;
  char name[8][16];
  float last[8];
};

static int watch(void *arg, int32_t value, int32_t node, int32_t tap, const tfm_tensor *tensor,
                 struct tfm_error *err) {
  struct seen *seen = arg;
  int64_t n = test_count(tensor);
  ck_assert_int_lt(seen->count, 8);
  if (value == GRAPH_NONE)
    snprintf(seen->name[seen->count], 16, "node%d.%d", node, tap);
  else
    snprintf(seen->name[seen->count], 16, "value%d", value);
  seen->last[seen->count] = tensor->dtype == TFM_F32
                                ? ((const float *)tensor->data)[n - 1]
                                : (float)((const int32_t *)tensor->data)[n - 1];
  seen->count++;
  if (seen->last[0] == 666)
    return error_set(err, TFM_ERROR_RUN, "seen enough");
  return 0;
}

START_TEST(test_watch) {
  struct bench b = open_bench(model, NULL, NULL);
  struct seen seen = {0};
  exec_set_watch(b.exec, watch, &seen);
  run(&b, 2, 3);
  ck_assert_int_eq(seen.count, 3);
  ck_assert_str_eq(seen.name[0], "value0");
  ck_assert_str_eq(seen.name[1], "node0.0");
  ck_assert(seen.last[1] == 10);
  ck_assert_str_eq(seen.name[2], "value2");
  ck_assert(seen.last[2] == 15);
  seen.count = 0;
  ((int32_t *)data_of(&b, 0))[5] = 666;
  CHECK_FAILS(exec_run(b.exec, 0, err), TFM_ERROR_RUN, "seen enough");
  close_bench(&b);
}
END_TEST

START_TEST(test_profile_and_limits) {
  struct exec_options options = {.memory_limit = 4096, .profile = true};
  struct bench b = open_bench(model, NULL, &options);
  uint32_t count;
  run(&b, 1, 2);
  run(&b, 1, 3);
  const struct exec_profile *profile = exec_profiles(b.exec, &count);
  ck_assert_uint_eq(count, 4);
  ck_assert_str_eq(profile[2].op, "scale");
  ck_assert_str_eq(profile[2].kernel, "reference"); /* the other declines */
  ck_assert_uint_eq(profile[2].calls, 2);
  CHECK_FAILS(exec_fit(b.exec, 0, &(struct ragged_batch){.variable = {10, 1000}}, err),
              TFM_ERROR_LIMIT, "limit of 4096");
  CHECK_FAILS(exec_run(b.exec, 0, err), TFM_ERROR_RUN, "before its dimensions");
  run(&b, 1, 4);
  close_bench(&b);
}
END_TEST

START_TEST(test_cancel) {
  atomic_int cancel = 0;
  struct exec_options options = {.cancel = &cancel};
  struct bench b = open_bench(model, NULL, &options);
  run(&b, 1, 1);
  cancel = 1;
  CHECK_FAILS(exec_run(b.exec, 0, err), TFM_ERROR_INTERRUPTED, "interrupted");
  cancel = 0;
  run(&b, 1, 1);
  close_bench(&b);
}
END_TEST

static const char *kernel_of(const struct bench *b, int node) {
  return b->program->node[node].kernel->desc->name;
}

START_TEST(test_choice) {
  struct bench b = open_bench(model, NULL, NULL);
  struct buffer out;
  ck_assert_str_eq(kernel_of(&b, 1), "fast"); /* over reference by score */
  buffer_init(&out);
  CHECK_OK(program_explain(b.program, &out, err));
  ck_assert_ptr_nonnull(strstr(out.data, "b: shift = fast of test"));
  ck_assert_ptr_nonnull(strstr(out.data, "not alien: this processor lacks"));
  ck_assert_ptr_nonnull(strstr(out.data, "not late: it serves other versions"));
  ck_assert_ptr_nonnull(strstr(out.data, "not wide: it does not take this node"));
  buffer_finish(&out);
  close_bench(&b);

  b = open_bench(model, &(struct program_options){.reference_only = true}, NULL);
  ck_assert_str_eq(kernel_of(&b, 1), "reference");
  run(&b, 2, 2);
  close_bench(&b);

  b = open_bench(model, &(struct program_options){.kernels = "add=reference,shift=reference"},
                 NULL);
  ck_assert_str_eq(kernel_of(&b, 1), "reference");
  close_bench(&b);

  b = open_bench("graph t\ndim B\nentry decode step\ndecode\ninput %0 x = feed : f32[B,8] @x\n"
                 "%1 = shift(%0) : f32[B,8] @y\noutput y = %1\n",
                 NULL, NULL);
  ck_assert_str_eq(kernel_of(&b, 0), "wide"); /* match 5 beats score 10 */
  close_bench(&b);
}
END_TEST

static void fails_to_open(const char *text, const char *kernels, const char *says, int32_t node) {
  struct graph *graph = test_graph(text);
  struct registry *registry = test_registry();
  struct binding_options random = {.random = true};
  struct program_options options = {.kernels = kernels};
  struct binding *binding;
  struct program *program;
  int32_t failed;
  CHECK_OK(binding_create(graph, NULL, &random, &binding, err));
  CHECK_FAILS(program_create(graph, registry, binding, NULL, &options, &program, &failed, err),
              TFM_ERROR_PLUGIN, says);
  ck_assert_ptr_null(program);
  ck_assert_int_eq(failed, node);
  binding_destroy(binding);
  registry_close(registry);
  graph_destroy(graph);
}

START_TEST(test_failures) {
  static const char scale[] =
      "graph t\ndim B\nentry decode step\ndecode\ninput %0 x = feed : f32[B,4] @x\n"
      "weight $w : f32[4] = \"w\"\n"
      "%1 = shift(%0) : f32[B,4] @y\n"
      "%2 = scale(%1; $w; fail: 1) : f32[B,4] @h.0.z\noutput y = %2\n";
  static const char unknown[] =
      "graph t\ndim B\nentry decode step\ndecode\ninput %0 x = feed : f32[B,4] @x\n"
      "%1 = shaft(%0) : f32[B,4] @y\noutput y = %1\n";
  static const char newer[] =
      "graph t\ndim B\nentry decode step\ndecode\ninput %0 x = feed : f32[B,4] @x\n"
      "%1 = shift(%0) : f32[B,4] @y version 9\noutput y = %1\n";
  fails_to_open(scale, NULL, "asked to fail", 1);
  fails_to_open(scale, NULL, "`h.0.z` (op `scale`, kernel `reference` of plugin `test`)", 1);
  fails_to_open(scale, "scale=shy", "declined", 1);
  fails_to_open(scale, "shift=nonsense", "has no kernel `nonsense`", 0);
  fails_to_open(unknown, NULL, "no kernel can run `y` (op `shaft`)", 0);
  fails_to_open(newer, NULL, "serves other versions", 0);

  struct bench b =
      open_bench("graph t\ndim B\nentry decode step\ndecode\ninput %0 x = feed : f32[B] @x\n"
                 "%1 = break(%0) : f32[B] @y\noutput y = %1\n",
                 NULL, NULL);
  CHECK_OK(exec_fit(b.exec, 0, &(struct ragged_batch){.variable = {1}}, err));
  for (int i = 0; i < 2; i++)
    CHECK_FAILS(exec_run(b.exec, 0, err), TFM_ERROR_RUN,
                "`y` (op `break`, kernel `reference` of plugin `test`): broken on purpose");
  close_bench(&b);
}
END_TEST

UNIT_MAIN("exec", test_shapes, test_stages, test_three_entries, test_watch, test_profile_and_limits,
          test_cancel, test_choice, test_failures)
