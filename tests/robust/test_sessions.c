/* test_sessions.c - sessions of one model that come, go on, and end in any order: each gets
 * the tokens, and the logarithms of their probabilities, to the bit, that it gets alone.
 * Turns of a conversation compute what is new and no more; forks and cuts go on as a text
 * that was never anything else.
 *
 *     test_sessions [MODEL FIXTURE]     of that model alone, whose state has no way back */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* mkstemp */
#endif
#include "tests/robust/answers.h"

#include <pthread.h>
#include <unistd.h>

static unsigned checks, failed;

static void check(bool good, const char *what) {
  checks++;
  if (!good) {
    failed++;
    printf("not ok: %s\n", what);
  }
}

static uint64_t state;

/* xorshift64*: the same numbers everywhere. */
static uint32_t draw(uint32_t below) {
  state ^= state >> 12;
  state ^= state << 25;
  state ^= state >> 27;
  return (uint32_t)((state * UINT64_C(0x2545f4914f6cdd1d)) >> 33) % below;
}

static tfm_error *error;

static void said(bool good, const char *what) {
  check(good, what);
  if (!good)
    printf("  %s\n", tfm_error_message(error));
}

enum { PROMPT = 24, NEW = 12, SESSIONS = 64 };

/* One text: what it begins with, when it comes, and how it ends. */
struct one {
  int32_t ids[PROMPT];
  size_t count;
  size_t arrives; /* at which step */
  tfm_run_options options;
  uint64_t alone; /* the answer's hash */
  tfm_session *session;
  bool over;
};

static tfm_input input_of(const struct one *one) {
  return (tfm_input){.struct_size = sizeof(tfm_input), .ids = one->ids, .id_count = one->count};
}

/* Greedy and drawn, short and long, with and without a penalty. */
static void make(struct one *one, int64_t vocabulary) {
  *one = (struct one){.count = 1 + draw(PROMPT), .arrives = draw(30)};
  for (size_t t = 0; t < one->count; t++)
    one->ids[t] = (int32_t)draw((uint32_t)vocabulary);
  one->options = (tfm_run_options){.struct_size = sizeof one->options,
                                   .max_new_tokens = 1 + (int64_t)draw(NEW),
                                   .temperature = draw(2) ? 0.8 : 0,
                                   .seed = draw(1000),
                                   .repetition_penalty = draw(3) ? 0 : 1.3,
                                   .logprobs = 1,
                                   .ignore_stop = draw(2)};
}

static uint64_t run_alone(tfm_model *model, const struct one *one) {
  tfm_input input = input_of(one);
  tfm_result *result = NULL;
  said(tfm_model_run(model, &input, 1, &one->options, &result, error) == 0, "a run alone");
  uint64_t hash = result ? answers_hash(tfm_result_answer(result, 0)) : 0;
  tfm_result_destroy(result);
  return hash;
}

static void arrive(tfm_model *model, struct one *one) {
  tfm_input input = input_of(one);
  one->session = tfm_session_create(model, error);
  said(one->session && tfm_session_append(one->session, &input, 0, error) == 0 &&
           tfm_session_begin(one->session, &one->options, error) == 0,
       "a session begins");
}

static void depart(struct one *one) {
  tfm_result *result = NULL;
  said(tfm_session_finish(one->session, &result, error) == 0, "a session is finished");
  const tfm_answer *answer = tfm_result_answer(result, 0);
  check(answer && answers_hash(answer) == one->alone, "its answer is what it is alone");
  check(answer && answer->prompt_count == one->count, "its prompt's length");
  check(answer && tfm_session_length(one->session) == one->count + answer->id_count,
        "what was made stays");
  tfm_result_destroy(result);
  tfm_session_destroy(one->session);
  one->over = true;
}

/* All that have arrived and are not over, by one step after the other. */
static void run_together(tfm_model *model, struct one *all, size_t count) {
  size_t left = count, most = 0;
  for (size_t step = 0; left > 0 && step < 1000; step++) {
    tfm_session *list[SESSIONS];
    size_t there = 0, working = 0;
    for (size_t i = 0; i < count; i++) {
      if (all[i].arrives == step)
        arrive(model, &all[i]);
      if (all[i].session && !all[i].over)
        list[there++] = all[i].session;
    }
    said(tfm_sessions_step(list, there, &working, error) == 0, "a step");
    most = there > most ? there : most;
    for (size_t i = 0; i < count; i++) {
      if (!all[i].session || all[i].over)
        continue;
      working -= tfm_session_working(all[i].session) != 0;
      if (tfm_session_working(all[i].session))
        continue;
      depart(&all[i]);
      left--;
    }
    check(working == 0, "as many work as were counted");
  }
  check(left == 0, "all sessions end");
  check(most > 8, "many sessions at once");
}

static void try_many(const char *file, const char *fixture, uint32_t threads) {
  static struct one all[SESSIONS];
  tfm_model *model = answers_open(file, fixture, "generate", threads, NULL);
  tfm_model_info info = {.struct_size = sizeof info};
  check(model != NULL, fixture);
  if (!model)
    return;
  tfm_model_describe(model, &info);
  state = 0x9e3779b97f4a7c15;
  for (size_t i = 0; i < SESSIONS; i++) {
    make(&all[i], info.vocabulary);
    all[i].alone = run_alone(model, &all[i]);
  }
  run_together(model, all, SESSIONS);
  tfm_model_destroy(model);
}

/* ----------------------------------------------------------------- threads */

enum { CALLERS = 4, EACH = SESSIONS / CALLERS };

struct caller {
  tfm_model *model;
  struct one one[EACH];
  unsigned wrong;
};

/* Steps of sessions that only this thread has, beside those of others. */
static void *step_own(void *arg) {
  struct caller *c = arg;
  tfm_error *own = tfm_error_create();
  tfm_session *list[EACH];
  size_t working = 1;
  for (size_t i = 0; i < EACH; i++) {
    tfm_input input = input_of(&c->one[i]);
    list[i] = tfm_session_create(c->model, own);
    c->wrong += !list[i] || tfm_session_append(list[i], &input, 0, own) != 0 ||
                tfm_session_begin(list[i], &c->one[i].options, own) != 0;
  }
  while (working && c->wrong == 0)
    c->wrong += tfm_sessions_step(list, EACH, &working, own) != 0;
  for (size_t i = 0; i < EACH; i++) {
    tfm_result *result = NULL;
    c->wrong += tfm_session_finish(list[i], &result, own) != 0 ||
                answers_hash(tfm_result_answer(result, 0)) != c->one[i].alone;
    tfm_result_destroy(result);
    tfm_session_destroy(list[i]);
  }
  if (c->wrong)
    printf("  %s\n", tfm_error_message(own));
  tfm_error_destroy(own);
  return NULL;
}

static void try_callers(const char *file, const char *fixture) {
  static struct caller caller[CALLERS];
  pthread_t thread[CALLERS];
  tfm_model *model = answers_open(file, fixture, "generate", 2, NULL);
  tfm_model_info info = {.struct_size = sizeof info};
  if (!model)
    return check(false, fixture);
  tfm_model_describe(model, &info);
  for (size_t c = 0; c < CALLERS; c++) {
    caller[c] = (struct caller){.model = model};
    for (size_t i = 0; i < EACH; i++) {
      make(&caller[c].one[i], info.vocabulary);
      caller[c].one[i].alone = run_alone(model, &caller[c].one[i]);
    }
  }
  for (size_t c = 0; c < CALLERS; c++)
    check(pthread_create(&thread[c], NULL, step_own, &caller[c]) == 0, "a thread");
  for (size_t c = 0; c < CALLERS; c++) {
    pthread_join(thread[c], NULL);
    check(caller[c].wrong == 0, "sessions of several threads");
  }
  tfm_model_destroy(model);
}

/* ------------------------------------------------------------ a conversation */

static tfm_run_options few = {.struct_size = sizeof few, .max_new_tokens = 5, .ignore_stop = 1};

/* What the model says to all of the session's tokens, from nothing. */
static uint64_t anew(tfm_model *model, const tfm_session *session) {
  tfm_input input = {.struct_size = sizeof input,
                     .ids = tfm_session_ids(session),
                     .id_count = tfm_session_length(session)};
  tfm_result *result = NULL;
  said(tfm_model_run(model, &input, 1, &few, &result, error) == 0, "the same from nothing");
  uint64_t hash = result ? answers_hash(tfm_result_answer(result, 0)) : 0;
  tfm_result_destroy(result);
  return hash;
}

/* One turn; `computed` tokens were not known before. */
static void turn(tfm_model *model, tfm_session *session, uint64_t computed, const char *what) {
  tfm_result *result = NULL;
  uint64_t wanted = anew(model, session);
  size_t before = tfm_session_length(session);
  said(tfm_session_generate(session, &few, &result, error) == 0, what);
  const tfm_timing *timing = tfm_result_timing(result);
  check(result && answers_hash(tfm_result_answer(result, 0)) == wanted, what);
  check(tfm_session_length(session) == before + 5, what);
  if (timing && (timing->prompt_tokens != computed || timing->decode_tokens != 4)) {
    printf("  %llu tokens were computed, then %llu\n", (unsigned long long)timing->prompt_tokens,
           (unsigned long long)timing->decode_tokens);
    check(false, what);
  }
  tfm_result_destroy(result);
}

static void say(tfm_session *session, const char *text) {
  tfm_input input = {.struct_size = sizeof input, .text = text, .text_length = strlen(text)};
  said(tfm_session_append(session, &input, 0, error) == 0, text);
}

/* Where a state has no way back, all is run again after a cut. */
static void try_chat(const char *file, const char *fixture, bool way_back) {
  tfm_model *model = answers_open(file, fixture, "generate", 1, NULL);
  tfm_session *a = model ? tfm_session_create(model, error) : NULL;
  said(a != NULL, fixture);
  if (!a)
    return;
  say(a, "The model");
  size_t first = tfm_session_length(a);
  turn(model, a, first, "the first turn computes all");
  size_t before = tfm_session_length(a);
  say(a, " and a cat");
  size_t added = tfm_session_length(a) - before;
  tfm_session *b = tfm_session_fork(a, error);
  said(b != NULL, "a fork");
  turn(model, a, added + 1, "the second turn computes what is new, and the last token made");
  turn(model, b, added + 1, "the fork does the same");
  turn(model, a, 1, "a turn without a word");
  said(tfm_session_cut(a, first, error) == 0 && tfm_session_length(a) == first, "a cut");
  turn(model, a, way_back ? 1 : first, "after a cut the last token is run again");
  say(b, "!");
  tfm_model_destroy(model);
  said(tfm_session_cut(b, 3, error) == 0, "a session outlives its caller's hold on the model");
  tfm_session_destroy(a);
  tfm_session_destroy(b);
}

/* ------------------------------------------------------------ saved and loaded */

static void refused(bool was, const char *part) {
  check(was && strstr(tfm_error_message(error), part) != NULL, part);
  if (!was || !strstr(tfm_error_message(error), part))
    printf("  %s\n", tfm_error_message(error));
}

/* One byte of the file. */
static void change(const char *path, long at) {
  FILE *file = fopen(path, "r+b");
  int byte = file && fseek(file, at, SEEK_END) == 0 ? fgetc(file) : EOF;
  check(byte != EOF && fseek(file, at, SEEK_END) == 0 && fputc(byte ^ 0x7f, file) != EOF &&
            fclose(file) == 0,
        "a file that is changed");
}

/* What a loaded session goes on from is what the saved one does: nothing is run again. */
static void try_kept(const char *file, const char *fixture) {
  char path[] = "/tmp/tfm-session-XXXXXX", other[] = "/tmp/tfm-session-XXXXXX";
  int made[2] = {mkstemp(path), mkstemp(other)};
  tfm_model *model = answers_open(file, fixture, "generate", 1, NULL);
  tfm_model *again = answers_open(file, fixture, "generate", 2, NULL);
  tfm_model *llama = answers_open("llama.tfm", "llama-f16", "generate", 1, NULL);
  tfm_session *a = model ? tfm_session_create(model, error) : NULL;
  said(a && again && llama && made[0] >= 0 && made[1] >= 0, fixture);
  if (!a || !again || !llama)
    return;
  said(tfm_session_save(a, path, error) == 0, "an empty session is saved");
  say(a, "The model");
  said(tfm_session_save(a, other, error) == 0, "one that was not run is saved");
  tfm_session *b = tfm_session_load(again, other, error);
  said(b != NULL && tfm_session_length(b) == tfm_session_length(a), "and loaded");
  turn(again, b, tfm_session_length(a), "its first turn computes all");
  for (int i = 0; i < 3; i++)
    turn(model, a, i ? 1 : tfm_session_length(a), "turns before it is saved");
  said(tfm_session_save(a, path, error) == 0, "it is saved over an earlier one");
  tfm_session_destroy(b);
  b = tfm_session_load(again, path, error);
  said(b != NULL, "it is loaded");
  size_t before = tfm_session_length(b);
  say(a, " and a cat");
  say(b, " and a cat");
  size_t added = tfm_session_length(b) - before;
  turn(again, b, added + 1, "the loaded one goes on");
  turn(model, a, added + 1, "as the saved one does");
  refused(!tfm_session_load(llama, path, error), "of another model file or checkpoint");
  refused(!tfm_session_load(again, "/nonexistent", error), "/nonexistent");
  char weights[1024];
  snprintf(weights, sizeof weights, "%s/tests/fixtures/%s/model.safetensors", getenv("TFM_SRCDIR"),
           fixture);
  refused(tfm_session_save(a, weights, error) == -1, "this run uses that file");
  refused(!tfm_session_load(again, weights, error), "was not made by tfm_session_save");
  said(tfm_session_begin(a, &few, error) == 0, "begun");
  refused(tfm_session_save(a, path, error) == -1, "is being written on");
  tfm_session_destroy(a);
  tfm_session_destroy(b);
  change(other, -8);
  refused(!tfm_session_load(again, other, error), "more tokens were run than it has");
  change(other, -16);
  refused(!tfm_session_load(again, other, error), "of another model file or checkpoint");
  tfm_model_destroy(model);
  tfm_model_destroy(again);
  tfm_model_destroy(llama);
  unlink(path);
  unlink(other);
  close(made[0]);
  close(made[1]);
}

/* ---------------------------------------------------------------- refusals */

struct nested {
  tfm_session *session;
  bool refused;
};

static int on_token(void *arg, size_t row, int32_t id, const char *text, size_t length) {
  struct nested *n = arg;
  tfm_error *inner = tfm_error_create();
  (void)row;
  (void)id;
  (void)text;
  (void)length;
  n->refused = tfm_sessions_step(&n->session, 1, NULL, inner) == -1 &&
               strstr(tfm_error_message(inner), "used by another call") &&
               tfm_session_cut(n->session, 0, inner) == -1;
  tfm_error_destroy(inner);
  return 1;
}

static void try_refusals(void) {
  tfm_model *model = answers_open("gpt2.tfm", "gpt2-tied", "generate", 1, NULL);
  tfm_model *other = answers_open("gpt2.tfm", "gpt2-tied", "generate", 1, NULL);
  tfm_model *bert = answers_open("bert.tfm", "bert-mlm", "fill_mask", 1, NULL);
  if (!model || !other || !bert)
    return check(false, "the models of try_refusals");
  tfm_session *a = tfm_session_create(model, error), *b = tfm_session_create(other, error);
  tfm_session *both[2] = {a, b}, *twice[2] = {a, a};
  tfm_result *result = NULL;
  static int32_t ids[4096];
  tfm_input long_one = {.struct_size = sizeof long_one, .ids = ids, .id_count = 4096};
  tfm_input pair = {.struct_size = sizeof pair, .text = "a", .text_length = 1, .pair = "b"};
  refused(!tfm_session_create(bert, error), "writes no text");
  refused(tfm_session_begin(a, &few, error) == -1, "the session is empty");
  refused(tfm_session_finish(a, &result, error) == -1, "was not begun");
  refused(tfm_session_append(a, &long_one, 0, error) == -1, "the model takes");
  refused(tfm_session_append(a, &pair, 0, error) == -1, "no pair");
  say(a, "The model");
  refused(tfm_session_append(a, &pair, TFM_RUN_TRUNCATE, error) == -1, "which is no flag");
  refused(tfm_session_cut(a, 99, error) == -1, "cannot be cut to 99");
  refused(tfm_sessions_step(both, 2, NULL, error) == -1, "session[1] is of another model");
  refused(tfm_sessions_step(twice, 2, NULL, error) == -1, "is there twice");
  struct nested n = {.session = a};
  tfm_run_options o = few;
  o.token = on_token;
  o.token_arg = &n;
  said(tfm_session_begin(a, &o, error) == 0, "begun");
  refused(tfm_session_begin(a, &o, error) == -1, "is being written on");
  refused(!tfm_session_fork(a, error), "is being written on");
  said(tfm_sessions_step(&a, 1, NULL, error) == 0 && n.refused, "calls from its callback");
  said(tfm_session_finish(a, &result, error) == 0 &&
           strcmp(tfm_result_answer(result, 0)->stop, "caller") == 0,
       "ended by its callback");
  tfm_result_destroy(result);
  tfm_session_destroy(a);
  tfm_session_destroy(b);
  tfm_model_destroy(model);
  tfm_model_destroy(other);
  tfm_model_destroy(bert);
}

/* To the end of the model's context, and what may follow. */
static void try_context(void) {
  tfm_model *model = answers_open("gpt2.tfm", "gpt2-tied", "generate", 1, NULL);
  tfm_session *a = model ? tfm_session_create(model, error) : NULL;
  tfm_model_info info = {.struct_size = sizeof info};
  tfm_run_options all = {.struct_size = sizeof all, .max_new_tokens = -1, .ignore_stop = 1};
  tfm_result *result = NULL;
  if (!a)
    return check(false, "a session");
  tfm_model_describe(model, &info);
  say(a, "The model");
  said(tfm_session_generate(a, &all, &result, error) == 0, "to the end");
  check(result && strcmp(tfm_result_answer(result, 0)->stop, "context") == 0, "context");
  check(tfm_session_length(a) == (size_t)info.max_tokens + 1, "the last token is not run");
  tfm_result_destroy(result);
  said(tfm_session_generate(a, &few, &result, error) == 0, "no more");
  check(result && tfm_result_answer(result, 0)->id_count == 0 &&
            strcmp(tfm_result_answer(result, 0)->stop, "context") == 0,
        "nothing follows");
  tfm_result_destroy(result);
  said(tfm_session_cut(a, (size_t)info.max_tokens - 8, error) == 0, "a cut");
  turn(model, a, 1, "and on again");
  tfm_session_destroy(a);
  tfm_model_destroy(model);
}

/* --------------------------------------------------- ends that others bring */

/* What the callback does at its second token. */
struct guest {
  tfm_model *cancelled, *destroyed;
  tfm_session *left, *gone;
  unsigned tokens;
  bool refused;
};

/* Another thread: the session is the generating call's, between its steps too. */
static void *intrude(void *arg) {
  struct guest *g = arg;
  tfm_error *own = tfm_error_create();
  tfm_result *result = NULL;
  g->refused = tfm_session_finish(g->left, &result, own) == -1 &&
               strstr(tfm_error_message(own), "another call is using") != NULL;
  tfm_error_destroy(own);
  return NULL;
}

static int on_second(void *arg, size_t row, int32_t id, const char *text, size_t length) {
  struct guest *g = arg;
  pthread_t thread;
  (void)row;
  (void)id;
  (void)text;
  (void)length;
  if (g->tokens++ != 1)
    return 0;
  tfm_model_cancel(g->cancelled);
  tfm_model_destroy(g->destroyed);
  tfm_session_destroy(g->gone);
  if (g->left && pthread_create(&thread, NULL, intrude, g) == 0)
    pthread_join(thread, NULL);
  return 0;
}

static int generate_with(tfm_session *session, struct guest *guest, tfm_result **result) {
  tfm_run_options o = few;
  o.token = on_second;
  o.token_arg = guest;
  return tfm_session_generate(session, &o, result, error);
}

static void try_ends(void) {
  tfm_model *model = answers_open("llama.tfm", "llama-gqa", "generate", 1, NULL);
  tfm_session *a = model ? tfm_session_create(model, error) : NULL;
  tfm_result *result = NULL;
  if (!a)
    return check(false, "a session");
  say(a, "The model");
  tfm_session *b = tfm_session_fork(a, error), *c = tfm_session_fork(a, error);
  struct guest cancels = {.cancelled = model}, looks = {.left = a}, destroys = {.gone = b};
  refused(generate_with(a, &cancels, &result) == -1, "interrupted");
  check(cancels.tokens == 2 && tfm_error_code(error) == TFM_CODE_INTERRUPTED, "no step more");
  turn(model, a, 1, "a turn after one that was cancelled");
  said(generate_with(a, &looks, &result) == 0 && looks.refused, "a second thread");
  tfm_result_destroy(result);
  said(generate_with(b, &destroys, &result) == 0, "a session destroyed by its callback");
  check(result && destroys.tokens == 2 && tfm_result_answer(result, 0)->id_count == 2 &&
            strcmp(tfm_result_answer(result, 0)->stop, "caller") == 0,
        "what it had by then");
  tfm_result_destroy(result);
  tfm_session *list[2] = {a, tfm_session_fork(a, error)};
  struct guest steps = {.gone = list[1], .tokens = 1};
  tfm_run_options o = few;
  o.token = on_second;
  o.token_arg = &steps;
  size_t working = 0;
  said(tfm_session_begin(a, &few, error) == 0 && tfm_session_begin(list[1], &o, error) == 0 &&
           tfm_sessions_step(list, 2, &working, error) == 0 && working == 1,
       "a session destroyed in a step of two");
  struct guest ends = {.destroyed = model};
  refused(generate_with(c, &ends, &result) == -1, "interrupted");
  check(ends.tokens == 2, "a model destroyed by a callback");
  tfm_session_destroy(c);
  tfm_session_destroy(a);
}

static int report(void) {
  tfm_error_destroy(error);
  printf("%u checks, %u failed\n", checks, failed);
  return failed != 0;
}

int main(int argc, char **argv) {
  error = tfm_error_create();
  if (argc == 3) {
    try_many(argv[1], argv[2], 1);
    try_many(argv[1], argv[2], 2);
    try_callers(argv[1], argv[2]);
    try_chat(argv[1], argv[2], false);
    try_kept(argv[1], argv[2]);
    return report();
  }
  for (uint32_t threads = 1; threads <= 2; threads++) {
    try_many("gpt2.tfm", "gpt2-tied", threads);
    try_many("llama.tfm", "llama-gqa", threads);
  }
  try_callers("gpt2.tfm", "gpt2-tied");
  try_callers("llama.tfm", "llama-gqa");
  try_chat("gpt2.tfm", "gpt2-tied", true);
  try_chat("llama.tfm", "llama-gqa", true);
  try_kept("gpt2.tfm", "gpt2-tied");
  try_kept("llama.tfm", "llama-gqa");
  try_refusals();
  try_context();
  try_ends();
  return report();
}
