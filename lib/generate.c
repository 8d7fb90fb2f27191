/* generate.c - texts that go on: one pass over the prompts, then a token a step for every
 * hypothesis of every text that has not stopped.
 *
 * Texts stop on their own: at a stop token or text, at the asked number of tokens, at the
 * end of the model's context, or when the caller says so.  A text that has stopped takes no
 * part in later steps: rows behind move to the places of its own, so that the session has
 * the rows that go on and no other. */
#include "base/checked.h"
#include "lib/generation.h"
#include "lib/model.h"
#include "lib/stop_text.h"
#include "lib/task.h"

#include <stdlib.h>

/* The texts of a request, of one policy.  Where it keeps several hypotheses there are rows
 * for all of them from the beginning, on which the prompt is run alike. */
struct batch {
  struct task_run *run;
  struct generation *text; /* [texts] */
  size_t texts;
  uint32_t width;          /* hypotheses of a text at most */
  uint32_t live;           /* rows of the session */
  uint32_t *row, *next;    /* [texts][width]: each hypothesis' row, now and after a step */
  uint32_t *from;          /* [texts * width]: the row that each row goes on from */
  uint32_t *fed;           /* [texts]: tokens of its rows in the last pass */
  struct engine_row *step; /* [texts * width] */
  const float **logits;    /* [width] */
};

enum { NO_ROW = UINT32_MAX };

/* A text goes on by the last real place's logits of each of its hypotheses. */
static int choose(struct batch *b, struct tfm_error *err) {
  struct task_output out;
  if (task_output(b->run, "logits", &out, err) != 0)
    return -1;
  size_t places = (size_t)out.shape[1], vocabulary = (size_t)out.shape[2];
  for (size_t t = 0; t < b->texts; t++) {
    if (b->text[t].stop)
      continue;
    size_t last = places > 1 ? b->fed[t] - 1 : 0;
    for (uint32_t h = 0; h < b->text[t].live; h++)
      b->logits[h] = out.data + (b->row[t * b->width + h] * places + last) * vocabulary;
    if (generation_advance(&b->text[t], b->logits, vocabulary, err) != 0)
      return -1;
  }
  return 0;
}

/* Rows after the step: those of all hypotheses that go on. */
static uint32_t count_rows(const struct batch *b) {
  uint32_t count = 0;
  for (size_t t = 0; t < b->texts; t++)
    count += b->text[t].stop ? 0 : b->text[t].live;
  return count;
}

/* A hypothesis stays on its parent's row where that is one of the `count` which are left
 * and no other has it. */
static void keep_rows(struct batch *b, uint32_t count) {
  for (uint32_t i = 0; i < count; i++)
    b->from[i] = NO_ROW;
  for (size_t t = 0; t < b->texts; t++)
    for (uint32_t h = 0; !b->text[t].stop && h < b->text[t].live; h++) {
      uint32_t parent = b->row[t * b->width + b->text[t].choice[h].parent];
      bool stays = parent < count && b->from[parent] == NO_ROW;
      b->next[t * b->width + h] = stays ? parent : NO_ROW;
      if (stays)
        b->from[parent] = parent;
    }
}

/* The others take the rows that are free. */
static void fill_rows(struct batch *b) {
  uint32_t free_row = 0;
  for (size_t t = 0; t < b->texts; t++)
    for (uint32_t h = 0; !b->text[t].stop && h < b->text[t].live; h++) {
      uint32_t *row = &b->next[t * b->width + h];
      if (*row != NO_ROW)
        continue;
      while (b->from[free_row] != NO_ROW)
        free_row++;
      b->from[free_row] = b->row[t * b->width + b->text[t].choice[h].parent];
      *row = free_row;
    }
}

/* The session has the rows that go on, unless somebody looks at its values: those have the
 * rows of the request. */
static int arrange(struct batch *b, struct tfm_error *err) {
  struct engine *engine = b->run->engine;
  uint32_t count = count_rows(b);
  bool same = count == b->live;
  if (engine->dump.plan->target_count || !session_selects(engine->session))
    return 0;
  keep_rows(b, count);
  fill_rows(b);
  for (uint32_t i = 0; same && i < count; i++)
    same = b->from[i] == i;
  if (!same && session_select(engine->session, b->from, count, err) != 0)
    return -1;
  uint32_t *before = b->row;
  b->row = b->next;
  b->next = before;
  b->live = count;
  return 0;
}

/* What each of the session's rows runs next; those of texts that have stopped rest. */
static void next_tokens(struct batch *b, bool cached) {
  for (uint32_t i = 0; i < b->live; i++)
    b->step[i] = (struct engine_row){0};
  for (size_t t = 0; t < b->texts; t++)
    for (uint32_t h = 0; !b->text[t].stop && h < b->text[t].live; h++) {
      const struct hypothesis *own = &b->text[t].hypothesis[h];
      b->fed[t] = cached ? 1 : (uint32_t)own->count;
      b->step[b->row[t * b->width + h]] =
          (struct engine_row){.ids = own->ids + own->count - b->fed[t], .count = b->fed[t]};
      b->run->result->timing.decode_tokens++;
    }
}

static int decode_steps(struct batch *b, struct tfm_error *err) {
  struct engine *engine = b->run->engine;
  bool cached = session_cached(engine->session);
  int status = 0;
  while (status == 0 && count_rows(b) > 0) {
    uint64_t begin = model_clock_ns();
    status = arrange(b, err);
    if (status == 0) {
      next_tokens(b, cached);
      status = engine_pass(engine, b->step, b->live, err);
    }
    if (status == 0)
      status = choose(b, err);
    b->run->result->timing.decode_ns += model_clock_ns() - begin;
  }
  return status;
}

static int prompt_pass(struct batch *b, struct tfm_error *err) {
  tfm_timing *timing = &b->run->result->timing;
  for (size_t t = 0; t < b->texts; t++) {
    const struct row *row = &b->run->rows->row[t];
    b->fed[t] = (uint32_t)row->count;
    timing->prompt_tokens += row->count;
    for (uint32_t h = 0; h < b->width; h++) {
      b->row[t * b->width + h] = b->live;
      b->step[b->live++] = (struct engine_row){
          .ids = row->ids, .types = row->types, .count = b->fed[t], .skip = row->skip};
    }
  }
  uint64_t begin = model_clock_ns();
  int status = engine_pass(b->run->engine, b->step, b->live, err);
  timing->prompt_ns += model_clock_ns() - begin;
  return status;
}

/* ------------------------------------------------------------------- request */

static int begin_text(struct batch *b, size_t t, struct tfm_error *err) {
  const struct task_run *run = b->run;
  const tfm_run_options *o = run->options;
  const struct row *row = &run->rows->row[t];
  char name[ROW_NAME];
  struct generation_start start = {.model = run->model,
                                   .options = o,
                                   .result = run->result,
                                   .answer = &run->result->answer[t],
                                   .ids = row->ids,
                                   .count = row->count,
                                   .row = t,
                                   .name = rows_name(run->rows, t, name),
                                   .seed = o->seeds ? o->seeds[t] : o->seed,
                                   .stream = o->seeds ? 0 : t};
  if (o->max_length > 0 && (uint64_t)o->max_length < row->count)
    return error_set(err, TFM_ERROR_LIMIT, "%s is %zu tokens long, max_length is %lld", start.name,
                     row->count, (long long)o->max_length),
           error_note(err, "help: ask for a number of new tokens instead: -n N"), -1;
  return generation_begin(&b->text[t], &start, err);
}

static int begin_texts(struct batch *b, struct tfm_error *err) {
  const tfm_run_options *o = b->run->options;
  if (stop_text_check(o, b->run->model->tokenizer != NULL, err) != 0)
    return -1;
  for (size_t t = 0; t < b->texts; t++)
    if (begin_text(b, t, err) != 0)
      return -1;
  return 0;
}

static int batch_create(struct task_run *run, struct batch *b, struct tfm_error *err) {
  size_t texts = run->rows->count, rows;
  *b = (struct batch){.run = run, .texts = texts, .width = decode_width(run->options)};
  if (!checked_mul(texts, b->width, &rows) || rows >= NO_ROW)
    return error_set(err, TFM_ERROR_LIMIT, "%zu texts are too many to be run together", texts);
  b->text = calloc(texts, sizeof *b->text);
  b->row = calloc(rows, sizeof *b->row);
  b->next = calloc(rows, sizeof *b->next);
  b->from = calloc(rows, sizeof *b->from);
  b->fed = calloc(texts, sizeof *b->fed);
  b->step = calloc(rows, sizeof *b->step);
  b->logits = calloc(b->width, sizeof *b->logits);
  return b->text && b->row && b->next && b->from && b->fed && b->step && b->logits ? 0
                                                                                   : error_oom(err);
}

static void batch_finish(struct batch *b) {
  for (size_t t = 0; b->text && t < b->texts; t++)
    generation_free(&b->text[t]);
  free(b->text);
  free(b->row);
  free(b->next);
  free(b->from);
  free(b->fed);
  free(b->step);
  free(b->logits);
}

int task_generate(struct task_run *run, struct tfm_error *err) {
  struct batch b;
  tfm_timing *timing = &run->result->timing;
  generation_warn(run->model, run->options);
  int status = batch_create(run, &b, err);
  if (status == 0)
    status = begin_texts(&b, err);
  if (status == 0)
    status = prompt_pass(&b, err);
  if (status == 0)
    status = choose(&b, err);
  if (status == 0 && timing->first_token_ns == 0)
    timing->first_token_ns = timing->prompt_ns;
  if (status == 0)
    status = decode_steps(&b, err);
  for (size_t t = 0; status == 0 && t < b.texts; t++)
    status = generation_finish(&b.text[t], err);
  batch_finish(&b);
  return status;
}
