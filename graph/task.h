/* task.h - what each task wants of a head: the table of task.def.
 *
 * The compiler checks a head's results against it, lib what came out of a run. */
#ifndef TFM_GRAPH_TASK_H
#define TFM_GRAPH_TASK_H

#include "base/dtype.h"
#include "graph/graph.h"
#include "graph/letters.h"

enum { TASK_RESULTS = 4, TASK_NAMES = 6 };

struct task_result {
  const char *name; /* "logits"; NULL = no more */
  enum dtype dtype;
  const char *shape; /* "BTV", see task.def */
};

struct task_info {
  const char *name;             /* "fill_mask" */
  const char *also[TASK_NAMES]; /* "masked-lm", "mask"; NULL = no more */
  const char *attributes;       /* "stop", separated by blanks; "" = none */
  struct task_result result[TASK_RESULTS];
};

/* Of a number that is no task: that of GRAPH_TASK_NONE, which wants nothing. */
const struct task_info *task_info(enum graph_task task);
/* NULL = the task has no such result. */
const struct task_result *task_result(enum graph_task task, const char *name);
bool task_has_attribute(enum graph_task task, const char *name);

/* By its own name or one of the others, '_' or '-' between words, in letters of either case;
 * GRAPH_TASK_NONE = neither. */
enum graph_task task_from_spelling(const char *name);

#endif
