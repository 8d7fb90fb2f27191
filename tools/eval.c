/* eval.c - windows of lines, sorted into batches so that little is padding,
 * added up in the order of the file. */
#include "tools/eval.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* A window is full at either; a batch holds at most BATCH_TOKENS with padding,
 * and BATCH_LOGITS of those. */
enum { WINDOW_LINES = 4096 };
static const size_t WINDOW_BYTES = 16u << 20;
static const size_t BATCH_TOKENS = 8192, BATCH_LOGITS = 16u << 20;

struct window {
  struct eval_line *line; /* WINDOW_LINES */
  struct eval_line **order;
  size_t count, bytes, tokens;
};

/* How far the file is read, for the progress line. */
struct reader {
  FILE *file;
  uint64_t size, bytes; /* size 0 = not known */
  uint64_t begin_ns;
  size_t lines;
  bool more;
};

int eval_no_memory(const struct eval *eval) {
  return cli_no_memory(eval->cli);
}

int eval_line_error(const struct eval *eval, const struct eval_line *line, int code,
                    const char *format, ...) {
  va_list args;
  cli_clear(eval->cli);
  fprintf(stderr, "%s: error: ", eval->cli->program);
  cli_escaped(stderr, eval->name);
  fprintf(stderr, ":%zu: ", line->number);
  va_start(args, format);
  cli_vmessage(format, args);
  va_end(args);
  fputc('\n', stderr);
  return code;
}

int eval_encode(struct eval *eval, const struct eval_line *line, const char *text, size_t length,
                tfm_encoding **out) {
  tfm_input input = {.struct_size = sizeof input, .text = text, .text_length = length};
  if (tfm_tokenizer_encode(eval->tokenizer, &input, out, eval->error) == 0)
    return 0;
  return eval_line_error(eval, line, tfm_error_code(eval->error), "%s",
                         tfm_error_message(eval->error));
}

int eval_cut(struct eval *eval, struct eval_line *line, const tfm_encoding *encoding,
             size_t **kept) {
  size_t count = encoding->count, most = (size_t)eval->info.max_tokens, tail = 0;
  while (tail < count && encoding->kind[count - 1 - tail] == TFM_TOKEN_ADDED)
    tail++;
  line->truncated = most > 0 && count > most;
  size_t left = line->truncated ? most : count;
  if (tail > left)
    tail = left;
  *kept = calloc(left + 1, sizeof **kept);
  line->ids = calloc(left + 1, sizeof *line->ids);
  if (!*kept || !line->ids)
    return free(*kept), *kept = NULL, eval_no_memory(eval);
  for (size_t i = 0; i < left; i++) {
    (*kept)[i] = i < left - tail ? i : count - left + i;
    line->ids[i] = encoding->ids[(*kept)[i]];
  }
  line->id_count = left;
  return 0;
}

int eval_score(struct eval *eval, struct eval_line *const *line, size_t count) {
  size_t total = 0;
  for (size_t i = 0; i < count; i++)
    total += line[i]->target_count;
  tfm_score_input *input = calloc(count, sizeof *input);
  tfm_score *score = calloc(total, sizeof *score);
  int status = input && score ? 0 : eval_no_memory(eval);
  for (size_t i = 0; status == 0 && i < count; i++)
    input[i] = (tfm_score_input){.struct_size = sizeof(tfm_score_input),
                                 .ids = line[i]->ids,
                                 .id_count = line[i]->id_count,
                                 .place = line[i]->place,
                                 .target = line[i]->target,
                                 .target_count = line[i]->target_count};
  if (status == 0 && tfm_model_score(eval->model, input, count, score, eval->error) != 0)
    status = cli_fail(eval->cli, eval->error);
  size_t at = 0;
  for (size_t i = 0; status == 0 && i < count; i++) {
    line[i]->score = calloc(line[i]->target_count, sizeof *line[i]->score);
    if (!line[i]->score)
      status = eval_no_memory(eval);
    else
      memcpy(line[i]->score, score + at, line[i]->target_count * sizeof *score);
    at += line[i]->target_count;
  }
  free(score);
  free(input);
  return status;
}

/* ---- windows ---- */

static void window_clear(struct window *window) {
  for (size_t i = 0; i < window->count; i++) {
    struct eval_line *line = &window->line[i];
    free(line->text);
    free(line->ids);
    free(line->place);
    free(line->target);
    free(line->score);
    *line = (struct eval_line){0};
  }
  window->count = window->bytes = window->tokens = 0;
}

static bool is_blank(const char *text, size_t length) {
  size_t at = 0;
  while (at < length && (text[at] == ' ' || text[at] == '\t'))
    at++;
  return at == length;
}

/* Read and prepare lines until the window is full or the file ends. */
static int window_fill(struct eval *eval, struct window *window, struct reader *reader) {
  size_t limit = eval->options->limit;
  while (reader->more && window->count < WINDOW_LINES && window->bytes < WINDOW_BYTES) {
    struct eval_line *line = &window->line[window->count];
    if (limit && reader->lines == limit)
      return reader->more = false, 0;
    int got = cli_line(eval->cli, reader->file, reader->lines + 1, &line->text, &line->length);
    if (got < 0)
      return TFM_CODE_LIMIT;
    if (got == 0)
      return reader->more = false, 0;
    window->count++;
    line->number = ++reader->lines;
    window->bytes += line->length + 1;
    reader->bytes += line->length + 1;
    int status = is_blank(line->text, line->length) ? 0 : eval->measure->prepare(eval, line);
    if (status != 0)
      return status;
    window->tokens += line->target_count ? line->id_count : 0;
  }
  return 0;
}

static int by_length(const void *a, const void *b) {
  const struct eval_line *x = *(struct eval_line *const *)a, *y = *(struct eval_line *const *)b;
  if (x->id_count != y->id_count)
    return x->id_count < y->id_count ? -1 : 1;
  return x->number < y->number ? -1 : x->number > y->number;
}

/* How many of the lines, the last the longest, are one batch. */
static size_t batch_size(const struct eval *eval, struct eval_line *const *line, size_t count) {
  bool logits = eval->measure->task != TFM_TASK_CLASSIFY && eval->info.vocabulary > 0;
  size_t tokens = BATCH_TOKENS, size = 1;
  if (logits && BATCH_LOGITS / (size_t)eval->info.vocabulary < tokens)
    tokens = BATCH_LOGITS / (size_t)eval->info.vocabulary;
  while (size < count && size < eval->options->batch && line[size]->id_count <= tokens / (size + 1))
    size++;
  return size;
}

/* The share of the work that is done when part of the window is. */
static double done_share(const struct eval *eval, const struct reader *reader,
                         const struct window *window, double part) {
  double before = (double)(reader->bytes - window->bytes);
  double share = reader->size ? (before + part * (double)window->bytes) / (double)reader->size : 0;
  if (eval->options->limit) {
    double lines = (double)(reader->lines - window->count) + part * (double)window->count;
    double limited = lines / (double)eval->options->limit;
    share = limited > share ? limited : share;
  }
  return share < 1 ? share : 1;
}

static void show_progress(const struct eval *eval, const struct reader *reader,
                          const struct window *window, size_t tokens) {
  static const char bar[] = "########################", gap[] = "........................";
  double share = done_share(eval, reader, window,
                            (double)tokens / (double)(window->tokens ? window->tokens : 1));
  double seconds = (double)(cli_clock_ns() - reader->begin_ns) * 1e-9;
  int width = (int)(sizeof bar - 1), full = (int)(share * width);
  if (share <= 0) {
    cli_progress(eval->cli, "%zu lines, %.0f s", reader->lines, seconds);
    return;
  }
  double left = seconds * (1 - share) / share;
  cli_progress(eval->cli, "[%.*s%.*s] %3.0f %%  %d:%02d left", full, bar, width - full, gap,
               100 * share, (int)left / 60, (int)left % 60);
}

static int window_run(struct eval *eval, struct window *window, const struct reader *reader) {
  size_t count = 0, tokens = 0;
  for (size_t i = 0; i < window->count; i++)
    if (window->line[i].target_count)
      window->order[count++] = &window->line[i];
  qsort(window->order, count, sizeof(struct eval_line *), by_length);
  for (size_t at = 0; at < count;) {
    size_t size = batch_size(eval, window->order + at, count - at);
    show_progress(eval, reader, window, tokens);
    int status = eval->measure->run(eval, window->order + at, size);
    if (status != 0)
      return status;
    if (cli_interrupted())
      return cli_clear(eval->cli), TFM_CODE_INTERRUPTED;
    for (size_t i = at; i < at + size; i++)
      tokens += window->order[i]->id_count;
    at += size;
  }
  return 0;
}

static void window_add(struct eval *eval, const struct window *window) {
  for (size_t i = 0; i < window->count; i++) {
    const struct eval_line *line = &window->line[i];
    eval->sums.truncated += line->truncated;
    eval->sums.empty += line->target_count == 0;
    if (line->target_count == 0)
      continue;
    eval->sums.lines++;
    eval->sums.tokens += line->tokens;
    eval->sums.characters += line->characters;
    eval->measure->add(eval, line);
  }
}

int eval_file(struct eval *eval, FILE *file) {
  struct reader reader = {.file = file, .begin_ns = cli_clock_ns(), .more = true};
  struct window window = {.line = calloc(WINDOW_LINES, sizeof *window.line),
                          .order = calloc(WINDOW_LINES, sizeof(struct eval_line *))};
  struct stat about;
  int status = window.line && window.order ? 0 : eval_no_memory(eval);
  if (fstat(fileno(file), &about) == 0 && S_ISREG(about.st_mode) && about.st_size > 0)
    reader.size = (uint64_t)about.st_size;
  while (status == 0 && reader.more) {
    status = window_fill(eval, &window, &reader);
    if (status == 0 && cli_interrupted())
      status = TFM_CODE_INTERRUPTED;
    if (status == 0)
      status = window_run(eval, &window, &reader);
    if (status == 0)
      window_add(eval, &window);
    window_clear(&window);
  }
  if (status == 0 && ferror(file)) {
    status = cli_error(eval->cli, TFM_CODE_RUN, "cannot read %s", eval->name);
  }
  cli_clear(eval->cli);
  free(window.line);
  free(window.order);
  return status;
}
