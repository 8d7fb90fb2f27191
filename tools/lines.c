/* lines.c - the lines of a pipe as inputs of tfmrun: what is there is read, run and
 * answered; what is not there yet is not waited for.
 *
 * A window is sorted, and holds about a second of work, so that answers come soon. */
#include "tools/lines.h"

#include "tools/output.h"
#include "tools/stream.h"

#include <stdlib.h>
#include <string.h>

static const size_t LINE_LIMIT = 16u << 20, WINDOW_BYTES = 16u << 20;
static const double WINDOW_WORK = 2e11; /* operations */

void line_finish(struct line *line) {
  if (line->answers && --line->answers->users == 0) {
    tfm_result_destroy(line->answers->result);
    free(line->answers);
  }
  tfm_error_destroy(line->error);
  free(line->text);
  free(line->ids);
  *line = (struct line){0};
}

static void window_clear(struct window *window) {
  for (size_t i = 0; i < window->count; i++)
    line_finish(&window->line[i]);
  window->count = window->shown = window->bytes = window->tokens = 0;
}

/* "tfmrun: line 7 of the input:", before what is wrong with it. */
static void name_line(const struct job *job, size_t number) {
  cli_clear(job->cli);
  fprintf(stderr, "%s: line %zu of the input:\n", job->cli->program, number);
}

/* ---- reading ---- */

/* The input that comes next, as often as samples of it are wanted. */
struct source {
  struct stream_in in;
  struct line next;
  size_t place, left; /* samples of next that are not in a window yet */
  bool more;          /* lines may come from stdin */
};

static void refuse(struct line *line, int code, const char *reason) {
  line->code = code;
  line->reason = reason;
}

/* Its length, to be sorted by.  What cannot be cut into tokens is told when it is run, and
 * so is a text that is certainly too long. */
size_t lines_tokens(const struct job *job, const tfm_input *input) {
  enum { TOKEN_BYTES = 256 }; /* hardly a text has so many bytes a token */
  const tfm_tokenizer *tokenizer = input->text ? tfm_model_tokenizer(job->model, NULL) : NULL;
  size_t most = (size_t)job->info.max_tokens, count = input->id_count;
  tfm_encoding *encoding = NULL;
  if (job->options->dump_count > 0 || !tokenizer)
    return count;
  if (most > 0 && input->text_length / TOKEN_BYTES > most)
    return most;
  if (tfm_tokenizer_encode(tokenizer, input, &encoding, NULL) == 0)
    count = encoding->count;
  tfm_encoding_destroy(encoding);
  return most > 0 && count > most ? most : count;
}

/* A text, a tab and a second text. */
static bool line_cut(struct line *line, size_t length) {
  char *tab = memchr(line->text, '\t', length);
  if (!tab)
    return false;
  *tab = '\0';
  line->input.text_length = (size_t)(tab - line->text);
  line->input.pair = tab + 1;
  line->input.pair_length = length - line->input.text_length - 1;
  return true;
}

/* The text of a line, or its ids; the pair, which all lines share. */
static int line_read(struct job *job, struct line *line, const char *text, size_t length) {
  const struct options *o = job->options;
  line->input.struct_size = sizeof line->input;
  line->text = malloc(length + 1);
  if (!line->text)
    return cli_no_memory(job->cli);
  if (length)
    memcpy(line->text, text, length);
  line->text[length] = '\0';
  if (o->ids) {
    if (!cli_read_ids(job->cli, line->text, length, &line->ids, &line->input.id_count))
      return refuse(line, TFM_CODE_USAGE, "--ids needs whole numbers such as 1,2,3"), 0;
    line->input.ids = line->ids;
  } else {
    line->input.text = line->text;
    line->input.text_length = length;
  }
  if (o->tabs && !line_cut(line, length))
    return refuse(line, TFM_CODE_USAGE, "--tabs needs a text, a tab and a second text"), 0;
  if (o->pair) {
    line->input.pair = o->pair;
    line->input.pair_length = strlen(o->pair);
  }
  line->tokens = lines_tokens(job, &line->input);
  return 0;
}

static size_t samples_of(const struct job *job) {
  return job->options->samples > 1 ? job->options->samples : 1;
}

/* STREAM_LINE: there is an input; STREAM_LATER, STREAM_END, or STREAM_MEMORY, which was
 * said. */
static int source_next(struct job *job, struct source *source, bool wait) {
  const char *text;
  size_t length;
  if (source->left > 0)
    return STREAM_LINE;
  if (!source->more)
    return STREAM_END;
  int got = stream_next(&source->in, wait, &text, &length);
  source->more = got == STREAM_LINE || got == STREAM_LONG || got == STREAM_LATER;
  if (got == STREAM_ERROR && !cli_interrupted())
    job->broken = true; /* said when those lines that came are answered */
  if (got == STREAM_MEMORY)
    return cli_no_memory(job->cli), got;
  if (got != STREAM_LINE && got != STREAM_LONG)
    return got == STREAM_LATER ? got : STREAM_END;
  source->next = (struct line){.number = source->in.number, .place = source->place++};
  source->left = samples_of(job);
  if (got == STREAM_LONG)
    refuse(&source->next, TFM_CODE_LIMIT, "the line is longer than 16 MiB");
  else if (line_read(job, &source->next, text, length - (length && text[length - 1] == '\r')))
    return STREAM_MEMORY;
  return STREAM_LINE;
}

/* A sample of the next input as a line of its own. */
static int take(struct job *job, struct source *source, struct line *line) {
  struct line *next = &source->next;
  size_t length = next->text ? next->input.text_length : 0;
  if (source->left-- == 1 || next->code) { /* of one that cannot be run, one is enough */
    *line = *next;
    *next = (struct line){0};
    source->left = 0;
    return 0;
  }
  *line = (struct line){.number = next->number, .place = next->place, .sample = next->sample++};
  const char *text = next->input.text ? next->input.text : next->text;
  if (next->input.ids)
    length = strlen(next->text);
  char *tab = next->input.pair && job->options->tabs ? next->text + length : NULL;
  if (tab) { /* the whole line again */
    *tab = '\t';
    length += 1 + next->input.pair_length;
  }
  int status = line_read(job, line, text, length);
  if (tab)
    *tab = '\0';
  return status;
}

/* A file that takes values of the graph has those of the last batch, in its order. */
static bool is_full(const struct job *job, const struct window *window) {
  const struct options *o = job->options;
  bool small = o->dump_count > 0 || o->run.top > 64; /* or has much to keep of each line */
  if (window->count >= (small ? BATCH_LINES : WINDOW_LINES) || window->bytes >= WINDOW_BYTES)
    return true;
  bool writes = job->info.task == TFM_TASK_GENERATE;
  int64_t more = !writes ? 0 : o->run.max_new_tokens > 0 ? o->run.max_new_tokens : 128;
  double tokens = (double)window->tokens + (double)more * (double)window->count;
  size_t least = writes ? BATCH_LINES : 4 * BATCH_LINES; /* prompts are little of its work */
  return window->count >= least && 2 * (double)job->info.parameters * tokens >= WINDOW_WORK;
}

/* At least one line, and those that are there already.  An exit code; 0 and no line: the
 * input has ended. */
static int window_fill(struct job *job, struct source *source, struct window *window) {
  while (!is_full(job, window)) {
    int got = source_next(job, source, window->count == 0);
    if (got != STREAM_LINE)
      return got == STREAM_MEMORY ? TFM_CODE_LIMIT : 0;
    struct line *line = &window->line[window->count++];
    int status = take(job, source, line);
    if (status != 0)
      return status;
    window->bytes += line->input.text_length + line->input.id_count;
    window->tokens += line->tokens;
  }
  return 0;
}

/* ---- answering ---- */

static void say_reason(const struct job *job, const struct line *line) {
  char excerpt[CLI_EXCERPT];
  if (line->number > 0)
    name_line(job, line->number);
  if (line->error)
    cli_fail(job->cli, line->error);
  else if (line->text)
    cli_error(job->cli, line->code, "%s, not '%s'", line->reason,
              cli_excerpt(line->text, strlen(line->text), excerpt));
  else
    cli_error(job->cli, line->code, "%s", line->reason);
}

/* A line without an answer: the end of the job, or an error in the answer's place. */
int lines_show_error(struct job *job, const struct line *line) {
  say_reason(job, line);
  if (!job->options->keep_going)
    return line->code;
  if (job->failed++ == 0)
    job->first_error = line->code;
  if (!job->options->json)
    putchar('\n');
  else if (!output_json_error(&job->info, &line->input, line->number, line->code,
                              line->error ? tfm_error_message(line->error) : line->reason,
                              line->error ? tfm_error_notes(line->error) : ""))
    return cli_no_memory(job->cli);
  return 0;
}

/* The answers that are there, up to the first that is not. */
static int show(struct job *job, struct window *window) {
  int status = 0;
  for (; window->shown < window->count && status == 0; window->shown++) {
    struct line *line = &window->line[window->shown];
    if (line->code)
      status = lines_show_error(job, line);
    else if (line->answers)
      run_print(job, &line->input, run_seed(job->options, line->place, line->sample),
                line->answers->result, line->row, false);
    else
      break;
    line_finish(line);
  }
  return cli_output_lost() ? TFM_CODE_RUN : status;
}

/* What the end of the input, or of the patience with it, leaves to be said. */
int lines_end(struct job *job, size_t count) {
  if (cli_interrupted())
    return cli_error(job->cli, TFM_CODE_INTERRUPTED, "interrupted");
  if (job->failed)
    cli_error(job->cli, job->first_error, "%zu of %zu lines have no answer", job->failed, count);
  if (job->broken)
    return cli_error(job->cli, TFM_CODE_RUN, "cannot read the input");
  return job->first_error;
}

static int run_source(struct job *job, struct source *source) {
  struct window *window = calloc(1, sizeof *window);
  int status = window ? 0 : cli_no_memory(job->cli);
  do {
    if (status == 0)
      status = window_fill(job, source, window);
    if (status != 0 || window->count == 0 || cli_interrupted())
      break;
    status = window_run(job, window, show);
    window_clear(window);
  } while (status == 0);
  if (window)
    window_clear(window);
  if (status == 0)
    status = lines_end(job, source->place);
  cli_clear(job->cli);
  line_finish(&source->next);
  free(window);
  return status;
}

int run_lines(struct job *job) {
  struct source source = {.in = {.separator = '\n', .text = true, .limit = LINE_LIMIT},
                          .more = true};
  int status = run_source(job, &source);
  stream_in_finish(&source.in);
  return status;
}

int run_samples(struct job *job, const tfm_input *input) {
  struct source source = {.place = 1, .left = samples_of(job)};
  const char *text = input->text ? input->text : job->options->ids;
  int status = line_read(job, &source.next, text, text ? strlen(text) : 0);
  return status ? status : run_source(job, &source);
}
