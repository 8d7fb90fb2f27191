/* A graph built by hand, a line at a time, is the graph that is meant; what a
 * build refuses, and what it leaves alone. */
#include "base/buffer.h"
#include "graph/build.h"
#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>

static const struct type ids_type = {
    .dtype = DTYPE_I32, .rank = 1, .shape = {{1, {{1, {1}}}}}}; /* i32[T] */
static const struct type row_type = {
    .dtype = DTYPE_F32, .rank = 2, .shape = {{1, {{1, {1}}}}, {1, {{4, {0}}}}}}; /* f32[T,4] */
static const struct type past_type = {
    .dtype = DTYPE_KV, .rank = 2, .shape = {{1, {{8, {0}}}}, {1, {{8, {0}}}}}}; /* kv[8] */

static struct graph *create(struct tfm_error *err) {
  struct graph *graph = graph_create(err);
  ck_assert_ptr_nonnull(graph);
  graph->model = "by hand";
  return graph;
}

static int32_t value(struct build *build, const char *name, const struct type *type) {
  const char *alias[] = {"other"};
  struct graph_value line = {.name = name,
                             .type = *type,
                             .alias = alias,
                             .alias_count = strcmp(name, "mixed") == 0,
                             .node = 77, /* not the caller's to say */
                             .output = 7,
                             .span = SPAN_NONE};
  int32_t index = build_value(build, &line);
  alias[0] = "a list that has gone";
  return index;
}

/* Lists are of this function alone: the build must have copied them. */
static int32_t node(struct build *build, const char *op, int32_t in, int32_t second, int32_t weight,
                    int32_t out) {
  int32_t input[] = {in, second}, weights[] = {weight}, output[] = {out};
  const char *tap[] = {"probs"};
  char said[] = "x", called[] = "list";
  tfm_attr item = {.name = "", .kind = TFM_ATTR_STR, .text = said};
  const tfm_attr *items[] = {&item};
  tfm_attr attr = {.name = called, .kind = TFM_ATTR_LIST, .count = 1, .item = items};
  const tfm_attr *attrs[] = {&attr};
  struct graph_node line = {.op = op,
                            .op_version = 1,
                            .input = input,
                            .input_count = second == GRAPH_NONE ? 1 : 2,
                            .weight = weights,
                            .weight_count = weight == GRAPH_NONE ? 0 : 1,
                            .attr = build_attrs(build, attrs, 1),
                            .attr_count = 1,
                            .output = output,
                            .output_count = 1,
                            .tap = tap,
                            .tap_count = 1,
                            .layer = GRAPH_NONE,
                            .span = SPAN_NONE};
  int32_t index = build_node(build, &line);
  memset(input, 0x55, sizeof input);
  memset(weights, 0x55, sizeof weights);
  memset(output, 0x55, sizeof output);
  tap[0] = "a list that has gone";
  item.text = "a list that has gone";
  said[0] = called[0] = '?';
  items[0] = attrs[0] = NULL;
  return index;
}

static void build_whole(struct build *build) {
  char name[] = "step";
  const int32_t first[] = {0};
  ck_assert_int_eq(build_dim(build, "T", 64), 0);
  ck_assert_int_eq(build_entry(build, build_text(build, name), GRAPH_STEP), 0);
  name[0] = '?';
  ck_assert_int_eq(value(build, "ids", &ids_type), 0);
  struct graph_input input = {.name = "ids", .source = "tokens.ids", .when = GRAPH_STEP};
  ck_assert_int_eq(build_input(build, &input), 0);
  ck_assert_int_eq(build_state(build, "past", value(build, "past", &past_type)), 0);
  struct graph_weight weight = {
      .name = "w", .tensor = "a.w", .dtype = DTYPE_F32, .rank = 2, .shape = {9, 4}, .used = true};
  ck_assert_int_eq(build_weight(build, &weight), 0);
  struct graph_weight flat = {.kind = GRAPH_WEIGHT_RESHAPE,
                              .name = "flat",
                              .operand = first,
                              .operand_count = 1,
                              .dtype = DTYPE_F32,
                              .rank = 1,
                              .shape = {36}};
  ck_assert_int_eq(build_weight(build, &flat), 1);
  ck_assert_int_eq(node(build, "embed", 0, GRAPH_NONE, 0, value(build, "row", &row_type)), 0);
  ck_assert_int_eq(node(build, "mix", 2, 1, GRAPH_NONE, value(build, "mixed", &row_type)), 1);
  ck_assert_int_eq(build_output(build, "vector", 3), 0);
}

START_TEST(by_hand) {
  struct tfm_error err = {0};
  struct graph *graph = create(&err);
  struct build build;
  struct buffer out;
  build_open(&build, graph, &err);
  build_whole(&build);
  ck_assert_uint_eq(graph->value_count, 0); /* nothing is the graph's yet */
  ck_assert_msg(build_finish(&build) == 0, "%s", err.message);
  ck_assert_msg(graph_verify(graph, &err) == 0, "%s", err.message);
  ck_assert_uint_eq(graph->entry[0].end, 2);
  ck_assert_uint_eq(graph->entry[0].output_count, 1);
  buffer_init(&out);
  graph_print(graph, &out);
  ck_assert_str_eq(buffer_text(&out),
                   "graph \"by hand\"\n"
                   "dim T <= 64\n"
                   "entry step step\n"
                   "step\n"
                   "input %0 ids = tokens.ids : i32[T] @ids\n"
                   "state %1 past : kv[8] @past\n"
                   "weight $w : f32[9,4] = \"a.w\"\n"
                   "weight $flat : f32[36] = reshape($w; 0, 0, 0) unused\n"
                   "%2 = embed(%0; $w; list: [\"x\"]) : f32[T,4] @row taps(probs)\n"
                   "%3 = mix(%2, %1;; list: [\"x\"]) : f32[T,4] @mixed | other taps(probs)\n"
                   "output vector = %3\n");
  buffer_finish(&out);
  graph_destroy(graph);
}
END_TEST

/* What is expected is no bound, and need not come. */
START_TEST(expected) {
  for (uint32_t lines = 0; lines <= 8; lines++) {
    struct tfm_error err = {0};
    struct graph *graph = create(&err);
    struct build build;
    build_open(&build, graph, &err);
    ck_assert(build_expect(&build, lines, lines));
    build_whole(&build);
    ck_assert_msg(build_finish(&build) == 0, "%s", err.message);
    ck_assert_msg(graph_verify(graph, &err) == 0, "%s", err.message);
    ck_assert_uint_eq(graph->node_count, 2);
    ck_assert_str_eq(graph->value[3].name, "mixed");
    graph_destroy(graph);
  }
}
END_TEST

/* Tables that are larger than their first room keep what was in them. */
START_TEST(growing) {
  struct tfm_error err = {0};
  struct graph *graph = create(&err);
  struct build build;
  char name[16];
  build_open(&build, graph, &err);
  build_whole(&build);
  for (int32_t i = 4; i < 1000; i++) {
    snprintf(name, sizeof name, "v%d", i);
    ck_assert_int_eq(value(&build, build_text(&build, name), &row_type), i);
    ck_assert_int_eq(node(&build, "embed", i - 1, GRAPH_NONE, GRAPH_NONE, i), i - 2);
  }
  ck_assert_msg(build_finish(&build) == 0, "%s", err.message);
  ck_assert_msg(graph_verify(graph, &err) == 0, "%s", err.message);
  ck_assert_uint_eq(graph->node_count, 998);
  ck_assert_str_eq(graph->node[2].name, "v4");
  ck_assert_str_eq(graph->value[999].name, "v999");
  graph_destroy(graph);
}
END_TEST

static int32_t refuse_dims(struct build *build) {
  int32_t index = 0;
  for (int i = 1; i <= DIM_VARIABLES; i++)
    index = build_dim(build, "D", 0);
  return index;
}

static int32_t refuse_input(struct build *build) {
  return build_input(build, &(struct graph_input){.name = "far", .source = "feed", .value = 4});
}

static int32_t refuse_state(struct build *build) {
  return build_state(build, "far", GRAPH_NONE);
}

static int32_t refuse_output_of_node(struct build *build) {
  return node(build, "far", 0, GRAPH_NONE, GRAPH_NONE, 4);
}

static int32_t refuse_two_makers(struct build *build) {
  return node(build, "again", 0, GRAPH_NONE, GRAPH_NONE, 2);
}

START_TEST(refusals) {
  static const struct {
    int32_t (*refused)(struct build *build);
    const char *says;
  } cases[] = {
      {refuse_dims, "more than 8 run-time dimensions"},
      {refuse_input, "`far` has a value that does not exist"},
      {refuse_state, "`far` has a value that does not exist"},
      {refuse_output_of_node, "`far` has a value that does not exist"},
      {refuse_two_makers, "value `row` comes from two places"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    struct tfm_error err = {0};
    struct graph *graph = create(&err);
    struct build build;
    build_open(&build, graph, &err);
    build_whole(&build);
    ck_assert_int_eq(cases[i].refused(&build), GRAPH_NONE);
    ck_assert_msg(strstr(err.message, cases[i].says) != NULL, "%s", err.message);
    ck_assert_int_eq(err.code, TFM_ERROR_MODEL);
    build_drop(&build);
    ck_assert_uint_eq(graph->node_count, 0);
    graph_destroy(graph);
  }
}
END_TEST

/* Values until the bound that the graph's memory has; the tables count. */
START_TEST(memory_is_bounded) {
  struct tfm_error err = {0};
  struct graph *graph = create(&err);
  struct build build;
  graph->arena.limit = 1 << 20;
  build_open(&build, graph, &err);
  int32_t added = 0;
  while (value(&build, "v", &row_type) != GRAPH_NONE && added < 1 << 20)
    added++;
  ck_assert_int_gt(added, 100);
  ck_assert_int_lt(added, 1 << 20);
  ck_assert_int_eq(err.code, TFM_ERROR_LIMIT);
  ck_assert(build.scratch.over);
  build_drop(&build);
  graph_destroy(graph);
}
END_TEST

/* The tables fit, but not as the graph's own. */
START_TEST(finish_without_memory) {
  struct tfm_error err = {0};
  struct graph *graph = create(&err);
  struct build build;
  build_open(&build, graph, &err);
  build_whole(&build);
  graph->arena.limit = graph->arena.used + 100;
  ck_assert_int_eq(build_finish(&build), -1);
  ck_assert_int_eq(err.code, TFM_ERROR_LIMIT);
  ck_assert_uint_eq(graph->value_count, 0);
  graph_destroy(graph);
}
END_TEST

UNIT_MAIN("build", by_hand, expected, growing, refusals, memory_is_bounded, finish_without_memory)
