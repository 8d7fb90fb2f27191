/* Which experts a token goes to, and what they make of it: each kernel against sums
 * that are taken here. */
#include "tests/op/test_host.h"
#include "tests/unit/unit.h"

#include <math.h>
#include <string.h>

enum { E = 7, D = 13, F = 9, K = 3 };

static const tfm_plugin_desc *plugin;

static void open_plugin(void) {
  if (!plugin)
    plugin = plugin_open("ffn");
}

/* ---- top_k */

static struct call routing(const float *x, int64_t rows, int64_t experts, int64_t k) {
  struct call call = {.op = "top_k", .input_count = 1, .weight_count = 1, .output_count = 2};
  call.input[0] = TENSOR(TFM_F32, rows, experts);
  call.output[0] = TENSOR(TFM_I32, rows, k);
  call.output[1] = TENSOR(TFM_F32, rows, k);
  memcpy(call.input[0]->data, x, (size_t)(rows * experts) * sizeof *x);
  call_attr_int(&call, "k", k);
  return call;
}

static void check_routing(struct call *call, const int32_t *choice, const double *share) {
  ck_assert_int_eq(call_run(call, plugin_kernel(plugin, "top_k", "reference"), 2), TFM_OK);
  for (int64_t i = 0; i < tensor_size(call->output[0]); i++) {
    ck_assert_int_eq(((int32_t *)call->output[0]->data)[i], choice[i]);
    ck_assert_double_eq_tol((double)f32(call->output[1])[i], share[i], 1e-6);
  }
  call_finish(call, true);
}

START_TEST(test_top_k) {
  static const float x[] = {1, 3, 2, 3, 0, -1, 5, 0.5f};
  double sum = exp(1 - 3) + 1 + exp(2 - 3) + 1;
  double other = exp(-5) + exp(-6) + 1 + exp(-4.5);
  open_plugin();
  struct call call = routing(x, 2, 4, 2); /* of equal ones the first */
  check_routing(&call, (const int32_t[]){1, 3, 2, 3},
                (const double[]){1 / sum, 1 / sum, 1 / other, exp(-4.5) / other});
  call = routing(x, 2, 4, 2);
  call_attr_int(&call, "normalize", 1);
  check_routing(&call, (const int32_t[]){1, 3, 2, 3},
                (const double[]){0.5, 0.5, 1 / (1 + exp(-4.5)), exp(-4.5) / (1 + exp(-4.5))});
  call = routing(x, 1, 4, 3);
  call_attr_text(&call, "weigh", "sigmoid");
  call.weight[0] = TENSOR(TFM_F32, 4); /* decides, and is no part of a share */
  memcpy(call.weight[0]->data, (const float[]){1, 0, 0.5f, -1}, 16);
  check_routing(&call, (const int32_t[]){0, 2, 1},
                (const double[]){1 / (1 + exp(-1)), 1 / (1 + exp(-2)), 1 / (1 + exp(-3))});
  call = routing(x, 1, 4, 1);
  call_attr_text(&call, "weigh", "none");
  check_routing(&call, (const int32_t[]){1}, (const double[]){3});
}
END_TEST

/* Of three groups the two best by the sum of their two largest, or by the largest. */
START_TEST(test_groups) {
  static const float x[] = {9, 0, 0, 5, 5, 1, 4, 4, 4};
  open_plugin();
  for (int largest = 0; largest < 2; largest++) {
    struct call call = routing(x, 1, 9, 4);
    call_attr_text(&call, "weigh", "none");
    call_attr_int(&call, "groups", 3);
    call_attr_int(&call, "top_groups", 2);
    call_attr_text(&call, "group_score", largest ? "max" : "top2");
    check_routing(&call, (const int32_t[]){0, 3, 4, 5}, (const double[]){9, 5, 5, 1});
  }
  struct call call = routing((const float[]){9, 0, 5, 5, 6, 4.5f}, 1, 6, 2);
  call_attr_text(&call, "weigh", "none");
  call_attr_int(&call, "groups", 3);
  call_attr_int(&call, "top_groups", 1);
  check_routing(&call, (const int32_t[]){4, 5}, (const double[]){6, 4.5});
}
END_TEST

/* More than there are: of scores that are as many as the tokens nobody knows it before. */
START_TEST(test_too_few) {
  open_plugin();
  struct call call = routing((const float[]){9}, 1, 1, 2);
  ck_assert_int_ne(call_run(&call, plugin_kernel(plugin, "top_k", "reference"), 1), TFM_OK);
  call_finish(&call, true);
}
END_TEST

START_TEST(test_not_numbers) {
  open_plugin();
  struct call call = routing((const float[]){NAN, NAN, NAN}, 1, 3, 2);
  call_attr_text(&call, "weigh", "none");
  ck_assert_int_eq(call_run(&call, plugin_kernel(plugin, "top_k", "reference"), 1), TFM_OK);
  for (int i = 0; i < 2; i++) {
    ck_assert_int_lt(((int32_t *)call.output[0]->data)[i], 3);
    ck_assert(isnan(f32(call.output[1])[i]));
  }
  call_finish(&call, true);
}
END_TEST

/* ---- expert_ffn */

/* [E, out, in], as one tensor, or as a list of E in the same memory. */
struct stored {
  tfm_tensor *all;
  tfm_tensor item[E], list;
  const tfm_tensor *pointer[E];
};

static void store(struct stored *s, tfm_tensor *all, bool list, tfm_tensor **out) {
  s->all = all;
  s->list = *all;
  s->list.flags = TFM_TENSOR_LIST;
  s->list.data = (void *)(uintptr_t)s->pointer;
  memset(s->list.stride, 0, sizeof s->list.stride);
  for (int e = 0; e < E; e++) {
    s->item[e] = tfm_tensor_item(all, e);
    s->pointer[e] = &s->item[e];
  }
  *out = list ? &s->list : all;
}

static double element(const tfm_tensor *all, int64_t e, int64_t o, int64_t i) {
  const char *at = (const char *)all->data + e * all->stride[0] + o * all->stride[1];
  return (double)tensor_load(all->dtype, all->rank == 3 ? at + i * all->stride[2] : at);
}

static double layer(struct stored *const s, int slot, int64_t e, const double *x, int64_t o) {
  double sum = s[slot + 1].all ? element(s[slot + 1].all, e, o, 0) : 0;
  for (int64_t i = 0; i < s[slot].all->shape[2]; i++)
    sum += x[i] * element(s[slot].all, e, o, i);
  return sum;
}

/* What a token's experts give, column o, with relu. */
static double expected(struct stored *s, const struct call *call, int64_t token, int64_t o) {
  double sum = 0, x[D], hidden[F];
  for (int i = 0; i < D; i++)
    x[i] = (double)f32(call->input[0])[token * D + i];
  for (int64_t j = token * K; j < (token + 1) * K; j++) {
    int64_t e = ((int32_t *)call->input[1]->data)[j];
    for (int64_t f = 0; f < F; f++) {
      double first = layer(s, s[0].all ? 0 : 2, e, x, f);
      hidden[f] = first > 0 ? first : 0;
      hidden[f] *= s[0].all ? layer(s, 2, e, x, f) : 1;
    }
    sum += (double)f32(call->input[2])[j] * layer(s, 4, e, hidden, o);
  }
  return sum;
}

static tfm_tensor *draw(tfm_dtype dtype, int64_t out, int64_t in) {
  return tensor_fill(in > 0 ? TENSOR(dtype, E, out, in) : TENSOR(dtype, E, out), 0.5);
}

static void run_experts(const char *kernel, int64_t tokens, bool list, bool gated, bool bias,
                        tfm_dtype dtype) {
  struct stored s[6] = {{0}};
  struct call call = {.op = "expert_ffn", .input_count = 3, .weight_count = 6, .output_count = 1};
  if (!plugin_kernel(plugin, "expert_ffn", kernel))
    return;
  call.input[0] = tensor_fill(TENSOR(TFM_F32, tokens, D), 1);
  call.input[1] = TENSOR(TFM_I32, tokens, K);
  call.input[2] = tensor_fill(TENSOR(TFM_F32, tokens, K), 1);
  call.output[0] = TENSOR(TFM_F32, tokens, D);
  for (int64_t i = 0; i < tokens * K; i++) /* K apart ones, and never the last */
    ((int32_t *)call.input[1]->data)[i] = (int32_t)((i * 2 + i / K) % (E - 1));
  for (int slot = gated ? 0 : 2; slot < 6; slot += 2) {
    int64_t out = slot == 4 ? D : F, in = slot == 4 ? F : D;
    store(&s[slot], draw(dtype, out, in), list, &call.weight[slot]);
    if (bias)
      store(&s[slot + 1], draw(dtype, out, 0), list, &call.weight[slot + 1]);
  }
  call_attr_text(&call, "kind", "relu");
  ck_assert_int_eq(call_run(&call, plugin_kernel(plugin, "expert_ffn", kernel), 3), TFM_OK);
  for (int64_t t = 0; t<tokens; t += tokens> 20 ? 97 : 1)
    for (int64_t o = 0; o < D; o++)
      ck_assert_double_eq_tol((double)f32(call.output[0])[t * D + o], expected(s, &call, t, o),
                              2e-4);
  if (tokens > 0) {
    ((int32_t *)call.input[1]->data)[0] = E;
    ck_assert_int_eq(call_run(&call, plugin_kernel(plugin, "expert_ffn", kernel), 3), TFM_FAILED);
    ck_assert_ptr_nonnull(strstr(call.message, "expert 7 is chosen, and there are 7"));
  }
  for (int slot = 0; slot < 6; slot++) {
    tensor_free(s[slot].all);
    call.weight[slot] = NULL;
  }
  call_finish(&call, true);
}

START_TEST(test_experts) {
  static const char *const kernels[] = {"reference", "base", "avx2", "avx512"};
  static const tfm_dtype dtypes[] = {TFM_F32, TFM_BF16, TFM_F16};
  open_plugin();
  chance_seed(9);
  for (int n = 0; n < 48; n++)
    run_experts(kernels[n % 4], (int64_t)chance(12), n & 4, n & 8, n & 16, dtypes[n % 3]);
  for (int n = 1; n < 4; n++) /* more pairs than are done at once */
    run_experts(kernels[n], 700, true, true, false, TFM_F32);
}
END_TEST

/* A token's bits do not depend on those beside it. */
START_TEST(test_alone) {
  static const char *const kernels[] = {"reference", "base", "avx2", "avx512"};
  open_plugin();
  chance_seed(10);
  for (int n = 0; n < 4; n++) {
    const tfm_kernel_desc *kernel = plugin_kernel(plugin, "expert_ffn", kernels[n]);
    struct call call = {.op = "expert_ffn", .input_count = 3, .weight_count = 6, .output_count = 1};
    if (!kernel)
      continue;
    call.input[0] = tensor_fill(TENSOR(TFM_F32, 20, D), 1);
    call.input[1] = TENSOR(TFM_I32, 20, K);
    call.input[2] = tensor_fill(TENSOR(TFM_F32, 20, K), 1);
    call.output[0] = TENSOR(TFM_F32, 20, D);
    for (int i = 0; i < 20 * K; i++)
      ((int32_t *)call.input[1]->data)[i] = (int32_t)chance(E);
    call.weight[0] = draw(TFM_F32, F, D);
    call.weight[2] = draw(TFM_F32, F, D);
    call.weight[4] = draw(TFM_F32, D, F);
    call_attr_text(&call, "kind", "silu");
    ck_assert_int_eq(call_run(&call, kernel, 3), TFM_OK);
    struct call one = call;
    for (int i = 0; i < 3; i++) {
      one.input[i] = TENSOR(call.input[i]->dtype, 1, i == 0 ? D : K);
      size_t size = (size_t)tensor_size(one.input[i]) * 4;
      memcpy(one.input[i]->data, (char *)call.input[i]->data + 11 * size, size);
    }
    one.output[0] = TENSOR(TFM_F32, 1, D);
    ck_assert_int_eq(call_run(&one, kernel, 1), TFM_OK);
    ck_assert_mem_eq(one.output[0]->data, f32(call.output[0]) + 11 * D, D * sizeof(float));
    memset(one.weight, 0, sizeof one.weight);
    call_finish(&one, true);
    call_finish(&call, true);
  }
}
END_TEST

UNIT_MAIN("experts", test_top_k, test_groups, test_too_few, test_not_numbers, test_experts,
          test_alone)
