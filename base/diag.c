/* diag.c - collect what is wrong; diag_render.c shows it. */
#include "base/diag.h"

#include <stdlib.h>
#include <string.h>

/* Where labels go that nobody will see: see diag_report(). */
static _Thread_local struct diag_item scratch;

void diag_init(struct diag *diag) {
  *diag = (struct diag){0};
  arena_init(&diag->arena, 0);
}

void diag_finish(struct diag *diag) {
  arena_finish(&diag->arena);
  free(diag->sources);
  *diag = (struct diag){0};
}

uint32_t diag_add_source(struct diag *diag, const char *name, const char *text, size_t size) {
  if (diag->source_count == diag->source_capacity) {
    unsigned capacity = diag->source_capacity == 0 ? 8 : diag->source_capacity * 2;
    struct diag_source *sources = realloc(diag->sources, capacity * sizeof *sources);
    if (sources == NULL)
      return UINT32_MAX;
    diag->sources = sources;
    diag->source_capacity = capacity;
  }
  const char *copy = arena_strdup(&diag->arena, name);
  diag->sources[diag->source_count] =
      (struct diag_source){.name = copy == NULL ? "?" : copy, .text = text, .size = size};
  return diag->source_count++;
}

static bool same_span(struct span a, struct span b) {
  return a.source == b.source && a.begin == b.begin && a.end == b.end;
}

/* Two reports without a place are the same only if they say the same. */
static bool already_said(const struct diag *diag, const struct diag_item *new_item) {
  struct span span = new_item->label[0].span;
  for (const struct diag_item *item = diag->first; item != NULL; item = item->next) {
    if (item->code != new_item->code || !same_span(item->label[0].span, span))
      continue;
    if (span.source != UINT32_MAX || strcmp(item->summary, new_item->summary) == 0)
      return true;
  }
  return false;
}

/* Only as many are kept as can be shown, so that a hostile file cannot make
 * the list long; the rest is counted. */
struct diag_item *diag_report(struct diag *diag, enum diag_level level, unsigned code,
                              struct span span, const char *format, ...) {
  unsigned *count = level == DIAG_ERROR ? &diag->errors : &diag->warnings;
  scratch = (struct diag_item){.level = level, .code = code, .labels = 1, .label = {{span, NULL}}};
  if (*count >= DIAG_MAX_SHOWN) {
    ++*count;
    return &scratch;
  }
  va_list args;
  va_start(args, format);
  const char *summary = arena_vprintf(&diag->arena, format, args);
  va_end(args);
  scratch.summary = summary == NULL ? "out of memory" : summary;
  if (already_said(diag, &scratch))
    return &scratch;
  ++*count;
  struct diag_item *item = arena_alloc(&diag->arena, sizeof *item);
  if (item == NULL)
    return &scratch;
  *item = scratch;
  if (diag->first == NULL)
    diag->first = item;
  else
    diag->last->next = item;
  diag->last = item;
  return item;
}

void diag_primary(struct diag *diag, struct diag_item *item, const char *format, ...) {
  if (item == &scratch)
    return;
  va_list args;
  va_start(args, format);
  item->label[0].text = arena_vprintf(&diag->arena, format, args);
  va_end(args);
}

void diag_label(struct diag *diag, struct diag_item *item, struct span span, const char *format,
                ...) {
  if (item == &scratch || item->labels == DIAG_MAX_LABELS)
    return;
  va_list args;
  va_start(args, format);
  item->label[item->labels++] =
      (struct diag_label){span, arena_vprintf(&diag->arena, format, args)};
  va_end(args);
}

static void add_note(struct diag *diag, struct diag_item *item, const char *kind,
                     const char *format, va_list args) {
  if (item == &scratch || item->notes == DIAG_MAX_NOTES)
    return;
  const char *text = arena_vprintf(&diag->arena, format, args);
  const char *note = text == NULL ? NULL : arena_printf(&diag->arena, "%s: %s", kind, text);
  if (note != NULL)
    item->note[item->notes++] = note;
}

void diag_note(struct diag *diag, struct diag_item *item, const char *format, ...) {
  va_list args;
  va_start(args, format);
  add_note(diag, item, "note", format, args);
  va_end(args);
}

void diag_help(struct diag *diag, struct diag_item *item, const char *format, ...) {
  va_list args;
  va_start(args, format);
  add_note(diag, item, "help", format, args);
  va_end(args);
}

void diag_position(const struct diag *diag, struct span span, unsigned *line, unsigned *column) {
  *line = *column = 1;
  if (span.source >= diag->source_count)
    return;
  const struct diag_source *source = &diag->sources[span.source];
  for (size_t i = 0; i < span.begin && i < source->size; i++) {
    if (source->text[i] == '\n') {
      ++*line;
      *column = 1;
    } else if (((unsigned char)source->text[i] & 0xc0) != 0x80) {
      ++*column;
    }
  }
}

enum { NAME_MAX_COMPARED = 255, NEAREST_STEPS = 4 << 20 };

static unsigned min3(unsigned a, unsigned b, unsigned c) {
  unsigned least = a < b ? a : b;
  return least < c ? least : c;
}

/* Leave out the letters that both begin and end with: they change no distance. */
static void trim(const char **a, size_t *n, const char **b, size_t *m) {
  for (; *n > 0 && *m > 0 && **a == **b; --*n, --*m) {
    ++*a;
    ++*b;
  }
  for (; *n > 0 && *m > 0 && (*a)[*n - 1] == (*b)[*m - 1]; --*n)
    --*m;
}

/* How many letters must be put in, taken out or changed, two neighbours that change places
 * counting once; or limit + 1 as soon as it must be more.  Adds to *steps. */
static unsigned edit_distance(const char *a, size_t n, const char *b, size_t m, unsigned limit,
                              size_t *steps) {
  unsigned rows[3][NAME_MAX_COMPARED + 1]; /* of a's letters i - 2, i - 1 and i */
  unsigned *before = rows[0], *above = rows[1], *row = rows[2];
  trim(&a, &n, &b, &m);
  for (unsigned j = 0; j <= m; j++)
    above[j] = j;
  for (unsigned i = 1; i <= n; i++) {
    unsigned least = row[0] = i;
    *steps += m + 1;
    for (unsigned j = 1; j <= m; j++) {
      row[j] = min3(above[j] + 1, row[j - 1] + 1, above[j - 1] + (a[i - 1] != b[j - 1]));
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        row[j] = min3(row[j], before[j - 2] + 1, row[j]);
      least = row[j] < least ? row[j] : least;
    }
    if (least > limit)
      return limit + 1;
    unsigned *free_row = before;
    before = above, above = row, row = free_row;
  }
  return above[m];
}

/* Equal letter by letter, of whichever case; and not the same. */
static bool same_but_case(const char *a, const char *b) {
  bool differs = false;
  for (; *a != '\0' && *b != '\0'; a++, b++) {
    bool letter = (*a >= 'a' && *a <= 'z') || (*a >= 'A' && *a <= 'Z');
    if (*a != *b && (!letter || (*a ^ 0x20) != *b))
      return false;
    differs = differs || *a != *b;
  }
  return differs && *a == *b;
}

/* Close is: at most a third of the letters differ. */
const char *diag_nearest(const char *name, const char *const *candidates, size_t count) {
  size_t n = strlen(name), steps = 0;
  unsigned best = (unsigned)(n < 3 ? 1 : n / 3) + 1;
  const char *nearest = NULL;
  if (n == 0 || n > NAME_MAX_COMPARED)
    return NULL;
  for (size_t i = 0; i < count && best > 0 && steps < NEAREST_STEPS; i++) {
    size_t m = strlen(candidates[i]);
    if (m == n && same_but_case(name, candidates[i]))
      return candidates[i];
    size_t difference = m > n ? m - n : n - m;
    if (m > NAME_MAX_COMPARED || difference > best)
      continue;
    unsigned distance = edit_distance(name, n, candidates[i], m, best, &steps);
    bool closer = distance < best;
    /* Of equals the first by name, whatever the order of the candidates. */
    if (nearest && distance == best)
      closer = strcmp(candidates[i], nearest) < 0;
    if (closer && distance < n) {
      best = distance;
      nearest = candidates[i];
    }
  }
  return nearest;
}
