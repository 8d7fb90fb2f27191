/* fuzz_directory.c - a whole checkpoint, opened and run: a byte that picks a fixture,
 * then config.json, generation_config.json, tokenizer_config.json, tokenizer.json, the
 * text and its pair, each up to a NUL.  A file that is empty is the fixture's own.
 *
 * What the reference does is not asked here: a run ends in an error or in an answer
 * whose places lie in its text and whose probabilities are some. */
#include "tests/fuzz/fuzz.h"
#include "tfm/tfm.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const fixtures[] = {"bert-mlm",   "bert-qa",   "bert-tags", "bert-classify",
                                       "bert-model", "gpt2-tied", "llama-tied"};
static const char *const files[] = {"config.json", "generation_config.json",
                                    "tokenizer_config.json", "tokenizer.json"};
enum { FIXTURES = sizeof fixtures / sizeof *fixtures, FILES = sizeof files / sizeof *files };
enum { PARTS = FILES + 2, TEXT = FILES, PAIR, TEXT_MAX = 256, NEW_TOKENS = 3 };

struct part {
  const uint8_t *data;
  size_t size;
};

/* The fixture's file of that name in our directory, as a link; none where it has none. */
static void link_file(const char *fixture, const char *name) {
  char inside[128];
  snprintf(inside, sizeof inside, "tests/fixtures/%s/%s", fixture, name);
  char *source = fuzz_source_path(inside);
  fuzz_remove(name);
  if (access(source, R_OK) == 0)
    fuzz_check(symlink(source, fuzz_path(name)) == 0, "a link can be made");
  free(source);
}

static void lay_out(const char *fixture, const struct part *part) {
  link_file(fixture, "model.safetensors");
  for (int i = 0; i < FILES; i++) {
    link_file(fixture, files[i]);
    if (part[i].size > 0) {
      fuzz_remove(files[i]); /* the link, not what it names */
      fuzz_write(files[i], part[i].data, part[i].size);
    }
  }
}

static tfm_model *open_model(tfm_error *error) {
  static char *models;
  if (models == NULL)
    models = fuzz_source_path("models");
  const char *model_dir[] = {models}, *plugin_dir[] = {fuzz_plugins()};
  tfm_open_options options = {.struct_size = sizeof options,
                              .model = fuzz_directory(),
                              .threads = 1,
                              .plugin_dir = plugin_dir,
                              .plugin_dir_count = 1,
                              .model_dir = model_dir,
                              .model_dir_count = 1};
  return tfm_model_open(&options, error);
}

static void check_place(const tfm_model_info *info, const tfm_input *input,
                        const tfm_place *place) {
  size_t length = info->task == TFM_TASK_QA ? input->pair_length : input->text_length;
  bool in_pair = input->pair != NULL && place->end <= input->pair_length;
  fuzz_check(place->begin <= place->end, "a place does not end before it begins");
  fuzz_check(place->end <= length || in_pair, "a place lies in its text");
  for (size_t c = 0; c < place->choice_count; c++) {
    double score = place->choice[c].score;
    fuzz_check(isfinite(score), "a score is a number");
    /* there it may be the value of a regression, or what an activation leaves of it */
    if (info->task != TFM_TASK_CLASSIFY && info->task != TFM_TASK_RERANK)
      fuzz_check(score >= 0 && score <= 1.0001, "a score is a probability");
  }
}

static void check_answer(const tfm_model_info *info, const tfm_input *input,
                         const tfm_answer *answer) {
  fuzz_check(strlen(answer->text) <= answer->text_length, "a text ends where it says");
  fuzz_check(info->task == TFM_TASK_GENERATE || answer->id_count == answer->prompt_count,
             "the input's ids are given back");
  for (size_t p = 0; p < answer->place_count; p++)
    check_place(info, input, &answer->place[p]);
  for (size_t i = 0; i < answer->vector_count; i++)
    fuzz_check(isfinite(answer->vector[i]), "a vector has numbers");
}

static void run(tfm_model *model, const struct part *part, tfm_error *error) {
  tfm_run_options options = {.struct_size = sizeof options, .max_new_tokens = NEW_TOKENS};
  tfm_input input = {.struct_size = sizeof input,
                     .text = (const char *)part[TEXT].data,
                     .text_length = part[TEXT].size,
                     .pair = part[PAIR].size ? (const char *)part[PAIR].data : NULL,
                     .pair_length = part[PAIR].size};
  tfm_model_info info = {.struct_size = sizeof info};
  tfm_result *result = NULL;
  tfm_model_describe(model, &info);
  int status = tfm_model_run(model, &input, 1, &options, &result, error);
  fuzz_check((status != 0) == (tfm_error_code(error) != 0), "an error goes with a failure");
  fuzz_check(status == 0 || tfm_error_message(error)[0] != '\0', "an error has a message");
  fuzz_check((status == 0) == (result != NULL), "a run gives a result");
  if (result != NULL)
    check_answer(&info, &input, tfm_result_answer(result, 0));
  tfm_result_destroy(result);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static tfm_error *error;
  struct part part[PARTS];
  if (size == 0)
    return 0;
  if (error == NULL)
    error = tfm_error_create();
  const char *fixture = fixtures[*data++ % FIXTURES];
  size--;
  for (int i = 0; i < PARTS; i++) {
    part[i].data = data;
    part[i].size = fuzz_part(&data, &size);
  }
  if (part[TEXT].size > TEXT_MAX)
    part[TEXT].size = TEXT_MAX;
  lay_out(fixture, part);
  tfm_model *model = open_model(error);
  fuzz_check((model == NULL) == (tfm_error_code(error) != 0), "an error goes with a failure");
  if (model != NULL)
    run(model, part, error);
  tfm_model_destroy(model);
  return 0;
}

/* One of the parts is changed: a file as JSON, a text as bytes. */
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned seed) {
  const uint8_t *at = data + 1;
  size_t left = size - 1, length = 0;
  if (size < 2)
    return LLVMFuzzerMutate(data, size, max);
  for (unsigned pick = seed % PARTS;; pick--) {
    const uint8_t *begin = at;
    length = fuzz_part(&at, &left);
    if (pick > 0 && left > 0)
      continue;
    size_t before = (size_t)(begin - data), after = size - before - length;
    size_t room = max - before - after;
    if (room == 0) /* an empty part of an input that is as long as it may be */
      return LLVMFuzzerMutate(data, size, max);
    uint8_t *part = malloc(max);
    fuzz_check(part != NULL, "there is memory for a part");
    memcpy(part, begin, length);
    size_t made = seed % PARTS < FILES ? fuzz_mutate_json(part, length, room, seed / PARTS)
                                       : LLVMFuzzerMutate(part, length, room);
    memmove(data + before + made, data + before + length, after);
    memcpy(data + before, part, made);
    free(part);
    return before + made + after;
  }
}
