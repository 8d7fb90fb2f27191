/* tfm_inspect.c - what is installed: model files, ops, masks, biases, kernels, plugins; an op, or
 * which kernel serves each node of a model. */
#include "tools/common.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct options {
  struct common common; /* first */
  bool explain;
};

#define FIELD(field) OPTION_FIELD(struct options, field)

static const struct option_row rows[] = {
    OPTION_ARGUMENT("NAME", "an op: its schema, what it means, its kernels"),
    OPTION_ARGUMENT("MODEL.tfm|DIR", "a model on its checkpoint: what serves it, tasks, sizes"),
    {OPTION_FLAG, "explain",
     .help = "of a model: the kernel that serves each node, and why others do not", FIELD(explain)},
    OPTION_HEAD(""),
    OPTION_USE("weights"),
    OPTION_USE("task"),
    OPTION_USE("plugin-dir"),
    OPTION_USE("model-dir"),
    OPTION_USE("kernels"),
    OPTION_USE("no-fuse"),
    OPTION_USE("quiet"),
    OPTION_USE("completion"),
    OPTION_USE("help"),
    OPTION_USE("version"),
};

static const struct option_set set = {
    "Usage: tfm-inspect [NAME|MODEL.tfm|DIR] [OPTION]...\n"
    "List model files, ops, masks, biases, kernels and plugins, or look at one.\n\n",
    rows, sizeof rows / sizeof *rows, common_exit_codes};

static int print_text(const struct cli *cli, char *text, const tfm_error *error) {
  if (!text)
    return cli_fail(cli, error);
  size_t length = strlen(text);
  cli_answer(text, length);
  tfm_free(text);
  return 0;
}

static void print_model(const tfm_model_info *info) {
  printf("model       %s (", info->name);
  cli_answer(info->model_path, strlen(info->model_path));
  fputs(")\nweights     ", stdout);
  cli_answer(info->weights_path, strlen(info->weights_path));
  printf("\ntask        %s\nparameters  %" PRIu64 " in %" PRIu64 " bytes\n", info->task_name,
         info->parameters, info->weight_bytes);
  if (info->vocabulary)
    printf("vocabulary  %" PRId64 "%s\n", info->vocabulary,
           info->has_tokenizer ? "" : ", without a tokenizer");
  if (info->max_tokens)
    printf("tokens      %" PRId64 " at most\n", info->max_tokens);
}

static int inspect_model(const struct cli *cli, const struct options *o, tfm_error *error) {
  tfm_model *model = tfm_model_open(&o->common.open, error);
  tfm_model_info info = {.struct_size = sizeof info};
  if (!model)
    return cli_fail(cli, error);
  tfm_model_describe(model, &info);
  print_model(&info);
  int status = o->explain ? print_text(cli, tfm_model_explain(model, error), error) : 0;
  tfm_model_destroy(model);
  return status;
}

/* An op has no folder and no ending. */
static bool is_model(const char *word) {
  size_t length = strlen(word);
  FILE *file = strchr(word, '/') ? NULL : fopen(word, "r");
  if (file)
    fclose(file);
  return file || strchr(word, '/') || (length > 4 && strcmp(word + length - 4, ".tfm") == 0) ||
         (length > 5 && strcmp(word + length - 5, ".gguf") == 0);
}

int main(int argc, char **argv) {
  struct cli cli;
  struct options o = {0};
  int status;
  cli_init(&cli, "tfm-inspect");
  int word = options_parse(&cli, &set, &o, argc, argv, &status);
  if (word < 0)
    return common_finish(&o.common), status;
  const char *name = word < argc ? argv[word] : NULL;
  bool model = name && is_model(name);
  if (argc - word > 1)
    status = cli_usage_error(&cli, "one name at a time");
  else if (o.explain && !model)
    status = cli_usage_error(&cli, "--explain needs a model: a .tfm file or a directory");
  else {
    tfm_error *error = tfm_error_create();
    common_apply(&o.common, &cli);
    o.common.open.model = model ? name : NULL;
    status = !error  ? cli_no_memory(&cli)
             : model ? inspect_model(&cli, &o, error)
                     : print_text(&cli, tfm_inspect(&o.common.open, name, error), error);
    tfm_error_destroy(error);
    status = cli_finish_output(&cli, status);
  }
  common_finish(&o.common);
  return status;
}
