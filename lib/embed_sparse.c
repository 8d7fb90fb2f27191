/* embed_sparse.c - a weight for each token of the vocabulary, of which most have none. */
#include "lib/model.h"
#include "lib/task.h"

#include <string.h>

/* A weight is above zero. */
static size_t count_weights(const float *weight, size_t count) {
  size_t found = 0;
  for (size_t i = 0; i < count; i++)
    found += weight[i] > 0;
  return found;
}

/* As the vocabulary spells it; "" without a tokenizer, or beyond its last token. */
static const char *spelling(const struct task_run *run, int32_t id) {
  const struct tokenizer *tokenizer = run->model->tokenizer;
  const char *text = tokenizer ? tokenizer_token(tokenizer, id) : NULL;
  return text ? text : "";
}

/* The largest first. */
static int weigh(struct task_run *run, size_t r, const float *weight, size_t count,
                 struct tfm_error *err) {
  tfm_place *place = arena_array(&run->result->arena, 1, sizeof *place);
  size_t found = count_weights(weight, count), top = run->options->top;
  tfm_choice *choice =
      place ? result_best(run->result, weight, count, top && top < found ? top : found) : NULL;
  if (!choice)
    return error_oom(err);
  place->text = "";
  place->choice = choice;
  place->choice_count = top && top < found ? top : found;
  for (size_t i = 0; i < place->choice_count; i++) {
    choice[i].text = arena_strdup(&run->result->arena, spelling(run, choice[i].id));
    if (!choice[i].text)
      return error_oom(err);
    choice[i].text_length = strlen(choice[i].text);
  }
  run->result->answer[r].place = place;
  run->result->answer[r].place_count = 1;
  return 0;
}

int task_embed_sparse(struct task_run *run, struct tfm_error *err) {
  struct task_output out;
  if (task_forward(run, err) != 0 || task_output(run, "weights", &out, err) != 0)
    return -1;
  size_t count = (size_t)out.shape[1];
  for (size_t r = 0; r < run->rows->count; r++) {
    const float *weight = task_row(&out, r);
    if (task_finite(run, r, "weights", weight, count, err) != 0 ||
        weigh(run, r, weight, count, err) != 0)
      return -1;
  }
  return 0;
}
