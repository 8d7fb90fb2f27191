/* settle.c - options that depend on the model: which task they are for, and what the
 * checkpoint's generation_config.json says where nothing is given. */
#include "tools/run.h"

#include <math.h>

void run_leave_open(tfm_run_options *run) {
  run->temperature = run->top_p = run->min_p = run->repetition_penalty = NAN;
  run->top_k = -1;
  run->no_repeat_ngram = UINT32_MAX;
}

/* An option for another task would do nothing: say so. */
static int check_task(const struct cli *cli, const struct options *o, int task) {
  const tfm_run_options *run = &o->run;
  const struct {
    bool given;
    int task;
    const char *option, *name;
  } rule[] = {
      {run->max_new_tokens != 0, TFM_TASK_GENERATE, "--tokens", "generate"},
      {run->ignore_stop != 0, TFM_TASK_GENERATE, "--ignore-stop", "generate"},
      {run->seed != 0, TFM_TASK_GENERATE, "--seed", "generate"},
      {!isnan(run->temperature), TFM_TASK_GENERATE, "--temp", "generate"},
      {run->top_k >= 0, TFM_TASK_GENERATE, "--top-k", "generate"},
      {!isnan(run->top_p), TFM_TASK_GENERATE, "--top-p", "generate"},
      {!isnan(run->min_p), TFM_TASK_GENERATE, "--min-p", "generate"},
      {run->stop_count > 0, TFM_TASK_GENERATE, "--stop", "generate"},
      {o->samples > 1, TFM_TASK_GENERATE, "--samples", "generate"},
      {o->generation_config, TFM_TASK_GENERATE, "--generation-config", "generate"},
      {run->logprobs > 0, TFM_TASK_GENERATE, "--logprobs", "generate"},
      {!isnan(run->repetition_penalty), TFM_TASK_GENERATE, "--repetition-penalty", "generate"},
      {run->presence_penalty != 0, TFM_TASK_GENERATE, "--presence-penalty", "generate"},
      {run->frequency_penalty != 0, TFM_TASK_GENERATE, "--frequency-penalty", "generate"},
      {run->no_repeat_ngram != UINT32_MAX, TFM_TASK_GENERATE, "--no-repeat-ngram", "generate"},
      {run->group != 0, TFM_TASK_CLASSIFY_TOKENS, "--group", "classify_tokens"},
      {o->query != NULL, TFM_TASK_RERANK, "--query", "rerank"},
      {run->prompt_name != NULL, TFM_TASK_EMBED, "--prompt-name", "embed"},
      {run->stride != 0, TFM_TASK_QA, "--stride", "qa"},
      {(run->flags & TFM_RUN_NULL_ANSWER) != 0, TFM_TASK_QA, "--null-answer", "qa"},
  };
  for (size_t i = 0; i < sizeof rule / sizeof *rule; i++)
    if (rule[i].given && rule[i].task != task)
      return cli_usage_error(cli, "%s is for the task %s", rule[i].option, rule[i].name);
  bool several = task == TFM_TASK_FILL_MASK || task == TFM_TASK_CLASSIFY || task == TFM_TASK_RERANK;
  if (run->top != 0 && !several)
    return cli_usage_error(cli, "--top is for the tasks fill_mask, classify and rerank");
  return 0;
}

int run_settle(const struct cli *cli, struct options *o, int task, const tfm_model *model,
               tfm_error *error) {
  tfm_run_options config = {.struct_size = sizeof config}, *run = &o->run;
  int status = check_task(cli, o, task);
  if (status != 0)
    return status;
  if (o->generation_config && tfm_model_generation(model, &config, error) != 0)
    return cli_fail(cli, error);
  run->temperature = isnan(run->temperature) ? config.temperature : run->temperature;
  run->top_k = run->top_k < 0 ? config.top_k : run->top_k;
  run->top_p = isnan(run->top_p) ? config.top_p : run->top_p;
  run->min_p = isnan(run->min_p) ? config.min_p : run->min_p;
  if (isnan(run->repetition_penalty))
    run->repetition_penalty = config.repetition_penalty;
  if (run->no_repeat_ngram == UINT32_MAX)
    run->no_repeat_ngram = config.no_repeat_ngram;
  if (run->max_new_tokens == 0) {
    run->max_new_tokens = config.max_new_tokens;
    run->max_length = config.max_length;
  }
  if (o->samples > 1 && run->temperature == 0)
    return cli_usage_error(cli, "the likeliest text is one: --samples needs --temp above 0");
  return 0;
}
