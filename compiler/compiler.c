/* compiler.c - memory and texts for the passes. */
#include "compiler/compiler.h"

#include "base/checked.h"
#include "compiler/cell.h"

#include <string.h>

/* report.h keeps its lists in the arena that is full. */
void compiler_full(struct compiler *c, const struct arena *arena) {
  if (!arena->over)
    error_oom(c->err);
  else if (!c->stop)
    diag_report(c->diag, DIAG_ERROR, CODE_LIMIT_MEMORY, c->at,
                "the expansion of this file takes too much memory");
  c->stop = true;
}

void compiler_oom(struct compiler *c) {
  compiler_full(c, c->arena);
}

void *compiler_alloc(struct compiler *c, size_t count, size_t size) {
  void *memory = arena_array(c->arena, count, size);
  if (memory == NULL)
    compiler_oom(c);
  return memory;
}

char *compiler_printf(struct compiler *c, const char *format, ...) {
  va_list args;
  va_start(args, format);
  char *text = arena_vprintf(c->arena, format, args);
  va_end(args);
  if (text == NULL)
    compiler_oom(c);
  return text;
}

bool compiler_grow(struct compiler *c, void **array, uint32_t count, uint32_t *room, size_t size) {
  if (count < *room)
    return true;
  uint32_t grown = *room == 0 ? 64 : *room * 2;
  void *memory = grown > *room ? compiler_alloc(c, grown, size) : NULL;
  if (memory == NULL)
    return false;
  if (count > 0)
    memcpy(memory, *array, count * size);
  *array = memory;
  *room = grown;
  return true;
}

/* Of the run-time dims, for printing; DIM_VARIABLES of them. */
static void dim_names(const struct compiler *c, const char *names[DIM_VARIABLES]) {
  for (uint32_t i = 0; i < DIM_VARIABLES; i++)
    names[i] = i < c->dim_count ? c->dim[i].name : "?";
}

static const char *keep(struct compiler *c, struct buffer *text) {
  const char *kept = text->failed ? NULL : arena_strdup(c->arena, buffer_text(text));
  buffer_finish(text);
  if (kept == NULL)
    compiler_oom(c);
  return kept == NULL ? "?" : kept;
}

const char *compiler_type_text(struct compiler *c, const struct ctype *type) {
  const char *names[DIM_VARIABLES];
  struct buffer text;
  buffer_init(&text);
  dim_names(c, names);
  ctype_print(type, names, &text);
  return keep(c, &text);
}

const char *compiler_cell_text(struct compiler *c, const struct cell *cell) {
  const char *names[DIM_VARIABLES];
  struct buffer text;
  buffer_init(&text);
  dim_names(c, names);
  cell_print(cell, names, &text);
  return keep(c, &text);
}

const char *compiler_span_text(struct compiler *c, struct span span) {
  if (span.source >= c->diag->source_count)
    return "";
  const char *text = arena_strndup(c->arena, c->diag->sources[span.source].text + span.begin,
                                   span.end - span.begin);
  if (text == NULL)
    compiler_oom(c);
  return text == NULL ? "" : text;
}
