/* typing.c - how the messages of a call tell of its dims and its schema. */
#include "compiler/typing.h"

#include "compiler/match.h"

#include <string.h>

const char *typing_story(struct compiler *c, const struct cell *cell) {
  const char *text = compiler_cell_text(c, cell);
  struct buffer from;
  bool is_name;
  buffer_init(&from);
  origin_print(cell->origin, c->diag, &from, &is_name);
  const char *story = buffer_text(&from);
  size_t length = strlen(text);
  bool same = is_name && (strcmp(story, text) == 0 ||
                          (story[0] == '`' && strncmp(story + 1, text, length) == 0 &&
                           strcmp(story + 1 + length, "`") == 0));
  if (story[0] != '\0' && !same)
    text = compiler_printf(c, is_name ? "%s is %s" : "%s from %s", text, story);
  buffer_finish(&from);
  return text == NULL ? "" : text;
}

void typing_note_schema(struct typing *t, struct report *r) {
  if (t->call->symbol == NULL)
    match_note_schema(t->c, r, t->schema);
}
