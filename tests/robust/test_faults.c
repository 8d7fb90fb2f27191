/* test_faults.c - models opened, run and closed through libtfm while one call fails:
 * an allocation, an open, a read, a map.  Each call in turn, every one of them.  What
 * comes is an error with a message or the right result; all memory is given back, no
 * file stays open, and of a dump there is all or nothing.
 *
 * faults.sh does the same to tfmrun, one call for each place that calls: what only a
 * whole program shows is tested there, and here what only the heap shows.
 *
 * Work is done in a child process; one that dies is reported, and the next goes on
 * with the call after. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "tests/robust/heap.h"
#include "tests/robust/leave.h"

#include "tfm/tfm.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

enum { LIMIT = 10 /* seconds */, DUMP_MAX = 1 << 20 };

struct job {
  const char *model, *weights, *text, *dump, *pair;
};

static const struct job jobs[] = {
    {"gpt2.tfm", "gpt2-tied", "The model", "logits", NULL},
    {"bert.tfm", "bert-mlm-old", "The [MASK] is.", "logits", NULL},
    {"llama.tfm", "llama-shards", "The model", "logits", NULL},
    {"bert.tfm", "bert-tags", "The river is long", "logits", NULL},
    {"bert.tfm", "bert-classify", "The river is long", "logits", "It is"},
    /* a context in two windows */
    {"bert.tfm", "bert-qa", "who", "start",
     "the cat sat on the mat the dog ran to the river the cat sat on the mat the dog ran to it "
     "and the cat sat on the mat the dog ran to the river"},
};

static char directory[] = "/tmp/tfm-faults-XXXXXX";
static char dump_file[64];
static const char *source;

static void die(const char *what, const char *name) {
  fprintf(stderr, "%s: %s\n", name, what);
  exit(99);
}

static unsigned files_in(const char *path) {
  DIR *handle = opendir(path);
  unsigned count = 0;
  if (handle == NULL)
    die("cannot be read", path);
  while (readdir(handle) != NULL)
    count++;
  closedir(handle);
  return count;
}

/* What a run gives: its ids or answers, and its dump. */
struct given {
  char text[512];
  char dump[DUMP_MAX];
  size_t dump_size;
};

static void read_dump(struct given *given) {
  FILE *file = fopen(dump_file, "rb");
  given->dump_size = file == NULL ? 0 : fread(given->dump, 1, DUMP_MAX, file);
  if (file != NULL)
    fclose(file);
}

static void keep_answers(const tfm_result *result, struct given *given) {
  const tfm_answer *answer = tfm_result_answer(result, 0);
  size_t at = 0;
  for (size_t i = 0; i < answer->id_count && at < sizeof given->text - 16; i++)
    at += (size_t)sprintf(given->text + at, "%d ", (int)answer->ids[i]);
  if (answer->text != NULL)
    snprintf(given->text + at, sizeof given->text - at, "%s", answer->text);
}

/* 0 done, 1 an error with a message, 2 an error without. */
static int use(const struct job *job, struct given *given) {
  char model_path[1024], weights[1024];
  const char *plugin_dir = getenv("TFM_PLUGIN_DIR");
  tfm_tap tap = {.struct_size = sizeof tap, .value = job->dump, .file = dump_file};
  tfm_input input = {
      .struct_size = sizeof input, .text = job->text, .text_length = strlen(job->text)};
  static const char *const stop[] = {"\x01", "\x01\x02"};
  tfm_run_options run = {.struct_size = sizeof run,
                         .max_new_tokens = 3,
                         .repetition_penalty = 1.2,
                         .stop = stop,
                         .stop_count = 2,
                         .logprobs = 2,
                         .flags = TFM_RUN_NULL_ANSWER,
                         .group = TFM_GROUP_AVERAGE,
                         .stride = 5};
  if (job->pair) {
    input.pair = job->pair;
    input.pair_length = strlen(job->pair);
  }
  snprintf(model_path, sizeof model_path, "%s/models/%s", source, job->model);
  snprintf(weights, sizeof weights, "%s/tests/fixtures/%s", source, job->weights);
  tfm_open_options open = {.struct_size = sizeof open,
                           .model = model_path,
                           .weights = weights,
                           .threads = 1,
                           .plugin_dir = &plugin_dir,
                           .plugin_dir_count = 1,
                           .dump = &tap,
                           .dump_count = 1};
  static const char no_memory[] = "";
  tfm_error *error = tfm_error_create();
  tfm_result *result = NULL;
  tfm_model *model = tfm_model_open(&open, error);
  int status = 0;
  given->text[0] = '\0';
  if (model == NULL || tfm_model_run(model, &input, 1, &run, &result, error) != 0) {
    status = 1;
    /* Without memory for an error there is none, and all calls take that. */
    if (error != NULL &&
        (tfm_error_code(error) == TFM_CODE_OK || strcmp(tfm_error_message(error), no_memory) == 0))
      status = 2;
  } else {
    keep_answers(result, given);
  }
  tfm_result_destroy(result);
  tfm_model_destroy(model);
  tfm_error_destroy(error);
  return status;
}

/* What the child leaves for its parent. */
struct shared {
  long at; /* the call that fails */
  bool done;
  size_t errors, runs, wrong;
};

static struct shared *shared;

/* files: of this process, before; what the call before has left open counts no more. */
static const char *wrong(int status, const struct given *given, const struct given *right,
                         unsigned *files) {
  unsigned before = *files;
  *files = files_in("/proc/self/fd");
  if (status == 2)
    return "an error without a message";
  if (status == 0 && strcmp(given->text, right->text) != 0)
    return "another result";
  if (given->dump_size != (status == 0 ? right->dump_size : 0) &&
      given->dump_size != right->dump_size)
    return "a part of the dump";
  if (given->dump_size > 0 && memcmp(given->dump, right->dump, right->dump_size) != 0)
    return "another dump";
  if (files_in(directory) > 2 + (given->dump_size > 0))
    return "a file beside the dump";
  return *files != before ? "a file that stays open" : NULL;
}

static void child(const struct job *job) {
  static struct given right, given;
  for (int i = 0; i < 2; i++) /* the first makes what stays for good */
    if (use(job, &right) != 0)
      die("nothing fails, and it does", job->weights);
  read_dump(&right);
  if (right.text[0] == '\0' || right.dump_size == 0)
    die("nothing came of it", job->weights);
  unsigned files = files_in("/proc/self/fd");
  for (;;) {
    shared->at++;
    unlink(dump_file);
    heap_reset();
    heap_fail = shared->at;
    alarm(LIMIT);
    int status = use(job, &given);
    alarm(0);
    long live = heap_live;
    const char *name = heap_failed;
    heap_reset();
    if (name == NULL)
      break;
    read_dump(&given);
    const char *what = wrong(status, &given, &right, &files);
    if (what == NULL && live != 0)
      what = "memory that is not given back";
    shared->errors += status == 1;
    shared->runs += status == 0;
    shared->wrong += what != NULL;
    if (what != NULL)
      printf("not ok: %s: call %ld (%s): %s, %ld bytes\n", job->weights, shared->at, name, what,
             live);
  }
  shared->done = true;
}

static size_t run(const struct job *job) {
  shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (shared == MAP_FAILED)
    die("no memory", job->weights);
  while (!shared->done) {
    int status;
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
      child(job);
      fflush(stdout);
      leave(0);
    }
    if (pid < 0 || waitpid(pid, &status, 0) != pid)
      die("no process", job->weights);
    if (shared->done)
      break;
    printf("not ok: %s: call %ld: %s %d\n", job->weights, shared->at,
           WIFSIGNALED(status) ? "signal" : "status",
           WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
    shared->wrong++;
    if (!WIFSIGNALED(status))
      break;
  }
  printf("%s: %ld calls failed in turn: %zu errors, %zu runs, %zu wrong\n", job->weights,
         shared->at - 1, shared->errors, shared->runs, shared->wrong);
  size_t count = shared->wrong;
  munmap(shared, sizeof *shared);
  return count;
}

int main(void) {
  size_t count = 0;
  source = getenv("TFM_SRCDIR");
  if (SANITIZED) {
    printf("skipped: the sanitizers' malloc cannot be made to fail\n");
    return 77;
  }
  if (source == NULL || getenv("TFM_PLUGIN_DIR") == NULL || mkdtemp(directory) == NULL)
    return 99;
  snprintf(dump_file, sizeof dump_file, "%s/dump", directory);
  for (size_t i = 0; i < sizeof jobs / sizeof jobs[0]; i++)
    count += run(&jobs[i]);
  unlink(dump_file);
  rmdir(directory);
  return count == 0 ? 0 : 1;
}
