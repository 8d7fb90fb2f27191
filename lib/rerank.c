/* rerank.c - how well each pair's second text answers its first. */
#include "lib/link.h"
#include "lib/model.h"
#include "lib/task.h"

static int score_row(struct task_run *run, size_t r, enum link link, const float *logit,
                     struct tfm_error *err) {
  tfm_place *place = arena_array(&run->result->arena, 1, sizeof *place);
  tfm_choice *choice = arena_array(&run->result->arena, 1, sizeof *choice);
  float score;
  if (!place || !choice)
    return error_oom(err);
  if (task_finite(run, r, "logits", logit, 1, err) != 0 ||
      link_apply(link, logit, 1, &score, err) != 0)
    return -1;
  *choice = (tfm_choice){.text = "", .id = -1, .score = score, .logit = *logit};
  place->text = "";
  place->end = run->input[r].text_length;
  place->choice = choice;
  place->choice_count = 1;
  run->result->answer[r].text = "";
  run->result->answer[r].place = place;
  run->result->answer[r].place_count = 1;
  return 0;
}

int task_rerank(struct task_run *run, struct tfm_error *err) {
  struct task_output out;
  enum link link;
  for (size_t r = 0; r < run->rows->count; r++)
    if (run->input[r].text && !run->input[r].pair)
      return error_set(err, TFM_ERROR_USAGE, "rerank needs a document beside the query"),
             error_note(err, "help: the query is the text, the document its pair"), -1;
  if (task_forward(run, err) != 0 || task_output(run, "logits", &out, err) != 0 ||
      link_of_activation(run->model->graph, &link, err) != 0)
    return -1;
  for (size_t r = 0; r < run->rows->count; r++)
    if (score_row(run, r, link, task_row(&out, r), err) != 0)
      return -1;
  return 0;
}
