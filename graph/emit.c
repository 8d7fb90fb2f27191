/* emit.c - the graph for other programs: Graphviz and JSON. */
#include "graph/weight.h"

#include "base/buffer.h"
#include "base/json.h"

#include <math.h>
#include <string.h>

static void quote(struct buffer *out, const char *text) {
  json_quote(out, text, strlen(text));
}

static void emit_dims(const struct graph *graph, const struct type *type, struct buffer *out,
                      const char *around) {
  const char *names[DIM_VARIABLES];
  for (uint32_t i = 0; i < DIM_VARIABLES; i++)
    names[i] = i < graph->dim_count ? graph->dim[i].name : "?";
  for (uint32_t i = 0; i < type->rank; i++) {
    buffer_puts(out, i > 0 ? "," : "");
    buffer_puts(out, dim_is_number(&type->shape[i], NULL) ? "" : around);
    dim_print(&type->shape[i], names, out);
    buffer_puts(out, dim_is_number(&type->shape[i], NULL) ? "" : around);
  }
}

static void dot_edge(const struct graph *graph, int32_t value, const char *to, uint32_t number,
                     struct buffer *out) {
  const struct graph_value *from = &graph->value[value];
  if (from->node == GRAPH_NONE)
    buffer_printf(out, "  v%d -> %s%u", value, to, number);
  else
    buffer_printf(out, "  n%d -> %s%u", from->node, to, number);
  buffer_puts(out, " [label=\"");
  if (from->type.dtype == DTYPE_MASK)
    buffer_puts(out, "mask");
  else
    emit_dims(graph, &from->type, out, "");
  buffer_puts(out, "\"];\n");
}

static void dot_box(const char *id, uint32_t number, const char *shape, const char *first,
                    const char *second, struct buffer *out) {
  buffer_printf(out, "  %s%u [shape=%s, label=", id, number, shape);
  struct buffer label;
  buffer_init(&label);
  buffer_puts(&label, first);
  if (second != NULL)
    buffer_printf(&label, "\n%s", second);
  json_quote(out, buffer_text(&label), label.length);
  buffer_finish(&label);
  buffer_puts(out, "];\n");
}

static void dot_nodes(const struct graph *graph, uint32_t index, struct buffer *out) {
  const struct graph_entry *entry = &graph->entry[index];
  buffer_printf(out, "  subgraph cluster_%u {\n    label=", index);
  quote(out, entry->name);
  buffer_puts(out, ";\n");
  for (uint32_t i = entry->begin; i < entry->end; i++)
    dot_box("n", i, "box", graph->node[i].op, graph->node[i].name, out);
  buffer_puts(out, "  }\n");
}

void graph_emit_dot(const struct graph *graph, struct buffer *out) {
  buffer_puts(out, "digraph ");
  quote(out, graph->model);
  buffer_puts(out, " {\n  rankdir=TB;\n  node [fontname=\"sans-serif\"];\n");
  for (uint32_t i = 0; i < graph->input_count; i++)
    dot_box("v", (uint32_t)graph->input[i].value, "ellipse", graph->input[i].name,
            graph->input[i].source, out);
  for (uint32_t i = 0; i < graph->state_count; i++)
    dot_box("v", (uint32_t)graph->state[i].value, "cylinder", graph->state[i].name, NULL, out);
  for (uint32_t i = 0; i < graph->entry_count; i++)
    dot_nodes(graph, i, out);
  for (uint32_t i = 0; i < graph->output_count; i++)
    dot_box("o", i, "ellipse", graph->output[i].name, NULL, out);
  for (uint32_t i = 0; i < graph->node_count; i++)
    for (uint32_t k = 0; k < graph->node[i].input_count; k++)
      if (graph->node[i].input[k] != GRAPH_NONE)
        dot_edge(graph, graph->node[i].input[k], "n", i, out);
  for (uint32_t i = 0; i < graph->output_count; i++)
    dot_edge(graph, graph->output[i].value, "o", i, out);
  buffer_puts(out, "}\n");
}

/* ------------------------------------------------------------------- JSON */

static void key(struct buffer *out, const char *name) {
  buffer_printf(out, "\"%s\":", name);
}

static void text_field(struct buffer *out, const char *name, const char *text) {
  key(out, name);
  if (text == NULL)
    buffer_puts(out, "null");
  else
    quote(out, text);
}

static void json_attrs(const tfm_attr *const *attr, uint32_t count, bool named, struct buffer *out);

static void json_attr_value(const tfm_attr *attr, struct buffer *out) {
  switch (attr->kind) {
  case TFM_ATTR_BOOL:
    buffer_puts(out, attr->integer != 0 ? "true" : "false");
    break;
  case TFM_ATTR_INT:
    buffer_printf(out, "%lld", (long long)attr->integer);
    break;
  case TFM_ATTR_REAL:
    if (isfinite(attr->real))
      buffer_printf(out, "%.17g", attr->real);
    else
      buffer_puts(out, "null");
    break;
  case TFM_ATTR_STR:
    quote(out, attr->text);
    break;
  case TFM_ATTR_LIST:
    buffer_putc(out, '[');
    json_attrs(attr->item, attr->count, false, out);
    buffer_putc(out, ']');
    break;
  case TFM_ATTR_OBJECT:
    buffer_putc(out, '{');
    json_attrs(attr->item, attr->count, true, out);
    buffer_putc(out, '}');
    break;
  case TFM_ATTR_NONE:
    buffer_puts(out, "null");
    break;
  }
}

static void json_attrs(const tfm_attr *const *attr, uint32_t count, bool named,
                       struct buffer *out) {
  for (uint32_t i = 0; i < count; i++) {
    buffer_puts(out, i > 0 ? "," : "");
    if (named) {
      quote(out, attr[i]->name);
      buffer_putc(out, ':');
    }
    json_attr_value(attr[i], out);
  }
}

static void json_values(const struct graph *graph, struct buffer *out) {
  for (uint32_t i = 0; i < graph->value_count; i++) {
    const struct graph_value *value = &graph->value[i];
    buffer_puts(out, i > 0 ? ",\n{" : "\n{");
    text_field(out, "name", value->name);
    buffer_puts(out, ",\"aliases\":[");
    for (uint32_t k = 0; k < value->alias_count; k++) {
      buffer_puts(out, k > 0 ? "," : "");
      quote(out, value->alias[k]);
    }
    buffer_puts(out, "],");
    text_field(out, "dtype", dtype_name(value->type.dtype));
    buffer_puts(out, ",\"shape\":[");
    emit_dims(graph, &value->type, out, "\"");
    buffer_printf(out, "],\"dump\":%s}", value->dump ? "true" : "false");
  }
}

static void json_weights(const struct graph *graph, struct buffer *out) {
  for (uint32_t i = 0; i < graph->weight_count; i++) {
    const struct graph_weight *weight = &graph->weight[i];
    buffer_puts(out, i > 0 ? ",\n{" : "\n{");
    text_field(out, "name", weight->name);
    buffer_putc(out, ',');
    text_field(out, "kind", weight_info(weight->kind)->name);
    buffer_putc(out, ',');
    text_field(out, "tensor", weight->tensor);
    buffer_puts(out, ",\"operands\":[");
    for (uint32_t k = 0; k < weight->operand_count; k++)
      buffer_printf(out, "%s%d", k > 0 ? "," : "", weight->operand[k]);
    buffer_printf(out, "],\"axis\":%d,\"parts\":%d,\"index\":%d,", weight->axis, weight->parts,
                  weight->index);
    if (weight->kind == GRAPH_WEIGHT_NUMBER)
      buffer_printf(out, "\"number\":%.17g,", weight->number);
    text_field(out, "dtype", dtype_name(weight->dtype));
    buffer_puts(out, ",\"shape\":[");
    for (uint32_t k = 0; k < weight->rank; k++)
      buffer_printf(out, "%s%lld", k > 0 ? "," : "", (long long)weight->shape[k]);
    buffer_printf(out, "],\"used\":%s}", weight->used ? "true" : "false");
  }
}

static void json_indices(const char *name, const int32_t *index, uint32_t count,
                         struct buffer *out) {
  buffer_printf(out, ",\"%s\":[", name);
  for (uint32_t i = 0; i < count; i++) {
    buffer_puts(out, i > 0 ? "," : "");
    if (index[i] == GRAPH_NONE)
      buffer_puts(out, "null");
    else
      buffer_printf(out, "%d", index[i]);
  }
  buffer_putc(out, ']');
}

static void json_entries(const struct graph *graph, struct buffer *out) {
  buffer_puts(out, ",\n\"entries\":[");
  for (uint32_t i = 0; i < graph->entry_count; i++) {
    const struct graph_entry *entry = &graph->entry[i];
    buffer_puts(out, i > 0 ? ",{" : "{");
    text_field(out, "name", entry->name);
    buffer_putc(out, ',');
    text_field(out, "when", graph_when_name(entry->when));
    buffer_printf(out, ",\"begin\":%u,\"end\":%u", entry->begin, entry->end);
    json_indices("inputs", entry->input, entry->input_count, out);
    json_indices("outputs", entry->output, entry->output_count, out);
    buffer_putc(out, '}');
  }
  buffer_putc(out, ']');
}

static void json_nodes(const struct graph *graph, struct buffer *out) {
  for (uint32_t i = 0; i < graph->node_count; i++) {
    const struct graph_node *node = &graph->node[i];
    buffer_puts(out, i > 0 ? ",\n{" : "\n{");
    text_field(out, "op", node->op);
    buffer_putc(out, ',');
    text_field(out, "name", node->name);
    buffer_printf(out, ",\"version\":%u,\"entry\":%d", node->op_version, node->entry);
    json_indices("inputs", node->input, node->input_count, out);
    json_indices("weights", node->weight, node->weight_count, out);
    json_indices("outputs", node->output, node->output_count, out);
    buffer_puts(out, ",\"attributes\":{");
    json_attrs(node->attr, node->attr_count, true, out);
    buffer_puts(out, "},\"taps\":[");
    for (uint32_t k = 0; k < node->tap_count; k++) {
      buffer_puts(out, k > 0 ? "," : "");
      quote(out, node->tap[k]);
    }
    buffer_puts(out, "],\"layer\":");
    if (node->layer == GRAPH_NONE)
      buffer_puts(out, "null}");
    else
      buffer_printf(out, "%d}", node->layer);
  }
}

static void json_head(const struct graph *graph, struct buffer *out) {
  buffer_putc(out, '{');
  text_field(out, "model", graph->model);
  buffer_putc(out, ',');
  text_field(out, "task", graph_task_name(graph->task));
  buffer_putc(out, ',');
  text_field(out, "head", graph->head);
  buffer_puts(out, ",\"task_attributes\":{");
  json_attrs(graph->task_attr, graph->task_attr_count, true, out);
  buffer_puts(out, "},\n\"dims\":[");
  for (uint32_t i = 0; i < graph->dim_count; i++) {
    buffer_puts(out, i > 0 ? ",{" : "{");
    text_field(out, "name", graph->dim[i].name);
    buffer_printf(out, ",\"bound\":%lld}", (long long)graph->dim[i].bound);
  }
  buffer_putc(out, ']');
}

static void json_inputs(const struct graph *graph, struct buffer *out) {
  buffer_puts(out, ",\n\"inputs\":[");
  for (uint32_t i = 0; i < graph->input_count; i++) {
    const struct graph_input *input = &graph->input[i];
    buffer_puts(out, i > 0 ? ",{" : "{");
    text_field(out, "name", input->name);
    buffer_putc(out, ',');
    text_field(out, "source", input->source);
    buffer_printf(out, ",\"value\":%d,\"entry\":%d,", input->value, input->entry);
    text_field(out, "changes", graph_when_name(input->when));
    buffer_putc(out, '}');
  }
  buffer_puts(out, "],\n\"states\":[");
  for (uint32_t i = 0; i < graph->state_count; i++) {
    buffer_puts(out, i > 0 ? ",{" : "{");
    text_field(out, "name", graph->state[i].name);
    buffer_printf(out, ",\"value\":%d}", graph->state[i].value);
  }
  buffer_puts(out, "],\n\"outputs\":[");
  for (uint32_t i = 0; i < graph->output_count; i++) {
    buffer_puts(out, i > 0 ? ",{" : "{");
    text_field(out, "name", graph->output[i].name);
    buffer_printf(out, ",\"value\":%d}", graph->output[i].value);
  }
  buffer_putc(out, ']');
}

void graph_emit_json(const struct graph *graph, struct buffer *out) {
  json_head(graph, out);
  json_entries(graph, out);
  json_inputs(graph, out);
  buffer_puts(out, ",\n\"weights\":[");
  json_weights(graph, out);
  buffer_puts(out, "],\n\"values\":[");
  json_values(graph, out);
  buffer_puts(out, "],\n\"nodes\":[");
  json_nodes(graph, out);
  buffer_puts(out, "]}\n");
}
