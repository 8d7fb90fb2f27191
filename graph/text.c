/* text.c - the graph as text, one thing a line; text_parse.c reads it back.
 *
 *     graph gpt2 : generate lm (stop: 50256)
 *     dim B
 *     dim T <= 1024
 *     entry decode step
 *     decode
 *     input %0 = tokens.ids : i32[B,T] @ids
 *     state %3 : kv[768] @past[0]
 *     weight $wte.weight : f32[50257,768] = "transformer.wte.weight"
 *     weight $wte.weight{transpose} : f32[768,50257] = transpose($wte.weight)
 *     %4 = embedding(%0; $wte.weight) : f32[B,T,768] @wte !0:812-840
 *     %9 = attention(%5, %6, %7; ; scale: 0.5) : f32[B,T,768] @h.0.attention | h.0.a
 *         !0:901-960 layer 0 taps(scores, probs!)
 *     output logits = %150
 *
 * `entry` makes an entry and says when it runs, in the order in which they run;
 * its name alone on a line says that what follows belongs to it.  A word of the same kind behind an
 * input is how often it changes, if not as often as its entry runs.  After @ stand a value's names,
 * the canonical one first; `!` after them: dumped.
 * `_` is an absent input or weight.  `!source:begin-end` is the span.  Names that are
 * not plain words are written as JSON strings. */
#include "graph/weight.h"

#include "base/buffer.h"
#include "base/json.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool is_plain(const char *name) {
  if (name[0] == '\0')
    return false;
  for (const char *c = name; *c != '\0'; c++) {
    bool letter = (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z');
    bool digit = *c >= '0' && *c <= '9';
    if (!letter && !digit && strchr("_.:#[]{}-", *c) == NULL)
      return false;
  }
  return true;
}

static void print_name(struct buffer *out, const char *name) {
  if (is_plain(name))
    buffer_puts(out, name);
  else
    json_quote(out, name, strlen(name));
}

static bool is_identifier(const char *name) {
  return is_plain(name) && strpbrk(name, ".:#[]{}-") == NULL;
}

/* The shortest digits that read back as the same double, and never an int. */
static void print_real(struct buffer *out, double real) {
  char text[40];
  for (int digits = 1; digits <= 17; digits++) {
    snprintf(text, sizeof text, "%.*g", digits, real);
    if (strtod(text, NULL) == real)
      break;
  }
  buffer_puts(out, text);
  if (isfinite(real) && strpbrk(text, ".e") == NULL)
    buffer_puts(out, ".0");
}

static void print_attrs(struct buffer *out, const tfm_attr *const *attr, uint32_t count,
                        bool named);

static void print_attr_value(struct buffer *out, const tfm_attr *attr) {
  switch (attr->kind) {
  case TFM_ATTR_BOOL:
    buffer_puts(out, attr->integer != 0 ? "true" : "false");
    break;
  case TFM_ATTR_INT:
    buffer_printf(out, "%lld", (long long)attr->integer);
    break;
  case TFM_ATTR_REAL:
    print_real(out, attr->real);
    break;
  case TFM_ATTR_STR:
    json_quote(out, attr->text, strlen(attr->text));
    break;
  case TFM_ATTR_LIST:
    buffer_putc(out, '[');
    print_attrs(out, attr->item, attr->count, false);
    buffer_putc(out, ']');
    break;
  case TFM_ATTR_OBJECT:
    buffer_putc(out, '{');
    print_attrs(out, attr->item, attr->count, true);
    buffer_putc(out, '}');
    break;
  case TFM_ATTR_NONE:
    buffer_puts(out, "none");
    break;
  }
}

static void print_attrs(struct buffer *out, const tfm_attr *const *attr, uint32_t count,
                        bool named) {
  for (uint32_t i = 0; i < count; i++) {
    if (i > 0)
      buffer_puts(out, ", ");
    if (named) {
      if (is_identifier(attr[i]->name))
        buffer_puts(out, attr[i]->name);
      else
        json_quote(out, attr[i]->name, strlen(attr[i]->name));
      buffer_puts(out, ": ");
    }
    print_attr_value(out, attr[i]);
  }
}

static void print_type(const struct graph *graph, const struct type *type, struct buffer *out) {
  const char *names[DIM_VARIABLES];
  for (uint32_t i = 0; i < DIM_VARIABLES; i++)
    names[i] = i < graph->dim_count ? graph->dim[i].name : "?";
  buffer_puts(out, type->dtype == DTYPE_NONE ? "f" : dtype_name(type->dtype));
  if (type->dtype == DTYPE_MASK)
    return;
  bool once = type->dtype == DTYPE_KV && dim_equal(&type->shape[0], &type->shape[1]);
  buffer_putc(out, '[');
  for (uint32_t i = 0; i < (once ? 1 : type->rank); i++) {
    if (i > 0)
      buffer_putc(out, ',');
    dim_print(&type->shape[i], names, out);
  }
  buffer_putc(out, ']');
}

static void print_span(struct buffer *out, struct span span) {
  if (span.source != UINT32_MAX)
    buffer_printf(out, " !%u:%u-%u", span.source, span.begin, span.end);
}

static void print_value_names(struct buffer *out, const struct graph_value *value) {
  buffer_puts(out, " @");
  print_name(out, value->name);
  for (uint32_t i = 0; i < value->alias_count; i++) {
    buffer_puts(out, " | ");
    print_name(out, value->alias[i]);
  }
  if (value->dump)
    buffer_puts(out, " !");
}

static void print_entry(const struct graph *graph, struct buffer *out, int32_t entry,
                        int32_t *now) {
  if (*now != entry) {
    print_name(out, graph->entry[entry].name);
    buffer_putc(out, '\n');
  }
  *now = entry;
}

static void print_head(const struct graph *graph, struct buffer *out) {
  buffer_puts(out, "graph ");
  print_name(out, graph->model);
  if (graph->head != NULL) {
    buffer_printf(out, " : %s ", graph_task_name(graph->task));
    print_name(out, graph->head);
    if (graph->task_attr_count > 0) {
      buffer_puts(out, " (");
      print_attrs(out, graph->task_attr, graph->task_attr_count, true);
      buffer_putc(out, ')');
    }
  }
  buffer_putc(out, '\n');
  for (uint32_t i = 0; i < graph->dim_count; i++) {
    buffer_printf(out, "dim %s", graph->dim[i].name);
    if (graph->dim[i].bound > 0)
      buffer_printf(out, " <= %lld", (long long)graph->dim[i].bound);
    buffer_putc(out, '\n');
  }
  for (uint32_t i = 0; i < graph->entry_count; i++) {
    buffer_puts(out, "entry ");
    print_name(out, graph->entry[i].name);
    buffer_printf(out, " %s\n", graph_when_name(graph->entry[i].when));
  }
}

static void print_inputs(const struct graph *graph, struct buffer *out, int32_t *now) {
  for (uint32_t i = 0; i < graph->input_count; i++) {
    const struct graph_input *input = &graph->input[i];
    const struct graph_value *value = &graph->value[input->value];
    print_entry(graph, out, input->entry, now);
    buffer_printf(out, "input %%%d ", input->value);
    print_name(out, input->name);
    buffer_puts(out, " = ");
    print_name(out, input->source);
    buffer_puts(out, " : ");
    print_type(graph, &value->type, out);
    print_value_names(out, value);
    print_span(out, value->span);
    if (input->when != graph->entry[input->entry].when)
      buffer_printf(out, " %s", graph_when_name(input->when));
    buffer_putc(out, '\n');
  }
  for (uint32_t i = 0; i < graph->state_count; i++) {
    const struct graph_state *state = &graph->state[i];
    const struct graph_value *value = &graph->value[state->value];
    buffer_printf(out, "state %%%d ", state->value);
    print_name(out, state->name);
    buffer_puts(out, " : ");
    print_type(graph, &value->type, out);
    print_value_names(out, value);
    print_span(out, value->span);
    buffer_putc(out, '\n');
  }
}

static void print_weight_name(const struct graph *graph, int32_t weight, struct buffer *out) {
  if (weight == GRAPH_NONE) {
    buffer_putc(out, '_');
    return;
  }
  buffer_putc(out, '$');
  print_name(out, graph->weight[weight].name);
}

static void print_weight(const struct graph *graph, const struct graph_weight *weight,
                         struct buffer *out) {
  buffer_puts(out, "weight $");
  print_name(out, weight->name);
  buffer_printf(out, " : %s[", dtype_name(weight->dtype));
  for (uint32_t i = 0; i < weight->rank; i++)
    buffer_printf(out, "%s%lld", i > 0 ? "," : "", (long long)weight->shape[i]);
  buffer_puts(out, "] = ");
  if (weight->kind == GRAPH_WEIGHT_TENSOR) {
    json_quote(out, weight->tensor, strlen(weight->tensor));
  } else if (weight->kind == GRAPH_WEIGHT_NUMBER) {
    buffer_puts(out, "number(");
    print_real(out, weight->number);
    buffer_putc(out, ')');
  } else {
    buffer_printf(out, "%s(", weight_info(weight->kind)->name);
    for (uint32_t i = 0; i < weight->operand_count; i++) {
      buffer_puts(out, i > 0 ? ", " : "");
      print_weight_name(graph, weight->operand[i], out);
    }
    buffer_printf(out, "; %d, %d, %d)", weight->axis, weight->parts, weight->index);
  }
  buffer_puts(out, weight->used ? "\n" : " unused\n");
}

static void print_operands(const struct graph *graph, const struct graph_node *node,
                           struct buffer *out) {
  for (uint32_t i = 0; i < node->input_count; i++) {
    buffer_puts(out, i > 0 ? ", " : "");
    if (node->input[i] == GRAPH_NONE)
      buffer_putc(out, '_');
    else
      buffer_printf(out, "%%%d", node->input[i]);
  }
  if (node->weight_count > 0 || node->attr_count > 0)
    buffer_puts(out, ";");
  for (uint32_t i = 0; i < node->weight_count; i++) {
    buffer_puts(out, i > 0 ? ", " : " ");
    print_weight_name(graph, node->weight[i], out);
  }
  if (node->attr_count > 0) {
    buffer_puts(out, "; ");
    print_attrs(out, node->attr, node->attr_count, true);
  }
}

static void print_node_tail(const struct graph_node *node, struct buffer *out) {
  print_span(out, node->span);
  if (node->layer != GRAPH_NONE)
    buffer_printf(out, " layer %d", node->layer);
  if (node->op_version != 1)
    buffer_printf(out, " version %u", node->op_version);
  if (node->holds_inputs)
    buffer_puts(out, " holds");
  if (node->view)
    buffer_puts(out, " view");
  if (node->mixes)
    buffer_puts(out, " mixes");
  if (node->tap_count > 0) {
    buffer_puts(out, " taps(");
    for (uint32_t i = 0; i < node->tap_count; i++) {
      buffer_puts(out, i > 0 ? ", " : "");
      print_name(out, node->tap[i]);
      if ((node->taps >> i & 1) != 0)
        buffer_putc(out, '!');
    }
    buffer_putc(out, ')');
  }
  buffer_putc(out, '\n');
}

static void print_node(const struct graph *graph, const struct graph_node *node,
                       struct buffer *out) {
  for (uint32_t i = 0; i < node->output_count; i++)
    buffer_printf(out, "%s%%%d", i > 0 ? ", " : "", node->output[i]);
  buffer_puts(out, " = ");
  buffer_puts(out, node->op);
  buffer_putc(out, '(');
  print_operands(graph, node, out);
  buffer_putc(out, ')');
  for (uint32_t i = 0; i < node->output_count; i++) {
    const struct graph_value *value = &graph->value[node->output[i]];
    buffer_puts(out, i > 0 ? ", " : " : ");
    print_type(graph, &value->type, out);
    print_value_names(out, value);
  }
  print_node_tail(node, out);
}

void graph_print(const struct graph *graph, struct buffer *out) {
  int32_t now = GRAPH_NONE;
  print_head(graph, out);
  print_inputs(graph, out, &now);
  for (uint32_t i = 0; i < graph->weight_count; i++)
    print_weight(graph, &graph->weight[i], out);
  for (uint32_t i = 0; i < graph->node_count; i++) {
    print_entry(graph, out, graph->node[i].entry, &now);
    print_node(graph, &graph->node[i], out);
  }
  for (uint32_t i = 0; i < graph->output_count; i++) {
    buffer_puts(out, "output ");
    print_name(out, graph->output[i].name);
    buffer_printf(out, " = %%%d\n", graph->output[i].value);
  }
}
