/* Rotary positions: angles, scaling as config.json states it, every kernel. */
#include "tests/op/test_host.h"
#include "tests/unit/unit.h"

#include <math.h>
#include <string.h>

static const tfm_plugin_desc *plugin;

static void open_plugin(void) {
  if (!plugin)
    plugin = plugin_open("attention");
}

static void draw(struct call *call, int64_t batch, int64_t tokens, int64_t heads, int64_t size,
                 uint64_t positions) {
  *call = (struct call){.op = "rope", .input_count = 2, .output_count = 1};
  call->input[0] = tensor_fill(TENSOR(TFM_F32, batch, tokens, heads, size), 1);
  call->input[1] = TENSOR(TFM_I32, batch, tokens);
  call->output[0] = TENSOR(TFM_F32, batch, tokens, heads, size);
  for (int64_t i = 0; i < batch * tokens; i++)
    ((int32_t *)call->input[1]->data)[i] = (int32_t)chance(positions);
}

static double wave(int64_t d, int64_t size, double theta) {
  return pow(theta, -2.0 * (double)d / (double)size);
}

/* Every element, against the rotation by pos * frequency(d). */
static void check_angles(const struct call *call, int64_t heads,
                         double (*frequency)(int64_t, int64_t)) {
  int64_t size = call->input[0]->shape[3], half = size / 2;
  for (int64_t i = 0; i < tensor_size(call->input[0]); i++) {
    int64_t d = i % size, start = i - d;
    int32_t pos = ((int32_t *)call->input[1]->data)[i / (heads * size)];
    double angle = pos * frequency(d % half, size);
    double a = f32(call->input[0])[start + d % half],
           b = f32(call->input[0])[start + d % half + half];
    double expected = d < half ? a * cos(angle) - b * sin(angle) : b * cos(angle) + a * sin(angle);
    /* the angle is rounded to f32: 6e-8 of it, times numbers up to 5 */
    ck_assert_double_le(fabs(f32(call->output[0])[i] - expected), 1e-6 * (1 + fabs(angle)));
  }
}

static double plain(int64_t d, int64_t size) {
  return wave(d, size, 500);
}

START_TEST(test_reference) {
  struct call call;
  open_plugin();
  chance_seed(1);
  draw(&call, 2, 5, 3, 10, 30);
  call_attr_real(&call, "theta", 500);
  ck_assert_int_eq(call_run(&call, plugin_kernel(plugin, "rope", "reference"), 1), TFM_OK);
  check_angles(&call, 3, plain);
  call_finish(&call, true);
}
END_TEST

/* ---- scaling */

static double linear(int64_t d, int64_t size) {
  return wave(d, size, 10000) / 4;
}

/* transformers 4.45, _compute_llama3_parameters, for the values below. */
static double llama3(int64_t d, int64_t size) {
  double inv = wave(d, size, 10000), length = 2 * acos(-1) / inv;
  double low = 64 / 1.0, high = 64 / 4.0;
  if (length < high)
    return inv;
  if (length > low)
    return inv / 8;
  double smooth = (64 / length - 1) / (4 - 1);
  return (1 - smooth) * inv / 8 + smooth * inv;
}

static const tfm_attr linear_items[] = {
    {.name = "type", .kind = TFM_ATTR_STR, .text = "linear"},
    {.name = "factor", .kind = TFM_ATTR_REAL, .real = 4},
};
static const tfm_attr llama3_items[] = {
    {.name = "factor", .kind = TFM_ATTR_INT, .integer = 8, .real = 8},
    {.name = "high_freq_factor", .kind = TFM_ATTR_REAL, .real = 4},
    {.name = "low_freq_factor", .kind = TFM_ATTR_REAL, .real = 1},
    {.name = "original_max_position_embeddings", .kind = TFM_ATTR_INT, .integer = 64, .real = 64},
    {.name = "rope_type", .kind = TFM_ATTR_STR, .text = "llama3"},
};
static const tfm_attr yarn_items[] = {{.name = "rope_type", .kind = TFM_ATTR_STR, .text = "yarn"}};
static const tfm_attr bare_items[] = {{.name = "type", .kind = TFM_ATTR_STR, .text = "linear"}};
static const tfm_attr default_items[] = {
    {.name = "rope_type", .kind = TFM_ATTR_STR, .text = "default"}};

static void set_scaling(struct call *call, const tfm_attr *items, uint32_t count,
                        const tfm_attr **pointers) {
  for (uint32_t i = 0; i < count; i++)
    pointers[i] = &items[i];
  call->attr[call->attr_count++] =
      (tfm_attr){.name = "scaling", .kind = TFM_ATTR_OBJECT, .count = count, .item = pointers};
}

static double none(int64_t d, int64_t size) {
  return wave(d, size, 10000);
}

START_TEST(test_scaling) {
  static const struct {
    const tfm_attr *items;
    uint32_t count;
    double (*frequency)(int64_t, int64_t);
  } cases[] = {{linear_items, 2, linear}, {llama3_items, 5, llama3}, {default_items, 1, none}};
  open_plugin();
  chance_seed(2);
  for (int i = 0; i < 3; i++) {
    struct call call;
    const tfm_attr *pointers[8];
    draw(&call, 2, 9, 2, 24, 100);
    set_scaling(&call, cases[i].items, cases[i].count, pointers);
    ck_assert_int_eq(call_run(&call, plugin_kernel(plugin, "rope", "base"), 1), TFM_OK);
    check_angles(&call, 2, cases[i].frequency);
    call_finish(&call, true);
  }
}
END_TEST

START_TEST(test_refusals) {
  struct call call;
  const tfm_attr *pointers[8];
  const tfm_kernel_desc *kernel;
  open_plugin();
  kernel = plugin_kernel(plugin, "rope", "reference");
  draw(&call, 1, 1, 2, 4, 9);
  set_scaling(&call, yarn_items, 1, pointers);
  ck_assert_int_eq(call_run(&call, kernel, 1), TFM_FAILED);
  ck_assert_ptr_nonnull(strstr(call.message, "`yarn`"));
  ck_assert_ptr_nonnull(strstr(call.message, "default, linear, llama3"));
  call_finish(&call, true);
  draw(&call, 1, 1, 2, 4, 9);
  set_scaling(&call, bare_items, 1, pointers);
  ck_assert_int_eq(call_run(&call, kernel, 1), TFM_FAILED);
  ck_assert_ptr_nonnull(strstr(call.message, "needs a factor"));
  call_finish(&call, true);
  draw(&call, 1, 1, 2, 5, 9);
  ck_assert_int_eq(call_run(&call, kernel, 1), TFM_FAILED);
  ck_assert_ptr_nonnull(strstr(call.message, "do not split into pairs"));
  call_finish(&call, true);
}
END_TEST

/* ---- kernels */

START_TEST(test_kernels) {
  static const int64_t sizes[] = {2, 6, 8, 16, 32, 34, 64, 128};
  open_plugin();
  chance_seed(3);
  for (int isa = 0; plugin_isas[isa]; isa++) {
    const tfm_kernel_desc *kernel = plugin_kernel(plugin, "rope", plugin_isas[isa]);
    for (int n = 0; kernel && n < 64; n++) {
      struct call call;
      draw(&call, (int64_t)chance(4), (int64_t)chance(30), 1 + (int64_t)chance(5), sizes[n % 8],
           n % 3 ? 1000 : 1000000);
      ck_assert_int_eq(call_run(&call, plugin_kernel(plugin, "rope", "reference"), 1), TFM_OK);
      tfm_tensor *expected = tensor_copy(call.output[0]);
      ck_assert_int_eq(call_run(&call, kernel, 3), TFM_OK);
      int64_t count = tensor_size(expected);
      /* two products of numbers up to 6, each with a sine good to 2e-7 */
      ck_assert_double_lt(distance(f32(call.output[0]), f32(expected), count, 2e-6, 0), 1);
      tfm_tensor *apart = tensor_copy(call.output[0]), *out = call.output[0];
      call.output[0] = call.input[0];
      ck_assert_int_eq(call_run(&call, kernel, 2), TFM_OK);
      ck_assert_mem_eq(call.input[0]->data, apart->data, (size_t)count * 4);
      call.output[0] = out;
      tensor_free(apart);
      tensor_free(expected);
      call_finish(&call, true);
    }
  }
}
END_TEST

UNIT_MAIN("plugin rope", test_reference, test_scaling, test_refusals, test_kernels)
