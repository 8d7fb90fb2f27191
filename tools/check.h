/* check.h - every value of a checkpoint looked at for NaN and infinity. */
#ifndef TFM_TOOLS_CHECK_H
#define TFM_TOOLS_CHECK_H

#include "tools/cli.h"

/* Says on stderr which tensors hold such values, the first ones by name; the
 * progress on a terminal.  0, TFM_CODE_CHECKPOINT, or what went wrong. */
int check_tensors(const struct cli *cli, const tfm_weights *weights, tfm_error *error);

#endif
