/* fuzz_config.c - a byte that picks a model file, and config.json for it.
 *
 * The model is compiled for the tensors of a fixture: what the numbers in
 * config.json say is checked against shapes, multiplied, taken as counts.
 * config-sizes.tfm and config-objects.tfm use config.json as the others do, and take
 * a tenth of their time: most changed inputs go to them. */
#include "tests/fuzz/fuzz.h"
#include "tests/unit/compiling.h"

static struct choice {
  const char *model, *directory;
  char *path, *checkpoint;
} choices[] = {{"models/bert.tfm", "tests/fixtures/bert-mlm", NULL, NULL},
               {"models/gpt2.tfm", "tests/fixtures/gpt2-tied", NULL, NULL},
               {"models/llama.tfm", "tests/fixtures/llama-tied", NULL, NULL},
               {"tests/fuzz/config-sizes.tfm", NULL, NULL, NULL},
               {"tests/fuzz/config-objects.tfm", NULL, NULL, NULL}};
enum { CHOICES = sizeof choices / sizeof choices[0], SMALL = CHOICES - 2, CONFIG_DEPTH = 64 };

/* The tensor that the small ones name. */
static const char tensors[] = "words.weight F32 10 8\n";

static bool add_tensors(struct compiling *k, const struct choice *choice, char *room) {
  if (choice->directory != NULL)
    return compiling_checkpoint(k, choice->checkpoint);
  memcpy(room, tensors, sizeof tensors);
  compiling_tensors(k, room);
  return true;
}

/* Diagnostics are written out for one input in so many: it takes a while. */
enum { NOW_AND_THEN = 16 };

static void compile(struct compiling *k, size_t size) {
  struct diag diag;
  struct buffer out;
  struct tfm_error err = {0};
  diag_init(&diag);
  buffer_init(&out);
  struct graph *graph = compile_model(&k->options, &diag, &err);
  fuzz_check_error(graph == NULL ? -1 : 0, &err);
  fuzz_check(graph == NULL || graph_verify(graph, &err) == 0, "a graph that comes out is sound");
  if (size % NOW_AND_THEN == 0)
    diag_render_text(&diag, false, &out);
  graph_destroy(graph);
  buffer_finish(&out);
  diag_finish(&diag);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size == 0)
    return 0;
  struct choice *choice = &choices[data[0] % CHOICES];
  if (choice->path == NULL) {
    choice->path = fuzz_source_path(choice->model);
    if (choice->directory != NULL)
      choice->checkpoint = fuzz_source_path(choice->directory);
  }
  struct compiling k;
  struct tfm_error err = {0};
  char room[sizeof tensors];
  const char *text = (const char *)data + 1;
  compiling_init(&k, choice->path);
  int status = json_parse("config.json", text, size - 1, CONFIG_DEPTH, TFM_ERROR_CHECKPOINT,
                          &k.config, &err);
  fuzz_check_error(status, &err);
  if (status == 0 && add_tensors(&k, choice, room)) {
    k.options.config = (struct compile_json){"config.json", text, size - 1, k.config};
    compile(&k, size);
  }
  compiling_finish(&k);
  return 0;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned seed) {
  if (size < 2)
    return LLVMFuzzerMutate(data, size, max);
  data[0] = (uint8_t)(seed % 64 == 0 ? seed / 64 : SMALL + seed / 64 % 2);
  return 1 + fuzz_mutate_json(data + 1, size - 1, max - 1, seed / 2);
}
