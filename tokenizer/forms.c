/* forms.c - NFC, NFD, NFKC, NFKD (Unicode Standard Annex 15), keeping track of
 * which character became which.
 *
 * Text is taken a run at a time: a starter and all up to the next character of
 * combining class 0.  ASCII is in every form already. */
#include "tokenizer/normalizer.h"

#include "tokenizer/unicode.h"

#include <stdlib.h>

enum { FIRST_MARKS = 256 };

struct mark {
  struct change change;
  unsigned class;
};

struct run {
  struct mark *mark;
  size_t count, capacity;
  struct change_list out;
  bool failed;
};

static void add_mark(struct run *run, uint32_t code, int32_t change) {
  if (run->count == run->capacity) {
    size_t capacity = run->capacity == 0 ? FIRST_MARKS : run->capacity * 2;
    struct mark *mark = realloc(run->mark, capacity * sizeof *mark);
    if (mark == NULL) {
      run->failed = true;
      return;
    }
    run->mark = mark;
    run->capacity = capacity;
  }
  run->mark[run->count++] = (struct mark){{code, change}, unicode_combining_class(code)};
}

static void merge_halves(struct mark *mark, size_t half, size_t count, struct mark *room) {
  size_t left = 0, right = half, at = 0;
  while (left < half && right < count)
    room[at++] = mark[left].class <= mark[right].class ? mark[left++] : mark[right++];
  while (left < half)
    room[at++] = mark[left++];
  while (right < count)
    room[at++] = mark[right++];
  for (size_t i = 0; i < count; i++)
    mark[i] = room[i];
}

/* Stable, by combining class; runs are short, but a hostile one is not. */
static void sort(struct mark *mark, size_t count, struct mark *room) {
  if (count < 2)
    return;
  sort(mark, count / 2, room);
  sort(mark + count / 2, count - count / 2, room);
  if (mark[count / 2 - 1].class > mark[count / 2].class)
    merge_halves(mark, count / 2, count, room);
}

static void order(struct run *run, size_t begin, size_t end) {
  bool sorted = true;
  for (size_t i = begin + 1; i < end && sorted; i++)
    sorted = run->mark[i - 1].class <= run->mark[i].class;
  if (sorted)
    return;
  struct mark *room = malloc((end - begin) * sizeof *room);
  if (room == NULL) {
    run->failed = true;
    return;
  }
  sort(run->mark + begin, end - begin, room);
  free(room);
}

/* Put each stretch between starters in canonical order. */
static void order_all(struct run *run) {
  size_t begin = 0;
  for (size_t i = 0; i <= run->count; i++)
    if (i == run->count || run->mark[i].class == 0) {
      order(run, begin, i);
      begin = i;
    }
}

/* Hangul syllables, by arithmetic (section 3.12 of the standard). */
static uint32_t compose_hangul(uint32_t first, uint32_t second) {
  enum { S = 0xac00, L = 0x1100, V = 0x1161, T = 0x11a7, LS = 19, VS = 21, TS = 28 };
  if (first >= L && first < L + LS && second >= V && second < V + VS)
    return S + ((first - L) * VS + (second - V)) * TS;
  if (first >= S && first < S + LS * VS * TS && (first - S) % TS == 0 && second > T &&
      second < T + TS)
    return first + (second - T);
  return 0;
}

static uint32_t compose_pair(uint32_t first, uint32_t second) {
  uint32_t hangul = compose_hangul(first, second);
  return hangul != 0 ? hangul : unicode_compose(first, second);
}

/* Join what composes with the last starter and is not blocked. */
static void compose(struct run *run) {
  struct change_list *out = &run->out;
  size_t starter = SIZE_MAX;
  unsigned last = 0;
  for (size_t i = 0; i < run->count && !out->failed; i++) {
    const struct mark *mark = &run->mark[i];
    bool blocked = starter == SIZE_MAX || (out->count - 1 != starter && last >= mark->class);
    uint32_t composed = blocked ? 0 : compose_pair(out->item[starter].code, mark->change.code);
    if (composed != 0) {
      out->item[starter].code = composed;
      out->item[starter].change += mark->change.change - 1;
      continue;
    }
    normalizer_change(out, mark->change.code, mark->change.change);
    last = mark->class;
    if (mark->class == 0)
      starter = out->count - 1;
  }
}

struct form {
  bool compatible, composed;
};

static bool is_ascii(const char *text, size_t length) {
  unsigned char all = 0;
  for (size_t i = 0; i < length; i++)
    all |= (unsigned char)text[i];
  return all < 0x80;
}

static int form_piece(struct pieces *pieces, const struct piece *piece, const void *self,
                      struct tfm_error *err) {
  const struct form *form = self;
  struct run run = {0};
  if (is_ascii(pieces_bytes(pieces, piece), piece->end - piece->begin)) {
    pieces_keep(pieces, piece->begin, piece->end);
    return 0;
  }
  for (size_t at = piece->begin, size; at < piece->end && !run.failed; at += size) {
    uint32_t parts[UNICODE_DECOMPOSED_MAX];
    size_t count =
        unicode_decompose(unicode_read(pieces->now.bytes + at, &size), form->compatible, parts);
    for (size_t i = 0; i < count; i++)
      add_mark(&run, parts[i], i == 0 ? 0 : 1);
  }
  if (!run.failed)
    order_all(&run);
  if (!run.failed && form->composed)
    compose(&run);
  else
    for (size_t i = 0; i < run.count && !run.failed; i++)
      normalizer_change(&run.out, run.mark[i].change.code, run.mark[i].change.change);
  bool failed = run.failed || run.out.failed;
  if (!failed)
    normalizer_transform(pieces, piece, &run.out);
  free(run.mark);
  free(run.out.item);
  return failed ? error_oom(err) : 0;
}

#define FORM(name, spelling, compatible, composed)                                                 \
  static int name##_apply(const struct component *normalizer, struct pieces *pieces,               \
                          struct matcher **matcher, struct tfm_error *err) {                       \
    const struct form form = {compatible, composed};                                               \
    (void)normalizer;                                                                              \
    (void)matcher;                                                                                 \
    return pieces_rewrite(pieces, form_piece, &form, err);                                         \
  }                                                                                                \
  const struct normalizer_type normalizer_##name = {{spelling, component_no_fields, NULL},         \
                                                    name##_apply};

FORM(nfc, "NFC", false, true)
FORM(nfd, "NFD", false, false)
FORM(nfkc, "NFKC", true, true)
FORM(nfkd, "NFKD", true, false)
