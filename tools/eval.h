/* eval.h - measuring a model on the lines of a file, in windows.
 *
 *     read lines -> measure->prepare each -> sort by length -> measure->run in
 *     batches -> measure->add each, in the order of the file
 *
 * The sums are in double and in the order of the lines, so that the figures do
 * not depend on the batches. */
#ifndef TFM_TOOLS_EVAL_H
#define TFM_TOOLS_EVAL_H

#include "tools/common.h"

#include <jansson.h>

struct eval_options {
  struct common common; /* first */
  const char *data;     /* "-" = stdin */
  const char *end;      /* generate: appended to each line; NULL = the head's stop, "" = nothing */
  const char *after;    /* generate: predict only what follows this token; NULL = all */
  size_t batch, limit;  /* limit 0 = all lines */
  uint64_t seed;
  bool json;
};

struct eval_line {
  size_t number; /* in the file, from 1 */
  char *text;    /* owned, as all below */
  size_t length;
  int32_t *ids; /* what is fed */
  size_t id_count;
  uint32_t *place; /* what is asked: target[i] at place[i] */
  int32_t *target;
  size_t target_count; /* 0 = there is nothing to measure in this line */
  tfm_score *score;    /* target_count */
  size_t tokens, characters;
  int32_t label, guess; /* classify */
  bool truncated;
};

struct eval_sums {
  uint64_t lines, empty, truncated, tokens, characters, targets, top1, top5;
  double nll; /* of all targets, natural logarithm */
};

struct eval {
  const struct cli *cli;
  const struct eval_options *options;
  const struct eval_measure *measure;
  tfm_model *model;
  tfm_model_info info;
  const tfm_tokenizer *tokenizer;
  tfm_error *error;
  const char *name;   /* of the file, for messages */
  int32_t end, after; /* ids, -1 = none */
  char **label;       /* classify: names by id */
  size_t label_count;
  uint64_t *confusion; /* [label, guess] */
  struct eval_sums sums;
};

/* One task.  Each returns 0 or, with the message on stderr, an exit code. */
struct eval_measure {
  int task;
  int (*start)(struct eval *eval);
  /* From text to ids, places and targets. */
  int (*prepare)(struct eval *eval, struct eval_line *line);
  int (*run)(struct eval *eval, struct eval_line *const *line, size_t count);
  void (*add)(struct eval *eval, const struct eval_line *line);
  void (*print)(const struct eval *eval);
  void (*json)(const struct eval *eval, json_t *out);
};
extern const struct eval_measure eval_generate, eval_fill_mask, eval_classify;

/* All windows of the file, with progress; the sums are then complete. */
int eval_file(struct eval *eval, FILE *file);

/* "tfmeval: error: FILE:LINE: MESSAGE" on stderr; returns code. */
int eval_line_error(const struct eval *eval, const struct eval_line *line, int code,
                    const char *format, ...) __attribute__((format(printf, 4, 5)));
int eval_no_memory(const struct eval *eval);

/* The text's tokens; the model's limit is not applied. */
int eval_encode(struct eval *eval, const struct eval_line *line, const char *text, size_t length,
                tfm_encoding **out);
/* As many tokens as the model takes: those of the text's end go first, what the
 * tokenizer put after the text stays.  Fills ids, and kept[i]: the place of ids[i]
 * in the encoding; kept is the caller's to free. */
int eval_cut(struct eval *eval, struct eval_line *line, const tfm_encoding *encoding,
             size_t **kept);
/* Scores of all lines' targets. */
int eval_score(struct eval *eval, struct eval_line *const *line, size_t count);

#endif
