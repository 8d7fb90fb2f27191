/* Question answering on foretold logits: which span, which text, which score. */
#include "tests/unit/foretold.h"

static struct foretold make(void) {
  struct foretold f = {.task = "qa", .columns = 2};
  for (int w = 0; w < WORDS; w++)
    f.table[w][0] = f.table[w][1] = -20;
  return f;
}

/* start and end of one token */
static void say(struct foretold *f, int word, float start, float end) {
  f->table[word][0] = start;
  f->table[word][1] = end;
}

static void check(struct foretold *f, const char *context, const char *text, size_t begin,
                  double score) {
  const tfm_answer *answer = foretold_ask(f, "q", context);
  ck_assert_str_eq(answer->text, text);
  ck_assert_uint_eq(answer->text_length, strlen(text));
  ck_assert_uint_eq(answer->place_count, 1);
  const tfm_place *place = answer->place;
  ck_assert_uint_eq(place->begin, begin);
  ck_assert_uint_eq(place->end, begin + strlen(text));
  ck_assert_uint_eq(place->sequence, 1);
  ck_assert_uint_eq(place->choice_count, 1);
  ck_assert_str_eq(place->choice->text, text);
  ck_assert_int_eq(place->choice->id, -1);
  ck_near(place->choice->score, score);
}

START_TEST(test_one_token) {
  struct foretold f = make();
  say(&f, C, 9, 9);
  foretold_open(&f);
  double share = 1 / (1 + 3 * exp(-29)); /* [CLS], a and b */
  check(&f, "a b c", "c", 4, share * share);
  foretold_close(&f);
}
END_TEST

START_TEST(test_several_tokens) {
  struct foretold f = make();
  say(&f, B, 3, -20);
  say(&f, D, -20, 2);
  say(&f, E, -20, 1);
  foretold_open(&f);
  check(&f, "a b  c d e", "b  c d", 2, 1 / (1 + exp(-1)));
  foretold_close(&f);
}
END_TEST

START_TEST(test_never_backwards) {
  struct foretold f = make();
  say(&f, D, 5, -20);
  say(&f, A, -20, 5);
  say(&f, B, 2, 1);
  foretold_open(&f); /* d ... a would be best */
  double start = exp(2) / (exp(2) + exp(5)), end = exp(1) / (exp(1) + exp(5));
  check(&f, "a b d", "b", 2, start * end);
  foretold_close(&f);
}
END_TEST

START_TEST(test_only_the_context) {
  struct foretold f = make();
  say(&f, 'q' - 'a' + A, 50, 50);
  say(&f, SEP, 50, 50);
  say(&f, B, 1, 1);
  foretold_open(&f);
  check(&f, "a b", "b", 2, 1);
  foretold_close(&f);
}
END_TEST

/* [CLS] has its share of the probability and is no answer. */
START_TEST(test_no_answer_has_a_share) {
  struct foretold f = make();
  say(&f, CLS, 4, 3);
  say(&f, B, 2, 2);
  foretold_open(&f);
  check(&f, "a b", "b", 2, 1 / (1 + exp(2)) / (1 + exp(1)));
  foretold_close(&f);
}
END_TEST

START_TEST(test_longest_span) {
  struct foretold f = make();
  say(&f, A, 5, -20);
  say(&f, 'o' - 'a' + A, -20, 3); /* the 15th */
  say(&f, 'p' - 'a' + A, -20, 4); /* the 16th */
  foretold_open(&f);
  check(&f, "a b c d e f g h i j k l m n o p q", "a b c d e f g h i j k l m n o", 0,
        1 / (1 + exp(1)));
  foretold_close(&f);
}
END_TEST

/* Pieces: a span is widened to whole words, at either end. */
START_TEST(test_whole_words) {
  struct foretold f = make();
  say(&f, PIECE_X, 6, -20);
  say(&f, C, -20, 6);
  foretold_open(&f);
  check(&f, "a bxy cy d", "bxy cy", 2, 1);
  foretold_close(&f);
}
END_TEST

/* The same words at two places, and in other case, are one answer. */
START_TEST(test_same_text) {
  struct foretold f = make();
  say(&f, B, 2, 2);
  say(&f, BIG_B, 2, 2);
  say(&f, C, 2.25F, 2.25F);
  foretold_open(&f);
  double b = exp(2), c = exp(2.25), all = (2 * b + c) * (2 * b + c);
  check(&f, "b a c a B", "b", 0, 2 * b * b / all);
  check(&f, "B a c a b", "B", 0, 2 * b * b / all);
  foretold_close(&f);
}
END_TEST

START_TEST(test_ties) {
  struct foretold f = make();
  say(&f, B, 1, 1);
  say(&f, C, 1, 1);
  foretold_open(&f);
  check(&f, "a b c", "b", 2, 0.25);
  check(&f, "a c b", "c", 2, 0.25);
  foretold_close(&f);
}
END_TEST

/* More spans than are kept: the best one comes last. */
START_TEST(test_best_comes_last) {
  struct foretold f = make();
  for (int w = A; w <= Z; w++)
    say(&f, w, (float)(w - A) * 0.5F, (float)(w - A) * 0.5F);
  foretold_open(&f);
  double sum = exp(-20);
  for (int w = 0; w < 14; w++)
    sum += exp(w * 0.5);
  check(&f, "a b c d e f g h i j k l m n", "n", 26, exp(13) / (sum * sum));
  foretold_close(&f);
}
END_TEST

/* The likeliest first, each with its place; that there is none is one of them. */
START_TEST(test_several_answers) {
  struct foretold f = make();
  say(&f, A, 1, 1);
  say(&f, B, 3, 3);
  say(&f, C, 2, 2);
  say(&f, CLS, 1.4F, 1.4F);
  foretold_open(&f);
  const tfm_input input = foretold_text("q", "c a b");
  tfm_run_options options = {.struct_size = sizeof options, .top = 4, .flags = TFM_RUN_NULL_ANSWER};
  ck_assert_int_eq(foretold_batch(&f, &input, 1, &options), 0);
  const tfm_answer *answer = tfm_result_answer(f.result, 0);
  static const struct {
    const char *text;
    size_t begin;
    double start, end;
  } wanted[] = {{"b", 4, 3, 3}, {"c a b", 0, 2, 3}, {"c", 0, 2, 2}, {"a b", 2, 1, 3}};
  double all = exp(1) + exp(3) + exp(2) + exp(1.4);
  ck_assert_uint_eq(answer->place_count, 4);
  ck_assert_str_eq(answer->text, "b");
  for (size_t i = 0; i < 4; i++) {
    const tfm_place *place = &answer->place[i];
    ck_assert_str_eq(place->choice->text, wanted[i].text);
    ck_assert_uint_eq(place->begin, wanted[i].begin);
    ck_assert_uint_eq(place->end, wanted[i].begin + strlen(wanted[i].text));
    ck_near(place->choice->score, exp(wanted[i].start + wanted[i].end) / all / all);
  }
  options.top = 100; /* all six spans, and none */
  ck_assert_int_eq(foretold_batch(&f, &input, 1, &options), 0);
  answer = tfm_result_answer(f.result, 0);
  ck_assert_uint_eq(answer->place_count, 7);
  ck_assert_str_eq(answer->place[4].choice->text, "c a");
  ck_assert_str_eq(answer->place[5].choice->text, "");
  ck_assert_uint_eq(answer->place[5].end, 0);
  ck_assert_str_eq(answer->place[6].choice->text, "a");
  foretold_close(&f);
}
END_TEST

/* padding_side left: the context goes before the question, and is still where answers lie. */
START_TEST(test_context_first) {
  struct foretold f = make();
  f.tokenizer = "{\"padding_side\": \"left\"}";
  say(&f, B, 4, 4);
  say(&f, 'q' - 'a' + A, 9, 9);
  foretold_open(&f);
  double share = 1 / (1 + 2 * exp(-24)); /* [CLS] and a */
  check(&f, "a b", "b", 2, share * share);
  static const int32_t ids[] = {CLS, A, B, SEP, 'q' - 'a' + A, 'q' - 'a' + A, SEP};
  const tfm_answer *answer = foretold_ask(&f, "q q", "a b");
  ck_assert_uint_eq(answer->id_count, 7);
  ck_assert_int_eq(memcmp(answer->ids, ids, sizeof ids), 0);
  foretold_close(&f);
}
END_TEST

/* Every row has its own context, whatever the others' lengths. */
START_TEST(test_batch) {
  struct foretold f = make();
  say(&f, B, 3, 3);
  say(&f, C, 4, 4);
  foretold_open(&f);
  const tfm_input input[] = {foretold_text("q", "a b"), foretold_text("q a a", "b a c a a a"),
                             foretold_text("q", "a c")};
  ck_assert_int_eq(foretold_batch(&f, input, 3, NULL), 0);
  ck_assert_str_eq(tfm_result_answer(f.result, 0)->text, "b");
  ck_assert_str_eq(tfm_result_answer(f.result, 1)->text, "c");
  ck_assert_str_eq(tfm_result_answer(f.result, 2)->text, "c");
  foretold_close(&f);
}
END_TEST

START_TEST(test_not_finite) {
  struct foretold f = make();
  say(&f, 'q' - 'a' + A, NAN, NAN); /* in the question: no answer is made of it */
  say(&f, B, NAN, 0);
  say(&f, C, 0, -INFINITY);
  foretold_open(&f);
  foretold_ask(&f, "q", "a");
  foretold_refuses(&f, foretold_text("a", "b"), TFM_CODE_RUN, "qa: `start` of the input is not");
  foretold_refuses(&f, foretold_text("a", "a c"), TFM_CODE_RUN, "qa: `end` of the input is not");
  const tfm_input input[] = {foretold_text("q", "a"), foretold_text("q", "b")};
  ck_assert_int_eq(foretold_batch(&f, input, 2, NULL), TFM_CODE_RUN);
  ck_assert_ptr_nonnull(strstr(tfm_error_message(f.error), "of input 2"));
  foretold_close(&f);
}
END_TEST

START_TEST(test_no_context) {
  struct foretold f = make();
  static const int32_t ids[] = {CLS, A, SEP, B, SEP};
  foretold_open(&f);
  const char *words = "no context to be answered from";
  foretold_refuses(&f, foretold_text("q", NULL), TFM_CODE_USAGE, words);
  foretold_refuses(&f, foretold_text("q", ""), TFM_CODE_USAGE, words);
  foretold_refuses(&f, foretold_text("q", " "), TFM_CODE_USAGE, words);
  foretold_refuses(&f, foretold_text("", NULL), TFM_CODE_USAGE, words);
  foretold_refuses(&f, (tfm_input){.struct_size = sizeof(tfm_input), .ids = ids, .id_count = 5},
                   TFM_CODE_USAGE, words);
  foretold_refuses(&f,
                   (tfm_input){.struct_size = sizeof(tfm_input),
                               .ids = ids,
                               .id_count = 5,
                               .pair = "b",
                               .pair_length = 1},
                   TFM_CODE_USAGE, "has a pair, but no text");
  foretold_close(&f);
}
END_TEST

UNIT_MAIN("task_qa", test_context_first, test_several_answers, test_one_token, test_several_tokens,
          test_never_backwards, test_only_the_context, test_no_answer_has_a_share,
          test_longest_span, test_whole_words, test_same_text, test_ties, test_best_comes_last,
          test_batch, test_not_finite, test_no_context)
