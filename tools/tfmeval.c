/* tfmeval.c - what a checkpoint is worth, measured on a file.
 *
 * Reads options, opens the model once, and hands the file to the measure of its
 * task.  stdout carries only the figures. */
#include "tools/eval.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FIELD(field) OPTION_FIELD(struct eval_options, field)

static const struct option_row rows[] = {
    OPTION_HEAD("Model"),
    OPTION_USE("MODEL.tfm"),
    OPTION_USE("DIR, org/model"),
    OPTION_USE("weights"),
    OPTION_USE_FOR(OPTION_TASK(GENERATE) | OPTION_TASK(FILL_MASK) | OPTION_TASK(CLASSIFY), "task",
                   "one of these, or a head"),
    OPTION_USE("threads"),
    OPTION_HEAD(""),
    OPTION_HEAD("Data"),
    {OPTION_TEXT, "data", 0, "FILE|-", "a text a line; where labels are measured: label, tab, text",
     FIELD(data)},
    {OPTION_INT, "limit", 0, "N", "only the first N lines", FIELD(limit), .low = 1,
     .high = INT64_MAX},
    {OPTION_INT, "seed", 0, "N", "which tokens are masked (default 0)", FIELD(seed),
     .high = INT64_MAX, .tasks = OPTION_TASK(FILL_MASK)},
    {OPTION_TEXT, "end", 0, "TOKEN",
     "the token that ends a line (default: the stop token; \"\" none)", FIELD(end),
     .tasks = OPTION_TASK(GENERATE)},
    {OPTION_TEXT, "after", 0, "TOKEN", "predict only what follows this token in a line",
     FIELD(after), .tasks = OPTION_TASK(GENERATE)},
    OPTION_HEAD(""),
    OPTION_HEAD("Output"),
    {OPTION_FLAG, "json", .help = "one JSON object", FIELD(json)},
    {OPTION_INT, "batch", 0, "N", "at most N lines at once (default 32); the figures stay the same",
     FIELD(batch), .low = 1, .high = 4096},
    OPTION_USE("quiet"),
    OPTION_HEAD(""),
    OPTION_USE("plugin-dir"),
    OPTION_USE("model-dir"),
    OPTION_USE("kernels"),
    OPTION_USE("completion"),
    OPTION_USE("help"),
    OPTION_USE("version"),
};

static const struct option_set set = {"Usage: tfmeval MODEL.tfm|DIR [OPTION]... --data FILE\n"
                                      "Measure a checkpoint on the lines of a file.\n\n",
                                      rows, sizeof rows / sizeof *rows, common_exit_codes};

static int check_usage(const struct cli *cli, struct eval_options *o, char *const *word,
                       int count) {
  if (count != 1)
    return cli_usage_error(cli, count == 0 ? "which model? give a .tfm file or a directory"
                                           : "one model at a time");
  o->common.open.model = word[0];
  if (!o->data && isatty(STDIN_FILENO))
    return cli_usage_error(cli, "no data: give --data FILE, or lines through a pipe");
  if (!o->data)
    o->data = "-";
  return 0;
}

/* The measure of the model's task, ready to begin. */
static int choose_measure(struct eval *eval) {
  static const struct eval_measure *const measures[] = {&eval_generate, &eval_fill_mask,
                                                        &eval_classify};
  uint32_t tasks = 0;
  for (size_t i = 0; i < sizeof measures / sizeof *measures; i++) {
    tasks |= 1u << measures[i]->task;
    if (measures[i]->task == eval->info.task)
      eval->measure = measures[i];
  }
  if (!eval->measure) {
    char names[OPTION_TASKS_TEXT];
    option_tasks_text(tasks, ", ", names);
    return cli_usage_error(eval->cli, "no measure for the task %s: only %s", eval->info.task_name,
                           names);
  }
  int status = options_check_task(eval->cli, eval->info.task);
  if (status != 0)
    return status;
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
    return cli_error(eval->cli, TFM_CODE_USAGE, "%s: there is nothing to measure", eval->name);
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
    return cli_error(eval->cli, TFM_CODE_USAGE, "cannot open %s: %s", eval->name, strerror(errno));
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
  cli_progress(cli, "loading %s",
               o->common.open.weights ? o->common.open.weights : o->common.open.model);
  eval.model = tfm_model_open(&o->common.open, eval.error);
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
  struct eval_options o = {.common.open.flags = TFM_OPEN_ALL_LOGITS, .batch = 32};
  int status;
  cli_init(&cli, "tfmeval");
  int word = options_parse(&cli, &set, &o, argc, argv, &status);
  if (word >= 0) {
    common_apply(&o.common, &cli);
    status = check_usage(&cli, &o, argv + word, argc - word);
    if (status == 0)
      status = run(&cli, &o);
    status = cli_finish_output(&cli, status);
  }
  common_finish(&o.common);
  return status;
}
