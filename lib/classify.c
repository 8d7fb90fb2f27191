/* classify.c - one label for a text, or one for each of its words. */
#include "lib/group.h"
#include "lib/link.h"
#include "lib/model.h"
#include "lib/task.h"

#include "runtime/sample.h"

#include <stdlib.h>
#include <string.h>

/* All labels of one place, best first: by their logits, since scores may be equal where
 * these are not. */
static int label_place(struct task_run *run, size_t r, enum link link, const float *logits,
                       size_t labels, size_t shown, tfm_place *place, struct tfm_error *err) {
  if (task_finite(run, r, "logits", logits, labels, err) != 0)
    return -1;
  float *scores = malloc((labels ? labels : 1) * sizeof *scores);
  if (!scores)
    return error_oom(err);
  int status = link_apply(link, logits, labels, scores, err);
  tfm_choice *choice = status == 0 ? result_best(run->result, logits, labels, shown) : NULL;
  place->choice_count = choice ? shown < labels ? shown : labels : 0;
  for (size_t i = 0; i < place->choice_count; i++) {
    choice[i].text = task_label(run, choice[i].id);
    choice[i].text_length = choice[i].text ? strlen(choice[i].text) : 0;
    choice[i].score = (double)scores[choice[i].id];
    choice[i].logit = (double)logits[choice[i].id];
  }
  free(scores);
  if (status != 0)
    return -1;
  place->choice = choice;
  return choice ? 0 : error_oom(err);
}

int task_classify(struct task_run *run, struct tfm_error *err) {
  struct task_output out;
  if (task_forward(run, err) != 0 || task_output(run, "logits", &out, err) != 0)
    return -1;
  size_t labels = (size_t)out.shape[1];
  enum link link;
  if (link_of_problem(run->model->graph, labels, &link, err) != 0)
    return -1;
  for (size_t r = 0; r < run->rows->count; r++) {
    tfm_answer *answer = &run->result->answer[r];
    tfm_place *place = arena_array(&run->result->arena, 1, sizeof *place);
    if (!place)
      return error_oom(err);
    place->text = "";
    place->end = run->input[r].text_length;
    if (label_place(run, r, link, task_row(&out, r), labels, labels, place, err) != 0)
      return -1;
    answer->place = place;
    answer->place_count = 1;
    answer->text = place->choice_count ? place->choice[0].text : "";
    answer->text_length = strlen(answer->text);
  }
  return 0;
}

/* A word is what the tokenizer's first cut made; its first piece decides. */
static bool starts_word(const struct encoding *e, size_t t) {
  if (e->special[t] || e->word[t] < 0)
    return false;
  return t == 0 || e->special[t - 1] || e->word[t - 1] != e->word[t] ||
         e->sequence[t - 1] != e->sequence[t];
}

/* Pieces from t on that belong to the same word. */
static size_t word_length(const struct encoding *e, size_t t) {
  size_t end = t + 1;
  while (end < e->count && !e->special[end] && !starts_word(e, end))
    end++;
  return end - t;
}

static int label_words(struct task_run *run, size_t r, const struct task_output *out,
                       struct tfm_error *err) {
  const struct row *row = &run->rows->row[r];
  const struct encoding *e = &row->encoding;
  tfm_answer *answer = &run->result->answer[r];
  size_t labels = (size_t)out->shape[2];
  const float *logits = task_row(out, r);
  bool text = run->input[r].text != NULL;
  tfm_place *place = arena_array(&run->result->arena, row->count, sizeof *place);
  if (!place)
    return error_oom(err);
  answer->place = place;
  for (size_t t = 0; t < row->count; t++) {
    if (text && !starts_word(e, t))
      continue;
    tfm_place *one = &place[answer->place_count];
    one->text = "";
    if (text) {
      one->sequence = e->sequence[t];
      one->begin = e->begin[t];
      one->end = e->end[t + word_length(e, t) - 1];
      if (task_place_text(run, r, one, err) != 0)
        return -1;
    }
    if (label_place(run, r, LINK_SOFTMAX, logits + t * labels, labels, labels, one, err) != 0)
      return -1;
    answer->place_count++;
  }
  return 0;
}

/* The answer's text: its places' best labels, blanks between. */
static int label_text(struct task_run *run, size_t r, struct tfm_error *err) {
  tfm_answer *answer = &run->result->answer[r];
  struct buffer text;
  buffer_init(&text);
  for (size_t p = 0; p < answer->place_count; p++) {
    buffer_puts(&text, p ? " " : "");
    buffer_puts(&text, answer->place[p].choice[0].text);
  }
  const char *copy =
      text.failed ? NULL : arena_strndup(&run->result->arena, buffer_text(&text), text.length);
  answer->text = copy ? copy : "";
  answer->text_length = copy ? text.length : 0;
  buffer_finish(&text);
  return copy ? 0 : error_oom(err);
}

static int group_tokens(struct task_run *run, size_t r, const struct task_output *out,
                        struct tfm_error *err) {
  size_t labels = (size_t)out->shape[2];
  const float *logits = task_row(out, r);
  char name[ROW_NAME];
  if (run->options->group > TFM_GROUP_MAX)
    return error_set(err, TFM_ERROR_USAGE, "tfm_run_options.group is none of TFM_GROUP_");
  if (!run->input[r].text)
    return error_set(err, TFM_ERROR_USAGE, "%s is ids: groups are of a text's words",
                     rows_name(run->rows, r, name));
  if (task_finite(run, r, "logits", logits, run->rows->row[r].count * labels, err) != 0)
    return -1;
  return group_row(run, r, logits, labels, err);
}

int task_classify_tokens(struct task_run *run, struct tfm_error *err) {
  struct task_output out;
  if (task_forward(run, err) != 0 || task_output(run, "logits", &out, err) != 0)
    return -1;
  for (size_t r = 0; r < run->rows->count; r++)
    if ((run->options->group ? group_tokens(run, r, &out, err) : label_words(run, r, &out, err)) !=
            0 ||
        label_text(run, r, err) != 0)
      return -1;
  return 0;
}
