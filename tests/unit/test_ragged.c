/* Which values lie end to end, which are apart, and what that makes of a node; then batches of
 * rows of unequal length through kernels that know nothing of rows. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* nftw, mkdtemp */
#endif
#include "runtime/ragged.h"
#include "runtime/session.h"
#include "tests/unit/runtime_ops.h"

#define HEAD "graph t\ndim B\ndim T\ndim S\ndim M\nentry decode step\ndecode\n"

static const char kinds[] = HEAD "input %0 ids = tokens.ids : i32[B,T] @ids\n"
                                 "input %1 real = tokens.mask : bool[B,S] @real\n"
                                 "input %2 last = tokens.last : i32[B] @last\n"
                                 "input %3 a = feed : f32[B,T,4] @a\n"
                                 "input %4 b = feed : f32[T,4] @b\n"
                                 "input %5 c = feed : f32[B,4,T] @c\n"
                                 "input %6 d = feed : f32[B,T,S] @d\n"
                                 "input %7 e = feed : f32[M,4] @e\n"
                                 "input %8 f = feed : f32[B,M] @f\n"
                                 "input %9 g = feed : f32[B,2*T] @g\n"
                                 "input %10 h = feed : f32[3,4] @h\n"
                                 "%11 = padding(%1) : mask @m holds\n"
                                 "%12 = add(%3, %3) : f32[B,T,4] @x\n"
                                 "%13 = add(%3, %3) : f32[B,T,4] @y mixes\n"
                                 "%14 = add(%6, %6) : f32[B,T,S] @z\n"
                                 "%15 = shift(%8) : f32[B,M] @w mixes\n"
                                 "output x = %12\noutput y = %13\noutput z = %14\noutput w = %15\n";

static struct ragged *classify(struct graph *graph, const bool *knows, struct arena *arena) {
  struct ragged *ragged;
  arena_init(arena, 0);
  CHECK_OK(ragged_create(graph, knows, arena, &ragged, err));
  return ragged;
}

START_TEST(test_kinds) {
  static const enum ragged_kind wanted[] = {
      RAGGED_TOKENS, RAGGED_TOKENS, RAGGED_ROWS,  RAGGED_TOKENS, RAGGED_APART,  RAGGED_APART,
      RAGGED_APART,  RAGGED_SHARED, RAGGED_ROWS,  RAGGED_APART,  RAGGED_SHARED, RAGGED_APART,
      RAGGED_TOKENS, RAGGED_TOKENS, RAGGED_APART, RAGGED_ROWS};
  static const bool apart[] = {true, false, true, true, false}, none[5] = {false};
  struct graph *graph = test_graph(kinds);
  struct arena arena;
  struct ragged *ragged = classify(graph, none, &arena);
  ck_assert_int_eq(ragged->batch, 0);
  ck_assert_uint_eq(ragged->differ, 6); /* T and S */
  for (size_t v = 0; v < sizeof wanted / sizeof *wanted; v++)
    ck_assert_msg(ragged->value[v].kind == wanted[v], "value %zu: %d", v,
                  (int)ragged->value[v].kind);
  for (size_t n = 0; n < 5; n++)
    ck_assert_msg(ragged->node[n].apart == apart[n], "node %zu", n);
  struct buffer out;
  buffer_init(&out);
  ragged_explain(ragged, 1, &out);
  ck_assert_str_eq(buffer_text(&out), "");
  ragged_explain(ragged, 3, &out);
  ck_assert_str_eq(buffer_text(&out), "; a row at a time: `d` is [B, T, S]");
  ragged_explain(ragged, 2, &out);
  ck_assert_ptr_nonnull(strstr(out.data, "the kernel does not know rows"));
  buffer_finish(&out);
  arena_finish(&arena);

  ragged = classify(graph, NULL, &arena); /* all know rows: only d's type is left */
  ck_assert(!ragged->node[0].apart && !ragged->node[2].apart && ragged->node[3].apart);
  ck_assert_int_eq(ragged->value[11].kind, RAGGED_SHARED);
  arena_finish(&arena);
  graph_destroy(graph);
}
END_TEST

START_TEST(test_sizes) {
  static const int64_t tokens[] = {0, 5, 5, 7}, keys[] = {0, 6, 9, 12};
  struct ragged_batch batch = {.variable = {3, 5, 6, 2}, .begin = {NULL, tokens, keys}};
  struct graph *graph = test_graph(kinds);
  struct arena arena;
  struct ragged *ragged = classify(graph, NULL, &arena);
  int64_t shape[GRAPH_MAX_RANK];
  size_t size, offset[4];
  ck_assert_uint_eq(ragged_rows(ragged, &batch), 3);
  ck_assert(ragged_stored(ragged, 3, &batch, shape));
  ck_assert_mem_eq(shape, ((int64_t[]){1, 7, 4}), 24);
  ck_assert(ragged_stored(ragged, 1, &batch, shape));
  ck_assert_mem_eq(shape, ((int64_t[]){1, 12}), 16);
  ck_assert(ragged_rectangle(ragged, 3, &batch, shape));
  ck_assert_mem_eq(shape, ((int64_t[]){3, 5, 4}), 24);
  ck_assert(ragged_row(ragged, 6, &batch, 2, shape));
  ck_assert_mem_eq(shape, ((int64_t[]){1, 2, 3}), 24);
  ck_assert(ragged_size(ragged, 0, &batch, NULL, &size));
  ck_assert_uint_eq(size, 28);
  ck_assert(ragged_size(ragged, 6, &batch, offset, &size)); /* 30, 0 and 6 floats */
  ck_assert_uint_eq(size, 192);
  ck_assert_mem_eq(offset, ((size_t[]){0, 128, 128, 192}), sizeof offset);
  batch.variable[2] = -1;
  batch.begin[2] = NULL;
  ck_assert(!ragged_size(ragged, 6, &batch, offset, &size));
  arena_finish(&arena);
  graph_destroy(graph);
}
END_TEST

/* No input says which dims are the rows: nothing is taken apart. */
START_TEST(test_no_rows) {
  struct graph *graph = test_graph("graph t\ndim B\ndim T\nentry decode step\ndecode\n"
                                   "input %0 x = feed : f32[B,T] @x\n"
                                   "%1 = shift(%0) : f32[B,T] @y mixes\noutput y = %1\n");
  static const bool none[1] = {false};
  struct arena arena;
  struct ragged *ragged = classify(graph, none, &arena);
  ck_assert_int_eq(ragged->value[1].kind, RAGGED_SHARED);
  ck_assert(!ragged->node[0].apart);
  arena_finish(&arena);
  graph_destroy(graph);
}
END_TEST

UNIT_MAIN("ragged", test_kinds, test_sizes, test_no_rows)
