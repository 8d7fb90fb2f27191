/* fuzz_graph.c - any bytes as a graph's text.
 *
 * A graph that is taken and verifies prints a text that reads back to the same,
 * and its other forms can be written. */
#include "base/buffer.h"
#include "graph/graph.h"
#include "tests/fuzz/fuzz.h"

#include <string.h>

static void check(const struct graph *graph) {
  struct buffer first, second;
  struct tfm_error err = {0};
  buffer_init(&first);
  buffer_init(&second);
  graph_print(graph, &first);
  struct graph *copy = graph_parse("again", buffer_text(&first), first.length, &err);
  fuzz_check(copy != NULL, "what is printed can be read");
  graph_print(copy, &second);
  fuzz_check(strcmp(buffer_text(&first), buffer_text(&second)) == 0, "and is the same");
  graph_emit_dot(graph, &second);
  graph_emit_json(graph, &second);
  graph_destroy(copy);
  buffer_finish(&first);
  buffer_finish(&second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct tfm_error err = {0};
  struct graph *graph = graph_parse("fuzz", (const char *)data, size, &err);
  fuzz_check_error(graph == NULL ? -1 : 0, &err);
  if (graph == NULL)
    return 0;
  int status = graph_verify(graph, &err);
  fuzz_check_error(status, &err);
  if (status == 0)
    check(graph);
  graph_destroy(graph);
  return 0;
}
