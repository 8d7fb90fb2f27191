/* tfmeval.c - what a checkpoint is worth, measured on a file.
 *
 * Reads options, opens the model once, and hands the file to the measure of its
 * task.  stdout carries only the figures. */
#include "tools/eval.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char usage[] =
    "Usage: tfmeval MODEL.tfm|DIR [OPTION]... --data FILE\n"
    "Measure a checkpoint on the lines of a file.\n"
    "\n"
    "Model\n"
    "  MODEL.tfm               a model file; its weights are --weights, or its own default\n"
    "  DIR, org/model          a checkpoint; its model file is found by config.json's model_type\n"
    "  --weights DIR           a directory with config.json and safetensors, a .gguf file, or\n"
    "                          org/model of the Hugging Face cache\n"
    "  --task TASK             generate, fill_mask, classify, or a head\n"
    "  -t, --threads N         threads (default: one a core)\n"
    "\n"
    "Data\n"
    "  --data FILE|-           generate, fill_mask: a text a line; classify: label, tab, text\n"
    "  --limit N               only the first N lines\n"
    "  --seed N                fill_mask: which tokens are masked (default 0)\n"
    "  --end TOKEN             generate: the token that ends a line (default: the stop token;\n"
    "                          \"\" none)\n"
    "  --after TOKEN           generate: predict only what follows this token in a line\n"
    "\n"
    "Output\n"
    "  --json                  one JSON object\n"
    "  --batch N               at most N lines at once (default 32); the figures stay the same\n"
    "  -q, --quiet             no progress, timing or warnings\n"
    "\n"
    "  --plugin-dir DIR        look for plugins here first\n"
    "  --model-dir DIR         look for model files here first\n"
    "  --kernels OP=NAME,...   use these kernels; reference = the plain ones everywhere\n"
    "  -h, --help   -V, --version\n"
    "\n"
    "Exit status: 0 done, 1 run time, 2 usage, 3 model file, 4 checkpoint, 5 tokenizer,\n"
    "6 plugin, 7 limit or memory, 130 interrupted.\n";

enum {
  OPT_WEIGHTS = 256,
  OPT_TASK,
  OPT_DATA,
  OPT_LIMIT,
  OPT_SEED,
  OPT_END,
  OPT_AFTER,
  OPT_JSON,
  OPT_BATCH,
  OPT_PLUGIN_DIR,
  OPT_MODEL_DIR,
  OPT_KERNELS
};

static const struct option long_options[] = {
    {"weights", required_argument, NULL, OPT_WEIGHTS},
    {"task", required_argument, NULL, OPT_TASK},
    {"threads", required_argument, NULL, 't'},
    {"data", required_argument, NULL, OPT_DATA},
    {"limit", required_argument, NULL, OPT_LIMIT},
    {"seed", required_argument, NULL, OPT_SEED},
    {"end", required_argument, NULL, OPT_END},
    {"after", required_argument, NULL, OPT_AFTER},
    {"json", no_argument, NULL, OPT_JSON},
    {"batch", required_argument, NULL, OPT_BATCH},
    {"quiet", no_argument, NULL, 'q'},
    {"plugin-dir", required_argument, NULL, OPT_PLUGIN_DIR},
    {"model-dir", required_argument, NULL, OPT_MODEL_DIR},
    {"kernels", required_argument, NULL, OPT_KERNELS},
    {"help", no_argument, NULL, 'h'},
    {"version", no_argument, NULL, 'V'},
    {NULL, 0, NULL, 0}};

static bool parse_number(const struct cli *cli, struct eval_options *o, int option,
                         const char *arg) {
  int64_t whole;
  switch (option) {
  case OPT_LIMIT:
    if (!cli_int(cli, "--limit", arg, 1, INT64_MAX, &whole))
      return false;
    o->limit = (size_t)whole;
    return true;
  case OPT_SEED:
    if (!cli_int(cli, "--seed", arg, 0, INT64_MAX, &whole))
      return false;
    o->seed = (uint64_t)whole;
    return true;
  case OPT_BATCH:
    if (!cli_int(cli, "--batch", arg, 1, 4096, &whole))
      return false;
    o->batch = (size_t)whole;
    return true;
  default:
    if (!cli_int(cli, "-t", arg, 1, 256, &whole))
      return false;
    o->open.threads = (uint32_t)whole;
    return true;
  }
}

/* 0 = go on, -1 = the caller ends with *status. */
static int parse_option(struct cli *cli, struct eval_options *o, int option, char *arg,
                        int *status) {
  bool ok = true;
  switch (option) {
  case OPT_WEIGHTS:
    o->open.weights = arg;
    break;
  case OPT_TASK:
    o->open.task = arg;
    break;
  case OPT_DATA:
    o->data = arg;
    break;
  case OPT_END:
    o->end = arg;
    break;
  case OPT_AFTER:
    o->after = arg;
    break;
  case OPT_JSON:
    o->json = true;
    break;
  case OPT_KERNELS:
    o->open.kernels = arg;
    break;
  case 'q':
    cli->quiet = true;
    break;
  case OPT_PLUGIN_DIR:
    cli_keep(cli, &o->plugin_dir, &o->plugin_dir_count, &arg, sizeof arg);
    break;
  case OPT_MODEL_DIR:
    cli_keep(cli, &o->model_dir, &o->model_dir_count, &arg, sizeof arg);
    break;
  case 'h':
    fputs(usage, stdout);
    *status = cli_finish_output(cli, 0);
    return -1;
  case 'V':
    printf("tfmeval %s\n", tfm_version());
    *status = cli_finish_output(cli, 0);
    return -1;
  case '?':
    fprintf(stderr, "Try 'tfmeval --help'.\n");
    ok = false;
    break;
  default:
    ok = parse_number(cli, o, option, arg);
  }
  *status = ok ? 0 : TFM_CODE_USAGE;
  return ok ? 0 : -1;
}

static int parse(struct cli *cli, struct eval_options *o, int argc, char **argv, int *status) {
  int option;
  while ((option = getopt_long(argc, argv, "t:qhV", long_options, NULL)) != -1)
    if (parse_option(cli, o, option, optarg, status) != 0)
      return -1;
  *status = TFM_CODE_USAGE;
  if (argc - optind != 1)
    return cli_usage_error(cli, argc == optind ? "which model? give a .tfm file or a directory"
                                               : "one model at a time"),
           -1;
  o->open.model = argv[optind];
  if (!o->data && isatty(STDIN_FILENO))
    return cli_usage_error(cli, "no data: give --data FILE, or lines through a pipe"), -1;
  if (!o->data)
    o->data = "-";
  return 0;
}

/* The measure of the model's task, ready to begin. */
static int choose_measure(struct eval *eval) {
  static const struct eval_measure *const measures[] = {&eval_generate, &eval_fill_mask,
                                                        &eval_classify};
  for (size_t i = 0; i < sizeof measures / sizeof *measures; i++)
    if (measures[i]->task == eval->info.task)
      eval->measure = measures[i];
  if (!eval->measure)
    return cli_usage_error(eval->cli,
                           "no measure for the task %s: only generate, fill_mask, classify",
                           eval->info.task_name);
  const struct eval_options *o = eval->options;
  if ((o->end || o->after) && eval->info.task != TFM_TASK_GENERATE)
    return cli_usage_error(eval->cli, "--end and --after are for the task generate, this is %s",
                           eval->info.task_name);
  eval->tokenizer = tfm_model_tokenizer(eval->model, eval->error);
  if (!eval->tokenizer)
    return cli_fail(eval->cli, eval->error);
  return eval->measure->start(eval);
}

static json_t *text_value(const char *text) {
  json_t *value = json_string(text);
  return value ? value : json_string("");
}

static int print_json(const struct eval *eval) {
  const struct eval_sums *sums = &eval->sums;
  json_t *out = json_object();
  json_object_set_new(out, "task", text_value(eval->info.task_name));
  json_object_set_new(out, "weights", text_value(eval->info.weights_path));
  json_object_set_new(out, "data", text_value(eval->options->data));
  json_object_set_new(out, "lines", json_integer((json_int_t)sums->lines));
  json_object_set_new(out, "empty", json_integer((json_int_t)sums->empty));
  json_object_set_new(out, "truncated", json_integer((json_int_t)sums->truncated));
  json_object_set_new(out, "tokens", json_integer((json_int_t)sums->tokens));
  eval->measure->json(eval, out);
  char *text = json_dumps(out, JSON_COMPACT | JSON_REAL_PRECISION(10));
  json_decref(out);
  if (!text)
    return eval_no_memory(eval);
  puts(text);
  free(text);
  return 0;
}

static int report(const struct eval *eval, uint64_t elapsed_ns) {
  const struct eval_sums *sums = &eval->sums;
  if (sums->lines == 0) {
    fprintf(stderr, "tfmeval: error: %s: there is nothing to measure\n", eval->name);
    return TFM_CODE_USAGE;
  }
  if (!eval->cli->quiet)
    fprintf(stderr, "tfmeval: %" PRIu64 " lines in %.1f s, peak %.1f MiB\n", sums->lines,
            (double)elapsed_ns * 1e-9, (double)cli_peak_memory() / 1048576.0);
  if (eval->options->json)
    return print_json(eval);
  eval->measure->print(eval);
  printf("lines                  %" PRIu64, sums->lines);
  if (sums->truncated)
    printf(", %" PRIu64 " of them cut to %" PRId64 " tokens", sums->truncated,
           eval->info.max_tokens);
  if (sums->empty)
    printf("; %" PRIu64 " with nothing to measure left out", sums->empty);
  putchar('\n');
  return 0;
}

static int measure(struct eval *eval) {
  bool is_stdin = strcmp(eval->options->data, "-") == 0;
  uint64_t begin = cli_clock_ns();
  int status = choose_measure(eval);
  if (status != 0)
    return status;
  eval->name = is_stdin ? "stdin" : eval->options->data;
  FILE *file = is_stdin ? stdin : fopen(eval->options->data, "rb");
  if (!file) {
    fprintf(stderr, "tfmeval: error: cannot open %s: %s\n", eval->name, strerror(errno));
    return TFM_CODE_USAGE;
  }
  status = eval_file(eval, file);
  if (!is_stdin)
    fclose(file);
  return status ? status : report(eval, cli_clock_ns() - begin);
}

static int run(struct cli *cli, const struct eval_options *o) {
  struct eval eval = {.cli = cli, .options = o, .error = tfm_error_create()};
  if (!eval.error)
    return eval_no_memory(&eval);
  cli_progress(cli, "loading %s", o->open.weights ? o->open.weights : o->open.model);
  eval.model = tfm_model_open(&o->open, eval.error);
  int status;
  if (!eval.model) {
    status = cli_fail(cli, eval.error);
  } else {
    eval.info.struct_size = sizeof eval.info;
    tfm_model_describe(eval.model, &eval.info);
    cli_clear(cli);
    cli_catch_interrupts(eval.model);
    status = measure(&eval);
    cli_catch_interrupts(NULL);
  }
  for (size_t i = 0; i < eval.label_count; i++)
    free(eval.label[i]);
  free(eval.label);
  free(eval.confusion);
  tfm_model_destroy(eval.model);
  tfm_error_destroy(eval.error);
  return status;
}

int main(int argc, char **argv) {
  struct cli cli;
  struct eval_options o = {.open = {.struct_size = sizeof o.open, .flags = TFM_OPEN_ALL_LOGITS},
                           .batch = 32};
  int status;
  cli_init(&cli, "tfmeval");
  if (parse(&cli, &o, argc, argv, &status) == 0) {
    o.open.colour = cli.colour;
    o.open.message = cli_message;
    o.open.message_arg = &cli;
    o.open.plugin_dir = o.plugin_dir;
    o.open.plugin_dir_count = o.plugin_dir_count;
    o.open.model_dir = o.model_dir;
    o.open.model_dir_count = o.model_dir_count;
    status = run(&cli, &o);
    status = cli_finish_output(&cli, status);
  }
  free(o.plugin_dir);
  free(o.model_dir);
  return status;
}
