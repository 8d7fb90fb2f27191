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
    {OPTION_COMPLETION, "completion", .argument = "bash|zsh",
     .help = "print what completes these options in that shell"},
    {.kind = OPTION_HELP, .name = "help", .letter = 'h'},
    {.kind = OPTION_VERSION, .name = "version", .letter = 'V'},
};
const size_t option_shared_count = sizeof option_shared / sizeof *option_shared;

const char common_exit_codes[] =
    "Exit status: 0 done, 1 run time, 2 usage, 3 model file, 4 checkpoint, 5 tokenizer,\n"
    "6 plugin, 7 limit or memory, 130 interrupted.\n";

void common_apply(struct common *common, struct cli *cli) {
  tfm_open_options *open = &common->open;
  open->struct_size = sizeof *open;
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
