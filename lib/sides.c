/* sides.c - graphs that compile, and that nothing here can run rightly.
 *
 * A run has one text a row.  An encoder-decoder needs two: the source, and what
 * is written, which begins with a start token of its own.  And what encode
 * makes of the tokens is made once a request, so that a text that grows token
 * by token must be in decode.  Each is refused before anything is prepared: a
 * text that is wrong looks like one that is right. */
#include "lib/model.h"

#include "graph/source.h"

#include <stdlib.h>

/* The first input of a side; NULL = the graph has none. */
static const struct graph_input *first_of(const struct graph *graph, enum graph_side side) {
  for (uint32_t i = 0; i < graph->input_count; i++)
    if (source_of(graph->input[i].source, side))
      return &graph->input[i];
  return NULL;
}

static int refuse_two_texts(const struct graph *graph, struct tfm_error *err) {
  const struct graph_input *source = first_of(graph, GRAPH_SIDE_READ);
  const struct graph_input *target = first_of(graph, GRAPH_SIDE_WRITTEN);
  if (!target)
    return 0;
  if (!source) {
    error_set(err, TFM_ERROR_MODEL,
              "`%s` reads only what it has written, and has nothing to begin from", graph->model);
    error_note(err, "found: input `%s` = %s, and no input from tokens.*", target->name,
               target->source);
    error_note(err, "help: a decoder that goes on from a text reads tokens.*");
    return -1;
  }
  error_set(err, TFM_ERROR_MODEL, "`%s` is an encoder-decoder, and those cannot be run yet",
            graph->model);
  error_note(err, "found: input `%s` = %s beside input `%s` = %s", source->name, source->source,
             target->name, target->source);
  error_note(err, "help: tfmc check and tfmc --emit=graph take such a model; running needs a start "
                  "token and a source of its own, which are not there");
  return -1;
}

/* Does a node that runs once depend on a text?  reads: a flag a value. */
static const struct graph_node *encode_of_text(const struct graph *graph, bool *reads) {
  for (uint32_t i = 0; i < graph->input_count; i++)
    if (source_of(graph->input[i].source, GRAPH_SIDE_READ) ||
        source_of(graph->input[i].source, GRAPH_SIDE_WRITTEN))
      reads[graph->input[i].value] = true;
  for (uint32_t i = 0; i < graph->node_count; i++) {
    const struct graph_node *node = &graph->node[i];
    bool any = false;
    for (uint32_t k = 0; k < node->input_count; k++)
      any = any || (node->input[k] != GRAPH_NONE && reads[node->input[k]]);
    if (any && graph->entry[node->entry].when == GRAPH_ONCE)
      return node;
    for (uint32_t k = 0; any && k < node->output_count; k++)
      reads[node->output[k]] = true;
  }
  return NULL;
}

static int refuse_growing_encode(const struct graph *graph, struct tfm_error *err) {
  if (graph->task != GRAPH_TASK_GENERATE)
    return 0;
  bool *reads = calloc((size_t)graph->value_count + 1, sizeof *reads);
  if (!reads)
    return error_oom(err);
  const struct graph_node *node = encode_of_text(graph, reads);
  free(reads);
  if (!node)
    return 0;
  error_set(err, TFM_ERROR_MODEL, "`%s` generates text, and its `graph encode` reads that text",
            graph->model);
  error_note(err, "found: `%s`, which is computed once a request and would not see new tokens",
             node->name);
  error_note(err, "help: a head for `%s` goes with `graph decode`, which is run once a step",
             graph_task_name(graph->task));
  return -1;
}

int model_check_sides(const struct tfm_model *model, struct tfm_error *err) {
  if (refuse_two_texts(model->graph, err) != 0)
    return -1;
  return refuse_growing_encode(model->graph, err);
}
