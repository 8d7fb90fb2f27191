/* test_allocations.c - a step within what there was before asks for no memory.
 *
 * The linker is told to wrap the calls (runtime/local.mk), so that all of the runtime's
 * are counted. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* nftw, mkdtemp */
#endif
#include "tests/unit/runtime_ops.h"
#include "tests/unit/steps.h"

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *memory, size_t size);
int __real_posix_memalign(void **memory, size_t alignment, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *memory, size_t size);
int __wrap_posix_memalign(void **memory, size_t alignment, size_t size);

static unsigned asked;

void *__wrap_malloc(size_t size) {
  asked++;
  return __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size) {
  asked++;
  return __real_calloc(count, size);
}

void *__wrap_realloc(void *memory, size_t size) {
  asked++;
  return __real_realloc(memory, size);
}

int __wrap_posix_memalign(void **memory, size_t alignment, size_t size) {
  asked++;
  return __real_posix_memalign(memory, alignment, size);
}

static const char decoder[] = "graph t\n"
                              "dim B\n"
                              "dim T\n"
                              "dim S\n"
                              "entry decode step\n"
                              "decode\n"
                              "input %0 ids = tokens.ids : i32[B,T] @ids\n"
                              "input %1 pos = tokens.positions : i32[B,T] @pos\n"
                              "input %2 real = tokens.mask : bool[B,S] @real\n"
                              "input %3 last = tokens.last : i32[B] @last\n"
                              "state %4 past[0] : kv[1] @past[0]\n"
                              "%5 = lift(%0) : f32[B,T,1] @x\n"
                              "%6 = padding(%2) : mask @m holds\n"
                              "%7 = recall(%5, %6, %4) : f32[B,T,1] @y\n"
                              "%8 = shift(%7) : f32[B,T,1] @z\n"
                              "output z = %8\n";

enum { ROWS = 8, PROMPT = 20 };

struct bench {
  struct graph *graph;
  struct registry *registry;
  struct binding *binding;
  struct program *program;
  struct steps steps;
};

static void open_bench(struct bench *b) {
  *b = (struct bench){.graph = test_graph(decoder), .registry = test_registry()};
  CHECK_OK(binding_create(b->graph, NULL, NULL, &b->binding, err));
  CHECK_OK(program_create(b->graph, b->registry, b->binding, NULL, NULL, &b->program, NULL, err));
  CHECK_OK(session_create(b->program, NULL, &b->steps.session, err));
}

static void close_bench(struct bench *b) {
  steps_reset(&b->steps);
  session_destroy(b->steps.session);
  program_destroy(b->program);
  binding_destroy(b->binding);
  registry_close(b->registry);
  graph_destroy(b->graph);
}

/* count[r] tokens of each row; how often memory was asked for. */
static unsigned step(struct bench *b, uint32_t rows, const uint32_t *count) {
  static const int32_t ids[PROMPT];
  const int32_t *row[ROWS];
  for (uint32_t r = 0; r < rows; r++)
    row[r] = ids;
  struct tfm_error err = {0};
  unsigned before = asked; /* libcheck allocates too */
  int status = steps_run(&b->steps, rows, count, row, &err);
  const tfm_tensor *out = session_output(b->steps.session, "z");
  unsigned after = asked;
  ck_assert_msg(status == 0 && out, "%s", err.message);
  return after - before;
}

static const uint32_t ones[ROWS] = {1, 1, 1, 1, 1, 1, 1, 1};

START_TEST(test_decode_steps) {
  static const uint32_t prompts[ROWS] = {20, 3, 1, 17, 9, 20, 4, 12};
  struct bench b;
  open_bench(&b);
  ck_assert_uint_gt(step(&b, ROWS, prompts), 0);
  for (int n = 0; n < CACHE_BLOCK - PROMPT; n++)
    ck_assert_msg(step(&b, ROWS, ones) == 0, "step %d", n);
  close_bench(&b);
}
END_TEST

/* Rows leave, come back and are cut back; blocks that are free are taken. */
START_TEST(test_rows_come_and_go) {
  static const uint32_t prompts[ROWS] = {20, 20, 20, 20, 20, 20, 20, 20};
  struct bench b;
  open_bench(&b);
  for (int round = 0; round < 3; round++) {
    unsigned made = round ? 0 : 1; /* what the first round has made is enough for the others */
    unsigned got = step(&b, ROWS, prompts);
    ck_assert(made ? got > 0 : got == 0);
    for (int n = 0; n < 150; n++) {
      got = step(&b, 1 + (uint32_t)n * 7 % ROWS, ones);
      ck_assert_msg(made || got == 0, "round %d, step %d: %u", round, n, got);
    }
    for (int r = 0; r < ROWS; r++)
      CHECK_OK(sequence_truncate(b.steps.row[r], 0, err));
  }
  close_bench(&b);
}
END_TEST

UNIT_MAIN("allocations", test_decode_steps, test_rows_come_and_go)
