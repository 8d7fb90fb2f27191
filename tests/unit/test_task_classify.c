/* Labels of texts and of words, and vectors, on foretold logits. */
#include "tests/unit/foretold.h"

enum { LABELS = 3 };

static struct foretold make(const char *task) {
  return (struct foretold){.task = task,
                           .columns = LABELS,
                           .config =
                               ", \"id2label\": {\"0\": \"no\", \"1\": \"so\", \"2\": \"yes\"}",
                           .attributes = "labels: config.id2label"};
}

static void say(struct foretold *f, int word, float no, float so, float yes) {
  f->table[word][0] = no;
  f->table[word][1] = so;
  f->table[word][2] = yes;
}

static void check_choice(const tfm_place *place, size_t number, const char *text, double score) {
  ck_assert_uint_lt(number, place->choice_count);
  ck_assert_str_eq(place->choice[number].text, text);
  ck_near(place->choice[number].score, score);
}

START_TEST(test_classify) {
  struct foretold f = make("classify");
  say(&f, A, 1, 3, 2);
  say(&f, B, 2, 2, 2);
  foretold_open(&f); /* the token after [CLS] decides */
  const tfm_answer *answer = foretold_ask(&f, "a b b", NULL);
  double sum = exp(1) + exp(2) + exp(3);
  ck_assert_str_eq(answer->text, "so");
  ck_assert_uint_eq(answer->text_length, 2);
  ck_assert_uint_eq(answer->place_count, 1);
  ck_assert_uint_eq(answer->place->end, 5);
  ck_assert_uint_eq(answer->place->choice_count, LABELS);
  check_choice(answer->place, 0, "so", exp(3) / sum);
  check_choice(answer->place, 1, "yes", exp(2) / sum);
  check_choice(answer->place, 2, "no", exp(1) / sum);
  ck_assert_int_eq(answer->place->choice[0].id, 1);
  check_choice(foretold_ask(&f, "b", NULL)->place, 0, "no", 1.0 / 3);
  foretold_close(&f);
}
END_TEST

START_TEST(test_classify_batch) {
  struct foretold f = make("classify");
  say(&f, A, 9, 0, 0);
  say(&f, B, 0, 9, 0);
  say(&f, C, 0, 0, 9);
  foretold_open(&f);
  const tfm_input input[] = {foretold_text("c", NULL), foretold_text("a b b b", NULL),
                             foretold_text("b", "c c")};
  ck_assert_int_eq(foretold_batch(&f, input, 3, NULL), 0);
  ck_assert_str_eq(tfm_result_answer(f.result, 0)->text, "yes");
  ck_assert_str_eq(tfm_result_answer(f.result, 1)->text, "no");
  ck_assert_str_eq(tfm_result_answer(f.result, 2)->text, "so");
  foretold_close(&f);
}
END_TEST

/* Labels as a list, as an object in any order, none. */
START_TEST(test_labels) {
  static const char *const config[] = {", \"id2label\": [\"x\", \"y\", \"z\"]",
                                       ", \"id2label\": {\"2\": \"z\", \"0\": \"x\", \"1\": \"y\"}",
                                       NULL};
  static const char *const best[] = {"z", "z", "LABEL_2"};
  static const char *const last[] = {"x", "x", "LABEL_0"};
  for (size_t i = 0; i < 3; i++) {
    struct foretold f = make("classify");
    f.config = config[i];
    f.attributes = config[i] ? f.attributes : NULL;
    say(&f, A, 0, 1, 2);
    foretold_open(&f);
    const tfm_answer *answer = foretold_ask(&f, "a", NULL);
    ck_assert_str_eq(answer->text, best[i]);
    ck_assert_str_eq(answer->place->choice[2].text, last[i]);
    foretold_close(&f);
  }
}
END_TEST

/* A name for some of them alone is no name for any. */
START_TEST(test_too_few_labels) {
  static const char *const config[] = {", \"id2label\": [\"x\", \"y\"]",
                                       ", \"id2label\": {\"0\": \"x\", \"1\": \"y\"}"};
  for (size_t i = 0; i < 2; i++) {
    struct foretold f = make("classify");
    f.config = config[i];
    foretold_try(&f);
    ck_assert_ptr_null(f.model);
    ck_assert_ptr_nonnull(strstr(tfm_error_message(f.error), "2 labels have names"));
    foretold_close(&f);
  }
}
END_TEST

static void check_word(const tfm_answer *answer, size_t number, const char *word, size_t begin,
                       uint32_t sequence, const char *label, double score) {
  ck_assert_uint_lt(number, answer->place_count);
  const tfm_place *place = &answer->place[number];
  ck_assert_str_eq(place->text, word);
  ck_assert_uint_eq(place->begin, begin);
  ck_assert_uint_eq(place->end, begin + strlen(word));
  ck_assert_uint_eq(place->sequence, sequence);
  check_choice(place, 0, label, score);
}

/* A word's first piece decides; the pair's words are places of the pair. */
START_TEST(test_words) {
  struct foretold f = make("classify_tokens");
  say(&f, A, 5, 0, 0);
  say(&f, B, 0, 0, 3);
  say(&f, PIECE_X, 0, 9, 0);
  say(&f, CLS, NAN, 0, 0); /* not asked */
  say(&f, SEP, NAN, 0, 0);
  foretold_open(&f);
  double a = 1 / (1 + 2 * exp(-5)), b = 1 / (1 + 2 * exp(-3));
  const tfm_answer *answer = foretold_ask(&f, " a  bxx c", "bx a");
  ck_assert_uint_eq(answer->place_count, 5);
  check_word(answer, 0, "a", 1, 0, "no", a);
  check_word(answer, 1, "bxx", 4, 0, "yes", b);
  check_word(answer, 2, "c", 8, 0, "no", 1.0 / 3);
  check_word(answer, 3, "bx", 0, 1, "yes", b);
  check_word(answer, 4, "a", 3, 1, "no", a);
  ck_assert_uint_eq(foretold_ask(&f, "", NULL)->place_count, 0);
  foretold_close(&f);
}
END_TEST

/* B- begins a group, I- goes on with one of its tag, O is none; a group's score is the mean. */
START_TEST(test_groups) {
  struct foretold f = make("classify_tokens");
  f.config = ", \"id2label\": {\"0\": \"O\", \"1\": \"B-X\", \"2\": \"I-X\"}";
  say(&f, A, 0, 5, 0);
  say(&f, B, 0, 0, 3);
  say(&f, C, 4, 0, 0);
  foretold_open(&f);
  const tfm_input input[] = {foretold_text("a b c b a a", NULL)};
  const tfm_run_options options = {.struct_size = sizeof options, .group = TFM_GROUP_SIMPLE};
  ck_assert_int_eq(foretold_batch(&f, input, 1, &options), 0);
  const tfm_answer *answer = tfm_result_answer(f.result, 0);
  double a = 1 / (1 + 2 * exp(-5)), b = 1 / (1 + 2 * exp(-3));
  ck_assert_uint_eq(answer->place_count, 4);
  check_word(answer, 0, "a b", 0, 0, "X", (a + b) / 2);
  check_word(answer, 1, "b", 6, 0, "X", b);
  check_word(answer, 2, "a", 8, 0, "X", a);
  check_word(answer, 3, "a", 10, 0, "X", a);
  foretold_close(&f);
}
END_TEST

/* Nothing between the texts: the pair's first word is another one. */
START_TEST(test_words_side_by_side) {
  struct foretold f = make("classify_tokens");
  f.flags = FORETOLD_BARE;
  say(&f, A, 5, 0, 0);
  say(&f, B, 0, 0, 5);
  foretold_open(&f);
  const tfm_answer *answer = foretold_ask(&f, "a", "b");
  ck_assert_uint_eq(answer->place_count, 2);
  check_word(answer, 0, "a", 0, 0, "no", 1 / (1 + 2 * exp(-5)));
  check_word(answer, 1, "b", 0, 1, "yes", 1 / (1 + 2 * exp(-5)));
  foretold_close(&f);
}
END_TEST

START_TEST(test_words_batch) {
  struct foretold f = make("classify_tokens");
  say(&f, A, 5, 0, 0);
  say(&f, B, 0, 0, 5);
  foretold_open(&f);
  const tfm_input input[] = {foretold_text("b", NULL), foretold_text("", NULL),
                             foretold_text("a b a b", NULL)};
  double score = 1 / (1 + 2 * exp(-5));
  ck_assert_int_eq(foretold_batch(&f, input, 3, NULL), 0);
  check_word(tfm_result_answer(f.result, 0), 0, "b", 0, 0, "yes", score);
  ck_assert_uint_eq(tfm_result_answer(f.result, 0)->place_count, 1);
  ck_assert_uint_eq(tfm_result_answer(f.result, 1)->place_count, 0);
  ck_assert_uint_eq(tfm_result_answer(f.result, 2)->place_count, 4);
  check_word(tfm_result_answer(f.result, 2), 2, "a", 4, 0, "no", score);
  foretold_close(&f);
}
END_TEST

/* Ids have no words: every one is a place. */
START_TEST(test_words_of_ids) {
  struct foretold f = make("classify_tokens");
  static const int32_t ids[] = {B, PIECE_X, A};
  f.flags = FORETOLD_NO_TOKENIZER;
  say(&f, A, 5, 0, 0);
  say(&f, B, 0, 0, 5);
  say(&f, PIECE_X, 0, 5, 0);
  foretold_open(&f);
  tfm_input input = {.struct_size = sizeof input, .ids = ids, .id_count = 3};
  ck_assert_int_eq(foretold_batch(&f, &input, 1, NULL), 0);
  const tfm_answer *answer = tfm_result_answer(f.result, 0);
  static const char *const label[] = {"yes", "so", "no"};
  ck_assert_uint_eq(answer->place_count, 3);
  for (size_t p = 0; p < 3; p++)
    ck_assert_str_eq(answer->place[p].choice->text, label[p]);
  foretold_refuses(&f, foretold_text("a", NULL), TFM_CODE_TOKENIZER, "no tokenizer");
  foretold_close(&f);
}
END_TEST

/* A tokenizer that adds nothing: no token, no answer, whatever its bos is. */
START_TEST(test_empty) {
  static const char *const task[] = {"classify", "classify_tokens", "embed"};
  for (size_t i = 0; i < 3; i++) {
    struct foretold f = make(task[i]);
    f.flags = FORETOLD_BARE;
    f.attributes = strcmp(task[i], "embed") == 0 ? NULL : f.attributes;
    foretold_open(&f);
    foretold_refuses(&f, foretold_text("", NULL), TFM_CODE_USAGE, "the input is empty");
    foretold_refuses(&f, foretold_text(" ", ""), TFM_CODE_USAGE, "the input is empty");
    foretold_ask(&f, "a b", NULL);
    const tfm_input input[] = {foretold_text("a", NULL), foretold_text("", NULL)};
    ck_assert_int_eq(foretold_batch(&f, input, 2, NULL), TFM_CODE_USAGE);
    ck_assert_ptr_nonnull(strstr(tfm_error_message(f.error), "input 2 is empty"));
    foretold_close(&f);
  }
}
END_TEST

START_TEST(test_embed) {
  struct foretold f = {.task = "embed", .columns = LABELS};
  say(&f, A, 0.25F, -1.5F, 3);
  say(&f, B, 1, 2, 4);
  foretold_open(&f);
  const tfm_input input[] = {foretold_text("b", NULL), foretold_text("a b b", NULL)};
  ck_assert_int_eq(foretold_batch(&f, input, 2, NULL), 0);
  for (size_t r = 0; r < 2; r++) {
    const tfm_answer *answer = tfm_result_answer(f.result, r);
    ck_assert_uint_eq(answer->vector_count, LABELS);
    ck_assert_mem_eq(answer->vector, f.table[r == 0 ? B : A], LABELS * sizeof(float));
    ck_assert_str_eq(answer->text, "");
    ck_assert_uint_eq(answer->place_count, 0);
  }
  foretold_close(&f);
}
END_TEST

/* The first numbers alone, and only they must be finite. */
START_TEST(test_embed_truncated) {
  struct foretold f = {.task = "embed", .columns = LABELS, .attributes = "truncate: 2"};
  say(&f, A, 1, 2, NAN);
  say(&f, B, 3, 4, 5);
  say(&f, C, 3, NAN, 5);
  foretold_open(&f);
  const tfm_input input[] = {foretold_text("a", NULL), foretold_text("b", NULL),
                             foretold_text("c", NULL)};
  ck_assert_int_eq(foretold_batch(&f, input, 2, NULL), 0);
  for (size_t r = 0; r < 2; r++) {
    const tfm_answer *answer = tfm_result_answer(f.result, r);
    ck_assert_uint_eq(answer->vector_count, 2);
    ck_assert_mem_eq(answer->vector, f.table[r == 0 ? A : B], 2 * sizeof(float));
  }
  ck_assert_int_eq(foretold_batch(&f, input, 3, NULL), TFM_CODE_RUN);
  ck_assert_ptr_nonnull(strstr(tfm_error_message(f.error), "of input 3 is not finite"));
  foretold_close(&f);
}
END_TEST

START_TEST(test_not_finite) {
  static const char *const task[] = {"classify", "classify_tokens", "embed"};
  static const char *const words[] = {"classify: `logits` of input 2 is not finite: it holds -inf",
                                      "classify_tokens: `logits` of input 2 is not finite",
                                      "embed: `vector` of input 2 is not finite: it holds -inf"};
  for (size_t i = 0; i < 3; i++) {
    struct foretold f = make(task[i]);
    f.attributes = strcmp(task[i], "embed") == 0 ? NULL : f.attributes;
    say(&f, B, 0, 1, -INFINITY);
    say(&f, C, 0, 1, NAN);
    foretold_open(&f);
    const tfm_input input[] = {foretold_text("a", NULL), foretold_text("b", NULL)};
    ck_assert_int_eq(foretold_batch(&f, input, 2, NULL), TFM_CODE_RUN);
    ck_assert_ptr_nonnull(strstr(tfm_error_message(f.error), words[i]));
    foretold_refuses(&f, foretold_text("c", NULL), TFM_CODE_RUN, "of the input is not finite");
    foretold_close(&f);
  }
}
END_TEST

/* One logit a pair: its sigmoid, whatever the others' are. */
START_TEST(test_rerank) {
  struct foretold f = {.task = "rerank", .columns = 1};
  f.table[A][0] = 2;
  f.table[B][0] = -3;
  f.table[C][0] = NAN;
  foretold_open(&f);
  const tfm_input input[] = {foretold_text("b", "c c"), foretold_text("a b", "c"),
                             foretold_text("c", "a")};
  ck_assert_int_eq(foretold_batch(&f, input, 2, NULL), 0);
  for (size_t r = 0; r < 2; r++) {
    const tfm_place *place = tfm_result_answer(f.result, r)->place;
    ck_assert_uint_eq(place->choice_count, 1);
    ck_near(place->choice->score, 1 / (1 + exp(r == 0 ? 3 : -2)));
  }
  ck_assert_int_eq(foretold_batch(&f, input, 3, NULL), TFM_CODE_RUN);
  ck_assert_ptr_nonnull(
      strstr(tfm_error_message(f.error), "rerank: `logits` of input 3 is not finite"));
  foretold_close(&f);
}
END_TEST

UNIT_MAIN("task_classify", test_classify, test_classify_batch, test_labels, test_too_few_labels,
          test_words, test_groups, test_words_side_by_side, test_words_batch, test_words_of_ids,
          test_empty, test_embed, test_embed_truncated, test_rerank, test_not_finite)
