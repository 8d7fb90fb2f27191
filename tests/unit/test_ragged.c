/* Which values lie end to end, which are apart, and what that makes of a node; then batches of
 * rows of unequal length through kernels that know nothing of rows. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* nftw, mkdtemp */
#endif
#include "runtime/ragged.h"
#include "runtime/session.h"
#include "tests/unit/runtime_ops.h"
#include "tests/unit/steps.h"

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
  int64_t shape[TFM_MAX_RANK];
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

/* ------------------------------------- kernels of a third party, one row a call */

/* Each sees its row alone: one row, aligned, of as many tokens as its inputs agree on. */
static bool alone(const tfm_tensor *x) {
  return x->shape[0] == 1 && x->begin == NULL && (uintptr_t)x->data % 64 == 0 && x->shape[1] > 0;
}

/* y[t] = sum of x up to t; a tap of x[s] + 1 for each s <= t */
static tfm_status run_sums(const tfm_host *host, const void *instance, const tfm_run *run) {
  (void)instance;
  const float *x = run->input[0]->data;
  float *y = run->output[0]->data, sum = 0;
  int64_t tokens = run->input[0]->shape[1], shape[] = {1, tokens, tokens};
  float *pairs = host->tap(host, run, 0, 3, shape);
  if (!alone(run->input[0]) || !alone(run->output[0]) || run->rows->count != 1 || !pairs)
    return host->fail(host, "sums is not alone");
  for (int64_t t = 0; t < tokens; t++) {
    y[t] = sum += x[t];
    for (int64_t s = 0; s < tokens; s++)
      pairs[t * tokens + s] = s <= t ? x[s] + 1 : 0;
  }
  return TFM_OK;
}

/* The first and the last token, in f32[B] and f32[B, 1, 2]. */
static tfm_status run_ends(const tfm_host *host, const void *instance, const tfm_run *run) {
  (void)instance;
  const float *x = run->input[0]->data;
  float *both = run->output[1]->data;
  int64_t tokens = run->input[0]->shape[1];
  if (!alone(run->input[0]) || (uintptr_t)run->output[0]->data % 64 != 0)
    return host->fail(host, "ends is not alone");
  *(float *)run->output[0]->data = both[0] = x[0];
  both[1] = x[tokens - 1];
  return TFM_OK;
}

/* A mask that points to its own second output: two keys of three, turned by the query. */
static tfm_status run_own(const tfm_host *host, const void *instance, const tfm_run *run) {
  (void)instance;
  const tfm_tensor *real = run->input[1];
  int64_t tokens = run->input[0]->shape[1], keys = real->shape[1];
  unsigned char *allowed = run->output[1]->data;
  tfm_mask *mask = run->output[0]->data;
  if (!alone(run->input[0]) || !alone(real) || run->output[1]->shape[2] != keys)
    return host->fail(host, "own is not alone");
  for (int64_t t = 0; t < tokens; t++)
    for (int64_t s = 0; s < keys; s++)
      allowed[t * keys + s] = ((const unsigned char *)real->data)[s] && (s + keys - t) % 3 != 0;
  *mask = (tfm_mask){.count = 1};
  mask->term[0] = (tfm_mask_term){.kind = TFM_MASK_DENSE, .tensor = run->output[1]};
  return TFM_OK;
}

/* y[t] = sum of what the cache holds and the mask allows */
static tfm_status run_pick(const tfm_host *host, const void *instance, const tfm_run *run) {
  (void)instance;
  const tfm_tensor *x = run->input[0],
                   *to = ((const tfm_mask *)run->input[1]->data)->term[0].tensor;
  const tfm_kv *kv = run->input[2]->data;
  int64_t tokens = x->shape[1], keys = kv->past[0] + tokens;
  if (!alone(x) || kv->rows != 1 || kv->fresh[0] != tokens || to->shape[0] != 1 ||
      to->shape[1] != tokens || to->shape[2] != keys || run->workspace_size != (size_t)tokens)
    return host->fail(host, "pick is not alone");
  for (int64_t t = 0; t < tokens; t++)
    *(float *)tfm_kv_key(kv, 0, kv->past[0] + t) = ((const float *)x->data)[t];
  for (int64_t t = 0; t < tokens; t++) {
    float sum = 0;
    for (int64_t s = 0; s < keys; s++)
      if (((const unsigned char *)to->data)[t * keys + s])
        sum += *(const float *)tfm_kv_key(kv, 0, s);
    ((float *)run->output[0]->data)[t] = sum;
  }
  return TFM_OK;
}

static tfm_status size_pick(const tfm_host *host, const void *instance, const tfm_run *run,
                            size_t *bytes) {
  (void)host;
  (void)instance;
  *bytes = (size_t)run->input[0]->shape[1];
  return TFM_OK;
}

TEST_OP(op_sums, "op sums(x: [B, T, 1]) -> [B, T, 1] taps pairs", 0);
TEST_OP(op_ends, "op ends(x: [B, T, 1]) -> a: [B], b: [B, 1, 2]", 0);
TEST_OP(op_own, "op own(x: [B, T, 1], real: bool[B, S]) -> m: mask, to: bool[B, T, S]", 0);
TEST_OP(op_pick, "op pick(x: [B, T, 1], m: mask, cache: kv[1]) -> [B, T, 1]", 0);
TEST_KERNEL(k_sums, "sums", "reference", REF, V1, .run = run_sums);
TEST_KERNEL(k_ends, "ends", "reference", REF, V1, .run = run_ends);
TEST_KERNEL(k_own, "own", "reference", REF, V1, .run = run_own);
TEST_KERNEL(k_pick, "pick", "reference", REF, V1, .run = run_pick, .workspace = size_pick);
static const tfm_op_desc *const more_ops[] = {&op_sums, &op_ends, &op_own, &op_pick};
static const tfm_kernel_desc *const more_kernels[] = {&k_sums, &k_ends, &k_own, &k_pick};
static const tfm_plugin_desc more = {.struct_size = sizeof(tfm_plugin_desc),
                                     .name = "more",
                                     .version = "1",
                                     .schema_major = 1,
                                     .core = 1,
                                     .op_count = 4,
                                     .kernel_count = 4,
                                     .op = more_ops,
                                     .kernel = more_kernels};

static const char mixing[] =
    "graph t\ndim B\ndim T <= 40\ndim S <= 40\nentry decode step\ndecode\n"
    "input %0 ids = tokens.ids : i32[B,T] @ids\n"
    "input %1 real = tokens.mask : bool[B,S] @real\n"
    "state %2 past[0] : kv[1] @past[0]\n"
    "%3 = lift(%0) : f32[B,T,1] @x taps(twice!, thrice)\n"
    "%4 = sums(%3) : f32[B,T,1] @c mixes taps(pairs!)\n"
    "%5, %6 = ends(%4) : f32[B] @first, f32[B,1,2] @both mixes\n"
    "%7, %8 = own(%3, %1) : mask @m, bool[B,T,S] @to ! mixes\n"
    "%9 = pick(%3, %7, %2) : f32[B,T,1] @y mixes\n"
    "output x = %3\noutput c = %4\noutput first = %5\noutput both = %6\noutput y = %9\n";

struct bench {
  struct graph *graph;
  struct registry *registry;
  struct binding *binding;
  struct program *program;
};

static struct bench open_bench(void) {
  struct bench b = {.graph = test_graph(mixing), .registry = test_registry()};
  CHECK_OK(registry_add(b.registry, "more.so", &more, err));
  CHECK_OK(binding_create(b.graph, NULL, NULL, &b.binding, err));
  CHECK_OK(program_create(b.graph, b.registry, b.binding, NULL, NULL, &b.program, NULL, err));
  return b;
}

static void close_bench(struct bench *b) {
  program_destroy(b->program);
  binding_destroy(b->binding);
  registry_close(b->registry);
  graph_destroy(b->graph);
}

enum { ROWS = 5, SHOWN = 16, CELLS = 4096 };

/* What a session showed in a step: outputs, taps and dumps, as floats. */
struct seen {
  uint32_t count;
  struct {
    int64_t shape[4];
    uint32_t rank;
    float cell[CELLS];
  } item[SHOWN];
};

static void see(struct seen *seen, const tfm_tensor *t) {
  int64_t n = test_count(t);
  ck_assert_int_lt(seen->count, SHOWN);
  ck_assert_int_le(n, CELLS);
  memcpy(seen->item[seen->count].shape, t->shape, sizeof seen->item->shape);
  seen->item[seen->count].rank = t->rank;
  for (int64_t i = 0; i < n; i++)
    seen->item[seen->count].cell[i] = t->dtype == TFM_F32
                                          ? ((const float *)t->data)[i]
                                          : (float)((const unsigned char *)t->data)[i];
  seen->count++;
}

static int watch(void *arg, int32_t value, int32_t node, int32_t tap, const tfm_tensor *tensor,
                 struct tfm_error *err) {
  (void)value;
  (void)node;
  (void)tap;
  (void)err;
  see(arg, tensor);
  return 0;
}

static void step(struct steps *steps, uint32_t rows, const uint32_t *count,
                 const int32_t *const *ids, struct seen *seen) {
  static const char *const outputs[] = {"x", "c", "first", "both", "y"};
  seen->count = 0;
  session_set_watch(steps->session, watch, seen);
  CHECK_OK(steps_run(steps, rows, count, ids, err));
  for (size_t i = 0; i < sizeof outputs / sizeof *outputs; i++)
    see(seen, session_output(steps->session, outputs[i]));
}

/* Row b of the batch is what the row showed alone, and zero behind it. */
static void check_row(const struct seen *all, const struct seen *one, uint32_t b) {
  ck_assert_uint_eq(all->count, one->count);
  for (uint32_t i = 0; i < all->count; i++) {
    const int64_t *shape = all->item[i].shape, *own = one->item[i].shape;
    int64_t cells = 1;
    for (uint32_t d = 1; d < all->item[i].rank; d++)
      cells *= shape[d];
    for (int64_t c = 0; c < cells; c++) {
      int64_t left = c, at = 0, stride = 1;
      bool inside = true;
      for (uint32_t d = all->item[i].rank; d-- > 1; left /= shape[d]) {
        inside = inside && left % shape[d] < own[d];
        at += left % shape[d] * stride;
        stride *= own[d];
      }
      float got = all->item[i].cell[b * cells + c], want = inside ? one->item[i].cell[at] : 0;
      ck_assert_msg(got == want, "shown %u, row %u, cell %lld: %g, not %g", i, b, (long long)c,
                    (double)got, (double)want);
    }
  }
}

/* A row that rests shows zeros, and not what was there in the step before. */
static void check_rest(const struct seen *all, uint32_t b) {
  for (uint32_t i = 0; i < all->count; i++) {
    int64_t cells = 1;
    for (uint32_t d = 1; d < all->item[i].rank; d++)
      cells *= all->item[i].shape[d];
    for (int64_t c = 0; c < cells; c++)
      ck_assert_msg(all->item[i].cell[b * cells + c] == 0, "shown %u, row %u, which rests", i, b);
  }
}

START_TEST(test_one_by_one) {
  struct bench bench = open_bench();
  static struct steps all, one[ROWS];
  static struct seen together, single;
  int32_t ids[ROWS][40];
  uint64_t state = 7;
  CHECK_OK(session_create(bench.program, NULL, &all.session, err));
  for (int b = 0; b < ROWS; b++)
    CHECK_OK(session_create(bench.program, NULL, &one[b].session, err));
  for (int round = 0; round < 12; round++) {
    const int32_t *row[ROWS];
    uint32_t count[ROWS], most = 0;
    for (int b = 0; b < ROWS; b++) {
      state = state * UINT64_C(6364136223846793005) + 1442695040888963407u;
      count[b] = (uint32_t)(state >> 33) % 4; /* 0: the row rests */
      most += count[b];
      row[b] = ids[b];
      for (int t = 0; t < 40; t++)
        ids[b][t] = 1 + (round * 7 + b * 31 + t * 3) % 50;
    }
    if (most == 0)
      continue;
    step(&all, ROWS, count, row, &together);
    for (uint32_t b = 0; b < ROWS; b++) {
      if (count[b] == 0) {
        check_rest(&together, b);
        continue;
      }
      step(&one[b], 1, &count[b], &row[b], &single);
      check_row(&together, &single, b);
    }
  }
  steps_reset(&all);
  session_destroy(all.session);
  for (int b = 0; b < ROWS; b++) {
    steps_reset(&one[b]);
    session_destroy(one[b].session);
  }
  close_bench(&bench);
}
END_TEST

UNIT_MAIN("ragged", test_kinds, test_sizes, test_no_rows, test_one_by_one)
