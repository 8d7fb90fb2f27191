/* when.c - once a request, or with each step.
 *
 * Of two texts the one that is read (tokens.*) is known once a request, the one that
 * is written (generated.*) grows.  Where nothing is generated, one text goes into both
 * graphs, and it is that which grows. */
#include "compiler/when.h"

#include "compiler/report.h"
#include "graph/source.h"

enum graph_when when_changes(const struct compiler *c, const struct ir_value *value) {
  if (value->state)
    return GRAPH_STEP;
  if (value->fed)
    return value->fed_when;
  bool read = c->both_graphs && c->two_texts && !source_of(value->source, GRAPH_SIDE_WRITTEN);
  return read ? GRAPH_ONCE : c->when;
}

/* An input of the node that changes with each step; NULL = none does. */
static const struct ir_value *changing(const struct compiler *c, const struct ir_node *node) {
  const struct ir_value *found = NULL;
  for (uint32_t k = 0; k < node->input_count; k++) {
    const struct ir_value *value = node->input[k] == GRAPH_NONE ? NULL : &c->value[node->input[k]];
    bool given = value != NULL && value->node == GRAPH_NONE;
    if (given && (c->two_texts || value->state) && when_changes(c, value) == GRAPH_STEP)
      found = value;
  }
  return found;
}

void when_check(struct compiler *c) {
  for (uint32_t i = 0; i < c->node_count && c->both_graphs; i++) {
    const struct ir_node *node = &c->node[i];
    const struct ir_value *changes = node->when == GRAPH_ONCE ? changing(c, node) : NULL;
    if (changes == NULL)
      continue;
    struct report *r =
        report(c, CODE_GRAPH, node->span,
               "`encode` runs once a request, but `%s` changes with each step", changes->name);
    report_help(c, r, "use tokens.* and no state here, or compute it in `decode`");
  }
}
