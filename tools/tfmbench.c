/* tfmbench.c - how fast, how soon, how much memory, for one checkpoint (or
 * for random weights of a config.json).
 *
 * Causal models: prefill and decode tokens a second for each prompt length.
 * Encoders: sequences a second for each length.  Each figure is the median of
 * several runs, with the fastest and slowest beside it. */
#include "tools/cli.h"

#include <getopt.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_LENGTHS = 16, MAX_RUNS = 1000 };

static const char usage[] =
    "Usage: tfmbench [OPTION]... MODEL.tfm|DIR\n"
    "Measure load time, time to first token, prefill, decode, and peak memory.\n"
    "\n"
    "  MODEL.tfm            a model file that names its checkpoint\n"
    "  DIR                  a checkpoint, or with --random a directory with a config.json\n"
    "  --weights DIR        the checkpoint of MODEL.tfm (default: the one that it names)\n"
    "  --model MODEL.tfm    the model file of DIR (default: by config.json's model_type)\n"
    "  --task TASK          which head\n"
    "  --random             random weights\n"
    "  --lengths 16,128,512 tokens of input (default 16,128; longer than the model: left out)\n"
    "  --decode N           new tokens for the decode figure (default 32; 0 = none)\n"
    "  --batch N            inputs at once (default 1)\n"
    "  --runs N             counted runs of each figure, after one warm-up (default 5)\n"
    "  -t, --threads N      threads (default: one a core)\n"
    "  --kernels OP=NAME,...   use these kernels; reference = the plain ones everywhere\n"
    "  --no-fuse            one kernel for each op as written\n"
    "  --plugin-dir DIR     look for plugins here first\n"
    "  --model-dir DIR      look for model files here first\n"
    "  --profile            time by node of the last run, on stderr\n"
    "  --json               one JSON object\n"
    "  -q, --quiet          no progress or warnings\n"
    "  -h, --help   -V, --version\n"
    "\n"
    "Exit status: 0 done, 1 run time, 2 usage, 3 model file, 4 checkpoint, 5 tokenizer,\n"
    "6 plugin, 7 limit or memory, 130 interrupted.\n";

enum {
  OPT_MODEL = 256,
  OPT_WEIGHTS,
  OPT_TASK,
  OPT_RANDOM,
  OPT_LENGTHS,
  OPT_DECODE,
  OPT_BATCH,
  OPT_RUNS,
  OPT_KERNELS,
  OPT_NO_FUSE,
  OPT_PLUGIN_DIR,
  OPT_MODEL_DIR,
  OPT_PROFILE,
  OPT_JSON
};

static const struct option long_options[] = {
    {"model", required_argument, NULL, OPT_MODEL},
    {"weights", required_argument, NULL, OPT_WEIGHTS},
    {"task", required_argument, NULL, OPT_TASK},
    {"random", no_argument, NULL, OPT_RANDOM},
    {"lengths", required_argument, NULL, OPT_LENGTHS},
    {"decode", required_argument, NULL, OPT_DECODE},
    {"batch", required_argument, NULL, OPT_BATCH},
    {"runs", required_argument, NULL, OPT_RUNS},
    {"threads", required_argument, NULL, 't'},
    {"kernels", required_argument, NULL, OPT_KERNELS},
    {"no-fuse", no_argument, NULL, OPT_NO_FUSE},
    {"plugin-dir", required_argument, NULL, OPT_PLUGIN_DIR},
    {"model-dir", required_argument, NULL, OPT_MODEL_DIR},
    {"profile", no_argument, NULL, OPT_PROFILE},
    {"json", no_argument, NULL, OPT_JSON},
    {"quiet", no_argument, NULL, 'q'},
    {"help", no_argument, NULL, 'h'},
    {"version", no_argument, NULL, 'V'},
    {NULL, 0, NULL, 0}};

struct bench {
  struct cli cli;
  tfm_open_options open;
  tfm_model_info info;
  tfm_model *model;
  tfm_error *error;
  const char **plugin_dir, **model_dir;
  size_t plugin_dir_count, model_dir_count;
  int32_t *lengths;
  size_t length_count;
  int64_t decode, batch, runs;
  bool json;
  json_t *results;
};

/* Seconds (or rates) of the counted runs. */
struct samples {
  double value[MAX_RUNS];
  size_t count;
};

static int by_value(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static void report(struct bench *b, const char *what, int64_t length, struct samples *samples,
                   const char *unit) {
  qsort(samples->value, samples->count, sizeof samples->value[0], by_value);
  double low = samples->value[0], high = samples->value[samples->count - 1];
  double median = samples->value[samples->count / 2];
  cli_clear(&b->cli);
  if (!b->json)
    printf("%-16s %6" PRId64 " tokens %12.2f %-8s (%.2f to %.2f)\n", what, length, median, unit,
           low, high);
  json_array_append_new(b->results, json_pack("{s:s, s:I, s:f, s:f, s:f, s:s}", "what", what,
                                              "tokens", (json_int_t)length, "median", median, "min",
                                              low, "max", high, "unit", unit));
  fflush(stdout);
}

/* One run of the whole batch; the same pseudo-random ids each time. */
static int run_once(struct bench *b, int64_t length, int64_t new_tokens, tfm_timing *timing) {
  size_t batch = (size_t)b->batch, n = (size_t)length;
  tfm_input *inputs = calloc(batch, sizeof *inputs);
  int32_t *ids = calloc(batch * n, sizeof *ids);
  tfm_run_options run = {.struct_size = sizeof run, .ignore_stop = 1, .top = 1};
  tfm_result *result = NULL;
  uint32_t state = 1;
  int status = TFM_CODE_LIMIT;
  run.max_new_tokens = new_tokens > 0 ? new_tokens : -2;
  if (inputs && ids) {
    for (size_t i = 0; i < batch * n; i++) {
      state = state * 1664525u + 1013904223u;
      ids[i] = (int32_t)((state >> 8) % (uint32_t)(b->info.vocabulary ? b->info.vocabulary : 1));
    }
    for (size_t i = 0; b->info.task == TFM_TASK_FILL_MASK && i < batch; i++)
      ids[i * n] = b->info.mask >= 0 ? b->info.mask : ids[i * n]; /* what it is asked for */
    for (size_t i = 0; i < batch; i++)
      inputs[i] = (tfm_input){.ids = ids + i * n, .id_count = n};
    status = 0;
    if (tfm_model_run(b->model, inputs, batch, &run, &result, b->error) != 0)
      status = cli_fail(&b->cli, b->error);
    else
      *timing = *tfm_result_timing(result);
  }
  tfm_result_destroy(result);
  free(inputs);
  free(ids);
  return status;
}

static int measure(struct bench *b, int64_t length, int64_t new_tokens, const char *what) {
  struct samples samples = {.count = 0};
  bool causal = b->info.task == TFM_TASK_GENERATE;
  for (int64_t i = -1; i < b->runs; i++) {
    tfm_timing timing;
    cli_progress(&b->cli, "%s, %" PRId64 " tokens, run %" PRId64 " of %" PRId64, what, length,
                 i + 1, b->runs);
    int status = run_once(b, length, new_tokens, &timing);
    if (status)
      return status;
    double seconds = (double)(new_tokens > 0 ? timing.decode_ns : timing.prompt_ns) * 1e-9;
    double amount = new_tokens > 0 ? (double)timing.decode_tokens
                    : causal       ? (double)timing.prompt_tokens
                                   : (double)b->batch;
    if (i >= 0)
      samples.value[samples.count++] = amount / seconds;
  }
  report(b, what, length, &samples, causal ? "tokens/s" : "seq/s");
  return 0;
}

/* Loading again and again, the file in the page cache, and the first token. */
static int measure_start(struct bench *b, int64_t length) {
  struct samples load = {.count = 0}, first = {.count = 0};
  for (int64_t i = -1; i < b->runs; i++) {
    tfm_timing timing;
    uint64_t begin = cli_clock_ns();
    cli_progress(&b->cli, "load, run %" PRId64 " of %" PRId64, i + 1, b->runs);
    tfm_model_destroy(b->model);
    b->model = tfm_model_open(&b->open, b->error);
    if (!b->model)
      return cli_fail(&b->cli, b->error);
    uint64_t loaded = cli_clock_ns();
    b->info.struct_size = sizeof b->info;
    tfm_model_describe(b->model, &b->info);
    if (b->info.max_tokens > 0 && length > b->info.max_tokens)
      length = b->info.max_tokens;
    int status = run_once(b, length, 1, &timing);
    if (status)
      return status;
    if (i < 0)
      continue;
    load.value[load.count++] = (double)(loaded - begin) * 1e-6;
    first.value[first.count++] =
        (double)(loaded - begin) * 1e-6 + (double)timing.first_token_ns * 1e-6;
  }
  report(b, "load", 0, &load, "ms");
  report(b, b->info.task == TFM_TASK_GENERATE ? "to first token" : "to first answer", length,
         &first, "ms");
  return 0;
}

/* Is there room for so many tokens?  If not, that is said. */
static bool fits(const struct bench *b, int64_t length, int64_t more) {
  if (b->info.max_tokens <= 0 || length + more <= b->info.max_tokens)
    return true;
  cli_clear(&b->cli);
  if (!b->cli.quiet && more)
    fprintf(stderr,
            "tfmbench: %" PRId64 " tokens and %" PRId64 " more: left out, the model takes %" PRId64
            "\n",
            length, more, b->info.max_tokens);
  else if (!b->cli.quiet)
    fprintf(stderr, "tfmbench: %" PRId64 " tokens: left out, the model takes %" PRId64 "\n", length,
            b->info.max_tokens);
  return false;
}

static int measure_all(struct bench *b) {
  int status = measure_start(b, b->lengths[0]);
  bool causal = b->info.task == TFM_TASK_GENERATE;
  for (size_t i = 0; i < b->length_count && status == 0; i++) {
    int64_t length = b->lengths[i];
    if (!fits(b, length, 0))
      continue;
    status = measure(b, length, 0, causal ? "prefill" : "encode");
    if (status || !causal || b->decode == 0 || !fits(b, length, b->decode))
      continue;
    status = measure(b, length, b->decode, "decode");
  }
  return status;
}

static void print_memory(struct bench *b) {
  uint64_t peak = cli_peak_memory();
  double ratio = b->info.weight_bytes ? (double)peak / (double)b->info.weight_bytes : 0;
  if (b->json) {
    json_t *root =
        json_pack("{s:s, s:s, s:I, s:I, s:I, s:I, s:o}", "model", b->info.name, "task",
                  b->info.task_name, "threads", (json_int_t)b->info.threads, "parameters",
                  (json_int_t)b->info.parameters, "weight_bytes", (json_int_t)b->info.weight_bytes,
                  "peak_memory", (json_int_t)peak, "results", json_incref(b->results));
    char *text = json_dumps(root, JSON_COMPACT | JSON_REAL_PRECISION(9));
    puts(text ? text : "{}");
    free(text);
    json_decref(root);
    return;
  }
  printf("%-16s %.1f MiB, weights %.1f MiB, ratio %.2f\n", "peak memory", (double)peak / 1048576.0,
         (double)b->info.weight_bytes / 1048576.0, ratio);
}

static int parse_option(struct bench *b, int option) {
  bool ok = true;
  int64_t whole = 0;
  switch (option) {
  case OPT_MODEL:
    b->open.model = optarg;
    break;
  case OPT_WEIGHTS:
    b->open.weights = optarg;
    break;
  case OPT_TASK:
    b->open.task = optarg;
    break;
  case OPT_RANDOM:
    b->open.flags |= TFM_OPEN_RANDOM_WEIGHTS;
    break;
  case OPT_LENGTHS:
    free(b->lengths);
    ok = cli_ids(&b->cli, "--lengths", optarg, &b->lengths, &b->length_count);
    break;
  case OPT_DECODE:
    ok = cli_int(&b->cli, "--decode", optarg, 0, 1 << 20, &b->decode);
    break;
  case OPT_BATCH:
    ok = cli_int(&b->cli, "--batch", optarg, 1, 65536, &b->batch);
    break;
  case OPT_RUNS:
    ok = cli_int(&b->cli, "--runs", optarg, 1, MAX_RUNS, &b->runs);
    break;
  case 't':
    ok = cli_int(&b->cli, "-t", optarg, 1, 256, &whole);
    b->open.threads = (uint32_t)whole;
    break;
  case OPT_KERNELS:
    b->open.kernels = optarg;
    break;
  case OPT_NO_FUSE:
    b->open.flags |= TFM_OPEN_NO_FUSE;
    break;
  case OPT_PLUGIN_DIR:
    cli_keep(&b->cli, &b->plugin_dir, &b->plugin_dir_count, &optarg, sizeof optarg);
    break;
  case OPT_MODEL_DIR:
    cli_keep(&b->cli, &b->model_dir, &b->model_dir_count, &optarg, sizeof optarg);
    break;
  case OPT_PROFILE:
    b->open.flags |= TFM_OPEN_PROFILE;
    break;
  case OPT_JSON:
    b->json = true;
    break;
  case 'q':
    b->cli.quiet = true;
    break;
  default:
    fprintf(stderr, "Try 'tfmbench --help'.\n");
    ok = false;
  }
  return ok ? 0 : TFM_CODE_USAGE;
}

static int parse(struct bench *b, int argc, char **argv, bool *done) {
  int option;
  while ((option = getopt_long(argc, argv, "t:qhV", long_options, NULL)) != -1) {
    *done = option == 'h' || option == 'V';
    if (option == 'h')
      return fputs(usage, stdout), 0;
    if (option == 'V')
      return printf("tfmbench %s\n", tfm_version()), 0;
    if (parse_option(b, option) != 0)
      return TFM_CODE_USAGE;
  }
  if (argc - optind != 1)
    return cli_usage_error(&b->cli, argc == optind ? "which model? give a directory or a .tfm file"
                                                   : "one model at a time");
  if (!b->lengths && !cli_ids(&b->cli, "--lengths", "16,128", &b->lengths, &b->length_count))
    return TFM_CODE_LIMIT;
  for (size_t i = 0; i < b->length_count; i++)
    if (b->lengths[i] < 1)
      return cli_usage_error(&b->cli, "--lengths are at least 1");
  if (b->open.model && b->open.weights)
    return cli_usage_error(&b->cli, "MODEL.tfm --weights DIR, or --model MODEL.tfm DIR");
  *(b->open.model ? &b->open.weights : &b->open.model) = argv[optind];
  b->open.plugin_dir = b->plugin_dir;
  b->open.plugin_dir_count = b->plugin_dir_count;
  b->open.model_dir = b->model_dir;
  b->open.model_dir_count = b->model_dir_count;
  b->open.message = cli_message;
  b->open.message_arg = &b->cli;
  b->open.colour = b->cli.colour;
  return 0;
}

int main(int argc, char **argv) {
  struct bench b = {.open = {.struct_size = sizeof b.open}, .decode = 32, .batch = 1, .runs = 5};
  bool done = false;
  cli_init(&b.cli, "tfmbench");
  b.results = json_array();
  b.error = tfm_error_create();
  int status = b.results && b.error ? parse(&b, argc, argv, &done) : TFM_CODE_LIMIT;
  if (status == 0 && !done) {
    status = measure_all(&b);
    if (status == 0)
      print_memory(&b);
    char *profile = status == 0 && (b.open.flags & TFM_OPEN_PROFILE)
                        ? tfm_model_profile(b.model, b.error)
                        : NULL;
    fputs(profile ? profile : "", stderr);
    tfm_free(profile);
  }
  status = cli_finish_output(&b.cli, status);
  tfm_model_destroy(b.model);
  tfm_error_destroy(b.error);
  json_decref(b.results);
  free(b.lengths);
  free(b.plugin_dir);
  free(b.model_dir);
  return status;
}
