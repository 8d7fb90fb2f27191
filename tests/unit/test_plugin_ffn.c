/* Linear layers and nets against formulas and reference; how far the
 * vectorised activations are from the exact ones. */
#include "tests/op/test_host.h"
#include "tests/unit/unit.h"

#include <math.h>
#include <string.h>

static const tfm_plugin_desc *plugin;

static void open_plugin(void) {
  if (!plugin)
    plugin = plugin_open("ffn");
}

START_TEST(test_descriptors) {
  open_plugin();
  plugin_check(plugin, "ffn");
}
END_TEST

/* ---- activations */

static const char *const kinds[] = {"gelu",
                                    "gelu_python",
                                    "gelu_new",
                                    "gelu_pytorch_tanh",
                                    "gelu_python_tanh",
                                    "gelu_fast",
                                    "gelu_accurate",
                                    "gelu_10",
                                    "quick_gelu",
                                    "relu",
                                    "relu2",
                                    "relu6",
                                    "leaky_relu",
                                    "silu",
                                    "swish",
                                    "hardswish",
                                    "mish",
                                    "tanh",
                                    "sigmoid",
                                    "linear"};
enum { KINDS = sizeof kinds / sizeof kinds[0] };

static double between(double x, double low, double high) {
  return x < low ? low : x > high ? high : x;
}

/* What goes without a tanh, an erf or an exponential. */
static bool simple(const char *kind, double x, double *out) {
  bool found = true;
  if (strcmp(kind, "linear") == 0)
    *out = x;
  else if (strcmp(kind, "relu2") == 0)
    *out = x > 0 ? x * x : 0;
  else if (strcmp(kind, "relu6") == 0)
    *out = between(x, 0, 6);
  else if (strcmp(kind, "leaky_relu") == 0)
    *out = x > 0 ? x : x * 0.01;
  else if (strcmp(kind, "hardswish") == 0)
    *out = x * between(x + 3, 0, 6) / 6;
  else
    found = false;
  return found;
}

static double exact(const char *kind, double x) {
  double out;
  if (simple(kind, x, &out))
    return out;
  if (strcmp(kind, "gelu") == 0 || strcmp(kind, "gelu_python") == 0)
    return x * 0.5 * erfc(-x / sqrt(2));
  if (strcmp(kind, "gelu_10") == 0)
    return between(x * 0.5 * erfc(-x / sqrt(2)), -10, 10);
  if (strcmp(kind, "mish") == 0)
    return x * tanh(x > 40 ? x : log1p(exp(x)));
  if (strcmp(kind, "sigmoid") == 0)
    return 1 / (1 + exp(-x));
  if (strncmp(kind, "gelu_", 5) == 0)
    return 0.5 * x * (1 + tanh(sqrt(2 / acos(-1)) * (x + 0.044715 * pow(x, 3))));
  if (strcmp(kind, "quick_gelu") == 0)
    return x / (1 + exp(-1.702 * x));
  if (strcmp(kind, "relu") == 0)
    return x > 0 ? x : 0;
  return strcmp(kind, "tanh") == 0 ? tanh(x) : x / (1 + exp(-x));
}

static void run_activation(const char *kind, const char *name, const float *x, float *out,
                           int64_t count) {
  struct call call = {.op = "activation", .input_count = 1, .output_count = 1};
  call.input[0] = TENSOR(TFM_F32, count);
  call.output[0] = TENSOR(TFM_F32, count);
  call_attr_text(&call, "kind", kind);
  memcpy(call.input[0]->data, x, (size_t)count * sizeof *x);
  ck_assert_int_eq(call_run(&call, plugin_kernel(plugin, "activation", name), 3), TFM_OK);
  memcpy(out, call.output[0]->data, (size_t)count * sizeof *out);
  call_finish(&call, true);
}

/* |f(x) - exact| <= 2.5e-7 |x|: two units in the last place of x, which is what
 * half of x, times one plus something, can be off by; or of what comes out, where that
 * is more. */
START_TEST(test_activation_error) {
  enum { COUNT = 40000 };
  static float x[COUNT], out[COUNT];
  static const char *const names[] = {"reference", "base", "avx2", "avx512"};
  open_plugin();
  chance_seed(1);
  for (int i = 0; i < COUNT; i++) {
    double size = pow(10, chance_real(-8, 1.3));
    x[i] = (float)(i % 4 == 0 ? chance_real(-20, 20) : chance(2) ? size : -size);
  }
  for (int k = 0; k < KINDS; k++)
    for (int n = 0; n < 4; n++) {
      if (!plugin_kernel(plugin, "activation", names[n]))
        continue;
      run_activation(kinds[k], names[n], x, out, COUNT);
      double worst = 0;
      for (int i = 0; i < COUNT; i++) {
        double f = exact(kinds[k], x[i]);
        double d = fabs(out[i] - f) / fmax(fabs(x[i]), fabs(f));
        worst = d > worst ? d : worst;
      }
      ck_assert_msg(worst <= 2.5e-7, "%s %s: %g", kinds[k], names[n], worst);
    }
}
END_TEST

START_TEST(test_activation_ends) {
  static const float ends[] = {INFINITY, 1e30f, 100, 40, 0, -0.0f, -40, -100, -1e10f, -1e30f, NAN};
  enum { ENDS = sizeof ends / sizeof ends[0] };
  open_plugin();
  for (int k = 0; k < KINDS; k++)
    for (int isa = 0; plugin_isas[isa]; isa++) {
      float out[ENDS];
      if (!plugin_kernel(plugin, "activation", plugin_isas[isa]))
        continue;
      run_activation(kinds[k], plugin_isas[isa], ends, out, ENDS);
      for (int i = 0; i < ENDS; i++) {
        double expected = exact(kinds[k], ends[i]);
        if (isnan(ends[i]))
          ck_assert_msg(isnan(out[i]), "%s %s of nan: %g", kinds[k], plugin_isas[isa], out[i]);
        else
          ck_assert_msg(
              out[i] == (float)expected || fabs(out[i] - expected) <= 2e-7 * fabs(expected) + 1e-15,
              "%s %s of %g: %g, not %g", kinds[k], plugin_isas[isa], ends[i], out[i], expected);
      }
    }
}
END_TEST

START_TEST(test_activation_kind) {
  open_plugin();
  struct call call = {.op = "activation", .input_count = 1, .output_count = 1};
  call.input[0] = TENSOR(TFM_F32, 1);
  call.output[0] = TENSOR(TFM_F32, 1);
  call_attr_text(&call, "kind", "gelo");
  ck_assert_int_eq(call_run(&call, plugin_kernel(plugin, "activation", "base"), 1), TFM_FAILED);
  ck_assert_ptr_nonnull(strstr(call.message, "`gelo`"));
  ck_assert_ptr_nonnull(strstr(call.message, "gelu, gelu_python"));
  ck_assert_ptr_nonnull(strstr(call.message, "sigmoid, linear"));
  call_finish(&call, true);
}
END_TEST

/* ---- layers */

static tfm_tensor *draw_weight(int64_t out, int64_t in) {
  static const tfm_dtype dtypes[] = {TFM_F32, TFM_F16, TFM_BF16};
  tfm_dtype dtype = dtypes[chance(3)];
  tfm_tensor *weight = chance(2) ? TENSOR(dtype, out, in) : tensor_transposed(dtype, out, in);
  return tensor_fill(weight, 0.5);
}

static void draw_layer(struct call *call, uint32_t slot, int64_t in, int64_t out) {
  call->weight[slot] = draw_weight(out, in);
  call->weight[slot + 1] = chance(3) ? tensor_fill(TENSOR(TFM_F16, out), 1) : NULL;
}

/* One op with random operands; x is [2, T, in]. */
static void draw(struct call *call, const char *op) {
  *call = (struct call){.op = op, .input_count = 1, .output_count = 1};
  int64_t in = 1 + (int64_t)chance(40), out = 1 + (int64_t)chance(40), tokens = (int64_t)chance(20);
  call->input[0] = tensor_fill(TENSOR(TFM_F32, 2, tokens, in), 1);
  if (strncmp(op, "linear", 6) == 0) {
    call->output_count = strcmp(op, "linear3") == 0 ? 3 : 1;
    for (uint32_t i = 0; i < call->output_count; i++) {
      draw_layer(call, 2 * i, in, out + i);
      call->output[i] = TENSOR(TFM_F32, 2, tokens, out + i);
    }
    call->weight_count = 2 * call->output_count;
    if (strcmp(op, "linear_add") == 0)
      call->input[call->input_count++] = tensor_fill(TENSOR(TFM_F32, 2, tokens, out), 1);
    return;
  }
  uint32_t firsts = strcmp(op, "ffn") == 0 ? 1 : 2;
  for (uint32_t i = 0; i < firsts; i++)
    draw_layer(call, 2 * i, in, out);
  draw_layer(call, 2 * firsts, out, in);
  call->weight_count = 2 * firsts + 2;
  call->output[0] = TENSOR(TFM_F32, 2, tokens, in);
  call_attr_text(call, "kind", kinds[chance(KINDS)]);
}

/* Matrix by matrix; and where rows lie end to end, those of a row with its own matrix. */
START_TEST(test_matmul) {
  static const int64_t begin[] = {0, 2, 2, 7};
  open_plugin();
  chance_seed(8);
  for (int n = 0; n < 4; n++) {
    const char *kernel = n % 2 ? "reference" : "gemm";
    bool ragged = n >= 2;
    struct call call = {.op = "matmul", .input_count = 2, .output_count = 1};
    call.input[0] = tensor_fill(ragged ? TENSOR(TFM_F32, 1, 7, 5) : TENSOR(TFM_F32, 3, 4, 5), 1);
    call.input[1] = tensor_fill(TENSOR(TFM_F32, 3, 5, 6), 1);
    call.output[0] = ragged ? TENSOR(TFM_F32, 1, 7, 6) : TENSOR(TFM_F32, 3, 4, 6);
    call.input[0]->begin = call.output[0]->begin = ragged ? begin : NULL;
    call.rows = 3;
    ck_assert_int_eq(call_run(&call, plugin_kernel(plugin, "matmul", kernel), 3), TFM_OK);
    for (int64_t i = 0; i < tensor_size(call.output[0]); i++) {
      int64_t row = i / 6, matrix = !ragged ? row / 4 : row < 2 ? 0 : 2;
      double sum = 0;
      for (int64_t k = 0; k < 5; k++)
        sum += (double)f32(call.input[0])[row * 5 + k] *
               (double)f32(call.input[1])[(matrix * 5 + k) * 6 + i % 6];
      ck_assert_double_eq_tol((double)f32(call.output[0])[i], sum, 1e-5);
    }
    call_finish(&call, true);
  }
}
END_TEST

/* The last element of a row of x times a layer. */
static double layer_at(const struct call *call, uint32_t slot, const double *x, int64_t o) {
  double sum = call->weight[slot + 1] ? tensor_at(call->weight[slot + 1], 0, o) : 0;
  for (int64_t i = 0; i < call->weight[slot]->shape[1]; i++)
    sum += x[i] * tensor_at(call->weight[slot], o, i);
  return sum;
}

static double net_at(const struct call *call, const double *x, int64_t o) {
  double hidden[64];
  bool gated = strcmp(call->op, "gated_ffn") == 0;
  for (int64_t i = 0; i < call->weight[0]->shape[0]; i++) {
    hidden[i] = exact(call->attr[0].text, layer_at(call, 0, x, i));
    hidden[i] *= gated ? layer_at(call, 2, x, i) : 1;
  }
  return layer_at(call, gated ? 4 : 2, hidden, o);
}

static const char *const ops[] = {"linear", "linear_add", "linear3", "ffn", "gated_ffn"};

START_TEST(test_reference) {
  open_plugin();
  chance_seed(2);
  for (int n = 0; n < 100; n++) {
    struct call call;
    draw(&call, ops[n % 5]);
    ck_assert_int_eq(call_run(&call, plugin_kernel(plugin, call.op, "reference"), 1), TFM_OK);
    int64_t in = call.input[0]->shape[2], rows = tensor_size(call.input[0]) / in;
    for (uint32_t k = 0; k < call.output_count && rows > 0; k++) {
      double x[64], expected;
      int64_t out = call.output[k]->shape[2], o = (int64_t)chance((uint64_t)out);
      for (int64_t i = 0; i < in; i++)
        x[i] = f32(call.input[0])[(rows - 1) * in + i];
      if (n % 5 < 3)
        expected = layer_at(&call, 2 * k, x, o);
      else
        expected = net_at(&call, x, o);
      if (n % 5 == 1)
        expected += f32(call.input[1])[(rows - 1) * out + o];
      double found = f32(call.output[k])[(rows - 1) * out + o];
      ck_assert_msg(fabs(found - expected) < 1e-5 * (1 + fabs(expected)), "%s: %g, not %g", call.op,
                    found, expected);
    }
    call_finish(&call, true);
  }
}
END_TEST

static void compare(const char *op, const char *name, uint64_t taps) {
  const tfm_kernel_desc *kernel = plugin_kernel(plugin, op, name);
  if (!kernel)
    return;
  struct call call;
  draw(&call, op);
  call.taps = taps;
  ck_assert_int_eq(call_run(&call, plugin_kernel(plugin, op, "reference"), 1), TFM_OK);
  tfm_tensor *expected[2 * CALL_MAX] = {NULL};
  for (uint32_t i = 0; i < CALL_MAX; i++) {
    expected[i] = call.output[i] ? tensor_copy(call.output[i]) : NULL;
    expected[CALL_MAX + i] = call.tap[i] ? tensor_copy(call.tap[i]) : NULL;
  }
  ck_assert_int_eq(call_run(&call, kernel, 3), TFM_OK);
  for (uint32_t i = 0; i < 2 * CALL_MAX; i++) {
    const tfm_tensor *found = i < CALL_MAX ? call.output[i] : call.tap[i - CALL_MAX];
    ck_assert_int_eq(found != NULL, expected[i] != NULL);
    if (!found)
      continue;
    /* f32 sums of up to 40 products of numbers up to about 100 */
    double d = distance(f32(found), f32(expected[i]), tensor_size(found), 1e-4, 1e-5);
    ck_assert_msg(d < 1, "%s %s, value %u: %g", op, name, i, d);
    tensor_free(expected[i]);
  }
  call_finish(&call, true);
}

START_TEST(test_kernels) {
  open_plugin();
  chance_seed(3);
  for (int i = 0; i < 30; i++) {
    for (int n = 0; n < 3; n++)
      compare(ops[n], "gemm", 0);
    for (int isa = 0; plugin_isas[isa]; isa++) {
      compare("ffn", plugin_isas[isa], chance(4));
      compare("gated_ffn", plugin_isas[isa], chance(8));
    }
  }
}
END_TEST

/* More rows than are done at once: the second stretch, its taps too. */
START_TEST(test_many_rows) {
  open_plugin();
  chance_seed(4);
  for (int n = 3; n < 5; n++) {
    struct call call, few;
    draw(&call, ops[n]);
    int64_t width = call.input[0]->shape[2], inner = call.weight[0]->shape[0], rows = 1030;
    tensor_free(call.input[0]);
    tensor_free(call.output[0]);
    call.input[0] = tensor_fill(TENSOR(TFM_F32, rows, width), 1);
    call.output[0] = TENSOR(TFM_F32, rows, width);
    call.taps = 7;
    ck_assert_int_eq(call_run(&call, plugin_kernel(plugin, call.op, "base"), 2), TFM_OK);
    few = call;
    memset(few.tap, 0, sizeof few.tap);
    few.input[0] = TENSOR(TFM_F32, 2, width);
    few.output[0] = TENSOR(TFM_F32, 2, width);
    memcpy(few.input[0]->data, f32(call.input[0]) + 1025 * width, (size_t)width * 8);
    ck_assert_int_eq(call_run(&few, plugin_kernel(plugin, call.op, "base"), 1), TFM_OK);
    ck_assert_mem_eq(few.output[0]->data, f32(call.output[0]) + 1025 * width, (size_t)width * 8);
    for (int i = 0; i < n - 1; i++)
      ck_assert_mem_eq(few.tap[i]->data, f32(call.tap[i]) + 1025 * inner, (size_t)inner * 8);
    tensor_free(few.input[0]);
    tensor_free(few.output[0]);
    call_finish(&few, false);
    call_finish(&call, true);
  }
}
END_TEST

UNIT_MAIN("plugin ffn", test_descriptors, test_activation_error, test_activation_ends,
          test_activation_kind, test_matmul, test_reference, test_kernels, test_many_rows)
