/* test_threads.c - one model, several threads that run it at once: every answer has the bits
 * that it has alone, of each task.  And what the threads may not do meanwhile: a run that
 * is cancelled, or whose model is destroyed, ends, and takes no other thread's memory. */
#include "tests/robust/answers.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

enum { THREADS = 4, RUNS = 6, INPUTS = 3 };

static unsigned checks, failed;

static void check(bool good, const char *what) {
  checks++;
  if (!good) {
    failed++;
    printf("not ok: %s\n", what);
  }
}

static const struct task {
  const char *model, *fixture, *task;
  const char *text[INPUTS];
  const char *pair;
} tasks[] = {
    {"gpt2.tfm", "gpt2-tied", "generate", {"The model", "a", "the cat sat on it and"}, NULL},
    {"llama.tfm", "llama-gqa", "generate", {"The model", "a", "the cat sat on it and"}, NULL},
    {"bert.tfm", "bert-mlm", "fill_mask", {"the [MASK] cat", "[MASK]", "a b [MASK] c d"}, NULL},
    {"bert.tfm", "bert-classify", "classify", {"the cat", "a", "who sat on the cat"}, NULL},
    {"bert.tfm", "bert-tags", "classify_tokens", {"the cat", "a", "who sat on the cat"}, NULL},
    {"bert.tfm", "bert-qa", "qa", {"who", "what cat", "why so"}, "the cat sat on a mat"},
    {"bert.tfm", "bert-model", "embed", {"the cat", "a", "who sat on the cat"}, NULL},
    {"bert.tfm", "rerankers/sigmoid", "rerank", {"who", "what", "why so"}, "the cat sat"},
};

struct work {
  const struct task *task;
  tfm_model *model;
  uint64_t alone[INPUTS], together; /* together: all inputs as a batch */
  atomic_int wrong;
};

static tfm_input input_of(const struct task *task, size_t i) {
  return (tfm_input){.struct_size = sizeof(tfm_input),
                     .text = task->text[i],
                     .text_length = strlen(task->text[i]),
                     .pair = task->pair,
                     .pair_length = task->pair ? strlen(task->pair) : 0};
}

/* 0 = it failed, which is told. */
static uint64_t run(tfm_model *model, const tfm_input *input, size_t count) {
  tfm_run_options options = {.struct_size = sizeof options,
                             .max_new_tokens = 8,
                             .temperature = 0.9,
                             .seed = 3,
                             .logprobs = 2,
                             .ignore_stop = 1};
  tfm_error *error = tfm_error_create();
  tfm_model_info info = {.struct_size = sizeof info};
  tfm_result *result = NULL;
  uint64_t hash = 0;
  tfm_model_describe(model, &info);
  if (info.task != TFM_TASK_GENERATE)
    options = (tfm_run_options){.struct_size = sizeof options};
  if (tfm_model_run(model, input, count, &options, &result, error) != 0)
    printf("%s\n", tfm_error_message(error));
  for (size_t i = 0; i < tfm_result_count(result); i++)
    hash = hash * 31 + answers_hash(tfm_result_answer(result, i));
  tfm_result_destroy(result);
  tfm_error_destroy(error);
  return hash;
}

static void *run_many(void *arg) {
  struct work *w = arg;
  tfm_input all[INPUTS];
  for (size_t i = 0; i < INPUTS; i++)
    all[i] = input_of(w->task, i);
  for (size_t r = 0; r < RUNS; r++) {
    for (size_t i = 0; i < INPUTS; i++)
      if (run(w->model, &all[i], 1) != w->alone[i])
        atomic_fetch_add(&w->wrong, 1);
    if (run(w->model, all, INPUTS) != w->together)
      atomic_fetch_add(&w->wrong, 1);
  }
  return NULL;
}

static void try_task(const struct task *task, uint32_t threads, tfm_context *context) {
  pthread_t thread[THREADS];
  tfm_input all[INPUTS];
  struct work w = {.task = task};
  w.model = answers_open(task->model, task->fixture, task->task, threads, context);
  check(w.model != NULL, task->fixture);
  if (!w.model)
    return;
  for (size_t i = 0; i < INPUTS; i++) {
    all[i] = input_of(task, i);
    w.alone[i] = run(w.model, &all[i], 1);
    check(w.alone[i] != 0 && (i == 0 || w.alone[i] != w.alone[0]), task->fixture);
  }
  w.together = run(w.model, all, INPUTS);
  for (size_t t = 0; t < THREADS; t++)
    check(pthread_create(&thread[t], NULL, run_many, &w) == 0, "a thread");
  for (size_t t = 0; t < THREADS; t++)
    pthread_join(thread[t], NULL);
  check(atomic_load(&w.wrong) == 0, task->fixture);
  tfm_model_destroy(w.model);
}

/* ------------------------------------------------------------------ context */

enum { TASKS = sizeof tasks / sizeof *tasks };

/* Models of all tasks run at once on the same two threads, and outlive their caller's hold
 * on them. */
static void try_context(void) {
  const char *plugins = getenv("TFM_PLUGIN_DIR");
  tfm_context_options options = {
      .struct_size = sizeof options, .threads = 2, .plugin_dir = &plugins, .plugin_dir_count = 1};
  tfm_error *error = tfm_error_create();
  tfm_context *context = tfm_context_create(&options, error);
  struct work work[TASKS] = {0};
  pthread_t thread[TASKS];
  check(context != NULL, tfm_error_message(error));
  for (size_t t = 0; context && t < TASKS; t++) {
    tfm_model_info info = {.struct_size = sizeof info};
    tfm_input all[INPUTS];
    work[t].task = &tasks[t];
    tfm_model *own = answers_open(tasks[t].model, tasks[t].fixture, tasks[t].task, 1, NULL);
    work[t].model = answers_open(tasks[t].model, tasks[t].fixture, tasks[t].task, 0, context);
    check(own && work[t].model, tasks[t].fixture);
    tfm_model_describe(work[t].model, &info);
    check(info.threads == 2, "the context's threads");
    for (size_t i = 0; i < INPUTS; i++) {
      all[i] = input_of(&tasks[t], i);
      work[t].alone[i] = run(own, &all[i], 1);
    }
    work[t].together = run(own, all, INPUTS);
    tfm_model_destroy(own);
  }
  tfm_context_destroy(context);
  for (size_t t = 0; context && t < TASKS; t++)
    check(pthread_create(&thread[t], NULL, run_many, &work[t]) == 0, "a thread");
  for (size_t t = 0; context && t < TASKS; t++) {
    pthread_join(thread[t], NULL);
    check(atomic_load(&work[t].wrong) == 0, tasks[t].fixture);
    tfm_model_destroy(work[t].model);
  }
  tfm_error_destroy(error);
}

/* --------------------------------------------------------------------- ends */

struct ending {
  tfm_model *model;
  bool destroy;
  atomic_int begun, interrupted;
  atomic_bool gone;
};

/* Counts its thread; a model that is to be destroyed is so while all are inside. */
static int on_token(void *arg, size_t row, int32_t id, const char *text, size_t length) {
  static _Thread_local bool counted;
  struct ending *e = arg;
  (void)row;
  (void)id;
  (void)text;
  (void)length;
  if (!counted)
    atomic_fetch_add(&e->begun, 1);
  counted = true;
  while (e->destroy && !atomic_load(&e->gone))
    sched_yield();
  return 0;
}

/* One run after the other, until one is interrupted. */
static void *run_long(void *arg) {
  struct ending *e = arg;
  tfm_input input = input_of(&tasks[0], 0);
  tfm_run_options options = {.struct_size = sizeof options,
                             .max_new_tokens = -1,
                             .ignore_stop = 1,
                             .token = on_token,
                             .token_arg = e};
  tfm_error *error = tfm_error_create();
  tfm_result *result = NULL;
  while (tfm_model_run(e->model, &input, 1, &options, &result, error) == 0 && !e->destroy)
    tfm_result_destroy(result);
  atomic_fetch_add(&e->interrupted, tfm_error_code(error) == TFM_CODE_INTERRUPTED);
  tfm_error_destroy(error);
  return NULL;
}

/* All runs that are in progress are cancelled, or end with their model. */
static void try_ending(bool destroy) {
  pthread_t thread[THREADS];
  struct ending e = {.model = answers_open("gpt2.tfm", "gpt2-tied", "generate", 1, NULL),
                     .destroy = destroy};
  for (size_t t = 0; e.model && t < THREADS; t++)
    check(pthread_create(&thread[t], NULL, run_long, &e) == 0, "a thread");
  while (atomic_load(&e.begun) < THREADS)
    sched_yield();
  if (destroy)
    tfm_model_destroy(e.model);
  atomic_store(&e.gone, true);
  /* A run that has just ended begins again, and is cancelled then. */
  while (!destroy && atomic_load(&e.interrupted) < THREADS)
    tfm_model_cancel(e.model);
  for (size_t t = 0; t < THREADS; t++)
    pthread_join(thread[t], NULL);
  check(atomic_load(&e.interrupted) == THREADS, "each run was interrupted");
  if (!destroy) {
    tfm_input input = input_of(&tasks[0], 0);
    check(run(e.model, &input, 1) != 0, "the model runs again");
    tfm_model_destroy(e.model);
  }
}

int main(void) {
  for (size_t t = 0; t < sizeof tasks / sizeof *tasks; t++)
    for (uint32_t threads = 1; threads <= 2; threads++)
      try_task(&tasks[t], threads, NULL);
  try_context();
  try_ending(false);
  try_ending(true);
  printf("%u checks, %u failed\n", checks, failed);
  return failed != 0;
}
