/* The small plugins: masking, embedding, elementwise, shape, pooling. */
#include "tests/op/test_host.h"
#include "tests/unit/unit.h"

#include <math.h>
#include <string.h>

static const tfm_plugin_desc *masking, *embedding, *elementwise, *shape, *pooling;

static void open_plugins(void) {
  if (masking)
    return;
  masking = plugin_open("masking");
  embedding = plugin_open("embedding");
  elementwise = plugin_open("elementwise");
  shape = plugin_open("shape");
  pooling = plugin_open("pooling");
}

static tfm_status run_reference(const tfm_plugin_desc *plugin, struct call *call) {
  return call_run(call, plugin_kernel(plugin, call->op, "reference"), 1);
}

START_TEST(test_descriptors) {
  open_plugins();
  plugin_check(masking, "masking");
  plugin_check(embedding, "embedding");
  plugin_check(elementwise, "elementwise");
  plugin_check(shape, "shape");
  plugin_check(pooling, "pooling");
  for (uint32_t i = 0; i < masking->op_count; i++)
    ck_assert_uint_eq(masking->op[i]->flags, TFM_OP_HOLDS_INPUTS | TFM_OP_KEEPS_TOKENS);
}
END_TEST

/* ---- masking */

static tfm_mask run_mask(const char *op, tfm_tensor *a, tfm_tensor *b, int64_t n) {
  struct call call = {.op = op, .output_count = 1, .input = {a, b}};
  call.input_count = a ? b ? 2 : 1 : 0;
  call.output[0] = TENSOR(TFM_MASK, 1);
  if (n >= 0)
    call_attr_int(&call, "n", n);
  ck_assert_int_eq(run_reference(masking, &call), TFM_OK);
  tfm_mask mask = *(tfm_mask *)call.output[0]->data;
  tensor_free(call.output[0]);
  return mask;
}

static tfm_tensor *mask_tensor(tfm_mask mask) {
  tfm_tensor *tensor = TENSOR(TFM_MASK, 1);
  memcpy(tensor->data, &mask, sizeof mask);
  return tensor;
}

START_TEST(test_masks) {
  open_plugins();
  tfm_tensor *real = tensor_fill(TENSOR(TFM_BOOL, 2, 5), 1);
  tfm_tensor *full = tensor_fill(TENSOR(TFM_BOOL, 1, 3, 5), 1);
  tfm_mask mask = run_mask("causal", NULL, NULL, -1);
  ck_assert_uint_eq(mask.count, 1);
  ck_assert_uint_eq(mask.term[0].kind, TFM_MASK_CAUSAL);
  mask = run_mask("window", NULL, NULL, 4);
  ck_assert_uint_eq(mask.term[0].kind, TFM_MASK_WINDOW);
  ck_assert_int_eq(mask.term[0].n, 4);
  mask = run_mask("prefix", NULL, NULL, 7);
  ck_assert_uint_eq(mask.term[0].kind, TFM_MASK_PREFIX);
  ck_assert_int_eq(mask.term[0].n, 7);
  mask = run_mask("dense", full, NULL, -1);
  ck_assert_uint_eq(mask.term[0].kind, TFM_MASK_DENSE);
  ck_assert_ptr_eq(mask.term[0].tensor, full);
  mask = run_mask("padding", real, NULL, -1);
  ck_assert_uint_eq(mask.term[0].kind, TFM_MASK_PADDING);
  ck_assert_ptr_eq(mask.term[0].tensor, real);

  tfm_tensor *a = mask_tensor(run_mask("causal", NULL, NULL, -1)), *b = mask_tensor(mask);
  tfm_mask both = run_mask("mask_and", a, b, -1);
  ck_assert_uint_eq(both.count, 3);
  ck_assert_uint_eq(both.term[0].kind, TFM_MASK_CAUSAL);
  ck_assert_uint_eq(both.term[1].kind, TFM_MASK_PADDING);
  ck_assert_uint_eq(both.term[2].kind, TFM_MASK_AND);
  tfm_tensor *c = mask_tensor(both);
  tfm_mask three = run_mask("mask_or", c, a, -1);
  ck_assert_uint_eq(three.count, 5);
  ck_assert_uint_eq(three.term[3].kind, TFM_MASK_CAUSAL);
  ck_assert_uint_eq(three.term[4].kind, TFM_MASK_OR);

  tfm_tensor *all = mask_tensor((tfm_mask){0});
  ck_assert_uint_eq(run_mask("mask_and", all, c, -1).count, 3);
  ck_assert_uint_eq(run_mask("mask_and", c, all, -1).count, 3);
  ck_assert_uint_eq(run_mask("mask_or", all, c, -1).count, 0);
  ck_assert_uint_eq(run_mask("mask_or", c, all, -1).count, 0);
  tfm_tensor *tensors[] = {real, full, a, b, c, all};
  for (int i = 0; i < 6; i++)
    tensor_free(tensors[i]);
}
END_TEST

START_TEST(test_mask_limits) {
  open_plugins();
  tfm_mask mask = run_mask("causal", NULL, NULL, -1);
  for (int i = 0; i < 7; i++) {
    tfm_tensor *a = mask_tensor(mask), *b = mask_tensor(run_mask("window", NULL, NULL, i));
    mask = run_mask("mask_and", a, b, -1);
    tensor_free(a);
    tensor_free(b);
  }
  ck_assert_uint_eq(mask.count, TFM_MASK_TERMS);
  struct call call = {.op = "mask_or", .input_count = 2, .output_count = 1};
  call.input[0] = mask_tensor(mask);
  call.input[1] = mask_tensor(run_mask("causal", NULL, NULL, -1));
  call.output[0] = TENSOR(TFM_MASK, 1);
  ck_assert_int_eq(run_reference(masking, &call), TFM_FAILED);
  ck_assert_ptr_nonnull(strstr(call.message, "at most 15"));
  call_finish(&call, true);
  struct call below = {.op = "window", .output_count = 1};
  below.output[0] = TENSOR(TFM_MASK, 1);
  call_attr_int(&below, "n", -1);
  ck_assert_int_eq(run_reference(masking, &below), TFM_FAILED);
  ck_assert_ptr_nonnull(strstr(below.message, "n is -1"));
  call_finish(&below, true);
}
END_TEST

/* ---- biases */

/* A bias points into the instance that made it: look at its numbers while that lives. */
static tfm_status (*looked_at)(const tfm_host *, const void *, const tfm_run *);
static tfm_bias seen;
static tfm_tensor *seen_numbers;

static tfm_status look(const tfm_host *host, const void *instance, const tfm_run *run) {
  tfm_status status = looked_at(host, instance, run);
  seen = *(tfm_bias *)run->output[0]->data;
  if (status == TFM_OK)
    seen_numbers = tensor_copy(seen.term[0].tensor);
  return status;
}

static tfm_status run_bias(const char *op, struct call *call) {
  tfm_kernel_desc kernel = *plugin_kernel(masking, op, "reference");
  looked_at = kernel.run;
  kernel.run = look;
  call->op = op;
  call->output_count = 1;
  call->output[0] = TENSOR(TFM_BIAS, 1);
  return call_run(call, &kernel, 1);
}

START_TEST(test_alibi) {
  static const double three[] = {0.0625, 0.00390625, 0.25}; /* of 2 heads, then the first of 4 */
  static const double eight[] = {0.5,     0.25,     0.125,     0.0625,
                                 0.03125, 0.015625, 0.0078125, 0.00390625};
  open_plugins();
  for (int64_t heads = 3; heads <= 8; heads += 5) {
    struct call call = {0};
    call_attr_int(&call, "heads", heads);
    ck_assert_int_eq(run_bias("alibi", &call), TFM_OK);
    ck_assert_uint_eq(seen.count, 1);
    ck_assert_uint_eq(seen.term[0].kind, TFM_BIAS_SLOPE);
    ck_assert_int_eq(tensor_size(seen_numbers), heads);
    for (int64_t h = 0; h < heads; h++)
      ck_assert_double_eq(f32(seen_numbers)[h], heads == 3 ? three[h] : eight[h]);
    tensor_free(seen_numbers);
    call_finish(&call, true);
  }
  struct call none = {0};
  call_attr_int(&none, "heads", 2);
  call_attr_real(&none, "max", 0);
  ck_assert_int_eq(run_bias("alibi", &none), TFM_FAILED);
  ck_assert_ptr_nonnull(strstr(none.message, "max is 0"));
  call_finish(&none, true);
}
END_TEST

/* The bucket of each distance from -n to n, as T5Attention._relative_position_bucket of
 * transformers 5.24 says. */
static void expect_buckets(int64_t buckets, int64_t n, bool both, const char *expected) {
  struct call call = {.weight_count = 1};
  call.weight[0] = TENSOR(TFM_F32, buckets, 2);
  for (int64_t i = 0; i < 2 * buckets; i++)
    f32(call.weight[0])[i] = (float)(i % 2 ? -(i / 2) : i / 2);
  call_attr_int(&call, "buckets", buckets);
  call_attr_int(&call, "distance", n);
  call_attr_int(&call, "both", both);
  ck_assert_int_eq(run_bias("relative", &call), TFM_OK);
  ck_assert_uint_eq(seen.term[0].kind, TFM_BIAS_DISTANCE);
  ck_assert_int_eq(seen.term[0].n, n);
  for (int64_t i = 0; i <= 2 * n; i++) {
    ck_assert_float_eq(f32(seen_numbers)[i], (float)(expected[i] - '0'));
    ck_assert_float_eq(f32(seen_numbers)[2 * n + 1 + i], -(float)(expected[i] - '0'));
  }
  tensor_free(seen_numbers);
  call_finish(&call, true);
}

START_TEST(test_relative) {
  open_plugins();
  expect_buckets(8, 20, true, "33333333333333222221056666677777777777777");
  expect_buckets(8, 20, false, "77777776666655544321000000000000000000000");
  expect_buckets(12, 16, true, "5555555444433321078999::::;;;;;;;");
}
END_TEST

START_TEST(test_relative_refusals) {
  static const struct {
    int64_t buckets, distance;
    const char *why;
  } broken[] = {{3, 20, "too few"}, {8, 2, "in 3..65536"}, {8, 1 << 20, "in 3..65536"}};
  open_plugins();
  for (int i = 0; i < 3; i++) {
    struct call call = {.weight_count = 1};
    call.weight[0] = tensor_fill(TENSOR(TFM_F32, 8, 2), 1);
    call_attr_int(&call, "buckets", broken[i].buckets);
    call_attr_int(&call, "distance", broken[i].distance);
    ck_assert_int_eq(run_bias("relative", &call), TFM_FAILED);
    ck_assert_msg(strstr(call.message, broken[i].why) != NULL, "%s", call.message);
    call_finish(&call, true);
  }
}
END_TEST

START_TEST(test_bias_sums) {
  open_plugins();
  tfm_tensor *x = tensor_fill(TENSOR(TFM_F32, 1, 2, 3, 3), 1);
  struct call one = {.input_count = 1, .input = {x}};
  ck_assert_int_eq(run_bias("dense_bias", &one), TFM_OK);
  ck_assert_uint_eq(seen.term[0].kind, TFM_BIAS_DENSE);
  ck_assert_ptr_eq(seen.term[0].tensor, x);
  tensor_free(seen_numbers);
  tfm_bias sum = seen;
  for (uint32_t terms = 2; terms <= TFM_MASK_TERMS + 1; terms++) {
    struct call call = {.input_count = 2};
    for (int i = 0; i < 2; i++)
      call.input[i] = TENSOR(TFM_BIAS, 1);
    memcpy(call.input[0]->data, &sum, sizeof sum);
    memcpy(call.input[1]->data, one.output[0]->data, sizeof sum);
    bool fits = terms <= TFM_MASK_TERMS;
    ck_assert_int_eq(run_bias("bias_add", &call), fits ? TFM_OK : TFM_FAILED);
    if (fits) {
      sum = seen;
      ck_assert_uint_eq(sum.count, terms);
      ck_assert_ptr_eq(sum.term[terms - 1].tensor, x);
      tensor_free(seen_numbers);
    } else {
      ck_assert_ptr_nonnull(strstr(call.message, "at most 15"));
    }
    call_finish(&call, true);
  }
  call_finish(&one, true);
}
END_TEST

/* ---- embedding */

START_TEST(test_embedding) {
  open_plugins();
  chance_seed(1);
  for (int n = 0; n < 12; n++) {
    static const tfm_dtype dtypes[] = {TFM_F32, TFM_F16, TFM_BF16};
    struct call call = {.op = "embedding", .input_count = 1, .weight_count = 1, .output_count = 1};
    int64_t width = 1 + (int64_t)chance(20), rows = 9;
    call.weight[0] =
        n % 2 ? tensor_transposed(dtypes[n % 3], rows, width) : TENSOR(dtypes[n % 3], rows, width);
    tensor_fill(call.weight[0], 1);
    call.input[0] = TENSOR(TFM_I32, 2, 3);
    call.output[0] = TENSOR(TFM_F32, 2, 3, width);
    int32_t ids[] = {0, 8, 3, 3, 1, 7};
    memcpy(call.input[0]->data, ids, sizeof ids);
    ck_assert_int_eq(run_reference(embedding, &call), TFM_OK);
    for (int64_t i = 0; i < 6 * width; i++)
      ck_assert_double_eq(f32(call.output[0])[i],
                          tensor_at(call.weight[0], ids[i / width], i % width));
    ((int32_t *)call.input[0]->data)[4] = n % 2 ? 9 : -1;
    ck_assert_int_eq(run_reference(embedding, &call), TFM_FAILED);
    ck_assert_ptr_nonnull(strstr(call.message, n % 2 ? "id 9 at [1, 1]" : "id -1 at [1, 1]"));
    ck_assert_ptr_nonnull(strstr(call.message, "9 rows"));
    call_finish(&call, true);
  }
}
END_TEST

/* ---- elementwise */

static float element(const char *op, float a, float b) {
  switch (op[0]) {
  case 'a':
    return a + b;
  case 'm':
    return a * b;
  case 'd':
    return a / b;
  default:
    return op[1] == 'u' ? a - b : a * 0.3f;
  }
}

START_TEST(test_elementwise) {
  static const char *const ops[] = {"add", "sub", "mul", "div", "scale"};
  static const char *const kernels[] = {"reference", "base"};
  open_plugins();
  chance_seed(2);
  for (int n = 0; n < 30; n++) {
    struct call call = {.op = ops[n % 5], .input_count = n % 5 < 4 ? 2 : 1, .output_count = 1};
    int64_t size = n < 20 ? (int64_t)chance(40) : 70001;
    for (uint32_t i = 0; i < call.input_count; i++)
      call.input[i] = tensor_fill(TENSOR(TFM_F32, 1, size), 1);
    call.output[0] = TENSOR(TFM_F32, 1, size);
    call_attr_real(&call, "by", 0.3);
    for (int k = 0; k < 2; k++) {
      ck_assert_int_eq(call_run(&call, plugin_kernel(elementwise, call.op, kernels[k]), 3), TFM_OK);
      int64_t wrong = 0; /* an assert of its own costs more than an element */
      for (int64_t i = 0; i < size; i++)
        wrong += f32(call.output[0])[i] !=
                 element(call.op, f32(call.input[0])[i], call.input[1] ? f32(call.input[1])[i] : 0);
      ck_assert_int_eq(wrong, 0);
    }
    call_finish(&call, true);
  }
}
END_TEST

/* Element i of `out` as it is in an operand that repeats dims of 1, or has fewer. */
static int64_t repeated(const tfm_tensor *out, const tfm_tensor *t, int64_t i) {
  int64_t at = 0, step = 1;
  for (uint32_t d = 0; d < t->rank; d++) {
    int64_t size = out->shape[out->rank - 1 - d], own = t->shape[t->rank - 1 - d];
    at += own == 1 ? 0 : i % size * step;
    i /= size;
    step *= own;
  }
  return at;
}

START_TEST(test_repeated_dims) {
  static const char *const ops[] = {"add", "sub", "mul", "div"};
  static const char *const kernels[] = {"reference", "base"};
  open_plugins();
  chance_seed(5);
  for (int n = 0; n < 200; n++) {
    struct call call = {.op = ops[n % 4], .input_count = 2, .output_count = 1};
    bool whole = n % 3 == 0 && n % 4 != 3;
    tfm_dtype dtype = whole ? TFM_I32 : TFM_F32;
    int64_t shape[2][4], most[4];
    uint32_t rank = 1 + (uint32_t)chance(4), cut = (uint32_t)chance(rank);
    for (uint32_t d = 0; d < rank; d++) {
      int64_t size = n % 20 == 0 ? (rank < 3 ? 200 : 15) : 1 + (int64_t)chance(9);
      for (int k = 0; k < 2; k++)
        shape[k][d] = chance(3) == 0 ? 1 : size;
      shape[n & 1][d] = d < cut ? 1 : shape[n & 1][d];
      most[d] = shape[0][d] > shape[1][d] ? shape[0][d] : shape[1][d];
    }
    for (int k = 0; k < 2; k++) {
      uint32_t from = k == (n & 1) ? cut : 0; /* the dims in front are not there */
      call.input[k] = tensor_new(dtype, rank - from, shape[k] + from);
      if (!whole)
        tensor_fill(call.input[k], 1);
      for (int64_t i = 0; whole && i < tensor_size(call.input[k]); i++)
        ((int32_t *)call.input[k]->data)[i] = (int32_t)chance(1000) - 500;
    }
    call.output[0] = tensor_new(dtype, rank, most);
    for (int k = 0; k < 2; k++) {
      ck_assert_int_eq(call_run(&call, plugin_kernel(elementwise, call.op, kernels[k]), 3), TFM_OK);
      int64_t wrong = 0; /* an assert of its own costs more than an element */
      for (int64_t i = 0; i < tensor_size(call.output[0]); i++) {
        int64_t a = repeated(call.output[0], call.input[0], i),
                b = repeated(call.output[0], call.input[1], i);
        if (whole)
          wrong += ((int32_t *)call.output[0]->data)[i] !=
                   (int32_t)element(call.op, (float)((int32_t *)call.input[0]->data)[a],
                                    (float)((int32_t *)call.input[1]->data)[b]);
        else
          wrong += !(f32(call.output[0])[i] ==
                     element(call.op, f32(call.input[0])[a], f32(call.input[1])[b]));
      }
      ck_assert_int_eq(wrong, 0);
    }
    call_finish(&call, true);
  }
}
END_TEST

/* What is [B, 1, D] beside rows that lie end to end: each token has that of its row. */
START_TEST(test_repeated_rows) {
  static const int64_t begin[] = {0, 3, 3, 4};
  open_plugins();
  for (int side = 0; side < 2; side++) {
    struct call call = {.op = "sub", .input_count = 2, .output_count = 1};
    call.input[side] = tensor_fill(TENSOR(TFM_F32, 3, 1, 5), 1);
    call.input[!side] = tensor_fill(TENSOR(TFM_F32, 1, 4, 5), 1);
    call.output[0] = TENSOR(TFM_F32, 1, 4, 5);
    call.input[!side]->begin = call.output[0]->begin = begin;
    call.rows = 3;
    for (int k = 0; k < 2; k++) {
      const char *kernel = k == 0 ? "reference" : "base";
      ck_assert_int_eq(call_run(&call, plugin_kernel(elementwise, "sub", kernel), 3), TFM_OK);
      for (int64_t i = 0; i < 20; i++) {
        float row = f32(call.input[side])[(i < 15 ? 0 : 2) * 5 + i % 5],
              token = f32(call.input[!side])[i];
        ck_assert_float_eq(f32(call.output[0])[i], side == 0 ? row - token : token - row);
      }
    }
    call_finish(&call, true);
  }
}
END_TEST

START_TEST(test_constant) {
  open_plugins();
  for (int n = 0; n < 12; n++) {
    static const tfm_dtype dtypes[] = {TFM_F32, TFM_F16, TFM_BF16};
    struct call call = {.op = "constant", .weight_count = 1, .output_count = 1};
    call.weight[0] =
        n % 2 ? tensor_transposed(dtypes[n % 3], 7, 1 + n) : TENSOR(dtypes[n % 3], 7, 1 + n);
    tensor_fill(call.weight[0], 1);
    call.output[0] = TENSOR(TFM_F32, 7, 1 + n);
    ck_assert_int_eq(run_reference(elementwise, &call), TFM_OK);
    for (int64_t i = 0; i < 7 * (1 + n); i++)
      ck_assert_double_eq((double)f32(call.output[0])[i],
                          tensor_at(call.weight[0], i / (1 + n), i % (1 + n)));
    call_finish(&call, true);
  }
  struct call number = {.op = "constant", .weight_count = 1, .output_count = 1};
  tfm_type type;
  call_attr_int(&number, "value", -3);
  ck_assert_int_eq(call_infer(&number, plugin_op(elementwise, "constant"), &type, 1), 1);
  ck_assert_uint_eq(type.dtype, TFM_I32);
  number.output[0] = TENSOR(TFM_I32, 1);
  ck_assert_int_eq(run_reference(elementwise, &number), TFM_OK);
  ck_assert_int_eq(*(int32_t *)number.output[0]->data, -3);
  number.attr_count = 0;
  ck_assert_int_eq(call_infer(&number, plugin_op(elementwise, "constant"), &type, 1), -1);
  call_finish(&number, true);
}
END_TEST

START_TEST(test_functions) {
  static const struct {
    const char *op;
    double (*f)(double);
  } functions[] = {{"exp", exp}, {"log", log},   {"sin", sin},
                   {"cos", cos}, {"sqrt", sqrt}, {"abs", fabs}};
  open_plugins();
  chance_seed(6);
  for (size_t n = 0; n < sizeof functions / sizeof functions[0]; n++) {
    struct call call = {.op = functions[n].op, .input_count = 1, .output_count = 1};
    call.input[0] = tensor_fill(TENSOR(TFM_F32, 3, 1000), 1);
    call.output[0] = TENSOR(TFM_F32, 3, 1000);
    ck_assert_int_eq(call_run(&call, plugin_kernel(elementwise, call.op, "reference"), 3), TFM_OK);
    for (int i = 0; i < 3000; i++) {
      float expected = (float)functions[n].f((double)f32(call.input[0])[i]);
      float found = f32(call.output[0])[i];
      ck_assert(expected == found || (isnan(expected) && isnan(found)));
    }
    call_finish(&call, true);
  }
  struct call clamp = {.op = "clamp", .input_count = 1, .output_count = 1};
  clamp.input[0] = tensor_fill(TENSOR(TFM_F32, 100), 1);
  clamp.output[0] = TENSOR(TFM_F32, 100);
  call_attr_real(&clamp, "max", 0.5);
  for (int both = 0; both < 2; both++) {
    if (both)
      call_attr_real(&clamp, "min", -0.25);
    ck_assert_int_eq(run_reference(elementwise, &clamp), TFM_OK);
    for (int i = 0; i < 100; i++) {
      float x = f32(clamp.input[0])[i];
      ck_assert_float_eq(f32(clamp.output[0])[i], x > 0.5f             ? 0.5f
                                                  : both && x < -0.25f ? -0.25f
                                                                       : x);
    }
  }
  call_finish(&clamp, true);
}
END_TEST

/* Over each axis of [4, 3, 5], and softmax in place of the largest. */
START_TEST(test_reductions) {
  static const char *const ops[] = {"sum", "mean", "max", "softmax"};
  open_plugins();
  chance_seed(7);
  for (int n = 0; n < 24; n++) {
    static const int64_t shape[] = {4, 3, 5};
    struct call call = {.op = ops[n % 4], .input_count = 1, .output_count = 1};
    int64_t axis = n / 4 % 3, left[3], count = 0, inner = 1;
    bool keep = n >= 12;
    call.input[0] = tensor_fill(tensor_new(TFM_F32, 3, shape), 3);
    call_attr_int(&call, "axis", n % 2 ? axis : axis - 3);
    call_attr_int(&call, "keep", keep);
    for (int64_t d = 0; d < 3; d++) {
      inner *= d > axis ? shape[d] : 1;
      if (d != axis || keep || n % 4 == 3)
        left[count++] = d == axis && n % 4 != 3 ? 1 : shape[d];
    }
    tfm_type type;
    if (n % 4 != 3) {
      ck_assert_int_eq(call_infer(&call, plugin_op(elementwise, call.op), &type, 1), 1);
      ck_assert_int_eq((int64_t)type.rank, count);
      ck_assert_mem_eq(type.shape, left, (size_t)count * sizeof *left);
    }
    call.output[0] = tensor_new(TFM_F32, (uint32_t)count, left);
    ck_assert_int_eq(call_run(&call, plugin_kernel(elementwise, call.op, "reference"), 3), TFM_OK);
    for (int64_t i = 0; i < 60; i++) {
      const float *x = f32(call.input[0]);
      int64_t first = i - i / inner % shape[axis] * inner;
      double sum = 0, most = -INFINITY, powers = 0;
      for (int64_t k = 0; k < shape[axis]; k++) {
        sum += (double)x[first + k * inner];
        most = fmax(most, (double)x[first + k * inner]);
        powers += exp((double)x[first + k * inner]);
      }
      double expected[] = {sum, sum / (double)shape[axis], most, exp((double)x[i]) / powers};
      int64_t at = n % 4 == 3 ? i : i / (inner * shape[axis]) * inner + i % inner;
      ck_assert_double_eq_tol((double)f32(call.output[0])[at], expected[n % 4], 1e-6);
    }
    call.attr[0].integer = 3;
    ck_assert_int_eq(run_reference(elementwise, &call), TFM_FAILED);
    ck_assert_ptr_nonnull(strstr(call.message, "axis 3 of a tensor of 3"));
    call_finish(&call, true);
  }
}
END_TEST

/* ---- shape */

START_TEST(test_split) {
  open_plugins();
  struct call call = {.op = "split", .input_count = 1, .output_count = 3};
  call.input[0] = tensor_fill(TENSOR(TFM_F32, 2, 5, 12), 1);
  call_attr_int(&call, "parts", 3);
  tfm_type type[CALL_MAX];
  ck_assert_int_eq(call_infer(&call, plugin_op(shape, "split"), type, CALL_MAX), 3);
  for (int i = 0; i < 3; i++) {
    ck_assert_uint_eq(type[i].rank, 3);
    ck_assert_int_eq(type[i].shape[2], 4);
    call.output[i] = TENSOR(TFM_F32, 2, 5, 4);
  }
  ck_assert_int_eq(run_reference(shape, &call), TFM_OK);
  for (int64_t i = 0; i < 120; i++)
    ck_assert_float_eq(f32(call.output[i % 12 / 4])[i / 12 * 4 + i % 4], f32(call.input[0])[i]);
  call.attr[0].integer = 5;
  ck_assert_int_eq(call_infer(&call, plugin_op(shape, "split"), type, CALL_MAX), -1);
  ck_assert_ptr_nonnull(strstr(call.message, "5 equal parts"));
  call.attr[0].integer = 100;
  ck_assert_int_eq(call_infer(&call, plugin_op(shape, "split"), type, CALL_MAX), -1);
  call_finish(&call, true);
}
END_TEST

START_TEST(test_select) {
  open_plugins();
  for (int axis = -3; axis < 3; axis++)
    for (int index = -2; index < 2; index++) {
      static const int64_t dims[] = {4, 3, 2};
      int real_axis = axis < 0 ? axis + 3 : axis;
      int64_t length = dims[real_axis], at = index < 0 ? index + length : index, left[2];
      struct call call = {.op = "select", .input_count = 1, .output_count = 1};
      call.input[0] = tensor_fill(TENSOR(TFM_F32, 4, 3, 2), 1);
      call_attr_int(&call, "axis", axis);
      call_attr_int(&call, "index", index);
      tfm_type type;
      ck_assert_int_eq(call_infer(&call, plugin_op(shape, "select"), &type, 1), 1);
      ck_assert_uint_eq(type.rank, 2);
      for (int i = 0, j = 0; i < 3; i++)
        if (i != real_axis)
          left[j++] = dims[i];
      ck_assert_mem_eq(type.shape, left, sizeof left);
      call.output[0] = tensor_new(TFM_F32, 2, left);
      ck_assert_int_eq(run_reference(shape, &call), TFM_OK);
      int64_t k = 0;
      for (int64_t i = 0; i < 24; i++) {
        int64_t place[] = {i / 6, i / 2 % 3, i % 2};
        if (place[real_axis] == at)
          ck_assert_float_eq(f32(call.output[0])[k++], f32(call.input[0])[i]);
      }
      ck_assert_int_eq(k, tensor_size(call.output[0]));
      call.attr[1].integer = 4;
      ck_assert_int_eq(call_infer(&call, plugin_op(shape, "select"), &type, 1), -1);
      call.attr[0].integer = 3;
      ck_assert_int_eq(call_infer(&call, plugin_op(shape, "select"), &type, 1), -1);
      call_finish(&call, true);
    }
}
END_TEST

START_TEST(test_concat) {
  open_plugins();
  struct call call = {.op = "concat", .input_count = 2, .output_count = 1};
  call.input[0] = tensor_fill(TENSOR(TFM_F32, 2, 3), 1);
  call.input[1] = tensor_fill(TENSOR(TFM_F32, 2, 1), 1);
  call.output[0] = TENSOR(TFM_F32, 2, 4);
  tfm_type type;
  ck_assert_int_eq(call_infer(&call, plugin_op(shape, "concat"), &type, 1), 1);
  ck_assert_int_eq(type.shape[1], 4);
  ck_assert_int_eq(run_reference(shape, &call), TFM_OK);
  for (int i = 0; i < 8; i++)
    ck_assert_float_eq(f32(call.output[0])[i], i % 4 < 3 ? f32(call.input[0])[i / 4 * 3 + i % 4]
                                                         : f32(call.input[1])[i / 4]);
  call_finish(&call, true);
}
END_TEST

/* ---- pooling */

START_TEST(test_last_token) {
  open_plugins();
  struct call call = {.op = "last_token", .input_count = 2, .output_count = 1};
  call.input[0] = tensor_fill(TENSOR(TFM_F32, 2, 3, 4), 1);
  call.input[1] = TENSOR(TFM_I32, 2);
  call.output[0] = TENSOR(TFM_F32, 2, 1, 4);
  int32_t *index = call.input[1]->data;
  index[0] = 2;
  index[1] = 0;
  ck_assert_int_eq(run_reference(pooling, &call), TFM_OK);
  ck_assert_mem_eq(call.output[0]->data, f32(call.input[0]) + 8, 16);
  ck_assert_mem_eq(f32(call.output[0]) + 4, f32(call.input[0]) + 12, 16);
  index[1] = 3;
  ck_assert_int_eq(run_reference(pooling, &call), TFM_FAILED);
  ck_assert_ptr_nonnull(strstr(call.message, "index 3 of row 1"));
  call_finish(&call, true);
}
END_TEST

START_TEST(test_mean_pool) {
  open_plugins();
  struct call call = {.op = "mean_pool", .input_count = 2, .output_count = 1};
  call.input[0] = TENSOR(TFM_F32, 3, 2, 2);
  call.input[1] = TENSOR(TFM_BOOL, 3, 2);
  call.output[0] = TENSOR(TFM_F32, 3, 2);
  float x[] = {1, 2, 3, 5, 7, 11, NAN, 13, 17, 19, 23, 29};
  uint8_t real[] = {1, 1, 1, 0, 0, 0};
  memcpy(call.input[0]->data, x, sizeof x);
  memcpy(call.input[1]->data, real, sizeof real);
  ck_assert_int_eq(run_reference(pooling, &call), TFM_OK);
  float expected[] = {2, 3.5f, 7, 11, 0, 0};
  ck_assert_mem_eq(call.output[0]->data, expected, sizeof expected);
  call_finish(&call, true);
}
END_TEST

/* The kinds as the attribute's list; item and its pointers are the caller's. */
static void set_kinds(struct call *call, const char *const *kind, uint32_t count, tfm_attr *item,
                      const tfm_attr **list) {
  for (uint32_t i = 0; i < count; i++) {
    item[i] = (tfm_attr){.name = "", .kind = TFM_ATTR_STR, .text = kind[i]};
    list[i] = &item[i];
  }
  call->attr[0] = (tfm_attr){.name = "kinds", .kind = TFM_ATTR_LIST, .count = count, .item = list};
  call->attr_count = 1;
}

/* Three rows: all real; the middle one alone; none. */
START_TEST(test_pool) {
  static const char *const kinds[] = {"cls",          "max",       "mean", "mean_sqrt_len_tokens",
                                      "weightedmean", "lasttoken", "sum"};
  open_plugins();
  tfm_attr item[7];
  const tfm_attr *list[7];
  struct call call = {.op = "pool", .input_count = 2, .output_count = 1};
  set_kinds(&call, kinds, 7, item, list);
  call.input[0] = TENSOR(TFM_F32, 3, 4, 1);
  call.input[1] = TENSOR(TFM_BOOL, 3, 4);
  call.output[0] = TENSOR(TFM_F32, 3, 7);
  float x[] = {1, -2, 4, 5, NAN, -3, NAN, NAN, NAN, NAN, NAN, NAN};
  uint8_t real[] = {1, 1, 1, 1, 0, 1, 0, 0, 0, 0, 0, 0};
  memcpy(call.input[0]->data, x, sizeof x);
  memcpy(call.input[1]->data, real, sizeof real);
  ck_assert_int_eq(run_reference(pooling, &call), TFM_OK);
  float expected[] = {1,  5,  2,  4,  2.9f, 5,  8, /* weighted: (1 - 4 + 12 + 20) / 10 */
                      -3, -3, -3, -3, -3,   -3, -3, 0, 0, 0, 0, 0, 0, 0};
  for (size_t i = 0; i < 21; i++)
    ck_assert_float_eq_tol(f32(call.output[0])[i], expected[i], 1e-6f);
  call_finish(&call, true);
}
END_TEST

START_TEST(test_pool_refused) {
  open_plugins();
  tfm_attr item[2];
  const tfm_attr *list[2];
  tfm_type type;
  struct call call = {.op = "pool", .input_count = 2, .output_count = 1};
  call.input[0] = TENSOR(TFM_F32, 1, 2, 5);
  call.input[1] = TENSOR(TFM_BOOL, 1, 2);
  call.output[0] = TENSOR(TFM_F32, 1, 10);
  set_kinds(&call, (const char *const[]){"mean", "cls"}, 2, item, list);
  ck_assert_int_eq(call_infer(&call, plugin_op(pooling, "pool"), &type, 1), 1);
  ck_assert_uint_eq(type.rank, 2);
  ck_assert_int_eq(type.shape[1], 10);
  set_kinds(&call, (const char *const[]){"mean", "attention"}, 2, item, list);
  ck_assert_int_eq(call_infer(&call, plugin_op(pooling, "pool"), &type, 1), -1);
  ck_assert_ptr_nonnull(strstr(call.message, "pool has no kind `attention`"));
  item[1].text = NULL; /* a number among the kinds */
  ck_assert_int_eq(call_infer(&call, plugin_op(pooling, "pool"), &type, 1), -1);
  set_kinds(&call, NULL, 0, item, list);
  ck_assert_int_eq(call_infer(&call, plugin_op(pooling, "pool"), &type, 1), -1);
  call_finish(&call, true);
}
END_TEST

UNIT_MAIN("small plugins", test_descriptors, test_masks, test_mask_limits, test_alibi,
          test_relative, test_relative_refusals, test_bias_sums, test_embedding, test_elementwise,
          test_repeated_dims, test_repeated_rows, test_constant, test_functions, test_reductions,
          test_split, test_select, test_concat, test_last_token, test_mean_pool, test_pool,
          test_pool_refused)
