/* lines.c - the lines of a pipe as inputs of tfmrun, in batches. */
#include "tools/run.h"

#include <stdlib.h>
#include <string.h>

enum { BATCH = 32 };

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
  lines->input[i].struct_size = sizeof lines->input[i];
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
  if (bad > 0 && run_batch(job, lines->input, bad, lines->before) != 0)
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
  if (lines->count && run_batch(job, lines->input, lines->count, lines->before) != 0) {
    int code = tfm_error_code(job->error);
    bool of_line = code == TFM_CODE_USAGE || code == TFM_CODE_LIMIT || code == TFM_CODE_RUN;
    status = of_line && job->options->dump_count == 0 ? run_until_bad(job, lines) : run_failed(job);
  }
  lines_clear(lines);
  return cli_output_lost() ? TFM_CODE_RUN : status;
}

/* One input a line from stdin, BATCH at a time; the last line may lack its end.
 * Lines before one that cannot be read, or run, are run. */
int run_lines(struct job *job) {
  struct lines lines = {0};
  size_t most = job->options->samples > 1 ? 1 : BATCH; /* samples of a line are a batch */
  int status = 0, got = 1;
  while (got > 0 && status == 0 && !cli_interrupted()) {
    char *line = NULL;
    size_t length = 0;
    got = cli_line(job->cli, stdin, lines.before + lines.count + 1, &line, &length);
    int bad = got > 0 ? lines_add(job, &lines, line, length) : got < 0 ? TFM_CODE_LIMIT : 0;
    if (!cli_interrupted() && (lines.count == most || got <= 0 || bad))
      status = lines_run(job, &lines);
    status = status ? status : bad;
  }
  lines_clear(&lines);
  if (status == 0 && cli_interrupted()) { /* between two runs */
    status = cli_error(job->cli, TFM_CODE_INTERRUPTED, "interrupted");
  } else if (status == 0 && ferror(stdin)) {
    status = cli_error(job->cli, TFM_CODE_RUN, "cannot read the input");
  }
  return status;
}
