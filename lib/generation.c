/* generation.c - one text that is written on: its next token, its words, its end. */
#include "lib/generation.h"

#include "lib/generation_private.h"

#include "base/checked.h"
#include "lib/head.h"
#include "lib/stop_text.h"
#include "lib/task.h"
#include "lib/token_score.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static int64_t token_limit(const struct generation_start *start) {
  const tfm_run_options *o = start->options;
  int64_t asked = o->max_new_tokens, most = start->model->max_tokens;
  if (asked == -2)
    return 0;
  /* The last new token is chosen, but never run: it needs no place. */
  int64_t room = most > 0 ? most - (int64_t)start->count + 1 : INT32_MAX;
  if (o->max_length > 0 && o->max_length - (int64_t)start->count < room)
    room = o->max_length - (int64_t)start->count;
  if (asked == 0)
    asked = 128;
  if (room < 0)
    room = 0;
  return asked < 0 || asked > room ? room : asked;
}

/* What of the head is not said otherwise, and what is asked for. */
static int find_rules(struct generation *g, struct tfm_error *err) {
  const tfm_run_options *o = g->start.options;
  const struct graph *graph = g->start.model->graph;
  struct arena *arena = &g->start.result->arena;
  struct rules *rules = &g->rules;
  *rules = (struct rules){.suppress = o->suppress,
                          .begin_suppress = o->begin_suppress,
                          .bad_word = o->bad_words,
                          .bad_word_count = o->bad_word_count,
                          .min_length = o->min_length,
                          .min_new = o->min_new_tokens,
                          .forced_first =
                              o->forced_first ? *o->forced_first : head_id(graph, "forced_first"),
                          .limit = g->limit};
  if (!o->ignore_stop && head_ids(graph, "stop", arena, &rules->stop, err) != 0)
    return -1;
  if (o->forced_last)
    rules->forced_last = *o->forced_last;
  else if (head_ids(graph, "forced_last", arena, &rules->forced_last, err) != 0)
    return -1;
  return 0;
}

static bool is_stop(const struct generation *g, int32_t id) {
  for (size_t i = 0; i < g->rules.stop.count; i++)
    if (g->rules.stop.ids[i] == id)
      return true;
  return false;
}

/* ---------------------------------------------------------------- hypotheses */

static int begin_penalty(const struct generation *g, struct hypothesis *h, struct tfm_error *err) {
  const tfm_run_options *o = g->start.options;
  struct penalty_options penalty = {o->repetition_penalty, o->presence_penalty,
                                    o->frequency_penalty, o->no_repeat_ngram};
  return penalty_init(&h->penalty, &penalty, err);
}

/* to becomes what from is; its penalties count its tokens anew. */
static int copy_hypothesis(struct generation *g, const struct hypothesis *from,
                           struct hypothesis *to, struct tfm_error *err) {
  if (hypothesis_reserve(to, from->count, err) != 0)
    return -1;
  memcpy(to->ids, from->ids, from->count * sizeof *to->ids);
  to->count = from->count;
  penalty_finish(&to->penalty);
  return begin_penalty(g, to, err);
}

/* The choices become the hypotheses.  One that has one successor is moved, not copied. */
static int follow(struct generation *g, uint32_t count, struct tfm_error *err) {
  for (uint32_t i = 0; i < count; i++) {
    uint32_t parent = g->choice[i].parent, users = 0;
    for (uint32_t k = i + 1; k < count; k++)
      users += g->choice[k].parent == parent;
    if (users == 0) {
      struct hypothesis moved = g->hypothesis[parent];
      g->hypothesis[parent] = g->next[i];
      g->next[i] = moved;
    } else if (copy_hypothesis(g, &g->hypothesis[parent], &g->next[i], err) != 0) {
      return -1;
    }
  }
  struct hypothesis *before = g->hypothesis;
  g->hypothesis = g->next;
  g->next = before;
  g->live = count;
  for (uint32_t i = 0; i < count; i++)
    if (hypothesis_push(&g->hypothesis[i], g->choice[i].token, err) != 0)
      return -1;
  return 0;
}

/* Remember what the model thought of id, as its logits were before any penalty. */
static int push_score(struct generation *g, const float *logits, size_t vocabulary, int32_t id,
                      struct tfm_error *err) {
  uint32_t best = g->start.options->logprobs;
  if (best == 0)
    return 0;
  if (g->scores == g->score_room) {
    size_t room = g->score_room ? g->score_room * 2 : 64;
    tfm_token_score *grown = realloc(g->score, room * sizeof *grown);
    if (!grown)
      return error_oom(err);
    g->score = grown;
    g->score_room = room;
  }
  return token_score(g->start.result, g->start.model->tokenizer, logits, vocabulary, id, best,
                     &g->score[g->scores++], err);
}

/* ------------------------------------------------------------------- a step */

/* The one hypothesis of a policy whose tokens stand once they are chosen. */
static int stream(struct generation *g, const float *logits, size_t vocabulary,
                  struct tfm_error *err) {
  int32_t id = g->choice[0].token;
  if (is_stop(g, id)) {
    g->stop = "stop";
    return 0;
  }
  if (push_score(g, logits, vocabulary, id, err) != 0 || follow(g, 1, err) != 0)
    return -1;
  return generation_tell(g, id, err);
}

int generation_advance(struct generation *g, const float *const *logits, size_t vocabulary,
                       struct tfm_error *err) {
  struct decode_step step = {g->seen, g->live, vocabulary};
  uint32_t count = 0;
  if (g->limit == 0) {
    g->stop = generation_limit_name(g);
    return 0;
  }
  if (generation_show(g, logits, vocabulary, err) != 0 ||
      g->policy->choose(g->policy_state, &step, g->choice, &count, err) != 0)
    return -1;
  if (count == 0)
    g->stop = "stop";
  else if ((g->policy->width ? follow(g, count, err) : stream(g, logits[0], vocabulary, err)) != 0)
    return -1;
  if (!g->stop && (int64_t)(g->hypothesis[0].count - g->prompt) >= g->limit)
    g->stop = generation_limit_name(g);
  return 0;
}

/* --------------------------------------------------------- beginning and end */

static int begin_policy(struct generation *g, struct tfm_error *err) {
  const tfm_run_options *o = g->start.options;
  struct decode_options options = {.run = o,
                                   .sample = {.temperature = o->temperature,
                                              .top_k = o->top_k,
                                              .top_p = o->top_p,
                                              .min_p = o->min_p,
                                              .seed = g->start.seed},
                                   .stream = g->start.stream,
                                   .stop = g->rules.stop.ids,
                                   .stop_count = g->rules.stop.count,
                                   .limit = g->limit};
  g->policy = decode_find(o);
  g->width = decode_width(o);
  g->hypothesis = calloc(g->width, sizeof *g->hypothesis);
  g->next = calloc(g->width, sizeof *g->next);
  g->seen = calloc(g->width, sizeof *g->seen);
  g->choice = calloc(g->width, sizeof *g->choice);
  if (!g->hypothesis || !g->next || !g->seen || !g->choice)
    return error_oom(err);
  return g->policy->create(&options, &g->policy_state, err);
}

int generation_begin(struct generation *g, const struct generation_start *start,
                     struct tfm_error *err) {
  *g = (struct generation){.start = *start};
  buffer_init(&g->text);
  snprintf(g->name, sizeof g->name, "%s", start->name);
  g->prompt = start->count;
  g->limit = token_limit(start);
  if (find_rules(g, err) != 0 || begin_policy(g, err) != 0 ||
      begin_penalty(g, &g->hypothesis[0], err) != 0 ||
      hypothesis_reserve(&g->hypothesis[0], start->count, err) != 0)
    return -1;
  if (start->count)
    memcpy(g->hypothesis[0].ids, start->ids, start->count * sizeof *start->ids);
  g->hypothesis[0].count = start->count;
  g->live = 1;
  if (!start->model->tokenizer)
    return 0;
  return token_stream_create(start->model->tokenizer, !start->model->two_texts, true, &g->stream,
                             err);
}

static void free_hypotheses(struct hypothesis *list, uint32_t count) {
  for (uint32_t h = 0; list && h < count; h++) {
    penalty_finish(&list[h].penalty);
    free(list[h].ids);
  }
  free(list);
}

void generation_free(struct generation *g) {
  token_stream_destroy(g->stream);
  if (g->policy)
    g->policy->destroy(g->policy_state);
  free_hypotheses(g->hypothesis, g->width);
  free_hypotheses(g->next, g->width);
  buffer_finish(&g->text);
  free(g->seen);
  free(g->choice);
  free(g->work);
  free(g->score);
}
