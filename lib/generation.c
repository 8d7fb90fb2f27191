/* generation.c - one text that is written on: its next token, its words, its end. */
#include "lib/generation.h"

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

/* Why a text ends at its limit. */
static const char *limit_name(const struct generation *g) {
  const tfm_run_options *o = g->start.options;
  int64_t asked = o->max_new_tokens == 0 ? 128 : o->max_new_tokens;
  bool length = asked == -2 || asked == g->limit ||
                (o->max_length > 0 && g->limit == o->max_length - (int64_t)g->prompt);
  return length ? "length" : "context";
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

static int reserve_ids(struct hypothesis *h, size_t count, struct tfm_error *err) {
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

static int push_id(struct hypothesis *h, int32_t id, struct tfm_error *err) {
  if (reserve_ids(h, h->count + 1, err) != 0)
    return -1;
  h->ids[h->count++] = id;
  return 0;
}

static int begin_penalty(const struct generation *g, struct hypothesis *h, struct tfm_error *err) {
  const tfm_run_options *o = g->start.options;
  struct penalty_options penalty = {o->repetition_penalty, o->presence_penalty,
                                    o->frequency_penalty, o->no_repeat_ngram};
  return penalty_init(&h->penalty, &penalty, err);
}

/* to becomes what from is; its penalties count its tokens anew. */
static int copy_hypothesis(struct generation *g, const struct hypothesis *from,
                           struct hypothesis *to, struct tfm_error *err) {
  if (reserve_ids(to, from->count, err) != 0)
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
    if (push_id(&g->hypothesis[i], g->choice[i].token, err) != 0)
      return -1;
  return 0;
}

/* ---------------------------------------------------------------------- text */

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
static int emit(struct generation *g, int32_t id, struct tfm_error *err) {
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

static int check_logits(const struct generation *g, const float *logits, size_t vocabulary,
                        struct tfm_error *err) {
  for (size_t i = 0; i < vocabulary; i++)
    if (isnan(logits[i]) || logits[i] == INFINITY) /* -inf: never this token */
      return task_bad_value(GRAPH_TASK_GENERATE, g->name, "logits", (double)logits[i], err);
  return 0;
}

/* Log probabilities; the sums are double, so that their order does not show. */
static void log_softmax(float *logits, size_t count) {
  double most = -INFINITY, sum = 0;
  for (size_t i = 0; i < count; i++)
    most = logits[i] > most ? logits[i] : most;
  if (most == -INFINITY)
    return;
  for (size_t i = 0; i < count; i++)
    sum += exp(logits[i] - most);
  for (size_t i = 0; i < count; i++)
    logits[i] = (float)(logits[i] - most - log(sum));
}

/* What the policy sees of a hypothesis in place of the model's logits. */
static int show_hypothesis(struct generation *g, uint32_t h, const float *logits, size_t vocabulary,
                           struct tfm_error *err) {
  struct hypothesis *own = &g->hypothesis[h];
  float *work = g->work ? g->work + h * vocabulary : NULL;
  const float *out;
  if (check_logits(g, logits, vocabulary, err) != 0)
    return -1;
  if (g->policy->log_probabilities) {
    memcpy(work, logits, vocabulary * sizeof *work);
    log_softmax(work, vocabulary);
    logits = work;
  }
  if (penalty_apply(&own->penalty, own->ids, own->count, g->prompt, logits, vocabulary, &out,
                    err) != 0)
    return -1;
  g->seen[h] = (struct decode_hypothesis){own->ids, own->count, g->prompt, out};
  if (!rules_exist(&g->rules))
    return 0;
  if (out != work)
    memcpy(work, out, vocabulary * sizeof *work);
  g->seen[h].logits = work;
  return rules_apply(&g->rules, own->ids, own->count, g->prompt, work, vocabulary, err);
}

static int show_hypotheses(struct generation *g, const float *const *logits, size_t vocabulary,
                           struct tfm_error *err) {
  size_t size;
  if (!g->work && (g->policy->log_probabilities || rules_exist(&g->rules))) {
    if (!checked_mul(vocabulary, g->width * sizeof *g->work, &size))
      return error_set(err, TFM_ERROR_LIMIT, "a vocabulary of %zu is too large", vocabulary);
    g->work = malloc(size ? size : 1);
    if (!g->work)
      return error_oom(err);
  }
  for (uint32_t h = 0; h < g->live; h++)
    if (show_hypothesis(g, h, logits[h], vocabulary, err) != 0)
      return -1;
  return 0;
}

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
  return emit(g, id, err);
}

int generation_advance(struct generation *g, const float *const *logits, size_t vocabulary,
                       struct tfm_error *err) {
  struct decode_step step = {g->seen, g->live, vocabulary};
  uint32_t count = 0;
  if (g->limit == 0) {
    g->stop = limit_name(g);
    return 0;
  }
  if (show_hypotheses(g, logits, vocabulary, err) != 0 ||
      g->policy->choose(g->policy_state, &step, g->choice, &count, err) != 0)
    return -1;
  if (count == 0)
    g->stop = "stop";
  else if ((g->policy->width ? follow(g, count, err) : stream(g, logits[0], vocabulary, err)) != 0)
    return -1;
  if (!g->stop && (int64_t)(g->hypothesis[0].count - g->prompt) >= g->limit)
    g->stop = limit_name(g);
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
      reserve_ids(&g->hypothesis[0], start->count, err) != 0)
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
    if (push_id(&g->hypothesis[0], from->ids[i], err) != 0 || emit(g, from->ids[i], err) != 0)
      return -1;
  if (!g->stop)
    g->stop = from->stopped ? "stop" : limit_name(g);
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
