/* heads.h - checkpoints whose logits anyone can compute: that of column c for token id at
 * place at is h(id, c) + h'(at, c), as tests/parity/places/make.py has it.  Each is written
 * to a directory of its own, with a tokenizer of tests/fixtures/tokenizers. */
#ifndef TFM_TESTS_PARITY_HEADS_H
#define TFM_TESTS_PARITY_HEADS_H

#include "tfm/tfm.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { HEAD_IDS = 400, HEAD_COLUMNS = 6, HEAD_PLACES = 512, HEAD_PATH = 1024 };

struct head {
  const char *task;      /* "classify_tokens", "qa" */
  const char *tokenizer; /* "bert-cased" */
  const char *labels;    /* of config.json: ["O", ...]; NULL = none */
  uint64_t seed;
  unsigned columns, places; /* places: the longest sequence */
  float first;              /* more at the first place */
  char directory[64];
};

static inline float head_share(uint64_t x) {
  x = (x * 2654435761u) & 0xffffffffu;
  return (float)((x >> 12) % 1000) / 100.0f - 5.0f;
}

static inline bool head_file(const struct head *h, const char *name, const void *data,
                             size_t size) {
  char path[HEAD_PATH];
  snprintf(path, sizeof path, "%s/%s", h->directory, name);
  FILE *file = fopen(path, "wb");
  bool ok = file && fwrite(data, 1, size, file) == size;
  return file && fclose(file) == 0 && ok;
}

static inline bool head_model(const struct head *h) {
  char text[1024];
  bool qa = strcmp(h->task, "qa") == 0;
  int size = snprintf(
      text, sizeof text,
      "tfm 1\nmodel head for \"head\"\nparam V = %d, N = %u, P = %u\ndim B, T <= P\n"
      "input ids: i32[B, T] = tokens.ids\ninput pos: i32[B, T] = tokens.positions\n"
      "weight by_id: [V, N] = @by_id\nweight by_place: [P, N] = @by_place\n"
      "graph encode { return embedding(ids, weight: by_id) + embedding(pos, weight: by_place) }\n"
      "head only(x): %s%s for \"Head\" { return %s }\n",
      HEAD_IDS, h->columns, h->places, h->task, h->labels ? "(labels: config.id2label)" : "",
      qa ? "start, end = split(x, parts: 2)" : "logits = x");
  return head_file(h, "head.tfm", text, (size_t)size);
}

static inline bool head_config(const struct head *h) {
  char text[1024];
  int size = snprintf(text, sizeof text,
                      "{\"model_type\": \"head\", \"architectures\": [\"Head\"], "
                      "\"vocab_size\": %d%s%s}",
                      HEAD_IDS, h->labels ? ", \"id2label\": " : "", h->labels ? h->labels : "");
  return head_file(h, "config.json", text, (size_t)size);
}

static inline void head_table(const struct head *h, char *to, size_t rows, uint64_t from,
                              float first) {
  for (uint64_t i = 0; i < rows; i++)
    for (uint64_t c = 0; c < h->columns; c++) {
      float value = head_share(h->seed * 1000003 + from + i * 64 + c) + (i == 0 ? first : 0);
      memcpy(to + (i * h->columns + c) * sizeof value, &value, sizeof value);
    }
}

static inline bool head_weights(const struct head *h) {
  static char text[16384 + (HEAD_IDS + HEAD_PLACES) * HEAD_COLUMNS * sizeof(float)];
  size_t first = HEAD_IDS * h->columns * sizeof(float),
         second = h->places * h->columns * sizeof(float);
  memset(text, 0, 8);
  int header =
      snprintf(text + 8, 1024,
               "{\"by_id\":{\"dtype\":\"F32\",\"shape\":[%d,%u],\"data_offsets\":[0,%zu]},"
               "\"by_place\":{\"dtype\":\"F32\",\"shape\":[%u,%u],\"data_offsets\":[%zu,%zu]}}",
               HEAD_IDS, h->columns, first, h->places, h->columns, first, first + second);
  text[0] = (char)(header & 255);
  text[1] = (char)(header >> 8);
  head_table(h, text + 8 + header, HEAD_IDS, 0, 0);
  head_table(h, text + 8 + header + first, h->places, 500009, h->first);
  return head_file(h, "model.safetensors", text, 8 + (size_t)header + first + second);
}

static inline bool head_tokenizer(const struct head *h) {
  static const char *const names[] = {"tokenizer.json", "tokenizer_config.json", "vocab.txt"};
  const char *source = getenv("TFM_SRCDIR");
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    char from[HEAD_PATH], to[HEAD_PATH];
    snprintf(from, sizeof from, "%s/tests/fixtures/tokenizers/%s/%s", source ? source : ".",
             h->tokenizer, names[i]);
    snprintf(to, sizeof to, "%s/%s", h->directory, names[i]);
    if (access(from, R_OK) == 0 && symlink(from, to) != 0)
      return false;
  }
  return true;
}

/* NULL: error says why, or a file could not be written. */
static inline tfm_model *head_open(struct head *h, tfm_error *error) {
  char path[HEAD_PATH];
  const char *plugins = getenv("TFM_PLUGIN_DIR");
  strcpy(h->directory, "/tmp/tfm-head-XXXXXX");
  if (!mkdtemp(h->directory) || !head_model(h) || !head_config(h) || !head_weights(h) ||
      !head_tokenizer(h))
    return NULL;
  snprintf(path, sizeof path, "%s/head.tfm", h->directory);
  tfm_open_options open = {.struct_size = sizeof open,
                           .model = path,
                           .weights = h->directory,
                           .threads = 1,
                           .plugin_dir = &plugins,
                           .plugin_dir_count = plugins ? 1 : 0};
  return tfm_model_open(&open, error);
}

static inline void head_close(const struct head *h, tfm_model *model) {
  static const char *const names[] = {
      "head.tfm",       "config.json",           "model.safetensors",
      "tokenizer.json", "tokenizer_config.json", "vocab.txt"};
  tfm_model_destroy(model);
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    char path[HEAD_PATH];
    snprintf(path, sizeof path, "%s/%s", h->directory, names[i]);
    unlink(path);
  }
  rmdir(h->directory);
}

#endif
