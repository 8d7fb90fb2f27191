/* generate.c - text that goes on: one pass over the prompts, then a token a
 * step for every row that has not stopped.
 *
 * Rows stop on their own: at a stop token, at the asked number of tokens, at
 * the end of the model's context, or when the caller says so.  A row that has
 * stopped takes no part in later steps. */
#include "lib/model.h"
#include "lib/task.h"

#include "runtime/sample.h"

#include <stdlib.h>
#include <string.h>

struct stream_row {
  struct sampler sampler;
  struct token_stream *stream;
  struct buffer text;
  int32_t *ids; /* the prompt, then the new tokens */
  size_t prompt, count, room;
  uint32_t fed;     /* tokens in the last pass */
  const char *stop; /* NULL = still going */
};

struct generation {
  struct task_run *run;
  struct stream_row *row;
  int64_t limit; /* new tokens a row */
};

static int64_t token_limit(const struct task_run *run, const struct row *row) {
  int64_t asked = run->options->max_new_tokens, most = run->model->max_tokens;
  if (asked == -2)
    return 0;
  /* The last new token is chosen, but never run: it needs no place. */
  int64_t room = most > 0 ? most - (int64_t)row->count + 1 : INT32_MAX;
  if (asked == 0)
    asked = 128;
  return asked < 0 || asked > room ? room : asked;
}

/* `stop` of the head: an id, or a list of them. */
static bool is_stop(const struct task_run *run, int32_t id) {
  const struct graph *graph = run->model->graph;
  for (uint32_t a = 0; a < graph->task_attr_count; a++) {
    const struct graph_attr *attr = &graph->task_attr[a];
    if (strcmp(attr->name, "stop") != 0)
      continue;
    if (attr->kind == GRAPH_ATTR_INT && attr->integer == id)
      return true;
    for (uint32_t i = 0; attr->kind == GRAPH_ATTR_LIST && i < attr->count; i++)
      if (attr->item[i].kind == GRAPH_ATTR_INT && attr->item[i].integer == id)
        return true;
  }
  return false;
}

static int push_id(struct stream_row *row, int32_t id, struct tfm_error *err) {
  if (row->count == row->room) {
    size_t room = row->room ? row->room * 2 : 64;
    int32_t *grown = realloc(row->ids, room * sizeof *grown);
    if (!grown)
      return error_oom(err);
    row->ids = grown;
    row->room = room;
  }
  row->ids[row->count++] = id;
  return 0;
}

/* The token's text goes to the row's answer and to the caller. */
static int emit(struct generation *g, size_t r, int32_t id, struct tfm_error *err) {
  struct stream_row *row = &g->row[r];
  const tfm_run_options *o = g->run->options;
  size_t before = row->text.length;
  if (push_id(row, id, err) != 0)
    return -1;
  if (g->run->model->tokenizer && token_stream_push(row->stream, id, &row->text, err) != 0)
    return -1;
  if (o->token && o->token(o->token_arg, r, id, buffer_text(&row->text) + before,
                           row->text.length - before) != 0)
    row->stop = "caller";
  return 0;
}

/* Choose the next token of row r from its logits. */
static int advance(struct generation *g, size_t r, const float *logits, size_t vocabulary,
                   struct tfm_error *err) {
  struct stream_row *row = &g->row[r];
  int64_t limit = token_limit(g->run, &g->run->rows->row[r]);
  int64_t asked = g->run->options->max_new_tokens;
  const char *full = asked == -2 || (asked == 0 ? 128 : asked) == limit ? "length" : "context";
  int32_t id;
  if (limit == 0) {
    row->stop = full;
    return 0;
  }
  if (sampler_pick(&row->sampler, logits, vocabulary, &id, err) != 0)
    return -1;
  if (!g->run->options->ignore_stop && is_stop(g->run, id)) {
    row->stop = "stop";
    return 0;
  }
  if (emit(g, r, id, err) != 0)
    return -1;
  if (!row->stop && (int64_t)(row->count - row->prompt) >= limit)
    row->stop = full;
  return 0;
}

/* The last real place's logits of each row that goes on. */
static int choose(struct generation *g, struct tfm_error *err) {
  struct task_output out;
  if (task_output(g->run, "logits", 3, &out, err) != 0)
    return -1;
  size_t places = (size_t)out.shape[1], vocabulary = (size_t)out.shape[2];
  for (size_t r = 0; r < g->run->rows->count; r++) {
    if (g->row[r].stop)
      continue;
    size_t last = places > 1 ? g->row[r].fed - 1 : 0;
    if (advance(g, r, out.data + (r * places + last) * vocabulary, vocabulary, err) != 0)
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

static int decode_steps(struct generation *g, struct tfm_error *err) {
  size_t rows = g->run->rows->count;
  struct model_step_row *step = calloc(rows, sizeof *step);
  tfm_timing *timing = &g->run->result->timing;
  bool cached = session_cached(g->run->model->session);
  int status = step ? 0 : error_oom(err);
  while (status == 0 && !all_stopped(g)) {
    uint64_t begin = model_clock_ns();
    for (size_t r = 0; r < rows; r++) {
      step[r] = (struct model_step_row){0};
      if (g->row[r].stop)
        continue;
      g->row[r].fed = cached ? 1 : (uint32_t)g->row[r].count;
      step[r].ids = g->row[r].ids + g->row[r].count - g->row[r].fed;
      step[r].count = g->row[r].fed;
      timing->decode_tokens++;
    }
    status = model_pass(g->run->model, step, rows, err);
    if (status == 0)
      status = choose(g, err);
    timing->decode_ns += model_clock_ns() - begin;
  }
  free(step);
  return status;
}

static int start_rows(struct generation *g, struct tfm_error *err) {
  const tfm_run_options *o = g->run->options;
  for (size_t r = 0; r < g->run->rows->count; r++) {
    const struct row *row = &g->run->rows->row[r];
    struct sample_options options = {.temperature = o->temperature,
                                     .top_k = o->top_k,
                                     .top_p = o->top_p,
                                     .min_p = o->min_p,
                                     .seed = o->seed};
    buffer_init(&g->row[r].text);
    for (size_t t = 0; t < row->count; t++)
      if (push_id(&g->row[r], row->ids[t], err) != 0)
        return -1;
    g->row[r].prompt = row->count;
    g->row[r].fed = (uint32_t)row->count;
    if (sampler_init(&g->row[r].sampler, &options, r, err) != 0)
      return -1;
    if (g->run->model->tokenizer &&
        token_stream_create(g->run->model->tokenizer, true, true, &g->row[r].stream, err) != 0)
      return -1;
  }
  return 0;
}

static int finish_row(struct generation *g, size_t r, struct tfm_error *err) {
  struct stream_row *row = &g->row[r];
  struct arena *arena = &g->run->result->arena;
  tfm_answer *answer = &g->run->result->answer[r];
  const tfm_run_options *o = g->run->options;
  size_t before = row->text.length;
  if (g->run->model->tokenizer) {
    if (token_stream_finish(row->stream, &row->text, err) != 0)
      return -1;
    if (o->token && row->text.length > before)
      o->token(o->token_arg, r, -1, row->text.data + before, row->text.length - before);
  }
  size_t made = row->count - row->prompt;
  int32_t *ids = arena_array(arena, made ? made : 1, sizeof *ids);
  const char *text = arena_strndup(arena, buffer_text(&row->text), row->text.length);
  if (!ids || !text || row->text.failed)
    return error_oom(err);
  if (made)
    memcpy(ids, row->ids + row->prompt, made * sizeof *ids);
  answer->text = text;
  answer->text_length = row->text.length;
  answer->ids = ids;
  answer->id_count = made;
  answer->stop = row->stop;
  return 0;
}

int task_generate(struct task_run *run, struct tfm_error *err) {
  struct generation g = {.run = run};
  size_t rows = run->rows->count;
  int status = -1;
  g.row = calloc(rows, sizeof *g.row);
  if (!g.row)
    return error_oom(err);
  if (start_rows(&g, err) == 0 && task_forward(run, err) == 0) {
    status = choose(&g, err);
    run->result->timing.first_token_ns = run->result->timing.prompt_ns;
    if (status == 0)
      status = decode_steps(&g, err);
  }
  for (size_t r = 0; r < rows; r++) {
    if (status == 0)
      status = finish_row(&g, r, err);
    token_stream_destroy(g.row[r].stream);
    sampler_finish(&g.row[r].sampler);
    buffer_finish(&g.row[r].text);
    free(g.row[r].ids);
  }
  free(g.row);
  return status;
}
