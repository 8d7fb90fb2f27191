/* test_beams.c - beam search, and rules of which tokens may come, against transformers
 * (beams/expected.json): the same ids, scores within 1e-4.  All prompts of a case as one batch,
 * and each alone, which gives the same bits. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* mkdtemp, symlink */
#endif
#include "tfm/tfm.h"

#include <jansson.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PATH = 1024, IDS = 64, ROWS = 8 };

/* Absolute, or of a score beyond 1 relative: sums of floats in another order. */
static const double TOLERANCE = 1e-4;
static int failures, checks;
static tfm_error *error;
static const char *source, *plugin_dir;

static void check(bool ok, const char *what, const char *weights, size_t at) {
  checks++;
  if (ok)
    return;
  failures++;
  printf("not ok: %s, %s case %zu %s\n", what, weights, at, tfm_error_message(error));
}

static const char *text_of(const json_t *json, const char *name) {
  return json_string_value(json_object_get(json, name));
}

/* ------------------------------------------------------------------- a model */

static bool add_link(const char *from, const char *directory, const char *name) {
  char target[PATH + 64], link[PATH + 64];
  snprintf(target, sizeof target, "%s/%s", from, name);
  snprintf(link, sizeof link, "%s/%s", directory, name);
  return symlink(target, link) == 0;
}

/* The fixture, with other ids at which a text ends. */
static bool make_directory(const json_t *one, char directory[PATH]) {
  char from[PATH], path[PATH + 64];
  const char *tmp = getenv("TMPDIR");
  char *real = NULL;
  snprintf(from, PATH, "%s/tests/fixtures/%s", source, text_of(one, "weights"));
  snprintf(directory, PATH, "%s/tfm-beams-XXXXXX", tmp && *tmp == '/' ? tmp : "/tmp");
  snprintf(path, sizeof path, "%s/config.json", from);
  json_t *config = json_load_file(path, 0, NULL);
  bool ok = config && mkdtemp(directory) && (real = realpath(from, NULL)) != NULL;
  if (ok) {
    json_object_set(config, "eos_token_id", json_object_get(one, "stop"));
    snprintf(path, sizeof path, "%s/config.json", directory);
    ok = json_dump_file(config, path, 0) == 0 && add_link(real, directory, "model.safetensors");
  }
  json_decref(config);
  free(real);
  return ok;
}

static void remove_directory(const char *directory) {
  char path[PATH + 64];
  snprintf(path, sizeof path, "%s/config.json", directory);
  unlink(path);
  snprintf(path, sizeof path, "%s/model.safetensors", directory);
  unlink(path);
  rmdir(directory);
}

static tfm_model *open_model(const json_t *one, const char *directory) {
  char path[PATH];
  snprintf(path, PATH, "%s/%s%s", source, strchr(text_of(one, "model"), '/') ? "" : "models/",
           text_of(one, "model"));
  tfm_open_options open = {.struct_size = sizeof open,
                           .model = path,
                           .weights = directory,
                           .threads = 1,
                           .plugin_dir = &plugin_dir,
                           .plugin_dir_count = plugin_dir ? 1 : 0};
  return tfm_model_open(&open, error);
}

/* ------------------------------------------------------------------- options */

struct asked {
  tfm_run_options run;
  int32_t ids[IDS];
  size_t used;
  tfm_ids forced_last, bad_word[ROWS];
  double length_penalty;
};

static tfm_ids take_ids(struct asked *asked, const json_t *value) {
  tfm_ids list = {asked->ids + asked->used, json_is_integer(value) ? 1 : json_array_size(value)};
  for (size_t i = 0; i < list.count && asked->used < IDS; i++)
    asked->ids[asked->used++] =
        (int32_t)json_integer_value(json_is_integer(value) ? value : json_array_get(value, i));
  return list;
}

static int64_t whole(const json_t *options, const char *key) {
  return json_integer_value(json_object_get(options, key));
}

static void read_rules(struct asked *asked, const json_t *options) {
  const json_t *words = json_object_get(options, "bad_words_ids");
  tfm_run_options *run = &asked->run;
  run->min_length = whole(options, "min_length");
  run->min_new_tokens = whole(options, "min_new_tokens");
  run->suppress = take_ids(asked, json_object_get(options, "suppress_tokens"));
  run->begin_suppress = take_ids(asked, json_object_get(options, "begin_suppress_tokens"));
  for (size_t i = 0; i < json_array_size(words) && i < ROWS; i++)
    asked->bad_word[run->bad_word_count++] = take_ids(asked, json_array_get(words, i));
  run->bad_words = asked->bad_word;
  asked->forced_last = take_ids(asked, json_object_get(options, "forced_eos_token_id"));
  run->forced_last = &asked->forced_last;
  if (json_object_get(options, "forced_bos_token_id"))
    run->forced_first = take_ids(asked, json_object_get(options, "forced_bos_token_id")).ids;
}

static void read_options(struct asked *asked, const json_t *options) {
  const json_t *early = json_object_get(options, "early_stopping");
  const json_t *penalty = json_object_get(options, "length_penalty");
  int64_t most = whole(options, "max_new_tokens");
  *asked = (struct asked){.run = {.struct_size = sizeof asked->run}};
  tfm_run_options *run = &asked->run;
  run->max_new_tokens = most ? most : 16;
  run->beams = (uint32_t)whole(options, "num_beams");
  run->n_best = (uint32_t)whole(options, "num_return_sequences");
  run->no_repeat_ngram = (uint32_t)whole(options, "no_repeat_ngram_size");
  run->repetition_penalty = json_number_value(json_object_get(options, "repetition_penalty"));
  run->early_stopping = json_is_string(early) ? TFM_EARLY_NEVER
                        : json_is_true(early) ? TFM_EARLY_STOP
                                              : TFM_EARLY_GUESS;
  asked->length_penalty = penalty ? json_number_value(penalty) : 1;
  run->length_penalty = &asked->length_penalty;
  read_rules(asked, options);
}

/* ------------------------------------------------------------------- a case */

static bool near(double a, double b) {
  return fabs(a - b) <= TOLERANCE * fmax(1, fabs(b));
}

static void compare(const tfm_answer *answer, const json_t *wanted, const char *weights,
                    size_t at) {
  size_t rank;
  const json_t *one;
  json_array_foreach(wanted, rank, one) {
    const json_t *ids = json_object_get(one, "ids");
    check(answer != NULL, "as many answers", weights, at);
    if (!answer)
      return;
    bool same = answer->id_count == json_array_size(ids);
    for (size_t i = 0; same && i < answer->id_count; i++)
      same = answer->ids[i] == json_integer_value(json_array_get(ids, i));
    check(same, "ids", weights, at);
    check(near(answer->score, json_number_value(json_object_get(one, "score"))), "score", weights,
          at);
    answer = answer->next;
  }
  check(answer == NULL, "no more answers", weights, at);
}

static void same_answers(const tfm_answer *a, const tfm_answer *b, const char *weights, size_t at) {
  for (; a && b; a = a->next, b = b->next)
    check(a->id_count == b->id_count && a->score == b->score &&
              memcmp(a->ids, b->ids, a->id_count * sizeof *a->ids) == 0,
          "alone", weights, at);
  check(!a && !b, "as many alone", weights, at);
}

static void run_case(tfm_model *model, const json_t *one, size_t at) {
  static int32_t ids[ROWS][IDS];
  const char *weights = text_of(one, "weights");
  const json_t *prompts = json_object_get(one, "prompts");
  size_t rows = json_array_size(prompts);
  tfm_input input[ROWS];
  struct asked asked;
  tfm_result *together = NULL, *alone = NULL;
  read_options(&asked, json_object_get(one, "options"));
  for (size_t r = 0; r < rows && r < ROWS; r++) {
    const json_t *prompt = json_array_get(prompts, r);
    input[r] = (tfm_input){
        .struct_size = sizeof *input, .ids = ids[r], .id_count = json_array_size(prompt)};
    for (size_t i = 0; i < input[r].id_count && i < IDS; i++)
      ids[r][i] = (int32_t)json_integer_value(json_array_get(prompt, i));
  }
  check(tfm_model_run(model, input, rows, &asked.run, &together, error) == 0, "run", weights, at);
  for (size_t r = 0; together && r < rows; r++) {
    const tfm_answer *answer = tfm_result_answer(together, r);
    compare(answer, json_array_get(json_object_get(one, "answers"), r), weights, at);
    if (tfm_model_run(model, &input[r], 1, &asked.run, &alone, error) != 0)
      check(false, "run alone", weights, at);
    else
      same_answers(answer, tfm_result_answer(alone, 0), weights, at);
    tfm_result_destroy(alone);
    alone = NULL;
  }
  tfm_result_destroy(together);
}

static void run_all(const json_t *cases) {
  char directory[PATH] = "";
  const char *opened = "";
  tfm_model *model = NULL;
  const json_t *one;
  size_t at;
  json_array_foreach(cases, at, one) {
    if (strcmp(opened, text_of(one, "weights")) != 0) {
      tfm_model_destroy(model);
      remove_directory(directory);
      opened = text_of(one, "weights");
      model = make_directory(one, directory) ? open_model(one, directory) : NULL;
      check(model != NULL, "open", opened, at);
    }
    if (model)
      run_case(model, one, at);
  }
  tfm_model_destroy(model);
  remove_directory(directory);
}

/* What cannot be asked for is refused by name. */
static void refusals(const json_t *one) {
  char directory[PATH];
  const int32_t ids[] = {1, 2}, far[] = {100000};
  const double none = NAN;
  const tfm_ids beyond = {far, 1};
  const tfm_input input = {.struct_size = sizeof input, .ids = ids, .id_count = 2};
  const struct {
    tfm_run_options run;
    const char *says;
  } bad[] = {{{.beams = 4, .temperature = 1}, "temperature"},
             {{.beams = 4, .n_best = 5}, "5 best"},
             {{.beams = 4, .logprobs = 1}, "log probabilities"},
             {{.beams = 4, .early_stopping = 3}, "early_stopping"},
             {{.beams = 4, .length_penalty = &none}, "length penalty"},
             {{.beams = 5000}, "5000 beams"},
             {{.n_best = 2}, "without beams"},
             {{.bad_words = &beyond, .bad_word_count = 1}, "no token 100000"},
             {{.forced_last = &beyond, .max_new_tokens = 1}, "no token 100000"}};
  tfm_model *model = make_directory(one, directory) ? open_model(one, directory) : NULL;
  check(model != NULL, "open", "refusals", 0);
  for (size_t i = 0; model && i < sizeof bad / sizeof *bad; i++) {
    tfm_run_options run = bad[i].run;
    tfm_result *result = NULL;
    run.struct_size = sizeof run;
    check(tfm_model_run(model, &input, 1, &run, &result, error) == -1 &&
              strstr(tfm_error_message(error), bad[i].says),
          bad[i].says, "refusals", i);
    tfm_result_destroy(result);
  }
  tfm_model_destroy(model);
  remove_directory(directory);
}

int main(void) {
  char path[PATH];
  source = getenv("TFM_SRCDIR");
  plugin_dir = getenv("TFM_PLUGIN_DIR");
  source = source ? source : ".";
  error = tfm_error_create();
  snprintf(path, PATH, "%s/tests/parity/beams/expected.json", source);
  json_t *cases = json_load_file(path, 0, NULL);
  check(json_array_size(cases) >= 20, "expected.json", "", 0);
  run_all(cases);
  refusals(json_array_get(cases, 0));
  json_decref(cases);
  printf("%d checks, %d failed\n", checks, failures);
  tfm_error_destroy(error);
  return failures ? 1 : 0;
}
