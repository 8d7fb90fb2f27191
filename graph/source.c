/* source.c - the table of sources. */
#include "graph/source.h"

#include <string.h>

enum {
  READ = 1 << GRAPH_SIDE_READ,
  WRITTEN = 1 << GRAPH_SIDE_WRITTEN,
  CALLER = 1 << GRAPH_SIDE_CALLER
};

static const struct source_info sources[GRAPH_SOURCE_COUNT] = {
#define SOURCE(ID, NAME, SIDES, DTYPE, SHAPE, TEXT)                                                \
  {.name = {(SIDES)&READ ? "tokens." #NAME : NULL, (SIDES)&WRITTEN ? "generated." #NAME : NULL,    \
            (SIDES)&CALLER ? #NAME : NULL},                                                        \
   .stem = #NAME,                                                                                  \
   .dtype = DTYPE,                                                                                 \
   .shape = SHAPE},
#include "graph/source.def"
#undef SOURCE
};

const struct source_info *source_info(enum graph_source source) {
  return &sources[source];
}

bool source_find(const char *name, enum graph_source *source, enum graph_side *side) {
  for (unsigned i = 0; name && i < GRAPH_SOURCE_COUNT; i++)
    for (unsigned s = 0; s < GRAPH_SIDES; s++)
      if (sources[i].name[s] && strcmp(sources[i].name[s], name) == 0) {
        *source = (enum graph_source)i;
        *side = (enum graph_side)s;
        return true;
      }
  return false;
}

bool source_is(const char *name, enum graph_source source) {
  enum graph_source found;
  enum graph_side side;
  return source_find(name, &found, &side) && found == source;
}

bool source_of(const char *name, enum graph_side side) {
  enum graph_source source;
  enum graph_side found;
  return source_find(name, &source, &found) && found == side;
}

size_t source_names(const char *names[GRAPH_SOURCE_NAMES]) {
  size_t count = 0;
  for (unsigned s = 0; s < GRAPH_SIDE_CALLER; s++)
    for (unsigned i = 0; i < GRAPH_SOURCE_COUNT; i++)
      if (sources[i].name[s])
        names[count++] = sources[i].name[s];
  return count;
}

void source_print_names(struct buffer *out) {
  const char *between = "tokens.* and generated.*: ";
  for (unsigned i = 0; i < GRAPH_SOURCE_COUNT; i++)
    if (sources[i].name[GRAPH_SIDE_READ] && sources[i].name[GRAPH_SIDE_WRITTEN]) {
      buffer_printf(out, "%s%s", between, sources[i].stem);
      between = ", ";
    }
  between = "; and ";
  for (unsigned i = 0; i < GRAPH_SOURCE_COUNT; i++)
    for (unsigned s = 0; s < GRAPH_SIDE_CALLER; s++)
      if (sources[i].name[s] && !sources[i].name[!s]) {
        buffer_printf(out, "%s%s", between, sources[i].name[s]);
        between = ", ";
      }
}
