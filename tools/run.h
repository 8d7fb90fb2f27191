/* run.h - what the files of tfmrun share: its options, and the job that they make. */
#ifndef TFM_TOOLS_RUN_H
#define TFM_TOOLS_RUN_H

#include "tools/common.h"

/* Token ids of the command line, on the heap. */
struct id_list {
  int32_t *ids; /* NULL = not given */
  size_t count;
};

struct options {
  struct common common; /* first: the shared rows of the table set it */
  tfm_run_options run;
  const char *model, *input, *pair, *ids, *query;
  const char *attention; /* the page of --attention; "-" = as text; NULL = none */
  const char *session;   /* the file of --session; NULL = none */
  tfm_tap *dump, *feed;
  size_t dump_count, feed_count;
  struct option_list stop;
  struct id_list suppress, begin_suppress, forced_first, forced_last, prefix;
  struct id_list *bad_word;
  tfm_ids *bad_words, forced_last_ids, prefix_ids; /* the same as run has them */
  size_t bad_word_count;
  double length_penalty;
  uint32_t samples; /* of each input; 0 = 1.  With beams they are run.n_best */
  bool generation_config;
  bool tabs; /* a line has a text, a tab and a second text */
  bool json, check, check_tensors, keep_going;
};

struct job {
  const struct cli *cli;
  const struct options *options;
  tfm_model *model;
  tfm_error *error;
  tfm_model_info info;
  size_t cut, cut_tokens; /* inputs that were truncated, and what they lost */
  size_t failed;          /* lines without an answer */
  int first_error;        /* of the first of them */
  bool broken;            /* the input could not be read to its end */
  bool begun;             /* some of the text that is written as it is made is there */
};

/* The table of options, and what is said of their combination (tools/run_options.c).
 * false: the program ends with *status. */
bool run_parse(struct cli *cli, struct options *o, int argc, char **argv, int *status);
void run_options_finish(struct options *o);

/* After the model is opened: what --generation-config asks for, unless the command line
 * says otherwise; nothing is left open in o->run.  0, or an exit code: it was said why. */
int run_settle(const struct cli *cli, struct options *o, int task, const tfm_model *model,
               tfm_error *error);
/* Before parsing: what run_settle tells from what the user says. */
void run_leave_open(struct options *o);

/* The seed of a sample of the input number `place`, from 0 on.  What it draws depends on
 * nothing else, such as how lines were batched; each is a number that --seed takes. */
uint64_t run_seed(const struct options *o, size_t place, size_t sample);

/* Print the answer to one input.  Ends the program when there is no memory. */
void run_print(struct job *job, const tfm_input *input, uint64_t seed, const tfm_result *result,
               size_t row, bool streamed);

/* One input a line from stdin, each as often as samples of it are asked for
 * (tools/lines.c).  An exit code. */
int run_lines(struct job *job);
/* rerank: the documents that stdin has for a query, best first (tools/rank.c).  An exit
 * code. */
int run_rank(struct job *job);
/* As tfm_model_run of one input, which goes on from the session's file, and leaves it there
 * (tools/session.c). */
int run_session(struct job *job, const tfm_input *input, const tfm_run_options *run,
                tfm_result **result);
/* The same as run_lines of one input. */
int run_samples(struct job *job, const tfm_input *input);

#endif
