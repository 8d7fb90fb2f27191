/* common.h - the options that the programs have alike, and what they mean to the
 * library.  A program's own options are a struct that begins with this one. */
#ifndef TFM_TOOLS_COMMON_H
#define TFM_TOOLS_COMMON_H

#include "tools/options.h"

struct common {
  tfm_open_options open;
  struct option_list plugin_dir, model_dir;
};

/* The end of --help of the programs that open a model. */
extern const char common_exit_codes[];

/* After parsing: directories and messages go into open. */
void common_apply(struct common *common, struct cli *cli);
void common_finish(struct common *common);

#endif
