/* qa.c - the span of the context that answers a question.
 *
 * Start and end scores are softmaxes over the context's tokens; the answer is
 * the span with the largest product, begin <= end, at most SPAN tokens long
 * (Devlin et al. 2019, section 4.2). */
#include "lib/model.h"
#include "lib/task.h"

#include "runtime/sample.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { SPAN = 30 };

struct span_found {
  size_t begin, end; /* tokens, both inside */
  double score;
};

/* Softmax over the tokens of the context only; 0 elsewhere. */
static int context_softmax(const struct row *row, const float *logits, int64_t stride, float *out,
                           struct tfm_error *err) {
  float *some = malloc(row->count * sizeof *some);
  size_t count = 0;
  if (!some)
    return error_oom(err);
  for (size_t t = 0; t < row->count; t++)
    if (!row->encoding.special[t] && row->encoding.sequence[t] == 1)
      some[count++] = logits[(int64_t)t * stride];
  int status = sample_softmax(some, count, some, err);
  count = 0;
  for (size_t t = 0; t < row->count; t++)
    out[t] = !row->encoding.special[t] && row->encoding.sequence[t] == 1 ? some[count++] : 0;
  free(some);
  return status;
}

static struct span_found best_span(const float *start, const float *end, size_t count) {
  struct span_found best = {0, 0, -1};
  for (size_t b = 0; b < count; b++)
    for (size_t e = b; e < count && e < b + SPAN; e++) {
      double score = (double)start[b] * (double)end[e];
      if (score > best.score)
        best = (struct span_found){b, e, score};
    }
  return best;
}

static bool has_context(const struct row *row) {
  for (size_t t = 0; t < row->count; t++)
    if (!row->encoding.special[t] && row->encoding.sequence[t] == 1)
      return true;
  return false;
}

static int answer_row(struct task_run *run, size_t r, const struct task_output *start,
                      const struct task_output *end, struct tfm_error *err) {
  const struct row *row = &run->rows->row[r];
  tfm_answer *answer = &run->result->answer[r];
  int64_t length = start->shape[1], stride = start->rank == 3 ? start->shape[2] : 1;
  float *scores = calloc(2 * row->count, sizeof *scores);
  tfm_place *place = arena_array(&run->result->arena, 1, sizeof *place);
  tfm_choice *choice = arena_array(&run->result->arena, 1, sizeof *choice);
  if (!scores || !place || !choice)
    return free(scores), error_oom(err);
  int64_t at = (int64_t)r * length * stride;
  int status = context_softmax(row, start->data + at, stride, scores, err);
  if (status == 0)
    status = context_softmax(row, end->data + at, stride, scores + row->count, err);
  if (status == 0) {
    struct span_found found = best_span(scores, scores + row->count, row->count);
    place->begin = row->encoding.begin[found.begin];
    place->end = row->encoding.end[found.end];
    size_t bytes = place->end > place->begin ? place->end - place->begin : 0;
    answer->text = arena_strndup(&run->result->arena, run->input[r].pair + place->begin, bytes);
    if (!answer->text)
      answer->text = "", status = error_oom(err);
    answer->text_length = bytes;
    *choice = (tfm_choice){.text = answer->text, .id = -1, .score = found.score};
    place->text = "";
    place->choice = choice;
    place->choice_count = 1;
    answer->place = place;
    answer->place_count = 1;
  }
  free(scores);
  return status;
}

int task_qa(struct task_run *run, struct tfm_error *err) {
  struct task_output start, end;
  char name[ROW_NAME];
  for (size_t r = 0; r < run->rows->count; r++)
    if (run->input[r].text && (!run->input[r].pair || !has_context(&run->rows->row[r])))
      return error_set(err, TFM_ERROR_USAGE, "%s has no context to be answered from",
                       row_name(r, run->rows->count, name)),
             error_note(err, "help: give the text: --context TEXT"), -1;
  if (task_forward(run, err) != 0 || task_output(run, "start", 2, &start, err) != 0 ||
      task_output(run, "end", 2, &end, err) != 0)
    return -1;
  for (size_t r = 0; r < run->rows->count; r++)
    if (run->input[r].text && answer_row(run, r, &start, &end, err) != 0)
      return -1;
  return 0;
}
