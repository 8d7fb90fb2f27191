/* feed.c - values that the caller gives or wants to see.
 *
 * What is fed is an input, and what led up to it alone will be dead; what is dumped
 * is wanted, and so is what it needs (graph/pass/live.h). */
#include "compiler/feed.h"

#include "compiler/ir.h"
#include "compiler/naming.h"
#include "compiler/when.h"
#include "graph/source.h"

#include <string.h>

static int unknown_value(struct compiler *c, const char *name, const char *flag) {
  const char *nearest = naming_nearest(c, name);
  error_set(c->err, TFM_ERROR_USAGE, "%s: the graph has no value `%s`", flag, name);
  if (nearest != NULL)
    error_note(c->err, "help: a value with a similar name exists: `%s`", nearest);
  error_note(c->err, "help: tfmc --emit=graph lists the names");
  return -1;
}

/* A value's other outputs may still be computed: then what is fed is another
 * value than what the node makes. */
static void detach(struct compiler *c, int32_t fed) {
  int32_t node = c->value[fed].node;
  if (node == GRAPH_NONE)
    return;
  struct ir_value made = c->value[fed];
  made.alias = NULL;
  made.dump = false;
  made.name = naming_take(c, compiler_printf(c, "%s#computed", made.name));
  int32_t value = made.name == NULL ? GRAPH_NONE : ir_add_value(c, &made);
  if (value == GRAPH_NONE)
    return;
  c->node[node].output[made.output] = value;
  c->value[fed].node = GRAPH_NONE;
}

static int feed_one(struct compiler *c, const char *name) {
  int32_t value = naming_find(c, name);
  if (value == GRAPH_NONE)
    return unknown_value(c, name, "feed");
  struct ir_value *fed = &c->value[value];
  if (!dtype_is_tensor(fed->type.dtype))
    return error_set(c->err, TFM_ERROR_USAGE, "feed: `%s` is a %s, and no tensor", name,
                     dtype_name(fed->type.dtype));
  if (fed->node != GRAPH_NONE)
    fed->fed_when = c->node[fed->node].when;
  else if (fed->source != NULL)
    fed->fed_when = when_changes(c, fed);
  detach(c, value);
  c->value[value].fed = true;
  c->value[value].source = source_info(GRAPH_SOURCE_FEED)->name[GRAPH_SIDE_CALLER];
  return c->stop ? -1 : 0;
}

static bool dump_tap(struct compiler *c, const char *name) {
  const char *dot = strrchr(name, '.');
  const char *stem = dot == NULL ? NULL : compiler_printf(c, "%.*s", (int)(dot - name), name);
  int32_t value = stem == NULL ? GRAPH_NONE : naming_find(c, stem);
  if (value == GRAPH_NONE || c->value[value].node == GRAPH_NONE)
    return false;
  struct ir_node *node = &c->node[c->value[value].node];
  int32_t tap = schema_find_tap(node->op->schema, dot + 1);
  if (tap == SCHEMA_NONE)
    return false;
  node->taps |= UINT64_C(1) << tap;
  return true;
}

int feed_mark(struct compiler *c) {
  for (size_t i = 0; i < c->options->feed_count; i++)
    if (feed_one(c, c->options->feed[i]) != 0)
      return -1;
  for (size_t i = 0; i < c->options->dump_count; i++) {
    const char *name = c->options->dump[i];
    int32_t value = naming_find(c, name);
    if (value != GRAPH_NONE && dtype_is_tensor(c->value[value].type.dtype))
      c->value[value].dump = true;
    else if (value != GRAPH_NONE)
      return error_set(c->err, TFM_ERROR_USAGE, "dump: `%s` is a %s, and no tensor", name,
                       dtype_name(c->value[value].type.dtype));
    else if (!dump_tap(c, name))
      return unknown_value(c, name, "dump");
  }
  return 0;
}
