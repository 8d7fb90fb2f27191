/* test_reading.c - sessions of an encoder-decoder: each reads its text once, and writes what a
 * run of that text alone writes; forks, several by one step, another text after the first. */
#include "tfm/tfm.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PATH = 1024, TEXTS = 3, NEW = 12 };

static const int32_t text[TEXTS][8] = {{9, 30, 12, 77, 41}, {55}, {8, 61, 23, 70, 70, 14, 39, 18}};
static const size_t count[TEXTS] = {5, 1, 8};

static int failures, checks;
static tfm_error *error;

static bool check(bool ok, const char *what, size_t at) {
  checks++;
  if (!ok) {
    failures++;
    printf("not ok: %s %zu: %s\n", what, at, tfm_error_message(error));
  }
  return ok;
}

static tfm_input input_of(size_t t) {
  return (tfm_input){.struct_size = sizeof(tfm_input), .ids = text[t], .id_count = count[t]};
}

static bool same(const tfm_result *a, const tfm_result *b) {
  const tfm_answer *x = tfm_result_answer(a, 0), *y = tfm_result_answer(b, 0);
  return x && y && x->id_count == y->id_count && x->id_count > 0 &&
         memcmp(x->ids, y->ids, x->id_count * sizeof *x->ids) == 0;
}

static const tfm_run_options options = {
    .struct_size = sizeof options, .max_new_tokens = NEW, .ignore_stop = 1};

/* One after the other by one session, each text anew. */
static void one_session(tfm_model *model, tfm_result *const *alone) {
  tfm_session *session = tfm_session_create(model, error);
  tfm_result *result = NULL;
  tfm_input empty = {.struct_size = sizeof empty};
  check(tfm_session_append(
            session, &(tfm_input){.struct_size = sizeof(tfm_input), .ids = text[0], .id_count = 1},
            0, error) == -1,
        "appended before anything was read", 0);
  check(tfm_session_generate(session, &options, &result, error) == -1, "nothing was read", 0);
  check(tfm_session_read(session, &empty, 0, error) == -1, "an empty text", 0);
  for (size_t t = 0; t < TEXTS; t++) {
    tfm_input input = input_of(t);
    check(tfm_session_read(session, &input, 0, error) == 0, "read", t);
    check(tfm_session_length(session) == 1, "it begins with the start", t);
    if (check(tfm_session_generate(session, &options, &result, error) == 0, "written", t))
      check(same(result, alone[t]), "as alone", t);
    check(tfm_session_length(session) == 1 + NEW, "what is written stays", t);
    tfm_result_destroy(result);
    /* Cut back it writes the same again. */
    check(tfm_session_cut(session, 1, error) == 0, "cut", t);
    if (check(tfm_session_generate(session, &options, &result, error) == 0, "written again", t))
      check(same(result, alone[t]), "again as alone", t);
    tfm_result_destroy(result);
  }
  tfm_session_destroy(session);
}

/* All of them and a fork of one by the same steps, which begin at different times. */
static void many_sessions(tfm_model *model, tfm_result *const *alone) {
  tfm_session *session[TEXTS + 1] = {NULL};
  size_t working = 1, steps = 0;
  for (size_t t = 0; t < TEXTS; t++) {
    tfm_input input = input_of(t);
    session[t] = tfm_session_create(model, error);
    check(tfm_session_read(session[t], &input, 0, error) == 0, "read", t);
  }
  session[TEXTS] = tfm_session_fork(session[2], error);
  for (; working && steps < 64; steps++) {
    size_t next = steps / 2;
    if (steps % 2 == 0 && next <= TEXTS)
      check(tfm_session_begin(session[next], &options, error) == 0, "begin", next);
    check(tfm_sessions_step(session, TEXTS + 1, &working, error) == 0, "step", steps);
  }
  for (size_t t = 0; t <= TEXTS; t++) {
    tfm_result *result = NULL;
    if (check(tfm_session_finish(session[t], &result, error) == 0, "finish", t))
      check(same(result, alone[t < TEXTS ? t : 2]), "side by side as alone", t);
    tfm_result_destroy(result);
    tfm_session_destroy(session[t]);
  }
}

int main(void) {
  char model_path[PATH], weights[PATH];
  const char *source = getenv("TFM_SRCDIR"), *plugin_dir = getenv("TFM_PLUGIN_DIR");
  tfm_result *alone[TEXTS] = {NULL};
  source = source ? source : ".";
  error = tfm_error_create();
  snprintf(model_path, PATH, "%s/models/bart.tfm", source);
  snprintf(weights, PATH, "%s/tests/fixtures/zoo/bart", source);
  tfm_open_options open = {.struct_size = sizeof open,
                           .model = model_path,
                           .weights = weights,
                           .threads = 2,
                           .plugin_dir = &plugin_dir,
                           .plugin_dir_count = plugin_dir ? 1 : 0};
  tfm_model *model = tfm_model_open(&open, error);
  for (size_t t = 0; check(model != NULL, "open", t) && t < TEXTS; t++) {
    tfm_input input = input_of(t);
    check(tfm_model_run(model, &input, 1, &options, &alone[t], error) == 0, "alone", t);
  }
  if (model && !failures) {
    check(!same(alone[0], alone[2]), "two texts have two answers", 0);
    one_session(model, alone);
    many_sessions(model, alone);
  }
  for (size_t t = 0; t < TEXTS; t++)
    tfm_result_destroy(alone[t]);
  tfm_model_destroy(model);
  tfm_error_destroy(error);
  printf("%d checks, %d failed\n", checks, failures);
  return failures ? 1 : 0;
}
