/* span.c - as transformers' question-answering pipeline finds spans.
 *
 * Start and end scores are softmaxes over the context's tokens and the [CLS], which takes
 * the share of "there is no answer" but is itself in no span.  A span's score is the
 * product of its two ends (Devlin et al. 2019, section 4.2), begin <= end, at most
 * SPAN_TOKENS long.  Each of some best, twice as many as are wanted and ten, is widened to whole
 * words: what then reads the same is one. */
#include "lib/span.h"

#include "lib/model.h"
#include "runtime/sample.h"
#include "tokenizer/unicode.h"

#include <stdlib.h>
#include <string.h>

/* Tokens of a window, both inside. */
struct span_found {
  size_t begin, end;
  double score;
};

/* Softmax over the context's tokens and those that are cls, to out; 0 elsewhere. */
static int context_softmax(const struct task_run *run, const struct window *window,
                           const char *name, const float *logits, float *out,
                           struct tfm_error *err) {
  const struct row *row = &window->row;
  int32_t cls = tokenizer_roles(run->model->tokenizer)->cls;
  float *some = malloc(row->count * sizeof *some);
  size_t count = 0;
  if (!some)
    return error_oom(err);
  for (size_t t = 0; t < row->count; t++)
    if (window_in_context(&row->encoding, t) || row->ids[t] == cls)
      some[count++] = logits[t];
  int status = task_finite(run, window->input, name, some, count, err);
  if (status == 0)
    status = sample_softmax(some, count, some, err);
  count = 0;
  for (size_t t = 0; t < row->count; t++)
    out[t] = window_in_context(&row->encoding, t) || row->ids[t] == cls ? some[count++] : 0;
  free(some);
  return status;
}

/* The `most` best spans to found, in order, the earlier of equals first; returns how many. */
static size_t best_spans(const struct encoding *e, const float *start, const float *end,
                         struct span_found *found, size_t most) {
  size_t count = 0;
  for (size_t b = 0; b < e->count; b++)
    for (size_t t = b; window_in_context(e, b) && t < e->count && t < b + SPAN_TOKENS; t++) {
      struct span_found one = {b, t, (double)start[b] * (double)end[t]};
      if (!window_in_context(e, t) || (count == most && one.score <= found[most - 1].score))
        continue;
      size_t at = count < most ? count++ : most - 1;
      for (; at > 0 && found[at - 1].score < one.score; at--)
        found[at] = found[at - 1];
      found[at] = one;
    }
  return count;
}

static bool same_word(const struct encoding *e, size_t a, size_t b) {
  return window_in_context(e, a) && window_in_context(e, b) && e->word[a] >= 0 &&
         e->word[a] == e->word[b];
}

static struct answer_span whole_words(const struct encoding *e, struct span_found span) {
  size_t first = span.begin, last = span.end;
  while (first > 0 && same_word(e, first - 1, span.begin))
    first--;
  while (last + 1 < e->count && same_word(e, last + 1, span.end))
    last++;
  size_t begin = e->begin[first], end = e->end[last];
  return (struct answer_span){begin, end > begin ? end : begin, span.score, 0};
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

/* The span's text in lower case: what answers are told apart by. */
static int lower_text(const char *text, size_t length, struct buffer *out, struct tfm_error *err) {
  for (size_t at = 0; at < length;) {
    uint32_t code[2] = {0, 0};
    size_t count = lower_next(text, length, &at, code);
    buffer_append(out, code, count * sizeof *code);
  }
  return out->failed ? error_oom(err) : 0;
}

static int push(struct span_list *list, struct answer_span span, struct tfm_error *err) {
  if (list->count == list->room) {
    size_t room = list->room ? list->room * 2 : 32;
    struct answer_span *grown = realloc(list->span, room * sizeof *grown);
    if (!grown)
      return error_oom(err);
    list->span = grown;
    list->room = room;
  }
  span.found = list->count;
  list->span[list->count++] = span;
  return 0;
}

static int add(struct span_list *list, struct answer_span span, struct tfm_error *err) {
  struct buffer key;
  bool added = false;
  buffer_init(&key);
  int status = lower_text(list->context + span.begin, span.end - span.begin, &key, err);
  struct map_entry *entry = NULL;
  if (status == 0)
    entry = map_find(&list->place, buffer_text(&key), key.length);
  if (status == 0 && entry) {
    list->span[entry->value.number].score += span.score;
  } else if (status == 0) {
    char *kept = arena_strndup(&list->arena, buffer_text(&key), key.length);
    entry = kept ? map_insert(&list->place, kept, key.length, &added) : NULL;
    status = entry ? push(list, span, err) : error_oom(err);
    if (status == 0)
      entry->value.number = (int64_t)list->count - 1;
  }
  buffer_finish(&key);
  return status;
}

void span_list_init(struct span_list *list, const char *context) {
  *list = (struct span_list){.context = context, .none = 1};
  arena_init(&list->arena, 0);
  map_init(&list->place);
}

void span_list_finish(struct span_list *list) {
  map_finish(&list->place);
  arena_finish(&list->arena);
  free(list->span);
}

int span_list_add_none(struct span_list *list, struct tfm_error *err) {
  return push(list, (struct answer_span){.score = list->none}, err);
}

/* Of equals the one that was found first. */
static int compare(const void *a, const void *b) {
  const struct answer_span *x = a, *y = b;
  if (x->score != y->score)
    return x->score < y->score ? 1 : -1;
  return (x->found > y->found) - (x->found < y->found);
}

void span_list_sort(struct span_list *list) {
  qsort(list->span, list->count, sizeof *list->span, compare);
  for (size_t i = 0; i < list->count; i++) /* a sum of probabilities, over windows too */
    list->span[i].score = list->span[i].score < 1 ? list->span[i].score : 1;
}

size_t span_wanted(const struct task_run *run) {
  return run->options->top ? run->options->top : 1;
}

int span_list_add(struct span_list *list, const struct task_run *run, const struct window *window,
                  const float *start, const float *end, struct tfm_error *err) {
  const struct row *row = &window->row;
  size_t most = 2 * span_wanted(run) + 10; /* of each token SPAN_TOKENS begin, not more */
  most = most / SPAN_TOKENS < row->count ? most : row->count * SPAN_TOKENS;
  struct span_found *found = malloc(most * sizeof *found);
  float *from = calloc(2 * row->count, sizeof *from), *to = from ? from + row->count : NULL;
  int status = found && from ? 0 : error_oom(err);
  if (status == 0)
    status = context_softmax(run, window, "start", start, from, err);
  if (status == 0)
    status = context_softmax(run, window, "end", end, to, err);
  if (status == 0) {
    bool cls = row->ids[0] == tokenizer_roles(run->model->tokenizer)->cls;
    double none = cls ? (double)from[0] * (double)to[0] : 0;
    list->none = none < list->none ? none : list->none;
    size_t count = best_spans(&row->encoding, from, to, found, most);
    for (size_t i = 0; status == 0 && i < count; i++)
      status = add(list, whole_words(&row->encoding, found[i]), err);
  }
  free(found);
  free(from);
  return status;
}
