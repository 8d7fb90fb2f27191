/* settle.c - options that depend on the model: those of another task are refused, and what
 * the checkpoint's generation_config.json says stands where nothing is given. */
#include "tools/run.h"

#include <math.h>

void run_leave_open(tfm_run_options *run) {
  run->temperature = run->top_p = run->min_p = run->repetition_penalty = NAN;
  run->top_k = -1;
  run->no_repeat_ngram = UINT32_MAX;
}

int run_settle(const struct cli *cli, struct options *o, int task, const tfm_model *model,
               tfm_error *error) {
  tfm_run_options config = {.struct_size = sizeof config}, *run = &o->run;
  int status = options_check_task(cli, task);
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
