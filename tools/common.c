/* common.c - the table of shared options. */
#include "tools/common.h"

#include <stdlib.h>
#include <string.h>

#define FIELD(field) OPTION_FIELD(struct common, field)

const struct option_row option_shared[] = {
    OPTION_ARGUMENT("MODEL.tfm", "a model file; its weights are --weights, or its own default"),
    OPTION_ARGUMENT("DIR, org/model",
                    "a checkpoint; its model file is found by config.json's model_type"),
    {OPTION_TEXT, "weights", 0, "DIR",
     "a directory with config.json and safetensors, a .gguf file, or org/model of the Hugging "
     "Face cache",
     FIELD(open.weights)},
    {OPTION_TEXT, "task", 0, "TASK", "which head (default: by config.json)", FIELD(open.task)},
    {OPTION_INT, "threads", 't', "N", "threads (default: one a core)", FIELD(open.threads),
     .low = 1, .high = 256},
    {OPTION_BITS, "profile", .help = "time by node, on stderr", FIELD(open.flags),
     .bits = TFM_OPEN_PROFILE},
    {OPTION_LIST, "plugin-dir", 0, "DIR", "look for plugins here first", FIELD(plugin_dir)},
    {OPTION_LIST, "model-dir", 0, "DIR", "look for model files here first", FIELD(model_dir)},
    {OPTION_TEXT, "kernels", 0, "OP=NAME,...",
     "use these kernels; reference = the plain ones everywhere", FIELD(open.kernels)},
    {OPTION_BITS, "no-fuse", .help = "one kernel for each op as written", FIELD(open.flags),
     .bits = TFM_OPEN_NO_FUSE},
    {OPTION_QUIET, "quiet", 'q', .help = "no progress, timing or warnings"},
    {.kind = OPTION_HELP, .name = "help", .letter = 'h'},
    {.kind = OPTION_VERSION, .name = "version", .letter = 'V'},
};
const size_t option_shared_count = sizeof option_shared / sizeof *option_shared;

const char common_exit_codes[] =
    "Exit status: 0 done, 1 run time, 2 usage, 3 model file, 4 checkpoint, 5 tokenizer,\n"
    "6 plugin, 7 limit or memory, 130 interrupted.\n";

/* What the field calls a task, and what a model file calls it. */
static const struct {
  const char *spelled, *task;
} tasks[] = {
    {"text-generation", "generate"},
    {"causal-lm", "generate"},
    {"generation", "generate"},
    {"fill-mask", "fill_mask"},
    {"masked-lm", "fill_mask"},
    {"mask", "fill_mask"},
    {"text-classification", "classify"},
    {"sequence-classification", "classify"},
    {"sentiment-analysis", "classify"},
    {"classification", "classify"},
    {"token-classification", "classify_tokens"},
    {"classify-tokens", "classify_tokens"},
    {"ner", "classify_tokens"},
    {"tags", "classify_tokens"},
    {"question-answering", "qa"},
    {"feature-extraction", "embed"},
    {"sentence-similarity", "embed"},
    {"embedding", "embed"},
    {"embeddings", "embed"},
    {"text-ranking", "rerank"},
    {"reranking", "rerank"},
};

/* A head may have any name; so what is not in the table stays, the file says the rest. */
static const char *own_task(const char *given) {
  char plain[32];
  size_t length = strlen(given);
  if (length >= sizeof plain)
    return given;
  for (size_t i = 0; i <= length; i++)
    plain[i] = given[i] == '_' ? '-' : given[i];
  for (size_t i = 0; i < sizeof tasks / sizeof *tasks; i++)
    if (strcmp(tasks[i].spelled, plain) == 0)
      return tasks[i].task;
  return given;
}

void common_apply(struct common *common, struct cli *cli) {
  tfm_open_options *open = &common->open;
  open->struct_size = sizeof *open;
  if (open->task)
    open->task = own_task(open->task);
  open->colour = cli->colour;
  open->message = cli_message;
  open->message_arg = cli;
  open->plugin_dir = common->plugin_dir.item;
  open->plugin_dir_count = common->plugin_dir.count;
  open->model_dir = common->model_dir.item;
  open->model_dir_count = common->model_dir.count;
}

void common_finish(struct common *common) {
  free(common->plugin_dir.item);
  free(common->model_dir.item);
}
