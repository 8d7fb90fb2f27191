/* Weights in every format that a checkpoint can hold, read by every op that has weights: the
 * bits of the same numbers stored as F32.  And kernels that take other formats than is usual. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* nftw, mkdtemp */
#endif
#include "runtime/cpu.h"
#include "runtime/exec.h"
#include "tests/unit/gguf_build.h"
#include "tests/unit/runtime_ops.h"

enum { WIDTH = 256, ROWS = 3 };

static uint32_t noise(void) {
  static uint32_t state = 1;
  return (state = state * 1664525u + 1013904223u) >> 8;
}

/* Blocks of small numbers. */
static void fill(enum dtype dtype, unsigned char *to, size_t blocks) {
  size_t size = dtype_block_bytes(dtype);
  for (size_t i = 0; i < blocks; i++, to += size) {
    int32_t whole = (int32_t)(noise() % 7) - (dtype_name(dtype)[0] == 'i' ? 3 : 0);
    float real = (float)(noise() % 2001) / 8000.0f - 0.125f;
    uint16_t half = dtype == DTYPE_F16 ? dtype_f32_to_f16(real) : dtype_f32_to_bf16(real);
    double wide = (double)real / 3;
    for (size_t j = 0; j < size; j++)
      to[j] = (unsigned char)(dtype_class(dtype) == DTYPE_CLASS_PACKED ? noise()
                              : dtype_class(dtype) == DTYPE_CLASS_BOOL ? noise() & 1
                              : dtype_class(dtype) == DTYPE_CLASS_FLOAT
                                  ? (noise() & 0x83) | 0x20 /* F8 */
                                  : (uint32_t)(j < 4 ? whole >> 8 * j : whole >> 31));
    if (dtype_class(dtype) == DTYPE_CLASS_PACKED) /* scales: the highest bytes of halves */
      to[1] = to[3] = to[size - 1] = 0x10;
    else if (dtype == DTYPE_F32)
      memcpy(to, &real, size);
    else if (dtype == DTYPE_F64)
      memcpy(to, &wide, size);
    else if (dtype == DTYPE_F16 || dtype == DTYPE_BF16)
      memcpy(to, &half, size);
  }
}

/* w, u: [WIDTH, WIDTH]; b: [WIDTH]; in a file of its own.  The path of the file. */
static char *write_weights(const char *dir, enum dtype dtype, const unsigned char *bytes,
                           size_t matrix, size_t row) {
  static const int64_t shape[2] = {WIDTH, WIDTH};
  if (dtype_class(dtype) == DTYPE_CLASS_PACKED && dtype_has_gguf(dtype)) {
    struct gguf_build b;
    gguf_build_init(&b);
    uint32_t type = 0;
    while (dtype_from_gguf(type) != dtype)
      type++;
    gguf_build_tensor(&b, "w", type, 2, shape, bytes, matrix);
    gguf_build_tensor(&b, "u", type, 2, shape, bytes + matrix, matrix);
    gguf_build_tensor(&b, "b", type, 1, shape, bytes + 2 * matrix, row);
    struct buffer file = gguf_build_finish(&b);
    test_write(dir, "m.gguf", file.data, file.length);
    buffer_finish(&file);
    return file_join(dir, "m.gguf");
  }
  struct buffer head;
  buffer_init(&head);
  const char *name = dtype_stored(dtype);
  buffer_printf(&head,
                "\"w\":{\"dtype\":\"%s\",\"shape\":[256,256],\"data_offsets\":[0,%zu]},"
                "\"u\":{\"dtype\":\"%s\",\"shape\":[256,256],\"data_offsets\":[%zu,%zu]},"
                "\"b\":{\"dtype\":\"%s\",\"shape\":[256],\"data_offsets\":[%zu,%zu]}",
                name, matrix, name, matrix, 2 * matrix, name, 2 * matrix, 2 * matrix + row);
  test_safetensors(dir, "m.safetensors", head.data, bytes, 2 * matrix + row);
  buffer_finish(&head);
  return file_join(dir, "m.safetensors");
}

/* %s is the format. */
static const char all_ops[] =
    "graph t\ndim B\nentry decode step\ndecode\n"
    "input %0 x = feed : f32[B,256] @x\ninput %1 ids = feed : i32[B,1] @ids\n"
    "weight $w : DT[256,256] = \"w\"\nweight $b : DT[256] = \"b\"\nweight $u : DT[256,256] = "
    "\"u\"\n"
    "weight $t : DT[256,256] = transpose($u; 0, 0, 0)\n"
    "weight $s : DT[128,256] = split($w; 0, 2, 1)\n"
    "%2 = linear(%0; $w, $b) : f32[B,256] @linear\n"
    "%3 = linear_add(%0, %0; $w, $b) : f32[B,256] @linear_add\n"
    "%4, %5, %6 = linear3(%0; $w, $b, $w, _, $t, $b) : f32[B,256] @q, f32[B,256] @k, "
    "f32[B,256] @v\n"
    "%7 = ffn(%0; $w, $b, $w, $b; kind: \"gelu\") : f32[B,256] @ffn\n"
    "%8 = gated_ffn(%0; $w, $b, $t, $b, $w, $b; kind: \"silu\") : f32[B,256] @gated\n"
    "%9 = embedding(%1; $w) : f32[B,1,256] @embedding\n"
    "%10 = layer_norm(%0; $b, $b; eps: 1e-05) : f32[B,256] @layer_norm\n"
    "%11 = rms_norm(%0; $b; eps: 1e-05) : f32[B,256] @rms_norm\n"
    "%12 = linear(%0; $t, _) : f32[B,256] @turned\n"
    "%13 = linear(%0; $s, _) : f32[B,128] @part\n"
    "output a = %2\noutput b = %3\noutput c = %4\noutput d = %5\noutput e = %6\noutput f = %7\n"
    "output g = %8\noutput h = %9\noutput i = %10\noutput j = %11\noutput k = %12\n"
    "output l = %13\n";

static struct graph *graph_of(const char *text, enum dtype dtype) {
  struct buffer out;
  buffer_init(&out);
  for (const char *at = text, *dt; *at; at = dt ? dt + 2 : at + strlen(at)) {
    dt = strstr(at, "DT");
    buffer_append(&out, at, dt ? (size_t)(dt - at) : strlen(at));
    buffer_puts(&out, dt ? dtype_name(dtype) : "");
  }
  struct graph *graph = test_graph(buffer_text(&out));
  buffer_finish(&out);
  return graph;
}

struct bench {
  struct graph *graph;
  struct weights *weights;
  struct binding *binding;
  struct program *program;
  struct exec *exec;
};

static int open_program(struct bench *b, struct registry *registry, struct pool *pool,
                        bool reference, struct tfm_error *err) {
  struct registry_policy policy = {.reference_only = reference};
  struct binding_options binding = {.registry = registry, .policy = &policy};
  struct program_options program = {.reference_only = reference};
  cpu_features(policy.cpu);
  return binding_create(b->graph, b->weights, &binding, &b->binding, err) != 0
             ? -1
             : program_create(b->graph, registry, b->binding, pool, &program, &b->program, NULL,
                              err);
}

static void open_bench(struct bench *b, const char *path, const char *text, enum dtype dtype,
                       struct registry *registry, struct pool *pool, bool reference) {
  *b = (struct bench){.graph = graph_of(text, dtype)};
  CHECK_OK(weights_open(path, &b->weights, err));
  CHECK_OK(open_program(b, registry, pool, reference, err));
  CHECK_OK(exec_create(b->program, NULL, &b->exec, err));
}

static void close_bench(struct bench *b) {
  exec_destroy(b->exec);
  program_destroy(b->program);
  binding_destroy(b->binding);
  weights_close(b->weights);
  graph_destroy(b->graph);
}

static void run(struct bench *b) {
  struct ragged_batch batch = {.variable = {ROWS}};
  float x[ROWS * WIDTH];
  int32_t ids[ROWS] = {255, 155, 55};
  for (int i = 0; i < ROWS * WIDTH; i++)
    x[i] = (float)(i * 7 % 23 - 11) / 64;
  CHECK_OK(exec_fit(b->exec, 0, &batch, err));
  CHECK_OK(exec_give(b->exec, 0,
                     &(tfm_tensor){.data = x, .dtype = TFM_F32, .rank = 2, .shape = {ROWS, WIDTH}},
                     err));
  if (b->graph->input_count > 1)
    CHECK_OK(exec_give(b->exec, 1,
                       &(tfm_tensor){.data = ids, .dtype = TFM_I32, .rank = 2, .shape = {ROWS, 1}},
                       err));
  CHECK_OK(exec_run(b->exec, 0, err));
}

static const tfm_tensor *output(const struct bench *b, uint32_t i) {
  struct tfm_error err = {0};
  const tfm_tensor *t = exec_rectangle(b->exec, b->graph->output[i].value, &err);
  ck_assert_msg(t != NULL, "%s", err.message);
  return t;
}

static void compare(const struct bench *a, const struct bench *b, enum dtype dtype) {
  for (uint32_t i = 0; i < a->graph->output_count; i++) {
    const tfm_tensor *x = output(a, i), *y = output(b, i);
    ck_assert_msg(memcmp(x->data, y->data, (size_t)test_count(x) * sizeof(float)) == 0,
                  "%s: output %s has other bits than with f32", dtype_name(dtype),
                  a->graph->output[i].name);
  }
}

static const tfm_tensor *named(const struct bench *b, const char *name) {
  for (uint32_t i = 0; i < b->graph->weight_count; i++)
    if (strcmp(b->graph->weight[i].name, name) == 0)
      return binding_tensor(b->binding, (int32_t)i);
  return NULL;
}

/* Packed matrices stay as they are stored if every kernel that reads them takes that: the
 * reference kernels do. */
static void check_kept(const struct bench *b, enum dtype dtype, bool reference) {
  bool packed = reference && dtype_class(dtype) == DTYPE_CLASS_PACKED;
  enum dtype wide = dtype_wide(dtype);
  ck_assert_uint_eq(named(b, "w")->dtype, packed ? dtype : wide);
  ck_assert_uint_eq(named(b, "s")->dtype, named(b, "w")->dtype);
  ck_assert_uint_eq(named(b, "u")->dtype, wide);
  ck_assert_uint_eq(named(b, "b")->dtype, wide);
  if (packed) { /* mapped, not copied */
    ck_assert_ptr_eq(named(b, "w")->data, weights_find(b->weights, "w")->data);
    ck_assert_uint_eq((size_t)named(b, "w")->stride[1], dtype_block_bytes(dtype));
    ck_assert_uint_eq(binding_copied(b->binding), (WIDTH + 1) * WIDTH * sizeof(uint16_t));
  }
}

static void check_format(enum dtype dtype, struct registry *registry, struct pool *pool) {
  size_t matrix, row, one = WIDTH * WIDTH;
  ck_assert(dtype_bytes(dtype, one, &matrix) && dtype_bytes(dtype, WIDTH, &row));
  unsigned char *bytes = malloc(2 * matrix + row);
  float *wide = malloc((2 * one + WIDTH) * sizeof *wide);
  ck_assert(bytes && wide);
  fill(dtype, bytes, (2 * matrix + row) / dtype_block_bytes(dtype));
  ck_assert(dtype_to_f32(dtype, bytes, wide, 2 * one + WIDTH));
  char *dir = test_dir(), *flat = test_dir();
  char *path = write_weights(dir, dtype, bytes, matrix, row);
  char *plain = write_weights(flat, DTYPE_F32, (const unsigned char *)wide, one * sizeof *wide,
                              WIDTH * sizeof *wide);
  for (int reference = 0; reference < 2; reference++) {
    struct bench a, b;
    open_bench(&a, path, all_ops, dtype, registry, pool, reference);
    open_bench(&b, plain, all_ops, DTYPE_F32, registry, pool, reference);
    check_kept(&a, dtype, reference);
    run(&a);
    run(&b);
    compare(&a, &b, dtype);
    close_bench(&a);
    close_bench(&b);
  }
  free(bytes);
  free(wide);
  free(path);
  free(plain);
  test_remove(dir);
  test_remove(flat);
}

START_TEST(test_every_format) {
  const char *dir = getenv("TFM_PLUGIN_DIR");
  struct registry *registry;
  struct pool *pool;
  CHECK_OK(registry_open(&dir, 1, NULL, NULL, &registry, err));
  CHECK_OK(pool_create(2, &pool, err));
  for (unsigned d = DTYPE_F32; d < DTYPE_COUNT; d++)
    if (dtype_widening((enum dtype)d))
      check_format((enum dtype)d, registry, pool);
  pool_destroy(pool);
  registry_close(registry);
}
END_TEST

/* ------------------------------------------------- kernels with lists of their own */

TEST_OP(op_whole, "op whole(x: [..., D]; weight: [D]) -> [..., D]", 0);
TEST_OP(op_only, "op only(x: [..., D]; weight: [D]) -> [..., D]", 0);

/* y = x + weight[i], an i8; or x - weight[0], whatever it is */
static tfm_status add_bytes(const tfm_host *host, const void *instance, const tfm_run *run) {
  (void)instance;
  if (run->weight[0]->dtype != TFM_I8)
    return host->fail(host, "other weights than it takes");
  for (int64_t i = 0; i < test_count(run->input[0]); i++)
    ((float *)run->output[0]->data)[i] =
        ((const float *)run->input[0]->data)[i] + ((const int8_t *)run->weight[0]->data)[i % WIDTH];
  return TFM_OK;
}

static const uint64_t bytes_only[] = {TFM_BIT(TFM_I8), 0};
TEST_KERNEL(k_bytes, "whole", "bytes", 0, V1, .run = add_bytes, .score = 50,
            .weight_dtypes = bytes_only);
TEST_KERNEL(k_floats, "whole", "reference", REF, V1, .run = test_break);
TEST_KERNEL(k_only, "only", "bytes", 0, V1, .run = add_bytes, .weight_dtypes = bytes_only);

static const tfm_plugin_desc lists = {
    .struct_size = sizeof(tfm_plugin_desc),
    .name = "lists",
    .version = "1",
    .schema_major = 1,
    .core = 1,
    .op_count = 2,
    .kernel_count = 3,
    .op = (const tfm_op_desc *const[]){&op_whole, &op_only},
    .kernel = (const tfm_kernel_desc *const[]){&k_bytes, &k_floats, &k_only},
};

#define ONE_OP(op, input)                                                                          \
  "graph t\ndim B\nentry decode step\ndecode\ninput %0 x = feed : " input "[B,256] @x\n"           \
  "weight $b : DT[256] = \"b\"\n%1 = " op "(%0; $b) : f32[B,256] @here\noutput y = %1\n"

static char *write_rows(const char *dir, enum dtype dtype) {
  unsigned char bytes[(2 * WIDTH + 1) * WIDTH * 4];
  size_t size = dtype_size(dtype);
  fill(dtype, bytes, (2 * WIDTH + 1) * WIDTH);
  return write_weights(dir, dtype, bytes, WIDTH * WIDTH * size, WIDTH * size);
}

START_TEST(test_lists) {
  char *dir = test_dir(), *other = test_dir();
  char *i8 = write_rows(dir, DTYPE_I8), *f16 = write_rows(other, DTYPE_F16);
  struct registry *registry = test_registry();
  struct bench b;
  struct buffer out;
  CHECK_OK(registry_add(registry, "lists.so", &lists, err));

  open_bench(&b, i8, ONE_OP("whole", "f32"), DTYPE_I8, registry, NULL, false);
  ck_assert_str_eq(b.program->node[0].kernel->desc->name, "bytes");
  ck_assert_ptr_eq(named(&b, "b")->data, weights_find(b.weights, "b")->data);
  run(&b);
  const int8_t *added = named(&b, "b")->data;
  for (int k = 0; k < WIDTH; k++)
    ck_assert(((const float *)output(&b, 0)->data)[k] == (float)(k * 7 % 23 - 11) / 64 + added[k]);
  close_bench(&b);

  open_bench(&b, f16, ONE_OP("whole", "f32"), DTYPE_F16, registry, NULL, false);
  ck_assert_str_eq(b.program->node[0].kernel->desc->name, "reference");
  ck_assert_uint_eq(named(&b, "b")->dtype, TFM_F16);
  buffer_init(&out);
  CHECK_OK(program_explain(b.program, &out, err));
  ck_assert_ptr_nonnull(strstr(out.data, "not bytes: it does not take weights of f16"));
  buffer_finish(&out);
  close_bench(&b);

  /* as reference kernels alone: i8 is widened for them */
  open_bench(&b, i8, ONE_OP("whole", "f32"), DTYPE_I8, registry, NULL, true);
  ck_assert_uint_eq(named(&b, "b")->dtype, TFM_F32);
  close_bench(&b);

  b = (struct bench){.graph = graph_of(ONE_OP("only", "f32"), DTYPE_F16)};
  CHECK_OK(weights_open(f16, &b.weights, err));
  CHECK_FAILS(open_program(&b, registry, NULL, false, err), TFM_ERROR_PLUGIN,
              "no kernel can run `here` (op `only`)");
  binding_destroy(b.binding);
  CHECK_FAILS(open_program(&b, registry, NULL, false, err), TFM_ERROR_PLUGIN,
              "weight `b` is f16; expected: i8");
  close_bench(&b);

  b = (struct bench){.graph = graph_of(ONE_OP("whole", "f64"), DTYPE_I8)};
  CHECK_OK(weights_open(i8, &b.weights, err));
  CHECK_FAILS(open_program(&b, registry, NULL, false, err), TFM_ERROR_PLUGIN,
              "it does not take inputs of f64");
  close_bench(&b);
  registry_close(registry);
  free(i8);
  free(f16);
  test_remove(dir);
  test_remove(other);
}
END_TEST

UNIT_MAIN("formats", test_every_format, test_lists)
