/* test_sequences.c - sequences that come and go as they like, in steps of whoever has
 * something to do: each gets the bits that it gets alone.
 *
 * 64 of them, with random arrivals, prompts, lengths and ends, by a seed.  A prompt is
 * run at once or in pieces, beside others that get a token a step; what comes next is
 * the likeliest token, so that one wrong bit may change all that follows.  Some are
 * cut back and say the same again, some are forked and both go on.  Encoders get
 * texts of random lengths in random batches. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "lib/model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { COUNT = 64, TOKENS_MAX = 48, AT_ONCE = 24 };

static unsigned checks, failed;
static uint64_t chance_state;

static uint32_t chance(uint32_t below) {
  chance_state = chance_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
  return (uint32_t)(chance_state >> 33) % below;
}

static void check(bool good, const char *what, int i) {
  checks++;
  failed += !good;
  if (!good)
    printf("not ok: %s: sequence %d\n", what, i);
}

/* What is asked of a sequence, and what it says alone. */
struct wish {
  uint32_t arrival, prompt, total; /* steps; tokens */
  int32_t ids[TOKENS_MAX + 1];     /* the prompt, then the likeliest ones */
  float *logits;                   /* [TOKENS_MAX][width]: after each token from prompt - 1 on */
};

struct runner {
  struct sequence *sequence; /* NULL = not there */
  struct sequence *other;    /* forked from it, says something else; NULL = there is none */
  uint32_t count;            /* tokens that it has run */
  bool done;
};

struct bench {
  const char *name;
  tfm_model *model;
  struct session *session;
  struct wish wish[COUNT];
  size_t width; /* floats of an output at a place */
};

static void must(int status, const struct tfm_error *err) {
  if (status == 0)
    return;
  printf("%s\n%s\n", err->message, err->notes);
  exit(1);
}

static const char *output_name(const struct bench *b) {
  return b->model->graph->output[0].name;
}

/* Row r's output at its last token of `count`, or the whole row's if it has no places. */
static const float *output_of(const struct bench *b, uint32_t r, uint32_t count, size_t *width) {
  const tfm_tensor *t = session_output(b->session, output_name(b));
  int64_t places = t->rank > 2 ? t->shape[1] : 1;
  *width = (size_t)t->shape[t->rank - 1];
  return (const float *)t->data +
         ((int64_t)r * places + (places > 1 ? count - 1 : 0)) * (int64_t)*width;
}

static int32_t likeliest(const float *logits, size_t width) {
  size_t best = 0;
  for (size_t i = 1; i < width; i++)
    best = logits[i] > logits[best] ? i : best;
  return (int32_t)best;
}

/* ---- decoders */

static void wish_alone(struct bench *b, struct wish *w) {
  struct tfm_error err = {0};
  struct step_row row = {.ids = w->ids, .count = w->prompt};
  must(sequence_create(b->model->cache, &row.sequence, &err), &err);
  for (uint32_t n = w->prompt; n <= w->total; n++) {
    size_t width;
    must(session_run(b->session, &row, 1, &err), &err);
    const float *logits = output_of(b, 0, row.count, &width);
    if (!w->logits)
      w->logits = calloc(TOKENS_MAX * width, sizeof *w->logits);
    b->width = width;
    memcpy(w->logits + (n - w->prompt) * width, logits, width * sizeof *logits);
    w->ids[n] = likeliest(logits, width);
    row.ids = &w->ids[n];
    row.count = 1;
  }
  sequence_destroy(row.sequence);
}

static void make_wishes(struct bench *b) {
  for (int i = 0; i < COUNT; i++) {
    struct wish *w = &b->wish[i];
    *w = (struct wish){.arrival = chance(60), .prompt = 1 + chance(i % 8 ? 12 : 30)};
    w->total = w->prompt + chance(TOKENS_MAX - 1 - w->prompt);
    for (uint32_t t = 0; t < w->prompt; t++)
      w->ids[t] = (int32_t)(5 + chance(90));
    wish_alone(b, w);
  }
}

/* Now and then it forgets some of what it said, or is forked, and both go on. */
static void disturb(struct runner *r, const struct wish *w) {
  struct tfm_error err = {0};
  if (chance(12) == 0 && r->count > w->prompt) {
    r->count = w->prompt - 1 + chance(r->count - w->prompt);
    must(sequence_truncate(r->sequence, r->count, &err), &err);
  } else if (chance(8) == 0 && !r->other) {
    must(sequence_fork(r->sequence, &r->other, &err), &err);
    if (chance(2) == 0) {
      struct sequence *parent = r->sequence;
      r->sequence = r->other;
      r->other = parent;
    }
  }
}

static uint32_t add_other(struct runner *r, struct step_row *row, int *who, uint32_t rows) {
  static const int32_t ids[] = {7, 8, 9};
  if (!r->other)
    return rows;
  if (chance(4) == 0 || r->other->length + 3 > TOKENS_MAX) {
    sequence_destroy(r->other);
    r->other = NULL;
    return rows;
  }
  row[rows] = (struct step_row){.sequence = r->other, .ids = ids, .count = 1 + chance(3)};
  who[rows] = -1;
  return rows + 1;
}

static uint32_t fill_step(struct bench *b, struct runner *r, uint32_t step, struct step_row *row,
                          int *who) {
  uint32_t rows = 0;
  struct tfm_error err = {0};
  for (int n = 0, i = (int)chance(COUNT); n < COUNT && rows + 1 < AT_ONCE;
       n++, i = (i + 1) % COUNT) {
    const struct wish *w = &b->wish[i];
    if (r[i].done || w->arrival > step || chance(5) == 0)
      continue;
    if (!r[i].sequence)
      must(sequence_create(b->model->cache, &r[i].sequence, &err), &err);
    disturb(&r[i], w);
    if (chance(2))
      rows = add_other(&r[i], row, who, rows);
    uint32_t left = w->prompt > r[i].count ? w->prompt - r[i].count : 1;
    row[rows] = (struct step_row){.sequence = r[i].sequence,
                                  .ids = w->ids + r[i].count,
                                  .count = chance(3) ? left : 1 + chance(left)};
    who[rows++] = i;
  }
  return rows;
}

static void check_row(struct bench *b, struct runner *r, const struct step_row *row, uint32_t at,
                      int i) {
  const struct wish *w = &b->wish[i];
  size_t width;
  r->count += row->count;
  if (r->count < w->prompt)
    return;
  const float *logits = output_of(b, at, row->count, &width);
  check(memcmp(logits, w->logits + (r->count - w->prompt) * width, width * sizeof *logits) == 0,
        b->name, i);
  r->done = r->count >= w->total;
  if (!r->done)
    return;
  sequence_destroy(r->sequence);
  sequence_destroy(r->other);
  r->sequence = r->other = NULL;
}

static void run_decoder(struct bench *b, uint64_t seed) {
  static struct runner runner[COUNT];
  struct step_row row[AT_ONCE];
  int who[AT_ONCE];
  struct tfm_error err = {0};
  uint32_t left = COUNT;
  chance_state = seed;
  memset(runner, 0, sizeof runner);
  for (uint32_t step = 0; left > 0 && step < 5000; step++) {
    uint32_t rows = fill_step(b, runner, step, row, who);
    if (rows == 0)
      continue;
    must(session_run(b->session, row, rows, &err), &err);
    for (uint32_t at = 0; at < rows; at++) {
      if (who[at] < 0)
        continue;
      check_row(b, &runner[who[at]], &row[at], at, who[at]);
      left -= runner[who[at]].done;
    }
  }
  check(left == 0, "all end", (int)left);
  check(cache_size(b->model->cache).used == 0, "blocks are given back", -1);
}

/* ---- encoders */

/* All of a row's output. */
static const float *encoder_row(const struct bench *b, uint32_t r, uint32_t count, size_t *size) {
  const tfm_tensor *t = session_output(b->session, output_name(b));
  int64_t row = 1;
  for (uint32_t i = 1; i < t->rank; i++)
    row *= t->shape[i];
  *size = (size_t)(t->rank > 2 ? count * t->shape[2] : row);
  return (const float *)t->data + (int64_t)r * row;
}

static void run_encoder(struct bench *b, uint64_t seed) {
  struct tfm_error err = {0};
  size_t size;
  chance_state = seed;
  for (int i = 0; i < COUNT; i++) {
    struct wish *w = &b->wish[i];
    *w = (struct wish){.prompt = 1 + chance(i % 8 ? 12 : 30)};
    for (uint32_t t = 0; t < w->prompt; t++)
      w->ids[t] = (int32_t)(5 + chance(60));
    struct step_row row = {.ids = w->ids, .count = w->prompt};
    must(session_run(b->session, &row, 1, &err), &err);
    const float *alone = encoder_row(b, 0, w->prompt, &size);
    w->logits = malloc(size * sizeof *alone);
    memcpy(w->logits, alone, size * sizeof *alone);
  }
  for (int step = 0; step < 60; step++) {
    struct step_row row[AT_ONCE];
    int who[AT_ONCE];
    uint32_t rows = 1 + chance(AT_ONCE);
    for (uint32_t r = 0; r < rows; r++) {
      const struct wish *w = &b->wish[who[r] = (int)chance(COUNT)];
      row[r] = (struct step_row){.ids = w->ids, .count = w->prompt};
    }
    must(session_run(b->session, row, rows, &err), &err);
    for (uint32_t r = 0; r < rows; r++) {
      const float *found = encoder_row(b, r, row[r].count, &size);
      check(memcmp(found, b->wish[who[r]].logits, size * sizeof *found) == 0, b->name, who[r]);
    }
  }
}

/* ---- models */

static void try_model(const char *file, const char *fixture, uint32_t threads) {
  static struct bench b;
  char weights[1024], name[64];
  const char *plugins = getenv("TFM_PLUGIN_DIR");
  struct tfm_error err = {0};
  snprintf(weights, sizeof weights, "%s/tests/fixtures/%s", getenv("TFM_SRCDIR"), fixture);
  snprintf(name, sizeof name, "%s, %u threads", fixture, threads);
  tfm_open_options open = {.struct_size = sizeof open,
                           .model = file,
                           .weights = weights,
                           .threads = threads,
                           .plugin_dir = &plugins,
                           .plugin_dir_count = 1};
  b = (struct bench){.name = name, .model = tfm_model_open(&open, &err)};
  must(b.model ? 0 : -1, &err);
  struct session_options options = {.cache = b.model->cache};
  must(session_create(b.model->program, &options, &b.session, &err), &err);
  unsigned before = checks;
  if (b.model->cache) {
    chance_state = 7;
    make_wishes(&b);
    for (uint64_t seed = 1; seed <= 2; seed++)
      run_decoder(&b, seed);
  } else {
    run_encoder(&b, 3);
  }
  check(checks - before > 300, name, (int)(checks - before));
  for (int i = 0; i < COUNT; i++)
    free(b.wish[i].logits);
  session_destroy(b.session);
  tfm_model_destroy(b.model);
}

int main(void) {
  for (uint32_t threads = 1; threads <= 2; threads++) {
    try_model("gpt2.tfm", "gpt2-tied", threads);
    try_model("llama.tfm", "llama-gqa", threads);
    try_model("bert.tfm", "bert-mlm", threads);
    try_model("bert.tfm", "bert-classify", threads);
    try_model("bert.tfm", "bert-tags", threads);
  }
  printf("%u checks, %u failed\n", checks, failed);
  return failed != 0;
}
