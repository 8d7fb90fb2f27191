/* Generation on foretold logits: a table of which token follows which. */
#include "tests/unit/foretold.h"

static struct foretold make(const char *stop) {
  struct foretold f = {.task = "generate", .columns = WORDS, .flags = FORETOLD_BARE};
  f.config = stop;
  f.attributes = stop ? "stop: config.eos_token_id" : NULL;
  return f;
}

/* After each token of a list the next one of it; the list ends at a negative id. */
static void follow(struct foretold *f, const int *ids) {
  for (; ids[0] >= 0 && ids[1] >= 0; ids++)
    f->table[ids[0]][ids[1]] = 5;
}

static const tfm_answer *ask(struct foretold *f, const char *text, int64_t tokens,
                             uint32_t ignore) {
  tfm_input input = foretold_text(text, NULL);
  tfm_run_options options = {
      .struct_size = sizeof options, .max_new_tokens = tokens, .ignore_stop = ignore};
  int code = foretold_batch(f, &input, 1, &options);
  ck_assert_msg(code == 0, "%s", tfm_error_message(f->error));
  return tfm_result_answer(f->result, 0);
}

static void check(const tfm_answer *answer, const int *ids, const char *text, const char *stop) {
  size_t count = 0;
  while (ids[count] >= 0)
    count++;
  ck_assert_uint_eq(answer->id_count, count);
  for (size_t i = 0; i < count; i++)
    ck_assert_int_eq(answer->ids[i], ids[i]);
  ck_assert_str_eq(answer->text, text);
  ck_assert_uint_eq(answer->text_length, strlen(text));
  ck_assert_str_eq(answer->stop, stop);
}

/* Every id of the list ends the text, not the first alone; it is no part of it. */
START_TEST(test_several_stops) {
  static const int stop[] = {G, Z, D, SEP};
  for (size_t i = 0; i < 4; i++) {
    struct foretold f = make(", \"eos_token_id\": [10, 29, 7, 2]");
    follow(&f, (int[]){A, B, C, stop[i], -1});
    foretold_open(&f);
    check(ask(&f, "a", 9, 0), (int[]){B, C, -1}, " b c", "stop");
    foretold_close(&f);
  }
}
END_TEST

START_TEST(test_one_stop) {
  struct foretold f = make(", \"eos_token_id\": 7");
  follow(&f, (int[]){A, B, D, E, A, -1});
  foretold_open(&f);
  check(ask(&f, "a", 9, 0), (int[]){B, -1}, " b", "stop");
  check(ask(&f, "b", 9, 0), (int[]){-1}, "", "stop");
  check(ask(&f, "d", 9, 0), (int[]){E, A, B, -1}, " e a b", "stop");
  check(ask(&f, "a", 5, 1), (int[]){B, D, E, A, B, -1}, " b d e a b", "length");
  foretold_close(&f);
}
END_TEST

/* The asked number, none at all, and as many as there is room for. */
START_TEST(test_limits) {
  struct foretold f = make(NULL);
  int all[159], i = 0;
  follow(&f, (int[]){A, B, A, -1});
  foretold_open(&f);
  check(ask(&f, "a", 1, 0), (int[]){B, -1}, " b", "length");
  check(ask(&f, "b a b", 3, 0), (int[]){A, B, A, -1}, " a b a", "length");
  check(ask(&f, "a", -2, 0), (int[]){-1}, "", "length");
  for (; i < 158; i++)
    all[i] = i % 2 ? A : B;
  all[i] = -1;
  const tfm_answer *answer = ask(&f, "a b a", -1, 0); /* the 160 places, and one not run */
  check(answer, all, answer->text, "context");
  all[128] = -1;
  answer = ask(&f, "a b a", 0, 0);
  check(answer, all, answer->text, "length");
  ck_assert_str_eq(ask(&f, "a b a", 158, 0)->stop, "length");
  ck_assert_str_eq(ask(&f, "a b a", 159, 0)->stop, "context");
  foretold_close(&f);
}
END_TEST

/* Of equal logits the lower id; what is -inf is never chosen. */
START_TEST(test_ties) {
  struct foretold f = make(NULL);
  f.table[A][D] = f.table[A][C] = 2;
  for (int w = 0; w < WORDS; w++)
    f.table[C][w] = -INFINITY;
  f.table[C][E] = -3e38F;
  foretold_open(&f);
  check(ask(&f, "a", 2, 0), (int[]){C, E, -1}, " c e", "length");
  foretold_close(&f);
}
END_TEST

/* Rows stop on their own, and each is as it is alone. */
static void check_rows(bool all_logits) {
  struct foretold f = make(", \"eos_token_id\": 2");
  follow(&f, (int[]){A, B, C, SEP, -1});
  follow(&f, (int[]){E, F, G, E, -1});
  f.flags |= all_logits ? FORETOLD_ALL_LOGITS : 0;
  foretold_open(&f);
  const tfm_input input[] = {foretold_text("c", NULL), foretold_text("a a e", NULL),
                             foretold_text("b b b b a", NULL)};
  tfm_run_options options = {.struct_size = sizeof options, .max_new_tokens = 4};
  ck_assert_int_eq(foretold_batch(&f, input, 3, &options), 0);
  check(tfm_result_answer(f.result, 0), (int[]){-1}, "", "stop");
  check(tfm_result_answer(f.result, 1), (int[]){F, G, E, F, -1}, " f g e f", "length");
  check(tfm_result_answer(f.result, 2), (int[]){B, C, -1}, " b c", "stop");
  ck_assert_uint_eq(tfm_result_answer(f.result, 2)->prompt_count, 5);
  foretold_close(&f);
}

START_TEST(test_rows) {
  check_rows(false); /* each row's last logits alone, or all of them */
  check_rows(true);
}
END_TEST

struct heard {
  char text[64];
  int calls, most;
};

static int hear(void *arg, size_t row, int32_t id, const char *text, size_t length) {
  struct heard *heard = arg;
  ck_assert_uint_eq(row, 0);
  ck_assert_int_ge(id, -1);
  strncat(heard->text, text, length);
  return ++heard->calls >= heard->most;
}

START_TEST(test_callback) {
  struct foretold f = make(NULL);
  follow(&f, (int[]){A, B, PIECE_X, C, A, -1});
  foretold_open(&f);
  tfm_input input = foretold_text("a", NULL);
  struct heard heard = {.most = 99};
  tfm_run_options options = {
      .struct_size = sizeof options, .max_new_tokens = 5, .token = hear, .token_arg = &heard};
  ck_assert_int_eq(foretold_batch(&f, &input, 1, &options), 0);
  check(tfm_result_answer(f.result, 0), (int[]){B, PIECE_X, C, A, B, -1}, " bx c a b", "length");
  ck_assert_str_eq(heard.text, " bx c a b");
  ck_assert_int_eq(heard.calls, 5);
  heard = (struct heard){.most = 2};
  ck_assert_int_eq(foretold_batch(&f, &input, 1, &options), 0);
  check(tfm_result_answer(f.result, 0), (int[]){B, PIECE_X, -1}, " bx", "caller");
  foretold_close(&f);
}
END_TEST

/* Nothing to go on from: the start token, where there is one. */
START_TEST(test_empty) {
  struct foretold f = make(NULL);
  follow(&f, (int[]){CLS, D, E, -1});
  foretold_open(&f);
  check(ask(&f, "", 2, 0), (int[]){D, E, -1}, " d e", "length");
  ck_assert_uint_eq(tfm_result_answer(f.result, 0)->prompt_count, 1);
  tfm_input none = {.struct_size = sizeof none};
  foretold_refuses(&f, none, TFM_CODE_USAGE, "");
  foretold_close(&f);
}
END_TEST

START_TEST(test_ids) {
  struct foretold f = make(NULL);
  static const int32_t ids[] = {A}, beyond[] = {A, WORDS}, below[] = {-1};
  f.flags = FORETOLD_NO_TOKENIZER;
  follow(&f, (int[]){A, B, C, -1});
  foretold_open(&f);
  tfm_input input = {.struct_size = sizeof input, .ids = ids, .id_count = 1};
  tfm_run_options options = {.struct_size = sizeof options, .max_new_tokens = 2};
  ck_assert_int_eq(foretold_batch(&f, &input, 1, &options), 0);
  check(tfm_result_answer(f.result, 0), (int[]){B, C, -1}, "", "length");
  input = (tfm_input){.struct_size = sizeof input, .ids = beyond, .id_count = 2};
  foretold_refuses(&f, input, TFM_CODE_USAGE, "id 34 of the input is not in the vocabulary");
  input = (tfm_input){.struct_size = sizeof input, .ids = below, .id_count = 1};
  foretold_refuses(&f, input, TFM_CODE_USAGE, "id -1 of the input is not in the vocabulary");
  foretold_refuses(&f, foretold_text("a", NULL), TFM_CODE_TOKENIZER, "no tokenizer");
  foretold_close(&f);
}
END_TEST

START_TEST(test_too_long) {
  struct foretold f = make(NULL);
  char text[2 * 161];
  for (size_t i = 0; i < sizeof text; i++)
    text[i] = i % 2 ? ' ' : 'a';
  foretold_open(&f);
  tfm_input input = {.struct_size = sizeof input, .text = text, .text_length = 2 * 160};
  ck_assert_int_eq(foretold_batch(&f, &input, 1, NULL), 0);
  ck_assert_uint_eq(tfm_result_answer(f.result, 0)->id_count, 1);
  input.text_length = sizeof text;
  foretold_refuses(&f, input, TFM_CODE_LIMIT, "the input is 161 tokens long, the model takes 160");
  foretold_close(&f);
}
END_TEST

/* The second row, at its second step. */
START_TEST(test_not_finite) {
  static const float bad[] = {NAN, INFINITY};
  static const char *const words[] = {"holds nan", "holds inf"};
  for (size_t i = 0; i < 2; i++) {
    struct foretold f = make(NULL);
    follow(&f, (int[]){A, B, -1});
    f.table[B][Z] = bad[i];
    foretold_open(&f);
    const tfm_input input[] = {foretold_text("c", NULL), foretold_text("a", NULL)};
    for (int sampled = 0; sampled < 2; sampled++) {
      tfm_run_options options = {
          .struct_size = sizeof options, .max_new_tokens = 3, .temperature = sampled ? 1e-9 : 0};
      ck_assert_int_eq(foretold_batch(&f, input, 2, &options), TFM_CODE_RUN);
      const char *message = tfm_error_message(f.error);
      ck_assert_msg(strstr(message, "generate: `logits` of input 2 is not finite"), "%s", message);
      ck_assert_ptr_nonnull(strstr(message, words[i]));
    }
    foretold_close(&f);
  }
}
END_TEST

UNIT_MAIN("task_generate", test_several_stops, test_one_stop, test_limits, test_ties, test_rows,
          test_callback, test_empty, test_ids, test_too_long, test_not_finite)
