/* fuzz_compile.c - a whole compilation with a hostile model file, config.json
 * and list of tensors.
 *
 *     tests/fuzz/fuzz_compile -max_len=8192 CORPUS
 *
 * The bytes are three texts with a NUL between: the model file, config.json,
 * and tensors as in tests/error/tensors.txt.  A graph that comes out verifies,
 * and its text reads back to itself; nothing comes out without an error. */
#include "tests/fuzz/fuzz.h"
#include "tests/unit/compiling.h"

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

/* Diagnostics are written out for one input in so many: it takes a while. */
enum { NOW_AND_THEN = 16 };

static void compile(struct compiling *k, size_t size) {
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
  if (size % NOW_AND_THEN == 0)
    diag_render_text(&diag, false, &out);
  graph_destroy(graph);
  buffer_finish(&out);
  diag_finish(&diag);
}

/* The same file, of which nothing is known but its text. */
static void check(struct compiling *k) {
  struct compile_options bare = k->options;
  struct diag diag;
  struct tfm_error err = {0};
  bare.config = bare.generation = (struct compile_json){0};
  bare.tensor_count = 0;
  bare.has_checkpoint = false;
  diag_init(&diag);
  if ((compile_check(&bare, &diag, &err) == 0) != (err.code == TFM_ERROR_NONE))
    abort();
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
  fuzz_write("model.tfm", text, model);
  compiling_init(&k, fuzz_path("model.tfm"));
  k.config = json_loads(text + config, 0, NULL);
  if (json_is_object(k.config))
    k.options.config =
        (struct compile_json){"config.json", text + config, strlen(text + config), k.config};
  compiling_tensors(&k, text + tensors);
  k.options.fuse = size % 3 == 0;
  compile(&k, size);
  check(&k);
  compiling_finish(&k);
  free(text);
  return 0;
}
