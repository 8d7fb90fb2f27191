/* tfmrun.c - a model file, a checkpoint, and words.
 *
 * Reads options, opens the model once, then runs the inputs: one from the
 * command line, or lines from a pipe in batches.  stdout carries only the
 * result; everything else goes to stderr. */
#include "tools/attention.h"
#include "tools/check.h"
#include "tools/compare.h"
#include "tools/output.h"
#include "tools/run.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static int on_token(void *arg, size_t row, int32_t id, const char *text, size_t length) {
  struct job *job = arg;
  (void)row, (void)id;
  job->begun = job->begun || length;
  if (length)
    cli_answer(text, length);
  return length && cli_output_lost();
}

uint64_t run_seed(const struct options *o, size_t place, size_t sample) {
  return ((o->run.seed + sample) ^ (place * 0x9e3779b97f4a7c15u)) & INT64_MAX;
}

void run_print(struct job *job, const tfm_input *input, uint64_t seed, const tfm_result *result,
               size_t row, bool streamed) {
  const struct options *o = job->options;
  const tfm_answer *answer = tfm_result_answer(result, row);
  cli_clear(job->cli);
  job->cut += answer->truncated > 0;
  job->cut_tokens += answer->truncated;
  if (!o->json) {
    output_text(&job->info, answer, streamed, o->run.top ? o->run.top : 1);
    while ((answer = answer->next) != NULL)
      output_text(&job->info, answer, false, 1);
    return;
  }
  tfm_timing timing = output_share(result, row);
  for (; answer; answer = answer->next)
    if (!output_json(&job->info, input, answer, o->samples > 1 ? &seed : NULL,
                     o->run.beams > 1 ? &answer->score : NULL, &timing))
      exit(cli_no_memory(job->cli));
  job->info.load_ns = 0; /* told once, so that times add up */
}

/* One input: its text is written as it is made. */
static int run_alone(struct job *job, const tfm_input *input) {
  const struct options *o = job->options;
  tfm_run_options run = o->run;
  tfm_result *result = NULL;
  uint64_t seed = run_seed(o, 0, 0);
  bool stream = !o->json && job->info.task == TFM_TASK_GENERATE && job->info.has_tokenizer;
  run.seeds = &seed;
  if (stream) {
    run.token = on_token;
    run.token_arg = job;
  }
  if ((o->session ? run_session(job, input, &run, &result)
                  : tfm_model_run(job->model, input, 1, &run, &result, job->error)) != 0) {
    tfm_result_destroy(result);
    if (job->begun)
      putchar('\n');
    return cli_output_lost() ? TFM_CODE_RUN : cli_fail(job->cli, job->error); /* main says so */
  }
  run_print(job, input, seed, result, 0, stream);
  if (!cli_output_lost() && !o->json)
    output_timing(job->cli, &job->info, tfm_result_timing(result));
  tfm_result_destroy(result);
  return 0;
}

static int run_one(struct job *job, const char *text, const char *ids) {
  const struct options *o = job->options;
  tfm_input input = {.struct_size = sizeof input};
  int32_t *list = NULL;
  if (ids && !cli_ids(job->cli, "--ids", ids, &list, &input.id_count))
    return TFM_CODE_USAGE;
  input.ids = list;
  if (text) {
    input.text = text;
    input.text_length = strlen(text);
  }
  if (o->pair) {
    input.pair = o->pair;
    input.pair_length = strlen(o->pair);
  }
  bool given = text || ids;
  int status = o->common.open.compare ? compare_run(job, &input, given)
               : o->attention         ? attention_run(job, &input)
               : o->samples > 1       ? run_samples(job, &input)
                                      : run_alone(job, &input);
  free(list);
  return status;
}

/* What was left out is said, with --quiet too. */
static void say_truncated(const struct job *job) {
  if (job->cut == 0)
    return;
  cli_clear(job->cli);
  fprintf(
      stderr, "%s: %zu %s truncated to the %" PRId64 " tokens that the model takes: %zu %s out\n",
      job->cli->program, job->cut, job->cut == 1 ? "text was" : "texts were", job->info.max_tokens,
      job->cut_tokens, job->cut_tokens == 1 ? "token is left" : "tokens are left");
}

static int run_inputs(struct job *job) {
  const struct options *o = job->options;
  bool ranks = job->info.task == TFM_TASK_RERANK, one = o->query && o->pair;
  ranks = ranks && (o->input || o->query) && !o->pair && !o->ids;
  bool lines = (o->input && strcmp(o->input, "-") == 0) || (o->ids && strcmp(o->ids, "-") == 0);
  int status = ranks           ? run_rank(job)
               : lines && !one ? run_lines(job)
                               : run_one(job, o->query ? o->query : o->input, o->ids);
  say_truncated(job);
  return status;
}

static void say_fits(const tfm_model_info *info) {
  printf("%s: ", info->name);
  cli_answer(info->model_path, strlen(info->model_path));
  fputs(" fits ", stdout);
  cli_answer(info->weights_path, strlen(info->weights_path));
  putchar('\n');
}

/* To open the model has checked all but the values. */
static int check(struct job *job) {
  int status = 0;
  if (job->options->check_tensors) {
    tfm_weights *weights = tfm_weights_open(job->info.weights_path, job->error);
    status =
        weights ? check_tensors(job->cli, weights, job->error) : cli_fail(job->cli, job->error);
    tfm_weights_destroy(weights);
  }
  if (status == 0)
    say_fits(&job->info);
  return status;
}

static int run(struct cli *cli, struct options *o) {
  tfm_error *error = tfm_error_create();
  if (!error)
    return cli_no_memory(cli);
  cli_progress(cli, "loading %s",
               o->common.open.weights ? o->common.open.weights : o->common.open.model);
  tfm_model *model = tfm_model_open(&o->common.open, error);
  int status;
  if (!model) {
    status = cli_fail(cli, error);
  } else {
    struct job job = {.cli = cli, .options = o, .model = model, .error = error};
    job.info.struct_size = sizeof job.info;
    tfm_model_describe(model, &job.info);
    cli_clear(cli);
    cli_catch_interrupts(model);
    if (o->check)
      status = check(&job);
    else if ((status = run_settle(cli, o, job.info.task, model, error)) == 0)
      status = run_inputs(&job);
    cli_catch_interrupts(NULL);
    if (status == 0 && (o->common.open.flags & TFM_OPEN_PROFILE)) {
      char *profile = tfm_model_profile(model, error);
      fputs(profile ? profile : "", stderr);
      tfm_free(profile);
    }
  }
  tfm_model_destroy(model);
  tfm_error_destroy(error);
  return status;
}

int main(int argc, char **argv) {
  struct cli cli;
  struct options o = {.run = {.struct_size = sizeof o.run}};
  int status;
  cli_init(&cli, "tfmrun");
  if (run_parse(&cli, &o, argc, argv, &status))
    status = cli_finish_output(&cli, run(&cli, &o));
  run_options_finish(&o);
  return status;
}
