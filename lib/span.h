/* span.h - the likeliest spans of a window's context, and the answers that they are. */
#ifndef TFM_LIB_SPAN_H
#define TFM_LIB_SPAN_H

#include "base/arena.h"
#include "base/map.h"
#include "lib/task.h"
#include "lib/window.h"

enum { SPAN_TOKENS = 15 };

/* An answer: bytes of the context. */
struct answer_span {
  size_t begin, end;
  double score;
  size_t found; /* its number in the order in which they were found */
};

/* The answers found so far in all windows of one input.  Those that read the same, but
 * for upper and lower case, are one, whose score is their sum. */
struct span_list {
  const char *context;
  struct arena arena;       /* their texts in lower case */
  struct map place;         /* from these to the number of the answer */
  struct answer_span *span; /* in the order in which they were found, until they are sorted */
  size_t count, room;
  double none; /* that there is no answer: the least of all windows; 1 before the first */
};

void span_list_init(struct span_list *list, const char *context);
void span_list_finish(struct span_list *list);
/* That there is no answer is one: text "". */
int span_list_add_none(struct span_list *list, struct tfm_error *err);
/* The likeliest first.  Nothing can be added afterwards. */
void span_list_sort(struct span_list *list);
/* How many answers the run is to give. */
size_t span_wanted(const struct task_run *run);

/* Add the best of a window.  start and end: its logits, one a token. */
int span_list_add(struct span_list *list, const struct task_run *run, const struct window *window,
                  const float *start, const float *end, struct tfm_error *err);

#endif
