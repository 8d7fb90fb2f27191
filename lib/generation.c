/* generation.c - one row of a generation: its next token, its text, its end. */
#include "lib/generation.h"

#include "lib/model.h"
#include "lib/stop_text.h"
#include "lib/token_score.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static int64_t token_limit(const struct task_run *run, const struct row *row) {
  int64_t asked = run->options->max_new_tokens, most = run->model->max_tokens;
  if (asked == -2)
    return 0;
  /* The last new token is chosen, but never run: it needs no place. */
  int64_t room = most > 0 ? most - (int64_t)row->count + 1 : INT32_MAX;
  if (run->options->max_length > 0 && run->options->max_length - (int64_t)row->count < room)
    room = run->options->max_length - (int64_t)row->count;
  if (asked == 0)
    asked = 128;
  return asked < 0 || asked > room ? room : asked;
}

/* Why a row ends at its limit. */
static const char *limit_name(const struct task_run *run, const struct row *row, int64_t limit) {
  const tfm_run_options *o = run->options;
  int64_t asked = o->max_new_tokens == 0 ? 128 : o->max_new_tokens;
  bool length = asked == -2 || asked == limit ||
                (o->max_length > 0 && limit == o->max_length - (int64_t)row->count);
  return length ? "length" : "context";
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

/* Hand the caller what text is settled: all of it, or all but what may become a stop. */
static int tell(struct generation *g, size_t r, int32_t id, bool all) {
  struct stream_row *row = &g->row[r];
  const tfm_run_options *o = g->run->options;
  const char *text = buffer_text(&row->text);
  size_t from = row->told, end = row->text.length;
  if (!all)
    end -= stop_text_held(o, text + from, end - from);
  row->told = end;
  return o->token ? o->token(o->token_arg, r, id, text + from, end - from) : 0;
}

/* The text has grown behind its first `before` bytes: does it end here? */
static void cut_at_stop(struct generation *g, struct stream_row *row, size_t before) {
  size_t at = stop_text_find(g->run->options, buffer_text(&row->text), row->text.length, before);
  if (at == SIZE_MAX)
    return;
  row->text.length = at;
  row->text.data[at] = '\0';
  row->stop = "stop_string";
}

/* The token's text goes to the row's answer and to the caller. */
static int emit(struct generation *g, size_t r, int32_t id, struct tfm_error *err) {
  struct stream_row *row = &g->row[r];
  size_t before = row->text.length;
  if (push_id(row, id, err) != 0)
    return -1;
  if (g->run->model->tokenizer && token_stream_push(row->stream, id, &row->text, err) != 0)
    return -1;
  if (row->text.failed)
    return error_oom(err);
  cut_at_stop(g, row, before);
  if (tell(g, r, id, row->stop != NULL) != 0 && !row->stop)
    row->stop = "caller";
  return 0;
}

/* Remember what the model thought of id, as its logits were before any penalty. */
static int push_score(struct generation *g, struct stream_row *row, const float *logits,
                      size_t vocabulary, int32_t id, struct tfm_error *err) {
  uint32_t best = g->run->options->logprobs;
  if (best == 0)
    return 0;
  if (row->scores == row->score_room) {
    size_t room = row->score_room ? row->score_room * 2 : 64;
    tfm_token_score *grown = realloc(row->score, room * sizeof *grown);
    if (!grown)
      return error_oom(err);
    row->score = grown;
    row->score_room = room;
  }
  return token_score(g->run->result, g->run->model->tokenizer, logits, vocabulary, id, best,
                     &row->score[row->scores++], err);
}

static int pick(struct stream_row *row, const float *logits, size_t vocabulary, int32_t *id,
                struct tfm_error *err) {
  const float *changed;
  if (penalty_apply(&row->penalty, row->ids, row->count, row->prompt, logits, vocabulary, &changed,
                    err) != 0)
    return -1;
  return sampler_pick(&row->sampler, changed, vocabulary, id, err);
}

int generation_advance(struct generation *g, size_t r, const float *logits, size_t vocabulary,
                       struct tfm_error *err) {
  struct stream_row *row = &g->row[r];
  const struct row *input = &g->run->rows->row[r];
  int64_t limit = token_limit(g->run, input);
  int32_t id;
  if (limit == 0) {
    row->stop = limit_name(g->run, input, limit);
    return 0;
  }
  for (size_t i = 0; i < vocabulary; i++)
    if (isnan(logits[i]) || logits[i] == INFINITY) /* -inf: never this token */
      return task_not_finite(g->run, r, "logits", (double)logits[i], err);
  if (pick(row, logits, vocabulary, &id, err) != 0)
    return -1;
  if (!g->run->options->ignore_stop && is_stop(g->run, id)) {
    row->stop = "stop";
    return 0;
  }
  if (push_score(g, row, logits, vocabulary, id, err) != 0 || emit(g, r, id, err) != 0)
    return -1;
  if (!row->stop && (int64_t)(row->count - row->prompt) >= limit)
    row->stop = limit_name(g->run, input, limit);
  return 0;
}

int generation_start_row(struct generation *g, size_t r, struct tfm_error *err) {
  const tfm_run_options *o = g->run->options;
  const struct row *row = &g->run->rows->row[r];
  struct sample_options sample = {.temperature = o->temperature,
                                  .top_k = o->top_k,
                                  .top_p = o->top_p,
                                  .min_p = o->min_p,
                                  .seed = o->seeds ? o->seeds[r] : o->seed};
  struct penalty_options penalty = {o->repetition_penalty, o->presence_penalty,
                                    o->frequency_penalty, o->no_repeat_ngram};
  buffer_init(&g->row[r].text);
  for (size_t t = 0; t < row->count; t++)
    if (push_id(&g->row[r], row->ids[t], err) != 0)
      return -1;
  g->row[r].prompt = row->count;
  g->row[r].fed = (uint32_t)row->count;
  if (sampler_init(&g->row[r].sampler, &sample, o->seeds ? 0 : r, err) != 0 ||
      penalty_init(&g->row[r].penalty, &penalty, err) != 0)
    return -1;
  if (!g->run->model->tokenizer)
    return 0;
  return token_stream_create(g->run->model->tokenizer, true, true, &g->row[r].stream, err);
}

/* What the tokens' stream held back, and what may no longer become a stop. */
static int finish_text(struct generation *g, size_t r, struct tfm_error *err) {
  struct stream_row *row = &g->row[r];
  size_t before = row->text.length;
  if (!g->run->model->tokenizer)
    return 0;
  if (strcmp(row->stop, "stop_string") != 0) {
    if (token_stream_finish(row->stream, &row->text, err) != 0)
      return -1;
    if (row->text.failed)
      return error_oom(err);
    cut_at_stop(g, row, before);
  }
  if (row->text.length > row->told)
    tell(g, r, -1, true);
  return 0;
}

int generation_finish_row(struct generation *g, size_t r, struct tfm_error *err) {
  struct stream_row *row = &g->row[r];
  struct arena *arena = &g->run->result->arena;
  tfm_answer *answer = &g->run->result->answer[r];
  if (finish_text(g, r, err) != 0)
    return -1;
  size_t made = row->count - row->prompt;
  int32_t *ids = arena_array(arena, made ? made : 1, sizeof *ids);
  tfm_token_score *score = arena_array(arena, row->scores ? row->scores : 1, sizeof *score);
  const char *text = arena_strndup(arena, buffer_text(&row->text), row->text.length);
  if (!ids || !score || !text)
    return error_oom(err);
  if (made)
    memcpy(ids, row->ids + row->prompt, made * sizeof *ids);
  if (row->scores)
    memcpy(score, row->score, row->scores * sizeof *score);
  answer->text = text;
  answer->text_length = row->text.length;
  answer->ids = ids;
  answer->id_count = made;
  answer->stop = row->stop;
  answer->token_score = g->run->options->logprobs ? score : NULL;
  return 0;
}

void generation_free_row(struct stream_row *row) {
  token_stream_destroy(row->stream);
  sampler_finish(&row->sampler);
  penalty_finish(&row->penalty);
  buffer_finish(&row->text);
  free(row->score);
  free(row->ids);
}
