/* ir.c - the lists of values and nodes, within their limits. */
#include "compiler/ir.h"

#include "compiler/limit.h"
#include "compiler/report.h"

int32_t ir_add_value(struct compiler *c, const struct ir_value *made) {
  void *array = c->value;
  if (!compiler_grow(c, &array, c->value_count, &c->value_room, sizeof *c->value))
    return GRAPH_NONE;
  c->value = array;
  c->value[c->value_count] = *made;
  return (int32_t)c->value_count++;
}

bool ir_room_for_node(struct compiler *c, struct span span) {
  if (c->node_count >= LIMIT_NODES) {
    report(c, CODE_LIMIT_NODES, span, "the file expands to more than %d nodes", LIMIT_NODES);
    c->stop = true;
    return false;
  }
  c->arena->limit += MEMORY_NODE;
  void *array = c->node;
  if (!compiler_grow(c, &array, c->node_count, &c->node_room, sizeof *c->node))
    return false;
  c->node = array;
  return true;
}
