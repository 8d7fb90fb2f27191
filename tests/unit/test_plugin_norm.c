/* The norms: reference against the formula, every kernel against reference. */
#include "tests/op/test_host.h"
#include "tests/unit/unit.h"

#include <math.h>
#include <string.h>

static const tfm_plugin_desc *plugin;

static void open_plugin(void) {
  if (!plugin)
    plugin = plugin_open("norm");
}

START_TEST(test_descriptors) {
  open_plugin();
  plugin_check(plugin, "norm");
}
END_TEST

/* Some norm of some shape, with a weight of some dtype. */
static void draw(struct call *call, const char *op, int64_t rows, int64_t width) {
  static const tfm_dtype dtypes[] = {TFM_F32, TFM_F16, TFM_BF16};
  bool adds = strncmp(op, "add_", 4) == 0, layer = strstr(op, "layer") != NULL;
  *call = (struct call){.op = op, .weight_count = layer ? 2 : 1};
  call->input_count = call->output_count = adds ? 2 : 1;
  for (uint32_t i = 0; i < call->input_count; i++) {
    call->input[i] = tensor_fill(TENSOR(TFM_F32, 1, rows, width), 2);
    call->output[i] = TENSOR(TFM_F32, 1, rows, width);
  }
  call->weight[0] = tensor_fill(TENSOR(dtypes[chance(3)], width), 1);
  if (layer && chance(3) > 0)
    call->weight[1] = tensor_fill(TENSOR(dtypes[chance(3)], width), 1);
  call_attr_real(call, "eps", 1e-5);
}

/* The last row of the last output, by the formula. */
static void formula(const struct call *call, int64_t rows, int64_t width, double *out) {
  bool adds = call->input_count > 1, layer = call->weight_count > 1;
  double mean = 0, square = 0;
  const float *a = f32(call->input[0]) + (rows - 1) * width;
  const float *b = adds ? f32(call->input[1]) + (rows - 1) * width : NULL;
  for (int64_t i = 0; i < width; i++) {
    out[i] = b ? (double)(a[i] + b[i]) : a[i];
    mean += out[i] / (double)width;
    square += out[i] * out[i] / (double)width;
  }
  mean = layer ? mean : 0;
  double scale = 1 / sqrt(square - mean * mean + 1e-5);
  for (int64_t i = 0; i < width; i++) {
    out[i] = (out[i] - mean) * scale * tensor_at(call->weight[0], 0, i);
    out[i] += layer && call->weight[1] ? tensor_at(call->weight[1], 0, i) : 0;
  }
}

static const char *const norms[] = {"layer_norm", "rms_norm", "add_layer_norm", "add_rms_norm"};

START_TEST(test_reference) {
  open_plugin();
  chance_seed(1);
  for (int i = 0; i < 40; i++) {
    struct call call;
    int64_t rows = 1 + (int64_t)chance(3), width = 2 + (int64_t)chance(40);
    draw(&call, norms[i % 4], rows, width);
    ck_assert_int_eq(call_run(&call, plugin_kernel(plugin, call.op, "reference"), 1), TFM_OK);
    double expected[64];
    formula(&call, rows, width, expected);
    const float *out = f32(call.output[call.output_count - 1]) + (rows - 1) * width;
    for (int64_t j = 0; j < width; j++)
      ck_assert_double_le(fabs(out[j] - expected[j]), 1e-6 * (1 + fabs(expected[j])));
    call_finish(&call, true);
  }
}
END_TEST

/* Sums of f32 in 64 parts or fewer terms each: a few units in the last place
 * of the largest element, which is below 10 here. */
START_TEST(test_kernels) {
  static const int64_t widths[] = {1,  2,  3,  4,  7,   8,   15,  16,  17,
                                   31, 63, 64, 65, 100, 128, 768, 1000};
  open_plugin();
  chance_seed(2);
  for (int n = 0; n < 4; n++)
    for (size_t w = 0; w < sizeof widths / sizeof widths[0]; w++)
      for (int isa = 0; plugin_isas[isa]; isa++) {
        const tfm_kernel_desc *kernel = plugin_kernel(plugin, norms[n], plugin_isas[isa]);
        if (!kernel)
          continue;
        struct call call;
        int64_t rows = (int64_t)chance(60), width = widths[w];
        draw(&call, norms[n], rows, width);
        tfm_tensor *out = call.output[call.output_count - 1];
        ck_assert_int_eq(call_run(&call, plugin_kernel(plugin, norms[n], "reference"), 1), TFM_OK);
        tfm_tensor *expected = tensor_copy(out);
        ck_assert_int_eq(call_run(&call, kernel, 3), TFM_OK);
        double d = distance(f32(out), f32(expected), rows * width, 2e-6, 2e-6);
        /* width 1 and 2: x - mean cancels, and 1 / sqrt(eps) makes it large */
        ck_assert_msg(d < (width < 3 ? 200 : 1), "%s %s, width %d: %g", norms[n], kernel->name,
                      (int)width, d);
        tensor_free(expected);
        call_finish(&call, true);
      }
}
END_TEST

/* Row 2 alone, in a batch, in place and on many lanes. */
START_TEST(test_same_bits) {
  open_plugin();
  chance_seed(3);
  for (int n = 0; n < 4; n++)
    for (int isa = 0; plugin_isas[isa]; isa++) {
      const tfm_kernel_desc *kernel = plugin_kernel(plugin, norms[n], plugin_isas[isa]);
      if (!kernel)
        continue;
      struct call call;
      int64_t width = 77, rows = 500;
      draw(&call, norms[n], rows, width);
      uint32_t last = call.output_count - 1;
      ck_assert_int_eq(call_run(&call, kernel, 3), TFM_OK);
      tfm_tensor *all = tensor_copy(call.output[last]);
      struct call alone = call;
      for (uint32_t i = 0; i < call.input_count; i++) {
        alone.input[i] = TENSOR(TFM_F32, 1, 1, width);
        alone.output[i] = TENSOR(TFM_F32, 1, 1, width);
        memcpy(alone.input[i]->data, f32(call.input[i]) + 2 * width, (size_t)width * 4);
      }
      ck_assert_int_eq(call_run(&alone, kernel, 1), TFM_OK);
      ck_assert_mem_eq(alone.output[last]->data, f32(all) + 2 * width, (size_t)width * 4);
      tfm_tensor *out = call.output[0];
      call.output[0] = call.input[0];
      ck_assert_int_eq(call_run(&call, kernel, 2), TFM_OK);
      ck_assert_mem_eq(call.output[last]->data, all->data, (size_t)(rows * width) * 4);
      call.output[0] = out;
      for (uint32_t i = 0; i < call.input_count; i++) {
        tensor_free(alone.input[i]);
        tensor_free(alone.output[i]);
      }
      tensor_free(all);
      call_finish(&call, true);
    }
}
END_TEST

START_TEST(test_l2_normalize) {
  open_plugin();
  struct call call = {.op = "l2_normalize", .input_count = 1, .output_count = 1};
  call.input[0] = TENSOR(TFM_F32, 2, 3);
  call.output[0] = TENSOR(TFM_F32, 2, 3);
  float rows[] = {3, 0, -4, 0, 0, 0};
  memcpy(call.input[0]->data, rows, sizeof rows);
  ck_assert_int_eq(call_run(&call, plugin_kernel(plugin, call.op, "reference"), 1), TFM_OK);
  float expected[] = {0.6f, 0, -0.8f, 0, 0, 0};
  ck_assert_mem_eq(call.output[0]->data, expected, sizeof expected);
  call_finish(&call, true);
}
END_TEST

START_TEST(test_nan_stays_in_its_row) {
  open_plugin();
  chance_seed(4);
  for (int isa = 0; plugin_isas[isa]; isa++) {
    const tfm_kernel_desc *kernel = plugin_kernel(plugin, "layer_norm", plugin_isas[isa]);
    if (!kernel)
      continue;
    struct call call;
    draw(&call, "layer_norm", 3, 20);
    f32(call.input[0])[25] = NAN;
    ck_assert_int_eq(call_run(&call, kernel, 1), TFM_OK);
    for (int i = 0; i < 60; i++)
      ck_assert_int_eq(isnan(f32(call.output[0])[i]) != 0, i >= 20 && i < 40);
    call_finish(&call, true);
  }
}
END_TEST

UNIT_MAIN("plugin norm", test_descriptors, test_reference, test_kernels, test_same_bits,
          test_l2_normalize, test_nan_stays_in_its_row)
