/* test_checkpoints.c - the checkpoints that come with tfm against transformers.
 *
 * The model files name them, so no weights are given here.  For the first
 * three prompts of each task: the tokenizer's ids are equal, and the logits
 * (at the mask, of the labels, of the last place) within TOLERANCE of those in
 * tests/parity/checkpoints, which tools/train_reference/expected.py wrote. */
#include "tests/parity/tensors.h"
#include "tfm/tfm.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const double TOLERANCE = 2e-5;

enum { PROMPTS = 3, PATH = 1280, LINE = 1024 };

struct task {
  const char *name, *task, *model, *checkpoint;
};

static const struct task tasks[] = {
    {"fill_mask", "fill_mask", "bert.tfm", "bert-ko-reviews"},
    {"classify", "classify", "bert.tfm", "bert-ko-reviews"},
    {"generate", "generate", "gpt2.tfm", "gpt-ko-reviews"},
    {"dialogue", "generate", "gpt2.tfm", "gpt-ko-reviews"},
};

static int failures, checks;
static tfm_error *error;
static const char *plugin_dir, *source;
static const char dump_path[] = "parity-checkpoints.safetensors";

static void check(bool ok, const char *task, int prompt, const char *what, double value) {
  checks++;
  failures += !ok;
  if (!ok)
    printf("not ok: %s prompt %d: %s (%.9g)\n", task, prompt, what, value);
}

/* The prompt at `index` among those of the task. */
static bool read_prompt(const char *task, int index, char text[LINE]) {
  char path[PATH], line[LINE];
  bool found = false;
  snprintf(path, sizeof path, "%s/tools/train_reference/prompts.tsv", source);
  FILE *file = fopen(path, "r");
  while (file && !found && fgets(line, sizeof line, file)) {
    char *tab = strchr(line, '\t');
    size_t length = strlen(task);
    if (!tab || (size_t)(tab - line) != length || memcmp(line, task, length) != 0 || index-- > 0)
      continue;
    tab[1 + strcspn(tab + 1, "\n")] = '\0';
    memcpy(text, tab + 1, strlen(tab + 1) + 1);
    found = true;
  }
  if (file)
    fclose(file);
  return found;
}

/* The dumped logits that the expected ones speak of: the place of the mask,
 * the labels, or the last place. */
static const double *chosen(const struct task *t, const struct tensor *got,
                            const struct tensor *want, const tfm_answer *answer,
                            const struct tensor *ids) {
  if (got->count < want->count || want->count == 0)
    return NULL;
  if (strcmp(t->name, "fill_mask") != 0)
    return got->value + got->count - want->count;
  for (size_t i = 0; answer->place_count == 1 && i < ids->count; i++)
    if (ids->value[i] == 4 && (i + 1) * want->count <= got->count) /* [MASK] */
      return got->value + i * want->count;
  return NULL;
}

static void check_logits(const struct task *t, int prompt, const struct tensor *want,
                         const tfm_answer *answer, const struct tensor *ids) {
  struct tensors dumped;
  struct tensor got = {0};
  double most = INFINITY;
  if (tensors_read(dump_path, &dumped)) {
    if (tensors_get(&dumped, "logits", &got)) {
      const double *value = chosen(t, &got, want, answer, ids);
      for (size_t i = 0; value && i < want->count; i++) {
        double d = fabs(value[i] - want->value[i]);
        most = i == 0 || d > most || isnan(d) ? d : most;
      }
    }
    tensor_finish(&got);
    tensors_finish(&dumped);
  }
  check(most <= TOLERANCE, t->name, prompt, "logits are off", most);
}

static void run_prompt(const struct task *t, int prompt, const struct tensor *ids,
                       const struct tensor *want) {
  char path[PATH], text[LINE];
  tfm_tap dump = {sizeof dump, "logits", dump_path, NULL};
  snprintf(path, sizeof path, "%s/models/%s", source, t->model);
  if (!read_prompt(t->name, prompt, text)) {
    check(false, t->name, prompt, "is not in prompts.tsv", 0);
    return;
  }
  tfm_open_options open = {.struct_size = sizeof open,
                           .model = path,
                           .task = t->task,
                           .plugin_dir = &plugin_dir,
                           .plugin_dir_count = plugin_dir ? 1 : 0,
                           .dump = &dump,
                           .dump_count = 1};
  tfm_run_options run = {.struct_size = sizeof run, .max_new_tokens = -2};
  tfm_input input = {.struct_size = sizeof input, .text = text, .text_length = strlen(text)};
  tfm_result *result = NULL;
  tfm_model *model = tfm_model_open(&open, error);
  if (!model || tfm_model_run(model, &input, 1, &run, &result, error) != 0) {
    check(false, t->name, prompt, tfm_error_message(error), 0);
  } else {
    const tfm_answer *answer = tfm_result_answer(result, 0);
    check(answer->prompt_count == ids->count, t->name, prompt, "number of ids",
          (double)answer->prompt_count);
    if (strcmp(t->task, "generate") != 0)
      for (size_t i = 0; i < ids->count && i < answer->id_count; i++)
        check(answer->ids[i] == (int32_t)ids->value[i], t->name, prompt, "id", (double)i);
    check_logits(t, prompt, want, answer, ids);
  }
  tfm_result_destroy(result);
  tfm_model_destroy(model);
  unlink(dump_path);
}

static void run_task(const struct task *t) {
  char path[PATH], key[64];
  struct tensors expected;
  snprintf(path, sizeof path, "%s/tests/parity/checkpoints/%s.safetensors", source, t->checkpoint);
  if (!tensors_read(path, &expected)) {
    check(false, t->name, 0, "no expected logits", 0);
    return;
  }
  for (int i = 0; i < PROMPTS; i++) {
    struct tensor ids = {0}, want = {0};
    snprintf(key, sizeof key, "%s.%d.ids", t->name, i);
    bool ok = tensors_get(&expected, key, &ids);
    snprintf(key, sizeof key, "%s.%d.logits", t->name, i);
    ok = tensors_get(&expected, key, &want) && ok;
    check(ok, t->name, i, "nothing is expected", 0);
    if (ok)
      run_prompt(t, i, &ids, &want);
    tensor_finish(&ids);
    tensor_finish(&want);
  }
  tensors_finish(&expected);
}

int main(void) {
  source = getenv("TFM_SRCDIR");
  source = source ? source : ".";
  plugin_dir = getenv("TFM_PLUGIN_DIR");
  error = tfm_error_create();
  if (!error)
    return 99;
  for (size_t i = 0; i < sizeof tasks / sizeof *tasks; i++)
    run_task(&tasks[i]);
  printf("%d checks, %d failed\n", checks, failures);
  tfm_error_destroy(error);
  return failures ? 1 : 0;
}
