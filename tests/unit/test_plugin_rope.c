/* Rotary positions: angles, scaling as config.json states it, every kernel. */
#include "tests/op/test_host.h"
#include "tests/unit/rope_reference.h"
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
static const tfm_attr wild_items[] = {{.name = "rope_type", .kind = TFM_ATTR_STR, .text = "wild"}};
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

/* ---- what transformers computes */

/* Every element of a call by frequencies: pairs of the first `width` turn, the rest stays. */
static void check_turned(const struct call *call, int64_t width, bool neighbours,
                         const float *frequency, double scale) {
  int64_t size = call->input[0]->shape[3], heads = call->input[0]->shape[2], half = width / 2;
  const int32_t *pos = call->input[1]->data;
  const float *in = f32(call->input[0]), *out = f32(call->output[0]);
  for (int64_t i = 0; i < tensor_size(call->input[0]); i++) {
    int64_t d = i % size, start = i - d, pair = neighbours ? d / 2 : d % half;
    if (d >= width) {
      ck_assert_float_eq(out[i], in[i]);
      continue;
    }
    int64_t first = start + (neighbours ? 2 * pair : pair),
            second = first + (neighbours ? 1 : half);
    double angle = pos[i / (heads * size)] * (double)frequency[pair];
    double c = cos(angle) * scale, s = sin(angle) * scale;
    double expected = i == first ? in[first] * c - in[second] * s : in[second] * c + in[first] * s;
    ck_assert_double_le(fabs(out[i] - expected), 2e-6 * (1 + fabs(angle)));
  }
}

/* Positions 0 up to the length of the text, the same in both rows. */
static void draw_text(struct call *call, int64_t tokens, int64_t heads, int64_t size) {
  draw(call, 2, tokens, heads, size, 2);
  for (int64_t i = 0; i < 2 * tokens; i++)
    ((int32_t *)call->input[1]->data)[i] = (int32_t)(i % tokens);
}

static const char *const kernels[] = {"reference", "base", "avx2", "avx512", NULL};

START_TEST(test_transformers) {
  open_plugin();
  chance_seed(4);
  for (size_t n = 0; n < sizeof rope_reference / sizeof rope_reference[0]; n++) {
    const struct rope_reference *want = &rope_reference[n];
    uint32_t count = 0;
    while (count < 8 && want->scaling[count].name)
      count++;
    for (int k = 0; kernels[k]; k++)
      for (int neighbours = 0; neighbours < 2; neighbours++) {
        const tfm_kernel_desc *kernel = plugin_kernel(plugin, "rope", kernels[k]);
        struct call call;
        const tfm_attr *pointers[8];
        if (!kernel)
          continue;
        draw_text(&call, want->text, 3, 16);
        set_scaling(&call, want->scaling, count, pointers);
        call_attr_real(&call, "length", (double)want->length);
        if (neighbours)
          call_attr_text(&call, "pairs", "neighbours");
        ck_assert_int_eq(call_run(&call, kernel, 2), TFM_OK);
        check_turned(&call, 16, neighbours, want->frequency, want->factor);
        call_finish(&call, true);
      }
  }
}
END_TEST

/* A part of a head turns, as if it were the head. */
START_TEST(test_width) {
  open_plugin();
  chance_seed(5);
  for (int k = 0; kernels[k]; k++)
    for (int n = 0; n < 12; n++) {
      const tfm_kernel_desc *kernel = plugin_kernel(plugin, "rope", kernels[k]);
      int64_t width = 2 + 2 * (int64_t)chance(20), size = width + (int64_t)chance(9);
      float frequency[32];
      struct call call;
      if (!kernel)
        continue;
      draw(&call, 2, 5, 3, size, 500);
      call_attr_int(&call, "width", width);
      if (n % 2)
        call_attr_text(&call, "pairs", "neighbours");
      ck_assert_int_eq(call_run(&call, kernel, 2), TFM_OK);
      for (int64_t d = 0; d < width / 2; d++)
        frequency[d] = (float)wave(d, width, 10000);
      check_turned(&call, width, n % 2, frequency, 1);
      tfm_tensor *apart = tensor_copy(call.output[0]), *out = call.output[0];
      call.output[0] = call.input[0];
      ck_assert_int_eq(call_run(&call, kernel, 1), TFM_OK);
      ck_assert_mem_eq(call.input[0]->data, apart->data, (size_t)tensor_size(apart) * 4);
      call.output[0] = out;
      tensor_free(apart);
      call_finish(&call, true);
    }
}
END_TEST

/* Of Marian: sines, then cosines; interleaved; and of Whisper, whose last wave is theta long. */
START_TEST(test_sinusoid) {
  open_plugin();
  for (int n = 0; n < 3; n++) {
    struct call call = {.op = "sinusoid", .input_count = 1, .output_count = 1};
    call.input[0] = TENSOR(TFM_I32, 2, 3);
    call.output[0] = TENSOR(TFM_F32, 2, 3, 10);
    for (int i = 0; i < 6; i++)
      ((int32_t *)call.input[0]->data)[i] = 37 * i;
    call_attr_int(&call, "width", 10);
    if (n == 1)
      call_attr_text(&call, "pairs", "neighbours");
    if (n == 2)
      call_attr_int(&call, "inclusive", 1);
    ck_assert_int_eq(call_run(&call, plugin_kernel(plugin, "sinusoid", "reference"), 2), TFM_OK);
    for (int i = 0; i < 60; i++) {
      int d = i % 10, pair = n == 1 ? d / 2 : d % 5, cosine = n == 1 ? d % 2 : d / 5;
      double angle = 37 * (i / 10) * pow(10000, -pair / (n == 2 ? 4.0 : 5.0));
      ck_assert_double_le(fabs(f32(call.output[0])[i] - (cosine ? cos(angle) : sin(angle))), 1e-6);
    }
    call_finish(&call, true);
  }
}
END_TEST

static void refuse(struct call *call, const char *why) {
  ck_assert_int_eq(call_run(call, plugin_kernel(plugin, call->op, "reference"), 1), TFM_FAILED);
  ck_assert_msg(strstr(call->message, why) != NULL, "%s", call->message);
  call_finish(call, true);
}

START_TEST(test_refusals) {
  struct call call;
  const tfm_attr *pointers[8];
  open_plugin();
  draw(&call, 1, 1, 2, 4, 9);
  set_scaling(&call, wild_items, 1, pointers);
  refuse(&call, "`wild`: the known ones are default, linear, dynamic");
  draw(&call, 1, 1, 2, 4, 9);
  set_scaling(&call, yarn_items, 1, pointers);
  refuse(&call, "needs original_max_position_embeddings");
  draw(&call, 1, 1, 2, 4, 9);
  set_scaling(&call, bare_items, 1, pointers);
  refuse(&call, "needs a factor");
  draw(&call, 1, 1, 2, 16, 9); /* dynamic, without the length that it grows from */
  set_scaling(&call, rope_reference[1].scaling, 2, pointers);
  refuse(&call, "needs `length`");
  draw(&call, 1, 1, 2, 12, 9);
  set_scaling(&call, rope_reference[7].scaling, 4, pointers);
  call_attr_real(&call, "length", 128);
  refuse(&call, "needs 6 numbers in short_factor, there are 8");
  draw(&call, 1, 1, 2, 5, 9);
  refuse(&call, "do not split into pairs");
  draw(&call, 1, 1, 2, 6, 9);
  call_attr_int(&call, "width", 8);
  refuse(&call, "do not split into pairs");
  call = (struct call){.op = "sinusoid", .input_count = 1, .output_count = 1};
  call.input[0] = TENSOR(TFM_I32, 1, 1);
  call.output[0] = TENSOR(TFM_F32, 1, 1, 7);
  call_attr_int(&call, "width", 7);
  refuse(&call, "does not split into sines");
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

UNIT_MAIN("plugin rope", test_reference, test_scaling, test_transformers, test_width, test_sinusoid,
          test_refusals, test_kernels)
