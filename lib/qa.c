/* qa.c - the span of the context that answers a question.
 *
 * A context that is longer than the model is read in windows (lib/window.h); the answers of
 * all of them compete (lib/span.h), and the best are kept.  As transformers' pipeline does it, with
 * handle_impossible_answer where TFM_RUN_NULL_ANSWER asks for it. */
#include "lib/model.h"
#include "lib/span.h"
#include "lib/task.h"
#include "lib/window.h"

#include <stdlib.h>

enum { WINDOWS = 16 }; /* in a pass, unless more inputs came at once */

static bool has_context(const struct row *row) {
  for (size_t t = 0; t < row->count; t++)
    if (window_in_context(&row->encoding, t))
      return true;
  return false;
}

static int keep_span(struct task_run *run, size_t r, struct answer_span found, tfm_place *place,
                     struct tfm_error *err) {
  struct arena *arena = &run->result->arena;
  size_t bytes = found.end - found.begin;
  tfm_choice *choice = arena_array(arena, 1, sizeof *choice);
  const char *text = arena_strndup(arena, run->input[r].pair + found.begin, bytes);
  if (!choice || !text)
    return error_oom(err);
  *choice = (tfm_choice){.text = text, .id = -1, .score = found.score, .text_length = bytes};
  *place = (tfm_place){.text = "",
                       .begin = found.begin,
                       .end = found.end,
                       .choice_count = 1,
                       .choice = choice,
                       .sequence = 1};
  return 0;
}

/* The best answers, the likeliest first. */
static int keep_answers(struct task_run *run, size_t r, struct span_list *list,
                        struct tfm_error *err) {
  tfm_answer *answer = &run->result->answer[r];
  size_t count = 0;
  if (run->options->flags & TFM_RUN_NULL_ANSWER && span_list_add_none(list, err) != 0)
    return -1;
  span_list_sort(list);
  count = list->count < span_wanted(run) ? list->count : span_wanted(run);
  tfm_place *place = arena_array(&run->result->arena, count, sizeof *place);
  if (!place)
    return error_oom(err);
  for (size_t i = 0; i < count; i++)
    if (keep_span(run, r, list->span[i], &place[i], err) != 0)
      return -1;
  answer->text = place->choice->text;
  answer->text_length = place->choice->text_length;
  answer->place = place;
  answer->place_count = count;
  return 0;
}

/* One pass over some windows; what they say goes to the lists of their inputs. */
static int run_windows(struct task_run *run, const struct window *window, size_t count,
                       struct span_list *list, struct tfm_error *err) {
  struct task_output start, end;
  struct rows rows = {.row = calloc(count, sizeof *rows.row), .count = count};
  struct task_run pass = *run;
  if (!rows.row)
    return error_oom(err);
  for (size_t w = 0; w < count; w++)
    rows.row[w] = window[w].row;
  pass.rows = &rows;
  int status = -1;
  if (task_forward(&pass, err) == 0 && task_output(&pass, "start", &start, err) == 0)
    status = task_output(&pass, "end", &end, err);
  for (size_t w = 0; status == 0 && w < count; w++) {
    const float *from = task_row(&start, w);
    const float *to = task_row(&end, w);
    status = span_list_add(&list[window[w].input], run, &window[w], from, to, err);
  }
  free(rows.row);
  return status;
}

/* All windows of all inputs, some at a time. */
static int read_windows(struct task_run *run, struct span_list *list, struct tfm_error *err) {
  size_t most = run->rows->count > WINDOWS ? run->rows->count : WINDOWS, count = 0;
  struct window *window = calloc(most, sizeof *window);
  struct window_cursor cursor = {0};
  int status = window ? 0 : error_oom(err), got = 1;
  for (bool first = true; status == 0 && got; first = false) {
    while (count < most && (got = window_next(run, &cursor, &window[count], err)) > 0)
      count++;
    status = got < 0 ? -1 : 0;
    if (!first)
      engine_begin(run->engine);
    if (status == 0 && count)
      status = run_windows(run, window, count, list, err);
    while (count)
      window_finish(&window[--count]);
  }
  free(window);
  return status;
}

static int check_texts(const struct task_run *run, struct tfm_error *err) {
  char name[ROW_NAME];
  for (size_t r = 0; r < run->rows->count; r++)
    if (!run->input[r].text || (!run->input[r].pair || !has_context(&run->rows->row[r])))
      return error_set(err, TFM_ERROR_USAGE, "%s has no context to be answered from",
                       rows_name(run->rows, r, name)),
             error_note(err, "help: give both texts: --input QUESTION --context TEXT"), -1;
  return 0;
}

int task_qa(struct task_run *run, struct tfm_error *err) {
  size_t rows = run->rows->count;
  if (check_texts(run, err) != 0)
    return -1;
  struct span_list *list = calloc(rows, sizeof *list);
  if (!list)
    return error_oom(err);
  for (size_t r = 0; r < rows; r++)
    span_list_init(&list[r], run->input[r].pair);
  int status = read_windows(run, list, err);
  for (size_t r = 0; r < rows; r++) {
    if (status == 0)
      status = keep_answers(run, r, &list[r], err);
    span_list_finish(&list[r]);
  }
  free(list);
  return status;
}
