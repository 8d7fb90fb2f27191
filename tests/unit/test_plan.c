/* Lifetimes, sharing, in place, and that a layout never lets two lives meet. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* nftw, mkdtemp */
#endif
#include "runtime/plan.h"
#include "tests/unit/runtime.h"

static int32_t find(const struct graph *graph, const char *name) {
  int32_t v = graph_find_value(graph, name);
  ck_assert_int_ne(v, GRAPH_NONE);
  return v;
}

/* x -> a -> b -> c, and c + a -> d; the life of a is the longest. */
static const char chain[] = "graph t\n"
                            "dim B\n"
                            "dim T <= 16\n"
                            "entry decode step\n"
                            "decode\n"
                            "input %0 x = feed : f32[B,T,4] @x\n"
                            "%1 = shift(%0) : f32[B,T,4] @a\n"
                            "%2 = shift(%1) : f32[B,T,4] @b\n"
                            "%3 = shift(%2) : f32[B,T,4] @c\n"
                            "%4 = add(%3, %1) : f32[B,T,4] @d\n"
                            "%5 = shift(%4) : f32[B,T,4] @e\n"
                            "output y = %5\n";

static struct plan *make(const struct graph *graph, bool inplace) {
  bool all[64];
  struct plan *plan;
  for (int i = 0; i < 64; i++)
    all[i] = inplace;
  CHECK_OK(plan_create(graph, NULL, all, &plan, err));
  return plan;
}

/* No two roots of an entry that live at once share a byte. */
static void check_apart(const struct plan *plan, uint32_t entry) {
  const struct plan_entry *list = &plan->entry[entry];
  for (uint32_t v = 0; v < plan->graph->value_count; v++) {
    const struct plan_value *value = &plan->value[v], *root = &plan->value[value->root];
    ck_assert(root->root == value->root && root->first <= value->first &&
              root->last >= value->last);
  }
  for (uint32_t i = 0; i < list->root_count; i++) {
    const struct plan_value *a = &plan->value[list->root[i]];
    ck_assert_uint_eq(a->offset % PLAN_ALIGNMENT, 0);
    ck_assert_uint_le(a->offset + a->size, list->peak);
    for (uint32_t j = 0; j < i; j++) {
      const struct plan_value *b = &plan->value[list->root[j]];
      bool meet = a->first <= b->last && b->first <= a->last;
      bool overlap = a->offset < b->offset + b->size && b->offset < a->offset + a->size;
      ck_assert_msg(!meet || !overlap || !a->size || !b->size, "values %d and %d overlap",
                    list->root[i], list->root[j]);
    }
  }
}

START_TEST(test_lifetimes) {
  struct graph *graph = test_graph(chain);
  struct plan *plan = make(graph, false);
  struct ragged_batch batch = {.variable = {2, 8}};
  bool moved;
  ck_assert_int_eq(plan->value[find(graph, "x")].place, PLAN_KEPT);
  ck_assert_int_eq(plan->value[find(graph, "a")].first, 0);
  ck_assert_int_eq(plan->value[find(graph, "a")].last, 3);
  ck_assert_int_eq(plan->value[find(graph, "b")].last, 2);
  ck_assert_int_eq(plan->value[find(graph, "e")].last, 5);
  CHECK_OK(plan_layout(plan, 0, &batch, 0, &moved, err));
  ck_assert(moved);
  check_apart(plan, 0);
  ck_assert_uint_eq(plan->entry[0].peak, 3 * 2 * 8 * 4 * 4); /* a, b, c */
  plan_destroy(plan);
  graph_destroy(graph);
}
END_TEST

START_TEST(test_inplace) {
  struct graph *graph = test_graph(chain);
  struct plan *plan = make(graph, true);
  struct ragged_batch batch = {.variable = {1, 1}};
  bool moved;
  /* b may not take a, which d reads; c takes b, d takes c, e takes d. */
  int32_t b = find(graph, "b");
  ck_assert_int_eq(plan->value[find(graph, "a")].root, find(graph, "a"));
  ck_assert_int_eq(plan->value[b].root, b);
  ck_assert_int_eq(plan->value[find(graph, "c")].root, b);
  ck_assert_int_eq(plan->value[find(graph, "d")].root, b);
  ck_assert_int_eq(plan->value[find(graph, "e")].root, b);
  CHECK_OK(plan_layout(plan, 0, &batch, 0, &moved, err));
  ck_assert_uint_eq(plan->entry[0].root_count, 2);
  ck_assert_uint_eq(plan->entry[0].peak, 128);
  check_apart(plan, 0);
  plan_destroy(plan);
  graph_destroy(graph);
}
END_TEST

/* An output, a value read twice by one node, and another type stay apart. */
START_TEST(test_not_inplace) {
  struct graph *graph = test_graph("graph t\ndim B\nentry decode step\ndecode\n"
                                   "input %0 x = feed : f32[B,4] @x\n"
                                   "%1 = shift(%0) : f32[B,4] @a\n"
                                   "%2 = shift(%1) : f32[B,4] @b\n"
                                   "%3 = add(%2, %2) : f32[B,4] @c\n"
                                   "%4 = cast(%3) : i32[B,4] @d\n"
                                   "%5 = half(%4) : i32[B,2] @e\n"
                                   "output y = %1\noutput z = %5\n");
  struct plan *plan = make(graph, true);
  static const char *const own[] = {"a", "b", "c", "d", "e"};
  for (size_t i = 0; i < 5; i++)
    ck_assert_int_eq(plan->value[find(graph, own[i])].root, find(graph, own[i]));
  plan_destroy(plan);
  graph_destroy(graph);
}
END_TEST

/* A mask holds its input; what encode leaves for decode is kept, and with it
 * what it holds. */
START_TEST(test_holds) {
  struct graph *graph = test_graph("graph t\ndim B\ndim T\n"
                                   "entry encode once\nentry decode step\nencode\n"
                                   "input %0 x = feed : f32[B,T] @x\n"
                                   "decode\n"
                                   "input %1 z = feed : f32[B,T] @z\n"
                                   "encode\n"
                                   "%2 = shift(%0) : f32[B,T] @a\n"
                                   "%3 = dense(%2) : mask @m holds\n"
                                   "%4 = shift(%0) : f32[B,T] @b\n"
                                   "%5 = masked(%4, %3) : f32[B,T] @c\n"
                                   "%6 = dense(%5) : mask @n holds\n"
                                   "decode\n"
                                   "%7 = masked(%1, %6) : f32[B,T] @d\n"
                                   "output y = %7\n");
  struct plan *plan = make(graph, true);
  ck_assert_int_eq(plan->value[find(graph, "a")].last, 3);
  ck_assert_int_eq(plan->value[find(graph, "a")].place, PLAN_ARENA);
  ck_assert_int_eq(plan->value[find(graph, "m")].place, PLAN_ARENA);
  ck_assert_int_eq(plan->value[find(graph, "n")].place, PLAN_KEPT);
  ck_assert_int_eq(plan->value[find(graph, "c")].place, PLAN_KEPT);
  ck_assert_int_eq(plan->value[find(graph, "b")].root, find(graph, "b"));
  plan_destroy(plan);
  graph_destroy(graph);
}
END_TEST

/* A mask holds what it is made of even if its op does not say so: its input lives as long as
 * it, and so do the other outputs of its node, which a term may point into. */
START_TEST(test_mask_holds) {
  struct graph *graph = test_graph("graph t\ndim B\ndim T\nentry decode step\ndecode\n"
                                   "input %0 x = feed : f32[B,T] @x\n"
                                   "%1 = shift(%0) : f32[B,T] @a\n"
                                   "%2, %3 = dense(%1) : mask @m, f32[B,T] @beside\n"
                                   "%4 = shift(%0) : f32[B,T] @b\n"
                                   "%5 = masked(%4, %2) : f32[B,T] @c\n"
                                   "%6 = shift(%5) : f32[B,T] @d\n"
                                   "output y = %6\n");
  struct plan *plan = make(graph, true);
  struct ragged_batch batch = {.variable = {2, 8}};
  bool moved;
  ck_assert_int_eq(plan->value[find(graph, "m")].last, 3);
  ck_assert_int_eq(plan->value[find(graph, "a")].last, 3);
  ck_assert_int_eq(plan->value[find(graph, "beside")].last, 3);
  CHECK_OK(plan_layout(plan, 0, &batch, 0, &moved, err));
  check_apart(plan, 0);
  plan_destroy(plan);
  graph_destroy(graph);
}
END_TEST

/* What an entry leaves for any that runs later is kept; the last leaves its own in the
 * arena.  Each has its own list of roots. */
START_TEST(test_three_entries) {
  struct graph *graph = test_graph("graph t\ndim B\n"
                                   "entry see once\nentry encode once\nentry decode step\nsee\n"
                                   "input %0 x = feed : f32[B] @x\n"
                                   "%1 = shift(%0) : f32[B] @a\n"
                                   "%2 = shift(%1) : f32[B] @b\n"
                                   "encode\n"
                                   "%3 = shift(%2) : f32[B] @c\n"
                                   "%4 = shift(%3) : f32[B] @d\n"
                                   "decode\n"
                                   "%5 = add(%4, %2) : f32[B] @e\n"
                                   "%6 = add(%5, %0) : f32[B] @f\n"
                                   "output y = %6\noutput c = %3\n");
  static const char *const kept[] = {"x", "b", "c", "d"}, *const arena[] = {"a", "e", "f"};
  struct plan *plan = make(graph, false);
  for (size_t i = 0; i < sizeof kept / sizeof *kept; i++)
    ck_assert_int_eq(plan->value[find(graph, kept[i])].place, PLAN_KEPT);
  for (size_t i = 0; i < sizeof arena / sizeof *arena; i++)
    ck_assert_int_eq(plan->value[find(graph, arena[i])].place, PLAN_ARENA);
  ck_assert_uint_eq(plan->entry[0].root_count, 1);
  ck_assert_uint_eq(plan->entry[1].root_count, 0);
  ck_assert_uint_eq(plan->entry[2].root_count, 2);
  plan_destroy(plan);
  graph_destroy(graph);
}
END_TEST

START_TEST(test_relayout) {
  struct graph *graph = test_graph(chain);
  struct plan *plan = make(graph, true);
  struct ragged_batch batch = {.variable = {2, 8}};
  bool moved;
  CHECK_OK(plan_layout(plan, 0, &batch, 0, &moved, err));
  size_t peak = plan->entry[0].peak;
  batch.variable[1] = 1;
  CHECK_OK(plan_layout(plan, 0, &batch, 0, &moved, err));
  ck_assert(!moved);
  ck_assert_uint_eq(plan->entry[0].peak, peak);
  batch.variable[1] = 9;
  CHECK_OK(plan_layout(plan, 0, &batch, 0, &moved, err));
  ck_assert(moved);
  check_apart(plan, 0);
  CHECK_FAILS(plan_layout(plan, 0, &(struct ragged_batch){.variable = {99, 99}}, 1000, &moved, err),
              TFM_ERROR_LIMIT, "over the limit of 1000");
  CHECK_FAILS(
      plan_layout(plan, 0, &(struct ragged_batch){.variable = {INT64_MAX / 8, 99}}, 0, &moved, err),
      TFM_ERROR_LIMIT, "too large");
  CHECK_FAILS(plan_layout(plan, 0, &(struct ragged_batch){.variable = {1, -1}}, 0, &moved, err),
              TFM_ERROR_RUN, "dimension `T` of");
  CHECK_OK(plan_layout(plan, 0, &batch, 0, &moved, err));
  ck_assert(moved);
  plan_destroy(plan);
  graph_destroy(graph);
}
END_TEST

/* Random graphs: the invariant, and a peak not above the sum. */
START_TEST(test_random) {
  uint32_t seed = 12345;
  for (int round = 0; round < 30; round++) {
    struct buffer text;
    buffer_init(&text);
    buffer_puts(&text, "graph t\ndim B\nentry decode step\ndecode\n"
                       "input %0 x = feed : f32[B] @x\n");
    for (int i = 1; i < 60; i++) {
      seed = seed * 1664525u + 1013904223u;
      int a = (int)(seed >> 8) % i, b = (int)(seed >> 20) % i, w = 1 << (seed >> 28);
      buffer_printf(&text, "%%%d = mix(%%%d, %%%d) : f32[%s%d] @v%d\n", i, a, b,
                    seed & 16 ? "" : "B,", w, i);
    }
    buffer_puts(&text, "output y = %59\n");
    struct graph *graph = test_graph(text.data);
    struct plan *plan = make(graph, seed & 32);
    struct ragged_batch batch = {.variable = {1 + round}};
    bool moved;
    CHECK_OK(plan_layout(plan, 0, &batch, 0, &moved, err));
    check_apart(plan, 0);
    size_t sum = 0;
    for (uint32_t r = 0; r < plan->entry[0].root_count; r++)
      sum += plan->value[plan->entry[0].root[r]].size;
    ck_assert_uint_le(plan->entry[0].peak, sum);
    plan_destroy(plan);
    graph_destroy(graph);
    buffer_finish(&text);
  }
}
END_TEST

START_TEST(test_print) {
  struct graph *graph = test_graph(chain);
  struct plan *plan = make(graph, true);
  struct buffer out;
  buffer_init(&out);
  CHECK_OK(plan_print(plan, NULL, &out, err));
  ck_assert_ptr_nonnull(strstr(out.data, "# plan for B = 1, T = 16"));
  ck_assert_ptr_nonnull(strstr(out.data, "16*B*T"));
  ck_assert_ptr_nonnull(strstr(out.data, "in place of b"));
  ck_assert_ptr_nonnull(strstr(out.data, "# decode: 512 bytes of arena, 2 buffers"));
  buffer_finish(&out);
  plan_destroy(plan);
  graph_destroy(graph);
}
END_TEST

UNIT_MAIN("plan", test_lifetimes, test_inplace, test_not_inplace, test_holds, test_mask_holds,
          test_three_entries, test_relayout, test_random, test_print)
