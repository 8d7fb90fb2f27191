/* window.h - a context that is longer than the model, cut into parts that are not. */
#ifndef TFM_LIB_WINDOW_H
#define TFM_LIB_WINDOW_H

#include "lib/task.h"

/* All windows of all rows, in order.  A row that fits is a window of its own. */
struct window_cursor {
  size_t input; /* of the next window */
  /* Context tokens that are behind: before it, or after it where texts are cut on the left. */
  size_t passed;
};

struct window {
  struct row row; /* owned only if `cut` */
  size_t input;
  bool cut;
};

/* The next window: 1 = there is one, 0 = no more, -1 = error.  window_finish frees it. */
int window_next(const struct task_run *run, struct window_cursor *cursor, struct window *out,
                struct tfm_error *err);
void window_finish(struct window *window);

/* A token of the pair, which windows move along. */
bool window_in_context(const struct encoding *e, size_t t);

#endif
