/* test_damage.c - a small checkpoint and a small tokenizer, cut at every byte and
 * with every byte changed: opened and used through libtfm, each ends in an error
 * that has a message, or in a run.
 *
 * What is tried runs in a child process, which may not take over LIMIT seconds for
 * one try or over MEMORY_TIMES the file's size and a base of memory, and has to give
 * all of it back; a child that dies is reported with its try, and the next goes on
 * after it.
 *
 * Memory is the heap and the files that are mapped.  The base is what the same work
 * takes at its most on the files as they were: the model file, the graph, the plan
 * and the kernels are none of the stranger's. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "tests/robust/heap.h"
#include "tests/robust/leave.h"

#include "tfm/tfm.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

enum { LIMIT = 2, MEMORY_TIMES = 4, SLOWER = SANITIZED ? 10 : 1 };

/* ------------------------------------------------------------------ files */

struct bytes {
  unsigned char *data;
  size_t size;
};

static char directory[] = "/tmp/tfm-damage-XXXXXX";
static const char *source;

static void die(const char *what, const char *name) {
  fprintf(stderr, "%s: %s\n", name, what);
  exit(99);
}

static struct bytes read_file(const char *name) {
  char path[1024];
  struct bytes bytes;
  snprintf(path, sizeof path, "%s/tests/fixtures/%s", source, name);
  FILE *file = fopen(path, "rb");
  if (file == NULL || fseek(file, 0, SEEK_END) != 0)
    die("cannot read", path);
  bytes.size = (size_t)ftell(file);
  bytes.data = malloc(bytes.size + 1);
  rewind(file);
  if (bytes.data == NULL || fread(bytes.data, 1, bytes.size, file) != bytes.size)
    die("cannot read", path);
  fclose(file);
  return bytes;
}

static void write_file(const char *name, const unsigned char *data, size_t size) {
  char path[128];
  snprintf(path, sizeof path, "%s/%s", directory, name);
  unlink(path); /* to cut a file and write it again makes some file systems wait for the disk */
  int file = open(path, O_WRONLY | O_CREAT | O_EXCL, 0666);
  if (file < 0 || write(file, data, size) != (ssize_t)size || close(file) != 0)
    die("cannot write", path);
}

/* A GPT-2 of one layer that is 4 wide and knows 8 words. */
static struct bytes checkpoint(void) {
  static const struct {
    const char *name;
    unsigned rows, columns; /* columns 0: one dimension */
  } tensor[] = {{"wte.weight", 8, 4},
                {"wpe.weight", 8, 4},
                {"h.0.ln_1.weight", 4, 0},
                {"h.0.ln_1.bias", 4, 0},
                {"h.0.attn.c_attn.weight", 4, 12},
                {"h.0.attn.c_attn.bias", 12, 0},
                {"h.0.attn.c_proj.weight", 4, 4},
                {"h.0.attn.c_proj.bias", 4, 0},
                {"h.0.ln_2.weight", 4, 0},
                {"h.0.ln_2.bias", 4, 0},
                {"h.0.mlp.c_fc.weight", 4, 16},
                {"h.0.mlp.c_fc.bias", 16, 0},
                {"h.0.mlp.c_proj.weight", 16, 4},
                {"h.0.mlp.c_proj.bias", 4, 0},
                {"ln_f.weight", 4, 0},
                {"ln_f.bias", 4, 0}};
  static unsigned char file[8192];
  char *text = (char *)file + 8;
  size_t at = 0, n = (size_t)sprintf(text, "{\"__metadata__\":{\"format\":\"pt\"}");
  for (size_t i = 0; i < sizeof tensor / sizeof tensor[0]; i++) {
    unsigned columns = tensor[i].columns == 0 ? 1 : tensor[i].columns;
    size_t size = (size_t)tensor[i].rows * columns * sizeof(float);
    n += (size_t)sprintf(text + n, ",\"%s\":{\"dtype\":\"F32\",\"shape\":[%u", tensor[i].name,
                         tensor[i].rows);
    if (tensor[i].columns != 0)
      n += (size_t)sprintf(text + n, ",%u", columns);
    n += (size_t)sprintf(text + n, "],\"data_offsets\":[%zu,%zu]}", at, at + size);
    at += size;
  }
  text[n++] = '}';
  memset(file, 0, 8);
  file[0] = (unsigned char)(n & 0xff);
  file[1] = (unsigned char)(n >> 8);
  for (size_t i = 0; i < at / sizeof(float); i++) {
    float value = (float)((int)(i * 7 % 11) - 5) / 8;
    memcpy(file + 8 + n + i * sizeof value, &value, sizeof value);
  }
  return (struct bytes){file, 8 + n + at};
}

static const char config[] =
    "{\"model_type\":\"gpt2\",\"architectures\":[\"GPT2LMHeadModel\"],\"vocab_size\":8,"
    "\"n_positions\":8,\"n_embd\":4,\"n_layer\":1,\"n_head\":2,\"n_inner\":16,"
    "\"activation_function\":\"gelu_new\",\"layer_norm_epsilon\":1e-05,"
    "\"tie_word_embeddings\":true,\"eos_token_id\":7}";

/* ------------------------------------------------------------------- work */

/* 0 done, 1 an error with a message, 2 an error without. */
static int failed(const tfm_error *error) {
  return tfm_error_code(error) != TFM_CODE_OK && *tfm_error_message(error) != '\0' ? 1 : 2;
}

static char right[256]; /* the ids of the sound checkpoint */

/* Open the model in the directory and let it speak.  One that runs on a changed
 * header says what the sound one says: what was changed had no meaning. */
static int use_model(bool same) {
  char models[1024], plugins[1024], said[256] = "";
  const char *model_dir = models, *plugin_dir = plugins;
  int32_t ids[] = {1, 2, 3};
  tfm_input input = {.struct_size = sizeof input, .ids = ids, .id_count = 3};
  tfm_run_options run = {.struct_size = sizeof run, .max_new_tokens = 4, .ignore_stop = 1};
  snprintf(models, sizeof models, "%s/models/gpt2.tfm", source);
  snprintf(plugins, sizeof plugins, "%s", getenv("TFM_PLUGIN_DIR"));
  tfm_open_options open = {.struct_size = sizeof open,
                           .model = model_dir,
                           .weights = directory,
                           .threads = 1,
                           .plugin_dir = &plugin_dir,
                           .plugin_dir_count = 1};
  tfm_error *error = tfm_error_create();
  tfm_model *model = tfm_model_open(&open, error);
  tfm_result *result = NULL;
  int status = 0;
  if (model == NULL || tfm_model_run(model, &input, 1, &run, &result, error) != 0)
    status = failed(error);
  for (size_t i = 0; result != NULL && i < tfm_result_answer(result, 0)->id_count; i++)
    sprintf(said + strlen(said), "%d ", (int)tfm_result_answer(result, 0)->ids[i]);
  if (right[0] == '\0')
    strcpy(right, said);
  if (same && status == 0 && strcmp(said, right) != 0)
    status = 3;
  tfm_result_destroy(result);
  tfm_model_destroy(model);
  tfm_error_destroy(error);
  return status;
}

static int use_checkpoint(void) {
  return use_model(true);
}
static int use_config(void) {
  return use_model(false);
}

/* Only what reads the tensors' headers, so that the base is small. */
static int use_weights(void) {
  tfm_error *error = tfm_error_create();
  tfm_weights *weights = tfm_weights_open(directory, error);
  int status = weights == NULL ? failed(error) : 0;
  tfm_weights_destroy(weights);
  tfm_error_destroy(error);
  return status;
}

static int use_tokenizer(void) {
  static const char text[] = "The caf\xc3\xa9's 12 [MASK] \xea\xb0\x80\xea\xb0\x81<s>";
  tfm_error *error = tfm_error_create();
  tfm_tokenizer *tokenizer = tfm_tokenizer_open(directory, error);
  tfm_input input = {.struct_size = sizeof input, .text = text, .text_length = sizeof text - 1};
  tfm_encoding *encoding = NULL;
  char *back = NULL;
  int status = 0;
  if (tokenizer == NULL || tfm_tokenizer_encode(tokenizer, &input, &encoding, error) != 0 ||
      tfm_tokenizer_decode(tokenizer, encoding->ids, encoding->count, 0, &back, NULL, error) != 0)
    status = failed(error);
  tfm_free(back);
  tfm_encoding_destroy(encoding);
  tfm_tokenizer_destroy(tokenizer);
  tfm_error_destroy(error);
  return status;
}

/* ------------------------------------------------------------------ tries */

struct job {
  const char *what, *name; /* the file that is damaged */
  struct bytes bytes;
  size_t header; /* bytes of it that are changed, one by one */
  int (*use)(void);
  unsigned step; /* every so manyth change; every byte is met if it is below WAYS */
  bool larger;   /* a digit of it may ask for nine layers in place of one, which are expanded before
                    their tensors are missed */
};

/* Cuts first, at every byte, then changes: each bit of a byte in turn, then all of them. */
enum { WAYS = 9 };
static size_t after(const struct job *job, size_t at) {
  return at + (at < job->bytes.size ? 1 : job->step);
}
static size_t tries(const struct job *job) {
  return job->bytes.size + job->header * WAYS;
}

static void damage(const struct job *job, size_t at) {
  struct bytes bytes = job->bytes;
  if (at < bytes.size) {
    write_file(job->name, bytes.data, at);
    return;
  }
  at -= bytes.size;
  unsigned char *byte = &bytes.data[at / WAYS], was = *byte;
  *byte = (unsigned char)(was ^ (at % WAYS == 8 ? 0xff : 1u << at % WAYS));
  write_file(job->name, bytes.data, bytes.size);
  *byte = was;
}

static const char *try_name(const struct job *job, size_t at, char name[64]) {
  if (at < job->bytes.size)
    snprintf(name, 64, "cut to %zu bytes", at);
  else if ((at - job->bytes.size) % WAYS == 8)
    snprintf(name, 64, "byte %zu inverted", (at - job->bytes.size) / WAYS);
  else
    snprintf(name, 64, "bit %zu of byte %zu changed", (at - job->bytes.size) % WAYS,
             (at - job->bytes.size) / WAYS);
  return name;
}

/* What the child leaves for its parent. */
struct shared {
  size_t at; /* the try in work, or the number of tries when all is done */
  size_t errors, runs, wrong;
  long most;
};

/* What is wrong with how a try ended, or NULL. */
static const char *wrong(int status, long bound) {
  static const char *const ends[] = {NULL, NULL, "an error without a message", "another result"};
  if (!SANITIZED && heap_peak > bound)
    return "over the bound of memory";
  if (!SANITIZED && heap_live != 0)
    return "memory that is not given back";
  return ends[status];
}

static void child(const struct job *job, size_t begin, struct shared *shared) {
  char name[64];
  write_file(job->name, job->bytes.data, job->bytes.size);
  if (job->use() != 0)
    die("the files as they were are refused", job->what);
  heap_reset();
  job->use();
  long bound = heap_peak * (job->larger ? 2 : 1) + MEMORY_TIMES * (long)job->bytes.size;
  for (size_t at = begin; at < tries(job); at = after(job, at)) {
    shared->at = at;
    damage(job, at);
    heap_reset();
    alarm(LIMIT * SLOWER);
    int status = job->use();
    alarm(0);
    shared->errors += status == 1;
    shared->runs += status == 0;
    shared->most = heap_peak > shared->most ? heap_peak : shared->most;
    const char *what = wrong(status, bound);
    if (what == NULL)
      continue;
    shared->wrong++;
    printf("not ok: %s: %s: %s: %ld bytes at most, %ld at the end; the bound is %ld\n", job->what,
           try_name(job, at, name), what, heap_peak, heap_live, bound);
  }
  shared->at = tries(job);
}

static size_t run(const struct job *job) {
  char name[64];
  struct shared *shared =
      mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (shared == MAP_FAILED)
    die("no memory", job->what);
  for (size_t begin = 0; begin < tries(job); begin = after(job, shared->at)) {
    int status;
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
      child(job, begin, shared);
      fflush(stdout);
      leave(0);
    }
    if (pid < 0 || waitpid(pid, &status, 0) != pid)
      die("no process", job->what);
    if (shared->at == tries(job))
      break;
    printf("not ok: %s: %s: %s %d\n", job->what, try_name(job, shared->at, name),
           WIFSIGNALED(status) ? "signal" : "status",
           WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
    shared->wrong++;
    if (!WIFSIGNALED(status))
      break;
  }
  printf("%s (%zu bytes): %zu cuts, %zu bytes changed in one of %d ways, every %uth: %zu errors, "
         "%zu runs, %zu wrong; at most %ld KiB of memory\n",
         job->what, job->bytes.size, job->bytes.size, job->header, WAYS, job->step, shared->errors,
         shared->runs, shared->wrong, shared->most / 1024);
  size_t wrong = shared->wrong;
  munmap(shared, sizeof *shared);
  return wrong;
}

static size_t run_tokenizer(const char *name, const char *file, unsigned step) {
  char path[256];
  snprintf(path, sizeof path, "tokenizers/%s/%s", name, file);
  struct bytes bytes = read_file(path);
  struct job job = {path, file, bytes, bytes.size, use_tokenizer, step, false};
  size_t wrong = run(&job);
  snprintf(path, sizeof path, "%s/%s", directory, file);
  unlink(path);
  free(bytes.data);
  return wrong;
}

int main(void) {
  const char *step_text = getenv("DAMAGE_STEP"); /* 1: every byte in all ways */
  size_t wrong = 0;
  char path[128];
  source = getenv("TFM_SRCDIR");
  if (source == NULL || getenv("TFM_PLUGIN_DIR") == NULL || mkdtemp(directory) == NULL)
    return 99;
  /* No divisor of WAYS, so that all bits are met. */
  unsigned few = step_text != NULL && atoi(step_text) > 0 ? (unsigned)atoi(step_text)
                 : SANITIZED                              ? 29
                                                          : 4;
  wrong += run_tokenizer("bert-cased", "tokenizer.json", few);
  wrong += run_tokenizer("llama", "tokenizer.json", few);
  wrong += run_tokenizer("bert-uncased", "vocab.txt", few);
  struct bytes weights = checkpoint();
  size_t header = 8 + weights.data[0] + ((size_t)weights.data[1] << 8);
  static unsigned char text[sizeof config];
  memcpy(text, config, sizeof config);
  struct bytes settings = {text, sizeof config - 1};
  struct job model[] = {
      {"model.safetensors, run", "model.safetensors", weights, header, use_checkpoint, few, false},
      {"model.safetensors, opened", "model.safetensors", weights, header, use_weights, few, false},
      {"config.json", "config.json", settings, settings.size, use_config, few, true}};
  write_file("config.json", settings.data, settings.size);
  write_file("model.safetensors", weights.data, weights.size);
  for (size_t i = 0; i < sizeof model / sizeof model[0]; i++) {
    wrong += run(&model[i]);
    write_file(model[i].name, model[i].bytes.data, model[i].bytes.size);
  }
  for (size_t i = 0; i < sizeof model / sizeof model[0]; i++) {
    snprintf(path, sizeof path, "%s/%s", directory, model[i].name); /* one of them twice */
    unlink(path);
  }
  rmdir(directory);
  return wrong == 0 ? 0 : 1;
}
