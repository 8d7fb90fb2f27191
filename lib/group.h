/* group.h - tokens with labels, joined into groups. */
#ifndef TFM_LIB_GROUP_H
#define TFM_LIB_GROUP_H

#include "lib/task.h"

/* The places of row r's answer: its groups, by options->group, which is not none.
 * logits: [tokens, labels], finite; the input is text. */
int group_row(struct task_run *run, size_t r, const float *logits, size_t labels,
              struct tfm_error *err);

#endif
