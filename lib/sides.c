/* sides.c - whose tokens a graph reads, and graphs that compile and that nothing here can run
 * rightly.
 *
 * An encoder-decoder has two texts: the source, which is read once, and what is written, which
 * begins with a start token of its own.  And what encode makes of the tokens is made once a
 * request, so that a text that grows token by token must be in decode.  What does not go is
 * refused before anything is prepared: a text that is wrong looks like one that is right. */
#include "lib/model.h"

#include "graph/source.h"
#include "lib/head.h"

#include <stdlib.h>

/* The first input of a side; NULL = the graph has none. */
static const struct graph_input *first_of(const struct graph *graph, enum graph_side side) {
  for (uint32_t i = 0; i < graph->input_count; i++)
    if (source_of(graph->input[i].source, side))
      return &graph->input[i];
  return NULL;
}

static int refuse_no_source(const struct graph *graph, const struct graph_input *target,
                            struct tfm_error *err) {
  error_set(err, TFM_ERROR_MODEL,
            "`%s` reads only what it has written, and has nothing to begin from", graph->model);
  error_note(err, "found: input `%s` = %s, and no input from tokens.*", target->name,
             target->source);
  error_note(err, "help: a decoder that goes on from a text reads tokens.*");
  return -1;
}

static int refuse_no_start(const struct graph *graph, struct tfm_error *err) {
  error_set(err, TFM_ERROR_MODEL, "`%s` is an encoder-decoder, and its head `%s` states no start",
            graph->model, graph->head ? graph->head : "");
  error_note(err, "expected: the id that what it writes begins with");
  error_note(err, "help: %s(start: config.decoder_start_token_id, stop: ...)",
             graph_task_name(graph->task));
  return -1;
}

/* The ids that what is written begins with: `start`, then `prefix`. */
static int find_first(struct tfm_model *model, struct tfm_error *err) {
  const struct graph *graph = model->graph;
  int32_t start = head_id(graph, "start");
  if (graph->task != GRAPH_TASK_GENERATE)
    return error_set(err, TFM_ERROR_MODEL,
                     "`%s` is an encoder-decoder, and those are run for the task %s alone",
                     graph->model, graph_task_name(GRAPH_TASK_GENERATE));
  if (start < 0)
    return refuse_no_start(graph, err);
  model->start = start;
  return head_ids(graph, "prefix", &model->keys.arena, &model->prefix, err);
}

static int check_two_texts(struct tfm_model *model, struct tfm_error *err) {
  const struct graph_input *source = first_of(model->graph, GRAPH_SIDE_READ);
  const struct graph_input *target = first_of(model->graph, GRAPH_SIDE_WRITTEN);
  model->two_texts = target != NULL;
  if (!target)
    return 0;
  return source ? find_first(model, err) : refuse_no_source(model->graph, target, err);
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
  if (graph->task != GRAPH_TASK_GENERATE || first_of(graph, GRAPH_SIDE_WRITTEN))
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

int model_check_sides(struct tfm_model *model, struct tfm_error *err) {
  if (check_two_texts(model, err) != 0)
    return -1;
  return refuse_growing_encode(model->graph, err);
}
