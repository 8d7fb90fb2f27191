/* origin.c - a value keeps its origin through params and blocks. */
#include "compiler/origin.h"

#include "compiler/cell.h"

static bool is_from_config(const struct origin *origin) {
  while (origin != NULL && origin->kind == ORIGIN_PARAM)
    origin = origin->from;
  return origin != NULL && origin->kind == ORIGIN_CONFIG;
}

static const char *value_text(struct compiler *c, const struct value *value) {
  const char *text = value->kind == VALUE_INT
                         ? compiler_printf(c, "%lld", (long long)value->integer)
                     : value->kind == VALUE_REAL ? compiler_printf(c, "%g", value->real)
                                                 : "it";
  return text == NULL ? "" : text;
}

void origin_note(struct compiler *c, struct report *r, const char *what,
                 const struct value *value) {
  struct buffer from;
  bool is_name;
  if (!is_from_config(value->origin))
    return;
  buffer_init(&from);
  origin_print(value->origin, c->diag, &from, &is_name);
  report_note(c, r, "%s%s%s %s %s", what == NULL ? "" : what, what == NULL ? "" : ": ",
              value_text(c, value), is_name ? "is" : "is from", buffer_text(&from));
  buffer_finish(&from);
}
