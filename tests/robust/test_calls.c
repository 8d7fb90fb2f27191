/* test_calls.c - every call of tfm.h with each of its pointers NULL, alone and together with
 * others: an error that says something, or a call that needs no argument.  Nothing dies.
 *
 * The table has one line a function; that it has all of them is checked against the header. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "tests/robust/leave.h"
#include "tfm/tfm.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static unsigned checks, failed;

static void check(bool good, const char *what, unsigned mask) {
  checks++;
  if (!good) {
    failed++;
    printf("not ok: %s, NULL where bits of %u are\n", what, mask);
  }
}

/* Sound values for every argument. */
static tfm_model *model;
static tfm_weights *weights;
static tfm_tokenizer *tokenizer;
static tfm_error *error;
static char plugin_dir[1024], model_dir[1024], gpt[1024], bert[1024];
static const char *plugins = plugin_dir, *models = model_dir;
static int32_t ids[4] = {5, 6, 7, 8};
static uint32_t places[1] = {1};

static tfm_open_options options_of(const char *weights_path) {
  return (tfm_open_options){.struct_size = sizeof(tfm_open_options),
                            .flags = TFM_OPEN_ALL_LOGITS,
                            .model = "gpt2.tfm",
                            .weights = weights_path,
                            .threads = 1,
                            .plugin_dir = &plugins,
                            .plugin_dir_count = 1,
                            .model_dir = &models,
                            .model_dir_count = 1};
}

static tfm_input input_of(void) {
  return (tfm_input){.struct_size = sizeof(tfm_input), .ids = ids, .id_count = 4};
}

/* P(i, x): x, or NULL where bit i of the mask is set. */
#define P(bit, value) (mask >> (bit)&1 ? NULL : (value))

enum { FINE = 0, SAID = -1 };

/* What a call came to: FINE, or SAID for a failure; a failure has to say why. */
static int call_open(unsigned mask) {
  tfm_open_options o = options_of(gpt);
  tfm_model *made = tfm_model_open(P(0, &o), P(1, error));
  tfm_model_destroy(made);
  return made ? FINE : SAID;
}
static int call_run(unsigned mask) {
  tfm_input input = input_of();
  tfm_run_options o = {.struct_size = sizeof o, .max_new_tokens = 1};
  tfm_result *result = NULL;
  int status = tfm_model_run(P(0, model), P(1, &input), 1, P(2, &o), P(3, &result), P(4, error));
  tfm_result_destroy(result);
  return status;
}
static int call_context(unsigned mask) {
  tfm_context_options o = {
      .struct_size = sizeof o, .threads = 1, .plugin_dir = P(1, &plugins), .plugin_dir_count = 1};
  tfm_context *made = tfm_context_create(&o, P(0, error));
  tfm_open_options open = options_of(gpt);
  open.context = made;
  tfm_context_destroy(NULL);
  if (!made)
    return SAID;
  bool refused = !tfm_model_open(&open, P(0, error)); /* it names threads */
  open.threads = 0;
  refused = refused && !tfm_model_open(&open, P(0, error)); /* and plugins */
  open.plugin_dir_count = 0;
  tfm_model *inner = tfm_model_open(&open, P(0, error));
  tfm_context_destroy(made);
  tfm_model_destroy(inner);
  return refused && inner ? FINE : -2;
}
/* A session of its own for each: with four tokens, and begun where the call needs that. */
static tfm_session *session_of(bool begun) {
  tfm_session *made = tfm_session_create(model, error);
  tfm_input input = input_of();
  tfm_run_options o = {.struct_size = sizeof o, .max_new_tokens = 1};
  if (!made || tfm_session_append(made, &input, 0, error) != 0 ||
      (begun && tfm_session_begin(made, &o, error) != 0))
    printf("%s\n", tfm_error_message(error));
  tfm_error_destroy(error);
  error = tfm_error_create();
  return made;
}
static int call_session_create(unsigned mask) {
  tfm_session *made = tfm_session_create(P(0, model), P(1, error));
  tfm_session_destroy(made);
  return made ? FINE : SAID;
}
static int call_session_append(unsigned mask) {
  tfm_session *s = session_of(false);
  tfm_input input = input_of();
  int status = tfm_session_append(P(0, s), P(1, &input), 0, P(2, error));
  tfm_session_destroy(s);
  return status;
}
/* Of a decoder it is refused whatever it is given. */
static int call_session_read(unsigned mask) {
  tfm_session *s = session_of(false);
  tfm_input input = input_of();
  int status = tfm_session_read(P(0, s), P(1, &input), 0, P(2, error));
  bool known = tfm_session_length(s) == 4;
  tfm_session_destroy(s);
  return !known ? -2 : mask & 3 ? status : status == SAID ? FINE : -2;
}
static int call_session_cut(unsigned mask) {
  tfm_session *s = session_of(false);
  int status = tfm_session_cut(P(0, s), 2, P(1, error));
  bool cut = tfm_session_length(P(0, s)) == (status == 0 ? 2
                                             : mask & 1  ? 0
                                                         : 4) &&
             (tfm_session_ids(P(0, s)) == NULL) == (mask & 1) && !tfm_session_working(P(0, s));
  tfm_session_destroy(s);
  return cut ? status : -2;
}
static int call_session_fork(unsigned mask) {
  tfm_session *s = session_of(false);
  tfm_session *made = tfm_session_fork(P(0, s), P(1, error));
  tfm_session_destroy(s);
  tfm_session_destroy(made);
  return made ? FINE : SAID;
}
static int call_session_save(unsigned mask) {
  tfm_session *s = session_of(false);
  int status = tfm_session_save(P(0, s), P(1, "test_calls.session"), P(2, error));
  tfm_session_destroy(s);
  if (status == 0)
    remove("test_calls.session");
  return status;
}
static int call_session_load(unsigned mask) {
  tfm_session *s = session_of(false), *made = NULL;
  if (tfm_session_save(s, "test_calls.session", error) == 0)
    made = tfm_session_load(P(0, model), P(1, "test_calls.session"), P(2, error));
  remove("test_calls.session");
  tfm_session_destroy(s);
  tfm_session_destroy(made);
  return made ? FINE : SAID;
}
static int call_session_generate(unsigned mask) {
  tfm_session *s = session_of(false);
  tfm_run_options o = {.struct_size = sizeof o, .max_new_tokens = 1};
  tfm_result *result = NULL;
  int status = tfm_session_generate(P(0, s), P(1, &o), P(2, &result), P(3, error));
  tfm_result_destroy(result);
  tfm_session_destroy(s);
  return status;
}
static int call_session_begin(unsigned mask) {
  tfm_session *s = session_of(false);
  tfm_run_options o = {.struct_size = sizeof o, .max_new_tokens = 1};
  int status = tfm_session_begin(P(0, s), P(1, &o), P(2, error));
  tfm_session_destroy(s);
  return status;
}
static int call_sessions_step(unsigned mask) {
  tfm_session *s = session_of(true), *list[2] = {P(1, s), NULL};
  size_t working = 0;
  int status = tfm_sessions_step(P(0, list), 1, P(2, &working), P(3, error));
  tfm_session_destroy(s);
  return status;
}
static int call_session_finish(unsigned mask) {
  tfm_session *s = session_of(true);
  tfm_result *result = NULL;
  int status = tfm_session_finish(P(0, s), P(1, &result), P(2, error));
  tfm_result_destroy(result);
  tfm_session_destroy(s);
  return status;
}
static int call_score(unsigned mask) {
  tfm_score_input input = {.struct_size = sizeof input,
                           .ids = P(2, ids),
                           .id_count = 4,
                           .place = P(3, places),
                           .target = P(4, ids),
                           .target_count = 1};
  tfm_score score;
  return tfm_model_score(P(0, model), P(1, &input), 1, P(5, &score), P(6, error));
}
static int call_describe(unsigned mask) {
  tfm_model_info info = {.struct_size = sizeof info};
  return tfm_model_describe(P(0, model), P(1, &info)) == (mask ? -1 : 0) ? FINE : -2;
}
static int call_inspect(unsigned mask) {
  tfm_open_options o = options_of(NULL);
  char *text = tfm_inspect(P(0, &o), P(1, "linear"), P(2, error));
  tfm_free(text);
  return text ? FINE : SAID;
}
static int call_explain(unsigned mask) {
  char *text = tfm_model_explain(P(0, model), P(1, error));
  tfm_free(text);
  return text ? FINE : SAID;
}
static int call_weights_describe(unsigned mask) {
  tfm_weights_info info = {.struct_size = sizeof info};
  return tfm_weights_describe(P(0, weights), P(1, &info)) == (mask ? -1 : 0) ? FINE : -2;
}
static int call_model_others(unsigned mask) {
  tfm_model_cancel(P(0, model));
  tfm_model_destroy(NULL);
  tfm_mapped_fault(NULL);
  tfm_plugin_loading();
  tfm_free(NULL);
  return FINE;
}
static int call_profile(unsigned mask) {
  char *text = tfm_model_profile(P(0, model), P(1, error));
  tfm_free(text);
  return mask & 1 ? SAID : FINE; /* without TFM_OPEN_PROFILE it is NULL, and no failure */
}
static int call_results(unsigned mask) {
  const tfm_attention *attention = NULL;
  const tfm_difference *difference = NULL;
  (void)mask;
  tfm_result_destroy(NULL);
  if (tfm_result_attentions(NULL, &attention) || tfm_result_differences(NULL, &difference) ||
      tfm_result_attentions(NULL, NULL) || tfm_result_differences(NULL, NULL))
    return -2;
  return tfm_result_count(NULL) == 0 && !tfm_result_answer(NULL, 0) && !tfm_result_timing(NULL)
             ? FINE
             : -2;
}
static int call_errors(unsigned mask) {
  (void)mask;
  tfm_error_destroy(NULL);
  tfm_error *made = tfm_error_create();
  tfm_error_destroy(made);
  return tfm_error_code(NULL) == 0 && !*tfm_error_message(NULL) && !*tfm_error_notes(NULL) &&
                 *tfm_version() && *tfm_task_name(TFM_TASK_QA) && !tfm_task_name(-1)
             ? FINE
             : -2;
}
static int call_tokenizer_open(unsigned mask) {
  tfm_tokenizer *made = tfm_tokenizer_open(P(0, gpt), P(1, error));
  tfm_tokenizer_destroy(made);
  return made ? FINE : SAID;
}
static int call_model_tokenizer(unsigned mask) {
  return tfm_model_tokenizer(P(0, model), P(1, error)) ? FINE : SAID;
}
static int call_encode(unsigned mask) {
  tfm_input input = {.struct_size = sizeof input, .text = P(4, "ab"), .text_length = 2};
  tfm_encoding *made = NULL;
  int status = tfm_tokenizer_encode(P(0, tokenizer), P(1, &input), P(2, &made), P(3, error));
  tfm_encoding_destroy(made);
  return status;
}
static int call_encode_with(unsigned mask) {
  tfm_input input = {.struct_size = sizeof input, .text = P(4, "ab"), .text_length = 2};
  tfm_encoding *made = NULL;
  int status =
      tfm_tokenizer_encode_with(P(0, tokenizer), P(1, &input), 0, P(2, &made), P(3, error));
  tfm_encoding_destroy(made);
  return status;
}
static int call_encode_truncated(unsigned mask) {
  tfm_input input = {.struct_size = sizeof input, .text = P(4, "ab"), .text_length = 2};
  tfm_encoding *made = NULL;
  int status =
      tfm_tokenizer_encode_truncated(P(0, tokenizer), P(1, &input), 0, 4, P(2, &made), P(3, error));
  tfm_encoding_destroy(made);
  return status;
}
static int call_generation(unsigned mask) {
  tfm_run_options o = {.struct_size = sizeof o};
  return tfm_model_generation(P(0, model), P(1, &o), P(2, error));
}
static int call_show(unsigned mask) {
  char out[16];
  size_t taken = 9, columns = 9;
  size_t size =
      tfm_text_show(P(0, "a\x1b"), 2, 0, P(1, out), sizeof out, P(2, &taken), P(3, &columns));
  return (mask & 3 ? size == 0 : size == 7) ? FINE : -2;
}
static int call_decode(unsigned mask) {
  char *text = NULL;
  size_t length;
  int status = tfm_tokenizer_decode(P(0, tokenizer), P(1, ids), 4, 0, P(2, &text), P(3, &length),
                                    P(4, error));
  tfm_free(text);
  return status;
}
static int call_vocabulary(unsigned mask) {
  tfm_tokenizer_destroy(NULL);
  tfm_encoding_destroy(NULL);
  (void)tfm_tokenizer_id(P(0, tokenizer), P(1, "a"));
  (void)tfm_tokenizer_token(P(0, tokenizer), 1);
  (void)tfm_tokenizer_size(P(0, tokenizer));
  return FINE;
}
static int call_weights_open(unsigned mask) {
  tfm_weights *made = tfm_weights_open(P(0, gpt), P(1, error));
  tfm_weights_destroy(made);
  return made ? FINE : SAID;
}
static int call_scan(unsigned mask) {
  tfm_weight_scan scan;
  return tfm_weights_scan(P(0, weights), 0, P(1, &scan), P(2, error));
}
static int call_models(unsigned mask) {
  tfm_open_options o = options_of(NULL);
  tfm_candidate *list = NULL;
  size_t count = 0;
  int status = tfm_weights_models(P(0, weights), P(1, &o), P(2, &list), P(3, &count), P(4, error));
  tfm_free(list);
  return status;
}
static int call_check(unsigned mask) {
  tfm_open_options o = options_of(gpt);
  o.model = P(2, o.model);
  return tfm_source_check(P(0, &o), P(1, error));
}
static int call_emit(unsigned mask) {
  tfm_open_options o = options_of(gpt);
  o.model = P(3, o.model);
  char *text = tfm_source_emit(P(0, &o), P(1, "graph"), P(2, error));
  tfm_free(text);
  return text ? FINE : SAID;
}

/* Fields of the structs: each pointer that may be NULL, and each that may not. */
static int call_open_fields(unsigned mask) {
  tfm_open_options o = options_of(P(1, gpt));
  tfm_tap dump = {.struct_size = sizeof dump, .value = P(2, "logits"), .file = P(3, "/tmp/x")};
  tfm_tap feed = {.struct_size = sizeof feed, .value = "ids", .file = P(4, "/tmp/x")};
  const char *none = NULL;
  o.model = P(0, o.model);
  o.dump = P(5, &dump);
  o.dump_count = 1;
  o.feed = &feed;
  o.feed_count = mask >> 4 & 1;
  if (mask >> 6 & 1)
    o.plugin_dir = NULL;
  if (mask >> 7 & 1)
    o.model_dir = &none;
  tfm_model *made = tfm_model_open(&o, error);
  tfm_model_destroy(made);
  return made ? FINE : SAID;
}
static int call_run_fields(unsigned mask) {
  tfm_input input = {.struct_size = sizeof input,
                     .text = P(0, "ab"),
                     .text_length = 2,
                     .pair = P(1, "c"),
                     .pair_length = 1,
                     .ids = P(2, ids),
                     .id_count = 4};
  tfm_run_options o = {.struct_size = sizeof o, .max_new_tokens = 1};
  tfm_result *result = NULL;
  int status = tfm_model_run(model, &input, 1, &o, &result, error);
  tfm_result_destroy(result);
  return status;
}

static const struct {
  const char *names; /* all calls that it tries */
  unsigned bits;     /* pointers */
  unsigned needed;   /* without one of these it fails */
  int (*call)(unsigned mask);
  unsigned error; /* the error's bit plus 1; 0 = it has none */
} table[] = {
    {"tfm_model_open", 2, 1, call_open, 2},
    {"tfm_model_run", 5, 1 | 2 | 8, call_run, 5},
    {"tfm_context_create tfm_context_destroy", 2, 2, call_context, 1},
    {"tfm_session_create tfm_session_destroy", 2, 1, call_session_create, 2},
    {"tfm_session_append", 3, 1 | 2, call_session_append, 3},
    {"tfm_session_read", 3, 1 | 2, call_session_read, 3},
    {"tfm_session_cut tfm_session_length tfm_session_ids tfm_session_working", 2, 1,
     call_session_cut, 2},
    {"tfm_session_fork", 2, 1, call_session_fork, 2},
    {"tfm_session_save", 3, 1 | 2, call_session_save, 3},
    {"tfm_session_load", 3, 1 | 2, call_session_load, 3},
    {"tfm_session_generate", 4, 1 | 4, call_session_generate, 4},
    {"tfm_session_begin", 3, 1, call_session_begin, 3},
    {"tfm_sessions_step", 4, 1 | 2, call_sessions_step, 4},
    {"tfm_session_finish", 3, 1 | 2, call_session_finish, 3},
    {"tfm_model_score", 7, 0x3f, call_score, 7},
    {"tfm_model_describe", 2, 0, call_describe, 0},
    {"tfm_inspect", 3, 1, call_inspect, 3},
    {"tfm_model_explain", 2, 1, call_explain, 2},
    {"tfm_weights_describe", 2, 0, call_weights_describe, 0},
    {"tfm_model_cancel tfm_model_destroy tfm_mapped_fault tfm_plugin_loading tfm_free", 1, 0,
     call_model_others, 0},
    {"tfm_model_profile", 2, 1, call_profile, 2},
    {"tfm_result_destroy tfm_result_count tfm_result_answer tfm_result_timing "
     "tfm_result_attentions tfm_result_differences",
     0, 0, call_results, 0},
    {"tfm_error_create tfm_error_destroy tfm_error_code tfm_error_message tfm_error_notes "
     "tfm_version tfm_task_name",
     0, 0, call_errors, 0},
    {"tfm_tokenizer_open", 2, 1, call_tokenizer_open, 2},
    {"tfm_model_tokenizer", 2, 1, call_model_tokenizer, 2},
    {"tfm_tokenizer_encode", 5, 1 | 2 | 4 | 16, call_encode, 4},
    {"tfm_tokenizer_encode_with", 5, 1 | 2 | 4 | 16, call_encode_with, 4},
    {"tfm_tokenizer_encode_truncated", 5, 1 | 2 | 4 | 16, call_encode_truncated, 4},
    {"tfm_model_generation", 3, 1 | 2, call_generation, 3},
    {"tfm_text_show", 4, 0, call_show, 0},
    {"tfm_tokenizer_decode", 5, 1 | 2 | 4, call_decode, 5},
    {"tfm_tokenizer_destroy tfm_encoding_destroy tfm_tokenizer_id tfm_tokenizer_token "
     "tfm_tokenizer_size",
     2, 0, call_vocabulary, 0},
    {"tfm_weights_open tfm_weights_destroy", 2, 1, call_weights_open, 2},
    {"tfm_weights_scan", 3, 1 | 2, call_scan, 3},
    {"tfm_weights_models", 5, 15, call_models, 5},
    {"tfm_source_check", 3, 1 | 4, call_check, 2},
    {"tfm_source_emit", 4, 1 | 2 | 8, call_emit, 3},
    {"fields of tfm_open_options", 8, 0xfd, call_open_fields, 0},
    {"fields of tfm_input", 3, 7, call_run_fields, 0},
};

/* In a child, so that one that dies is named. */
static void try_one(size_t t, unsigned mask) {
  fflush(stdout);
  pid_t child = fork();
  if (child == 0) {
    alarm(60);
    tfm_error_destroy(error);
    error = tfm_error_create();
    int status = table[t].call(mask);
    bool told = table[t].error && !(mask >> (table[t].error - 1) & 1);
    bool wanted = (mask & table[t].needed) != 0;
    if (status == SAID && told &&
        (tfm_error_code(error) == TFM_CODE_OK || !*tfm_error_message(error)))
      leave(2);
    leave(status == -2 || (status == SAID) != wanted ? 3 : 0);
  }
  int status = -1;
  waitpid(child, &status, 0);
  check(status == 0, table[t].names, mask);
  if (WIFSIGNALED(status))
    printf("  it died of signal %d\n", WTERMSIG(status));
  else if (status)
    printf("  %s\n", WEXITSTATUS(status) == 2 ? "an error without a message"
                                              : "not the failure, or success, that it should be");
}

static bool in_table(const char *name, size_t length) {
  for (size_t t = 0; t < sizeof table / sizeof *table; t++)
    for (const char *at = table[t].names; (at = strstr(at, name)) != NULL; at += length)
      if ((at[length] == '\0' || at[length] == ' '))
        return true;
  return false;
}

/* Each `tfm_name(` that the header declares. */
static void check_complete(void) {
  char path[1024], line[512];
  snprintf(path, sizeof path, "%s/include/tfm/tfm.h", getenv("TFM_SRCDIR"));
  FILE *header = fopen(path, "r");
  check(header != NULL, path, 0);
  while (header && fgets(line, sizeof line, header)) {
    const char *open = strchr(line, '('), *begin = open;
    if (line[0] == ' ' || line[0] == '*' || line[0] == '/' || !open || strstr(line, "typedef"))
      continue;
    while (begin > line && (begin[-1] == '_' || (begin[-1] >= 'a' && begin[-1] <= 'z')))
      begin--;
    char name[64];
    snprintf(name, sizeof name, "%.*s", (int)(open - begin), begin);
    if (strncmp(name, "tfm_", 4) == 0)
      check(in_table(name, strlen(name)), name, 0);
  }
  if (header)
    fclose(header);
}

/* ------------------------------------------------------------ from a callback */

struct nested {
  int calls;
  bool refused, destroyed;
};

static int on_token(void *arg, size_t row, int32_t id, const char *text, size_t length) {
  struct nested *n = arg;
  tfm_input input = input_of();
  tfm_score_input asked = {.struct_size = sizeof asked,
                           .ids = ids,
                           .id_count = 4,
                           .place = places,
                           .target = ids,
                           .target_count = 1};
  tfm_result *inner = NULL;
  tfm_score score;
  (void)row;
  (void)id;
  (void)text;
  (void)length;
  bool run = tfm_model_run(model, &input, 1, NULL, &inner, error) == -1 && inner == NULL &&
             strstr(tfm_error_message(error), "running already") != NULL;
  bool scored = tfm_model_score(model, &asked, 1, &score, error) == -1 &&
                strstr(tfm_error_message(error), "running already") != NULL;
  n->refused = (n->calls == 0 || n->refused) && run && scored;
  if (++n->calls == 3 && n->destroyed)
    tfm_model_destroy(model);
  return 0;
}

static void try_callback(void) {
  tfm_input input = input_of();
  struct nested n = {0};
  tfm_run_options o = {.struct_size = sizeof o, .max_new_tokens = 6, .ignore_stop = 1};
  tfm_result *plain = NULL, *result = NULL;
  check(tfm_model_run(model, &input, 1, &o, &plain, error) == 0, "a run", 0);
  o.token = on_token;
  o.token_arg = &n;
  check(tfm_model_run(model, &input, 1, &o, &result, error) == 0, "a run that calls back", 0);
  check(n.refused && n.calls >= 6, "a run within a run is refused", 0);
  const tfm_answer *a = tfm_result_answer(plain, 0), *b = tfm_result_answer(result, 0);
  check(a && b && a->id_count == b->id_count && memcmp(a->ids, b->ids, 6 * sizeof *a->ids) == 0,
        "the outer run goes on as it would", 0);
  check(tfm_error_code(error) == TFM_CODE_OK, "and its error is its own", 0);
  tfm_result_destroy(plain);
  tfm_result_destroy(result);
  n = (struct nested){.destroyed = true};
  check(tfm_model_run(model, &input, 1, &o, &result, error) == -1 &&
            tfm_error_code(error) == TFM_CODE_INTERRUPTED,
        "a model that is destroyed by its own callback ends the run", 0);
  model = NULL;
}

/* ------------------------------------------------------- older and newer structs */

struct later {
  tfm_input input;
  uint64_t more;
};

static void try_sizes(void) {
  struct later later[2] = {{input_of(), 0}, {input_of(), 0}};
  tfm_run_options o = {.struct_size = offsetof(tfm_run_options, token_arg) + sizeof(void *),
                       .max_new_tokens = 1};
  tfm_open_options first = options_of(gpt);
  tfm_model_info info = {.struct_size = 8};
  tfm_result *result = NULL;
  later[0].input.struct_size = later[1].input.struct_size = sizeof *later;
  check(tfm_model_run(model, &later[0].input, 2, &o, &result, error) == 0 &&
            tfm_result_count(result) == 2,
        "inputs of a newer program", 0);
  tfm_result_destroy(result);
  later[1].more = 1;
  check(tfm_model_run(model, &later[0].input, 2, &o, &result, error) == -1 &&
            strstr(tfm_error_message(error), "older than the program") != NULL,
        "a field that is not known", 0);
  later[1].input.struct_size = 0;
  check(tfm_model_run(model, &later[0].input, 2, &o, &result, error) == -1 &&
            strstr(tfm_error_message(error), "tfm_input.struct_size of element 1") != NULL,
        "an element without a size", 0);
  first.struct_size = offsetof(tfm_open_options, kernels) + sizeof first.kernels;
  tfm_model *made = tfm_model_open(&first, error);
  check(made != NULL, "open options of the first version", 0);
  tfm_model_destroy(made);
  first.struct_size = 16;
  check(tfm_model_open(&first, error) == NULL &&
            strstr(tfm_error_message(error), "tfm_open_options.struct_size is 16") != NULL,
        "open options smaller than any", 0);
  check(tfm_model_describe(model, &info) == 0 && info.task == TFM_TASK_GENERATE && !info.name,
        "a description of 8 bytes", 0);
}

/* The allocator of AddressSanitizer may hang in a child of a process with several threads. */
#if defined(__SANITIZE_ADDRESS__)
#define CAN_FORK 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define CAN_FORK 0
#endif
#endif
#ifndef CAN_FORK
#define CAN_FORK 1
#endif

/* A child of a process with a model of several threads. */
static void try_fork(void) {
  tfm_open_options o = options_of(gpt);
  tfm_input input = input_of();
  tfm_run_options r = {.struct_size = sizeof r, .max_new_tokens = 4, .ignore_stop = 1};
  tfm_result *result = NULL;
  o.threads = 4;
  tfm_model *made = tfm_model_open(&o, error);
  check(made && tfm_model_run(made, &input, 1, &r, &result, error) == 0, "four threads", 0);
  for (int i = 0; CAN_FORK && i < 3; i++) {
    pid_t child = fork();
    if (child == 0) {
      tfm_result *again = NULL;
      alarm(30);
      int status = tfm_model_run(made, &input, 1, &r, &again, error);
      const tfm_answer *a = tfm_result_answer(result, 0), *b = tfm_result_answer(again, 0);
      bool same = status == 0 && memcmp(a->ids, b->ids, 4 * sizeof *a->ids) == 0;
      tfm_result_destroy(again);
      tfm_model_destroy(made);
      leave(same ? 0 : 1);
    }
    int status = -1;
    waitpid(child, &status, 0);
    check(status == 0, "a run in a child", 0);
  }
  tfm_result_destroy(result);
  tfm_model_destroy(made);
}

int main(void) {
  const char *root = getenv("TFM_SRCDIR");
  snprintf(plugin_dir, sizeof plugin_dir, "%s", getenv("TFM_PLUGIN_DIR"));
  snprintf(model_dir, sizeof model_dir, "%s/models", root);
  snprintf(gpt, sizeof gpt, "%s/tests/fixtures/gpt2-tied", root);
  snprintf(bert, sizeof bert, "%s/tests/fixtures/bert-mlm", root);
  error = tfm_error_create();
  tfm_open_options o = options_of(gpt);
  model = tfm_model_open(&o, error);
  weights = tfm_weights_open(gpt, error);
  tokenizer = tfm_tokenizer_open(gpt, error);
  if (!model || !weights || !tokenizer) {
    printf("%s\n", tfm_error_message(error));
    return 99;
  }
  check_complete();
  for (size_t t = 0; t < sizeof table / sizeof *table; t++)
    for (unsigned mask = 0; mask < 1u << table[t].bits; mask++)
      try_one(t, mask);
  try_sizes();
  try_fork();
  try_callback();
  tfm_tokenizer_destroy(tokenizer);
  tfm_weights_destroy(weights);
  tfm_error_destroy(error);
  printf("%u checks, %u failed\n", checks, failed);
  return failed != 0;
}
