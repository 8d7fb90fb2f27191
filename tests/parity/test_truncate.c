/* Texts that are longer than a model takes: refused, or truncated to the tokens that
 * transformers keeps with truncation=True; and special tokens that are text. */
#include "tfm/tfm.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static tfm_error *error;
static int failures;

static void check(int sound, const char *what) {
  if (sound)
    return;
  printf("wrong: %s: %s\n", what, tfm_error_message(error));
  failures++;
}

static tfm_model *open_fixture(const char *name) {
  char path[1024];
  const char *source = getenv("TFM_SRCDIR"), *plugins = getenv("TFM_PLUGIN_DIR");
  snprintf(path, sizeof path, "%s/tests/fixtures/%s", source ? source : ".", name);
  tfm_open_options options = {.struct_size = sizeof options,
                              .model = path,
                              .plugin_dir = &plugins,
                              .plugin_dir_count = plugins != NULL};
  tfm_model *model = tfm_model_open(&options, error);
  check(model != NULL, name);
  return model;
}

/* part, count times over. */
static char *repeat(const char *part, size_t count) {
  size_t length = strlen(part);
  char *text = malloc(count * length + 1);
  if (text == NULL)
    abort();
  for (size_t i = 0; i < count; i++)
    memcpy(text + i * length, part, length);
  text[count * length] = '\0';
  return text;
}

static tfm_result *run(tfm_model *model, const char *text, const char *pair, uint32_t flags) {
  tfm_run_options options = {.struct_size = sizeof options, .max_new_tokens = 1, .flags = flags};
  tfm_input input = {.struct_size = sizeof input,
                     .text = text,
                     .text_length = strlen(text),
                     .pair = pair,
                     .pair_length = pair ? strlen(pair) : 0};
  tfm_result *result = NULL;
  tfm_model_run(model, &input, 1, &options, &result, error);
  return result;
}

/* prompt tokens, tokens that went, and the first `many` ids. */
static void gives(tfm_result *result, size_t prompt, size_t truncated, const int32_t *ids,
                  size_t many, const char *what) {
  check(result != NULL, what);
  if (result == NULL)
    return;
  const tfm_answer *answer = tfm_result_answer(result, 0);
  check(answer->prompt_count == prompt, "prompt_count");
  check(answer->truncated == truncated, "truncated");
  check(answer->id_count >= many && memcmp(answer->ids, ids, many * sizeof *ids) == 0, what);
  tfm_result_destroy(result);
}

/* "the cat sat on the mat" is 136 86 160 102 160 98 31 136 96 160 in its vocabulary, between
 * [CLS] 2 and [SEP] 3; a model of 64 tokens. */
static void check_pair(void) {
  tfm_model *model = open_fixture("bert-classify");
  char *context = repeat("the cat sat on the mat ", 30);
  if (model == NULL)
    return;
  check(run(model, "the cat", context, 0) == NULL, "refused");
  check(tfm_error_code(error) == TFM_CODE_LIMIT, "a limit");
  check(strcmp(tfm_error_message(error), "the input is 306 tokens long, the model takes 64") == 0,
        "how long");
  static const int32_t ids[] = {2, 136, 86, 160, 3, 136, 86, 160, 102, 160, 98, 31, 136, 96, 160};
  gives(run(model, "the cat", context, TFM_RUN_TRUNCATE), 64, 242, ids, 15, "a long context");
  gives(run(model, "the cat", "the cat", TFM_RUN_TRUNCATE), 9, 0, ids, 8, "nothing to cut");
  free(context);
  context = repeat("the cat sat on the mat ", 100000);
  check(run(model, "the cat", context, 0) == NULL, "refused");
  check(strstr(tfm_error_message(error), "the input is more than 4352 tokens long") != NULL,
        "not cut to its end");
  free(context);
  tfm_model_destroy(model);
}

static void check_plain(void) {
  tfm_model *model = open_fixture("bert-mlm");
  if (model == NULL)
    return;
  check(run(model, "the [MASK]", NULL, TFM_RUN_PLAIN_SPECIAL) == NULL, "a mask that is text");
  check(strstr(tfm_error_message(error), "has no mask") != NULL, "is no mask");
  tfm_result *result = run(model, "the [MASK]", NULL, 0);
  check(result != NULL && tfm_result_answer(result, 0)->place_count == 1, "a mask");
  tfm_result_destroy(result);
  tfm_model_destroy(model);
}

int main(void) {
  error = tfm_error_create();
  check_pair();
  check_plain();
  tfm_error_destroy(error);
  printf("%d failures\n", failures);
  return failures != 0;
}
