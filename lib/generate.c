/* generate.c - text that goes on: one pass over the prompts, then a token a
 * step for every row that has not stopped.
 *
 * Rows stop on their own: at a stop token or text, at the asked number of tokens,
 * at the end of the model's context, or when the caller says so.  A row that has
 * stopped takes no part in later steps: the last one of the session moves to its
 * place, so that the session has the rows that go on and no other. */
#include "lib/generation.h"
#include "lib/model.h"
#include "lib/stop_text.h"
#include "lib/task.h"

#include <stdlib.h>

/* The last real place's logits of each row that goes on. */
static int choose(struct generation *g, struct tfm_error *err) {
  struct task_output out;
  if (task_output(g->run, "logits", &out, err) != 0)
    return -1;
  size_t places = (size_t)out.shape[1], vocabulary = (size_t)out.shape[2];
  for (uint32_t i = 0; i < g->live; i++) {
    size_t r = g->at[i];
    if (g->row[r].stop)
      continue;
    size_t last = places > 1 ? g->row[r].fed - 1 : 0;
    if (generation_advance(g, r, out.data + (i * places + last) * vocabulary, vocabulary, err) != 0)
      return -1;
  }
  return 0;
}

static bool all_stopped(const struct generation *g) {
  for (size_t r = 0; r < g->run->rows->count; r++)
    if (!g->row[r].stop)
      return false;
  return true;
}

/* Rows that have stopped leave the session, unless somebody looks at its values: those
 * have the rows of the request. */
static int drop_stopped(struct generation *g, struct tfm_error *err) {
  struct tfm_model *model = g->run->model;
  uint32_t live = g->live;
  if (model->dump.target_count || !session_selects(model->session))
    return 0;
  uint32_t *from = calloc(live ? live : 1, sizeof *from);
  if (!from)
    return error_oom(err);
  for (uint32_t i = 0; i < live; i++)
    from[i] = i;
  for (uint32_t i = 0; i < live;) {
    if (g->row[g->at[i]].stop) {
      live--;
      g->at[i] = g->at[live];
      from[i] = from[live];
    } else {
      i++;
    }
  }
  int status = live < g->live ? session_select(model->session, from, live, err) : 0;
  g->live = live;
  free(from);
  return status;
}

/* What each of the session's rows runs next. */
static void next_tokens(struct generation *g, struct model_step_row *step, bool cached) {
  for (uint32_t i = 0; i < g->live; i++) {
    struct stream_row *row = &g->row[g->at[i]];
    step[i] = (struct model_step_row){0};
    if (row->stop)
      continue;
    row->fed = cached ? 1 : (uint32_t)row->count;
    step[i].ids = row->ids + row->count - row->fed;
    step[i].count = row->fed;
    g->run->result->timing.decode_tokens++;
  }
}

static int decode_steps(struct generation *g, struct tfm_error *err) {
  struct tfm_model *model = g->run->model;
  struct model_step_row *step = calloc(g->live, sizeof *step);
  bool cached = session_cached(model->session);
  int status = step ? 0 : error_oom(err);
  while (status == 0 && !all_stopped(g)) {
    uint64_t begin = model_clock_ns();
    status = drop_stopped(g, err);
    if (status == 0) {
      next_tokens(g, step, cached);
      status = model_pass(model, step, g->live, err);
    }
    if (status == 0)
      status = choose(g, err);
    g->run->result->timing.decode_ns += model_clock_ns() - begin;
  }
  free(step);
  return status;
}

static int start_rows(struct generation *g, struct tfm_error *err) {
  const tfm_run_options *o = g->run->options;
  char name[ROW_NAME];
  if (stop_text_check(o, g->run->model->tokenizer != NULL, err) != 0)
    return -1;
  for (size_t r = 0; r < g->run->rows->count; r++) {
    size_t count = g->run->rows->row[r].count;
    if (o->max_length > 0 && (uint64_t)o->max_length < count)
      return error_set(err, TFM_ERROR_LIMIT, "%s is %zu tokens long, max_length is %lld",
                       rows_name(g->run->rows, r, name), count, (long long)o->max_length),
             error_note(err, "help: ask for a number of new tokens instead: -n N"), -1;
    if (generation_start_row(g, r, err) != 0)
      return -1;
  }
  return 0;
}

int task_generate(struct task_run *run, struct tfm_error *err) {
  struct generation g = {.run = run};
  size_t rows = run->rows->count;
  int status = -1;
  g.row = calloc(rows, sizeof *g.row);
  g.at = calloc(rows, sizeof *g.at);
  if (!g.row || !g.at)
    return free(g.row), free(g.at), error_oom(err);
  for (g.live = 0; g.live < rows; g.live++)
    g.at[g.live] = g.live;
  generation_warn(run->model, run->options);
  if (start_rows(&g, err) == 0 && task_forward(run, err) == 0) {
    status = choose(&g, err);
    if (run->result->timing.first_token_ns == 0)
      run->result->timing.first_token_ns = run->result->timing.prompt_ns;
    if (status == 0)
      status = decode_steps(&g, err);
  }
  for (size_t r = 0; r < rows; r++) {
    if (status == 0)
      status = generation_finish_row(&g, r, err);
    generation_free_row(&g.row[r]);
  }
  free(g.row);
  free(g.at);
  return status;
}
