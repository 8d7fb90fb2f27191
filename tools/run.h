/* run.h - what the files of tfmrun share: its options, and the job that they make. */
#ifndef TFM_TOOLS_RUN_H
#define TFM_TOOLS_RUN_H

#include "tools/common.h"

struct options {
  struct common common; /* first: the shared rows of the table set it */
  tfm_run_options run;
  const char *input, *pair, *ids;
  tfm_tap *dump, *feed;
  size_t dump_count, feed_count;
  struct option_list stop;
  uint32_t samples; /* of each input; 0 = 1 */
  bool generation_config;
  bool json, check, check_tensors;
};

struct job {
  const struct cli *cli;
  const struct options *options;
  tfm_model *model;
  tfm_error *error;
  tfm_model_info info;
  bool stream, begun; /* text is written as it is made; some is there */
};

/* The table of options, and what is said of their combination (tools/run_options.c).
 * false: the program ends with *status. */
bool run_parse(struct cli *cli, struct options *o, int argc, char **argv, int *status);
void run_options_finish(struct options *o);

/* After the model is opened: what --generation-config asks for, unless the command line
 * says otherwise; nothing is left open in o->run.  0, or an exit code: it was said why. */
int run_settle(const struct cli *cli, struct options *o, const tfm_model *model, tfm_error *error);

/* Run and print count inputs, the first of which is number `first` of all, from 0 on.
 * -1: job->error says why, and the caller shows it. */
int run_batch(struct job *job, const tfm_input *inputs, size_t count, size_t first);
/* That: a run that ended because its text cannot be written says nothing here. */
int run_failed(struct job *job);

/* One input a line from stdin (tools/lines.c).  An exit code. */
int run_lines(struct job *job);

#endif
