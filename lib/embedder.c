/* embedder.c - the settings of a sentence-transformers directory, once the task is known. */
#include "lib/model.h"

#include "base/buffer.h"
#include "graph/attr.h"

#include <stdlib.h>
#include <string.h>

enum { TOKENIZER_CONFIG_LIMIT = 16 << 20, TOKENIZER_CONFIG_DEPTH = 64 };

bool model_is_embedder(const struct tfm_model *model) {
  enum graph_task task = model->graph->task;
  return task == GRAPH_TASK_EMBED || task == GRAPH_TASK_RERANK || task == GRAPH_TASK_EMBED_SPARSE;
}

/* The kinds of pooling that the head states: its attribute `pooling`. */
static void pooling_text(const struct graph *graph, struct buffer *out) {
  const tfm_attr *attr = attr_find(graph->task_attr, graph->task_attr_count, "pooling");
  for (uint32_t i = 0; attr && i < attr->count; i++)
    if (attr->item[i]->text)
      buffer_printf(out, "%s%s", i ? ", " : " by ", attr->item[i]->text);
}

static bool ends_in_norm(const struct tfm_model *model) {
  const struct graph *graph = model->graph;
  for (uint32_t i = 0; i < graph->output_count; i++) {
    int32_t node = graph->value[graph->output[i].value].node;
    if (node != GRAPH_NONE && registry_role(model->registry, graph->node[node].op) == TFM_ROLE_UNIT)
      return true;
  }
  return false;
}

/* Without a modules.json the model file decides, and the user is told what. */
static int tell_default(const struct tfm_model *model, const tfm_open_options *options,
                        struct tfm_error *err) {
  struct buffer text;
  buffer_init(&text);
  buffer_printf(&text, "note: %s has no modules.json: the vector is pooled", model->weights_path);
  pooling_text(model->graph, &text);
  buffer_printf(&text, " and %s, as the model file has it",
                ends_in_norm(model) ? "normalized" : "not normalized");
  bool made = !text.failed;
  if (made)
    options->message(options->message_arg, 0, buffer_text(&text));
  buffer_finish(&text);
  return made ? 0 : error_oom(err);
}

int model_check_modules(const struct tfm_model *model, const tfm_open_options *options,
                        struct tfm_error *err) {
  const struct modules *modules = &model->modules;
  if (!model_is_embedder(model))
    return 0;
  if (modules->refusal.code != TFM_ERROR_NONE)
    return *err = modules->refusal, -1;
  if (modules->root && model->graph->task != GRAPH_TASK_RERANK &&
      modules->sparse != (model->graph->task == GRAPH_TASK_EMBED_SPARSE)) {
    error_set(err, TFM_ERROR_CHECKPOINT, "%s: its modules.json says nothing of the task %s",
              model->weights_path, graph_task_name(model->graph->task));
    error_note(err, "help: it is for %s",
               graph_task_name(modules->sparse ? GRAPH_TASK_EMBED_SPARSE : GRAPH_TASK_EMBED));
    return -1;
  }
  return model->graph->task != GRAPH_TASK_EMBED || modules->root || !options->message ||
                 !model->weights
             ? 0
             : tell_default(model, options, err);
}

/* sentence_bert_config.json's, else the tokenizer's own: a number that is no length there
 * (10^30) says that there is none. */
int model_embedder_limit(const struct tfm_model *model, int64_t *out, struct tfm_error *err) {
  json_t *root = NULL;
  *out = model->modules.max_seq_length;
  if (!model_is_embedder(model) || *out > 0 || !model->weights_path ||
      !file_is_directory(model->weights_path))
    return 0;
  char *path = file_join(model->weights_path, "tokenizer_config.json");
  int status = path ? 0 : error_oom(err);
  if (status == 0 && file_is_there(path))
    status = json_read(path, TOKENIZER_CONFIG_LIMIT, TOKENIZER_CONFIG_DEPTH, TFM_ERROR_TOKENIZER,
                       &root, err);
  json_int_t limit = json_integer_value(json_object_get(root, "model_max_length"));
  *out = limit > 0 ? limit : 0;
  json_decref(root);
  free(path);
  return status;
}
