/* fill_mask.c - the likeliest words for each mask, and the sentence filled in. */
#include "lib/model.h"
#include "lib/task.h"

#include "runtime/sample.h"

#include <stdlib.h>
#include <string.h>

/* The word as it stands in text: a continuation piece loses its marker, a
 * word its leading space. */
static const char *word_text(struct task_run *run, int32_t id, size_t *length,
                             struct tfm_error *err) {
  struct token_stream *stream = NULL;
  struct buffer text;
  const char *copy = NULL;
  buffer_init(&text);
  int status = token_stream_create(run->model->tokenizer, true, false, &stream, err);
  if (status == 0)
    status = token_stream_push(stream, id, &text, err);
  if (status == 0)
    status = token_stream_finish(stream, &text, err);
  token_stream_destroy(stream);
  if (status == 0 && !text.failed) {
    const char *word = buffer_text(&text);
    size_t blanks = strspn(word, " ");
    *length = text.length - blanks;
    copy = arena_strndup(&run->result->arena, word + blanks, *length);
  }
  if (status == 0 && !copy)
    error_oom(err);
  buffer_finish(&text);
  return copy;
}

static int fill_place(struct task_run *run, const float *logits, size_t vocabulary,
                      tfm_place *place, struct tfm_error *err) {
  uint32_t top = run->options->top ? run->options->top : 5;
  float *scores = malloc(vocabulary * sizeof *scores);
  if (!scores)
    return error_oom(err);
  int status = sample_softmax(logits, vocabulary, scores, err);
  if (status == 0) {
    tfm_choice *choice = result_best(run->result, scores, vocabulary, top);
    place->choice = choice;
    place->choice_count = choice ? (top < vocabulary ? top : vocabulary) : 0;
    status = choice ? 0 : error_oom(err);
    for (size_t i = 0; status == 0 && i < place->choice_count; i++) {
      choice[i].text = word_text(run, choice[i].id, &choice[i].text_length, err);
      status = choice[i].text ? 0 : -1;
    }
  }
  free(scores);
  return status;
}

/* A mask token may take the spaces beside it (lstrip, rstrip); they stay in
 * the sentence. */
static void keep_spaces(const char *whole, size_t *begin, size_t *end) {
  while (*begin < *end && whole[*begin] == ' ')
    (*begin)++;
  while (*end > *begin && whole[*end - 1] == ' ')
    (*end)--;
}

/* The text, or the pair, with the bytes of each of its masks replaced by their best word. */
static const char *filled_sentence(struct task_run *run, const tfm_answer *answer,
                                   uint32_t sequence, const char *whole, size_t length,
                                   size_t *filled) {
  struct buffer text;
  size_t at = 0;
  buffer_init(&text);
  for (size_t p = 0; p < answer->place_count; p++) {
    const tfm_place *place = &answer->place[p];
    if (place->sequence != sequence || place->begin < at || place->end > length)
      continue;
    size_t begin = place->begin, end = place->end;
    keep_spaces(whole, &begin, &end);
    buffer_append(&text, whole + at, begin - at);
    if (place->choice_count)
      buffer_append(&text, place->choice[0].text, place->choice[0].text_length);
    at = end;
  }
  buffer_append(&text, whole + at, length - at);
  const char *copy =
      text.failed ? NULL : arena_strndup(&run->result->arena, buffer_text(&text), text.length);
  *filled = text.length;
  buffer_finish(&text);
  return copy;
}

static int fill_texts(struct task_run *run, const tfm_input *input, tfm_answer *answer,
                      struct tfm_error *err) {
  const char *text =
      filled_sentence(run, answer, 0, input->text, input->text_length, &answer->text_length);
  answer->text = text ? text : "";
  if (input->pair)
    answer->pair =
        filled_sentence(run, answer, 1, input->pair, input->pair_length, &answer->pair_length);
  return text && (answer->pair || !input->pair) ? 0 : error_oom(err);
}

static int fill_row(struct task_run *run, size_t r, const struct task_output *out, int32_t mask,
                    struct tfm_error *err) {
  const struct row *row = &run->rows->row[r];
  tfm_answer *answer = &run->result->answer[r];
  const float *all = task_row(out, r);
  size_t vocabulary = (size_t)out->shape[2], masks = 0;
  char name[ROW_NAME];
  for (size_t t = 0; t < row->count; t++)
    masks += row->ids[t] == mask;
  if (masks == 0)
    return error_set(err, TFM_ERROR_USAGE, "%s has no mask", rows_name(run->rows, r, name)),
           error_note(err, "help: write %s where a word is to be filled in",
                      tokenizer_token(run->model->tokenizer, mask)),
           -1;
  tfm_place *place = arena_array(&run->result->arena, masks, sizeof *place);
  if (!place)
    return error_oom(err);
  answer->place = place;
  for (size_t t = 0; t < row->count; t++) {
    if (row->ids[t] != mask)
      continue;
    const float *logits = all + t * vocabulary;
    tfm_place *one = &place[answer->place_count++];
    one->text = "";
    if (run->input[r].text) {
      one->sequence = row->encoding.sequence[t];
      one->begin = row->encoding.begin[t];
      one->end = row->encoding.end[t];
    }
    if (task_finite(run, r, "logits", logits, vocabulary, err) != 0 ||
        fill_place(run, logits, vocabulary, one, err) != 0)
      return -1;
  }
  return run->input[r].text ? fill_texts(run, &run->input[r], answer, err) : 0;
}

int task_fill_mask(struct task_run *run, struct tfm_error *err) {
  const struct tokenizer *tokenizer = run->model->tokenizer;
  struct task_output out;
  if (!tokenizer) {
    *err = run->model->tokenizer_error;
    error_note(err, "help: without a tokenizer it is not known which id is the mask");
    return -1;
  }
  int32_t mask = tokenizer_roles(tokenizer)->mask;
  if (mask < 0)
    return error_set(err, TFM_ERROR_TOKENIZER, "this tokenizer has no mask token");
  if (task_forward(run, err) != 0 || task_output(run, "logits", &out, err) != 0)
    return -1;
  for (size_t r = 0; r < run->rows->count; r++)
    if (fill_row(run, r, &out, mask, err) != 0)
      return -1;
  return 0;
}
