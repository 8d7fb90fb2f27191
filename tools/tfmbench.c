/* tfmbench.c - how fast, how soon, how much memory, for one checkpoint (or
 * for random weights of a config.json).
 *
 * Causal models: prefill and decode tokens a second for each prompt length.
 * Encoders: sequences a second for each length.  Each figure is the median of
 * several runs, with the fastest and slowest beside it. */
#include "tools/common.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_LENGTHS = 16, MAX_RUNS = 1000 };

struct bench {
  struct common common; /* first */
  struct cli cli;
  tfm_model_info info;
  tfm_model *model;
  tfm_error *error;
  const char *model_file; /* --model */
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
  /* Ids have no context, and without a tokenizer no mask: there is nothing to answer. */
  if (b->info.task == TFM_TASK_QA || (b->info.task == TFM_TASK_FILL_MASK && b->info.mask < 0))
    run.flags = TFM_RUN_PASS_ONLY;
  if (inputs && ids) {
    for (size_t i = 0; i < batch * n; i++) {
      state = state * 1664525u + 1013904223u;
      ids[i] = (int32_t)((state >> 8) % (uint32_t)(b->info.vocabulary ? b->info.vocabulary : 1));
    }
    for (size_t i = 0; b->info.task == TFM_TASK_FILL_MASK && i < batch; i++)
      ids[i * n] = b->info.mask >= 0 ? b->info.mask : ids[i * n]; /* what it is asked for */
    for (size_t i = 0; i < batch; i++)
      inputs[i] = (tfm_input){.struct_size = sizeof(tfm_input), .ids = ids + i * n, .id_count = n};
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
    b->model = tfm_model_open(&b->common.open, b->error);
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

static bool call_lengths(const struct cli *cli, void *values, const char *option, char *argument) {
  struct bench *b = values;
  free(b->lengths);
  return cli_ids(cli, option, argument, &b->lengths, &b->length_count);
}

#define FIELD(field) OPTION_FIELD(struct bench, field)

static const struct option_row rows[] = {
    OPTION_ARGUMENT("MODEL.tfm", "a model file that names its checkpoint"),
    OPTION_ARGUMENT("DIR", "a checkpoint, or with --random a directory with a config.json"),
    OPTION_USE_AS("weights", "the checkpoint of MODEL.tfm (default: the one that it names)"),
    {OPTION_TEXT, "model", 0, "MODEL.tfm",
     "the model file of DIR (default: by config.json's model_type)", FIELD(model_file)},
    OPTION_USE_AS("task", "which head"),
    {OPTION_BITS, "random", .help = "random weights", FIELD(common.open.flags),
     .bits = TFM_OPEN_RANDOM_WEIGHTS},
    {OPTION_CALL, "lengths", 0, "16,128,512",
     "tokens of input (default 16,128; longer than the model: left out)", .call = call_lengths},
    {OPTION_INT, "decode", 0, "N", "new tokens for the decode figure (default 32; 0 = none)",
     FIELD(decode), .high = 1 << 20},
    {OPTION_INT, "batch", 0, "N", "inputs at once (default 1)", FIELD(batch), .low = 1,
     .high = 65536},
    {OPTION_INT, "runs", 0, "N", "counted runs of each figure, after one warm-up (default 5)",
     FIELD(runs), .low = 1, .high = MAX_RUNS},
    OPTION_USE("threads"),
    OPTION_USE("kernels"),
    OPTION_USE("no-fuse"),
    OPTION_USE("plugin-dir"),
    OPTION_USE("model-dir"),
    OPTION_USE_AS("profile", "time by node of the last run, on stderr"),
    {OPTION_FLAG, "json", .help = "one JSON object", FIELD(json)},
    OPTION_USE_AS("quiet", "no progress or warnings"),
    OPTION_USE("completion"),
    OPTION_USE("help"),
    OPTION_USE("version"),
};

static const struct option_set set = {
    "Usage: tfmbench [OPTION]... MODEL.tfm|DIR\n"
    "Measure load time, time to first token, prefill, decode, and peak memory.\n\n",
    rows, sizeof rows / sizeof *rows, common_exit_codes};

static int check_usage(struct bench *b, char *const *word, int count) {
  tfm_open_options *open = &b->common.open;
  if (count != 1)
    return cli_usage_error(&b->cli, count == 0 ? "which model? give a directory or a .tfm file"
                                               : "one model at a time");
  if (!b->lengths && !cli_ids(&b->cli, "--lengths", "16,128", &b->lengths, &b->length_count))
    return TFM_CODE_LIMIT;
  for (size_t i = 0; i < b->length_count; i++)
    if (b->lengths[i] < 1)
      return cli_usage_error(&b->cli, "--lengths are at least 1");
  if (b->model_file && open->weights)
    return cli_usage_error(&b->cli, "MODEL.tfm --weights DIR, or --model MODEL.tfm DIR");
  open->model = b->model_file ? b->model_file : word[0];
  open->weights = b->model_file ? word[0] : open->weights;
  return 0;
}

static int measure_and_print(struct bench *b) {
  int status = measure_all(b);
  if (status != 0)
    return status;
  print_memory(b);
  if (b->common.open.flags & TFM_OPEN_PROFILE) {
    char *profile = tfm_model_profile(b->model, b->error);
    fputs(profile ? profile : "", stderr);
    tfm_free(profile);
  }
  return 0;
}

int main(int argc, char **argv) {
  struct bench b = {.decode = 32, .batch = 1, .runs = 5};
  int status = TFM_CODE_LIMIT;
  cli_init(&b.cli, "tfmbench");
  b.results = json_array();
  b.error = tfm_error_create();
  int word = b.results && b.error ? options_parse(&b.cli, &set, &b, argc, argv, &status) : -1;
  if (word >= 0) {
    common_apply(&b.common, &b.cli);
    status = check_usage(&b, argv + word, argc - word);
    if (status == 0)
      status = measure_and_print(&b);
    status = cli_finish_output(&b.cli, status);
  }
  tfm_model_destroy(b.model);
  tfm_error_destroy(b.error);
  json_decref(b.results);
  free(b.lengths);
  common_finish(&b.common);
  return status;
}
