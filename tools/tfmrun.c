/* tfmrun.c - a model file, a checkpoint, and words.
 *
 * Reads options, opens the model once, then runs the inputs: one from the
 * command line, or lines from a pipe in batches.  stdout carries only the
 * result; everything else goes to stderr. */
#include "tools/check.h"
#include "tools/run.h"

#include <stdlib.h>
#include <string.h>

/* Lost output: main says so. */
int run_failed(struct job *job) {
  if (job->begun)
    putchar('\n');
  return cli_output_lost() ? TFM_CODE_RUN : cli_fail(job->cli, job->error);
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
  job->stream = true;
  if (o->json)
    job->stream = false;
  int status = run_batch(job, &input, 1, 0) == 0 ? 0 : run_failed(job);
  free(list);
  return status;
}

static int run_inputs(struct job *job) {
  const struct options *o = job->options;
  if ((o->input && strcmp(o->input, "-") == 0) || (o->ids && strcmp(o->ids, "-") == 0))
    return run_lines(job);
  return run_one(job, o->input, o->ids);
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
    else if ((status = run_settle(cli, o, model, error)) == 0)
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
