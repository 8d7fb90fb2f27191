/* Which tokens stay, in which order, and that draws follow the probabilities. */
#include "runtime/sample.h"
#include "tests/unit/unit.h"

#include <math.h>
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
  memset(frequency, 0, count * sizeof *frequency);
  for (int i = 0; i < DRAWS; i++)
    frequency[pick(&sampler, logits, count)] += 1.0 / DRAWS;
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

UNIT_MAIN("sample", test_greedy, test_filters, test_top_k, test_seed, test_options, test_softmax,
          test_softmax_in_place)
