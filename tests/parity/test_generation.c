/* test_generation.c - what can be asked of generation, through tfm.h.
 *
 * Penalties and log probabilities against transformers (generation/expected.json);
 * stop texts against a search of the whole text; samples of one batch against the
 * same seed alone. */
#include "tfm/tfm.h"

#include <jansson.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PATH = 1024, NEW = 24, TEXT = 4096 };

static const double TOLERANCE = 1e-5;
static int failures, checks;
static tfm_error *error;
static const char *source, *plugin_dir;

static void check(bool ok, const char *what, size_t at) {
  checks++;
  if (ok)
    return;
  failures++;
  printf("not ok: %s %zu %s\n", what, at, tfm_error_message(error));
}

static tfm_model *open_model(const char *model, const char *weights) {
  char model_path[PATH], weights_path[PATH];
  snprintf(model_path, PATH, "%s/models/%s", source, model);
  snprintf(weights_path, PATH, "%s/%s", source, weights);
  tfm_open_options open = {.struct_size = sizeof open,
                           .model = model_path,
                           .weights = weights_path,
                           .threads = 1,
                           .plugin_dir = &plugin_dir,
                           .plugin_dir_count = plugin_dir ? 1 : 0};
  tfm_model *opened = tfm_model_open(&open, error);
  if (!opened)
    check(false, weights, 0);
  return opened;
}

static const char *text_of(const json_t *json, const char *name) {
  return json_string_value(json_object_get(json, name));
}

static bool near(double a, const json_t *b) {
  return fabs(a - json_number_value(b)) <= TOLERANCE;
}

static void check_scores(const json_t *one, const tfm_answer *answer, size_t at) {
  const json_t *chosen = json_object_get(one, "log_probabilities"), *best = NULL;
  for (size_t t = 0; t < json_array_size(chosen) && t < answer->id_count; t++) {
    const tfm_token_score *score = &answer->token_score[t];
    best = json_array_get(json_object_get(one, "best"), t);
    check(score->id == answer->ids[t] && *score->text, "a score's token", at);
    check(near(score->log_probability, json_array_get(chosen, t)), "a log probability", at);
    check(score->best_count == 3, "three best", at);
    for (size_t i = 0; i < 3; i++) {
      const json_t *pair = json_array_get(best, i);
      check(score->best[i].id == json_integer_value(json_array_get(pair, 0)) &&
                near(score->best[i].score, json_array_get(pair, 1)),
            "one of the best", at);
    }
  }
}

static void run_greedy(tfm_model *model, const json_t *one, size_t at) {
  const json_t *prompt = json_object_get(one, "prompt"), *made = json_object_get(one, "ids");
  int32_t ids[64];
  tfm_input input = {.struct_size = sizeof input, .ids = ids, .id_count = json_array_size(prompt)};
  tfm_run_options run = {.struct_size = sizeof run, .max_new_tokens = NEW, .logprobs = 3};
  tfm_result *result = NULL;
  for (size_t i = 0; i < input.id_count && i < 64; i++)
    ids[i] = (int32_t)json_integer_value(json_array_get(prompt, i));
  run.repetition_penalty = json_number_value(json_object_get(one, "repetition_penalty"));
  run.no_repeat_ngram = (uint32_t)json_integer_value(json_object_get(one, "no_repeat_ngram"));
  int status = tfm_model_run(model, &input, 1, &run, &result, error);
  check(status == 0, "run", at);
  if (status != 0)
    return;
  const tfm_answer *answer = tfm_result_answer(result, 0);
  size_t stop = strcmp(answer->stop, "stop") == 0; /* the reference keeps the stop token */
  check(answer->id_count + stop == json_array_size(made), "number of ids", at);
  for (size_t i = 0; i < answer->id_count; i++)
    check(answer->ids[i] == json_integer_value(json_array_get(made, i)), "an id", at);
  if (json_object_get(one, "best"))
    check_scores(one, answer, at);
  tfm_result_destroy(result);
}

static void greedy(const json_t *cases) {
  const json_t *one;
  const char *opened = "";
  tfm_model *model = NULL;
  size_t at;
  check(json_array_size(cases) >= 40, "forty prompts", 0);
  json_array_foreach(cases, at, one) {
    char weights[PATH];
    if (strcmp(opened, text_of(one, "weights")) != 0) {
      tfm_model_destroy(model);
      opened = text_of(one, "weights");
      snprintf(weights, PATH, "tests/fixtures/%s", opened);
      model = open_model(text_of(one, "model"), weights);
    }
    if (model)
      run_greedy(model, one, at);
  }
  tfm_model_destroy(model);
}

/* What the callback was given. */
struct heard {
  char text[TEXT];
  size_t length;
};

static bool whole_characters(const char *text, size_t length) {
  json_t *string = json_stringn(text, length); /* NULL = no UTF-8 */
  bool ok = string != NULL;
  json_decref(string);
  return ok;
}

static int hear(void *arg, size_t row, int32_t id, const char *text, size_t length) {
  struct heard *heard = arg;
  (void)row, (void)id;
  check(whole_characters(text, length), "a piece is whole characters", heard->length);
  if (heard->length + length < TEXT) {
    memcpy(heard->text + heard->length, text, length);
    heard->length += length;
  }
  return 0;
}

static void run_text(tfm_model *model, const char *prompt, const char *const *stop, size_t stops,
                     struct heard *heard, char *text, char *why) {
  tfm_input input = {.struct_size = sizeof input, .text = prompt, .text_length = strlen(prompt)};
  tfm_run_options run = {.struct_size = sizeof run,
                         .max_new_tokens = NEW,
                         .stop = stop,
                         .stop_count = stops,
                         .token = hear,
                         .token_arg = heard};
  tfm_result *result = NULL;
  heard->length = 0;
  text[0] = why[0] = '\0';
  if (tfm_model_run(model, &input, 1, &run, &result, error) != 0) {
    check(false, prompt, 0);
    return;
  }
  const tfm_answer *answer = tfm_result_answer(result, 0);
  check(strlen(answer->text) == answer->text_length, "the text's length", 0);
  check(heard->length == answer->text_length &&
            memcmp(heard->text, answer->text, answer->text_length) == 0,
        "all pieces are the text", heard->length);
  snprintf(text, TEXT, "%s", answer->text);
  snprintf(why, 32, "%s", answer->stop);
  tfm_result_destroy(result);
}

/* Every run of one to five characters of the text, as a stop: the text ends before the
 * first place where it stands, and not one byte beyond has been told. */
static void stop_at_each(tfm_model *model, const char *prompt) {
  static struct heard heard;
  char all[TEXT], cut[TEXT], why[32];
  run_text(model, prompt, NULL, 0, &heard, all, why);
  size_t length = strlen(all), characters = 0;
  check(length > 0, "some text", 0);
  for (size_t begin = 0; begin < length; begin++) {
    if (((unsigned char)all[begin] & 0xc0) == 0x80 || characters++ > 12)
      continue;
    for (size_t end = begin + 1, taken = 0; end <= length && taken < 5; end++) {
      if (((unsigned char)all[end] & 0xc0) == 0x80)
        continue;
      char stop[TEXT];
      taken++;
      memcpy(stop, all + begin, end - begin);
      stop[end - begin] = '\0';
      const char *stops[] = {"\x01never", stop};
      run_text(model, prompt, stops, 2, &heard, cut, why);
      size_t first = (size_t)(strstr(all, stop) - all);
      check(strlen(cut) == first && memcmp(cut, all, first) == 0, "ends before its stop", begin);
      check(strcmp(why, "stop_string") == 0, "says that a text stopped it", begin);
    }
  }
  /* one that only begins: nothing is lost */
  char longer[TEXT + 8];
  snprintf(longer, sizeof longer, "%s\x01", all + (length > 3 ? length - 3 : 0));
  while (((unsigned char)longer[0] & 0xc0) == 0x80)
    memmove(longer, longer + 1, strlen(longer));
  const char *stops[] = {longer};
  run_text(model, prompt, stops, 1, &heard, cut, why);
  check(strcmp(cut, all) == 0 && strcmp(why, "stop_string") != 0, "what was held back comes", 0);
}

/* Of several the one that is complete first, however the text is cut into tokens. */
static void first_complete(tfm_model *model, const char *prompt) {
  static struct heard heard;
  char all[TEXT], cut[TEXT], why[32], outer[TEXT], inner[TEXT];
  run_text(model, prompt, NULL, 0, &heard, all, why);
  if (strlen(all) < 8 || !whole_characters(all, 6) || !whole_characters(all + 3, 1))
    return;
  snprintf(outer, TEXT, "%.6s", all);
  snprintf(inner, TEXT, "%.1s", all + 3);
  const char *stops[] = {outer, inner};
  run_text(model, prompt, stops, 2, &heard, cut, why);
  check(strlen(cut) == strcspn(all, inner), "the first that is complete", strlen(cut));
}

static void bad_stops(tfm_model *model) {
  static char longest[5000];
  static const char *const bad[] = {"", "\xff", "\xea\xb0", longest, NULL};
  tfm_input input = {.struct_size = sizeof input, .text = "a", .text_length = 1};
  memset(longest, 'a', sizeof longest - 1);
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    tfm_run_options run = {.struct_size = sizeof run, .stop = &bad[i], .stop_count = 1};
    tfm_result *result = NULL;
    check(tfm_model_run(model, &input, 1, &run, &result, error) == -1, "a bad stop text", i);
    tfm_result_destroy(result);
  }
}

/* Rows of one prompt, each by a seed of its own: as that seed alone. */
static void samples(tfm_model *model, const char *prompt) {
  static const uint64_t seeds[] = {7, 8, 9, 1u << 31, 7};
  enum { ROWS = sizeof seeds / sizeof seeds[0] };
  tfm_input input[ROWS];
  tfm_run_options run = {
      .struct_size = sizeof run, .max_new_tokens = NEW, .temperature = 1, .seeds = seeds};
  tfm_result *together = NULL, *alone = NULL;
  for (size_t r = 0; r < ROWS; r++)
    input[r] =
        (tfm_input){.struct_size = sizeof input[r], .text = prompt, .text_length = strlen(prompt)};
  check(tfm_model_run(model, input, ROWS, &run, &together, error) == 0, "samples", 0);
  run.seeds = NULL;
  for (size_t r = 0; together && r < ROWS; r++) {
    run.seed = seeds[r];
    if (tfm_model_run(model, input, 1, &run, &alone, error) != 0)
      break;
    check(strcmp(tfm_result_answer(together, r)->text, tfm_result_answer(alone, 0)->text) == 0,
          "a sample is as alone", r);
    tfm_result_destroy(alone);
  }
  if (together)
    check(strcmp(tfm_result_answer(together, 0)->text, tfm_result_answer(together, 1)->text) != 0,
          "samples differ", 0);
  tfm_result_destroy(together);
}

static void texts(const char *model_file, const char *weights, const char *prompt) {
  tfm_model *model = open_model(model_file, weights);
  if (!model)
    return;
  stop_at_each(model, prompt);
  first_complete(model, prompt);
  bad_stops(model);
  samples(model, prompt);
  tfm_model_destroy(model);
}

int main(void) {
  char path[PATH];
  source = getenv("TFM_SRCDIR");
  plugin_dir = getenv("TFM_PLUGIN_DIR");
  source = source ? source : ".";
  error = tfm_error_create();
  snprintf(path, PATH, "%s/tests/parity/generation/expected.json", source);
  json_t *root = json_load_file(path, 0, NULL);
  check(root != NULL, "expected.json", 0);
  if (root)
    greedy(json_object_get(root, "greedy"));
  json_decref(root);
  texts("gpt2.tfm", "tests/fixtures/gpt2-tied", "The model");
  texts("gpt2.tfm", "models/checkpoints/gpt-ko-reviews", "이 영화는");
  texts("llama.tfm", "tests/fixtures/llama-gqa", "I like");
  printf("%d checks, %d failed\n", checks, failures);
  tfm_error_destroy(error);
  return failures ? 1 : 0;
}
