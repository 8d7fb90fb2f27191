/* settle.c - options that depend on the model: those of another task are refused, and what
 * the checkpoint's generation_config.json says stands where nothing is given. */
#include "tools/run.h"

#include <math.h>

void run_leave_open(struct options *o) {
  tfm_run_options *run = &o->run;
  o->length_penalty = NAN;
  run->early_stopping = UINT32_MAX;
  run->min_length = run->min_new_tokens = -1;
  run->temperature = run->top_p = run->min_p = run->repetition_penalty = NAN;
  run->top_k = -1;
  run->no_repeat_ngram = UINT32_MAX;
}

/* Beams, and what ends them. */
static void settle_beams(struct options *o, const tfm_run_options *config) {
  tfm_run_options *run = &o->run;
  run->beams = run->beams ? run->beams : config->beams;
  if (run->early_stopping == UINT32_MAX)
    run->early_stopping = config->early_stopping;
  run->length_penalty = isnan(o->length_penalty) ? config->length_penalty : &o->length_penalty;
  run->n_best = o->samples ? o->samples : config->n_best;
  if (run->beams > 1)
    o->samples = 1;
  else
    run->n_best = 0;
}

/* Which tokens may come. */
static void settle_rules(tfm_run_options *run, const tfm_run_options *config) {
  run->min_length = run->min_length < 0 ? config->min_length : run->min_length;
  run->min_new_tokens = run->min_new_tokens < 0 ? config->min_new_tokens : run->min_new_tokens;
  if (!run->suppress.ids)
    run->suppress = config->suppress;
  if (!run->begin_suppress.ids)
    run->begin_suppress = config->begin_suppress;
  if (run->bad_word_count == 0) {
    run->bad_words = config->bad_words;
    run->bad_word_count = config->bad_word_count;
  }
  if (!run->forced_first)
    run->forced_first = config->forced_first;
  if (!run->forced_last)
    run->forced_last = config->forced_last;
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
  settle_beams(o, &config);
  settle_rules(run, &config);
  if (o->samples > 1 && run->temperature == 0)
    return cli_usage_error(cli,
                           "the likeliest text is one: --samples needs --temp above 0, or --beams");
  return 0;
}
