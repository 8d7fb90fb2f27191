/* vocabulary.c - the tokenizer beside the model: its ids are rows of the embedding. */
#include "lib/model.h"

#include "base/text.h"
#include "graph/source.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* Of the vocabulary, in the order in which tokenizer_open looks for them. */
static const char *const files[] = {"tokenizer.json", "vocab.txt",       "vocab.json",
                                    "encoder.json",   "tokenizer.model", "spiece.model"};
enum { FILES = sizeof files / sizeof *files };

/* The tokenizer's file in the checkpoint's directory; *out NULL: none, or it is no
 * directory.  The caller frees it. */
static int find_file(const struct tfm_model *model, char **out, struct tfm_error *err) {
  for (size_t i = 0; i < FILES; i++) {
    *out = file_join(model->weights_path, files[i]);
    if (!*out)
      return error_oom(err);
    if (file_is_there(*out))
      return 0;
    free(*out);
  }
  *out = NULL;
  return 0;
}

int model_load_tokenizer(struct tfm_model *model) {
  bool lower = model_is_embedder(model) && model->modules.lower_case;
  if (tokenizer_open_with(model->weights_path, lower ? TOKENIZER_LOWER_CASE : 0, &model->tokenizer,
                          &model->tokenizer_error) != 0)
    return -1;
  const char *notice = tokenizer_notice(model->tokenizer);
  if (notice)
    model_log(model, TFM_LOG_WARNING, notice);
  return 0;
}

/* Is it the ids of the text that is read? */
static bool is_ids(const struct graph *graph, int32_t value) {
  for (uint32_t i = 0; i < graph->input_count; i++)
    if (graph->input[i].value == value && source_is(graph->input[i].source, GRAPH_SOURCE_IDS) &&
        source_of(graph->input[i].source, GRAPH_SIDE_READ))
      return true;
  return false;
}

int64_t model_id_rows(const struct tfm_model *model) {
  const struct graph *graph = model->graph;
  int64_t least = 0;
  for (uint32_t i = 0; i < graph->node_count; i++) {
    const struct graph_node *node = &graph->node[i];
    if (registry_role(model->registry, node->op) != TFM_ROLE_LOOKUP ||
        !is_ids(graph, node->input[0]))
      continue;
    int64_t rows = graph->weight[node->weight[0]].shape[0];
    least = least == 0 || rows < least ? rows : least;
  }
  return least;
}

int model_id_beyond(const struct tfm_model *model, int32_t id, int64_t rows,
                    struct tfm_error *err) {
  const char *token = tokenizer_token(model->tokenizer, id);
  char *file, shown[80];
  if (find_file(model, &file, err) != 0)
    return -1;
  text_escape_into(shown, sizeof shown, token, strlen(token), false);
  error_set(err, TFM_ERROR_CHECKPOINT,
            "%s: token `%s` has id %" PRId32 ", but the embedding of the ids has %" PRId64
            " rows (ids 0 to %" PRId64 ")",
            file ? file : model->weights_path, shown, id, rows, rows - 1);
  error_note(err,
             "help: take the tokenizer that the model was trained with, remove the token from the "
             "file, or add rows to the embedding");
  free(file);
  return -1;
}

static int check_ids(const struct tfm_model *model, struct tfm_error *err) {
  int64_t rows = model_id_rows(model), end = (int64_t)tokenizer_vocabulary(model->tokenizer);
  for (int64_t id = rows; rows > 0 && id < end; id++)
    if (tokenizer_token(model->tokenizer, (int32_t)id) &&
        !tokenizer_only_named(model->tokenizer, (int32_t)id))
      return model_id_beyond(model, (int32_t)id, rows, err);
  return 0;
}

int model_check_tokenizer(struct tfm_model *model, struct tfm_error *err) {
  char *file;
  if (model_load_tokenizer(model) == 0)
    return check_ids(model, err);
  if (find_file(model, &file, err) != 0)
    return -1;
  if (file || model->tokenizer_error.code == TFM_ERROR_LIMIT)
    *err = model->tokenizer_error;
  free(file);
  return err->code == TFM_ERROR_NONE ? 0 : -1;
}
