/* compare.h - tfmrun --compare REFERENCE. */
#ifndef TFM_TOOLS_COMPARE_H
#define TFM_TOOLS_COMPARE_H

#include "tools/run.h"

/* Run the input (count 0 = what the reference run read) and print each value's difference from
 * the reference.  An exit code: 1 where one is another value. */
int compare_run(struct job *job, const tfm_input *input, size_t count);

#endif
