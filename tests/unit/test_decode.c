/* A whole decoder through the package's own plugins, without the compiler:
 * the graph of GPT-2 as text, a fixture's weights, and what transformers said.
 *
 * Then what the runtime promises: a row alone, in a ragged batch, token by
 * token, with any number of threads and after a cache that had to grow gives
 * the same bits; the reference kernels give nearly the same numbers. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* nftw, mkdtemp */
#endif
#include "checkpoint/safetensors.h"
#include "runtime/sample.h"
#include "runtime/session.h"
#include "tests/unit/runtime.h"
#include "tests/unit/steps.h"

#include <math.h>

enum { LAYERS = 2, WIDTH = 24, HEADS = 2, VOCABULARY = 296, POSITIONS = 64, LONGEST = 48 };

static void add_layer(struct buffer *g, int i, int *v) {
  int x = *v, n = *v + 1;
  buffer_printf(g,
                "%%%d = layer_norm(%%%d; $h.%d.ln_1.weight, $h.%d.ln_1.bias; eps: 1e-5)"
                " : f32[B,T,24] @h.%d.ln_1 layer %d\n",
                n, x, i, i, i, i);
  buffer_printf(g,
                "%%%d = linear(%%%d; $h.%d.c_attn.t, $h.%d.attn.c_attn.bias)"
                " : f32[B,T,72] @h.%d.c_attn\n",
                n + 1, n, i, i, i);
  buffer_printf(g, "%%%d = reshape(%%%d) : f32[B,T,6,12] @h.%d.heads view\n", n + 2, n + 1, i);
  buffer_printf(g,
                "%%%d, %%%d, %%%d = split(%%%d; ; parts: 3, axis: 2) : f32[B,T,2,12] @h.%d.q,"
                " f32[B,T,2,12] @h.%d.k, f32[B,T,2,12] @h.%d.v\n",
                n + 3, n + 4, n + 5, n + 2, i, i, i);
  buffer_printf(g,
                "%%%d = attention(%%%d, %%%d, %%%d, %%8, _, %%%d)"
                " : f32[B,T,24] @h.%d.attention taps(scores, probs)\n",
                n + 6, n + 3, n + 4, n + 5, 4 + i, i);
  buffer_printf(g,
                "%%%d = linear(%%%d; $h.%d.c_proj.t, $h.%d.attn.c_proj.bias)"
                " : f32[B,T,24] @h.%d.proj\n",
                n + 7, n + 6, i, i, i);
  buffer_printf(g, "%%%d = add(%%%d, %%%d) : f32[B,T,24] @h.%d.mid\n", n + 8, x, n + 7, i);
  buffer_printf(g,
                "%%%d = layer_norm(%%%d; $h.%d.ln_2.weight, $h.%d.ln_2.bias; eps: 1e-5)"
                " : f32[B,T,24] @h.%d.ln_2\n",
                n + 9, n + 8, i, i, i);
  buffer_printf(g,
                "%%%d = ffn(%%%d; $h.%d.c_fc.t, $h.%d.mlp.c_fc.bias, $h.%d.mlp_proj.t,"
                " $h.%d.mlp.c_proj.bias; kind: \"gelu_new\") : f32[B,T,24] @h.%d.ffn\n",
                n + 10, n + 9, i, i, i, i, i);
  buffer_printf(g, "%%%d = add(%%%d, %%%d) : f32[B,T,24] @h.%d\n", n + 11, n + 8, n + 10, i);
  *v = n + 11;
}

static void add_weight(struct buffer *g, int layer, const char *name, const char *shape) {
  if (layer < 0)
    buffer_printf(g, "weight $%s : f32[%s] = \"%s\"\n", name, shape, name);
  else
    buffer_printf(g, "weight $h.%d.%s : f32[%s] = \"h.%d.%s\"\n", layer, name, shape, layer, name);
}

static struct graph *gpt2_graph(void) {
  struct buffer g;
  int v = 11;
  buffer_init(&g);
  buffer_puts(&g, "graph gpt2\ndim B\ndim T <= 64\ndim S <= 64\nentry decode step\ndecode\n"
                  "input %0 ids = tokens.ids : i32[B,T] @ids\n"
                  "input %1 pos = tokens.positions : i32[B,T] @pos\n"
                  "input %2 real = tokens.mask : bool[B,S] @real\n"
                  "input %3 last = tokens.last : i32[B] @last\n"
                  "state %4 past[0] : kv[24] @past[0]\nstate %5 past[1] : kv[24] @past[1]\n");
  add_weight(&g, -1, "wte.weight", "296,24");
  add_weight(&g, -1, "wpe.weight", "64,24");
  add_weight(&g, -1, "ln_f.weight", "24");
  add_weight(&g, -1, "ln_f.bias", "24");
  for (int i = 0; i < LAYERS; i++) {
    static const char *const plain[][2] = {
        {"ln_1.weight", "24"},           {"ln_1.bias", "24"},
        {"ln_2.weight", "24"},           {"ln_2.bias", "24"},
        {"attn.c_attn.bias", "72"},      {"attn.c_proj.bias", "24"},
        {"mlp.c_fc.bias", "96"},         {"mlp.c_proj.bias", "24"},
        {"attn.c_attn.weight", "24,72"}, {"attn.c_proj.weight", "24,24"},
        {"mlp.c_fc.weight", "24,96"},    {"mlp.c_proj.weight", "96,24"}};
    static const char *const turned[][3] = {{"c_attn.t", "72,24", "attn.c_attn.weight"},
                                            {"c_proj.t", "24,24", "attn.c_proj.weight"},
                                            {"c_fc.t", "96,24", "mlp.c_fc.weight"},
                                            {"mlp_proj.t", "24,96", "mlp.c_proj.weight"}};
    for (size_t w = 0; w < sizeof plain / sizeof plain[0]; w++)
      add_weight(&g, i, plain[w][0], plain[w][1]);
    for (size_t w = 0; w < sizeof turned / sizeof turned[0]; w++)
      buffer_printf(&g, "weight $h.%d.%s : f32[%s] = transpose($h.%d.%s; 0, 0, 0)\n", i,
                    turned[w][0], turned[w][1], i, turned[w][2]);
  }
  buffer_puts(&g, "%6 = causal() : mask @causal\n"
                  "%7 = padding(%2) : mask @padding holds\n"
                  "%8 = mask_and(%6, %7) : mask @mask holds\n"
                  "%9 = embedding(%0; $wte.weight) : f32[B,T,24] @wte\n"
                  "%10 = embedding(%1; $wpe.weight) : f32[B,T,24] @wpe\n"
                  "%11 = add(%9, %10) : f32[B,T,24] @x\n");
  for (int i = 0; i < LAYERS; i++)
    add_layer(&g, i, &v);
  buffer_printf(&g,
                "%%%d = layer_norm(%%%d; $ln_f.weight, $ln_f.bias; eps: 1e-5)"
                " : f32[B,T,24] @ln_f\n",
                v + 1, v);
  buffer_printf(&g, "%%%d = linear(%%%d; $wte.weight, _) : f32[B,T,296] @logits\n", v + 2, v + 1);
  buffer_printf(&g, "%%%d = last_token(%%%d, %%3) : f32[B,1,296] @last_logits\n", v + 3, v + 2);
  buffer_printf(&g, "output logits = %%%d\noutput last = %%%d\noutput hidden = %%%d\n", v + 2,
                v + 3, v + 1);
  struct graph *graph = test_graph(g.data);
  buffer_finish(&g);
  return graph;
}

struct model {
  struct graph *graph;
  struct registry *registry;
  struct weights *weights;
  struct binding *binding;
  struct pool *pool;
  struct program *program;
  struct session *session;
  struct steps steps;
};

static struct model open_model(uint32_t threads, bool reference) {
  struct model m = {.graph = gpt2_graph()};
  const char *dir = getenv("TFM_PLUGIN_DIR");
  char *path = test_fixture("gpt2-tied");
  struct program_options options = {.reference_only = reference};
  CHECK_OK(registry_open(&dir, 1, NULL, NULL, &m.registry, err));
  CHECK_OK(weights_open(path, &m.weights, err));
  CHECK_OK(binding_create(m.graph, m.weights, NULL, &m.binding, err));
  CHECK_OK(pool_create(threads, &m.pool, err));
  CHECK_OK(program_create(m.graph, m.registry, m.binding, m.pool, &options, &m.program, NULL, err));
  CHECK_OK(session_create(m.program, NULL, &m.session, err));
  m.steps.session = m.session;
  free(path);
  return m;
}

static void close_model(struct model *m) {
  steps_reset(&m->steps);
  session_destroy(m->session);
  program_destroy(m->program);
  pool_destroy(m->pool);
  binding_destroy(m->binding);
  weights_close(m->weights);
  registry_close(m->registry);
  graph_destroy(m->graph);
}

static void step(struct model *m, uint32_t rows, const uint32_t *count, const int32_t *const *ids) {
  CHECK_OK(steps_run(&m->steps, rows, count, ids, err));
}

/* --------------------------------------------------- against transformers */

static void open_expected(struct safetensors *st) {
  char *path = test_fixture("gpt2-tied/expected.safetensors");
  CHECK_OK(safetensors_open(st, path, err));
  free(path);
}

static const struct safetensors_tensor *expected(const struct safetensors *st, const char *name) {
  const struct safetensors_tensor *t = safetensors_find(st, name);
  ck_assert_msg(t != NULL, "no %s", name);
  return t;
}

/* Rows of ids without their padding, which is where the mask is 0. */
static void real_ids(const struct safetensors *st, const char *name, int32_t ids[3][16],
                     uint32_t count[3], uint32_t *rows, int64_t *first) {
  char key[64];
  snprintf(key, sizeof key, "%s.input_ids", name);
  const struct safetensors_tensor *t = expected(st, key);
  snprintf(key, sizeof key, "%s.attention_mask", name);
  const int64_t *mask = (const void *)expected(st, key)->data, *from = (const void *)t->data;
  *rows = (uint32_t)t->shape[0];
  for (uint32_t b = 0; b < *rows; b++) {
    count[b] = 0;
    first[b] = -1;
    for (int64_t i = 0; i < t->shape[1]; i++)
      if (mask[b * t->shape[1] + i]) {
        first[b] = first[b] < 0 ? i : first[b];
        ids[b][count[b]++] = (int32_t)from[b * t->shape[1] + i];
      }
  }
}

/* 2e-5: float32 against float32 in another order, see tests/fixtures/README.md. */
static void compare(const struct safetensors *st, const char *name, const char *what,
                    const tfm_tensor *got, uint32_t rows, const uint32_t *count,
                    const int64_t *first) {
  char key[64];
  snprintf(key, sizeof key, "%s.%s", name, what);
  const struct safetensors_tensor *t = safetensors_find(st, key);
  if (!t)
    return;
  int64_t width = t->shape[2];
  ck_assert_int_eq(got->shape[2], width);
  for (uint32_t b = 0; b < rows; b++)
    for (int64_t i = 0; i < (int64_t)count[b] * width; i++) {
      float want, have = ((const float *)got->data)[b * got->shape[1] * width + i];
      memcpy(&want, t->data + ((b * t->shape[1] + first[b]) * width + i) * 4, 4);
      ck_assert_msg(fabsf(want - have) < 2e-5f, "%s row %u at %lld: %g, expected %g", key, b,
                    (long long)i, (double)have, (double)want);
    }
}

START_TEST(test_logits) {
  static const char *const cases[] = {"one", "right", "left"};
  struct safetensors st;
  open_expected(&st);
  for (int reference = 0; reference < 2; reference++) {
    struct model m = open_model(2, reference);
    for (size_t c = 0; c < 3; c++) {
      int32_t ids[3][16];
      uint32_t count[3], rows;
      int64_t first[3];
      real_ids(&st, cases[c], ids, count, &rows, first);
      steps_reset(&m.steps);
      step(&m, rows, count, (const int32_t *const[]){ids[0], ids[1], ids[2]});
      compare(&st, cases[c], "logits", session_output(m.session, "logits"), rows, count, first);
      compare(&st, cases[c], "last_hidden_state", session_output(m.session, "hidden"), rows, count,
              first);
    }
    close_model(&m);
  }
  safetensors_finish(&st);
}
END_TEST

START_TEST(test_greedy) {
  struct safetensors st;
  struct model m = open_model(1, false);
  open_expected(&st);
  const struct safetensors_tensor *prompt = expected(&st, "greedy.input_ids");
  const int64_t *wanted = (const void *)expected(&st, "greedy.ids")->data;
  int32_t ids[16], next;
  uint32_t count = (uint32_t)prompt->shape[1];
  for (uint32_t i = 0; i < count; i++)
    ids[i] = (int32_t)((const int64_t *)(const void *)prompt->data)[i];
  for (int i = 0; i < 32; i++) {
    step(&m, 1, &count, (const int32_t *const[]){ids});
    const tfm_tensor *last = session_output(m.session, "last");
    next = sample_greedy(last->data, VOCABULARY);
    ck_assert_int_eq(next, wanted[i]);
    ids[0] = next;
    count = 1;
  }
  safetensors_finish(&st);
  close_model(&m);
}
END_TEST

/* ------------------------------------------------------------- the same bits */

static int32_t token_at(uint32_t row, int i) {
  return (int32_t)((row * 131 + (uint32_t)i * 57 + 11) % VOCABULARY);
}

/* Logits of row `row` of `length` tokens, alone and in one go. */
static void alone(struct model *m, uint32_t row, int length, float *out) {
  int32_t ids[LONGEST];
  for (int i = 0; i < length; i++)
    ids[i] = token_at(row, i);
  steps_reset(&m->steps);
  step(m, 1, (uint32_t[]){(uint32_t)length}, (const int32_t *const[]){ids});
  memcpy(out, session_output(m->session, "logits")->data,
         (size_t)length * VOCABULARY * sizeof *out);
}

/* Seven rows that grow by steps of unequal size, up to 1 + 5 * row tokens. */
static void check_batch(struct model *m, float (*wanted)[LONGEST * VOCABULARY]) {
  enum { ROWS = 7 };
  int32_t ids[ROWS][LONGEST];
  const int32_t *pointer[ROWS];
  uint32_t count[ROWS], done[ROWS] = {0}, total[ROWS];
  for (uint32_t b = 0; b < ROWS; b++) {
    total[b] = 1 + 5 * b;
    for (int i = 0; i < LONGEST; i++)
      ids[b][i] = token_at(b, i);
  }
  steps_reset(&m->steps);
  for (uint32_t round = 0, left = 1; left; round++) {
    left = 0;
    for (uint32_t b = 0; b < ROWS; b++) {
      uint32_t most = total[b] - done[b], piece = round == 0 ? 1 + b / 2 : (round + b) % 4;
      count[b] = piece < most ? piece : most;
      pointer[b] = ids[b] + done[b];
      left += most;
    }
    if (!left)
      break;
    bool any = false;
    for (uint32_t b = 0; b < ROWS; b++)
      any = any || count[b] > 0;
    if (!any)
      continue;
    step(m, ROWS, count, pointer);
    const tfm_tensor *logits = session_output(m->session, "logits");
    for (uint32_t b = 0; b < ROWS; b++) {
      const float *row = (const float *)logits->data + (int64_t)b * logits->shape[1] * VOCABULARY;
      ck_assert_msg(
          memcmp(row, wanted[b] + done[b] * VOCABULARY, count[b] * VOCABULARY * sizeof *row) == 0,
          "row %u differs after %u tokens", b, done[b]);
      done[b] += count[b];
    }
  }
}

static void check_bits(bool reference) {
  static float wanted[7][LONGEST * VOCABULARY], again[LONGEST * VOCABULARY];
  struct model one = open_model(1, reference), two = open_model(2, reference);
  for (uint32_t b = 0; b < 7; b++) {
    int length = 1 + 5 * (int)b;
    alone(&one, b, length, wanted[b]);
    alone(&two, b, length, again);
    ck_assert_msg(memcmp(wanted[b], again, (size_t)length * VOCABULARY * sizeof(float)) == 0,
                  "row %u differs between 1 and 2 threads", b);
  }
  check_batch(&one, wanted);
  check_batch(&two, wanted);
  close_model(&one);
  close_model(&two);
}

START_TEST(test_same_bits) {
  check_bits(false);
}
END_TEST

START_TEST(test_same_bits_reference) {
  check_bits(true);
}
END_TEST

int main(void) {
  if (!getenv("TFM_PLUGIN_DIR")) {
    puts("skipped: TFM_PLUGIN_DIR does not say where the plugins are");
    return 77;
  }
  const TTest *const tests[] = {test_logits, test_greedy, test_same_bits, test_same_bits_reference};
  return unit_run("decode", tests, sizeof tests / sizeof tests[0]);
}
