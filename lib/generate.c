/* generate.c - texts that go on: one pass over the prompts, then a token a step for every
 * hypothesis of every text that has not stopped.
 *
 * An encoder-decoder first reads the inputs, each once, and what it writes begins with the ids
 * that its head states: those are its prompts.
 *
 * Each hypothesis has a sequence of its own; one that is continued twice is forked, and so
 * are texts that begin with the same prompt, which is run once for all of them.
 *
 * Texts stop on their own: at a stop token or text, at the asked number of tokens, at the
 * end of the model's context, or when the caller says so.  A text that has stopped takes no
 * part in later steps. */
#include "base/checked.h"
#include "lib/generation.h"
#include "lib/model.h"
#include "lib/stop_text.h"
#include "lib/task.h"

#include <stdlib.h>
#include <string.h>

/* The texts of a request, of one policy. */
struct batch {
  struct task_run *run;
  struct generation *text; /* [texts] */
  size_t texts;
  uint32_t width; /* hypotheses of a text at most */
  int32_t *first; /* an encoder-decoder's prompt; NULL = the inputs are the prompts */
  size_t first_count;
  struct source **source; /* [texts]: what it has read; else NULL each */
  bool *rests;            /* [texts]: its rows are there, and stay for now when it has stopped */
  struct sequence **sequence, **next; /* [texts][width]: of each hypothesis, now and after the
                                         step; NULL without a state */
  uint32_t *row;                      /* [texts][width]: its row in the last pass */
  uint32_t *fed;                      /* [texts]: tokens of its rows in the last pass */
  struct step_row *step;              /* [texts * width] */
  const float **logits;               /* [width] */
  bool keeps_rows; /* somebody looks at values, or gives them: for the rows of the request */
};

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
      b->logits[h] = task_row(&out, b->row[t * b->width + h]) + last * vocabulary;
    if (generation_advance(&b->text[t], b->logits, vocabulary, err) != 0)
      return -1;
  }
  return 0;
}

static bool all_stopped(const struct batch *b) {
  for (size_t t = 0; t < b->texts; t++)
    if (!b->text[t].stop)
      return false;
  return true;
}

static void drop_sequences(struct sequence **list, size_t count) {
  for (size_t i = 0; list && i < count; i++) {
    sequence_destroy(list[i]);
    list[i] = NULL;
  }
}

/* A hypothesis takes its parent's sequence, or a fork of it where another one needs it too. */
static int follow(struct batch *b, size_t t, struct tfm_error *err) {
  const struct generation *text = &b->text[t];
  struct sequence **from = b->sequence + t * b->width, **to = b->next + t * b->width;
  for (uint32_t h = 0; h < text->live; h++) {
    uint32_t parent = text->choice[h].parent;
    bool again = false;
    for (uint32_t k = h + 1; k < text->live; k++)
      again = again || text->choice[k].parent == parent;
    if (again && sequence_fork(from[parent], &to[h], err) != 0)
      return -1;
    if (again)
      continue;
    to[h] = from[parent];
    from[parent] = NULL;
  }
  drop_sequences(from, b->width);
  for (uint32_t h = 0; h < b->width; h++) {
    from[h] = to[h];
    to[h] = NULL;
  }
  return 0;
}

/* Sequences of what goes on; those of texts that have stopped are gone. */
static int follow_all(struct batch *b, struct tfm_error *err) {
  if (!session_cached(b->run->engine->session))
    return 0;
  for (size_t t = 0; t < b->texts; t++) {
    if (!b->text[t].stop && follow(b, t, err) != 0)
      return -1;
    if (b->text[t].stop && !b->keeps_rows)
      drop_sequences(b->sequence + t * b->width, b->width);
  }
  return 0;
}

/* What an encoder has left is put together anew for other rows, at the cost of a copy: so rows of
 * texts that have stopped rest among the others until they are half of them. */
static void settle_rests(struct batch *b) {
  size_t stopped = 0, there = 0;
  for (size_t t = 0; t < b->texts; t++) {
    stopped += b->rests[t] && b->text[t].stop;
    there += b->rests[t];
  }
  for (size_t t = 0; t < b->texts && stopped * 2 >= there; t++)
    b->rests[t] = b->first && !b->text[t].stop;
}

/* What runs next; where rows are kept, those of texts that have stopped rest. */
static uint32_t next_tokens(struct batch *b, bool cached) {
  uint32_t rows = 0;
  settle_rests(b);
  for (size_t t = 0; t < b->texts; t++)
    for (uint32_t h = 0; h < b->width; h++) {
      size_t i = t * b->width + h;
      bool runs = !b->text[t].stop && h < b->text[t].live;
      bool stays = b->keeps_rows || (b->text[t].stop && b->rests[t] && h < b->text[t].live);
      if (!runs && !stays)
        continue;
      b->row[i] = rows;
      b->step[rows] = (struct step_row){.sequence = b->sequence[i], .source = b->source[t]};
      if (runs) {
        const struct hypothesis *own = &b->text[t].hypothesis[h];
        b->fed[t] = cached ? 1 : (uint32_t)own->count;
        b->step[rows].ids = own->ids + own->count - b->fed[t];
        b->step[rows].count = b->fed[t];
        b->run->result->timing.decode_tokens++;
      }
      rows++;
    }
  return rows;
}

static int decode_steps(struct batch *b, struct tfm_error *err) {
  struct engine *engine = b->run->engine;
  bool cached = session_cached(engine->session);
  int status = 0;
  while (status == 0 && !all_stopped(b)) {
    uint64_t begin = model_clock_ns();
    status = follow_all(b, err);
    if (status == 0)
      status = engine_pass(engine, b->step, next_tokens(b, cached), err);
    if (status == 0)
      status = choose(b, err);
    b->run->result->timing.decode_ns += model_clock_ns() - begin;
  }
  return status;
}

static bool same_ids(const int32_t *a, const int32_t *b, size_t count) {
  return a == b || (a && b && memcmp(a, b, count * sizeof *a) == 0);
}

/* Does text t begin as the one before it, of which samples are drawn? */
static bool same_prompt(const struct batch *b, size_t t) {
  const struct row *x = &b->run->rows->row[t], *y = x - 1;
  return t > 0 && !b->keeps_rows && x->count == y->count && x->skip == y->skip &&
         same_ids(x->ids, y->ids, x->count) &&
         (x->types == y->types || same_ids(x->types, y->types, x->count));
}

/* The rows of the prompts, each prompt once. */
static int prompt_rows(struct batch *b, uint32_t *rows, struct tfm_error *err) {
  struct cache *cache = session_cache(b->run->engine->session);
  *rows = 0;
  for (size_t t = 0; t < b->texts; t++) {
    const struct row *row = &b->run->rows->row[t];
    struct sequence **own = &b->sequence[t * b->width];
    b->fed[t] = (uint32_t)(b->first ? b->first_count : row->count);
    b->row[t * b->width] = *rows;
    if (same_prompt(b, t)) {
      b->row[t * b->width]--;
      continue;
    }
    if (cache && sequence_create(cache, own, err) != 0)
      return -1;
    b->run->result->timing.prompt_tokens += row->count;
    b->step[(*rows)++] = (struct step_row){.sequence = *own,
                                           .ids = b->first ? b->first : row->ids,
                                           .types = b->first ? NULL : row->types,
                                           .count = b->fed[t],
                                           .skip = b->first ? 0 : row->skip,
                                           .source = b->source[t]};
  }
  return 0;
}

/* An encoder-decoder reads each input once. */
static int read_sources(struct batch *b, struct tfm_error *err) {
  struct source **read = calloc(b->texts ? b->texts : 1, sizeof(struct source *));
  uint32_t rows = 0;
  if (!read)
    return error_oom(err);
  for (size_t t = 0; t < b->texts; t++) {
    const struct row *row = &b->run->rows->row[t];
    if (!same_prompt(b, t))
      b->step[rows++] = (struct step_row){
          .ids = row->ids, .types = row->types, .count = (uint32_t)row->count, .skip = row->skip};
  }
  int status = engine_encode(b->run->engine, b->step, rows, read, err);
  rows = 0;
  for (size_t t = 0; status == 0 && t < b->texts; t++)
    b->source[t] = same_prompt(b, t) ? source_share(b->source[t - 1]) : read[rows++];
  free(read);
  return status;
}

static int share_prompts(struct batch *b, struct tfm_error *err) {
  for (size_t t = 1; t < b->texts && session_cache(b->run->engine->session); t++)
    if (!b->sequence[t * b->width] &&
        sequence_fork(b->sequence[(t - 1) * b->width], &b->sequence[t * b->width], err) != 0)
      return -1;
  return 0;
}

static int prompt_pass(struct batch *b, struct tfm_error *err) {
  uint32_t rows;
  uint64_t begin = model_clock_ns();
  int status = b->first ? read_sources(b, err) : 0;
  if (status == 0)
    status = prompt_rows(b, &rows, err);
  if (status == 0)
    status = engine_pass(b->run->engine, b->step, rows, err);
  if (status == 0)
    status = share_prompts(b, err);
  b->run->result->timing.prompt_ns += model_clock_ns() - begin;
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
                                   .ids = b->first ? b->first : row->ids,
                                   .count = b->first ? b->first_count : row->count,
                                   .row = t,
                                   .name = rows_name(run->rows, t, name),
                                   .seed = o->seeds ? o->seeds[t] : o->seed,
                                   .stream = o->seeds ? 0 : t};
  if (o->max_length > 0 && (uint64_t)o->max_length < start.count)
    return error_set(err, TFM_ERROR_LIMIT, "%s is %zu tokens long, max_length is %lld", start.name,
                     start.count, (long long)o->max_length),
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

/* What an encoder-decoder's text begins with. */
static int find_first(struct batch *b, struct tfm_error *err) {
  const struct tfm_model *model = b->run->model;
  const tfm_ids *asked = b->run->options->prefix, *prefix = asked ? asked : &model->prefix;
  if (!model->two_texts && asked)
    return error_set(err, TFM_ERROR_USAGE,
                     "a prefix is for encoder-decoders; a decoder goes on from its input");
  if (!model->two_texts)
    return 0;
  b->first_count = prefix->count + 1;
  b->first = malloc(b->first_count * sizeof *b->first);
  if (!b->first)
    return error_oom(err);
  b->first[0] = model->start;
  if (prefix->count)
    memcpy(b->first + 1, prefix->ids, prefix->count * sizeof *b->first);
  return rows_check_target(model, b->first, b->first_count, err);
}

static int batch_create(struct task_run *run, struct batch *b, struct tfm_error *err) {
  size_t texts = run->rows->count, rows;
  *b = (struct batch){.run = run, .texts = texts, .width = decode_width(run->options)};
  if (!checked_mul(texts, b->width, &rows) || rows >= UINT32_MAX)
    return error_set(err, TFM_ERROR_LIMIT, "%zu texts are too many to be run together", texts);
  b->text = calloc(texts, sizeof *b->text);
  b->source = calloc(texts, sizeof(struct source *));
  b->rests = calloc(texts, sizeof *b->rests);
  b->sequence = calloc(rows, sizeof(struct sequence *));
  b->next = calloc(rows, sizeof(struct sequence *));
  b->row = calloc(rows, sizeof *b->row);
  b->fed = calloc(texts, sizeof *b->fed);
  b->step = calloc(rows, sizeof *b->step);
  b->logits = calloc(b->width, sizeof *b->logits);
  b->keeps_rows = run->engine->dump.plan->target_count || run->engine->compared ||
                  run->engine->attention || session_fed(run->engine->session);
  return b->text && b->source && b->rests && b->sequence && b->next && b->row && b->fed &&
                 b->step && b->logits
             ? find_first(b, err)
             : error_oom(err);
}

static void batch_finish(struct batch *b) {
  for (size_t t = 0; b->text && t < b->texts; t++)
    generation_free(&b->text[t]);
  for (size_t t = 0; b->source && t < b->texts; t++)
    source_release(b->source[t]);
  drop_sequences(b->sequence, b->texts * b->width);
  drop_sequences(b->next, b->texts * b->width);
  free(b->text);
  free(b->source);
  free(b->rests);
  free(b->first);
  free(b->sequence);
  free(b->next);
  free(b->row);
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
