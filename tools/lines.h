/* lines.h - lines of the input on their way through tfmrun: read, put into batches of
 * like length, answered in order. */
#ifndef TFM_TOOLS_LINES_H
#define TFM_TOOLS_LINES_H

#include "tools/run.h"

/* A batch has so many lines at most; a window, which is sorted, so many. */
enum { BATCH_LINES = 32, WINDOW_LINES = 2048 };

/* The answers of one batch, which its lines share. */
struct answers {
  tfm_result *result;
  size_t users;
};

struct line {
  size_t number;        /* in the input, from 1; 0 = the input of the command line */
  size_t place, sample; /* the input's number from 0, and the sample's */
  char *text;           /* owned, as ids, error and a share of answers */
  int32_t *ids;
  tfm_input input;    /* into text and ids */
  size_t tokens;      /* 0 = not known */
  int code;           /* why it has no answer; 0 = it has one, or will have: */
  tfm_error *error;   /* the library's reason */
  const char *reason; /* or the program's */
  struct answers *answers;
  size_t row;
};

struct window {
  struct line line[WINDOW_LINES];
  size_t count, shown; /* those before shown are answered and printed */
  size_t bytes, tokens;
};

/* The length of an input in tokens, to be sorted by; 0 = not known. */
size_t lines_tokens(const struct job *job, const tfm_input *input);
/* A line without an answer: the end of the job, with an exit code; or, with --keep-going,
 * an error in the answer's place. */
int lines_show_error(struct job *job, const struct line *line);
/* What the end of count lines leaves to be said.  An exit code. */
int lines_end(struct job *job, size_t count);
void line_finish(struct line *line);

/* Give lines their answers, or a code, from shown on; sorted by length unless a file
 * takes the values of the graph.  After each batch `show` prints what is there in order;
 * it returns nonzero to end.  An exit code when the job cannot go on, which is said. */
int window_run(struct job *job, struct window *window, int (*show)(struct job *, struct window *));

#endif
