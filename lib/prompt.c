/* prompt.c - the text that a sentence embedder wants before each input. */
#include "lib/prompt.h"

#include "base/buffer.h"
#include "lib/rows.h"

#include <string.h>

static int unknown(const struct tfm_model *model, const char *name, struct tfm_error *err) {
  struct buffer list;
  const char *key;
  json_t *text;
  buffer_init(&list);
  json_object_foreach(model->modules.prompts, key, text) {
    buffer_printf(&list, "%s%s", list.length ? ", " : "", key);
  }
  error_set(err, TFM_ERROR_USAGE, "the checkpoint has no prompt `%.64s`", name);
  error_note(err, "it has: %.512s", list.length ? buffer_text(&list) : "none");
  buffer_finish(&list);
  return -1;
}

/* Every sentence embedder has these two, with or without a text. */
static bool is_usual(const struct tfm_model *model, const char *name) {
  return model->modules.root && (strcmp(name, "query") == 0 || strcmp(name, "document") == 0);
}

/* All of the prompt's own encoding, cut to the model's length as a text is, but the mark at
 * its end. */
static int measure(const struct tfm_model *model, const char *text, uint32_t *out,
                   struct tfm_error *err) {
  struct encode_request request = {.text = text, .length = strlen(text), .flags = ENCODE_SPECIAL};
  struct encoding e;
  if (!model->tokenizer) /* ids are given, and no prompt is put before them */
    return 0;
  request.most = rows_longest(model);
  if (request.most > 0)
    request.flags |= ENCODE_TRUNCATE;
  if (tokenizer_encode_request(model->tokenizer, &request, &e, err) != 0)
    return -1;
  bool mark = e.count && tokenizer_is_special(model->tokenizer, e.ids[e.count - 1]);
  *out = (uint32_t)(e.count - mark);
  encoding_finish(&e);
  return 0;
}

int prompt_choose(const struct tfm_model *model, const char *name, struct prompt *out,
                  struct tfm_error *err) {
  const struct modules *modules = &model->modules;
  *out = (struct prompt){0};
  if (model->graph->task == GRAPH_TASK_RERANK && modules->prompt && *modules->prompt) {
    error_set(err, TFM_ERROR_CHECKPOINT, "%s: a default prompt of a CrossEncoder is not supported",
              model->weights_path);
    error_note(err, "found: default_prompt_name in config_sentence_transformers.json");
    return -1;
  }
  if (model->graph->task != GRAPH_TASK_EMBED && model->graph->task != GRAPH_TASK_EMBED_SPARSE)
    return name ? error_set(err, TFM_ERROR_USAGE, "the task %s takes no prompt by name",
                            graph_task_name(model->graph->task))
                : 0;
  const json_t *found = name ? json_object_get(modules->prompts, name) : NULL;
  if (name && !found && !is_usual(model, name))
    return unknown(model, name, err);
  const char *text = name                     ? json_string_value(found)
                     : modules->cross_encoder ? NULL
                                              : modules->prompt;
  if (!text || !*text)
    return 0;
  out->text = text;
  const json_t *pooling = json_object_get(modules->root, "pooling");
  return json_is_false(json_object_get(pooling, "include_prompt"))
             ? measure(model, text, &out->skip, err)
             : 0;
}
