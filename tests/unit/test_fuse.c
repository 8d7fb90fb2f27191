/* Patterns found and replaced: the same values by the same names on random graphs, and
 * what must stay as it is. */
#include "graph/pass/fuse.h"

#include "base/buffer.h"
#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>

/* ---- the ops
 *
 *     lin(x; w, b?)               x * w + b
 *     add(a, b)                   a + b
 *     norm(x; w; eps)             something of the three
 *     lin_add(x, y; w, b?)        fuses add(y, lin(x; w, b)), and the other way round
 *     lin3(x; aw, ab?, bw, ...)   fuses lin(x; a), lin(x; b), lin(x; c)
 *     add_norm(a, b; w; eps)      fuses add(a, b) as sum, norm(sum; w; eps) */

#define SLOT(i)                                                                                    \
  { FUSE_SLOT, i }
#define PART(i)                                                                                    \
  { FUSE_PART, i }
#define COUNT(a) (sizeof(a) / sizeof *(a))
#define SLOTS(a) .a##_count = COUNT(a), .a = (a)

static const struct fuse_slot x0[] = {SLOT(0)}, ab[] = {SLOT(0), SLOT(1)};
static const struct fuse_slot y_lin[] = {SLOT(1), PART(1)}, lin_y[] = {PART(1), SLOT(1)};
static const struct fuse_slot sum[] = {PART(0)}, w[] = {SLOT(0)}, w_b[] = {SLOT(0), SLOT(1)};
static const struct fuse_slot second[] = {SLOT(2), SLOT(3)}, third[] = {SLOT(4), SLOT(5)};
static const struct fuse_attr eps[] = {{.name = "eps", .to = 0}};
static const struct fuse_name slots[] = {{"w", false}, {"b", true},   {"w2", false},
                                         {"b2", true}, {"w3", false}, {"b3", true}};
static const struct fuse_name inputs[] = {{"x", false}, {"y", false}};
static const struct fuse_name eps_name[] = {{"eps", false}};

#define LIN(weights, is_result)                                                                    \
  {                                                                                                \
    .op = "lin", .input_count = 1, .input = x0, .weight_count = 2, .weight = (weights),            \
    .output_count = 1, .result = (is_result)                                                       \
  }
#define ADD(slot)                                                                                  \
  { .op = "add", .input_count = 2, .input = (slot), .output_count = 1, .result = true }

static const struct fuse_part lin_add_parts[] = {ADD(y_lin), LIN(w_b, false)};
static const struct fuse_part add_lin_parts[] = {ADD(lin_y), LIN(w_b, false)};
static const struct fuse_part lin3_parts[] = {LIN(w_b, true), LIN(second, true), LIN(third, true)};
static const struct fuse_part add_norm_parts[] = {ADD(ab),
                                                  {.op = "norm",
                                                   .input_count = 1,
                                                   .input = sum,
                                                   .weight_count = 1,
                                                   .weight = w,
                                                   .attr_count = 1,
                                                   .attr = eps,
                                                   .output_count = 1,
                                                   .result = true}};

/* Either side of the sum may be the product. */
#define LIN_ADD(of)                                                                                \
  {                                                                                                \
    .op = "lin_add", .version = 1, .input_count = 2, .input = inputs, .weight_count = 2,           \
    .weight = slots, .output_count = 1, .part_count = 2, .part = (of)                              \
  }

static const struct fuse_pattern patterns[] = {
    {.op = "add_norm",
     .version = 1,
     .input_count = 2,
     .input = inputs,
     .weight_count = 1,
     .weight = slots,
     .attr_count = 1,
     .attr = eps_name,
     .output_count = 2,
     .part_count = 2,
     .part = add_norm_parts},
    LIN_ADD(lin_add_parts),
    LIN_ADD(add_lin_parts),
    {.op = "lin3",
     .version = 2,
     .input_count = 1,
     .input = inputs,
     .weight_count = 6,
     .weight = slots,
     .output_count = 3,
     .part_count = 3,
     .part = lin3_parts},
};

/* ---- what a graph computes, in whole numbers */

enum { MOST = 256 };

static uint64_t weight_of(const struct graph_node *node, uint32_t slot) {
  return node->weight[slot] == GRAPH_NONE ? 0 : 3 + 2 * (uint64_t)node->weight[slot];
}

static uint64_t lin(const struct graph_node *node, uint64_t x, uint32_t slot) {
  return x * weight_of(node, slot) + weight_of(node, slot + 1);
}

static uint64_t norm(const struct graph_node *node, uint64_t x) {
  ck_assert(node->attr_count == 1 && strcmp(node->attr[0]->name, "eps") == 0);
  return (x ^ x >> 7) * weight_of(node, 0) + (uint64_t)node->attr[0]->integer;
}

static void run_node(const struct graph_node *node, const uint64_t *in, uint64_t out[3]) {
  if (strcmp(node->op, "lin") == 0)
    out[0] = lin(node, in[0], 0);
  else if (strcmp(node->op, "add") == 0)
    out[0] = in[0] + in[1];
  else if (strcmp(node->op, "norm") == 0)
    out[0] = norm(node, in[0]);
  else if (strcmp(node->op, "lin_add") == 0)
    out[0] = lin(node, in[0], 0) + in[1];
  else if (strcmp(node->op, "add_norm") == 0)
    out[0] = in[0] + in[1], out[1] = norm(node, out[0]);
  else if (strcmp(node->op, "lin3") == 0)
    for (uint32_t i = 0; i < 3; i++)
      out[i] = lin(node, in[0], 2 * i);
  else
    ck_abort_msg("op %s", node->op);
}

static void run(const struct graph *graph, uint64_t value[MOST]) {
  ck_assert_uint_le(graph->value_count, MOST);
  for (uint32_t i = 0; i < graph->input_count; i++) /* by name: the fused graph has others */
    value[graph->input[i].value] = 11 + (uint64_t)graph->input[i].name[0];
  for (uint32_t n = 0; n < graph->node_count; n++) {
    const struct graph_node *node = &graph->node[n];
    uint64_t in[2] = {0}, out[3];
    for (uint32_t k = 0; k < node->input_count; k++)
      in[k] = value[node->input[k]];
    run_node(node, in, out);
    for (uint32_t k = 0; k < node->output_count; k++)
      value[node->output[k]] = out[k];
  }
}

/* ---- the tests */

static struct graph *parse(const char *text) {
  struct tfm_error err = {0};
  struct graph *graph = graph_parse("test", text, strlen(text), &err);
  ck_assert_msg(graph != NULL && graph_verify(graph, &err) == 0, "%s\n%s", err.message, text);
  return graph;
}

static struct graph *fused(const char *text) {
  struct tfm_error err = {0};
  struct graph *graph = parse(text);
  ck_assert_msg(fuse_graph(graph, patterns, COUNT(patterns), &err) == 0 &&
                    graph_verify(graph, &err) == 0,
                "%s\n%s", err.message, text);
  return graph;
}

#define HEAD                                                                                       \
  "graph t\nentry encode once\nentry decode step\nencode\ninput %0 x = feed : f32[4] @x\n"         \
  "input %1 y = feed : f32[4] @y\nweight $v : f32[4] = \"v\"\nweight $w : f32[4] = \"w\"\n"
#define T " : f32[4] "

START_TEST(cases) {
  static const char *const graphs[][3] = {
      /* what is fused, where it stands, and in which order */
      {"%2 = lin(%0; $v, $w)" T "@a\n%3 = add(%1, %2)" T "@b\n", "%3", "lin_add(%0, %1; $v, $w)"},
      {"%2 = lin(%0; $v, _)" T "@a\n%3 = add(%2, %1)" T "@b\n", "%3", "lin_add(%0, %1; $v, _)"},
      {"%2 = lin(%0; $v, _)" T "@a\n%3 = lin(%1; $w, _)" T "@c\n%4 = add(%2, %3)" T "@b\n", "%4",
       "lin lin_add(%1, %2; $w, _)"},
      {"%2 = add(%0, %1)" T "@a\n%3 = lin(%0; $v, _)" T "@c\n%4 = norm(%2; $w; eps: 5)" T "@b\n",
       "%4", "add_norm(%0, %1; $w; eps: 5) lin"},
      {"%2 = lin(%0; $v, _)" T "@a\n%3 = add(%1, %2)" T "@b\n%4 = norm(%3; $w; eps: 5)" T "@c\n",
       "%4", "lin_add(%0, %1; $v, _) norm"},
      {"%2 = lin(%0; $v, _)" T "@a\n%3 = add(%2, %2)" T "@d\n%4 = lin(%0; $w, _)" T
       "@b\n%5 = lin(%0; $v, $w)" T "@c\n",
       "%5", "lin3(%0; $v, _, $w, _, $v, $w) add"},
      /* two read it; it is dumped; it is a result */
      {"%2 = lin(%0; $v, _)" T "@a\n%3 = add(%1, %2)" T "@b\n%4 = add(%3, %2)" T "@c\n", "%4",
       "lin add add"},
      {"%2 = lin(%0; $v, _)" T "@a\n%3 = add(%2, %2)" T "@b\n", "%3", "lin add"},
      {"%2 = lin(%0; $v, _)" T "@a !\n%3 = add(%1, %2)" T "@b\n", "%3", "lin add"},
      {"%2 = lin(%0; $v, _)" T "@a\n%3 = add(%1, %2)" T "@b\noutput other = %2\n", "%3", "lin add"},
      /* ... which does not matter to what stays a result of its own */
      {"%2 = add(%0, %1)" T "@a !\n%3 = norm(%2; $w; eps: 5)" T "@b\n%4 = add(%2, %3)" T "@c\n",
       "%4", "add_norm(%0, %1; $w; eps: 5) add"},
      /* a weight that is wanted; a tap that is watched; an attribute too many */
      {"%2 = add(%0, %1)" T "@a\n%3 = norm(%2; _; eps: 5)" T "@b\n", "%3", "add norm"},
      {"%2 = lin(%0; $v, _)" T "@a taps(in!)\n%3 = add(%1, %2)" T "@b\n", "%3", "lin add"},
      {"%2 = add(%0, %1)" T "@a\n%3 = norm(%2; $w; eps: 5, up: 1)" T "@b\n", "%3", "add norm"},
      {"%2 = add(%0, %1)" T "@a\n%3 = norm(%2; $w)" T "@b\n", "%3", "add norm"},
      /* another entry */
      {"%2 = lin(%0; $v, _)" T "@a\ndecode\n%3 = add(%1, %2)" T "@b\n", "%3", "lin add"},
      {"%2 = add(%0, %1)" T "@a\ndecode\n%3 = norm(%2; $w; eps: 5)" T "@b\n", "%3", "add norm"},
      {"%2 = lin(%0; $v, _)" T "@a\n%3 = lin(%0; $w, _)" T "@b\ndecode\n%4 = lin(%0; $v, $w)" T
       "@c\n",
       "%4", "lin lin lin"},
      /* another layer, or one between */
      {"%2 = lin(%0; $v, _)" T "@a layer 0\n%3 = lin(%0; $w, _)" T
       "@b layer 0\n%4 = lin(%0; $v, $w)" T "@c layer 1\n",
       "%4", "lin lin lin"},
      {"%2 = lin(%0; $v, _)" T "@a layer 0\n%3 = lin(%0; $w, _)" T "@b layer 0\n%4 = add(%2, %3)" T
       "@d layer 1\n%5 = lin(%0; $v, $w)" T "@c layer 0\n",
       "%5", "lin lin_add(%0, %2; $w, _) lin"},
  };
  for (size_t i = 0; i < COUNT(graphs); i++) {
    struct buffer text, found;
    buffer_init(&text), buffer_init(&found);
    buffer_puts(&text, HEAD);
    buffer_printf(&text, "%soutput last = %s\n", graphs[i][0], graphs[i][1]);
    struct graph *graph = fused(buffer_text(&text));
    graph_print(graph, &found);
    /* Each word of what is expected, in this order: a call, or an op alone. */
    const char *at = buffer_text(&found), *word = graphs[i][2];
    uint32_t nodes = 0;
    for (; *word != '\0'; nodes++) {
      size_t length = strcspn(word, "(");
      const char *space = strchr(word, ' ');
      bool call = space == NULL ? word[length] != '\0' : word + length < space;
      const char *end = call ? strchr(word, ')') + 1 : space == NULL ? word + strlen(word) : space;
      char wanted[128];
      snprintf(wanted, sizeof wanted, " = %.*s%s", (int)(end - word), word, call ? "" : "(");
      at = strstr(at, wanted);
      ck_assert_msg(at != NULL, "case %zu: no `%s` in\n%s", i, wanted, buffer_text(&found));
      at++;
      word = *end == ' ' ? end + 1 : end;
    }
    ck_assert_msg(nodes == graph->node_count, "case %zu:\n%s", i, buffer_text(&found));
    graph_destroy(graph);
    buffer_finish(&text), buffer_finish(&found);
  }
}
END_TEST

/* Version and names of the fused node; the pattern's own texts are not kept. */
START_TEST(ownership) {
  struct fuse_pattern pattern = patterns[3];
  char name[] = "lin3";
  const char *tap[] = {name};
  pattern.op = name, pattern.tap = tap, pattern.tap_count = 1;
  struct graph *graph = parse(HEAD "%2 = lin(%0; $v, _)" T "@a\n%3 = lin(%0; $w, _)" T
                                   "@b | c\n%4 = lin(%0; $v, _)" T "@d\noutput last = %4\n");
  struct tfm_error err = {0};
  ck_assert_msg(fuse_graph(graph, &pattern, 1, &err) == 0, "%s", err.message);
  name[0] = '?';
  ck_assert_uint_eq(graph->node_count, 1);
  ck_assert_str_eq(graph->node[0].op, "lin3");
  ck_assert_str_eq(graph->node[0].tap[0], "lin3");
  ck_assert_str_eq(graph->node[0].name, "a");
  ck_assert_uint_eq(graph->node[0].op_version, 2);
  ck_assert_int_eq(graph_find_value(graph, "c"), 3);
  graph_destroy(graph);
}
END_TEST

/* The same name twice is the same value; what a later term reads must be there where the
 * first one stands. */
START_TEST(names) {
  static const struct fuse_slot own[] = {SLOT(0), PART(1)}, more[] = {PART(0), SLOT(2)};
  static const struct fuse_name three[] = {{"x", false}, {"y", false}, {"z", false}};
  static const struct fuse_part own_parts[] = {ADD(own), LIN(w_b, false)};
  static const struct fuse_part sums[] = {ADD(ab), ADD(more)};
  const struct fuse_pattern both[] = {{.op = "own",
                                       .version = 1,
                                       .input_count = 1,
                                       .input = three,
                                       .weight_count = 2,
                                       .weight = slots,
                                       .output_count = 1,
                                       .part_count = 2,
                                       .part = own_parts},
                                      {.op = "sums",
                                       .version = 1,
                                       .input_count = 3,
                                       .input = three,
                                       .output_count = 2,
                                       .part_count = 2,
                                       .part = sums}};
  static const char *const graphs[][2] = {
      {"%2 = lin(%0; $v, _)" T "@a\n%3 = add(%0, %2)" T "@b\n", "own"},
      {"%2 = lin(%0; $v, _)" T "@a\n%3 = add(%1, %2)" T "@b\n", "lin"},
      {"%2 = add(%0, %1)" T "@a\n%3 = add(%2, %1)" T "@b\n", "sums"},
      {"%4 = lin(%0; $v, _)" T "@c\n%2 = add(%0, %1)" T "@a\n%3 = add(%2, %4)" T "@b\n", "lin"},
      {"%2 = add(%0, %1)" T "@a\n%4 = lin(%0; $v, _)" T "@c\n%3 = add(%2, %4)" T "@b\n", "add"},
  };
  static const uint32_t nodes[] = {1, 2, 1, 2, 3};
  for (size_t i = 0; i < COUNT(graphs); i++) {
    struct buffer text;
    struct tfm_error err = {0};
    buffer_init(&text);
    buffer_puts(&text, HEAD);
    buffer_printf(&text, "%soutput last = %%3\n", graphs[i][0]);
    struct graph *graph = parse(buffer_text(&text));
    ck_assert(fuse_graph(graph, both, 2, &err) == 0 && graph_verify(graph, &err) == 0);
    ck_assert_uint_eq(graph->node_count, nodes[i]);
    ck_assert_str_eq(graph->node[0].op, graphs[i][1]);
    graph_destroy(graph), buffer_finish(&text);
  }
}
END_TEST

static uint32_t seed = 1;
static uint32_t dice(uint32_t sides) {
  seed = seed * 1664525u + 1013904223u;
  return (seed >> 10) % sides;
}

static void random_graph(struct buffer *text) {
  static const char *const weight[] = {"$v", "$w"};
  uint32_t layer = 0;
  buffer_puts(text, HEAD);
  for (uint32_t n = 2; n < 60; n++) {
    uint32_t near = n > 8 && dice(3) > 0 ? n - 4 : 0, a = near + dice(n - near), b = dice(n);
    uint32_t op = dice(5);
    if (n == 30)
      buffer_puts(text, "decode\n");
    if (op < 2)
      buffer_printf(text, "%%%u = lin(%%%u; %s, %s)", n, dice(2) ? a : a / 4, weight[dice(2)],
                    dice(3) == 0 ? "_" : "$v");
    else if (op < 4)
      buffer_printf(text, "%%%u = add(%%%u, %%%u)", n, dice(2) ? n - 1 : a, b);
    else
      buffer_printf(text, "%%%u = norm(%%%u; %s; eps: %u)", n, n - 1, dice(5) ? "$w" : "_",
                    dice(9));
    layer += dice(12) == 0;
    buffer_printf(text, " : f32[4] @n%u%s layer %u\n", n, dice(15) == 0 ? " !" : "", layer);
  }
  buffer_puts(text, "output last = %59\noutput other = %20\n");
}

START_TEST(same_values) {
  uint32_t fewer = 0;
  for (int round = 0; round < 300; round++) {
    uint64_t before[MOST], after[MOST];
    struct buffer text;
    buffer_init(&text);
    random_graph(&text);
    struct graph *plain = parse(buffer_text(&text)), *graph = fused(buffer_text(&text));
    run(plain, before), run(graph, after);
    for (uint32_t v = 0; v < graph->value_count; v++) {
      int32_t same = graph_find_value(plain, graph->value[v].name);
      ck_assert_msg(after[v] == before[same], "%s of\n%s", graph->value[v].name,
                    buffer_text(&text));
    }
    for (uint32_t v = 0; v < plain->value_count; v++)
      if (plain->value[v].dump)
        ck_assert_int_ne(graph_find_value(graph, plain->value[v].name), GRAPH_NONE);
    ck_assert_uint_eq(graph->output_count, 2);
    fewer += plain->node_count - graph->node_count;
    graph_destroy(plain), graph_destroy(graph), buffer_finish(&text);
  }
  ck_assert_uint_gt(fewer, 1000); /* nodes: something was fused */
}
END_TEST

UNIT_MAIN("fuse", cases, ownership, names, same_values)
