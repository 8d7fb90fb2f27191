/* programs.c - the grammar, and the ways to run what it makes. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "tests/parity/programs.h"

#include "tfm/tfm.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WIDTH = 16, WORDS = 50, ROWS = 3, LONGEST = 7, STEPS = 3 };

/* ------------------------------------------------------------------ a program */

static unsigned pick(struct program *p, unsigned below) {
  if (p->choice != NULL) {
    if (p->choice_count == 0)
      return 0;
    p->choice_count--;
    return *p->choice++ % below;
  }
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
  unsigned heads = 1u << pick(p, 3);
  PUT("  q%d = linear(x%d, weight: w%zu)\n  k%d = linear(x%d, weight: w%zu)\n", n, x, a, n, x, b);
  PUT("  v%d = linear(x%d, weight: w%zu)\n", n, x, c);
  const char *causal = pick(p, 2) || p->decodes ? " & causal()" : "";
  for (const char *name = "qkv"; *name; name++)
    PUT("  h%c%d = reshape(%c%d, shape: [B, T, %u, _])\n", *name, n, *name, n, heads);
  PUT("  x%d = attention(hq%d, hk%d, hv%d, mask: padding(real)%s", n, n, n, n, causal);
  if (p->decodes)
    PUT(", cache: past[%u]", p->layers++);
  PUT(")\n");
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
  case 1: /* no larger than y, however often */
    PUT("  x%d = activation(x%d, kind: \"tanh\") * x%d\n", p->values, x, y);
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

static void add_value(struct program *p) {
  static void (*const rule[])(struct program *) = {add_linear,   add_residual, add_norm,
                                                   add_residual, add_three,    add_plain};
  rule[pick(p, sizeof rule / sizeof *rule)](p);
  if (pick(p, 3) == 0) { /* values stay about as large as they were */
    PUT("  x%d = layer_norm(x%d, weight: w%zu)\n", p->values, p->values, weight(p, "[D]"));
  }
  p->values++;
}

static void make(struct program *p) {
  p->values = 1;
  p->decodes = pick(p, 2) == 1;
  PUT("  x0 = embedding(ids, weight: words) + embedding(pos, weight: places)\n");
  unsigned count = 3 + pick(p, PROGRAM_VALUES - 5);
  for (unsigned i = 0; i < count && (p->choice == NULL || p->choice_count > 0); i++)
    add_value(p);
  if (p->decodes && p->layers == 0) { /* a decoder's state is of some op */
    add_three(p);
    p->values++;
  }
  PUT("  end = l2_normalize(x%d)\n", p->values - 1);
  for (int v = 0; v < p->values - 1; v++)
    if (p->uses[v] == 0)
      PUT("  end = end + l2_normalize(x%d)\n", v);
}

void program_from_seed(struct program *program, uint64_t seed) {
  *program = (struct program){.state = seed * UINT64_C(0x9e3779b97f4a7c15) + 1};
  make(program);
}

void program_from_bytes(struct program *program, const uint8_t *bytes, size_t count) {
  static const uint8_t none;
  *program = (struct program){.choice = count ? bytes : &none, .choice_count = count};
  make(program);
}

static void write_file(const char *directory, const char *name, const char *text) {
  char path[256];
  snprintf(path, sizeof path, "%s/%s", directory, name);
  FILE *file = fopen(path, "w");
  if (!file || fputs(text, file) < 0 || fclose(file) != 0)
    abort();
}

static void write_program(const struct program *p, const char *directory) {
  char text[20000], head[256] = "embed for \"P\" { return vector = mean_pool(x, real) }";
  char state[64] = "", real = p->decodes ? 'S' : 'T';
  if (p->decodes) {
    snprintf(state, sizeof state, "state past: kv[%u]\n", p->layers);
    snprintf(head, sizeof head,
             "generate for \"P\" { return logits = linear(x * 64.0, weight: words) }");
  }
  snprintf(text, sizeof text,
           "tfm 1\nmodel p for \"p\"\nparam D = config.D\ndim B, T <= 64, S <= 64\n"
           "input ids: i32[B, T] = tokens.ids\ninput pos: i32[B, T] = tokens.positions\n"
           "input real: bool[B, %c] = tokens.mask\n%s"
           "weight words: [%d, D] = @words.weight\nweight places: [64, D] = @places.weight\n%s"
           "graph %s {\n%s  return end\n}\nhead e(x): %s\n",
           real, state, WORDS, p->weights, p->decodes ? "decode" : "encode", p->body, head);
  write_file(directory, "p.tfm", text);
  write_file(directory, "config.json",
             "{\"model_type\": \"p\", \"architectures\": [\"P\"], "
             "\"vocab_size\": 50, \"D\": 16}");
}

/* ---------------------------------------------------------------------- runs */

struct way {
  uint32_t flags, threads;
  bool batch;
};

/* Of an encoder: its vectors.  Of a decoder: what it generates, and the logarithms of all
 * tokens' probabilities at each step, by id. */
struct answers {
  float vector[ROWS][WIDTH];
  int32_t ids[ROWS][STEPS];
  double words[ROWS][STEPS][WORDS];
};

static const int32_t text[] = {3, 1, 4, 1, 5, 9, 2, 6, 5, 35, 8, 9, 7, 49};
static const size_t lengths[ROWS] = {LONGEST, 1, 4};

/* Threads and plugins of one thread and of two, for all programs of this process. */
static tfm_context *contexts[2];

static void destroy_contexts(void) {
  for (size_t i = 0; i < sizeof contexts / sizeof *contexts; i++)
    tfm_context_destroy(contexts[i]);
}

static tfm_context *context_of(uint32_t threads, tfm_error *error) {
  const char *plugins = getenv("TFM_PLUGIN_DIR");
  tfm_context **context = &contexts[threads - 1];
  tfm_context_options options = {.struct_size = sizeof options,
                                 .threads = threads,
                                 .plugin_dir = &plugins,
                                 .plugin_dir_count = plugins != NULL};
  if (!contexts[0] && !contexts[1] && atexit(destroy_contexts) != 0)
    abort();
  if (!*context)
    *context = tfm_context_create(&options, error);
  return *context;
}

static tfm_model *open_model(const struct way *way, const char *directory, tfm_error *error) {
  char model[256];
  tfm_context *context = context_of(way->threads, error);
  snprintf(model, sizeof model, "%s/p.tfm", directory);
  tfm_open_options open = {.struct_size = sizeof open,
                           .flags = way->flags | TFM_OPEN_RANDOM_WEIGHTS,
                           .model = model,
                           .weights = directory,
                           .context = context};
  return context ? tfm_model_open(&open, error) : NULL;
}

/* Step s of the row is what the answer's token at is told with. */
static void take_step(const tfm_answer *answer, size_t at, size_t row, size_t s,
                      struct answers *out) {
  const tfm_token_score *token = &answer->token_score[at];
  out->ids[row][s] = token->id;
  for (size_t i = 0; i < token->best_count; i++)
    out->words[row][s][token->best[i].id] = token->best[i].score;
}

static int run_rows(tfm_model *model, const tfm_input *input, size_t count, int64_t tokens,
                    tfm_result **result, tfm_error *error) {
  tfm_run_options options = {
      .struct_size = sizeof options, .max_new_tokens = tokens, .ignore_stop = 1, .logprobs = WORDS};
  return tfm_model_run(model, input, count, &options, result, error);
}

static bool run_all(tfm_model *model, const struct program *program, bool batch,
                    struct answers *out, tfm_error *error) {
  tfm_input input[ROWS];
  bool good = true;
  for (size_t r = 0; r < ROWS; r++)
    input[r] = (tfm_input){.struct_size = sizeof *input, .ids = text + r, .id_count = lengths[r]};
  for (size_t r = 0; good && r < ROWS; r += batch ? ROWS : 1) {
    tfm_result *result = NULL;
    good = run_rows(model, &input[r], batch ? ROWS : 1, STEPS, &result, error) == 0;
    for (size_t i = 0; good && i < tfm_result_count(result); i++) {
      const tfm_answer *answer = tfm_result_answer(result, i);
      if (!program->decodes)
        memcpy(out->vector[r + i], answer->vector, sizeof out->vector[0]);
      for (size_t s = 0; program->decodes && s < STEPS; s++)
        take_step(answer, s, r + i, s, out);
    }
    tfm_result_destroy(result);
  }
  return good;
}

/* Each step with nothing in the state: the prompt, and the tokens that `like` generated. */
static bool run_again(tfm_model *model, const struct answers *like, struct answers *out,
                      tfm_error *error) {
  int32_t ids[LONGEST + STEPS];
  bool good = true;
  for (size_t r = 0; good && r < ROWS; r++) {
    memcpy(ids, text + r, lengths[r] * sizeof *ids);
    memcpy(ids + lengths[r], like->ids[r], STEPS * sizeof *ids);
    for (size_t s = 0; good && s < STEPS; s++) {
      tfm_input input = {.struct_size = sizeof input, .ids = ids, .id_count = lengths[r] + s};
      tfm_result *result = NULL;
      good = run_rows(model, &input, 1, 1, &result, error) == 0;
      if (good)
        take_step(tfm_result_answer(result, 0), 0, r, s, out);
      tfm_result_destroy(result);
    }
  }
  return good;
}

/* As the way says; a decoder step by step, or with `like` anew at each step.  again, which may
 * be NULL: a decoder's steps anew by the same model, like those of out. */
static bool run(const struct program *program, const char *directory, const struct way *way,
                const struct answers *like, struct answers *out, struct answers *again) {
  tfm_error *error = tfm_error_create();
  tfm_model *model = open_model(way, directory, error);
  memset(out, 0, sizeof *out);
  bool good = model != NULL && (like != NULL ? run_again(model, like, out, error)
                                             : run_all(model, program, way->batch, out, error));
  if (good && again != NULL) {
    memset(again, 0, sizeof *again);
    good = !program->decodes || run_again(model, out, again, error);
  }
  if (!good)
    printf("%s\n%s\n", tfm_error_message(error), tfm_error_notes(error));
  tfm_model_destroy(model);
  tfm_error_destroy(error);
  return good;
}

static void keep_most(double a, double b, double *most) {
  double apart = fabs(a - b);
  if (!(apart <= *most)) /* NaN, too */
    *most = apart;
}

static double distance(const struct answers *a, const struct answers *b) {
  double most = 0;
  for (size_t r = 0; r < ROWS; r++) {
    for (size_t d = 0; d < WIDTH; d++)
      keep_most((double)a->vector[r][d], (double)b->vector[r][d], &most);
    for (size_t s = 0; s < STEPS; s++)
      for (size_t w = 0; w < WORDS; w++)
        keep_most(a->words[r][s][w], b->words[r][s][w], &most);
  }
  return most;
}

static void check(struct program_verdict *verdict, bool good, const char *what, double apart) {
  verdict->checks++;
  if (good)
    return;
  verdict->failed++;
  verdict->what = what;
  verdict->apart = apart;
}

void program_try(const struct program *program, const char *directory,
                 struct program_verdict *verdict) {
  static const struct way fused_way = {.threads = 1, .batch = true};
  static const struct {
    const char *what;
    struct way way;
    double near; /* of vectors with lengths about 1: rounding, through some layers; 0 = the bits */
  } other[] = {
      {"one by one, with two threads", {.threads = 2}, 0},
      {"fused and as it is written", {TFM_OPEN_NO_FUSE, 2, true}, 1e-3},
      {"the reference kernels", {TFM_OPEN_NO_FUSE | TFM_OPEN_REFERENCE, 1, false}, 1e-3},
  };
  static struct answers fused, anew, now;
  *verdict = (struct program_verdict){0};
  write_program(program, directory);
  if (!run(program, directory, &fused_way, NULL, &fused, &anew)) {
    check(verdict, false, "it does not run", 0);
    return;
  }
  if (program->decodes)
    check(verdict, memcmp(fused.words, anew.words, sizeof anew.words) == 0,
          "from the state and anew", distance(&fused, &anew));
  for (size_t i = 0; i < sizeof other / sizeof *other; i++) {
    double near = other[i].near;
    /* rounding may choose another token of two that are as likely: given those of the first */
    const struct answers *like = near > 0 && program->decodes ? &fused : NULL;
    bool ran = run(program, directory, &other[i].way, like, &now, NULL);
    double apart = distance(&fused, &now);
    check(verdict, ran && (near > 0 ? apart < near : memcmp(&fused, &now, sizeof now) == 0),
          other[i].what, apart);
  }
}
