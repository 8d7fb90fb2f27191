/* Attention: reference against the formula, kernels against reference, and the
 * promise that nothing else in the batch changes a bit. */
#include "tests/op/attention_case.h"
#include "tests/unit/unit.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const tfm_plugin_desc *plugin;

static void open_plugin(void) {
  if (!plugin)
    plugin = plugin_open("attention");
}

/* Valgrind is fifty times slower. */
static int rounds(int count) {
  return getenv("TFM_VALGRIND") ? count / 8 + 1 : count;
}

static const tfm_kernel_desc *kernel_of(const char *name) {
  return plugin_kernel(plugin, "attention", name);
}

START_TEST(test_descriptors) {
  open_plugin();
  plugin_check(plugin, "attention");
}
END_TEST

/* ---- the meaning */

static bool term_formula(const tfm_mask_term *m, int64_t b, int64_t t, int64_t p, int64_t s) {
  const tfm_tensor *x = m->tensor;
  if (m->kind == TFM_MASK_CAUSAL)
    return s <= p;
  if (m->kind == TFM_MASK_WINDOW)
    return s > p - m->n && s < p + m->n;
  if (m->kind == TFM_MASK_PREFIX)
    return s < m->n;
  if (s >= x->shape[x->rank - 1])
    return false;
  int64_t row = m->kind == TFM_MASK_PADDING ? b : (x->shape[0] == 1 ? 0 : b) * x->shape[1] + t;
  return ((uint8_t *)x->data)[row * x->shape[x->rank - 1] + s] != 0;
}

/* Up to two terms and an operator. */
static bool allowed(const tfm_mask *mask, int64_t b, int64_t t, int64_t p, int64_t s) {
  if (!mask || mask->count == 0)
    return true;
  bool first = term_formula(&mask->term[0], b, t, p, s);
  if (mask->count == 1)
    return first;
  bool second = term_formula(&mask->term[1], b, t, p, s);
  return mask->term[2].kind == TFM_MASK_AND ? first && second : first || second;
}

static double bias_formula(const struct attention_case *c, int64_t b, int64_t h, int64_t t,
                           int64_t p, int64_t s) {
  const tfm_bias *bias = c->call.input[4] ? c->call.input[4]->data : NULL;
  double sum = 0;
  for (uint32_t i = 0; bias && i < bias->count; i++) {
    const tfm_tensor *x = bias->term[i].tensor;
    int64_t n = bias->term[i].n, far = s - p;
    if (bias->term[i].kind == TFM_BIAS_SLOPE)
      sum -= f32(x)[h] * fabs((double)far);
    else if (bias->term[i].kind == TFM_BIAS_DISTANCE)
      sum += f32(x)[h * (2 * n + 1) + (far < -n ? 0 : far > n ? 2 * n : n + far)];
    else
      sum +=
          f32(x)[(((x->shape[0] == 1 ? 0 : b) * c->heads + h) * c->tokens + t) * x->shape[3] + s];
  }
  return sum;
}

/* One element of the result, by the formula; the cache already holds all keys. */
static double formula(const struct attention_case *c, int64_t b, int64_t h, int64_t t, int64_t d) {
  const tfm_tensor *q = c->call.input[0], *k = c->call.input[1], *v = c->call.input[2];
  const tfm_mask *mask = c->call.input[3] ? c->call.input[3]->data : NULL;
  int64_t past = c->kv ? c->kv->past[b] : 0, keys = c->kv ? tfm_kv_length(c->kv, b) : k->shape[1];
  int64_t g = h * c->kv_heads / c->heads;
  const float *query = f32(q) + ((b * c->tokens + t) * c->heads + h) * c->size;
  const tfm_attr *cap = c->capped ? &c->call.attr[c->call.attr_count - 1] : NULL;
  double sum = c->call.weight[0] ? exp(tensor_at(c->call.weight[0], 0, h)) : 0, total = 0;
  for (int64_t s = 0; s < keys; s++) {
    const float *key =
        c->kv ? tfm_kv_key(c->kv, b, s) : f32(k) + (b * keys + s) * c->kv_heads * c->size;
    const float *value =
        c->kv ? tfm_kv_value(c->kv, b, s) : f32(v) + (b * keys + s) * c->kv_heads * c->width;
    double score = 0;
    for (int64_t i = 0; i < c->size; i++)
      score += (double)query[i] * key[g * c->size + i];
    score /= sqrt((double)c->size);
    if (cap)
      score = cap->real * tanh(score / cap->real);
    score += bias_formula(c, b, h, t, past + t, s);
    if (!allowed(mask, b, t, past + t, s))
      continue;
    sum += exp(score);
    total += exp(score) * value[g * c->width + d];
  }
  return sum == 0 ? 0 : total / sum;
}

static void draw_mask(struct attention_case *c) {
  int64_t keys = attention_case_keys(c);
  int terms = (int)chance(3);
  for (int i = 0; i < terms; i++)
    attention_case_mask(c, (uint32_t)(TFM_MASK_CAUSAL + chance(5)),
                        (int64_t)chance((uint64_t)keys + 2));
  if (terms == 2)
    attention_case_mask(c, chance(2) ? TFM_MASK_AND : TFM_MASK_OR, 0);
}

static void draw(struct attention_case *c, uint64_t longest) {
  static const int64_t sizes[] = {1, 3, 4, 8, 12, 16, 20, 32, 40, 64, 80, 128};
  int64_t kv_heads = 1 + (int64_t)chance(3), group = chance(2) ? 1 : 1 + (int64_t)chance(8);
  int64_t batch = 1 + (int64_t)chance(3), tokens = 1 + (int64_t)chance(longest);
  int64_t size = sizes[chance(12)];
  bool cached = chance(2);
  attention_case_init(c, batch, tokens, cached ? 0 : 1 + (int64_t)chance(2 * longest),
                      kv_heads * group, kv_heads, size, chance(3) ? size : sizes[chance(12)]);
  if (cached) {
    static const uint32_t blocks[] = {64, 16, 1, 128, 24};
    attention_case_cache(c, (int64_t)chance(2 * longest), blocks[chance(5)]);
  }
  for (uint64_t n = chance(3); chance(2) && n > 0; n--)
    attention_case_bias(c, (uint32_t)(TFM_BIAS_SLOPE + chance(3)), (int64_t)chance(20));
  if (chance(4) == 0)
    attention_case_sinks(c, chance(2) ? TFM_F32 : TFM_BF16);
  if ((c->capped = chance(4) == 0))
    call_attr_real(&c->call, "softcap", 0.5 + (double)chance(50));
  draw_mask(c);
}

START_TEST(test_reference) {
  open_plugin();
  chance_seed(1);
  for (int n = 0; n < 150; n++) {
    struct attention_case c;
    draw(&c, 12);
    ck_assert_int_eq(call_run(&c.call, kernel_of("reference"), 1), TFM_OK);
    for (int i = 0; i < 20; i++) {
      int64_t b = (int64_t)chance((uint64_t)c.batch), t = (int64_t)chance((uint64_t)c.tokens);
      int64_t h = (int64_t)chance((uint64_t)c.heads), d = (int64_t)chance((uint64_t)c.width);
      double found = f32(c.call.output[0])[((b * c.tokens + t) * c.heads + h) * c.width + d];
      double expected = formula(&c, b, h, t, d);
      ck_assert_msg(fabs(found - expected) < 1e-5, "%g, not %g", found, expected);
    }
    attention_case_finish(&c);
  }
}
END_TEST

/* ---- kernels */

static void compare(struct attention_case *c, const tfm_kernel_desc *kernel) {
  struct call *call = &c->call;
  call->taps = chance(4);
  ck_assert_int_eq(call_run(call, kernel_of("reference"), 1), TFM_OK);
  tfm_tensor *expected[] = {tensor_copy(call->output[0]), NULL, NULL};
  for (int i = 0; i < 2; i++)
    expected[i + 1] = call->tap[i] ? tensor_copy(call->tap[i]) : NULL;
  ck_assert_int_eq(call_run(call, kernel, 1 + (uint32_t)chance(3)), TFM_OK);
  const tfm_tensor *found[] = {call->output[0], call->tap[0], call->tap[1]};
  for (int i = 0; i < 3; i++) {
    ck_assert_int_eq(found[i] != NULL, expected[i] != NULL);
    if (!found[i])
      continue;
    /* scores: dot products of up to 128 normal numbers, up to 40, in f32 */
    double d = distance(f32(found[i]), f32(expected[i]), tensor_size(found[i]), 1e-5, 1e-5);
    ck_assert_msg(d < 1, "%s, value %d: %g (B %d T %d H %d G %d K %d W %d)", kernel->name, i, d,
                  (int)c->batch, (int)c->tokens, (int)c->heads, (int)c->kv_heads, (int)c->size,
                  (int)c->width);
    tensor_free(expected[i]);
  }
}

START_TEST(test_kernels) {
  open_plugin();
  for (int isa = 0; plugin_isas[isa]; isa++) {
    const tfm_kernel_desc *kernel = kernel_of(plugin_isas[isa]);
    chance_seed(2);
    for (int n = 0; kernel && n < rounds(90); n++) {
      struct attention_case c;
      draw(&c, n < 85 ? 40 : 150);
      compare(&c, kernel);
      attention_case_finish(&c);
    }
  }
}
END_TEST

START_TEST(test_nothing_to_do) {
  open_plugin();
  for (int isa = 0; plugin_isas[isa]; isa++) {
    const tfm_kernel_desc *kernel = kernel_of(plugin_isas[isa]);
    struct attention_case c;
    if (!kernel)
      continue;
    attention_case_init(&c, 0, 3, 0, 2, 2, 8, 8);
    ck_assert_int_eq(call_run(&c.call, kernel, 2), TFM_OK);
    attention_case_finish(&c);
    attention_case_init(&c, 2, 0, 5, 2, 2, 8, 8);
    ck_assert_int_eq(call_run(&c.call, kernel, 2), TFM_OK);
    attention_case_finish(&c);
    /* queries that may see nothing */
    attention_case_init(&c, 2, 9, 70, 2, 1, 8, 8);
    attention_case_mask(&c, TFM_MASK_PREFIX, 0);
    c.call.taps = 2;
    ck_assert_int_eq(call_run(&c.call, kernel, 2), TFM_OK);
    for (int64_t i = 0; i < tensor_size(c.call.output[0]); i++)
      ck_assert_float_eq(f32(c.call.output[0])[i], 0);
    for (int64_t i = 0; i < tensor_size(c.call.tap[1]); i++)
      ck_assert_float_eq(f32(c.call.tap[1])[i], 0);
    attention_case_finish(&c);
  }
}
END_TEST

/* ---- the same bits */

/* Rows [from, from + tokens) of batch row b of a [B, T, G, W] tensor, as [1, tokens, G, W]. */
static tfm_tensor *rows_of(const tfm_tensor *x, int64_t b, int64_t from, int64_t tokens) {
  int64_t width = x->shape[2] * x->shape[3];
  tfm_tensor *rows = TENSOR(TFM_F32, 1, tokens, x->shape[2], x->shape[3]);
  memcpy(rows->data, f32(x) + (b * x->shape[1] + from) * width, (size_t)(tokens * width) * 4);
  return rows;
}

/* What batch row b of `from` held before its step, and row 0 of `to` holds. */
static void copy_past(const tfm_kv *to, const tfm_kv *from, int64_t b, int64_t tokens) {
  for (int64_t s = 0; s < tokens; s++) {
    memcpy(tfm_kv_key(to, 0, s), tfm_kv_key(from, b, s), (size_t)from->key_stride);
    memcpy(tfm_kv_value(to, 0, s), tfm_kv_value(from, b, s), (size_t)from->value_stride);
  }
}

/* Batch row b of a cached case, fed in steps of `step` tokens, with a cache of
 * its own, in blocks of another size; the results must be those of the whole. */
static void feed_in_steps(const struct attention_case *whole, const tfm_kernel_desc *kernel,
                          int64_t b, int64_t step, uint32_t lanes) {
  int64_t past = whole->kv->past[b];
  struct attention_case c, before = {0};
  for (int64_t t = 0; t < whole->tokens; t += step) {
    int64_t tokens = whole->tokens - t < step ? whole->tokens - t : step;
    attention_case_init(&c, 1, tokens, 0, whole->heads, whole->kv_heads, whole->size, whole->width);
    attention_case_cache(&c, past + t, step % 2 ? 64 : 40);
    copy_past(c.kv, t ? before.kv : whole->kv, t ? 0 : b, past + t);
    if (t)
      attention_case_finish(&before);
    for (int i = 0; i < 3; i++) {
      tensor_free(c.call.input[i]);
      c.call.input[i] = rows_of(whole->call.input[i], b, t, tokens);
    }
    if (whole->call.input[4])
      c.call.input[4] = tensor_copy(whole->call.input[4]);
    if (whole->call.weight[0])
      c.call.weight[0] = tensor_copy(whole->call.weight[0]);
    /* the same formula over this row's own tensor of real tokens */
    tfm_mask *mask = NULL;
    tfm_tensor *real = NULL;
    if (whole->call.input[3]) {
      c.call.input[3] = TENSOR(TFM_MASK, 1);
      mask = c.call.input[3]->data;
      memcpy(mask, whole->call.input[3]->data, sizeof *mask);
      for (uint32_t i = 0; i < mask->count; i++)
        if (mask->term[i].kind == TFM_MASK_PADDING) {
          int64_t keys = whole->real->shape[1];
          tensor_free(real);
          mask->term[i].tensor = real = TENSOR(TFM_BOOL, 1, keys);
          memcpy(real->data, (uint8_t *)whole->real->data + b * keys, (size_t)keys);
        }
    }
    ck_assert_int_eq(call_run(&c.call, kernel, lanes), TFM_OK);
    int64_t row = whole->heads * whole->width;
    ck_assert_mem_eq(c.call.output[0]->data,
                     f32(whole->call.output[0]) + (b * whole->tokens + t) * row,
                     (size_t)(tokens * row) * 4);
    tensor_free(real);
    before = c;
  }
  attention_case_finish(&before);
}

START_TEST(test_steps_and_batches) {
  static const int64_t sizes[] = {8, 20, 64}, widths[] = {8, 40, 20};
  open_plugin();
  for (int isa = 0; plugin_isas[isa]; isa++) {
    const tfm_kernel_desc *kernel = kernel_of(plugin_isas[isa]);
    chance_seed(5);
    for (int n = 0; kernel && n < rounds(8); n++) {
      struct attention_case c;
      int64_t group = n % 2 ? 3 : 1, tokens = 100 + (int64_t)chance(60);
      attention_case_init(&c, 3, tokens, 0, 2 * group, 2, sizes[n % 3], widths[n % 3]);
      attention_case_cache(&c, n % 4 ? 90 : 0, n % 3 ? 64 : 100);
      attention_case_mask(&c, TFM_MASK_CAUSAL, 0);
      if (n % 4 == 1) {
        attention_case_mask(&c, TFM_MASK_PADDING, 0);
        attention_case_mask(&c, TFM_MASK_AND, 0);
      } else if (n % 4 == 2) {
        attention_case_mask(&c, TFM_MASK_WINDOW, 1 + (int64_t)chance(80));
        attention_case_mask(&c, TFM_MASK_AND, 0);
      } else if (n % 4 == 3) { /* a prefix that all see, of what step 1 has */
        attention_case_mask(&c, TFM_MASK_PREFIX, 0);
        attention_case_mask(&c, TFM_MASK_OR, 0);
      }
      if (n % 2)
        attention_case_bias(&c, TFM_BIAS_SLOPE, 0);
      if (n % 3 == 1)
        attention_case_bias(&c, TFM_BIAS_DISTANCE, 30);
      if (n % 3 == 2)
        attention_case_sinks(&c, TFM_F32);
      ck_assert_int_eq(call_run(&c.call, kernel, 3), TFM_OK);
      for (int64_t b = 0; b < 3; b++) {
        feed_in_steps(&c, kernel, b, 1, 1);
        feed_in_steps(&c, kernel, b, 7 + (int64_t)chance(40), 2);
        feed_in_steps(&c, kernel, b, c.tokens, 3);
      }
      attention_case_finish(&c);
    }
  }
}
END_TEST

/* Without a cache, padded to a common length on the right or on the left, or not
 * padded at all. */
START_TEST(test_padding) {
  open_plugin();
  for (int isa = 0; plugin_isas[isa]; isa++) {
    const tfm_kernel_desc *kernel = kernel_of(plugin_isas[isa]);
    chance_seed(6);
    for (int n = 0; kernel && n < rounds(20); n++) {
      struct attention_case alone, padded;
      bool left = n % 2, causal = n % 4 < 2;
      int64_t tokens = 1 + (int64_t)chance(150), more = (int64_t)chance(80), total = tokens + more;
      int64_t first = left ? more : 0;
      attention_case_init(&alone, 1, tokens, 0, 4, 2, 16, 16);
      attention_case_init(&padded, 1, total, 0, 4, 2, 16, 16);
      for (int i = 0; i < 3; i++) {
        int64_t width = alone.call.input[i]->shape[2] * alone.call.input[i]->shape[3];
        memcpy(f32(padded.call.input[i]) + first * width, alone.call.input[i]->data,
               (size_t)(tokens * width) * 4);
      }
      padded.real = TENSOR(TFM_BOOL, 1, total);
      memset(padded.real->data, 0, (size_t)total);
      memset((uint8_t *)padded.real->data + first, 1, (size_t)tokens);
      attention_case_mask(&padded, TFM_MASK_PADDING, 0);
      if (causal) {
        attention_case_mask(&alone, TFM_MASK_CAUSAL, 0);
        attention_case_mask(&padded, TFM_MASK_CAUSAL, 0);
        attention_case_mask(&padded, TFM_MASK_AND, 0);
      }
      ck_assert_int_eq(call_run(&alone.call, kernel, 1), TFM_OK);
      ck_assert_int_eq(call_run(&padded.call, kernel, 3), TFM_OK);
      ck_assert_mem_eq(alone.call.output[0]->data, f32(padded.call.output[0]) + first * 64,
                       (size_t)(tokens * 64) * 4);
      attention_case_finish(&alone);
      attention_case_finish(&padded);
    }
  }
}
END_TEST

START_TEST(test_taps_change_nothing) {
  open_plugin();
  chance_seed(7);
  for (int isa = 0; plugin_isas[isa]; isa++) {
    const tfm_kernel_desc *kernel = kernel_of(plugin_isas[isa]);
    struct attention_case c;
    if (!kernel)
      continue;
    attention_case_init(&c, 2, 70, 0, 4, 2, 16, 16);
    attention_case_mask(&c, TFM_MASK_CAUSAL, 0);
    ck_assert_int_eq(call_run(&c.call, kernel, 1), TFM_OK);
    tfm_tensor *without = tensor_copy(c.call.output[0]);
    for (c.call.taps = 1; c.call.taps < 4; c.call.taps++) {
      ck_assert_int_eq(call_run(&c.call, kernel, 2), TFM_OK);
      ck_assert_mem_eq(c.call.output[0]->data, without->data, 2 * 70 * 64 * 4);
    }
    tensor_free(without);
    attention_case_finish(&c);
  }
}
END_TEST

/* ---- what is refused */

static void refuse(struct attention_case *c, const char *why) {
  static const char *const names[] = {"reference", "base"};
  for (int i = 0; i < 2; i++) {
    ck_assert_int_eq(call_run(&c->call, kernel_of(names[i]), 1), TFM_FAILED);
    ck_assert_msg(strstr(c->call.message, why) != NULL, "%s", c->call.message);
  }
  attention_case_finish(c);
}

START_TEST(test_refusals) {
  struct attention_case c;
  open_plugin();
  chance_seed(8);
  attention_case_init(&c, 1, 3, 0, 3, 2, 4, 4);
  refuse(&c, "cannot share");
  attention_case_init(&c, 1, 3, 0, 2, 2, 4, 4);
  attention_case_cache(&c, 5, 64);
  c.kv->capacity = 7;
  refuse(&c, "room for 7 tokens");
  attention_case_init(&c, 2, 3, 0, 2, 2, 4, 4);
  attention_case_cache(&c, 5, 64);
  c.kv->rows = 1;
  refuse(&c, "has 1 rows");
  attention_case_init(&c, 1, 3, 0, 2, 2, 4, 4);
  attention_case_cache(&c, 5, 64);
  c.kv->value_width = 4;
  refuse(&c, "rows of 8 and 8 values");
  attention_case_init(&c, 1, 3, 0, 2, 2, 4, 4);
  attention_case_mask(&c, TFM_MASK_AND, 0);
  refuse(&c, "operator");
  attention_case_init(&c, 1, 3, 0, 2, 2, 4, 4);
  attention_case_mask(&c, TFM_MASK_CAUSAL, 0);
  attention_case_mask(&c, TFM_MASK_CAUSAL, 0);
  refuse(&c, "not joined");
  attention_case_init(&c, 1, 3, 0, 2, 2, 4, 4);
  attention_case_mask(&c, 99, 0);
  refuse(&c, "unknown kind 99");
  attention_case_init(&c, 3, 3, 0, 2, 2, 4, 4);
  c.real = tensor_fill(TENSOR(TFM_BOOL, 2, 3), 1);
  attention_case_mask(&c, TFM_MASK_PADDING, 0);
  refuse(&c, "each of the 3 texts");
  attention_case_init(&c, 1, 3, 0, 2, 2, 4, 4);
  attention_case_bias(&c, TFM_BIAS_DENSE, 0);
  c.added[0]->shape[3] = 2;
  refuse(&c, "bias is [1, 2, 3, 2]");
  attention_case_init(&c, 1, 3, 0, 2, 2, 4, 4);
  attention_case_bias(&c, TFM_BIAS_SLOPE, 0);
  c.added[0]->shape[0] = 1;
  refuse(&c, "bias of 1 heads");
  attention_case_init(&c, 1, 3, 0, 2, 2, 4, 4);
  attention_case_bias(&c, TFM_BIAS_DISTANCE, 3);
  c.added[0]->shape[1] = 6;
  refuse(&c, "without the 7 numbers");
  attention_case_init(&c, 1, 3, 0, 2, 2, 4, 4);
  attention_case_bias(&c, TFM_BIAS_SLOPE, 0);
  ((tfm_bias *)c.call.input[4]->data)->term[0].kind = TFM_MASK_CAUSAL;
  refuse(&c, "unknown kind 1");
  attention_case_init(&c, 1, 3, 0, 2, 2, 4, 4);
  call_attr_real(&c.call, "softcap", 0);
  refuse(&c, "softcap is 0");
}
END_TEST

UNIT_MAIN("plugin attention", test_descriptors, test_reference, test_kernels, test_nothing_to_do,
          test_steps_and_batches, test_padding, test_taps_change_nothing, test_refusals)
