/* fuzz_compile.c - a whole compilation with a hostile model file, config.json
 * and list of tensors.
 *
 *     tests/fuzz/fuzz_compile -max_len=8192 CORPUS
 *
 * The bytes are three texts with a NUL between: the model file, config.json,
 * and tensors as in tests/error/tensors.txt.  A graph that comes out verifies,
 * and its text reads back to itself; nothing comes out without an error. */
#include "tests/unit/compiling.h"

#include <stdint.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *model_path(void) {
  static char path[64];
  if (path[0] == '\0')
    snprintf(path, sizeof path, "/tmp/tfm-fuzz-compile-%ld.tfm", (long)getpid());
  return path;
}

static void check_text(const struct graph *graph) {
  struct buffer first, second;
  struct tfm_error err = {0};
  buffer_init(&first);
  buffer_init(&second);
  graph_print(graph, &first);
  struct graph *copy = graph_parse("graph", buffer_text(&first), first.length, &err);
  if (copy == NULL || graph_verify(copy, &err) != 0)
    abort();
  graph_print(copy, &second);
  if (strcmp(buffer_text(&first), buffer_text(&second)) != 0)
    abort();
  graph_emit_dot(graph, &second);
  graph_emit_json(graph, &second);
  graph_destroy(copy);
  buffer_finish(&first);
  buffer_finish(&second);
}

static void compile(struct compiling *k) {
  struct diag diag;
  struct buffer out;
  struct tfm_error err = {0};
  diag_init(&diag);
  buffer_init(&out);
  struct graph *graph = compile_model(&k->options, &diag, &err);
  if ((graph == NULL) != (err.code != TFM_ERROR_NONE))
    abort();
  if (graph != NULL)
    check_text(graph);
  diag_render_text(&diag, false, &out);
  graph_destroy(graph);
  buffer_finish(&out);
  diag_finish(&diag);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  char *text = malloc(size + 1);
  struct compiling k;
  if (text == NULL)
    return 0;
  memcpy(text, data, size);
  text[size] = '\0';
  size_t model = strlen(text), config = model < size ? model + 1 : size;
  size_t tensors = config + strlen(text + config);
  tensors = tensors < size ? tensors + 1 : size;
  FILE *file = fopen(model_path(), "wb");
  if (file == NULL || fwrite(text, 1, model, file) != model || fclose(file) != 0)
    abort();
  compiling_init(&k, model_path());
  k.config = json_loads(text + config, 0, NULL);
  if (json_is_object(k.config))
    k.options.config =
        (struct compile_json){"config.json", text + config, strlen(text + config), k.config};
  compiling_tensors(&k, text + tensors);
  k.options.fuse = size % 2 == 0;
  compile(&k);
  compiling_finish(&k);
  free(text);
  return 0;
}
