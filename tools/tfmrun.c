/* tfmrun.c - a model file, a checkpoint, and words.
 *
 * Reads options, opens the model once, then runs the inputs: one from the
 * command line, or lines from a pipe in batches.  stdout carries only the
 * result; everything else goes to stderr. */
#include "tools/check.h"
#include "tools/cli.h"
#include "tools/output.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BATCH = 32 };

struct options {
  tfm_open_options open;
  tfm_run_options run;
  const char *input, *pair, *ids;
  tfm_tap *dump, *feed;
  size_t dump_count, feed_count;
  const char **plugin_dir, **model_dir;
  size_t plugin_dir_count, model_dir_count;
  bool json, profile, check, check_tensors;
};

struct job {
  const struct cli *cli;
  const struct options *options;
  tfm_model *model;
  tfm_error *error;
  tfm_model_info info;
  bool stream, begun; /* text is written as it is made; some is there */
};

static const char usage[] =
    "Usage: tfmrun MODEL.tfm|DIR [OPTION]... --input TEXT\n"
    "Run a Transformer that is a text file on an unconverted Hugging Face checkpoint.\n"
    "\n"
    "Model\n"
    "  MODEL.tfm               a model file; its weights are --weights, or its own default\n"
    "  DIR, org/model          a checkpoint; its model file is found by config.json's model_type\n"
    "  --weights DIR           a directory with config.json and safetensors, a .gguf file, or\n"
    "                          org/model of the Hugging Face cache\n"
    "  --task TASK             generate, fill_mask, classify, classify_tokens, qa, embed, or a "
    "head\n"
    "  --dtype f32             what to compute in\n"
    "  -t, --threads N         threads (default: one a core)\n"
    "\n"
    "Input\n"
    "  -i, --input TEXT|-      the text; -, or a pipe: one input a line, batched\n"
    "  --pair TEXT             a second text beside each input\n"
    "  --context TEXT          where qa looks for the answer (the same as --pair)\n"
    "  --ids 1,2,3|-           token ids instead of text\n"
    "\n"
    "Generation\n"
    "  -n, --tokens N          at most N new tokens (default 128; -1 as many as fit)\n"
    "  --temp X                sample at temperature X (default 0: the likeliest token)\n"
    "  --top-k K --top-p P --min-p P   keep only the likeliest when sampling\n"
    "  --seed S                of the sampler (default 0)\n"
    "  --ignore-stop           go on past the stop token\n"
    "\n"
    "Output\n"
    "  --json                  one JSON object an input\n"
    "  --top N                 how many answers (default 5; classify 1)\n"
    "  --dump VALUE=FILE.safetensors          write a value of the graph; may be repeated\n"
    "  --feed VALUE=FILE.safetensors:TENSOR   put a value in its place; may be repeated\n"
    "  --profile               time by node, on stderr\n"
    "  -q, --quiet             no progress, timing or warnings\n"
    "\n"
    "  --check                 check all files, names and shapes, run nothing\n"
    "  --check-tensors         the same, and look for NaN and Inf in all tensors\n"
    "  --plugin-dir DIR        look for plugins here first\n"
    "  --model-dir DIR         look for model files here first\n"
    "  --kernels OP=NAME,...   use these kernels; reference = the plain ones everywhere\n"
    "  --no-fuse               one kernel for each op as written\n"
    "  -h, --help   -V, --version\n"
    "\n"
    "Exit status: 0 done, 1 run time, 2 usage, 3 model file, 4 checkpoint, 5 tokenizer,\n"
    "6 plugin, 7 limit or memory, 130 interrupted.\n";

enum {
  OPT_WEIGHTS = 256,
  OPT_TASK,
  OPT_DTYPE,
  OPT_PAIR,
  OPT_IDS,
  OPT_TEMP,
  OPT_TOP_K,
  OPT_TOP_P,
  OPT_MIN_P,
  OPT_SEED,
  OPT_IGNORE_STOP,
  OPT_JSON,
  OPT_TOP,
  OPT_DUMP,
  OPT_FEED,
  OPT_PROFILE,
  OPT_CHECK,
  OPT_CHECK_TENSORS,
  OPT_PLUGIN_DIR,
  OPT_MODEL_DIR,
  OPT_KERNELS,
  OPT_NO_FUSE
};

static const struct option long_options[] = {
    {"weights", required_argument, NULL, OPT_WEIGHTS},
    {"task", required_argument, NULL, OPT_TASK},
    {"dtype", required_argument, NULL, OPT_DTYPE},
    {"threads", required_argument, NULL, 't'},
    {"input", required_argument, NULL, 'i'},
    {"pair", required_argument, NULL, OPT_PAIR},
    {"context", required_argument, NULL, OPT_PAIR},
    {"ids", required_argument, NULL, OPT_IDS},
    {"tokens", required_argument, NULL, 'n'},
    {"temp", required_argument, NULL, OPT_TEMP},
    {"top-k", required_argument, NULL, OPT_TOP_K},
    {"top-p", required_argument, NULL, OPT_TOP_P},
    {"min-p", required_argument, NULL, OPT_MIN_P},
    {"seed", required_argument, NULL, OPT_SEED},
    {"ignore-stop", no_argument, NULL, OPT_IGNORE_STOP},
    {"json", no_argument, NULL, OPT_JSON},
    {"top", required_argument, NULL, OPT_TOP},
    {"dump", required_argument, NULL, OPT_DUMP},
    {"feed", required_argument, NULL, OPT_FEED},
    {"profile", no_argument, NULL, OPT_PROFILE},
    {"quiet", no_argument, NULL, 'q'},
    {"check", no_argument, NULL, OPT_CHECK},
    {"check-tensors", no_argument, NULL, OPT_CHECK_TENSORS},
    {"plugin-dir", required_argument, NULL, OPT_PLUGIN_DIR},
    {"model-dir", required_argument, NULL, OPT_MODEL_DIR},
    {"kernels", required_argument, NULL, OPT_KERNELS},
    {"no-fuse", no_argument, NULL, OPT_NO_FUSE},
    {"help", no_argument, NULL, 'h'},
    {"version", no_argument, NULL, 'V'},
    {NULL, 0, NULL, 0}};

/* VALUE=FILE, or VALUE=FILE:TENSOR.  Cuts the argument in place. */
static bool parse_tap(const struct cli *cli, const char *option, char *text, bool with_tensor,
                      tfm_tap **list, size_t *count) {
  tfm_tap tap = {.value = text};
  char *equals = strchr(text, '=');
  char *colon = equals && with_tensor ? strrchr(equals, ':') : NULL;
  if (!equals || equals == text || !equals[1] || (with_tensor && (!colon || !colon[1]))) {
    cli_usage_error(cli, "%s needs VALUE=FILE.safetensors%s, not '%s'", option,
                    with_tensor ? ":TENSOR" : "", text);
    return false;
  }
  *equals = '\0';
  tap.file = equals + 1;
  if (colon) {
    *colon = '\0';
    tap.tensor = colon + 1;
  }
  cli_keep(cli, list, count, &tap, sizeof tap);
  return true;
}

static bool parse_generation(const struct cli *cli, struct options *o, int option, char *arg) {
  int64_t whole;
  switch (option) {
  case 'n':
    if (!cli_int(cli, "-n", arg, -1, INT32_MAX, &whole))
      return false;
    o->run.max_new_tokens = whole == 0 ? -2 : whole;
    return true;
  case OPT_TEMP:
    return cli_real(cli, "--temp", arg, 0, 1e6, &o->run.temperature);
  case OPT_TOP_K:
    if (!cli_int(cli, "--top-k", arg, 0, INT32_MAX, &whole))
      return false;
    o->run.top_k = (int32_t)whole;
    return true;
  case OPT_TOP_P:
    return cli_real(cli, "--top-p", arg, 0, 1, &o->run.top_p);
  case OPT_MIN_P:
    return cli_real(cli, "--min-p", arg, 0, 1, &o->run.min_p);
  case OPT_SEED:
    if (!cli_int(cli, "--seed", arg, 0, INT64_MAX, &whole))
      return false;
    o->run.seed = (uint64_t)whole;
    return true;
  case OPT_TOP:
    if (!cli_int(cli, "--top", arg, 1, 1000000, &whole))
      return false;
    o->run.top = (uint32_t)whole;
    return true;
  default:
    if (!cli_int(cli, "-t", arg, 1, 256, &whole))
      return false;
    o->open.threads = (uint32_t)whole;
    return true;
  }
}

/* 0 = go on, -1 = the caller ends with *status. */
static int parse_option(struct cli *cli, struct options *o, int option, char *arg, int *status) {
  bool ok = true;
  switch (option) {
  case OPT_WEIGHTS:
    o->open.weights = arg;
    break;
  case OPT_TASK:
    o->open.task = arg;
    break;
  case OPT_DTYPE:
    o->open.dtype = arg;
    break;
  case 'i':
    o->input = arg;
    break;
  case OPT_PAIR:
    o->pair = arg;
    break;
  case OPT_IDS:
    o->ids = arg;
    break;
  case OPT_IGNORE_STOP:
    o->run.ignore_stop = 1;
    break;
  case OPT_JSON:
    o->json = true;
    break;
  case OPT_PROFILE:
    o->open.flags |= TFM_OPEN_PROFILE;
    break;
  case OPT_CHECK_TENSORS:
    o->check_tensors = true;
    o->check = true;
    break;
  case OPT_CHECK:
    o->check = true;
    break;
  case OPT_KERNELS:
    o->open.kernels = arg;
    break;
  case OPT_NO_FUSE:
    o->open.flags |= TFM_OPEN_NO_FUSE;
    break;
  case 'q':
    cli->quiet = true;
    break;
  case OPT_DUMP:
    ok = parse_tap(cli, "--dump", arg, false, &o->dump, &o->dump_count);
    break;
  case OPT_FEED:
    ok = parse_tap(cli, "--feed", arg, true, &o->feed, &o->feed_count);
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
    printf("tfmrun %s\n", tfm_version());
    *status = cli_finish_output(cli, 0);
    return -1;
  case '?':
    fprintf(stderr, "Try 'tfmrun --help'.\n");
    ok = false;
    break;
  default:
    ok = parse_generation(cli, o, option, arg);
  }
  *status = ok ? 0 : TFM_CODE_USAGE;
  return ok ? 0 : -1;
}

static int parse(struct cli *cli, struct options *o, int argc, char **argv, int *status) {
  int option;
  while ((option = getopt_long(argc, argv, "i:n:t:qhV", long_options, NULL)) != -1)
    if (parse_option(cli, o, option, optarg, status) != 0)
      return -1;
  *status = TFM_CODE_USAGE;
  if (argc - optind != 1)
    return cli_usage_error(cli, argc == optind ? "which model? give a .tfm file or a directory"
                                               : "one model at a time; quote the input text"),
           -1;
  if (o->input && o->ids)
    return cli_usage_error(cli, "--input and --ids are two ways to say the same; give one"), -1;
  o->open.model = argv[optind];
  if (!o->input && !o->ids && !o->check && o->feed_count == 0) {
    if (isatty(STDIN_FILENO))
      return cli_usage_error(cli, "no input: give --input TEXT, or lines through a pipe"), -1;
    o->input = "-";
  }
  return 0;
}

static int on_token(void *arg, size_t row, int32_t id, const char *text, size_t length) {
  struct job *job = arg;
  (void)row, (void)id;
  job->begun = job->begun || length;
  return length && (fwrite(text, 1, length, stdout) != length || cli_output_lost());
}

/* A run that ended because its text cannot be written: main says so. */
static int run_failed(struct job *job) {
  if (job->begun)
    putchar('\n');
  return cli_output_lost() ? TFM_CODE_RUN : cli_fail(job->cli, job->error);
}

/* Run and print.  -1: job->error says why, and the caller shows it. */
static int run_batch(struct job *job, const tfm_input *inputs, size_t count, uint64_t seed) {
  const struct options *o = job->options;
  tfm_run_options run = o->run;
  tfm_result *result = NULL;
  run.seed = seed;
  bool stream = job->stream && job->info.task == TFM_TASK_GENERATE && job->info.has_tokenizer;
  if (stream) {
    run.token = on_token;
    run.token_arg = job;
  }
  if (tfm_model_run(job->model, inputs, count, &run, &result, job->error) != 0)
    return -1;
  cli_clear(job->cli);
  if (o->json && !output_json(&job->info, inputs, result)) {
    fprintf(stderr, "%s: error: out of memory\n", job->cli->program);
    exit(TFM_CODE_LIMIT);
  }
  if (!o->json)
    output_text(&job->info, result, stream, o->run.top ? o->run.top : 1);
  if (!cli_output_lost() && job->stream)
    output_timing(job->cli, &job->info, tfm_result_timing(result));
  tfm_result_destroy(result);
  return 0;
}

static int run_one(struct job *job, const char *text, const char *ids) {
  const struct options *o = job->options;
  tfm_input input = {0};
  int32_t *list = NULL;
  if (ids && !cli_ids(job->cli, "--ids", ids, &list, &input.id_count))
    return TFM_CODE_USAGE;
  input.ids = list;
  if (text) {
    input.text = text;
    input.text_length = strlen(text);
  }
  if (o->pair) {
    input.pair = o->pair;
    input.pair_length = strlen(o->pair);
  }
  job->stream = true;
  if (o->json)
    job->stream = false;
  int status = run_batch(job, &input, 1, o->run.seed) == 0 ? 0 : run_failed(job);
  free(list);
  return status;
}

struct lines {
  size_t before; /* how many were run */
  char *line[BATCH];
  int32_t *ids[BATCH];
  tfm_input input[BATCH];
  size_t count;
};

static void lines_clear(struct lines *lines) {
  for (size_t i = 0; i < lines->count; i++) {
    free(lines->line[i]);
    free(lines->ids[i]);
  }
  *lines = (struct lines){.before = lines->before + lines->count};
}

/* "tfmrun: line 7 of the input:", before what is wrong with it. */
static void name_line(const struct job *job, size_t number) {
  cli_clear(job->cli);
  fprintf(stderr, "%s: line %zu of the input:\n", job->cli->program, number);
}

static int lines_add(struct job *job, struct lines *lines, char *line, size_t length) {
  const struct options *o = job->options;
  size_t i = lines->count;
  lines->line[i] = line;
  if (o->ids) {
    char what[64];
    snprintf(what, sizeof what, "line %zu of the input: --ids", lines->before + i + 1);
    if (!cli_ids(job->cli, what, line, &lines->ids[i], &lines->input[i].id_count)) {
      free(line);
      return TFM_CODE_USAGE;
    }
    lines->input[i].ids = lines->ids[i];
  } else {
    lines->input[i].text = line;
    lines->input[i].text_length = length;
  }
  if (o->pair) {
    lines->input[i].pair = o->pair;
    lines->input[i].pair_length = strlen(o->pair);
  }
  lines->count++;
  return 0;
}

/* The seed of a batch: its rows are told apart below it, the batches here. */
static uint64_t batch_seed(const struct job *job, const struct lines *lines) {
  return job->options->run.seed ^ (lines->before / BATCH * 0x9e3779b97f4a7c15u);
}

/* The first line that cannot be run even alone, and why; count = all can. */
static size_t first_bad(const struct job *job, const struct lines *lines, tfm_error *error) {
  tfm_run_options run = job->options->run;
  size_t bad = 0;
  run.max_new_tokens = -2;
  for (int status = 0; status == 0 && bad < lines->count; bad += status == 0) {
    tfm_result *result = NULL;
    status = tfm_model_run(job->model, &lines->input[bad], 1, &run, &result, error);
    tfm_result_destroy(result);
  }
  return bad;
}

/* A line of the batch is not as the task wants it: run those before it, and say
 * which one and why. */
static int run_until_bad(struct job *job, const struct lines *lines) {
  tfm_error *error = tfm_error_create();
  if (!error)
    return run_failed(job);
  size_t bad = first_bad(job, lines, error);
  int status = 0;
  if (bad > 0 && run_batch(job, lines->input, bad, batch_seed(job, lines)) != 0)
    status = run_failed(job);
  if (status == 0 && bad < lines->count) {
    name_line(job, lines->before + bad + 1);
    status = cli_fail(job->cli, error);
  }
  tfm_error_destroy(error);
  return status;
}

static int lines_run(struct job *job, struct lines *lines) {
  int status = 0;
  cli_progress(job->cli, "%zu lines", lines->before + lines->count);
  if (lines->count && run_batch(job, lines->input, lines->count, batch_seed(job, lines)) != 0) {
    int code = tfm_error_code(job->error);
    bool of_line = code == TFM_CODE_USAGE || code == TFM_CODE_LIMIT;
    status = of_line && job->options->dump_count == 0 ? run_until_bad(job, lines) : run_failed(job);
  }
  lines_clear(lines);
  return cli_output_lost() ? TFM_CODE_RUN : status;
}

/* One input a line from stdin, BATCH at a time; the last line may lack its end.
 * Lines before one that cannot be read, or run, are run. */
static int run_lines(struct job *job) {
  struct lines lines = {0};
  int status = 0, got = 1;
  while (got > 0 && status == 0 && !cli_interrupted()) {
    char *line = NULL;
    size_t length = 0;
    got = cli_line(job->cli, stdin, lines.before + lines.count + 1, &line, &length);
    int bad = got > 0 ? lines_add(job, &lines, line, length) : got < 0 ? TFM_CODE_LIMIT : 0;
    if (!cli_interrupted() && (lines.count == BATCH || got <= 0 || bad))
      status = lines_run(job, &lines);
    status = status ? status : bad;
  }
  lines_clear(&lines);
  if (status == 0 && cli_interrupted()) { /* between two runs */
    cli_clear(job->cli);
    fprintf(stderr, "%s: error: interrupted\n", job->cli->program);
    status = TFM_CODE_INTERRUPTED;
  } else if (status == 0 && ferror(stdin)) {
    fprintf(stderr, "%s: error: cannot read the input\n", job->cli->program);
    status = TFM_CODE_RUN;
  }
  return status;
}

static int run_inputs(struct job *job) {
  const struct options *o = job->options;
  if ((o->input && strcmp(o->input, "-") == 0) || (o->ids && strcmp(o->ids, "-") == 0))
    return run_lines(job);
  return run_one(job, o->input, o->ids);
}

/* To open the model has checked all but the values. */
static int check(struct job *job) {
  int status = 0;
  if (job->options->check_tensors) {
    tfm_weights *weights = tfm_weights_open(job->info.weights_path, job->error);
    status =
        weights ? check_tensors(job->cli, weights, job->error) : cli_fail(job->cli, job->error);
    tfm_weights_destroy(weights);
  }
  if (status == 0)
    printf("%s: %s fits %s\n", job->info.name, job->info.model_path, job->info.weights_path);
  return status;
}

static int run(struct cli *cli, struct options *o) {
  tfm_error *error = tfm_error_create();
  if (!error)
    return fprintf(stderr, "tfmrun: out of memory\n"), TFM_CODE_LIMIT;
  cli_progress(cli, "loading %s", o->open.weights ? o->open.weights : o->open.model);
  tfm_model *model = tfm_model_open(&o->open, error);
  int status;
  if (!model) {
    status = cli_fail(cli, error);
  } else {
    struct job job = {.cli = cli, .options = o, .model = model, .error = error};
    job.info.struct_size = sizeof job.info;
    tfm_model_describe(model, &job.info);
    cli_clear(cli);
    cli_catch_interrupts(model);
    status = o->check ? check(&job) : run_inputs(&job);
    cli_catch_interrupts(NULL);
    if (status == 0 && (o->open.flags & TFM_OPEN_PROFILE)) {
      char *profile = tfm_model_profile(model, error);
      fputs(profile ? profile : "", stderr);
      tfm_free(profile);
    }
  }
  tfm_model_destroy(model);
  tfm_error_destroy(error);
  return status;
}

int main(int argc, char **argv) {
  struct cli cli;
  struct options o = {.open = {.struct_size = sizeof o.open}, .run = {.struct_size = sizeof o.run}};
  int status;
  cli_init(&cli, "tfmrun");
  if (parse(&cli, &o, argc, argv, &status) == 0) {
    o.open.colour = cli.colour;
    o.open.message = cli_message;
    o.open.message_arg = &cli;
    o.open.plugin_dir = o.plugin_dir;
    o.open.plugin_dir_count = o.plugin_dir_count;
    o.open.model_dir = o.model_dir;
    o.open.model_dir_count = o.model_dir_count;
    o.open.dump = o.dump;
    o.open.dump_count = o.dump_count;
    o.open.feed = o.feed;
    o.open.feed_count = o.feed_count;
    if (o.check)
      o.open.flags |= TFM_OPEN_CHECK_ONLY;
    status = run(&cli, &o);
    status = cli_finish_output(&cli, status);
  }
  free(o.dump);
  free(o.feed);
  free(o.plugin_dir);
  free(o.model_dir);
  return status;
}
