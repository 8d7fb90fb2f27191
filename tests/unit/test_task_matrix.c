/* Every task on every kind of input, with each kind of tokenizer, alone and in a
 * batch: an answer that can be read, or an error that says what is missing. */
#include "tests/unit/foretold.h"

static const char *const tasks[] = {"generate", "fill_mask", "classify", "classify_tokens",
                                    "qa",       "rerank",    "embed"};
static const unsigned tokenizers[] = {0, FORETOLD_BARE, FORETOLD_NO_TOKENIZER};

enum { KINDS = 12 };

static tfm_input kind(size_t number) {
  static const int32_t some[] = {CLS, A, MASK, PIECE_X, SEP};
  static const char *const text[] = {"a [MASK] bx", "", " ", "[MASK]",   "a",
                                     "a",           "", "",  "bx [MASK]"};
  static const char *const pair[] = {NULL, NULL, NULL, NULL, "c [MASK]", "", "", "c dy", " "};
  tfm_input input = {.struct_size = sizeof input};
  if (number < 9)
    return foretold_text(text[number], pair[number]);
  input.ids = some;
  input.id_count = number == 9 ? 5 : number == 10 ? 1 : 0;
  return input;
}

static void check_choices(const tfm_place *place) {
  ck_assert_uint_gt(place->choice_count, 0);
  for (size_t c = 0; c < place->choice_count; c++) {
    ck_assert_ptr_nonnull(place->choice[c].text);
    ck_assert(place->choice[c].score >= 0 && place->choice[c].score <= 1);
  }
}

static void check_answer(const char *task, const tfm_input *input, const tfm_answer *answer) {
  size_t places = strcmp(task, "classify") == 0 || strcmp(task, "qa") == 0;
  ck_assert_ptr_nonnull(answer->text);
  ck_assert_uint_eq(answer->text_length, strlen(answer->text));
  for (size_t p = 0; p < answer->place_count; p++) {
    const tfm_place *place = &answer->place[p];
    size_t length = place->sequence ? input->pair_length : input->text_length;
    ck_assert_ptr_nonnull(place->text);
    ck_assert_uint_le(place->sequence, 1);
    ck_assert_uint_le(place->begin, place->end);
    ck_assert_uint_le(place->end, length);
    check_choices(place);
  }
  if (places)
    ck_assert_uint_eq(answer->place_count, 1);
  if (strcmp(task, "fill_mask") == 0)
    ck_assert_uint_gt(answer->place_count, 0);
  ck_assert_int_eq(answer->vector_count > 0, strcmp(task, "embed") == 0);
  ck_assert_int_eq(answer->stop != NULL, strcmp(task, "generate") == 0);
}

static void run(struct foretold *f, const tfm_input *input, size_t count) {
  tfm_run_options options = {.struct_size = sizeof options, .max_new_tokens = 3};
  int code = foretold_batch(f, input, count, &options);
  bool short_row = strstr(tfm_error_message(f->error), "index 1 of a dimension of 1");
  ck_assert_msg(code == 0 || (code == TFM_CODE_RUN && short_row) || code == TFM_CODE_USAGE ||
                    code == TFM_CODE_TOKENIZER,
                "%s: %d: %s", f->task, code, tfm_error_message(f->error));
  ck_assert_int_eq(code != 0, *tfm_error_message(f->error) != '\0');
  for (size_t r = 0; code == 0 && r < count; r++)
    check_answer(f->task, &input[r], tfm_result_answer(f->result, r));
}

static void check_task(const char *task, unsigned flags) {
  struct foretold f = {.task = task, .flags = flags};
  bool one = strcmp(task, "classify") == 0 || strcmp(task, "embed") == 0;
  f.columns = strcmp(task, "qa") == 0 ? 2 : strcmp(task, "rerank") == 0 ? 1 : one ? 3 : WORDS;
  foretold_open(&f);
  for (size_t k = 0; k < KINDS; k++)
    for (size_t other = 0; other <= KINDS; other++) {
      tfm_input input[] = {kind(k), kind(other % KINDS)};
      run(&f, input, other == KINDS ? 1 : 2);
    }
  foretold_close(&f);
}

START_TEST(test_matrix) {
  for (size_t t = 0; t < sizeof tasks / sizeof *tasks; t++)
    for (size_t i = 0; i < sizeof tokenizers / sizeof *tokenizers; i++)
      check_task(tasks[t], tokenizers[i]);
}
END_TEST

UNIT_MAIN("task_matrix", test_matrix)
