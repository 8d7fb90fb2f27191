/* test_ragged.c - random batches of rows of unequal length, from one token to many: each row's
 * scores are those that it gets alone, to the bit; fused, unfused, and with the reference
 * kernels. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "tfm/tfm.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS_MAX = 9, TOKENS_MAX = 60, BATCHES = 8 };

static unsigned checks, failed;
static uint64_t state = 12345;

static uint32_t draw(uint32_t below) {
  state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
  return (uint32_t)(state >> 33) % below;
}

static void check(int good, const char *what, const char *fixture, uint32_t flags) {
  checks++;
  if (!good) {
    failed++;
    printf("not ok: %s: %s, flags %u\n", what, fixture, flags);
  }
}

/* Every place of every row is scored. */
struct batch {
  tfm_score_input input[ROWS_MAX];
  int32_t ids[ROWS_MAX][TOKENS_MAX], target[ROWS_MAX][TOKENS_MAX];
  uint32_t place[TOKENS_MAX];
  size_t rows, total;
};

static void fill(struct batch *b) {
  b->rows = 2 + draw(ROWS_MAX - 1);
  b->total = 0;
  for (size_t r = 0; r < b->rows; r++) {
    size_t tokens = 1 + (draw(4) == 0 ? draw(TOKENS_MAX) : draw(8));
    for (size_t t = 0; t < tokens; t++) {
      b->ids[r][t] = (int32_t)(5 + draw(90));
      b->target[r][t] = (int32_t)(5 + draw(90));
      b->place[t] = (uint32_t)t;
    }
    b->input[r] = (tfm_score_input){.struct_size = sizeof b->input[r],
                                    .ids = b->ids[r],
                                    .id_count = tokens,
                                    .place = b->place,
                                    .target = b->target[r],
                                    .target_count = tokens};
    b->total += tokens;
  }
}

static void try_batch(tfm_model *model, const char *fixture, uint32_t flags, tfm_error *error) {
  static struct batch b;
  static tfm_score all[ROWS_MAX * TOKENS_MAX], one[TOKENS_MAX];
  size_t at = 0;
  fill(&b);
  int status = tfm_model_score(model, b.input, b.rows, all, error);
  check(status == 0, "a batch", fixture, flags);
  for (size_t r = 0; status == 0 && r < b.rows; at += b.input[r++].target_count) {
    int same = tfm_model_score(model, &b.input[r], 1, one, error) == 0;
    for (size_t i = 0; same && i < b.input[r].target_count; i++)
      same = memcmp(&all[at + i].log_probability, &one[i].log_probability, sizeof(double)) == 0 &&
             all[at + i].rank == one[i].rank;
    check(same, "a row is another in a batch", fixture, flags);
  }
}

static void try_model(const char *model, const char *fixture, uint32_t flags, uint32_t threads) {
  char weights[1024];
  const char *root = getenv("TFM_SRCDIR"), *plugins = getenv("TFM_PLUGIN_DIR");
  snprintf(weights, sizeof weights, "%s/tests/fixtures/%s", root ? root : ".", fixture);
  tfm_open_options open = {.struct_size = sizeof open,
                           .flags = flags | TFM_OPEN_ALL_LOGITS,
                           .model = model,
                           .weights = weights,
                           .threads = threads,
                           .plugin_dir = &plugins,
                           .plugin_dir_count = plugins ? 1 : 0};
  tfm_error *error = tfm_error_create();
  tfm_model *opened = tfm_model_open(&open, error);
  check(opened != NULL, "it does not open", fixture, flags);
  for (int i = 0; opened && i < BATCHES; i++)
    try_batch(opened, fixture, flags, error);
  if (failed)
    printf("%s\n", tfm_error_message(error));
  tfm_model_destroy(opened);
  tfm_error_destroy(error);
}

int main(void) {
  static const uint32_t flags[] = {0, TFM_OPEN_NO_FUSE, TFM_OPEN_REFERENCE};
  for (size_t i = 0; i < sizeof flags / sizeof *flags; i++) {
    try_model("bert.tfm", "bert-mlm", flags[i], 1 + i % 2);
    try_model("gpt2.tfm", "gpt2-tied", flags[i], 2 - i % 2);
    try_model("llama.tfm", "llama-gqa", flags[i], 2);
  }
  printf("%u checks, %u failed\n", checks, failed);
  return failed != 0;
}
