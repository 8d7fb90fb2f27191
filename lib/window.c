/* window.c - windows with a stride, as Hugging Face's tokenizers cut them
 * (truncation "only_second", return_overflowing_tokens).
 *
 * Each window is the whole question, what the tokenizer puts around the texts, and as much
 * of the context as there is room for; it shares `stride` tokens of the context with the
 * one before.  The last is the first that reaches the end; where texts are truncated on the
 * left (truncation_side), the first is at the end and the last at the beginning. */
#include "lib/window.h"

#include "lib/model.h"

#include <inttypes.h>

/* The reference's doc_stride: 128, at most half a window. */
enum { DEFAULT_STRIDE = 128 };

bool window_in_context(const struct encoding *e, size_t t) {
  return !e->special[t] && e->sequence[t] == 1;
}

/* The context is first to last; it has no others in between. */
static void find_context(const struct encoding *e, size_t *first, size_t *last) {
  *first = 0;
  while (*first < e->count && !window_in_context(e, *first))
    ++*first;
  *last = *first;
  while (*last < e->count && window_in_context(e, *last))
    ++*last;
}

/* How many context tokens a window has, and how many of them the one before had too. */
static int measure(const struct task_run *run, size_t input, size_t others, size_t *room,
                   size_t *stride, struct tfm_error *err) {
  size_t longest = rows_longest(run->model), asked = 0;
  int64_t option = run->options->stride;
  char name[ROW_NAME];
  *room = longest > others ? longest - others : 0;
  if (*room == 0)
    return error_set(err, TFM_ERROR_LIMIT,
                     "%s: the question takes %zu tokens, the model %zu: no room for the context",
                     rows_name(run->rows, input, name), others, longest);
  if (option == 0)
    asked = longest / 2 < DEFAULT_STRIDE ? longest / 2 : DEFAULT_STRIDE;
  else if (option > 0)
    asked = (size_t)option;
  if (option == 0 && asked >= *room)
    asked = *room / 2;
  if (asked >= *room)
    return error_set(err, TFM_ERROR_USAGE,
                     "%s: a stride of %zu tokens is not below the %zu of the context in a window",
                     rows_name(run->rows, input, name), asked, *room);
  *stride = asked;
  return 0;
}

static int cut(const struct task_run *run, struct window_cursor *cursor, struct window *out,
               struct tfm_error *err) {
  const struct row *row = &run->rows->row[cursor->input];
  const struct encoding *e = &row->encoding;
  size_t first, last, room = 0, stride = 0;
  find_context(e, &first, &last);
  if (measure(run, cursor->input, e->count - (last - first), &room, &stride, err) != 0)
    return -1;
  bool left = tokenizer_cuts_left(run->model->tokenizer);
  size_t at = cursor->passed, rest = last - first - at, part = rest > room ? room : rest;
  size_t begin = left ? last - at - part : first + at, end = begin + part;
  *out = (struct window){.input = cursor->input, .cut = true};
  if (encoding_window(e, first, last, begin, end, &out->row.encoding, err) != 0)
    return -1;
  out->row.ids = out->row.encoding.ids;
  out->row.types = out->row.encoding.types;
  out->row.count = out->row.encoding.count;
  cursor->passed += room - stride;
  if (part == rest)
    *cursor = (struct window_cursor){cursor->input + 1, 0};
  return 1;
}

int window_next(const struct task_run *run, struct window_cursor *cursor, struct window *out,
                struct tfm_error *err) {
  if (cursor->input == run->rows->count)
    return 0;
  const struct row *row = &run->rows->row[cursor->input];
  size_t most = row->encoding.count ? rows_longest(run->model) : 0;
  if (most > 0 && row->count > most)
    return cut(run, cursor, out, err);
  *out = (struct window){.row = *row, .input = cursor->input++};
  return 1;
}

void window_finish(struct window *window) {
  if (window->cut)
    encoding_finish(&window->row.encoding);
  *window = (struct window){.cut = false};
}
