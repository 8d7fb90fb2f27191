/* Scores of given tokens on foretold logits. */
#include "tests/unit/foretold.h"

static struct foretold make(const char *task) {
  return (struct foretold){
      .task = task, .columns = WORDS, .flags = FORETOLD_ALL_LOGITS | FORETOLD_NO_TOKENIZER};
}

static const int32_t ids[] = {A, B, C}, one[] = {D};

static tfm_score_input input_of(const uint32_t *place, const int32_t *target, size_t count) {
  return (tfm_score_input){.struct_size = sizeof(tfm_score_input),
                           .ids = ids,
                           .id_count = 3,
                           .place = place,
                           .target = target,
                           .target_count = count};
}

static void refuses(struct foretold *f, const tfm_score_input *input, size_t count, int code,
                    const char *words) {
  tfm_score score[8];
  ck_assert_int_eq(tfm_model_score(f->model, input, count, score, f->error), -1);
  const char *message = tfm_error_message(f->error);
  ck_assert_msg(tfm_error_code(f->error) == code && strstr(message, words), "%d: %s",
                tfm_error_code(f->error), message);
}

/* Of two inputs, each its own places and targets, in order. */
static void check_task(const char *task) {
  struct foretold f = make(task);
  static const uint32_t place[] = {0, 2, 2}, first[] = {0};
  static const int32_t target[] = {E, F, G}, other[] = {Z};
  tfm_score score[4];
  f.table[A][E] = 3;
  f.table[C][F] = 1;
  f.table[C][A] = f.table[C][G] = 2;
  f.table[D][Z] = -50;
  foretold_open(&f);
  tfm_score_input input[] = {input_of(place, target, 3), input_of(first, other, 1)};
  input[1].ids = one;
  input[1].id_count = 1;
  ck_assert_int_eq(tfm_model_score(f.model, input, 2, score, f.error), 0);
  double c = log(2 * exp(2) + exp(1) + WORDS - 3);
  ck_near(score[0].log_probability, 3 - log(exp(3) + WORDS - 1));
  ck_near(score[1].log_probability, 1 - c);
  ck_near(score[2].log_probability, 2 - c);
  ck_near(score[3].log_probability, -50 - log(WORDS - 1));
  static const int64_t rank[] = {0, 2, 1, WORDS - 1}; /* of equals the lower id comes first */
  for (size_t i = 0; i < 4; i++)
    ck_assert_int_eq(score[i].rank, rank[i]);
  foretold_close(&f);
}

START_TEST(test_scores) {
  check_task("generate");
  check_task("fill_mask");
}
END_TEST

START_TEST(test_not_finite) {
  struct foretold f = make("fill_mask");
  static const uint32_t place[] = {0, 1, 2};
  static const int32_t target[] = {E, E, E}, other[] = {F};
  f.table[B][Z] = NAN;
  f.table[C][E] = -INFINITY;
  f.table[D][Z] = INFINITY;
  foretold_open(&f);
  tfm_score_input input[] = {input_of(place, target, 1), input_of(place, target, 2)};
  refuses(&f, input, 2, TFM_CODE_RUN, "target 2 of input 2 no probability");
  input[0] = input_of(place + 2, target, 1);
  refuses(&f, input, 1, TFM_CODE_RUN, "target 1 of the input no probability");
  input[0] = input_of(place, other, 1);
  input[0].ids = one;
  input[0].id_count = 1;
  refuses(&f, input, 1, TFM_CODE_RUN, "target 1 of the input no probability");
  foretold_close(&f);
}
END_TEST

START_TEST(test_targets) {
  struct foretold f = make("fill_mask");
  static const uint32_t place[] = {0, 3};
  static const int32_t target[] = {E, E}, beyond[] = {WORDS}, below[] = {-1};
  foretold_open(&f);
  tfm_score_input input = input_of(place, target, 2);
  refuses(&f, &input, 1, TFM_CODE_USAGE, "place 3 of input 1 is beyond its 3 ids");
  input = input_of(place, beyond, 1);
  refuses(&f, &input, 1, TFM_CODE_USAGE, "target 34 of input 1 is not in the vocabulary (0 to 33)");
  input = input_of(place, below, 1);
  refuses(&f, &input, 1, TFM_CODE_USAGE, "target -1 of input 1 is not in the vocabulary");
  ck_assert_int_eq(tfm_model_score(f.model, NULL, 0, NULL, f.error), 0);
  foretold_close(&f);
}
END_TEST

START_TEST(test_tasks) {
  struct foretold f = make("generate");
  static const uint32_t place[] = {0};
  static const int32_t target[] = {E};
  tfm_score_input input = input_of(place, target, 1);
  f.flags = FORETOLD_NO_TOKENIZER;
  foretold_open(&f);
  refuses(&f, &input, 1, TFM_CODE_USAGE, "TFM_OPEN_ALL_LOGITS");
  foretold_close(&f);
  f = make("embed");
  foretold_open(&f);
  refuses(&f, &input, 1, TFM_CODE_USAGE, "the task embed gives tokens no probability");
  foretold_close(&f);
}
END_TEST

UNIT_MAIN("task_score", test_scores, test_not_finite, test_targets, test_tasks)
