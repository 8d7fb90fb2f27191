/* Which tokens stay, in which order, and that draws follow the probabilities. */
#include "runtime/penalty.h"
#include "runtime/sample.h"
#include "tests/unit/unit.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static int32_t pick(struct sampler *sampler, const float *logits, size_t count) {
  struct tfm_error err = {0};
  int32_t id;
  ck_assert_msg(sampler_pick(sampler, logits, count, &id, &err) == 0, "%s", err.message);
  return id;
}

static struct sampler make(struct sample_options options, uint64_t row) {
  struct sampler sampler;
  struct tfm_error err = {0};
  ck_assert_msg(sampler_init(&sampler, &options, row, &err) == 0, "%s", err.message);
  return sampler;
}

START_TEST(test_greedy) {
  static const float logits[] = {-INFINITY, 1, 3, 3, -2};
  static const float nan_at_end[] = {5, NAN};
  static const float nothing[] = {-INFINITY, -INFINITY};
  struct sampler sampler = make((struct sample_options){0}, 0);
  struct tfm_error err = {0};
  int32_t id;
  ck_assert_int_eq(pick(&sampler, logits, 5), 2); /* the lower id of equals */
  ck_assert_int_eq(sampler_pick(&sampler, nan_at_end, 2, &id, &err), -1);
  ck_assert_int_eq(err.code, TFM_ERROR_RUN);
  ck_assert_int_eq(sampler_pick(&sampler, nothing, 2, &id, &err), -1);
  ck_assert_int_eq(sampler_pick(&sampler, nothing, 0, &id, &err), -1);
  sampler_finish(&sampler);
}
END_TEST

/* Frequencies of many draws. */
static void draw(struct sample_options options, const float *logits, size_t count,
                 double *frequency) {
  enum { DRAWS = 20000 };
  struct sampler sampler = make(options, 0);
  struct tfm_error err = {0};
  int drawn = 0;
  memset(frequency, 0, count * sizeof *frequency);
  for (int32_t id; drawn < DRAWS && sampler_pick(&sampler, logits, count, &id, &err) == 0; drawn++)
    frequency[id] += 1.0 / DRAWS;
  ck_assert_msg(drawn == DRAWS, "%s", err.message);
  sampler_finish(&sampler);
}

/* Probabilities 0.5, 0.25, 0.15, 0.1 in the order 3, 0, 2, 1.  A frequency of
 * 20,000 draws has a deviation of at most 0.0036: 0.015 is four of them. */
static const double share[] = {0.25, 0.1, 0.15, 0.5};
static const double tolerance = 0.015;

static void check(struct sample_options options, const double *expected) {
  float logits[4];
  double frequency[4];
  for (int i = 0; i < 4; i++)
    logits[i] = (float)log(share[i]);
  draw(options, logits, 4, frequency);
  for (int i = 0; i < 4; i++)
    ck_assert_msg(fabs(frequency[i] - expected[i]) < tolerance &&
                      (expected[i] > 0) == (frequency[i] > 0),
                  "token %d: %g, expected %g", i, frequency[i], expected[i]);
}

START_TEST(test_filters) {
  check((struct sample_options){.temperature = 1}, share);
  check((struct sample_options){.temperature = 1e-300}, (double[]){0, 0, 0, 1});
  /* half the temperature squares the odds: sum of squares is 0.345 */
  check((struct sample_options){.temperature = 0.5},
        (double[]){0.0625 / 0.345, 0.01 / 0.345, 0.0225 / 0.345, 0.25 / 0.345});
  check((struct sample_options){.temperature = 1, .top_k = 2}, (double[]){1 / 3.0, 0, 0, 2 / 3.0});
  check((struct sample_options){.temperature = 1, .top_k = 1}, (double[]){0, 0, 0, 1});
  check((struct sample_options){.temperature = 1, .top_k = 9}, share);
  check((struct sample_options){.temperature = 1, .top_p = 0.74},
        (double[]){1 / 3.0, 0, 0, 2 / 3.0});
  check((struct sample_options){.temperature = 1, .top_p = 0.76},
        (double[]){0.25 / 0.9, 0, 0.15 / 0.9, 0.5 / 0.9});
  check((struct sample_options){.temperature = 1, .top_p = 0.01}, (double[]){0, 0, 0, 1});
  check((struct sample_options){.temperature = 1, .min_p = 0.31},
        (double[]){1 / 3.0, 0, 0, 2 / 3.0});
  /* top_p counts what top_k left: of 3, two reach 0.8 */
  check((struct sample_options){.temperature = 1, .top_k = 3, .top_p = 0.8},
        (double[]){1 / 3.0, 0, 0, 2 / 3.0});
}
END_TEST

/* How many of four equal logits are left: each has a weight of 1, which the sums are exact of. */
static size_t kept_of_equals(struct sample_options options) {
  static const float logits[] = {2, 2, 2, 2};
  struct tfm_error err = {0};
  struct sampler sampler = make(options, 0);
  size_t kept = 0;
  ck_assert_int_eq(sampler_filter(&sampler, logits, 4, &kept, &err), 0);
  sampler_finish(&sampler);
  return kept;
}

/* What reaches top-p exactly is enough; what is as likely as min-p says stays. */
START_TEST(test_boundaries) {
  ck_assert_uint_eq(kept_of_equals((struct sample_options){.temperature = 1, .top_p = 0.25}), 1);
  ck_assert_uint_eq(kept_of_equals((struct sample_options){.temperature = 1, .top_p = 0.5}), 2);
  ck_assert_uint_eq(kept_of_equals((struct sample_options){.temperature = 1, .top_p = 0.75}), 3);
  ck_assert_uint_eq(kept_of_equals((struct sample_options){.temperature = 1, .top_p = 0.51}), 3);
  ck_assert_uint_eq(kept_of_equals((struct sample_options){.temperature = 1, .min_p = 1}), 4);
  ck_assert_uint_eq(kept_of_equals((struct sample_options){.temperature = 1, .top_k = 3}), 4);
}
END_TEST

/* Equals of the k-th stay; among 1000 the heap finds the same as a sort. */
START_TEST(test_top_k) {
  static const float ties[] = {1, 2, 1, 1, 0};
  double frequency[1000];
  float logits[1000];
  draw((struct sample_options){.temperature = 1, .top_k = 2}, ties, 5, frequency);
  ck_assert(frequency[0] > 0 && frequency[2] > 0 && frequency[3] > 0);
  ck_assert(frequency[4] == 0);
  for (int i = 0; i < 1000; i++)
    logits[i] = (float)((i * 7919) % 1000) / 1000;
  draw((struct sample_options){.temperature = 10, .top_k = 7}, logits, 1000, frequency);
  for (int i = 0; i < 1000; i++)
    ck_assert_msg((logits[i] >= 0.9925f) == (frequency[i] > 0), "%d", i);
}
END_TEST

START_TEST(test_seed) {
  float logits[50];
  int same = 0, rows = 0;
  for (int i = 0; i < 50; i++)
    logits[i] = (float)i * 0.01f;
  struct sampler a = make((struct sample_options){.temperature = 1, .seed = 7}, 3);
  struct sampler b = make((struct sample_options){.temperature = 1, .seed = 7}, 3);
  struct sampler c = make((struct sample_options){.temperature = 1, .seed = 8}, 3);
  struct sampler d = make((struct sample_options){.temperature = 1, .seed = 7}, 4);
  for (int i = 0; i < 100; i++) {
    int32_t first = pick(&a, logits, 50);
    ck_assert_int_eq(first, pick(&b, logits, 50));
    same += first == pick(&c, logits, 50);
    rows += first == pick(&d, logits, 50);
  }
  ck_assert_int_lt(same, 20);
  ck_assert_int_lt(rows, 20);
  sampler_finish(&a);
  sampler_finish(&b);
  sampler_finish(&c);
  sampler_finish(&d);
}
END_TEST

START_TEST(test_options) {
  static const struct sample_options bad[] = {
      {.temperature = -1}, {.temperature = NAN}, {.temperature = INFINITY},
      {.top_k = -1},       {.top_p = 1.1},       {.top_p = -0.1},
      {.min_p = NAN},      {.min_p = 2}};
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    struct sampler sampler;
    struct tfm_error err = {0};
    ck_assert_int_eq(sampler_init(&sampler, &bad[i], 0, &err), -1);
    ck_assert_int_eq(err.code, TFM_ERROR_USAGE);
  }
  /* A tiny temperature is nearly greedy, and does not overflow. */
  static const float logits[] = {1, 2, -3e38f, 3e38f};
  struct sampler sampler = make((struct sample_options){.temperature = 1e-30}, 0);
  ck_assert_int_eq(pick(&sampler, logits, 4), 3);
  sampler_finish(&sampler);
}
END_TEST

START_TEST(test_softmax) {
  static const float logits[] = {1000, 1000, -INFINITY, 999};
  float p[4];
  struct tfm_error err = {0};
  ck_assert_int_eq(sample_softmax(logits, 4, p, &err), 0);
  double z = 2 + exp(-1);
  ck_assert(fabs(p[0] - 1 / z) < 1e-6 && p[1] == p[0] && p[2] == 0);
  ck_assert(fabs(p[3] - exp(-1) / z) < 1e-6);
  ck_assert_int_eq(sample_softmax((const float[]){NAN}, 1, p, &err), -1);
}
END_TEST

START_TEST(test_softmax_in_place) {
  float p[] = {3, 1, 2, 3, -INFINITY}, apart[5];
  struct tfm_error err = {0};
  ck_assert_int_eq(sample_softmax(p, 5, apart, &err), 0);
  ck_assert_int_eq(sample_softmax(p, 5, p, &err), 0);
  for (int i = 0; i < 5; i++)
    ck_assert(p[i] == apart[i] && p[i] <= 1);
}
END_TEST

static double field(const json_t *json, const char *name) {
  return json_number_value(json_object_get(json, name));
}

/* The distribution that is left, by id. */
static void filtered(const json_t *json, const float *logits, double *share, size_t count) {
  struct sampler sampler = make((struct sample_options){.temperature = field(json, "temperature"),
                                                        .top_k = (int32_t)field(json, "top_k"),
                                                        .top_p = field(json, "top_p"),
                                                        .min_p = field(json, "min_p")},
                                0);
  struct tfm_error err = {0};
  size_t kept;
  double sum = 0;
  ck_assert_int_eq(sampler_filter(&sampler, logits, count, &kept, &err), 0);
  for (size_t i = 0; i < kept; i++)
    sum += sampler.work[i].weight;
  memset(share, 0, count * sizeof *share);
  for (size_t i = 0; i < kept; i++)
    share[sampler.work[i].id] = sampler.work[i].weight / sum;
  sampler_finish(&sampler);
}

/* tests/parity/generation/expected.json: the reference's warpers on the same logits. */
START_TEST(test_reference) {
  char path[1024];
  const char *source = getenv("TFM_SRCDIR");
  json_t *root, *one;
  size_t at;
  snprintf(path, sizeof path, "%s/tests/parity/generation/expected.json", source ? source : ".");
  root = json_load_file(path, 0, NULL);
  ck_assert_msg(root != NULL, "no %s", path);
  ck_assert_uint_ge(json_array_size(json_object_get(root, "filters")), 81);
  json_array_foreach(json_object_get(root, "filters"), at, one) {
    const json_t *expected = json_object_get(one, "probabilities");
    float logits[20];
    double share[20];
    ck_assert_uint_eq(json_array_size(expected), 20);
    for (size_t i = 0; i < 20; i++)
      logits[i] = (float)json_number_value(json_array_get(json_object_get(one, "logits"), i));
    filtered(one, logits, share, 20);
    for (size_t i = 0; i < 20; i++) {
      double want = json_number_value(json_array_get(expected, i));
      ck_assert_msg(fabs(want - share[i]) < 1e-6 && (want > 0) == (share[i] > 0),
                    "case %zu token %zu: %g, the reference %g", at, i, share[i], want);
    }
  }
  json_decref(root);
}
END_TEST

/* Ids 0 1 1 are the prompt, 2 2 3 were made; 4 was not seen. */
START_TEST(test_penalty) {
  static const int32_t ids[] = {0, 1, 1, 2, 2, 3, 9};
  static const float logits[] = {2, -2, 4, 0, 1, -INFINITY};
  static const float expected[] = {1, -4, 2 - 0.5f - 2 * 0.25f, -0.5f - 0.25f, 1, -INFINITY};
  struct penalty penalty;
  struct tfm_error err = {0};
  const float *out;
  ck_assert_int_eq(penalty_init(&penalty, &(struct penalty_options){2, 0.5, 0.25, 0}, &err), 0);
  for (size_t count = 3; count <= 7; count++) /* a token a step, the last beyond the logits */
    ck_assert_int_eq(penalty_apply(&penalty, ids, count, 3, logits, 6, &out, &err), 0);
  ck_assert_mem_eq(out, expected, sizeof expected);
  penalty_finish(&penalty);
  ck_assert_int_eq(penalty_init(&penalty, &(struct penalty_options){1, 0, 0, 0}, &err), 0);
  ck_assert_int_eq(penalty_apply(&penalty, ids, 7, 3, logits, 6, &out, &err), 0);
  ck_assert_ptr_eq(out, logits); /* off: nothing is copied */
  penalty_finish(&penalty);
  /* no float is left: the ends of the range stay numbers */
  static const float high[] = {3e38f, -3e38f};
  ck_assert_int_eq(penalty_init(&penalty, &(struct penalty_options){1e-6, 0, 0, 0}, &err), 0);
  ck_assert_int_eq(penalty_apply(&penalty, ids, 1, 1, high, 2, &out, &err), 0);
  ck_assert(isfinite(out[0]));
  penalty_finish(&penalty);
  ck_assert_int_eq(penalty_init(&penalty, &(struct penalty_options){-1, 0, 0, 0}, &err), -1);
  error_clear(&err);
  ck_assert_int_eq(penalty_init(&penalty, &(struct penalty_options){1, NAN, 0, 0}, &err), -1);
  error_clear(&err);
  ck_assert_int_eq(penalty_init(&penalty, &(struct penalty_options){1, 0, INFINITY, 0}, &err), -1);
  ck_assert_int_eq(err.code, TFM_ERROR_USAGE);
}
END_TEST

UNIT_MAIN("sample", test_greedy, test_filters, test_boundaries, test_top_k, test_seed, test_options,
          test_softmax, test_softmax_in_place, test_reference, test_penalty)
