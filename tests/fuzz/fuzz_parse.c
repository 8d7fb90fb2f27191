/* fuzz_parse.c - any bytes as a model file and as an op schema.
 *
 *     tests/fuzz/fuzz_parse -max_len=4096 CORPUS models tests/lang
 *
 * Besides not crashing: an unsound text has a diagnostic, and what fmt prints
 * of a sound one is sound and is printed the same again.  A text that begins with
 * "tfm" is a whole file, one with "op" or "##" a schema, others get the first two
 * lines of a library; one in NOW_AND_THEN is taken in all three ways, and of as many
 * the diagnostics are written out, which takes longer than all the rest. */
#include "compiler/ast.h"
#include "compiler/format.h"
#include "compiler/schema.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct outcome {
  struct arena arena;
  struct diag diag;
  struct buffer out; /* the text formatted, when it is sound */
  bool sound;
};

static void parse(struct outcome *outcome, const char *text, size_t size) {
  arena_init(&outcome->arena, 0);
  diag_init(&outcome->diag);
  buffer_init(&outcome->out);
  uint32_t source = diag_add_source(&outcome->diag, "fuzz", text, size);
  const struct ast_file *file = ast_parse(&outcome->arena, &outcome->diag, source);
  outcome->sound = file != NULL && !file->broken;
  if (outcome->sound != (outcome->diag.errors == 0))
    abort();
  if (outcome->sound && !format_file(&outcome->arena, &outcome->diag, file, &outcome->out))
    abort();
}

enum { NOW_AND_THEN = 16 };

static void render(struct diag *diag, size_t size) {
  struct buffer out;
  if (size % NOW_AND_THEN != 0)
    return;
  buffer_init(&out);
  diag_render_text(diag, true, &out);
  diag_render_json(diag, &out);
  buffer_finish(&out);
}

static void finish(struct outcome *outcome) {
  arena_finish(&outcome->arena);
  diag_finish(&outcome->diag);
  buffer_finish(&outcome->out);
}

static void try_file(const char *text, size_t size) {
  struct outcome first, second;
  parse(&first, text, size);
  render(&first.diag, size);
  if (first.sound) {
    parse(&second, buffer_text(&first.out), first.out.length);
    if (!second.sound || strcmp(buffer_text(&first.out), buffer_text(&second.out)) != 0)
      abort();
    finish(&second);
  }
  finish(&first);
}

static void try_schema(const char *text, size_t size) {
  struct arena arena;
  struct diag diag;
  arena_init(&arena, 0);
  diag_init(&diag);
  const struct op_schema *schema = schema_parse(&arena, &diag, "schema", text);
  if ((schema != NULL) != (diag.errors == 0))
    abort();
  render(&diag, size);
  arena_finish(&arena);
  diag_finish(&diag);
}

static bool begins(const char *text, const char *with) {
  return strncmp(text, with, strlen(with)) == 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static const char head[] = "tfm 1\nlibrary f\n";
  char *text = malloc(size + sizeof head);
  if (text == NULL)
    return 0;
  memcpy(text, head, sizeof head);
  if (size > 0)
    memcpy(text + sizeof head - 1, data, size);
  text[sizeof head - 1 + size] = '\0';
  const char *own = text + sizeof head - 1;
  bool file = begins(own, "tfm"), schema = begins(own, "op") || begins(own, "##");
  bool all = size % NOW_AND_THEN == 1;
  if (file || all)
    try_file(own, size);
  if (schema || all)
    try_schema(own, size);
  if ((!file && !schema) || all)
    try_file(text, sizeof head - 1 + size);
  free(text);
  return 0;
}
