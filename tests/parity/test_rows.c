/* test_rows.c - rows that stop at different times: each says what it says alone, and those
 * that have stopped cost nothing. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "tfm/tfm.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ROWS = 32, MOST = 24, PROMPT = 5 };

static unsigned checks, failed;

static void check(int good, const char *what, size_t row) {
  checks++;
  if (!good) {
    failed++;
    printf("not ok: %s: row %zu\n", what, row);
  }
}

static size_t tokens_of(size_t row) {
  return row * 7 % MOST + 1;
}

struct stopper {
  size_t first; /* the number of the run's row 0 among all */
  size_t made[ROWS];
};

static int on_token(void *arg, size_t row, int32_t id, const char *text, size_t length) {
  struct stopper *s = arg;
  (void)text;
  (void)length;
  return id >= 0 && ++s->made[row] >= tokens_of(s->first + row);
}

static tfm_result *run(tfm_model *model, const tfm_input *input, size_t count, size_t first,
                       double temperature) {
  struct stopper stopper = {.first = first};
  tfm_error *error = tfm_error_create();
  tfm_run_options options = {.struct_size = sizeof options,
                             .max_new_tokens = MOST,
                             .temperature = temperature,
                             .ignore_stop = 1,
                             .token = on_token,
                             .token_arg = &stopper};
  tfm_result *result = NULL;
  if (tfm_model_run(model, input, count, &options, &result, error) != 0)
    printf("%s\n", tfm_error_message(error));
  tfm_error_destroy(error);
  return result;
}

static void try_model(const char *model, const char *fixture) {
  char file[1024], weights[1024], what[64];
  const char *root = getenv("TFM_SRCDIR"), *plugins = getenv("TFM_PLUGIN_DIR");
  static int32_t ids[ROWS][PROMPT + ROWS % 3];
  tfm_input input[ROWS];
  snprintf(file, sizeof file, "%s", model);
  snprintf(weights, sizeof weights, "%s/tests/fixtures/%s", root, fixture);
  tfm_open_options open = {.struct_size = sizeof open,
                           .model = file,
                           .weights = weights,
                           .threads = 2,
                           .plugin_dir = &plugins,
                           .plugin_dir_count = 1};
  tfm_error *error = tfm_error_create();
  tfm_model *opened = tfm_model_open(&open, error);
  if (!opened)
    printf("%s\n", tfm_error_message(error));
  for (size_t r = 0; r < ROWS; r++) {
    for (size_t t = 0; t < PROMPT; t++)
      ids[r][t] = (int32_t)(5 + (r * 31 + t * 17) % 90);
    input[r] = (tfm_input){.struct_size = sizeof *input, .ids = ids[r], .id_count = 1 + r % PROMPT};
  }
  tfm_result *all = opened ? run(opened, input, ROWS, 0, 0) : NULL;
  snprintf(what, sizeof what, "%s", fixture);
  check(all != NULL, what, 0);
  for (size_t r = 0; all && r < ROWS; r++) {
    tfm_result *alone = run(opened, &input[r], 1, r, 0);
    const tfm_answer *a = tfm_result_answer(all, r), *b = tfm_result_answer(alone, 0);
    check(b && a->id_count == tokens_of(r) && a->id_count == b->id_count &&
              memcmp(a->ids, b->ids, a->id_count * sizeof *a->ids) == 0,
          what, r);
    tfm_result_destroy(alone);
  }
  tfm_result_destroy(all);
  tfm_model_destroy(opened);
  tfm_error_destroy(error);
}

/* gpt2.tfm without its state: each step is the whole sequence. */
static void without_state(char path[1024]) {
  char command[4096];
  snprintf(path, 1024, "/tmp/tfm-rows-%ld.tfm", (long)getpid());
  snprintf(command, sizeof command,
           "sed -e '/^state /d' -e 's/, cache: cache)/)/' -e 's/layer(x, past.i., i)/layer(x, i)/' "
           "-e 's/cache: kv, //' '%s/models/gpt2.tfm' >%s",
           getenv("TFM_SRCDIR"), path);
  check(system(command) == 0, "sed", 0);
}

int main(void) {
  char path[1024];
  without_state(path);
  try_model("gpt2.tfm", "gpt2-tied");
  try_model("llama.tfm", "llama-gqa");
  try_model(path, "gpt2-tied");
  remove(path);
  printf("%u checks, %u failed\n", checks, failed);
  return failed != 0;
}
