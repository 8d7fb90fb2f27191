/* group.c - as transformers' token-classification pipeline joins tokens
 * (TokenClassificationPipeline, aggregation_strategy).
 *
 *     tokens -> words (not for simple) -> groups of one tag -> those that are not "O"
 *
 * A word's label is that of its first token (first), of the token with the highest
 * probability (max), or the best of the tokens' mean probabilities (average).  Labels
 * are B-TAG, I-TAG or TAG, which is read as I-TAG; a label goes on a group if it has the
 * group's tag and is not B-.  A group's probability is the mean of its members'. */
#include "lib/group.h"

#include "base/text.h"
#include "lib/model.h"
#include "runtime/sample.h"

#include <stdlib.h>
#include <string.h>

/* A token or a word, with its label. */
struct member {
  size_t begin, end; /* bytes of its text */
  uint32_t sequence;
  int32_t label;
  float score;
};

/* What is known of a row's tokens while they are joined. */
struct grouping {
  struct task_run *run;
  size_t r, labels;
  const struct encoding *e;
  float *share;          /* [tokens, labels]: probabilities */
  struct member *member; /* at most one a token */
  size_t count;
};

static size_t count_characters(const char *text, size_t length) {
  size_t count = 0;
  for (size_t at = 0; at < length; count++)
    at += text_decode(text + at, length - at).size;
  return count;
}

/* Is there a blank before the place, or at it?  The reference's way to tell words where the
 * vocabulary does not mark their inner pieces. */
static bool is_apart(const char *text, size_t length, size_t at) {
  return at == 0 || text[at - 1] == ' ' || (at < length && text[at] == ' ');
}

/* Does token t go on the word of the one before it? */
static bool is_subword(const struct grouping *g, size_t t) {
  const struct tokenizer *tokenizer = g->run->model->tokenizer;
  const struct encoding *e = g->e;
  const tfm_input *input = &g->run->input[g->r];
  const char *text = e->sequence[t] ? input->pair : input->text;
  size_t length = e->sequence[t] ? input->pair_length : input->text_length;
  size_t begin = e->begin[t], end = e->end[t];
  if (e->ids[t] == tokenizer_roles(tokenizer)->unk)
    return false;
  if (!tokenizer_marks_pieces(tokenizer))
    return !is_apart(text, length, begin);
  const char *token = tokenizer_token(tokenizer, e->ids[t]);
  return token && count_characters(token, strlen(token)) !=
                      count_characters(text + begin, end > begin ? end - begin : 0);
}

static int32_t best_label(const float *share, size_t labels) {
  size_t best = 0;
  for (size_t i = 1; i < labels; i++)
    if (share[i] > share[best])
      best = i;
  return (int32_t)best;
}

/* One member of tokens first to last, whose label is the best of share. */
static void add_member(struct grouping *g, size_t first, size_t last, const float *share) {
  int32_t label = best_label(share, g->labels);
  g->member[g->count++] = (struct member){.begin = g->e->begin[first],
                                          .end = g->e->end[last],
                                          .sequence = g->e->sequence[first],
                                          .label = label,
                                          .score = share[label]};
}

/* The mean of the rows first to last, into the first. */
static void average(struct grouping *g, size_t first, size_t last) {
  float *to = g->share + first * g->labels;
  for (size_t i = 0; i < g->labels; i++) {
    double sum = 0;
    size_t count = 0;
    for (size_t t = first; t <= last; t++)
      if (!g->e->special[t]) {
        sum += (double)g->share[t * g->labels + i];
        count++;
      }
    to[i] = (float)(sum / (double)count);
  }
}

/* The token with the highest probability of any label, the first of equals. */
static size_t surest(const struct grouping *g, size_t first, size_t last) {
  size_t best = first;
  for (size_t t = first + 1; t <= last; t++) {
    const float *a = g->share + t * g->labels, *b = g->share + best * g->labels;
    if (!g->e->special[t] && a[best_label(a, g->labels)] > b[best_label(b, g->labels)])
      best = t;
  }
  return best;
}

static void add_word(struct grouping *g, size_t first, size_t last) {
  uint32_t how = g->run->options->group;
  size_t from = how == TFM_GROUP_MAX ? surest(g, first, last) : first;
  if (how == TFM_GROUP_AVERAGE)
    average(g, first, last);
  add_member(g, first, last, g->share + from * g->labels);
}

static void find_members(struct grouping *g) {
  const struct encoding *e = g->e;
  bool words = g->run->options->group != TFM_GROUP_SIMPLE, open = false;
  size_t first = 0, last = 0;
  for (size_t t = 0; t < e->count; t++) {
    if (e->special[t])
      continue;
    bool goes_on = open && words && e->sequence[t] == e->sequence[first] && is_subword(g, t);
    if (open && !goes_on)
      add_word(g, first, last);
    first = goes_on ? first : t;
    last = t;
    open = true;
  }
  if (open)
    add_word(g, first, last);
}

/* The label without B- or I-; *begins: it was B-. */
static const char *tag_of(const char *label, bool *begins) {
  *begins = strncmp(label, "B-", 2) == 0;
  return *begins || strncmp(label, "I-", 2) == 0 ? label + 2 : label;
}

/* The reference names a group by what follows the first dash, "PER" of "E-PER" too. */
static const char *group_name(const char *label) {
  const char *dash = strchr(label, '-');
  return dash ? dash + 1 : label;
}

static bool goes_with(const struct grouping *g, const struct member *a, const struct member *b) {
  const char *x = task_label(g->run, a->label), *y = task_label(g->run, b->label);
  bool begins, ignored;
  if (!x || !y || a->sequence != b->sequence)
    return false;
  return strcmp(tag_of(x, &ignored), tag_of(y, &begins)) == 0 && !begins;
}

static int add_place(struct grouping *g, const struct member *member, size_t count,
                     tfm_place *place, struct tfm_error *err) {
  struct arena *arena = &g->run->result->arena;
  const char *label = task_label(g->run, member[0].label);
  const char *name = label ? group_name(label) : NULL;
  tfm_choice *choice = arena_array(arena, 1, sizeof *choice);
  double sum = 0;
  for (size_t i = 0; i < count; i++)
    sum += (double)member[i].score;
  if (!name || !choice)
    return error_oom(err);
  *choice = (tfm_choice){
      .text = name, .id = -1, .score = sum / (double)count, .text_length = strlen(name)};
  *place = (tfm_place){.begin = member[0].begin,
                       .end = member[count - 1].end,
                       .choice_count = 1,
                       .choice = choice,
                       .sequence = member[0].sequence};
  return task_place_text(g->run, g->r, place, err);
}

static int join(struct grouping *g, struct tfm_error *err) {
  tfm_answer *answer = &g->run->result->answer[g->r];
  tfm_place *place = arena_array(&g->run->result->arena, g->count ? g->count : 1, sizeof *place);
  if (!place)
    return error_oom(err);
  answer->place = place;
  for (size_t at = 0, n; at < g->count; at += n) {
    n = 1;
    while (at + n < g->count && goes_with(g, &g->member[at + n - 1], &g->member[at + n]))
      n++;
    tfm_place *one = &place[answer->place_count];
    if (add_place(g, g->member + at, n, one, err) != 0)
      return -1;
    answer->place_count += strcmp(one->choice[0].text, "O") != 0;
  }
  return 0;
}

int group_row(struct task_run *run, size_t r, const float *logits, size_t labels,
              struct tfm_error *err) {
  const struct encoding *e = &run->rows->row[r].encoding;
  struct grouping g = {.run = run, .r = r, .labels = labels, .e = e};
  size_t room = e->count ? e->count : 1;
  int status = 0;
  g.share = calloc(room * labels, sizeof *g.share);
  g.member = calloc(room, sizeof *g.member);
  if (!g.share || !g.member)
    status = error_oom(err);
  for (size_t t = 0; status == 0 && t < e->count; t++)
    if (!e->special[t])
      status = sample_softmax(logits + t * labels, labels, g.share + t * labels, err);
  if (status == 0) {
    find_members(&g);
    status = join(&g, err);
  }
  free(g.share);
  free(g.member);
  return status;
}
