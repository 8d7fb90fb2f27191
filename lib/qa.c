/* qa.c - the span of the context that answers a question.
 *
 * As transformers' question-answering pipeline does it.  Start and end scores
 * are softmaxes over the context's tokens and the [CLS], which takes the share
 * of "there is no answer" but is itself in no span.  A span's score is the
 * product of its two ends (Devlin et al. 2019, section 4.2), begin <= end, at
 * most SPAN tokens long.  Each of the KEPT best spans is widened to whole words;
 * those that then read the same, but for upper and lower case, are one answer,
 * whose score is their sum. */
#include "lib/model.h"
#include "lib/task.h"

#include "runtime/sample.h"
#include "runtime/tokenizer/unicode.h"

#include <stdlib.h>
#include <string.h>

enum { SPAN = 15, KEPT = 12 };

struct span_found {
  size_t begin, end; /* tokens, both inside */
  double score;
};

/* An answer: bytes of the context. */
struct span_text {
  size_t begin, end;
  double score;
};

static bool in_context(const struct encoding *e, size_t t) {
  return !e->special[t] && e->sequence[t] == 1;
}

/* Softmax over the context's tokens and those that are cls; 0 in out but for the context's. */
static int context_softmax(const struct task_run *run, size_t r, const char *name,
                           const struct task_output *logits, float *out, struct tfm_error *err) {
  const struct row *row = &run->rows->row[r];
  int32_t cls = tokenizer_roles(run->model->tokenizer)->cls;
  int64_t stride = logits->rank == 3 ? logits->shape[2] : 1;
  const float *from = logits->data + (int64_t)r * logits->shape[1] * stride;
  const struct encoding *e = &row->encoding;
  float *some = malloc(row->count * sizeof *some);
  size_t count = 0;
  if (!some)
    return error_oom(err);
  for (size_t t = 0; t < row->count; t++)
    if (in_context(e, t) || row->ids[t] == cls)
      some[count++] = from[(int64_t)t * stride];
  int status = task_finite(run, r, name, some, count, err);
  if (status == 0)
    status = sample_softmax(some, count, some, err);
  count = 0;
  for (size_t t = 0; t < row->count; t++) {
    bool taken = in_context(e, t) || row->ids[t] == cls;
    out[t] = in_context(e, t) ? some[count] : 0;
    count += taken;
  }
  free(some);
  return status;
}

/* The best spans to found, in order, the earlier of equals first; returns how many. */
static size_t best_spans(const struct encoding *e, const float *start, const float *end,
                         struct span_found found[KEPT]) {
  size_t count = 0;
  for (size_t b = 0; b < e->count; b++)
    for (size_t t = b; in_context(e, b) && t < e->count && t < b + SPAN; t++) {
      struct span_found one = {b, t, (double)start[b] * (double)end[t]};
      if (!in_context(e, t) || (count == KEPT && one.score <= found[KEPT - 1].score))
        continue;
      size_t at = count < KEPT ? count++ : KEPT - 1;
      for (; at > 0 && found[at - 1].score < one.score; at--)
        found[at] = found[at - 1];
      found[at] = one;
    }
  return count;
}

static bool same_word(const struct encoding *e, size_t a, size_t b) {
  return in_context(e, a) && in_context(e, b) && e->word[a] >= 0 && e->word[a] == e->word[b];
}

static struct span_text whole_words(const struct encoding *e, struct span_found span) {
  size_t first = span.begin, last = span.end;
  while (first > 0 && same_word(e, first - 1, span.begin))
    first--;
  while (last + 1 < e->count && same_word(e, last + 1, span.end))
    last++;
  size_t begin = e->begin[first], end = e->end[last];
  return (struct span_text){begin, end > begin ? end : begin, span.score};
}

/* The next code point's lower case; a byte that is not UTF-8 is itself. */
static size_t lower_next(const char *text, size_t length, size_t *at, uint32_t out[2]) {
  bool incomplete;
  size_t bad, size = unicode_sequence(text + *at, length - *at, &bad, &incomplete);
  if (size == 0) {
    out[0] = UINT32_C(0x110000) + (unsigned char)text[(*at)++];
    return 1;
  }
  uint32_t code = unicode_read(text + *at, &size);
  *at += size;
  return unicode_lower(code, out);
}

static bool same_text(const char *context, struct span_text a, struct span_text b) {
  const char *x = context + a.begin, *y = context + b.begin;
  size_t i = 0, j = 0, n = a.end - a.begin, m = b.end - b.begin;
  while (i < n && j < m) {
    uint32_t p[2] = {0, 0}, q[2] = {0, 0};
    if (lower_next(x, n, &i, p) != lower_next(y, m, &j, q) || p[0] != q[0] || p[1] != q[1])
      return false;
  }
  return i == n && j == m;
}

/* The best answer; count > 0.  The sum of probabilities may end a rounding above 1. */
static struct span_text best_answer(const struct encoding *e, const char *context,
                                    const struct span_found *found, size_t count) {
  struct span_text text[KEPT] = {whole_words(e, found[0])};
  size_t texts = 1, best = 0;
  for (size_t i = 1; i < count; i++) {
    struct span_text one = whole_words(e, found[i]);
    size_t at = 0;
    while (at < texts && !same_text(context, text[at], one))
      at++;
    if (at == texts)
      text[texts++] = one;
    else
      text[at].score += one.score;
  }
  for (size_t i = 1; i < texts; i++)
    if (text[i].score > text[best].score)
      best = i;
  text[best].score = text[best].score < 1 ? text[best].score : 1;
  return text[best];
}

static bool has_context(const struct row *row) {
  for (size_t t = 0; t < row->count; t++)
    if (in_context(&row->encoding, t))
      return true;
  return false;
}

static int keep_answer(struct task_run *run, size_t r, struct span_text found,
                       struct tfm_error *err) {
  struct arena *arena = &run->result->arena;
  tfm_answer *answer = &run->result->answer[r];
  size_t bytes = found.end - found.begin;
  tfm_place *place = arena_array(arena, 1, sizeof *place);
  tfm_choice *choice = arena_array(arena, 1, sizeof *choice);
  const char *text = arena_strndup(arena, run->input[r].pair + found.begin, bytes);
  if (!place || !choice || !text)
    return error_oom(err);
  *choice = (tfm_choice){.text = text, .id = -1, .score = found.score};
  *place = (tfm_place){.text = "",
                       .begin = found.begin,
                       .end = found.end,
                       .choice_count = 1,
                       .choice = choice,
                       .sequence = 1};
  answer->text = text;
  answer->text_length = bytes;
  answer->place = place;
  answer->place_count = 1;
  return 0;
}

static int answer_row(struct task_run *run, size_t r, const struct task_output *start,
                      const struct task_output *end, struct tfm_error *err) {
  const struct row *row = &run->rows->row[r];
  struct span_found found[KEPT];
  float *scores = calloc(2 * row->count, sizeof *scores);
  if (!scores)
    return error_oom(err);
  int status = context_softmax(run, r, "start", start, scores, err);
  if (status == 0)
    status = context_softmax(run, r, "end", end, scores + row->count, err);
  if (status == 0) {
    size_t count = best_spans(&row->encoding, scores, scores + row->count, found);
    status =
        keep_answer(run, r, best_answer(&row->encoding, run->input[r].pair, found, count), err);
  }
  free(scores);
  return status;
}

int task_qa(struct task_run *run, struct tfm_error *err) {
  struct task_output start, end;
  char name[ROW_NAME];
  for (size_t r = 0; r < run->rows->count; r++)
    if (!run->input[r].text || (!run->input[r].pair || !has_context(&run->rows->row[r])))
      return error_set(err, TFM_ERROR_USAGE, "%s has no context to be answered from",
                       row_name(r, run->rows->count, name)),
             error_note(err, "help: give both texts: --input QUESTION --context TEXT"), -1;
  if (task_forward(run, err) != 0 || task_output(run, "start", &start, err) != 0 ||
      task_output(run, "end", &end, err) != 0)
    return -1;
  for (size_t r = 0; r < run->rows->count; r++)
    if (answer_row(run, r, &start, &end, err) != 0)
      return -1;
  return 0;
}
