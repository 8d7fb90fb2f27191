/* batch.c - inputs of tfmrun as rows: each as often as samples of it are asked for. */
#include "tools/output.h"
#include "tools/run.h"

#include <stdlib.h>
#include <string.h>

enum { ROWS = 32 };

struct rows {
  tfm_input input[ROWS];
  uint64_t seed[ROWS];
  size_t count;
};

static int on_token(void *arg, size_t row, int32_t id, const char *text, size_t length) {
  struct job *job = arg;
  (void)row, (void)id;
  job->begun = job->begun || length;
  if (length)
    cli_answer(text, length);
  return length && cli_output_lost();
}

/* Of the first input the samples have the seeds S, S + 1, ...; those of others are far
 * from them.  What a row draws depends on nothing else, such as how lines were batched;
 * each of these is a number that --seed takes. */
static uint64_t row_seed(const struct options *o, size_t input, size_t sample) {
  return ((o->run.seed + sample) ^ (input * 0x9e3779b97f4a7c15u)) & INT64_MAX;
}

static void print(struct job *job, const struct rows *rows, const tfm_result *result, bool stream) {
  const struct options *o = job->options;
  cli_clear(job->cli);
  const uint64_t *seeds = o->samples > 1 ? rows->seed : NULL;
  if (o->json && !output_json(&job->info, rows->input, seeds, result))
    exit(cli_no_memory(job->cli));
  if (!o->json)
    output_text(&job->info, result, stream, o->run.top ? o->run.top : 1);
  if (!cli_output_lost() && job->stream)
    output_timing(job->cli, &job->info, tfm_result_timing(result));
}

static int run_rows(struct job *job, const struct rows *rows) {
  const struct options *o = job->options;
  tfm_run_options run = o->run;
  tfm_result *result = NULL;
  bool stream = job->stream && o->samples <= 1 && job->info.task == TFM_TASK_GENERATE &&
                job->info.has_tokenizer;
  run.seeds = rows->seed;
  if (stream) {
    run.token = on_token;
    run.token_arg = job;
  }
  if (tfm_model_run(job->model, rows->input, rows->count, &run, &result, job->error) != 0)
    return -1;
  print(job, rows, result, stream);
  tfm_result_destroy(result);
  return 0;
}

int run_batch(struct job *job, const tfm_input *inputs, size_t count, size_t first) {
  size_t samples = job->options->samples ? job->options->samples : 1;
  struct rows rows = {.count = 0};
  for (size_t i = 0; i < count * samples; i++) {
    rows.input[rows.count] = inputs[i / samples];
    rows.seed[rows.count++] = row_seed(job->options, first + i / samples, i % samples);
    if (rows.count < ROWS && i + 1 < count * samples)
      continue;
    if (run_rows(job, &rows) != 0)
      return -1;
    rows.count = 0;
  }
  return 0;
}
