/* States that are a tensor for each row: carried from step to step, shared by forks, begun
 * anew where a text is cut, and left as they were by a step that fails. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* nftw, mkdtemp */
#endif
#include "runtime/session.h"
#include "runtime/snapshot.h"
#include "tests/unit/runtime_ops.h"

#include <stdlib.h>

/* For each token: memory = memory * 3 + [x, 1], modulo 65521; y = memory[0] + memory[1].  The
 * order of all tokens before is in it. */
static void tally_row(const float *x, float *y, int64_t tokens, const float *now, float *next) {
  uint32_t sum = (uint32_t)now[0], count = (uint32_t)now[1];
  for (int64_t t = 0; t < tokens; t++) {
    sum = (sum * 3 + (uint32_t)x[t]) % 65521;
    count = (count * 3 + 1) % 65521;
    y[t] = (float)(sum + count);
  }
  next[0] = (float)sum;
  next[1] = (float)count;
}

static tfm_status run_tally(const tfm_host *host, const void *instance, const tfm_run *run) {
  const tfm_tensor *x = run->input[0];
  const tfm_state *state = run->input[1]->data;
  (void)instance;
  if (state->rank != 1 || state->shape[0] != 2 || run->input[1]->shape[0] != 2 ||
      state->rows != tfm_row_count(run, x) || run->input[1]->dtype != TFM_STATE)
    return host->fail(host, "another state than was declared");
  for (int64_t b = 0; b < state->rows; b++) {
    const float *now = tfm_state_now(state, b);
    float *next = tfm_state_next(state, b);
    int64_t begin = tfm_row_begin(x, b), tokens = tfm_row_begin(x, b + 1) - begin;
    if ((uintptr_t)now % 64 != 0 || (uintptr_t)next % 64 != 0 || now == next)
      return host->fail(host, "a state lies where it must not");
    if (tokens != state->fresh[b] || (state->past[b] == 0 && (now[0] != 0 || now[1] != 0)))
      return host->fail(host, "a row begins with what was another's");
    tally_row((const float *)x->data + begin, (float *)run->output[0]->data + begin, tokens, now,
              next);
  }
  return TFM_OK;
}

TEST_OP(op_tally, "op tally(x: [B, T, 1], memory: state[2]) -> [B, T, 1]", 0);
TEST_OP(op_trip, "op trip(x: [B, T, 1]) -> [B, T, 1]", TFM_OP_KEEPS_TOKENS);

/* Fails at the id 13, after the states were written. */
static tfm_status run_trip(const tfm_host *host, const void *instance, const tfm_run *run) {
  const float *x = run->input[0]->data;
  (void)instance;
  for (int64_t i = 0; i < test_count(run->input[0]); i++) {
    if (x[i] == 13)
      return host->fail(host, "thirteen");
    ((float *)run->output[0]->data)[i] = x[i];
  }
  return TFM_OK;
}

TEST_KERNEL(k_rows, "tally", "rows", TFM_KERNEL_KNOWS_ROWS, V1, .run = run_tally, .score = 1);
TEST_KERNEL(k_apart, "tally", "reference", REF, V1, .run = run_tally);
TEST_KERNEL(k_trip, "trip", "reference", REF, V1, .run = run_trip);
static const tfm_op_desc *const tally_ops[] = {&op_tally, &op_trip};
static const tfm_kernel_desc *const tally_kernels[] = {&k_rows, &k_apart, &k_trip};
static tfm_plugin_desc plugin = {.struct_size = sizeof plugin,
                                 .name = "tally",
                                 .version = "1",
                                 .schema_major = 1,
                                 .core = 1,
                                 .op_count = 2,
                                 .kernel_count = 3,
                                 .op = tally_ops,
                                 .kernel = tally_kernels};

static const char alone_text[] = "graph t\n"
                                 "dim B\n"
                                 "dim T\n"
                                 "entry decode step\n"
                                 "decode\n"
                                 "input %0 ids = tokens.ids : i32[B,T] @ids\n"
                                 "state %1 m[0] : state[2] @m[0]\n"
                                 "state %2 m[1] : state[2] @m[1]\n"
                                 "%3 = lift(%0) : f32[B,T,1] @x taps(twice, thrice)\n"
                                 "%4 = tally(%3, %1) : f32[B,T,1] @a mixes\n"
                                 "%5 = tally(%4, %2) : f32[B,T,1] @b mixes\n"
                                 "%6 = trip(%3) : f32[B,T,1] @c\n"
                                 "output y = %5\n"
                                 "output c = %6\n";

/* The same beside keys and values. */
static const char beside_text[] = "graph t\n"
                                  "dim B\n"
                                  "dim T\n"
                                  "dim S\n"
                                  "entry decode step\n"
                                  "decode\n"
                                  "input %0 ids = tokens.ids : i32[B,T] @ids\n"
                                  "input %1 real = tokens.mask : bool[B,S] @real\n"
                                  "state %2 m[0] : state[2] @m[0]\n"
                                  "state %3 past[0] : kv[1] @past[0]\n"
                                  "state %4 m[1] : state[2] @m[1]\n"
                                  "%5 = lift(%0) : f32[B,T,1] @x taps(twice, thrice)\n"
                                  "%6 = padding(%1) : mask @p holds\n"
                                  "%7 = recall(%5, %6, %3) : f32[B,T,1] @r mixes\n"
                                  "%8 = tally(%7, %2) : f32[B,T,1] @a mixes\n"
                                  "%9 = tally(%8, %4) : f32[B,T,1] @b mixes\n"
                                  "%10 = trip(%5) : f32[B,T,1] @c\n"
                                  "output y = %9\n"
                                  "output c = %10\n";

static const char wide_text[] = "graph t\n"
                                "dim B\n"
                                "dim T\n"
                                "entry decode step\n"
                                "decode\n"
                                "input %0 ids = tokens.ids : i32[B,T] @ids\n"
                                "state %1 past[0] : kv[3,5] @past[0]\n"
                                "state %2 m[0] : state[2] @m[0]\n"
                                "%3 = lift(%0) : f32[B,T,1] @x taps(twice, thrice)\n"
                                "%4 = tally(%3, %2) : f32[B,T,1] @a mixes\n"
                                "output y = %4\n";

static const char rectangle_text[] = "graph t\n"
                                     "dim T\n"
                                     "entry decode step\n"
                                     "decode\n"
                                     "input %0 ids = tokens.ids : i32[2,T] @ids\n"
                                     "state %1 m[0] : state[2] @m[0]\n"
                                     "%2 = lift(%0) : f32[2,T,1] @x taps(twice, thrice)\n"
                                     "%3 = tally(%2, %1) : f32[2,T,1] @a mixes\n"
                                     "output y = %3\n";

struct bench {
  struct graph *graph;
  struct registry *registry;
  struct binding *binding;
  struct program *program;
  struct session *session;
  bool beside;
};

/* knows: with the kernel that knows rows. */
static struct bench open_bench(const char *text, bool knows, uint64_t memory_limit) {
  struct bench b = {
      .graph = test_graph(text), .registry = test_registry(), .beside = text == beside_text};
  struct session_options options = {.memory_limit = memory_limit};
  plugin.kernel = knows ? tally_kernels : tally_kernels + 1;
  plugin.kernel_count = knows ? 3 : 2;
  CHECK_OK(registry_add(b.registry, "tally.so", &plugin, err));
  CHECK_OK(binding_create(b.graph, NULL, NULL, &b.binding, err));
  CHECK_OK(program_create(b.graph, b.registry, b.binding, NULL, NULL, &b.program, NULL, err));
  CHECK_OK(session_create(b.program, &options, &b.session, err));
  return b;
}

static void close_bench(struct bench *b) {
  session_destroy(b->session);
  program_destroy(b->program);
  binding_destroy(b->binding);
  registry_close(b->registry);
  graph_destroy(b->graph);
}

/* ------------------------------------------------------------- what to expect */

enum { TEXT_MAX = 300, TEXTS = 8 };

/* A text, and the result for each of its tokens, from nothing. */
struct text {
  struct sequence *sequence;
  int32_t id[TEXT_MAX];
  int64_t length;
};

static void foretell(const struct bench *bench, const struct text *text, float *y) {
  float x[TEXT_MAX], memory[2][2] = {{0}}, sum = 0;
  for (int64_t t = 0; t < text->length; t++)
    x[t] = bench->beside ? (sum += (float)text->id[t]) : (float)text->id[t];
  tally_row(x, y, text->length, memory[0], memory[0]);
  tally_row(y, y, text->length, memory[1], memory[1]);
}

/* Its last `count` tokens were row `row` of a step. */
static void check_row(const struct bench *bench, const struct text *text, uint32_t row,
                      uint32_t count) {
  float y[TEXT_MAX];
  tfm_tensor got;
  ck_assert_int_eq(text->sequence->length, text->length);
  if (count == 0)
    return;
  foretell(bench, text, y);
  CHECK_OK(session_row(bench->session, "y", row, &got, err));
  ck_assert_int_eq(got.shape[1], count);
  ck_assert_mem_eq(got.data, y + text->length - count, count * sizeof *y);
}

static uint64_t chance_state = 1;

static uint32_t chance(uint32_t below) {
  chance_state = chance_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
  return (uint32_t)(chance_state >> 33) % below;
}

/* New tokens of each text that is there, in one step; false = one was a 13, and nothing is. */
static bool step_all(const struct bench *bench, struct text *text, uint32_t texts, uint32_t most) {
  struct step_row row[TEXTS] = {{0}};
  bool fails = false, any = false;
  for (uint32_t i = 0; i < texts; i++) {
    uint32_t room = (uint32_t)(TEXT_MAX - text[i].length);
    row[i].count = chance(room < most ? room + 1 : most);
    row[i].sequence = text[i].sequence;
    row[i].ids = text[i].id + text[i].length;
    any = any || row[i].count > 0;
    for (uint32_t t = 0; t < row[i].count; t++) {
      text[i].id[text[i].length + t] = (int32_t)chance(50);
      fails = fails || text[i].id[text[i].length + t] == 13;
    }
  }
  if (!any)
    return true;
  struct tfm_error err = {0};
  int status = session_run(bench->session, row, texts, &err);
  ck_assert_msg((status != 0) == fails, "%s", err.message);
  for (uint32_t i = 0; i < texts; i++) {
    text[i].length += fails ? 0 : row[i].count;
    check_row(bench, &text[i], i, fails ? 0 : row[i].count);
  }
  return !fails;
}

/* ---------------------------------------------------------------------- tests */

static void create(const struct bench *bench, struct text *text) {
  *text = (struct text){0};
  CHECK_OK(sequence_create(session_cache(bench->session), &text->sequence, err));
}

/* Steps of all sizes, forks, cuts, ends and failures, in any order: each row has what it has
 * alone from nothing. */
static void any_order(bool beside, bool knows) {
  struct bench bench = open_bench(beside ? beside_text : alone_text, knows, 0);
  struct cache *cache = session_cache(bench.session);
  static struct text text[TEXTS];
  unsigned done = 0, failed = 0;
  for (int i = 0; i < TEXTS; i++)
    create(&bench, &text[i]);
  for (int n = 0; n < (getenv("TFM_VALGRIND") ? 40 : 400); n++) {
    struct text *a = &text[chance(TEXTS)], *b = &text[chance(TEXTS)];
    switch (chance(8)) {
    case 0:
      if (a == b)
        break;
      sequence_destroy(a->sequence);
      *a = *b;
      CHECK_OK(sequence_fork(b->sequence, &a->sequence, err));
      break;
    case 1:
      CHECK_OK(sequence_truncate(a->sequence, chance((uint32_t)a->length + 1), err));
      ck_assert(a->sequence->length == 0 || a->sequence->length == a->length);
      a->length = a->sequence->length;
      break;
    case 2:
      sequence_destroy(a->sequence);
      create(&bench, a);
      break;
    default:
      *(step_all(&bench, text, 1 + chance(TEXTS), 1 + chance(9)) ? &done : &failed) += 1;
    }
  }
  ck_assert_uint_gt(done, 10);
  ck_assert_uint_gt(failed, 0);
  for (int i = 0; i < TEXTS; i++)
    sequence_destroy(text[i].sequence);
  ck_assert_uint_eq(cache_size(cache).used, 0);
  ck_assert_uint_eq(cache_size(cache_tensors(cache)).used, 1); /* the zeros */
  close_bench(&bench);
}

START_TEST(test_any_order) {
  for (int i = 0; i < 4; i++)
    any_order(i & 1, i & 2);
}
END_TEST

/* Two blocks of tensors a text, one while it rests, none in common after both have grown. */
START_TEST(test_memory) {
  struct bench bench = open_bench(alone_text, true, 0);
  struct cache *tensors = cache_tensors(session_cache(bench.session));
  struct text a, b;
  ck_assert_uint_eq(cache_size(tensors).block, 128);
  ck_assert_uint_eq(cache_size(tensors).used, 1);
  create(&bench, &a);
  create(&bench, &b);
  struct step_row row = {.sequence = a.sequence, .ids = (int32_t[]){1, 2}, .count = 2};
  for (int i = 0; i < 100; i++)
    CHECK_OK(session_run(bench.session, &row, 1, err));
  ck_assert_uint_eq(cache_size(tensors).used, 2);
  ck_assert_uint_eq(cache_size(tensors).most, 3);
  ck_assert_uint_eq(cache_size(session_cache(bench.session)).used, 0); /* no keys, no blocks */
  ck_assert_uint_eq(session_state_bytes(bench.session), 3 * 128);
  sequence_destroy(b.sequence);
  CHECK_OK(sequence_fork(a.sequence, &b.sequence, err));
  ck_assert_uint_eq(cache_size(tensors).used, 2);
  ck_assert_ptr_eq(a.sequence->now.address, b.sequence->now.address);
  CHECK_OK(session_run(bench.session, &row, 1, err));
  ck_assert_uint_eq(cache_size(tensors).used, 3);
  ck_assert_ptr_ne(a.sequence->now.address, b.sequence->now.address);
  CHECK_OK(sequence_truncate(b.sequence, b.sequence->length, err)); /* nothing to forget */
  ck_assert_int_eq(b.sequence->length, 200);
  sequence_destroy(a.sequence);
  sequence_destroy(b.sequence);
  ck_assert_uint_eq(cache_size(tensors).used, 1);
  close_bench(&bench);

  bench = open_bench(alone_text, true, 128 * 4);
  row.sequence = NULL;
  struct step_row rows[4] = {row, row, row, row};
  CHECK_OK(session_run(bench.session, rows, 3, err));
  CHECK_FAILS(session_run(bench.session, rows, 4, err), TFM_ERROR_LIMIT,
              "the state of the texts does not fit the memory limit");
  CHECK_OK(session_run(bench.session, rows, 3, err));
  close_bench(&bench);
}
END_TEST

/* Part by part into another sequence, which goes on as the first does. */
static void copy_over(const struct bench *bench, const struct text *from, struct text *to) {
  struct snapshot_part part;
  uint32_t parts = 0;
  create(bench, to);
  CHECK_OK(sequence_reserve(to->sequence, from->length, err));
  for (; snapshot_part(bench->graph, parts, from->length, &part); parts++) {
    float *plain = malloc(part.size);
    ck_assert_ptr_nonnull(plain);
    snapshot_read(bench->graph, from->sequence, &part, plain);
    snapshot_write(bench->graph, to->sequence, from->length, &part, plain);
    free(plain);
  }
  ck_assert_uint_eq(parts, bench->beside ? 4 : 2);
  sequence_advance(to->sequence, from->length);
  to->length = from->length;
  memcpy(to->id, from->id, sizeof to->id);
}

START_TEST(test_snapshot) {
  for (int beside = 0; beside < 2; beside++) {
    struct bench bench = open_bench(beside ? beside_text : alone_text, true, 0);
    static struct text text[2];
    create(&bench, &text[0]);
    while (text[0].length < 150) /* into a third block */
      step_all(&bench, text, 1, 40);
    copy_over(&bench, &text[0], &text[1]);
    for (int n = 0; n < 20; n++)
      step_all(&bench, text, 2, 4);
    sequence_destroy(text[0].sequence);
    sequence_destroy(text[1].sequence);
    close_bench(&bench);
  }
}
END_TEST

/* Values wider than keys, in three blocks: each element is where its kernel would find it. */
START_TEST(test_snapshot_widths) {
  enum { TOKENS = 150 };
  struct bench bench = open_bench(wide_text, true, 0);
  struct cache *cache = session_cache(bench.session);
  const struct cache_layer *layer = cache_layer(cache, 0);
  struct snapshot_part part;
  struct sequence *s;
  CHECK_OK(sequence_create(cache, &s, err));
  CHECK_OK(sequence_reserve(s, TOKENS, err));
  for (uint32_t i = 0; i < 2; i++) {
    static float plain[TOKENS * 5], back[TOKENS * 5];
    uint32_t width = i ? 5 : 3;
    ck_assert(snapshot_part(bench.graph, i, TOKENS, &part));
    ck_assert_int_eq(part.shape[0], TOKENS);
    ck_assert_int_eq(part.shape[1], width);
    ck_assert_uint_eq(part.size, TOKENS * width * sizeof(float));
    for (uint32_t t = 0; t < TOKENS * width; t++)
      plain[t] = (float)(t + i * 10000);
    snapshot_write(bench.graph, s, TOKENS, &part, plain);
    for (uint32_t t = 0; t < TOKENS; t++)
      for (uint32_t d = 0; d < width; d++) {
        const char *block = s->address[t / CACHE_BLOCK];
        const float *at =
            (const float *)(const void *)(block + (i ? layer->value_at : layer->key_at));
        ck_assert(at[t % CACHE_BLOCK * width + d] == (float)(t * width + d + i * 10000));
      }
    s->length = TOKENS;
    snapshot_read(bench.graph, s, &part, back);
    ck_assert_mem_eq(back, plain, part.size);
    s->length = 0;
  }
  sequence_destroy(s);
  close_bench(&bench);
}
END_TEST

/* Where a batch is a rectangle a shorter row would be padded, and its state with it. */
START_TEST(test_rectangle) {
  struct bench bench = open_bench(rectangle_text, true, 0);
  struct step_row row[2] = {{.ids = (int32_t[]){1, 2, 3}, .count = 3},
                            {.ids = (int32_t[]){4, 5, 6}, .count = 2}};
  CHECK_FAILS(session_run(bench.session, row, 2, err), TFM_ERROR_USAGE,
              "op `tally` mixes the tokens of a text");
  row[1].count = 3;
  CHECK_OK(session_run(bench.session, row, 2, err));
  close_bench(&bench);
}
END_TEST

/* What the graph's text may say of a state. */
START_TEST(test_refused) {
  static const char *const broken[][2] = {{"state[2] @m[0]", "state[B] @m[0]"},
                                          {"state[2] @m[0]", "f32[2] @m[0]"},
                                          {"f32[B,T,1] @a", "state[2] @a"}};
  for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
    char text[2048];
    struct tfm_error err = {0};
    const char *at = strstr(alone_text, broken[i][0]);
    ck_assert_ptr_nonnull(at);
    snprintf(text, sizeof text, "%.*s%s%s", (int)(at - alone_text), alone_text, broken[i][1],
             at + strlen(broken[i][0]));
    struct graph *graph = graph_parse("t", text, strlen(text), &err);
    ck_assert_msg(graph && graph_verify(graph, &err) != 0, "%s", broken[i][1]);
    ck_assert_ptr_nonnull(strstr(err.message, "state"));
    graph_destroy(graph);
  }
}
END_TEST

UNIT_MAIN("state", test_any_order, test_memory, test_snapshot, test_snapshot_widths, test_rectangle,
          test_refused)
