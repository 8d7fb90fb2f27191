/* weight.c - the table of kinds. */
#include "graph/weight.h"

#include <string.h>

#define FUNCTION(...) .function = true, .argument = {__VA_ARGS__}
#define INNER         .function = false
static const struct weight_info kinds[GRAPH_WEIGHT_KINDS] = {
#define WEIGHT(ID, NAME, LEAST, MOST, ...)                                                         \
  {.name = #NAME, .least = LEAST, .most = MOST, __VA_ARGS__},
#include "graph/weight.def"
#undef WEIGHT
};

const struct weight_info *weight_info(enum graph_weight_kind kind) {
  return &kinds[kind];
}

enum graph_weight_kind weight_kind(const char *name) {
  unsigned kind = 0;
  while (kind < GRAPH_WEIGHT_KINDS && strcmp(kinds[kind].name, name) != 0)
    kind++;
  return (enum graph_weight_kind)kind;
}

enum graph_weight_kind weight_function_kind(const char *name) {
  enum graph_weight_kind kind = weight_kind(name);
  return kind < GRAPH_WEIGHT_KINDS && kinds[kind].function ? kind : GRAPH_WEIGHT_KINDS;
}

uint32_t graph_weight_axis(int32_t index, uint32_t i) {
  return index == 0 ? 1 - i : (uint32_t)index >> 3 * i & 7;
}

bool graph_weight_is_computed(enum graph_weight_kind kind) {
  return kind >= GRAPH_WEIGHT_ADD && kind <= GRAPH_WEIGHT_DIV;
}
