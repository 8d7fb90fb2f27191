/* test_places.c - final answers of classify_tokens and of qa, on a hundred heads each,
 * against transformers' pipelines (places/expected.json). */
#include "tests/parity/heads.h"

#include <jansson.h>
#include <math.h>

static const double TOLERANCE = 1e-5;
static int failures, checks;
static tfm_error *error;

static void check(bool ok, const char *what, const char *which, size_t at) {
  checks++;
  if (ok)
    return;
  failures++;
  printf("not ok: %s %s %zu %s\n", what, which, at, tfm_error_message(error));
}

static const char *text_of(const json_t *json, const char *name) {
  return json_string_value(json_object_get(json, name));
}

static double item(const json_t *array, size_t i) {
  return json_number_value(json_array_get(array, i));
}

static bool same_place(const tfm_place *place, const json_t *want, const char *text) {
  size_t length = place->end - place->begin;
  return strcmp(place->choice[0].text, json_string_value(json_array_get(want, 0))) == 0 &&
         (double)place->begin == item(want, 1) && (double)place->end == item(want, 2) &&
         fabs(place->choice[0].score - item(want, 3)) <= TOLERANCE &&
         strlen(place->text) == length && memcmp(place->text, text + place->begin, length) == 0;
}

static void check_groups(tfm_model *model, const json_t *one, uint32_t group, const char *name,
                         size_t at) {
  const json_t *want = json_object_get(one, name);
  const char *text = text_of(one, "text");
  tfm_input input = {.struct_size = sizeof input, .text = text, .text_length = strlen(text)};
  tfm_run_options run = {.struct_size = sizeof run, .group = group};
  tfm_result *result = NULL;
  if (tfm_model_run(model, &input, 1, &run, &result, error) != 0) {
    check(false, "run", name, at);
    return;
  }
  const tfm_answer *answer = tfm_result_answer(result, 0);
  check(answer->place_count == json_array_size(want), "number of groups", name, at);
  for (size_t i = 0; i < answer->place_count && i < json_array_size(want); i++)
    check(same_place(&answer->place[i], json_array_get(want, i), text), "a group", name, at);
  tfm_result_destroy(result);
}

/* Words stand without the blank before them, and the answer's text has their labels. */
static void check_words(tfm_model *model, const char *text, size_t at) {
  tfm_input input = {.struct_size = sizeof input, .text = text, .text_length = strlen(text)};
  tfm_result *result = NULL;
  char labels[4096] = "";
  if (tfm_model_run(model, &input, 1, NULL, &result, error) != 0) {
    check(false, "run", "words", at);
    return;
  }
  const tfm_answer *answer = tfm_result_answer(result, 0);
  for (size_t i = 0; i < answer->place_count; i++) {
    const tfm_place *place = &answer->place[i];
    check(*place->text != ' ', "a leading blank", place->text, at);
    check(strlen(place->text) == place->end - place->begin &&
              memcmp(place->text, text + place->begin, place->end - place->begin) == 0,
          "a word is its bytes", place->text, at);
    strcat(strcat(labels, i ? " " : ""), place->choice[0].text);
  }
  check(strcmp(labels, answer->text) == 0, "the text is the labels", answer->text, at);
  tfm_result_destroy(result);
}

static void groups(const json_t *cases) {
  static const char *const names[] = {"simple", "first", "average", "max"};
  const json_t *one;
  size_t at;
  check(json_array_size(cases) >= 100, "a hundred heads", "groups", 0);
  json_array_foreach(cases, at, one) {
    struct head head = {.task = "classify_tokens",
                        .tokenizer = text_of(one, "tokenizer"),
                        .labels = "{\"0\": \"O\", \"1\": \"B-PER\", \"2\": \"I-PER\", "
                                  "\"3\": \"B-LOC\", \"4\": \"I-LOC\", \"5\": \"MISC\"}",
                        .seed = (uint64_t)json_integer_value(json_object_get(one, "seed")),
                        .columns = 6,
                        .places = HEAD_PLACES};
    tfm_model *model = head_open(&head, error);
    check(model != NULL, "open", head.tokenizer, at);
    for (uint32_t i = 0; model && i < 4; i++)
      check_groups(model, one, TFM_GROUP_SIMPLE + i, names[i], at);
    if (model)
      check_words(model, text_of(one, "text"), at);
    head_close(&head, model);
  }
}

static int64_t whole(const json_t *json, const char *name) {
  return json_integer_value(json_object_get(json, name));
}

static void check_span(tfm_model *model, const json_t *one, uint32_t flags, size_t at) {
  const char *question = text_of(one, "question"), *context = text_of(one, "context");
  tfm_input input = {.struct_size = sizeof input,
                     .text = question,
                     .text_length = strlen(question),
                     .pair = context,
                     .pair_length = strlen(context)};
  tfm_input both[] = {input, input}; /* in a batch the same */
  tfm_run_options run = {.struct_size = sizeof run, .stride = whole(one, "stride"), .flags = flags};
  bool none = flags && json_is_true(json_object_get(one, "null"));
  double score = json_number_value(json_object_get(one, none ? "none" : "score"));
  tfm_result *result = NULL;
  if (tfm_model_run(model, both, 2, &run, &result, error) != 0) {
    check(false, "run", "span", at);
    return;
  }
  for (size_t i = 0; i < 2; i++) {
    const tfm_answer *answer = tfm_result_answer(result, i);
    const tfm_place *place = answer->place;
    check(strcmp(answer->text, none ? "" : text_of(one, "text")) == 0, "the answer", answer->text,
          at);
    check(none ? place->begin == 0 && place->end == 0
               : (int64_t)place->begin == whole(one, "begin") &&
                     (int64_t)place->end == whole(one, "end"),
          "its place", answer->text, at);
    check(fabs(place->choice[0].score - score) <= TOLERANCE && place->choice[0].score <= 1,
          "its score", answer->text, at);
  }
  tfm_result_destroy(result);
}

static void spans(const json_t *cases) {
  const json_t *one;
  size_t at, long_ones = 0, null_ones = 0;
  json_array_foreach(cases, at, one) {
    struct head head = {.task = "qa",
                        .tokenizer = text_of(one, "tokenizer"),
                        .seed = (uint64_t)whole(one, "seed"),
                        .columns = 2,
                        .places = (unsigned)whole(one, "places"),
                        .first = (float)whole(one, "first")};
    tfm_model *model = head_open(&head, error);
    check(model != NULL, "open", head.tokenizer, at);
    long_ones += whole(one, "windows") > 1;
    null_ones += json_is_true(json_object_get(one, "null"));
    if (model) {
      check_span(model, one, 0, at);
      check_span(model, one, TFM_RUN_NULL_ANSWER, at);
    }
    head_close(&head, model);
  }
  check(long_ones >= 50 && null_ones >= 10, "enough cases", "spans", long_ones);
}

static void check_refusal(tfm_model *model, const char *question, int64_t stride, int code,
                          const char *words) {
  static char context[4096];
  tfm_result *result = NULL;
  for (size_t i = 0; i + 2 < 400; i += 2)
    memcpy(context + i, "a ", 3);
  tfm_input input = {.struct_size = sizeof input,
                     .text = question,
                     .text_length = strlen(question),
                     .pair = context,
                     .pair_length = strlen(context)};
  tfm_run_options run = {.struct_size = sizeof run, .stride = stride};
  check(tfm_model_run(model, &input, 1, &run, &result, error) == -1 &&
            tfm_error_code(error) == code && strstr(tfm_error_message(error), words),
        words, question, 0);
  tfm_result_destroy(result);
}

/* No room for a context; windows that would not move. */
static void span_refusals(void) {
  struct head head = {.task = "qa", .tokenizer = "bert-cased", .columns = 2, .places = 16};
  tfm_model *model = head_open(&head, error);
  check(model != NULL, "open", "span refusals", 0);
  if (model) {
    check_refusal(model, "a a a a a a a a a a a a a a a a", 0, TFM_CODE_LIMIT, "no room");
    check_refusal(model, "a a a", 10, TFM_CODE_USAGE, "a stride of 10 tokens");
  }
  head_close(&head, model);
}

/* What cannot be grouped is said. */
static void refusals(void) {
  struct head head = {
      .task = "classify_tokens", .tokenizer = "bert-cased", .columns = 6, .places = 8};
  tfm_model *model = head_open(&head, error);
  int32_t ids[] = {1, 2};
  tfm_input input = {.struct_size = sizeof input, .ids = ids, .id_count = 2};
  tfm_run_options run = {.struct_size = sizeof run, .group = TFM_GROUP_SIMPLE};
  tfm_result *result = NULL;
  if (model) {
    check(tfm_model_run(model, &input, 1, &run, &result, error) == -1 &&
              strstr(tfm_error_message(error), "is ids"),
          "groups of ids", "", 0);
    run.group = 5;
    input = (tfm_input){.struct_size = sizeof input, .text = "a", .text_length = 1};
    check(tfm_model_run(model, &input, 1, &run, &result, error) == -1, "no such group", "", 0);
  }
  head_close(&head, model);
}

int main(void) {
  char path[HEAD_PATH];
  const char *source = getenv("TFM_SRCDIR");
  error = tfm_error_create();
  snprintf(path, sizeof path, "%s/tests/parity/places/expected.json", source ? source : ".");
  json_t *root = json_load_file(path, 0, NULL);
  check(root != NULL, "expected.json", "", 0);
  groups(json_object_get(root, "groups"));
  refusals();
  spans(json_object_get(root, "spans"));
  span_refusals();
  json_decref(root);
  tfm_error_destroy(error);
  printf("%d checks, %d failed\n", checks, failures);
  return failures ? 1 : 0;
}
