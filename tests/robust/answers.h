/* answers.h - all that an answer holds as one number, and models to get answers of. */
#ifndef TFM_TESTS_ROBUST_ANSWERS_H
#define TFM_TESTS_ROBUST_ANSWERS_H

#include "tfm/tfm.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* FNV-1a, 64 bits. */
static inline uint64_t answers_mix(uint64_t hash, const void *data, size_t size) {
  const unsigned char *byte = data;
  for (size_t i = 0; i < size; i++)
    hash = (hash ^ byte[i]) * UINT64_C(0x100000001b3);
  return hash;
}

static inline uint64_t answers_choices(uint64_t hash, const tfm_choice *choice, size_t count) {
  for (size_t i = 0; i < count; i++) {
    hash = answers_mix(hash, choice[i].text, choice[i].text_length);
    hash = answers_mix(hash, &choice[i].id, sizeof choice[i].id);
    hash = answers_mix(hash, &choice[i].score, sizeof choice[i].score);
    hash = answers_mix(hash, &choice[i].logit, sizeof choice[i].logit);
  }
  return hash;
}

/* Every bit of one answer. */
static inline uint64_t answers_hash(const tfm_answer *a) {
  uint64_t hash = UINT64_C(0xcbf29ce484222325);
  hash = answers_mix(hash, a->text, a->text_length);
  hash = answers_mix(hash, a->ids, a->id_count * sizeof *a->ids);
  hash = answers_mix(hash, a->vector, a->vector_count * sizeof *a->vector);
  if (a->stop)
    hash = answers_mix(hash, a->stop, strlen(a->stop));
  for (size_t p = 0; p < a->place_count; p++) {
    hash = answers_mix(hash, a->place[p].text, a->place[p].text_length);
    hash = answers_mix(hash, &a->place[p].begin, sizeof a->place[p].begin);
    hash = answers_choices(hash, a->place[p].choice, a->place[p].choice_count);
  }
  for (size_t t = 0; a->token_score && t < a->id_count; t++) {
    hash = answers_mix(hash, &a->token_score[t].log_probability, sizeof(double));
    hash = answers_choices(hash, a->token_score[t].best, a->token_score[t].best_count);
  }
  return hash;
}

/* A fixture, opened as the tests' environment says; NULL is told.  model: a name in models/,
 * or a path. */
static inline tfm_model *answers_open(const char *model, const char *fixture, const char *task,
                                      uint32_t threads, tfm_context *context) {
  const char *root = getenv("TFM_SRCDIR"), *plugins = getenv("TFM_PLUGIN_DIR");
  char model_path[1024], weights[1024];
  tfm_error *error = tfm_error_create();
  snprintf(model_path, sizeof model_path, "%s%s%s", *model == '/' ? "" : root,
           *model == '/' ? "" : "/models/", model);
  snprintf(weights, sizeof weights, "%s/tests/fixtures/%s", root, fixture);
  tfm_open_options options = {.struct_size = sizeof options,
                              .model = model_path,
                              .weights = weights,
                              .task = task,
                              .threads = context ? 0 : threads,
                              .plugin_dir = &plugins,
                              .plugin_dir_count = context ? 0 : 1,
                              .context = context};
  tfm_model *made = tfm_model_open(&options, error);
  if (!made)
    printf("%s: %s\n", fixture, tfm_error_message(error));
  tfm_error_destroy(error);
  return made;
}

#endif
