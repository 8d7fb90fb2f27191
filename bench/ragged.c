/* ragged.c - what does a batch of rows of unequal length cost?
 *
 *     bench/ragged [-t THREADS] [-r ROUNDS] [-k TASK] DIR
 *
 * One batch of texts of 8, 16, 32, 64, 128, 256 and 512 tokens on random weights of the
 * config.json in DIR, and the same texts one after another, in turns.  Without padding the
 * batch costs the sum of its tokens: a ratio of 1, less where one product for all rows is
 * better than one for each. */
#include "tfm/tfm.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { TEXTS = 7, ROUNDS_MAX = 1000 };

/* Processor time: a busy machine does not count. */
static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static int by_value(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static void run(tfm_model *model, const tfm_input *input, size_t count, tfm_error *error) {
  tfm_run_options options = {.struct_size = sizeof options, .flags = TFM_RUN_PASS_ONLY};
  tfm_result *result = NULL;
  if (tfm_model_run(model, input, count, &options, &result, error) != 0) {
    fprintf(stderr, "%s\n%s", tfm_error_message(error), tfm_error_notes(error));
    exit(1);
  }
  tfm_result_destroy(result);
}

/* Seconds of one batch, and of its texts one after another. */
static void round_of(tfm_model *model, const tfm_input *input, tfm_error *error, double *batch,
                     double *alone) {
  double begin = now();
  run(model, input, TEXTS, error);
  double middle = now();
  for (size_t i = 0; i < TEXTS; i++)
    run(model, &input[i], 1, error);
  *batch = middle - begin;
  *alone = now() - middle;
}

static void measure(tfm_model *model, int rounds, tfm_error *error) {
  static int32_t ids[512];
  static double batch[ROUNDS_MAX], alone[ROUNDS_MAX], ratio[ROUNDS_MAX];
  tfm_input input[TEXTS];
  size_t tokens = 0;
  for (int t = 0; t < 512; t++)
    ids[t] = 1000 + t * 37 % 9000;
  for (size_t i = 0; i < TEXTS; i++) {
    input[i] = (tfm_input){.struct_size = sizeof *input, .ids = ids, .id_count = (size_t)8 << i};
    tokens += input[i].id_count;
  }
  round_of(model, input, error, &batch[0], &alone[0]); /* warm */
  for (int r = 0; r < rounds; r++) {
    round_of(model, input, error, &batch[r], &alone[r]);
    ratio[r] = batch[r] / alone[r];
  }
  qsort(batch, (size_t)rounds, sizeof *batch, by_value);
  qsort(alone, (size_t)rounds, sizeof *alone, by_value);
  qsort(ratio, (size_t)rounds, sizeof *ratio, by_value);
  printf("%zu tokens: batch %.3f s, alone %.3f s, ratio %.3f (%.3f to %.3f of %d rounds)\n", tokens,
         batch[rounds / 2], alone[rounds / 2], ratio[rounds / 2], ratio[0], ratio[rounds - 1],
         rounds);
}

int main(int argc, char **argv) {
  const char *plugins = getenv("TFM_PLUGIN_DIR");
  tfm_open_options open = {.struct_size = sizeof open,
                           .flags = TFM_OPEN_RANDOM_WEIGHTS,
                           .threads = 1,
                           .plugin_dir = &plugins,
                           .plugin_dir_count = plugins ? 1 : 0};
  int rounds = 5, option;
  while ((option = getopt(argc, argv, "t:r:k:")) != -1) {
    if (option == 't')
      open.threads = (uint32_t)atoi(optarg);
    else if (option == 'r')
      rounds = atoi(optarg);
    else if (option == 'k')
      open.task = optarg;
    else
      return 2;
  }
  if (optind + 1 != argc || rounds < 1 || rounds > ROUNDS_MAX)
    return 2;
  open.model = argv[optind];
  tfm_error *error = tfm_error_create();
  tfm_model *model = tfm_model_open(&open, error);
  if (!model) {
    fprintf(stderr, "%s\n%s", tfm_error_message(error), tfm_error_notes(error));
    return 1;
  }
  measure(model, rounds, error);
  tfm_model_destroy(model);
  tfm_error_destroy(error);
  return 0;
}
