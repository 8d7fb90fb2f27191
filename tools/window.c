/* batch.c - lines of a window in batches of like length, so that little is padding;
 * what a batch cannot be told, its lines are asked alone. */
#include "tools/lines.h"

#include <stdlib.h>
#include <string.h>

/* With padding, a batch holds at most so many tokens, and so many logits. */
static const size_t BATCH_TOKENS = 8192, BATCH_LOGITS = 16u << 20;

/* Batches of a window: parts of order. */
struct plan {
  struct line *order[WINDOW_LINES];
  struct part {
    size_t begin, count;
    const struct line *first; /* of its lines, in the window */
  } part[WINDOW_LINES];
  size_t count, parts;
};

static int by_length(const void *a, const void *b) {
  const struct line *x = *(struct line *const *)a, *y = *(struct line *const *)b;
  if (x->tokens != y->tokens)
    return x->tokens < y->tokens ? -1 : 1;
  return x < y ? -1 : x > y; /* as they stand in the window */
}

static int by_first(const void *a, const void *b) {
  const struct part *x = a, *y = b;
  return x->first < y->first ? -1 : x->first > y->first;
}

static size_t token_limit(const struct job *job) {
  bool logits = job->info.task == TFM_TASK_FILL_MASK && job->info.vocabulary > 0;
  size_t limit = logits ? BATCH_LOGITS / (size_t)job->info.vocabulary : BATCH_TOKENS;
  return limit < BATCH_TOKENS ? limit : BATCH_TOKENS;
}

/* The batch that has the earliest line goes first: nobody waits for the others. */
static void make_plan(const struct job *job, struct window *window, struct plan *plan) {
  size_t limit = token_limit(job);
  bool sorted = job->options->dump_count == 0;
  for (size_t i = window->shown; i < window->count; i++)
    if (!window->line[i].code)
      plan->order[plan->count++] = &window->line[i];
  if (sorted)
    qsort(plan->order, plan->count, sizeof(struct line *), by_length);
  for (size_t at = 0; at < plan->count;) {
    struct part *part = &plan->part[plan->parts++];
    *part = (struct part){at, 0, plan->order[at]};
    while (at < plan->count && part->count < BATCH_LINES &&
           (part->count == 0 || plan->order[at]->tokens <= limit / (part->count + 1))) {
      part->first = plan->order[at] < part->first ? plan->order[at] : part->first;
      part->count++;
      at++;
    }
  }
  if (sorted)
    qsort(plan->part, plan->parts, sizeof *plan->part, by_first);
}

static int run(struct job *job, struct line *const *line, size_t count, tfm_error *error) {
  tfm_run_options options = job->options->run;
  tfm_input input[BATCH_LINES] = {0};
  uint64_t seeds[BATCH_LINES];
  struct answers *answers = calloc(1, sizeof *answers);
  if (!answers)
    exit(cli_no_memory(job->cli));
  for (size_t i = 0; i < count; i++) {
    input[i] = line[i]->input;
    seeds[i] = run_seed(job->options, line[i]->place, line[i]->sample);
  }
  options.seeds = seeds;
  if (tfm_model_run(job->model, input, count, &options, &answers->result, error) != 0)
    return free(answers), -1;
  answers->users = count;
  for (size_t i = 0; i < count; i++) {
    line[i]->answers = answers;
    line[i]->row = i;
  }
  return 0;
}

/* May it be the fault of one line? */
static bool is_of_line(const tfm_error *error) {
  int code = tfm_error_code(error);
  return code == TFM_CODE_USAGE || code == TFM_CODE_LIMIT || code == TFM_CODE_RUN;
}

static int run_alone(struct job *job, struct line *line) {
  tfm_error *error = tfm_error_create();
  if (!error)
    return cli_no_memory(job->cli);
  if (run(job, &line, 1, error) == 0)
    return tfm_error_destroy(error), 0;
  if (is_of_line(error))
    return line->error = error, line->code = tfm_error_code(error), 0;
  int status = cli_fail(job->cli, error);
  tfm_error_destroy(error);
  return status;
}

/* Lines after one that ends the job need not be run. */
static const struct line *last_wanted(const struct job *job, const struct window *window) {
  for (size_t i = window->shown; !job->options->keep_going && i < window->count; i++)
    if (window->line[i].code)
      return &window->line[i];
  return &window->line[window->count];
}

static int run_part(struct job *job, struct window *window, struct line **line, size_t count) {
  const struct line *last = last_wanted(job, window);
  size_t kept = 0;
  for (size_t i = 0; i < count; i++)
    if (line[i] < last)
      line[kept++] = line[i];
  if (kept == 0 || run(job, line, kept, job->error) == 0)
    return 0;
  if (!is_of_line(job->error) || job->options->dump_count > 0)
    return cli_fail(job->cli, job->error);
  int status = 0;
  for (size_t i = 0; i < kept && status == 0 && !cli_interrupted(); i++)
    if (line[i] < last_wanted(job, window))
      status = run_alone(job, line[i]);
  return status;
}

int window_run(struct job *job, struct window *window, int (*show)(struct job *, struct window *)) {
  struct plan *plan = calloc(1, sizeof *plan);
  int status = plan ? 0 : cli_no_memory(job->cli);
  if (plan)
    make_plan(job, window, plan);
  for (size_t p = 0; plan && p < plan->parts && status == 0 && !cli_interrupted(); p++) {
    const struct part *part = &plan->part[p];
    cli_progress(job->cli, "%zu lines", window->line[window->count - 1].number);
    status = run_part(job, window, plan->order + part->begin, part->count);
    if (status == 0)
      status = show(job, window);
  }
  if (status == 0 && plan && !cli_interrupted())
    status = show(job, window); /* where no line could be run */
  free(plan);
  return status;
}
