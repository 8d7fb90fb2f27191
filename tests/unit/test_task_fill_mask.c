/* Masks on foretold logits: which words, in which order, filled in where. */
#include "tests/unit/foretold.h"

static struct foretold make(void) {
  return (struct foretold){.task = "fill_mask", .columns = WORDS};
}

static void check_choice(const tfm_place *place, size_t number, int id, const char *text,
                         double score) {
  ck_assert_uint_lt(number, place->choice_count);
  ck_assert_int_eq(place->choice[number].id, id);
  ck_assert_str_eq(place->choice[number].text, text);
  ck_near(place->choice[number].score, score);
}

START_TEST(test_one_mask) {
  struct foretold f = make();
  f.table[MASK][C] = 5;
  f.table[MASK][B] = 4;
  f.table[MASK][PIECE_X] = 4;
  foretold_open(&f);
  const tfm_answer *answer = foretold_ask(&f, "a [MASK] d", NULL);
  ck_assert_str_eq(answer->text, "a c d");
  ck_assert_uint_eq(answer->text_length, 5);
  ck_assert_ptr_null(answer->pair);
  ck_assert_uint_eq(answer->place_count, 1);
  ck_assert_uint_eq(answer->place[0].choice_count, 5);
  double sum = exp(5) + 2 * exp(4) + WORDS - 3;
  check_choice(answer->place, 0, C, "c", exp(5) / sum);
  check_choice(answer->place, 1, B, "b", exp(4) / sum); /* of equals the lower id */
  check_choice(answer->place, 2, PIECE_X, "x", exp(4) / sum);
  check_choice(answer->place, 3, UNK, "[UNK]", 1 / sum);
  check_choice(answer->place, 4, CLS, "[CLS]", 1 / sum);
  foretold_close(&f);
}
END_TEST

/* What is likeliest at other places is not asked. */
START_TEST(test_only_the_mask) {
  struct foretold f = make();
  for (int w = 0; w < WORDS; w++)
    f.table[w][D] = 9;
  f.table[MASK][D] = 0;
  f.table[MASK][E] = 1;
  foretold_open(&f);
  ck_assert_str_eq(foretold_ask(&f, "[MASK]", NULL)->text, "e");
  ck_assert_str_eq(foretold_ask(&f, "a b[MASK]  c", NULL)->text, "a be  c");
  foretold_close(&f);
}
END_TEST

START_TEST(test_several_masks) {
  struct foretold f = make();
  f.table[MASK][E] = 1;
  foretold_open(&f);
  const tfm_answer *answer = foretold_ask(&f, "[MASK] a  [MASK][MASK] b", NULL);
  ck_assert_str_eq(answer->text, "e a  ee b");
  ck_assert_uint_eq(answer->place_count, 3);
  static const size_t end[] = {6, 16, 22};
  for (size_t p = 0; p < 3; p++) {
    ck_assert_uint_eq(answer->place[p].end, end[p]);
    ck_assert_uint_eq(answer->place[p].sequence, 0);
    check_choice(&answer->place[p], 0, E, "e", exp(1) / (exp(1) + WORDS - 1));
  }
  foretold_close(&f);
}
END_TEST

/* The pair's masks are places of the pair: the text stays as it is. */
START_TEST(test_mask_in_the_pair) {
  struct foretold f = make();
  f.table[MASK][E] = 1;
  foretold_open(&f);
  const tfm_answer *answer = foretold_ask(&f, "a b c d e f g h", "a [MASK] c");
  ck_assert_str_eq(answer->text, "a b c d e f g h");
  ck_assert_str_eq(answer->pair, "a e c");
  ck_assert_uint_eq(answer->pair_length, 5);
  ck_assert_uint_eq(answer->place_count, 1);
  ck_assert_uint_eq(answer->place->sequence, 1);
  ck_assert_uint_eq(answer->place->end, 8);
  answer = foretold_ask(&f, "a [MASK]", "b c [MASK] [MASK]");
  ck_assert_str_eq(answer->text, "a e");
  ck_assert_str_eq(answer->pair, "b c e e");
  ck_assert_uint_eq(answer->place_count, 3);
  answer = foretold_ask(&f, "a [MASK]", "b");
  ck_assert_str_eq(answer->text, "a e");
  ck_assert_str_eq(answer->pair, "b");
  foretold_close(&f);
}
END_TEST

static int by_score(const void *a, const void *b) {
  const tfm_choice *x = a, *y = b;
  return x->score != y->score ? (x->score < y->score ? 1 : -1) : x->id - y->id;
}

/* The best n of all, for each n, as sorting finds them; scores sum up to 1. */
START_TEST(test_top) {
  struct foretold f = make();
  uint32_t state = 7;
  for (int w = 0; w < WORDS; w++) {
    state = state * 1664525U + 1013904223U;
    f.table[MASK][w] = (float)(state >> 29); /* many are equal */
  }
  foretold_open(&f);
  tfm_choice sorted[WORDS];
  for (int w = 0; w < WORDS; w++)
    sorted[w] = (tfm_choice){.id = w, .score = (double)f.table[MASK][w]};
  qsort(sorted, WORDS, sizeof *sorted, by_score);
  tfm_input input = foretold_text("[MASK]", NULL);
  for (uint32_t top = 1; top < WORDS + 3; top++) {
    tfm_run_options options = {.struct_size = sizeof options, .top = top};
    ck_assert_int_eq(foretold_batch(&f, &input, 1, &options), 0);
    const tfm_place *place = tfm_result_answer(f.result, 0)->place;
    ck_assert_uint_eq(place->choice_count, top < WORDS ? top : WORDS);
    double sum = 0;
    for (size_t i = 0; i < place->choice_count; i++) {
      ck_assert_int_eq(place->choice[i].id, sorted[i].id);
      sum += place->choice[i].score;
    }
    ck_assert(sum <= 1 + 1e-6 && (top < WORDS || sum > 1 - 1e-6));
  }
  foretold_close(&f);
}
END_TEST

START_TEST(test_batch) {
  struct foretold f = make();
  f.table[MASK][E] = 1;
  foretold_open(&f);
  const tfm_input input[] = {foretold_text("[MASK]", NULL), foretold_text("a b c [MASK]", NULL),
                             foretold_text("a [MASK]", NULL)};
  ck_assert_int_eq(foretold_batch(&f, input, 3, NULL), 0);
  ck_assert_str_eq(tfm_result_answer(f.result, 0)->text, "e");
  ck_assert_str_eq(tfm_result_answer(f.result, 1)->text, "a b c e");
  ck_assert_str_eq(tfm_result_answer(f.result, 2)->text, "a e");
  foretold_close(&f);
}
END_TEST

START_TEST(test_ids) {
  struct foretold f = make();
  static const int32_t ids[] = {CLS, A, MASK, SEP};
  f.table[MASK][E] = 1;
  foretold_open(&f);
  tfm_input input = {.struct_size = sizeof input, .ids = ids, .id_count = 4};
  ck_assert_int_eq(foretold_batch(&f, &input, 1, NULL), 0);
  const tfm_answer *answer = tfm_result_answer(f.result, 0);
  ck_assert_str_eq(answer->text, "");
  ck_assert_uint_eq(answer->place_count, 1);
  check_choice(answer->place, 0, E, "e", exp(1) / (exp(1) + WORDS - 1));
  ck_assert_uint_eq(answer->place->end, 0);
  foretold_close(&f);
}
END_TEST

START_TEST(test_not_finite) {
  struct foretold f = make();
  f.table[A][E] = NAN; /* no mask, no matter */
  f.table[MASK][E] = INFINITY;
  foretold_open(&f);
  foretold_refuses(&f, foretold_text("a [MASK]", NULL), TFM_CODE_RUN,
                   "fill_mask: `logits` of the input is not finite: it holds inf");
  foretold_close(&f);
  f = make();
  f.table[MASK][Z] = NAN;
  foretold_open(&f);
  foretold_refuses(&f, foretold_text("a [MASK]", NULL), TFM_CODE_RUN, "it holds nan");
  foretold_close(&f);
}
END_TEST

START_TEST(test_nothing_to_fill) {
  struct foretold f = make();
  foretold_open(&f);
  foretold_refuses(&f, foretold_text("a b", NULL), TFM_CODE_USAGE, "the input has no mask");
  foretold_refuses(&f, foretold_text("", NULL), TFM_CODE_USAGE, "the input has no mask");
  foretold_refuses(&f, foretold_text("a", ""), TFM_CODE_USAGE, "the input has no mask");
  foretold_close(&f);
  f = make();
  f.flags = FORETOLD_BARE;
  foretold_open(&f);
  foretold_refuses(&f, foretold_text("", NULL), TFM_CODE_USAGE, "the input is empty");
  foretold_refuses(&f, foretold_text(" ", ""), TFM_CODE_USAGE, "the input is empty");
  ck_assert_uint_eq(foretold_ask(&f, "", "[MASK]")->place_count, 1);
  foretold_close(&f);
}
END_TEST

/* Without a tokenizer no id is known to be the mask: only a bare pass can be run. */
START_TEST(test_no_tokenizer) {
  struct foretold f = make();
  static const int32_t ids[] = {CLS, MASK};
  f.flags = FORETOLD_NO_TOKENIZER;
  foretold_open(&f);
  tfm_input input = {.struct_size = sizeof input, .ids = ids, .id_count = 2};
  foretold_refuses(&f, input, TFM_CODE_TOKENIZER, "no tokenizer");
  foretold_refuses(&f, foretold_text("[MASK]", NULL), TFM_CODE_TOKENIZER, "no tokenizer");
  tfm_run_options options = {.struct_size = sizeof options, .flags = TFM_RUN_PASS_ONLY};
  ck_assert_int_eq(foretold_batch(&f, &input, 1, &options), 0);
  ck_assert_uint_eq(tfm_result_answer(f.result, 0)->place_count, 0);
  ck_assert_uint_eq(tfm_result_answer(f.result, 0)->id_count, 2);
  foretold_close(&f);
}
END_TEST

UNIT_MAIN("task_fill_mask", test_one_mask, test_only_the_mask, test_several_masks,
          test_mask_in_the_pair, test_top, test_batch, test_ids, test_not_finite,
          test_nothing_to_fill, test_no_tokenizer)
