/* test_programs.c - model files made by a grammar, run on random weights: fused, as written,
 * by the reference kernels, with one thread and with two, alone and in a batch, all say the
 * same.
 *
 *     test_programs [FIRST [COUNT]]     the seeds to try
 *
 * A value is read again and again by what comes after it, since that is what fusion has to
 * see; the ends of all that nobody read are added up, so that nothing is dead. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "tfm/tfm.h"

#include <math.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { VALUES = 24, WIDTH = 16, ROWS = 3, LONGEST = 7, SEEDS = 120 };

static unsigned checks, failed;
static char directory[] = "/tmp/tfm-programs-XXXXXX";

/* ------------------------------------------------------------------ a program */

struct program {
  uint64_t state;
  char weights[8192], body[8192];
  size_t weight_count;
  unsigned uses[VALUES];
  int values;
};

static unsigned pick(struct program *p, unsigned below) {
  p->state = p->state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
  return (unsigned)(p->state >> 33) % below;
}

static void put(char *text, size_t size, const char *format, ...) {
  va_list args;
  size_t used = strlen(text);
  va_start(args, format);
  if (vsnprintf(text + used, size - used, format, args) >= (int)(size - used))
    abort();
  va_end(args);
}

/* An earlier value; often the one before, so that chains are made. */
static int value(struct program *p) {
  int v = pick(p, 2) ? p->values - 1 : (int)pick(p, (unsigned)p->values);
  p->uses[v]++;
  return v;
}

static size_t weight(struct program *p, const char *shape) {
  put(p->weights, sizeof p->weights, "weight w%zu: %s = @w%zu.weight\n", p->weight_count, shape,
      p->weight_count);
  return p->weight_count++;
}

#define PUT(...) put(p->body, sizeof p->body, __VA_ARGS__)

static void add_linear(struct program *p) {
  int x = value(p);
  PUT("  x%d = linear(x%d, weight: w%zu)\n", p->values, x, weight(p, "[D, D]"));
}

/* Residuals as models have them, on either side, with a second reader at times. */
static void add_residual(struct program *p) {
  int x = value(p), y = value(p);
  size_t w = weight(p, "[D, D]");
  switch (pick(p, 3)) {
  case 0:
    PUT("  x%d = x%d + linear(x%d, weight: w%zu)\n", p->values, y, x, w);
    break;
  case 1:
    PUT("  x%d = linear(x%d, weight: w%zu) + x%d\n", p->values, x, w, y);
    break;
  default:
    PUT("  t%d = linear(x%d, weight: w%zu)\n", p->values, x, w);
    PUT("  x%d = (x%d + t%d) * 0.5 + t%d\n", p->values, y, p->values, p->values);
  }
}

static void add_norm(struct program *p) {
  int x = value(p), y = value(p);
  const char *norm = pick(p, 2) ? "layer_norm" : "rms_norm";
  size_t w = weight(p, "[D]");
  switch (pick(p, 3)) {
  case 0:
    PUT("  x%d = %s(x%d, weight: w%zu)\n", p->values, norm, x, w);
    break;
  case 1:
    PUT("  x%d = %s(x%d + x%d, weight: w%zu)\n", p->values, norm, x, y, w);
    break;
  default:
    PUT("  s%d = x%d + x%d\n", p->values, x, y);
    PUT("  x%d = %s(s%d, weight: w%zu) - s%d\n", p->values, norm, p->values, w, p->values);
  }
}

static void add_three(struct program *p) {
  int x = value(p), n = p->values;
  size_t a = weight(p, "[D, D]"), b = weight(p, "[D, D]"), c = weight(p, "[D, D]");
  PUT("  q%d = linear(x%d, weight: w%zu)\n  k%d = linear(x%d, weight: w%zu)\n", n, x, a, n, x, b);
  PUT("  v%d = linear(x%d, weight: w%zu)\n", n, x, c);
  PUT("  x%d = attention(q%d, k%d, v%d, mask: padding(real)%s, heads: %u)\n", n, n, n, n,
      pick(p, 2) ? " & causal()" : "", 1u << pick(p, 3));
  if (pick(p, 3) == 0)
    put(p->body, sizeof p->body, "  x%d = x%d + q%d\n", n, n, n);
}

static void add_plain(struct program *p) {
  static const char *const kinds[] = {"gelu", "gelu_new", "relu", "silu", "tanh"};
  int x = value(p), y = value(p);
  switch (pick(p, 4)) {
  case 0:
    PUT("  x%d = activation(x%d, kind: \"%s\")\n", p->values, x, kinds[pick(p, 5)]);
    break;
  case 1:
    PUT("  x%d = x%d * x%d\n", p->values, x, y);
    break;
  case 2:
    PUT("  x%d = linear(concat(x%d, x%d), weight: w%zu)\n", p->values, x, y,
        weight(p, "[D, 2 * D]"));
    break;
  default:
    PUT("  a%d, b%d = split(linear(x%d, weight: w%zu), parts: 2)\n", p->values, p->values, x,
        weight(p, "[2 * D, D]"));
    PUT("  x%d = a%d - b%d * 0.5\n", p->values, p->values, p->values);
  }
}

static void make(uint64_t seed, struct program *p) {
  static void (*const rule[])(struct program *) = {add_linear,   add_residual, add_norm,
                                                   add_residual, add_three,    add_plain};
  *p = (struct program){.state = seed * UINT64_C(0x9e3779b97f4a7c15) + 1, .values = 1};
  PUT("  x0 = embedding(ids, weight: words) + embedding(pos, weight: places)\n");
  unsigned count = 4 + pick(p, VALUES - 5);
  for (unsigned i = 0; i < count; i++) {
    rule[pick(p, sizeof rule / sizeof *rule)](p);
    if (pick(p, 3) == 0) { /* values stay about as large as they were */
      PUT("  x%d = layer_norm(x%d, weight: w%zu)\n", p->values, p->values, weight(p, "[D]"));
    }
    p->values++;
  }
  PUT("  end = l2_normalize(x%d)\n", p->values - 1);
  for (int v = 0; v < p->values - 1; v++)
    if (p->uses[v] == 0)
      PUT("  end = end + l2_normalize(x%d)\n", v);
}

static void write_file(const char *name, const char *text) {
  char path[256];
  snprintf(path, sizeof path, "%s/%s", directory, name);
  FILE *file = fopen(path, "w");
  if (!file || fputs(text, file) < 0 || fclose(file) != 0)
    abort();
}

static void write_program(const struct program *p) {
  char text[20000];
  snprintf(text, sizeof text,
           "tfm 1\nmodel p for \"p\"\nparam D = config.D\ndim B, T <= 64\n"
           "input ids: i32[B, T] = tokens.ids\ninput pos: i32[B, T] = tokens.positions\n"
           "input real: bool[B, T] = tokens.mask\n"
           "weight words: [50, D] = @words.weight\nweight places: [64, D] = @places.weight\n%s"
           "graph encode {\n%s  return end\n}\n"
           "head e(x): embed for \"P\" { return vector = mean_pool(x, real) }\n",
           p->weights, p->body);
  write_file("p.tfm", text);
}

/* ---------------------------------------------------------------------- runs */

struct answers {
  float vector[ROWS][WIDTH];
};

static bool run(uint32_t flags, uint32_t threads, bool batch, struct answers *out) {
  static const int32_t ids[] = {3, 1, 4, 1, 5, 9, 2, 6, 5, 35, 8, 9, 7, 49};
  static const size_t lengths[ROWS] = {LONGEST, 1, 4};
  char model[256];
  const char *plugins = getenv("TFM_PLUGIN_DIR");
  tfm_input input[ROWS];
  snprintf(model, sizeof model, "%s/p.tfm", directory);
  tfm_open_options open = {.struct_size = sizeof open,
                           .flags = flags | TFM_OPEN_RANDOM_WEIGHTS,
                           .model = model,
                           .weights = directory,
                           .threads = threads,
                           .plugin_dir = &plugins,
                           .plugin_dir_count = 1};
  tfm_error *error = tfm_error_create();
  tfm_model *opened = tfm_model_open(&open, error);
  bool good = opened != NULL;
  for (size_t r = 0; r < ROWS; r++)
    input[r] = (tfm_input){.struct_size = sizeof *input, .ids = ids + r, .id_count = lengths[r]};
  for (size_t r = 0; good && r < ROWS; r += batch ? ROWS : 1) {
    tfm_result *result = NULL;
    good = tfm_model_run(opened, &input[r], batch ? ROWS : 1, NULL, &result, error) == 0;
    for (size_t i = 0; good && i < tfm_result_count(result); i++)
      memcpy(out->vector[r + i], tfm_result_answer(result, i)->vector, sizeof out->vector[0]);
    tfm_result_destroy(result);
  }
  if (!good)
    printf("%s\n%s\n", tfm_error_message(error), tfm_error_notes(error));
  tfm_model_destroy(opened);
  tfm_error_destroy(error);
  return good;
}

static double distance(const struct answers *a, const struct answers *b) {
  double most = 0;
  for (size_t r = 0; r < ROWS; r++)
    for (size_t d = 0; d < WIDTH; d++) {
      double apart = fabs((double)a->vector[r][d] - (double)b->vector[r][d]);
      if (!(apart <= most))
        most = apart;
    }
  return most;
}

static void check(bool good, const char *what, uint64_t seed, double apart) {
  checks++;
  if (!good) {
    failed++;
    printf("not ok: program %llu: %s (%g apart)\n", (unsigned long long)seed, what, apart);
  }
}

static void try_seed(uint64_t seed) {
  const double near = 1e-3; /* of vectors with lengths about 1: rounding, through some layers */
  struct program program;
  struct answers fused, other;
  make(seed, &program);
  write_program(&program);
  if (!run(0, 1, true, &fused)) {
    check(false, "it does not run", seed, 0);
    return;
  }
  if (run(0, 2, false, &other))
    check(memcmp(&fused, &other, sizeof fused) == 0, "one by one, with two threads", seed,
          distance(&fused, &other));
  if (run(TFM_OPEN_NO_FUSE, 2, true, &other))
    check(distance(&fused, &other) < near, "fused and as it is written", seed,
          distance(&fused, &other));
  if (run(TFM_OPEN_NO_FUSE | TFM_OPEN_REFERENCE, 1, false, &other))
    check(distance(&fused, &other) < near, "the reference kernels", seed, distance(&fused, &other));
}

int main(int argc, char **argv) {
  uint64_t first = argc > 1 ? strtoull(argv[1], NULL, 10) : 1;
  uint64_t count = argc > 2 ? strtoull(argv[2], NULL, 10) : argc > 1 ? 1 : SEEDS;
  if (!mkdtemp(directory))
    return 99;
  write_file("config.json", "{\"model_type\": \"p\", \"architectures\": [\"P\"], "
                            "\"vocab_size\": 50, \"D\": 16}");
  for (uint64_t seed = first; seed < first + count; seed++)
    try_seed(seed);
  char path[256];
  if (argc == 1 || failed == 0) {
    snprintf(path, sizeof path, "%s/p.tfm", directory);
    unlink(path);
    snprintf(path, sizeof path, "%s/config.json", directory);
    unlink(path);
    rmdir(directory);
  } else {
    printf("the last program is in %s\n", directory);
  }
  printf("%u checks, %u failed\n", checks, failed);
  return failed != 0;
}
