/* Ragged batches against rows alone, the cache as it grows, feeds, and the two
 * sides of an encoder-decoder; with ops whose results can be foretold. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* nftw, mkdtemp */
#endif
#include "runtime/session.h"
#include "tests/unit/runtime_ops.h"
#include "tests/unit/steps.h"

/* y[b, t] = sum of the row's ids up to t, from the cache */
static const char decoder[] = "graph t\n"
                              "dim B\n"
                              "dim T <= 40\n"
                              "dim S <= 40\n"
                              "entry decode step\n"
                              "decode\n"
                              "input %0 ids = tokens.ids : i32[B,T] @ids\n"
                              "input %1 pos = tokens.positions : i32[B,T] @pos !\n"
                              "input %2 real = tokens.mask : bool[B,S] @real !\n"
                              "input %3 last = tokens.last : i32[B] @last !\n"
                              "state %4 past[0] : kv[1] @past[0]\n"
                              "%5 = lift(%0) : f32[B,T,1] @x taps(twice, thrice)\n"
                              "%6 = padding(%2) : mask @m holds\n"
                              "%7 = recall(%5, %6, %4) : f32[B,T,1] @y mixes\n"
                              "output y = %7\n";

struct bench {
  struct graph *graph;
  struct registry *registry;
  struct binding *binding;
  struct program *program;
  struct session *session;
  struct steps steps;
};

static struct bench open_bench(const char *text, uint64_t memory_limit) {
  struct bench b = {.graph = test_graph(text), .registry = test_registry()};
  struct session_options options = {.memory_limit = memory_limit};
  CHECK_OK(binding_create(b.graph, NULL, NULL, &b.binding, err));
  CHECK_OK(program_create(b.graph, b.registry, b.binding, NULL, NULL, &b.program, NULL, err));
  CHECK_OK(session_create(b.program, &options, &b.session, err));
  b.steps.session = b.session;
  return b;
}

static void close_bench(struct bench *b) {
  steps_reset(&b->steps);
  session_destroy(b->session);
  program_destroy(b->program);
  binding_destroy(b->binding);
  registry_close(b->registry);
  graph_destroy(b->graph);
}

/* Ids of row b are 1, 2, 3, ... times 10^b, so that a stray row shows. */
static int32_t rows_of_ids[4][64];
static const int32_t *row_pointer[4];

static const int32_t *const *ids_of(uint32_t rows, const int *begin) {
  int32_t times = 1;
  for (uint32_t b = 0; b < rows; b++, times *= 10) {
    for (int i = 0; i < 64; i++)
      rows_of_ids[b][i] = (i + 1) * times;
    row_pointer[b] = rows_of_ids[b] + begin[b];
  }
  return row_pointer;
}

/* Row b's new outputs, after it had seen begin[b] tokens. */
static void check_rows(const struct session *session, uint32_t rows, const uint32_t *count,
                       const int *begin) {
  const tfm_tensor *y = session_output(session, "y");
  ck_assert_ptr_nonnull(y);
  ck_assert_int_eq(y->shape[0], rows);
  int times = 1;
  for (uint32_t b = 0; b < rows; b++, times *= 10)
    for (uint32_t t = 0; t < count[b]; t++) {
      int n = begin[b] + (int)t + 1;
      float got = ((const float *)y->data)[(int64_t)b * y->shape[1] + t];
      ck_assert_msg(got == (float)(times * n * (n + 1) / 2), "row %u, token %u: %g", b, t,
                    (double)got);
    }
}

static void step(struct bench *bench, uint32_t rows, const uint32_t *count, int *begin) {
  CHECK_OK(steps_run(&bench->steps, rows, count, ids_of(rows, begin), err));
  check_rows(bench->session, rows, count, begin);
  for (uint32_t b = 0; b < rows; b++) {
    begin[b] += (int)count[b];
    ck_assert_int_eq(bench->steps.row[b]->length, begin[b]);
  }
}

START_TEST(test_ragged) {
  struct bench b = open_bench(decoder, 0);
  int begin[3] = {0, 0, 0};
  ck_assert(session_cached(b.session));
  ck_assert_int_eq(session_limit(b.session), 40);
  ck_assert_ptr_null(session_output(b.session, "y"));
  step(&b, 3, (uint32_t[]){3, 1, 5}, begin);
  step(&b, 3, (uint32_t[]){1, 1, 1}, begin);
  step(&b, 3, (uint32_t[]){0, 2, 1}, begin); /* row 0 rests */
  step(&b, 3, (uint32_t[]){4, 1, 0}, begin);
  for (int i = 0; i < 30; i++) /* past the first capacity */
    step(&b, 3, (uint32_t[]){1, 1, 1}, begin);
  ck_assert_uint_gt(session_state_bytes(b.session), 0);
  ck_assert_ptr_null(session_output(b.session, "nothing"));
  steps_reset(&b.steps);
  int again[2] = {0, 0};
  step(&b, 2, (uint32_t[]){2, 40}, again);
  close_bench(&b);
}
END_TEST

struct inputs {
  int32_t pos[64], last[8];
  unsigned char real[64];
  int64_t pos_width, real_width;
};

static int watch(void *arg, int32_t value, int32_t node, int32_t tap, const tfm_tensor *t,
                 struct tfm_error *err) {
  struct inputs *in = arg;
  size_t n = (size_t)test_count(t);
  (void)node;
  (void)tap;
  (void)err;
  if (value == 1) {
    memcpy(in->pos, t->data, n * 4);
    in->pos_width = t->shape[1];
  } else if (value == 2) {
    memcpy(in->real, t->data, n);
    in->real_width = t->shape[1];
  } else if (value == 3) {
    memcpy(in->last, t->data, n * 4);
  }
  return 0;
}

START_TEST(test_inputs) {
  struct bench b = open_bench(decoder, 0);
  struct inputs in = {0};
  int begin[2] = {0, 0};
  session_set_watch(b.session, watch, &in);
  step(&b, 2, (uint32_t[]){3, 1}, begin);
  ck_assert_int_eq(in.pos_width, 3);
  ck_assert_mem_eq(in.pos, ((int32_t[]){0, 1, 2, 0, 0, 0}), 24);
  ck_assert_int_eq(in.real_width, 3);
  ck_assert_mem_eq(in.real, "\1\1\1\1\0\0", 6);
  ck_assert_mem_eq(in.last, ((int32_t[]){2, 0}), 8);
  step(&b, 2, (uint32_t[]){1, 2}, begin);
  ck_assert_mem_eq(in.pos, ((int32_t[]){3, 0, 1, 2}), 16); /* 0 where a row ends */
  ck_assert_int_eq(in.real_width, 4);
  ck_assert_mem_eq(in.real, "\1\1\1\1\1\1\1\0", 8);
  ck_assert_mem_eq(in.last, ((int32_t[]){0, 1}), 8);
  step(&b, 2, (uint32_t[]){0, 1}, begin);
  ck_assert_mem_eq(in.pos, ((int32_t[]){0, 3}), 8);
  close_bench(&b);
}
END_TEST

START_TEST(test_truncate_and_fork) {
  struct bench b = open_bench(decoder, 0);
  int begin[3] = {0, 0, 0};
  step(&b, 3, (uint32_t[]){6, 2, 4}, begin);
  CHECK_OK(sequence_truncate(b.steps.row[0], 2, err));
  begin[0] = 2;
  step(&b, 3, (uint32_t[]){2, 1, 1}, begin);

  /* Row 1 goes, and row 2 stands before row 0; another goes on from row 2 as well. */
  struct step_row row[3] = {{.sequence = b.steps.row[2], .count = 1, .ids = (int32_t[]){600}},
                            {.sequence = b.steps.row[0], .count = 1, .ids = (int32_t[]){5}},
                            {.count = 2, .ids = (int32_t[]){1000, 2000}}};
  CHECK_OK(sequence_fork(b.steps.row[2], &row[2].sequence, err));
  CHECK_OK(session_run(b.session, row, 3, err));
  const float *y = session_output(b.session, "y")->data;
  ck_assert(y[0] == 2100 && y[2] == 15 && y[4] == 2500 && y[5] == 4500);
  ck_assert_int_eq(row[2].sequence->length, 7);
  sequence_destroy(row[2].sequence);

  /* From nothing, and not kept. */
  row[0] = (struct step_row){.count = 1, .ids = (int32_t[]){600}};
  for (int i = 0; i < 2; i++) {
    CHECK_OK(session_run(b.session, row, 1, err));
    ck_assert(*(const float *)session_output(b.session, "y")->data == 600);
  }
  close_bench(&b);
}
END_TEST

/* Two sessions take turns with the sequences of one cache. */
START_TEST(test_shared_cache) {
  struct bench b = open_bench(decoder, 0);
  struct session_options options = {0};
  struct session *session[2];
  CHECK_OK(session_cache_create(b.program, 0, &options.cache, err));
  for (int i = 0; i < 2; i++)
    CHECK_OK(session_create(b.program, &options, &session[i], err));
  struct step_row row = {.count = 1};
  CHECK_OK(sequence_create(options.cache, &row.sequence, err));
  for (int n = 1; n <= 20; n++) {
    row.ids = (int32_t[]){n};
    CHECK_OK(session_run(session[n % 2], &row, 1, err));
    ck_assert(*(const float *)session_output(session[n % 2], "y")->data ==
              (float)(n * (n + 1) / 2));
  }
  CHECK_FAILS(session_run(b.session, &row, 1, err), TFM_ERROR_USAGE, "of another model");
  sequence_destroy(row.sequence);
  ck_assert_uint_eq(cache_size(options.cache).used, 0);
  for (int i = 0; i < 2; i++)
    session_destroy(session[i]);
  cache_destroy(options.cache);
  close_bench(&b);
}
END_TEST

START_TEST(test_refused) {
  struct bench b = open_bench(decoder, 0);
  struct steps *s = &b.steps;
  int begin[3] = {0, 0, 0};
  const int32_t *const *ids = ids_of(3, begin);
  CHECK_FAILS(steps_run(s, 1, (uint32_t[]){41}, ids, err), TFM_ERROR_LIMIT, "at most 40");
  CHECK_FAILS(steps_run(s, 1, (uint32_t[]){0}, ids, err), TFM_ERROR_USAGE, "empty");
  CHECK_FAILS(steps_run(s, 1, (uint32_t[]){1}, NULL, err), TFM_ERROR_USAGE, "needs token ids");
  CHECK_FAILS(session_run(b.session, NULL, 0, err), TFM_ERROR_USAGE, "no input");
  struct step_row twice[2] = {{.sequence = s->row[0], .count = 1, .ids = ids[0]},
                              {.sequence = s->row[0], .count = 1, .ids = ids[1]}};
  CHECK_FAILS(session_run(b.session, twice, 2, err), TFM_ERROR_USAGE, "row 1 goes on from");
  CHECK_FAILS(session_run(b.session, twice, 1u << 30, err), TFM_ERROR_USAGE, "not possible");
  ck_assert_uint_eq(cache_size(session_cache(b.session)).used, 0);
  step(&b, 2, (uint32_t[]){1, 39}, begin); /* refusals began nothing */
  CHECK_FAILS(steps_run(s, 2, (uint32_t[]){1, 2}, ids, err), TFM_ERROR_LIMIT, "41 tokens long");
  step(&b, 2, (uint32_t[]){1, 1}, begin);
  close_bench(&b);

  uint32_t count[40];
  const int32_t *many[40];
  for (int i = 0; i < 40; i++) {
    count[i] = 30;
    many[i] = rows_of_ids[0];
  }
  b = open_bench(decoder, 5000);
  CHECK_OK(steps_run(&b.steps, 3, count, many, err));
  steps_reset(&b.steps);
  CHECK_FAILS(steps_run(&b.steps, 40, count, many, err), TFM_ERROR_LIMIT, "does not fit");
  ck_assert_uint_eq(cache_size(session_cache(b.session)).used, 0);
  CHECK_OK(steps_run(&b.steps, 1, (uint32_t[]){3}, many, err));
  close_bench(&b);
}
END_TEST

static tfm_tensor tensor_of(void *data, tfm_dtype dtype, uint32_t rank, const int64_t *shape) {
  tfm_tensor t = {.data = data, .dtype = dtype, .rank = rank};
  int64_t bytes = (int64_t)dtype_size((enum dtype)dtype);
  for (uint32_t i = rank; i-- > 0; bytes *= shape[i]) {
    t.shape[i] = shape[i];
    t.stride[i] = bytes;
  }
  return t;
}

START_TEST(test_feed) {
  struct bench b = open_bench(decoder, 0);
  int64_t ids[] = {5, 7, 11}, big[] = {1, INT64_C(5000000000)};
  unsigned char real[] = {0, 1, 1};
  tfm_tensor t = tensor_of(ids, TFM_I64, 1, (int64_t[]){3});
  CHECK_OK(session_feed(b.session, "ids", &t, err)); /* [3] for [1, 3] */
  CHECK_OK(session_run(b.session, NULL, 0, err));
  ck_assert(((const float *)session_output(b.session, "y")->data)[2] == 23);

  /* A mask of the caller's own: the first token does not count. */
  steps_reset(&b.steps);
  tfm_tensor m = tensor_of(real, TFM_BOOL, 2, (int64_t[]){1, 3});
  CHECK_OK(session_feed(b.session, "real", &m, err));
  CHECK_OK(session_run(b.session, NULL, 0, err));
  ck_assert(((const float *)session_output(b.session, "y")->data)[2] == 18);

  steps_reset(&b.steps);
  m = tensor_of(real, TFM_BOOL, 2, (int64_t[]){3, 1});
  CHECK_OK(session_feed(b.session, "real", &m, err));
  CHECK_FAILS(session_run(b.session, NULL, 0, err), TFM_ERROR_USAGE, "`real` has another size");
  CHECK_OK(session_feed(b.session, "real", NULL, err));
  CHECK_OK(session_run(b.session, NULL, 0, err));

  t = tensor_of(big, TFM_I64, 1, (int64_t[]){2});
  CHECK_FAILS(session_feed(b.session, "ids", &t, err), TFM_ERROR_USAGE, "was given 5000000000");
  t = tensor_of(big, TFM_F32, 1, (int64_t[]){2});
  CHECK_FAILS(session_feed(b.session, "ids", &t, err), TFM_ERROR_USAGE, "whole numbers");
  t = tensor_of(ids, TFM_I64, 3, (int64_t[]){3, 1, 1});
  CHECK_FAILS(session_feed(b.session, "ids", &t, err), TFM_ERROR_USAGE, "too many dimensions");
  t = tensor_of(ids, TFM_I64, 3, (int64_t[]){1, 1, 3});
  CHECK_OK(session_feed(b.session, "ids", &t, err));
  CHECK_FAILS(session_feed(b.session, "nothing", &t, err), TFM_ERROR_USAGE, "input `real`");
  close_bench(&b);
}
END_TEST

/* An encoder alone, fed a hidden state of another type, and its own mask. */
START_TEST(test_encoder) {
  struct bench b = open_bench("graph t\ndim B\ndim T <= 9\nentry encode once\nencode\n"
                              "input %0 x = feed : f32[B,T,2] @x\n"
                              "input %1 real = tokens.mask : bool[B,T] @real\n"
                              "%2 = shift(%0; ; by: 0.5) : f32[B,T,2] @y\n"
                              "%3 = padding(%1) : mask @m holds\n"
                              "output y = %2\n",
                              0);
  uint16_t half[] = {0x3c00, 0x4000, 0x4200, 0x4400}; /* 1, 2, 3, 4 */
  tfm_tensor t = tensor_of(half, TFM_F16, 2, (int64_t[]){2, 2});
  CHECK_FAILS(session_run(b.session, &(struct step_row){.count = 2}, 1, err), TFM_ERROR_USAGE,
              "`x` was not given a value");
  CHECK_OK(session_feed(b.session, "x", &t, err));
  CHECK_OK(session_run(b.session, NULL, 0, err));
  const tfm_tensor *y = session_output(b.session, "y");
  ck_assert_int_eq(y->shape[0], 1);
  ck_assert_int_eq(y->shape[1], 2);
  ck_assert(((const float *)y->data)[3] == 4.5f);
  ck_assert(!session_cached(b.session));
  ck_assert_int_eq(session_limit(b.session), 9);
  CHECK_FAILS(session_run(b.session, &(struct step_row){.count = 3}, 1, err), TFM_ERROR_USAGE,
              "another size");
  close_bench(&b);
}
END_TEST

/* Rows that do not lie end to end: a node that would take the padding for a row's own tokens
 * runs on rows of one length alone, one that is told of it on any. */
START_TEST(test_rectangles) {
  static const struct {
    const char *ids, *node, *why; /* why: NULL = taken */
    uint32_t longest;
  } cases[] = {
      {"2,T", "add(%2, %2) : f32[2,T,1] @y mixes", "op `add` mixes the tokens of a text", 3},
      {"2,T", "add(%2, %2) : f32[2,T,1] @y", NULL, 3},
      {"2,T", "padding(%1) : mask @y holds mixes", NULL, 3},
      {"B,2*T", "add(%2, %2) : f32[B,2*T,1] @y mixes", "texts of 2 and 4 tokens", 4},
      {"B,3", "add(%2, %2) : f32[B,3,1] @y", "`ids` has another size", 3},
      {"C,T", "add(%2, %2) : f32[C,T,1] @y mixes", NULL, 3},
  };
  static const int32_t ids[] = {1, 2, 3, 4};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    char text[512];
    snprintf(text, sizeof text,
             "graph t\ndim B\ndim C\ndim T\nentry encode once\nencode\n"
             "input %%0 ids = tokens.ids : i32[%s] @ids\n"
             "input %%1 real = tokens.mask : bool[%s] @real\n"
             "%%2 = lift(%%0) : f32[%s,1] @x taps(twice, thrice)\n"
             "%%3 = %s\noutput x = %%2\n",
             cases[i].ids, cases[i].ids, cases[i].ids, cases[i].node);
    struct bench b = open_bench(text, 0);
    struct step_row row[] = {{.count = cases[i].longest, .ids = ids}, {.count = 2, .ids = ids}};
    if (cases[i].why)
      CHECK_FAILS(session_run(b.session, row, 2, err), TFM_ERROR_USAGE, cases[i].why);
    else
      CHECK_OK(session_run(b.session, row, 2, err));
    row[1].count = cases[i].longest;
    CHECK_OK(session_run(b.session, row, 2, err));
    close_bench(&b);
  }
}
END_TEST

/* A value fed in the middle, where no input says how many tokens rows have: those of the rows,
 * and not beside a shorter row where a node would take the padding for tokens. */
START_TEST(test_fed_in_the_middle) {
  static const struct {
    const char *node;
    uint32_t count[2];
    const char *why; /* NULL = taken */
  } cases[] = {
      {"shift(%0) : f32[B,T,1] @y", {3, 3}, NULL},
      {"shift(%0) : f32[B,T,1] @y", {3, 2}, NULL},
      {"shift(%0) : f32[B,T,1] @y mixes", {3, 3}, NULL},
      {"shift(%0) : f32[B,T,1] @y mixes", {2, 3}, "texts of 2 and 3 tokens"},
      {"shift(%0) : f32[B,T,1] @y mixes", {3, 0}, NULL}, /* the second rests */
      {"shift(%0) : f32[B,T,1] @y", {2, 2}, "`x` is fed with another length than the texts have"},
      {"shift(%0) : f32[B,T,1] @y", {4, 3}, "expected: 4 tokens"},
  };
  float fed[6] = {1, 2, 3, 4, 5, 6};
  tfm_tensor x = tensor_of(fed, TFM_F32, 3, (int64_t[]){2, 3, 1});
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    char text[512];
    snprintf(text, sizeof text,
             "graph t\ndim B\ndim T\nentry encode once\nencode\n"
             "input %%0 x = feed : f32[B,T,1] @x\n"
             "input %%1 last = tokens.last : i32[B] @last\n"
             "%%2 = %s\noutput y = %%2\n",
             cases[i].node);
    struct bench b = open_bench(text, 0);
    CHECK_OK(session_feed(b.session, "x", &x, err));
    struct step_row row[] = {{.count = cases[i].count[0]}, {.count = cases[i].count[1]}};
    if (cases[i].why)
      CHECK_FAILS(session_run(b.session, row, 2, err), TFM_ERROR_USAGE, cases[i].why);
    else
      CHECK_OK(session_run(b.session, row, 2, err));
    close_bench(&b);
  }
}
END_TEST

/* What an encoder has left of texts is put together for steps of any rows: hypotheses that share
 * one, in another order, on another session. */
START_TEST(test_sources) {
  struct bench b = open_bench("graph t\ndim B\ndim U\ndim T\ndim S <= 20\n"
                              "entry encode once\nentry decode step\n"
                              "encode\n"
                              "input %0 src = tokens.ids : i32[B,U] @src\n"
                              "input %1 read = tokens.mask : bool[B,U] @read\n"
                              "decode\n"
                              "input %2 ids = generated.ids : i32[B,T] @ids\n"
                              "input %3 real = generated.mask : bool[B,S] @real\n"
                              "state %4 past[0] : kv[1] @past[0]\n"
                              "encode\n"
                              "%5 = lift(%0) : f32[B,U,1] @e taps(twice, thrice)\n"
                              "%6 = shift(%5; ; by: 0.5) : f32[B,U,1] @memory\n"
                              "%7 = padding(%1) : mask @sm holds\n"
                              "decode\n"
                              "%8 = lift(%2) : f32[B,T,1] @x taps(twice, thrice)\n"
                              "%9 = padding(%3) : mask @m holds\n"
                              "%10 = recall(%8, %7, %4) : f32[B,T,1] @y mixes\n"
                              "%11 = shift(%6; ; by: 1.0) : f32[B,U,1] @z\n"
                              "output y = %10\n"
                              "output z = %11\n",
                              0);
  static const int32_t long_text[] = {10, 20, 30, 40}, short_text[] = {1, 2}, one[] = {1};
  const struct step_row text[] = {{.count = 2, .ids = short_text}, {.count = 4, .ids = long_text}};
  struct source *source[2];
  struct session *other;
  CHECK_OK(session_create(b.program, NULL, &other, err));
  CHECK_OK(session_encode(b.session, text, 2, source, err));
  ck_assert_uint_gt(source_bytes(source[1]), source_bytes(source[0]));
  static const uint32_t orders[][4] = {{0, 1}, {1, 0, 0, 1}, {1}, {0}, {0, 1}, {1, 1, 1}};
  static const uint32_t rows[] = {2, 4, 1, 1, 2, 3};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    for (int k = 0; k < 2; k++) {
      struct session *session = k ? other : b.session;
      struct step_row row[4];
      tfm_tensor y, z;
      for (uint32_t r = 0; r < rows[i]; r++)
        row[r] = (struct step_row){.ids = one, .count = 1, .source = source[orders[i][r]]};
      CHECK_OK(session_run(session, row, rows[i], err));
      for (uint32_t r = 0; r < rows[i]; r++) {
        ck_assert(session_row(session, "y", r, &y, &(struct tfm_error){0}) == 0 &&
                  *(const float *)y.data == 1);
        ck_assert(session_row(session, "z", r, &z, &(struct tfm_error){0}) == 0);
        ck_assert_int_eq(z.shape[1], orders[i][r] ? 4 : 2);
        for (int64_t u = 0; u < z.shape[1]; u++)
          ck_assert(((const float *)z.data)[u] ==
                    (float)(orders[i][r] ? long_text[u] : short_text[u]) + 1.5f);
      }
    }
  struct step_row mixed[2] = {{.ids = one, .count = 1, .source = source[0]},
                              {.ids = one, .count = 1}};
  CHECK_FAILS(session_run(b.session, mixed, 2, err), TFM_ERROR_USAGE, "row 1 goes on without");
  source_release(source[0]);
  session_destroy(other);
  close_bench(&b);
  source_release(source[1]); /* outlives them all */
}
END_TEST

/* What encode leaves stays through decode steps of other shapes. */
START_TEST(test_two_sides) {
  struct bench b = open_bench("graph t\ndim B\ndim U\ndim T\ndim S <= 20\n"
                              "entry encode once\nentry decode step\n"
                              "encode\n"
                              "input %0 src = tokens.ids : i32[B,U] @src\n"
                              "decode\n"
                              "input %1 src_real = tokens.mask : bool[B,U] @src_real\n"
                              "input %2 ids = generated.ids : i32[B,T] @ids\n"
                              "input %3 real = generated.mask : bool[B,S] @real\n"
                              "state %4 past[0] : kv[1] @past[0]\n"
                              "encode\n"
                              "%5 = lift(%0) : f32[B,U,1] @e taps(twice, thrice)\n"
                              "%6 = shift(%5; ; by: 0.5) : f32[B,U,1] @memory\n"
                              "decode\n"
                              "%7 = lift(%2) : f32[B,T,1] @x taps(twice, thrice)\n"
                              "%8 = padding(%3) : mask @m holds\n"
                              "%9 = recall(%7, %8, %4) : f32[B,T,1] @y mixes\n"
                              "%10 = shift(%6; ; by: 1.0) : f32[B,U,1] @z\n"
                              "%11 = padding(%1) : mask @sm holds\n"
                              "output y = %9\n"
                              "output z = %10\n",
                              0);
  int source[2] = {0, 0};
  const int32_t *const *ids = ids_of(2, source);
  struct step_row text[] = {{.count = 2, .ids = ids[0]}, {.count = 4, .ids = ids[1]}};
  CHECK_FAILS(session_run(b.session, text, 2, err), TFM_ERROR_USAGE, "encoder must run");
  CHECK_OK(session_encode(b.session, text, 2, NULL, err));
  CHECK_FAILS(session_run(b.session, text, 1, err), TFM_ERROR_USAGE, "2 inputs cannot go on");
  int begin[2] = {0, 0};
  static const uint32_t steps[4][2] = {{1, 1}, {3, 5}, {1, 1}, {0, 6}};
  for (int i = 0; i < 4; i++) {
    step(&b, 2, steps[i], begin);
    const tfm_tensor *z = session_output(b.session, "z");
    ck_assert_int_eq(z->shape[1], 4);
    ck_assert(((const float *)z->data)[0] == 2.5f);
    ck_assert(((const float *)z->data)[7] == 41.5f);
  }
  CHECK_OK(session_encode(b.session, text, 1, NULL, err)); /* a new request of one row */
  steps_reset(&b.steps);
  begin[0] = 0;
  step(&b, 1, (uint32_t[]){2}, begin);
  ck_assert_int_eq(session_output(b.session, "z")->shape[1], 2);
  close_bench(&b);
}
END_TEST

UNIT_MAIN("session", test_ragged, test_inputs, test_truncate_and_fork, test_shared_cache,
          test_refused, test_feed, test_fed_in_the_middle, test_encoder, test_rectangles,
          test_two_sides, test_sources)
