/* generation_answer.c - the words of a text as they are made, and the answers at its end. */
#include "lib/generation_private.h"
#include "lib/stop_text.h"

#include <stdlib.h>
#include <string.h>

int hypothesis_reserve(struct hypothesis *h, size_t count, struct tfm_error *err) {
  if (count <= h->room)
    return 0;
  size_t room = h->room ? h->room : 64;
  while (room < count)
    room *= 2;
  int32_t *grown = realloc(h->ids, room * sizeof *grown);
  if (!grown)
    return error_oom(err);
  h->ids = grown;
  h->room = room;
  return 0;
}

int hypothesis_push(struct hypothesis *h, int32_t id, struct tfm_error *err) {
  if (hypothesis_reserve(h, h->count + 1, err) != 0)
    return -1;
  h->ids[h->count++] = id;
  return 0;
}

const char *generation_limit_name(const struct generation *g) {
  const tfm_run_options *o = g->start.options;
  int64_t asked = o->max_new_tokens == 0 ? 128 : o->max_new_tokens;
  bool length = asked == -2 || asked == g->limit ||
                (o->max_length > 0 && g->limit == o->max_length - (int64_t)g->prompt);
  return length ? "length" : "context";
}

/* Hand the caller what text is settled: all of it, or all but what may become a stop. */
static int tell(struct generation *g, int32_t id, bool all) {
  const tfm_run_options *o = g->start.options;
  const char *text = buffer_text(&g->text);
  size_t from = g->told, end = g->text.length;
  if (!all)
    end -= stop_text_held(o, text + from, end - from);
  g->told = end;
  return o->token && !g->silent ? o->token(o->token_arg, g->start.row, id, text + from, end - from)
                                : 0;
}

/* The text has grown behind its first `before` bytes: does it end here? */
static void cut_at_stop(struct generation *g, size_t before) {
  size_t at = stop_text_find(g->start.options, buffer_text(&g->text), g->text.length, before);
  if (at == SIZE_MAX)
    return;
  g->text.length = at;
  g->text.data[at] = '\0';
  g->stop = "stop_string";
}

/* The token's text goes to the answer and to the caller. */
int generation_tell(struct generation *g, int32_t id, struct tfm_error *err) {
  size_t before = g->text.length;
  if (g->stream && token_stream_push(g->stream, id, &g->text, err) != 0)
    return -1;
  if (g->text.failed)
    return error_oom(err);
  cut_at_stop(g, before);
  if (tell(g, id, g->stop != NULL) != 0 && !g->stop)
    g->stop = "caller";
  return 0;
}

/* What the tokens' stream held back, and what may no longer become a stop. */
static int finish_text(struct generation *g, struct tfm_error *err) {
  size_t before = g->text.length;
  if (!g->stream)
    return 0;
  if (strcmp(g->stop, "stop_string") != 0) {
    if (token_stream_finish(g->stream, &g->text, err) != 0)
      return -1;
    if (g->text.failed)
      return error_oom(err);
    cut_at_stop(g, before);
  }
  if (g->text.length > g->told)
    tell(g, -1, true);
  return 0;
}

/* One of the answers of several hypotheses becomes the only one, and its text is made. */
static int settle_answer(struct generation *g, const struct decode_answer *from,
                         struct tfm_error *err) {
  g->hypothesis[0].count = g->prompt;
  g->live = 1;
  g->stop = NULL;
  for (size_t i = 0; i < from->count && !g->stop; i++)
    if (hypothesis_push(&g->hypothesis[0], from->ids[i], err) != 0 ||
        generation_tell(g, from->ids[i], err) != 0)
      return -1;
  if (!g->stop)
    g->stop = from->stopped ? "stop" : generation_limit_name(g);
  return 0;
}

static int fill_answer(struct generation *g, double score, tfm_answer *answer,
                       struct tfm_error *err) {
  struct arena *arena = &g->start.result->arena;
  if (finish_text(g, err) != 0)
    return -1;
  size_t made = g->hypothesis[0].count - g->prompt;
  int32_t *ids = arena_array(arena, made ? made : 1, sizeof *ids);
  tfm_token_score *scores = arena_array(arena, g->scores ? g->scores : 1, sizeof *scores);
  const char *text = arena_strndup(arena, buffer_text(&g->text), g->text.length);
  if (!ids || !scores || !text)
    return error_oom(err);
  if (made)
    memcpy(ids, g->hypothesis[0].ids + g->prompt, made * sizeof *ids);
  if (g->scores)
    memcpy(scores, g->score, g->scores * sizeof *scores);
  answer->text = text;
  answer->text_length = g->text.length;
  answer->ids = ids;
  answer->id_count = made;
  answer->stop = g->stop;
  answer->token_score = g->start.options->logprobs ? scores : NULL;
  answer->score = score;
  return 0;
}

/* The text of the next best begins anew, and nobody is told of it. */
static int begin_next(struct generation *g, struct tfm_error *err) {
  const struct tfm_model *model = g->start.model;
  g->silent = true;
  g->text.length = g->told = 0;
  token_stream_destroy(g->stream);
  g->stream = NULL;
  return model->tokenizer
             ? token_stream_create(model->tokenizer, !model->two_texts, true, &g->stream, err)
             : 0;
}

static int finish_hypotheses(struct generation *g, struct tfm_error *err) {
  struct decode_step step = {g->seen, g->live, 0};
  tfm_answer *answer = g->start.answer;
  const struct decode_answer *found;
  uint32_t count, wanted = g->start.options->n_best > 1 ? g->start.options->n_best : 1;
  for (uint32_t h = 0; h < g->live; h++)
    g->seen[h] =
        (struct decode_hypothesis){g->hypothesis[h].ids, g->hypothesis[h].count, g->prompt, NULL};
  if (g->policy->finish(g->policy_state, &step, &found, &count, err) != 0)
    return -1;
  for (uint32_t i = 0; i < count && i < wanted; i++) {
    if (i > 0) {
      tfm_answer *next = arena_alloc(&g->start.result->arena, sizeof *next);
      if (!next || begin_next(g, err) != 0)
        return next ? -1 : error_oom(err);
      *next = (tfm_answer){.prompt_count = answer->prompt_count, .truncated = answer->truncated};
      answer->next = next;
      answer = next;
    }
    if (settle_answer(g, &found[i], err) != 0 || fill_answer(g, found[i].score, answer, err) != 0)
      return -1;
  }
  return 0;
}

int generation_finish(struct generation *g, struct tfm_error *err) {
  return g->policy->finish ? finish_hypotheses(g, err) : fill_answer(g, 0, g->start.answer, err);
}
