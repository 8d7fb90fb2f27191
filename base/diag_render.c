/* diag_render.c - diagnostics as text and as JSON.
 *
 *     error[E301]: `+` needs equal shapes         summary
 *      --> gpt2.tfm:27:11                         place of the primary span
 *        | x = x + conv1d(a) @attn.c_attn         its line, without the indent
 *        |     -   ^^^^^^^^^^^^^^^^^^^^^^ 2304     marks; text of the rightmost label
 *        |     768 is D                           texts of the others, from the right
 *      ::: gpt2.tfm:8:1                           a label on another line
 *
 * Marks are placed by display width, and a long line is cut around its mark. */
#include "base/diag.h"
#include "base/json.h"
#include "base/text.h"

#include <string.h>

enum { LINE_COLUMNS = 100, TAB_COLUMNS = 4, LEAD_COLUMNS = 30 };

#define RED    "\033[1;31m"
#define YELLOW "\033[1;33m"
#define BLUE   "\033[1;34m"
#define BOLD   "\033[1m"
#define PLAIN  "\033[0m"

struct render {
  const struct diag *diag;
  struct buffer *out;
  bool colour;
};

/* One source line without its indent, and the part of it that is shown. */
struct line {
  const char *text;
  size_t size;
  size_t offset;       /* of text in the source */
  unsigned from, upto; /* display columns shown, [from, upto) */
  bool cut_left, cut_right;
};

static void paint(const struct render *r, const char *code) {
  if (r->colour)
    buffer_puts(r->out, code);
}

static void puts_painted(const struct render *r, const char *code, const char *text) {
  paint(r, code);
  buffer_puts(r->out, text);
  paint(r, PLAIN);
}

/* What to print for the character at `at`, which stands in display column. */
static struct text_char next_char(const struct line *line, size_t at, unsigned column,
                                  char shown[TEXT_SHOWN_MAX], size_t *length, unsigned *columns) {
  struct text_char c = text_decode(line->text + at, line->size - at);
  if (c.code == '\t') {
    *columns = TAB_COLUMNS - column % TAB_COLUMNS;
    *length = *columns;
    memset(shown, ' ', *length);
  } else {
    *length = text_show(line->text + at, c, shown, columns);
  }
  return c;
}

/* The display column of a byte offset in the source. */
static unsigned column_at(const struct line *line, size_t offset) {
  unsigned column = 0;
  for (size_t at = 0; at < line->size && line->offset + at < offset;) {
    char shown[TEXT_SHOWN_MAX];
    size_t length;
    unsigned columns;
    at += next_char(line, at, column, shown, &length, &columns).size;
    column += columns;
  }
  return column;
}

static struct line find_line(const struct diag_source *source, struct span span) {
  size_t begin = span.begin < source->size ? span.begin : source->size, end = begin;
  size_t mark = begin;
  while (begin > 0 && source->text[begin - 1] != '\n')
    begin--;
  while (end < source->size && source->text[end] != '\n')
    end++;
  while (begin < mark && (source->text[begin] == ' ' || source->text[begin] == '\t'))
    begin++;
  while (end > begin && end > mark && source->text[end - 1] == '\r')
    end--;
  struct line line = {.text = source->text + begin, .size = end - begin, .offset = begin};
  unsigned total = column_at(&line, end), lead = column_at(&line, mark);
  line.upto = total;
  if (total > LINE_COLUMNS) {
    line.from = lead > LINE_COLUMNS - LEAD_COLUMNS ? lead - LEAD_COLUMNS : 0;
    if (total - line.from > LINE_COLUMNS)
      line.upto = line.from + LINE_COLUMNS;
  }
  line.cut_left = line.from > 0;
  line.cut_right = line.upto < total;
  return line;
}

static void show_line(const struct render *r, const struct line *line) {
  unsigned column = 0, columns, printed = line->from;
  puts_painted(r, BLUE, "   |");
  if (line->size > 0)
    buffer_putc(r->out, ' ');
  if (line->cut_left)
    buffer_puts(r->out, "…");
  for (size_t at = 0; at < line->size; column += columns) {
    char shown[TEXT_SHOWN_MAX];
    size_t length;
    struct text_char c = next_char(line, at, column, shown, &length, &columns);
    at += c.size;
    if (column < line->from || column + columns > line->upto)
      continue;
    for (; printed < column; printed++) /* a wide character straddled the cut */
      buffer_putc(r->out, ' ');
    buffer_append(r->out, shown, length);
    printed = column + columns;
  }
  buffer_puts(r->out, line->cut_right ? "…\n" : "\n");
}

/* Labels of one item that stand in one shown line. */
struct marks {
  unsigned count;
  unsigned label[DIAG_MAX_LABELS]; /* index in the item, ordered by column, last first */
  unsigned begin[DIAG_MAX_LABELS]; /* its column in the shown line */
  char row[LINE_COLUMNS + 2];
  unsigned width;
};

static void add_mark(struct marks *marks, const struct line *line, const struct diag_item *item,
                     unsigned index) {
  struct span span = item->label[index].span;
  size_t line_end = line->offset + line->size;
  unsigned begin = column_at(line, span.begin);
  unsigned end = column_at(line, span.end < line_end ? span.end : line_end);
  if (end > line->upto)
    end = line->upto;
  if (end <= begin)
    end = begin + 1;
  begin = begin - line->from + line->cut_left;
  end = end - line->from + line->cut_left;
  if (end > sizeof marks->row)
    end = sizeof marks->row;
  for (unsigned i = begin; i < end; i++)
    if (marks->row[i] != '^')
      marks->row[i] = index == 0 ? '^' : '-';
  if (end > marks->width)
    marks->width = end;
  unsigned at = marks->count++;
  for (; at > 0 && marks->begin[at - 1] < begin; at--) {
    marks->begin[at] = marks->begin[at - 1];
    marks->label[at] = marks->label[at - 1];
  }
  marks->begin[at] = begin;
  marks->label[at] = index;
}

static const char *mark_colour(const struct diag_item *item, bool primary) {
  if (!primary)
    return BLUE;
  return item->level == DIAG_ERROR ? RED : YELLOW;
}

static void show_label(const struct render *r, const struct diag_item *item, unsigned index) {
  paint(r, mark_colour(item, index == 0));
  text_escape(r->out, item->label[index].text, strlen(item->label[index].text));
  paint(r, PLAIN);
}

static void show_marks(const struct render *r, const struct diag_item *item,
                       const struct marks *marks) {
  const char *now = NULL;
  puts_painted(r, BLUE, "   |");
  buffer_putc(r->out, ' ');
  for (unsigned i = 0; i < marks->width; i++) {
    const char *wanted = marks->row[i] == ' ' ? now : mark_colour(item, marks->row[i] == '^');
    if (wanted != now)
      paint(r, wanted);
    now = wanted;
    buffer_putc(r->out, marks->row[i]);
  }
  paint(r, PLAIN);
  for (unsigned i = 0; i < marks->count; i++) {
    unsigned index = marks->label[i];
    const char *text = item->label[index].text;
    if (text == NULL || text[0] == '\0')
      continue;
    if (i > 0) {
      buffer_putc(r->out, '\n');
      puts_painted(r, BLUE, "   |");
      buffer_printf(r->out, "%*s", (int)marks->begin[i], "");
    }
    buffer_putc(r->out, ' ');
    show_label(r, item, index);
  }
  buffer_putc(r->out, '\n');
}

/* Is the label in the shown part of the line? */
static bool on_line(const struct render *r, const struct diag_label *label, uint32_t source,
                    const struct line *line) {
  size_t begin = label->span.begin, size = r->diag->sources[source].size;
  if (label->span.source != source)
    return false;
  if (begin > size)
    begin = size;
  if (begin < line->offset || begin > line->offset + line->size)
    return false;
  unsigned column = column_at(line, begin);
  return column >= line->from && column <= line->upto;
}

static void show_place(const struct render *r, const char *arrow, struct span span) {
  unsigned line, column;
  const char *name = r->diag->sources[span.source].name;
  diag_position(r->diag, span, &line, &column);
  puts_painted(r, BLUE, arrow);
  buffer_putc(r->out, ' ');
  text_escape(r->out, name, strlen(name));
  buffer_printf(r->out, ":%u:%u\n", line, column);
}

/* Show label `lead` and all others on its line; note which are done. */
static void show_snippet(const struct render *r, const struct diag_item *item, unsigned lead,
                         bool done[DIAG_MAX_LABELS]) {
  struct span span = item->label[lead].span;
  show_place(r, lead == 0 ? " -->" : " :::", span);
  struct line line = find_line(&r->diag->sources[span.source], span);
  struct marks marks = {0};
  memset(marks.row, ' ', sizeof marks.row);
  for (unsigned i = lead; i < item->labels; i++) {
    if (done[i] || !on_line(r, &item->label[i], span.source, &line))
      continue;
    add_mark(&marks, &line, item, i);
    done[i] = true;
  }
  done[lead] = true;
  show_line(r, &line);
  show_marks(r, item, &marks);
}

/* A note may have several lines; none but the first starts at the "=". */
static void show_note(const struct render *r, const char *note) {
  puts_painted(r, BLUE, "   =");
  buffer_putc(r->out, ' ');
  for (const char *end; (end = strchr(note, '\n')) != NULL; note = end + 1) {
    text_escape(r->out, note, (size_t)(end - note));
    buffer_puts(r->out, "\n     ");
  }
  text_escape(r->out, note, strlen(note));
  buffer_putc(r->out, '\n');
}

static void show_item(const struct render *r, const struct diag_item *item) {
  bool done[DIAG_MAX_LABELS] = {false};
  bool error = item->level == DIAG_ERROR;
  paint(r, mark_colour(item, true));
  buffer_printf(r->out, "%s[%c%03u]", error ? "error" : "warning", error ? 'E' : 'W', item->code);
  paint(r, PLAIN);
  paint(r, BOLD);
  buffer_puts(r->out, ": ");
  text_escape(r->out, item->summary, strlen(item->summary));
  paint(r, PLAIN);
  buffer_putc(r->out, '\n');
  for (unsigned i = 0; i < item->labels; i++)
    if (!done[i] && item->label[i].span.source < r->diag->source_count)
      show_snippet(r, item, i, done);
  for (unsigned i = 0; i < item->notes; i++)
    show_note(r, item->note[i]);
}

void diag_render_text(const struct diag *diag, bool colour, struct buffer *out) {
  struct render r = {diag, out, colour};
  for (const struct diag_item *item = diag->first; item != NULL; item = item->next) {
    if (item != diag->first)
      buffer_putc(out, '\n');
    show_item(&r, item);
  }
  if (diag->errors > DIAG_MAX_SHOWN)
    buffer_printf(out, "\n%u more errors are not shown\n", diag->errors - DIAG_MAX_SHOWN);
}

static void json_text(struct buffer *out, const char *key, const char *text) {
  buffer_printf(out, "\"%s\":", key);
  if (text == NULL)
    buffer_puts(out, "null");
  else
    json_quote(out, text, strlen(text));
}

static void json_span(const struct diag *diag, const struct diag_label *label, bool primary,
                      struct buffer *out) {
  unsigned line, column;
  diag_position(diag, label->span, &line, &column);
  buffer_putc(out, '{');
  json_text(out, "file", diag->sources[label->span.source].name);
  buffer_printf(out, ",\"begin\":%u,\"end\":%u,\"line\":%u,\"column\":%u,\"primary\":%s,",
                label->span.begin, label->span.end, line, column, primary ? "true" : "false");
  json_text(out, "label", label->text);
  buffer_putc(out, '}');
}

static void json_item(const struct diag *diag, const struct diag_item *item, struct buffer *out) {
  uint32_t source = item->label[0].span.source;
  bool error = item->level == DIAG_ERROR, first = true;
  buffer_printf(out, "{\"level\":\"%s\",\"code\":\"%c%03u\",", error ? "error" : "warning",
                error ? 'E' : 'W', item->code);
  json_text(out, "summary", item->summary);
  buffer_putc(out, ',');
  json_text(out, "file", source < diag->source_count ? diag->sources[source].name : NULL);
  buffer_puts(out, ",\"spans\":[");
  for (unsigned i = 0; i < item->labels; i++) {
    if (item->label[i].span.source >= diag->source_count)
      continue;
    if (!first)
      buffer_putc(out, ',');
    first = false;
    json_span(diag, &item->label[i], i == 0, out);
  }
  buffer_puts(out, "],\"notes\":[");
  for (unsigned i = 0; i < item->notes; i++) {
    if (i > 0)
      buffer_putc(out, ',');
    json_quote(out, item->note[i], strlen(item->note[i]));
  }
  buffer_puts(out, "]}");
}

void diag_render_json(const struct diag *diag, struct buffer *out) {
  buffer_putc(out, '[');
  for (const struct diag_item *item = diag->first; item != NULL; item = item->next) {
    if (item != diag->first)
      buffer_putc(out, ',');
    json_item(diag, item, out);
  }
  buffer_putc(out, ']');
}
