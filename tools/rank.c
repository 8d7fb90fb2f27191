/* rank.c - tfmrun's task rerank: a query and its documents, the best first.
 *
 * Documents are lines of stdin; the query is given, or is the first of them; with --tabs
 * each line has its own, and lines of one query stand together.  All are read before
 * any is shown, since any may be the best. */
#include "tools/lines.h"
#include "tools/output.h"
#include "tools/stream.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const size_t LINE_LIMIT = 16u << 20, DOCUMENTS_LIMIT = 1u << 20, BYTES_LIMIT = 1u << 30;

/* A line that was scored, or will be. */
struct document {
  size_t number, group, place; /* its line; its query's number; its own among the query's */
  char *line;                  /* owned; with --tabs the query, a NUL, and the text */
  const char *query, *text;
  size_t query_length, length;
  double score, logit;
  size_t tokens, truncated;
  bool failed;
};

struct ranking {
  struct document *list;
  size_t count, bytes, groups;
  char *query; /* of all lines, owned; NULL with --tabs */
  size_t query_length;
};

static void ranking_finish(struct ranking *ranking) {
  for (size_t i = 0; i < ranking->count; i++)
    free(ranking->list[i].line);
  free(ranking->list);
  free(ranking->query);
}

static char *copy_text(const char *text, size_t length) {
  char *copy = malloc(length + 1);
  if (copy) {
    if (length)
      memcpy(copy, text, length);
    copy[length] = '\0';
  }
  return copy;
}

/* ---- reading ---- */

/* The query of the line, if each has its own; 0, or an exit code. */
static int cut_query(struct job *job, const struct ranking *ranking, struct document *one) {
  char *tab = memchr(one->line, '\t', one->length);
  if (!tab) {
    cli_clear(job->cli);
    return cli_error(job->cli, TFM_CODE_USAGE,
                     "line %zu of the input: --tabs needs a query, a tab and a document",
                     one->number);
  }
  *tab = '\0';
  one->query = one->line;
  one->query_length = (size_t)(tab - one->line);
  one->text = tab + 1;
  one->length -= one->query_length + 1;
  const struct document *last = ranking->count ? &ranking->list[ranking->count - 1] : NULL;
  bool same = last && last->query_length == one->query_length &&
              memcmp(last->query, one->query, one->query_length) == 0;
  one->group = last ? last->group + !same : 0;
  one->place = same ? last->place + 1 : 0;
  return 0;
}

static int add_line(struct job *job, struct ranking *ranking, size_t number, const char *text,
                    size_t length) {
  struct document one = {.number = number, .length = length, .place = ranking->count};
  if (!job->options->tabs && !ranking->query) {
    ranking->query = copy_text(text, length);
    ranking->query_length = length;
    return ranking->query ? 0 : cli_no_memory(job->cli);
  }
  ranking->bytes += length;
  if (ranking->count == DOCUMENTS_LIMIT || ranking->bytes > BYTES_LIMIT)
    return cli_error(job->cli, TFM_CODE_LIMIT,
                     "line %zu of the input: more than %zu documents, or %zu MiB of them", number,
                     DOCUMENTS_LIMIT, BYTES_LIMIT >> 20);
  one.line = copy_text(text, length);
  if (!one.line)
    return cli_no_memory(job->cli);
  one.query = ranking->query;
  one.query_length = ranking->query_length;
  one.text = one.line;
  int status = job->options->tabs ? cut_query(job, ranking, &one) : 0;
  if (status == 0 && !cli_push(&ranking->list, &ranking->count, &one, sizeof one))
    status = cli_no_memory(job->cli);
  if (status != 0)
    free(one.line);
  return status;
}

static int read_lines(struct job *job, struct ranking *ranking) {
  struct stream_in in = {.separator = '\n', .text = true, .limit = LINE_LIMIT};
  const char *text;
  size_t length;
  int got, status = 0;
  while (status == 0 && (got = stream_next(&in, true, &text, &length)) == STREAM_LINE)
    status = add_line(job, ranking, in.number, text, length - (length && text[length - 1] == '\r'));
  size_t number = in.number;
  stream_in_finish(&in);
  if (status != 0)
    return status;
  if (cli_interrupted())
    return cli_error(job->cli, TFM_CODE_INTERRUPTED, "interrupted");
  if (got == STREAM_MEMORY)
    return cli_no_memory(job->cli);
  if (got == STREAM_LONG)
    return cli_error(job->cli, TFM_CODE_LIMIT, "line %zu of the input is longer than 16 MiB",
                     number);
  if (got == STREAM_ERROR)
    return cli_error(job->cli, TFM_CODE_RUN, "cannot read the input");
  return 0;
}

/* ---- scoring ---- */

/* Nothing is shown before all is known. */
static int show_nothing(struct job *job, struct window *window) {
  (void)job, (void)window;
  return 0;
}

static void lay_line(const struct job *job, const struct document *one, struct line *line) {
  *line = (struct line){.number = one->number,
                        .input = {.struct_size = sizeof line->input,
                                  .text = one->query,
                                  .text_length = one->query_length,
                                  .pair = one->text,
                                  .pair_length = one->length}};
  line->tokens = lines_tokens(job, &line->input);
}

static int take_score(struct job *job, struct line *line, struct document *one) {
  one->failed = line->code != 0;
  if (one->failed)
    return lines_show_error(job, line);
  if (!line->answers) /* after one that ends the job */
    return 0;
  const tfm_answer *answer = tfm_result_answer(line->answers->result, line->row);
  one->score = answer->place[0].choice[0].score;
  one->logit = answer->place[0].choice[0].logit;
  one->tokens = answer->prompt_count;
  one->truncated = answer->truncated;
  job->cut += answer->truncated > 0;
  job->cut_tokens += answer->truncated;
  return 0;
}

static int score_window(struct job *job, struct document *list, size_t count,
                        struct window *window) {
  for (window->count = 0; window->count < count; window->count++)
    lay_line(job, &list[window->count], &window->line[window->count]);
  window->shown = 0;
  int status = window_run(job, window, show_nothing);
  for (size_t i = 0; i < count && status == 0 && !cli_interrupted(); i++)
    status = take_score(job, &window->line[i], &list[i]);
  for (size_t i = 0; i < count; i++)
    line_finish(&window->line[i]);
  window->count = 0;
  return status;
}

static int score_all(struct job *job, struct ranking *ranking) {
  struct window *window = calloc(1, sizeof *window);
  int status = window ? 0 : cli_no_memory(job->cli);
  for (size_t at = 0; at < ranking->count && status == 0 && !cli_interrupted();) {
    size_t count = ranking->count - at < WINDOW_LINES ? ranking->count - at : WINDOW_LINES;
    status = score_window(job, ranking->list + at, count, window);
    at += count;
  }
  free(window);
  cli_clear(job->cli);
  if (status == 0 && cli_interrupted())
    status = cli_error(job->cli, TFM_CODE_INTERRUPTED, "interrupted");
  return status;
}

/* ---- showing ---- */

/* By the raw output: scores may be equal where it is not.  Then as they came. */
static int best_first(const void *a, const void *b) {
  const struct document *x = a, *y = b;
  if (x->group != y->group)
    return x->group < y->group ? -1 : 1;
  if (x->failed != y->failed)
    return x->failed ? 1 : -1;
  if (!x->failed && x->logit != y->logit)
    return x->logit > y->logit ? -1 : 1;
  return x->place < y->place ? -1 : x->place > y->place;
}

static void show_document(struct job *job, const struct document *one) {
  if (job->options->json) {
    struct output_rank rank = {one->query,  one->query_length, one->text,
                               one->length, one->place,        one->score,
                               one->logit,  one->tokens,       one->truncated};
    if (!output_rank_json(&job->info, &rank))
      exit(cli_no_memory(job->cli));
    return;
  }
  printf("%.4f\t", one->score);
  if (job->options->tabs) {
    cli_answer(one->query, one->query_length);
    putchar('\t');
  }
  cli_answer(one->text, one->length);
  putchar('\n');
}

static void show_all(struct job *job, struct ranking *ranking) {
  size_t most = job->options->run.top, shown = 0;
  if (ranking->count)
    qsort(ranking->list, ranking->count, sizeof *ranking->list, best_first);
  for (size_t i = 0; i < ranking->count && !cli_output_lost(); i++) {
    const struct document *one = &ranking->list[i];
    shown = i > 0 && ranking->list[i - 1].group == one->group ? shown + 1 : 0;
    if (!one->failed && (most == 0 || shown < most))
      show_document(job, one);
  }
}

int run_rank(struct job *job) {
  const struct options *o = job->options;
  const char *query = o->query                                 ? o->query
                      : o->input && strcmp(o->input, "-") == 0 ? NULL
                                                               : o->input;
  struct ranking ranking = {0};
  if (isatty(STDIN_FILENO))
    return cli_usage_error(job->cli, "no documents: give them as lines through a pipe");
  if (query && o->tabs)
    return cli_usage_error(job->cli, "with --tabs each line has a query of its own");
  if (query) {
    ranking.query = copy_text(query, strlen(query));
    ranking.query_length = strlen(query);
  }
  int status = query && !ranking.query ? cli_no_memory(job->cli) : read_lines(job, &ranking);
  if (status == 0)
    status = score_all(job, &ranking);
  if (status == 0)
    show_all(job, &ranking);
  if (status == 0)
    status = lines_end(job, ranking.count);
  ranking_finish(&ranking);
  return cli_output_lost() ? TFM_CODE_RUN : status;
}
