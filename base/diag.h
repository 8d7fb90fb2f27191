/* diag.h - what is wrong in a source file, under a caret.
 *
 *     error[E201]: unknown op `layernorm`
 *      --> gpt2.tfm:25:26
 *        | q, k, v = split(conv1d(layernorm(x, eps: eps) @ln_1) ...
 *        |                        ^^^^^^^^^ not in core or in a used plugin
 *        = help: an op with a similar name exists: `layer_norm`
 *
 * Diagnostics are collected, one per (code, primary span), and printed
 * together, ordered as they were found.  Spans are byte ranges; line and
 * column (in code points, from 1) are found when a message is printed. */
#ifndef TFM_BASE_DIAG_H
#define TFM_BASE_DIAG_H

#include "base/arena.h"
#include "base/buffer.h"
#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { DIAG_MAX_SHOWN = 20, DIAG_MAX_LABELS = 4, DIAG_MAX_NOTES = 6 };

/* A place: bytes [begin, end) of source file number `source`. */
struct span {
  uint32_t source, begin, end;
};
#define SPAN_NONE ((struct span){UINT32_MAX, 0, 0})

enum diag_level { DIAG_ERROR, DIAG_WARNING };

struct diag_label {
  struct span span;
  const char *text; /* may be NULL */
};

struct diag_item {
  enum diag_level level;
  unsigned code; /* 201 is printed E201 */
  const char *summary;
  struct diag_label label[DIAG_MAX_LABELS]; /* [0] is the primary span */
  unsigned labels;
  const char *note[DIAG_MAX_NOTES]; /* "note: ..." or "help: ..." */
  unsigned notes;
  struct diag_item *next;
};

struct diag_source {
  const char *name; /* shown in messages */
  const char *text; /* size bytes, not owned */
  size_t size;
};

struct diag {
  struct arena arena; /* owns every string here */
  struct diag_source *sources;
  unsigned source_count, source_capacity;
  struct diag_item *first, *last;
  unsigned errors, warnings;
};

void diag_init(struct diag *diag);
void diag_finish(struct diag *diag);

/* Register a source; returns its number.  name is copied, text is not. */
uint32_t diag_add_source(struct diag *diag, const char *name, const char *text, size_t size);

/* Start a diagnostic at a span, with the primary label (may be NULL) still
 * empty.  Returns an item to add labels and notes to; never NULL (when memory
 * is out or the same (code, span) was reported, a scratch item is returned). */
struct diag_item *diag_report(struct diag *diag, enum diag_level level, unsigned code,
                              struct span span, const char *format, ...) TFM_PRINTF(5, 6);
/* The text under the primary caret. */
void diag_primary(struct diag *diag, struct diag_item *item, const char *format, ...)
    TFM_PRINTF(3, 4);
/* A secondary span under '-'. */
void diag_label(struct diag *diag, struct diag_item *item, struct span span, const char *format,
                ...) TFM_PRINTF(4, 5);
void diag_note(struct diag *diag, struct diag_item *item, const char *format, ...) TFM_PRINTF(3, 4);
void diag_help(struct diag *diag, struct diag_item *item, const char *format, ...) TFM_PRINTF(3, 4);

/* 1-based line and column (code points) of a byte offset. */
void diag_position(const struct diag *diag, struct span span, unsigned *line, unsigned *column);

/* Render all; colour uses ANSI codes.  At most DIAG_MAX_SHOWN errors. */
void diag_render_text(const struct diag *diag, bool colour, struct buffer *out);
/* A JSON array: level, code, summary, file, spans with byte ranges, line,
 * column and label, notes. */
void diag_render_json(const struct diag *diag, struct buffer *out);

/* Nearest candidate to name by edit distance, or NULL if none is close. */
const char *diag_nearest(const char *name, const char *const *candidates, size_t count);

#endif
