/* attention.h - tfmrun --attention: what the model looks at, as a page or on a terminal. */
#ifndef TFM_TOOLS_ATTENTION_H
#define TFM_TOOLS_ATTENTION_H

#include "tools/run.h"

/* Run the input, print its answer, and show the attention over it and, where text is
 * generated, over what was written.  To options->attention, a file; "-" = as text on stdout,
 * in place of the answer.  An exit code. */
int attention_run(struct job *job, const tfm_input *input);

#endif
