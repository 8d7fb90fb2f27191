/* test_device.c - all that kernels are given lies on the device, and the host touches it
 * through the device alone.
 *
 * The memory of the test's device can be read and written only while a kernel runs or the
 * device copies: who goes round the interface is killed.  The CPU's answers are the
 * answers of both. */
#define _GNU_SOURCE /* mmap's MAP_ANONYMOUS, nftw */
#include "runtime/device.h"

#include "tests/unit/runtime_ops.h"
#include "tests/unit/steps.h"

#include <sys/mman.h>

/* ---------------------------------------------------------------- the device */

enum { PAGE = 65536, PIECES = 512, FAR = 7 };

struct piece {
  char *begin;
  size_t size, mapped;
};

static struct {
  struct piece piece[PIECES];
  size_t held;                                           /* bytes that were asked for */
  unsigned count, puts, gets, moves, zeros, waits, left; /* left: allocations until one fails */
  int depth;
} far;

static void protect(int how) {
  for (int i = 0; i < PIECES; i++)
    if (far.piece[i].begin)
      ck_assert_int_eq(mprotect(far.piece[i].begin, far.piece[i].mapped, how), 0);
}

static void enter(void) {
  if (far.depth++ == 0)
    protect(PROT_READ | PROT_WRITE);
}

static void leave(void) {
  if (--far.depth == 0)
    protect(PROT_NONE);
}

static bool is_far(const void *data, size_t size) {
  for (int i = 0; i < PIECES; i++)
    if (far.piece[i].begin && (const char *)data >= far.piece[i].begin &&
        (const char *)data + size <= far.piece[i].begin + far.piece[i].size)
      return true;
  return false;
}

static void *far_alloc(const struct device *device, size_t size) {
  ck_assert_int_eq(device->number, FAR);
  if (far.left && --far.left == 0)
    return NULL;
  for (int i = 0; i < PIECES; i++) {
    struct piece *piece = &far.piece[i];
    if (piece->begin)
      continue;
    size_t mapped = (size + PAGE) / PAGE * PAGE;
    void *memory = mmap(NULL, mapped, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ck_assert(memory != MAP_FAILED);
    *piece = (struct piece){memory, size, mapped};
    far.held += size;
    far.count++;
    return memory;
  }
  ck_abort_msg("too many pieces");
}

static void far_release(const struct device *device, void *memory, size_t size) {
  (void)device;
  for (int i = 0; i < PIECES; i++)
    if (far.piece[i].begin == memory) {
      ck_assert_uint_eq(far.piece[i].size, size);
      munmap(memory, far.piece[i].mapped);
      far.piece[i].begin = NULL;
      far.held -= size;
      far.count--;
      return;
    }
  ck_abort_msg("released what is not the device's");
}

static void copy(void *to, const void *from, size_t size, bool to_far, bool from_far) {
  ck_assert(size == 0 || (is_far(to, size) == to_far && is_far(from, size) == from_far));
  enter();
  memcpy(to, from, size);
  leave();
}

static void far_put(const struct device *device, void *to, const void *from, size_t size) {
  (void)device;
  far.puts++;
  copy(to, from, size, true, false);
}

static void far_get(const struct device *device, void *to, const void *from, size_t size) {
  (void)device;
  far.gets++;
  copy(to, from, size, false, true);
}

static void far_move(const struct device *device, void *to, const void *from, size_t size) {
  (void)device;
  far.moves++;
  copy(to, from, size, true, true);
}

static void far_zero(const struct device *device, void *memory, size_t size) {
  (void)device;
  far.zeros++;
  ck_assert(is_far(memory, size));
  enter();
  memset(memory, 0, size);
  leave();
}

static void far_wait(const struct device *device) {
  (void)device;
  far.waits++;
}

static const struct device far_device = {.name = "far",
                                         .number = FAR,
                                         .alloc = far_alloc,
                                         .release = far_release,
                                         .put = far_put,
                                         .get = far_get,
                                         .move = far_move,
                                         .zero = far_zero,
                                         .wait = far_wait};

/* --------------------------------------------------------------- the kernels */

static bool on_far; /* whether the device is in use at all */

static void check_tensor(const tfm_tensor *t) {
  ck_assert_int_eq(t->device, on_far ? FAR : 0);
  ck_assert(is_far(t->data, (size_t)test_count(t) * (t->dtype == TFM_BOOL ? 1 : 4)) == on_far);
}

/* As tfm/plugin.h says: the formula and the tables are the host's. */
static void check_operand(const tfm_tensor *t, bool input) {
  if (t->dtype == TFM_MASK) {
    const tfm_mask *mask = t->data;
    ck_assert_int_eq(t->device, 0);
    ck_assert(!is_far(mask, 1));
    for (uint32_t i = 0; input && i < mask->count; i++)
      check_tensor(mask->term[i].tensor);
  } else if (t->dtype == TFM_KV) {
    const tfm_kv *kv = t->data;
    ck_assert_int_eq(t->device, on_far ? FAR : 0);
    ck_assert(!is_far(kv, 1) && !is_far(kv->past, 1) && !is_far(kv->fresh, 1));
    for (int64_t b = 0; b < kv->rows; b++)
      for (int64_t s = 0; s < tfm_kv_length(kv, b); s += kv->block_tokens)
        ck_assert(is_far(kv->block[b][s / kv->block_tokens], 1) == on_far);
  } else {
    check_tensor(t);
    ck_assert_uint_eq((uintptr_t)t->data % DEVICE_ALIGNMENT, 0);
  }
}

static tfm_status guarded(tfm_status (*kernel)(const tfm_host *host, const void *instance,
                                               const tfm_run *run),
                          const tfm_host *host, const tfm_run *run) {
  for (uint32_t i = 0; i < run->input_count; i++)
    check_operand(run->input[i], true);
  for (uint32_t i = 0; i < run->output_count; i++)
    check_operand(run->output[i], false);
  if (run->workspace_size)
    ck_assert(is_far(run->workspace, run->workspace_size) == on_far);
  enter();
  tfm_status status = kernel(host, NULL, run);
  if (run->workspace_size)
    memset(run->workspace, 1, run->workspace_size);
  leave();
  return status;
}

#define GUARDED(name)                                                                              \
  static tfm_status far_##name(const tfm_host *host, const void *instance, const tfm_run *run) {   \
    (void)instance;                                                                                \
    return guarded(test_##name, host, run);                                                        \
  }                                                                                                \
  TEST_KERNEL(far_k_##name, #name, "guarded", 0, V1, .run = far_##name, .score = 1000,             \
              .workspace = workspace_##name)

#define workspace_shift   NULL
#define workspace_lift    NULL
#define workspace_padding NULL
#define workspace_recall  test_recall_workspace
GUARDED(shift);
GUARDED(lift);
GUARDED(padding);
GUARDED(recall);

static const tfm_kernel_desc *const far_kernels[] = {&far_k_shift, &far_k_lift, &far_k_padding,
                                                     &far_k_recall};
static const tfm_plugin_desc far_plugin = {.struct_size = sizeof(tfm_plugin_desc),
                                           .name = "far",
                                           .version = "1",
                                           .schema_major = 1,
                                           .kernel_count = 4,
                                           .kernel = far_kernels};

/* ------------------------------------------------------------------ sessions */

static const char decoder[] = "graph t\n"
                              "dim B\n"
                              "dim T\n"
                              "dim S\n"
                              "entry decode step\n"
                              "decode\n"
                              "input %0 ids = tokens.ids : i32[B,T] @ids\n"
                              "input %1 real = tokens.mask : bool[B,S] @real\n"
                              "state %2 past[0] : kv[1] @past[0]\n"
                              "%3 = lift(%0) : f32[B,T,1] @x taps(twice!, thrice)\n"
                              "%4 = padding(%1) : mask @m holds\n"
                              "%5 = recall(%3, %4, %2) : f32[B,T,1] @y !\n"
                              "%6 = shift(%5) : f32[B,T,1] @z mixes\n"
                              "%7 = shift(%6) : f32[B,T,1] @last\n"
                              "output x = %3\n"
                              "output last = %7\n";

enum { ROWS = 4, PROMPT = 70, CELLS = 4096 };

struct bench {
  struct graph *graph;
  struct registry *registry;
  struct binding *binding;
  struct program *program;
  struct steps steps;
  float seen[CELLS]; /* what the steps and their dumps showed */
  size_t count;
};

static int see(void *arg, int32_t value, int32_t node, int32_t tap, const tfm_tensor *t,
               struct tfm_error *err) {
  struct bench *b = arg;
  (void)value;
  (void)node;
  (void)tap;
  (void)err;
  ck_assert_int_eq(t->device, 0);
  ck_assert_int_le((int64_t)b->count + test_count(t), CELLS);
  memcpy(b->seen + b->count, t->data, (size_t)test_count(t) * sizeof(float));
  b->count += (size_t)test_count(t);
  return 0;
}

static void open_bench(struct bench *b, const struct device *device) {
  struct program_options options = {.device = device};
  *b = (struct bench){.graph = test_graph(decoder), .registry = test_registry()};
  on_far = device->number != 0;
  CHECK_OK(registry_add(b->registry, "far.so", &far_plugin, err));
  CHECK_OK(binding_create(b->graph, NULL, NULL, &b->binding, err));
  CHECK_OK(
      program_create(b->graph, b->registry, b->binding, NULL, &options, &b->program, NULL, err));
  CHECK_OK(session_create(b->program, NULL, &b->steps.session, err));
  session_set_watch(b->steps.session, see, b);
}

static void close_bench(struct bench *b) {
  steps_reset(&b->steps);
  session_destroy(b->steps.session);
  program_destroy(b->program);
  binding_destroy(b->binding);
  registry_close(b->registry);
  graph_destroy(b->graph);
}

static void step(struct bench *b, uint32_t rows, const uint32_t *count) {
  int32_t ids[PROMPT];
  const int32_t *row[ROWS];
  for (int i = 0; i < PROMPT; i++)
    ids[i] = i * 7 % 31;
  for (uint32_t r = 0; r < rows; r++)
    row[r] = ids + r;
  CHECK_OK(steps_run(&b->steps, rows, count, row, err));
  const char *name[] = {"x", "last"};
  for (int i = 0; i < 2; i++) {
    const tfm_tensor *out = session_output(b->steps.session, name[i]);
    ck_assert_ptr_nonnull(out);
    see(b, 0, 0, 0, out, NULL);
    for (uint32_t r = 0; r < rows; r++) {
      tfm_tensor part;
      CHECK_OK(session_row(b->steps.session, name[i], r, &part, err));
      see(b, 0, 0, 0, &part, NULL);
    }
  }
}

/* Prompts of unequal length, a row that rests, a fork in the middle of a block, a feed. */
static void run_all(struct bench *b) {
  struct session *session = b->steps.session;
  int32_t ids[6] = {5, 4, 3, 2, 1, 0};
  step(b, 3, (uint32_t[]){67, 3, 20});
  step(b, 3, (uint32_t[]){1, 0, 9});
  CHECK_OK(sequence_fork(b->steps.row[0], &b->steps.row[3], err));
  step(b, 4, (uint32_t[]){2, 1, 1, 5});
  step(b, 2, (uint32_t[]){1, 1});
  tfm_tensor feed = {.data = ids, .dtype = TFM_I32, .rank = 2, .shape = {2, 3}, .stride = {12, 4}};
  CHECK_OK(session_feed(session, "ids", &feed, err));
  step(b, 2, (uint32_t[]){3, 3});
}

START_TEST(test_far) {
  static struct bench near, away;
  open_bench(&near, device_cpu());
  run_all(&near);
  close_bench(&near);
  ck_assert_uint_eq(far.count + far.puts + far.gets + far.moves + far.zeros + far.waits, 0);
  open_bench(&away, &far_device);
  run_all(&away);
  ck_assert_uint_eq(away.count, near.count);
  ck_assert_mem_eq(away.seen, near.seen, near.count * sizeof(float));
  ck_assert(far.puts > 0 && far.gets > 0 && far.moves > 0);
  ck_assert_uint_eq(far.waits, 5);
  struct cache_size size = cache_size(session_cache(away.steps.session));
  ck_assert_uint_gt(size.bytes, 0);
  ck_assert_uint_gt(far.held, size.bytes);
  close_bench(&away);
  ck_assert_uint_eq(far.held, 0);
  ck_assert_uint_eq(far.count, 0);
}
END_TEST

/* Every allocation fails once: the error says which device, and nothing is lost. */
/* A piece that was given back has none, and may be given back again. */
START_TEST(test_block) {
  struct device_block block = {0};
  for (size_t size = 0; size < 3; size++) {
    CHECK_OK(device_alloc(device_cpu(), size, "a test", &block, err));
    ck_assert_ptr_nonnull(block.data);
    ck_assert_uint_eq((uintptr_t)block.data % DEVICE_ALIGNMENT, 0);
    ck_assert_uint_eq(block.size, size);
    ck_assert_ptr_eq(block.device, device_cpu());
    device_release(&block);
    ck_assert_ptr_null(block.data);
    ck_assert_uint_eq(block.size, 0);
    ck_assert_ptr_eq(block.device, device_cpu());
    device_release(&block);
  }
}
END_TEST

START_TEST(test_no_memory) {
  unsigned failed = 0;
  for (unsigned n = 1; n < 100; n++) {
    static struct bench b;
    static const int32_t ids[2] = {1, 2};
    const int32_t *row[2] = {ids, ids};
    struct tfm_error err = {0};
    open_bench(&b, &far_device);
    far.left = n;
    int status = steps_run(&b.steps, 2, (uint32_t[]){2, 1}, row, &err);
    bool more = far.left == 0;
    far.left = 0;
    if (status != 0) {
      failed++;
      ck_assert_int_eq(err.code, TFM_ERROR_LIMIT);
      ck_assert_msg(strstr(err.message, "out of memory") != NULL, "%s", err.message);
      ck_assert_msg(strstr(err.message, "`far`") || strstr(err.message, "cache"), "%s",
                    err.message);
    }
    close_bench(&b);
    ck_assert_uint_eq(far.count, 0);
    if (!more)
      break;
  }
  ck_assert_uint_gt(failed, 4);
}
END_TEST

/* ------------------------------------------------------------------- weights */

static size_t copies;

static void *count_alloc(const struct device *device, size_t size) {
  (void)device;
  copies += size;
  return device_cpu()->alloc(device_cpu(), size);
}

static void count_release(const struct device *device, void *memory, size_t size) {
  (void)device;
  copies -= size;
  device_cpu()->release(device_cpu(), memory, size);
}

START_TEST(test_weights) {
  struct graph *graph = test_graph("graph t\n"
                                   "dim B\n"
                                   "entry decode step\n"
                                   "decode\n"
                                   "input %0 x = feed : f32[B,6] @x\n"
                                   "weight $a : f32[3,4] = \"a\"\n"
                                   "weight $b : f32[2,4] = \"b\"\n"
                                   "weight $c : f32[5,4] = concat($a, $b; 0, 0, 0)\n"
                                   "weight $d : f32[4,5] = transpose($c; 0, 0, 0)\n");
  struct device counting = *device_cpu();
  struct binding_options options = {.random = true, .device = &counting};
  struct binding *binding;
  counting.alloc = count_alloc;
  counting.release = count_release;
  CHECK_OK(binding_create(graph, NULL, &options, &binding, err));
  ck_assert_uint_gt(copies, 0);
  ck_assert_uint_eq(copies, binding_copied(binding));
  binding_destroy(binding);
  ck_assert_uint_eq(copies, 0);
  options.device = &far_device;
  CHECK_FAILS(binding_create(graph, NULL, &options, &binding, err), TFM_ERROR_USAGE, "`far`");
  graph_destroy(graph);
}
END_TEST

UNIT_MAIN("device", test_far, test_block, test_no_memory, test_weights)
