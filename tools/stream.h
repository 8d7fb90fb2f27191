/* stream.h - texts through a pipe: large blocks in and out, nothing held back
 * while the other end waits. */
#ifndef TFM_TOOLS_STREAM_H
#define TFM_TOOLS_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Zeroed at first.  What it holds goes to stdout when it is full or flushed. */
struct stream_out {
  char *data;
  size_t length;
  bool failed; /* out of memory */
  bool lost;   /* stdout takes no more */
};
void stream_put(struct stream_out *out, const char *text, size_t length);
void stream_puts(struct stream_out *out, const char *text);
void stream_number(struct stream_out *out, uint64_t number);
/* A JSON string of valid UTF-8. */
void stream_json(struct stream_out *out, const char *text, size_t length);
void stream_flush(struct stream_out *out); /* to stdout's own buffer and on */
void stream_out_finish(struct stream_out *out);

/* Zeroed at first but for the separator. */
struct stream_in {
  char separator;
  size_t number; /* of the line last given, from 1 */
  char *data;    /* [begin, end) is read and not given yet */
  size_t begin, end, capacity, searched;
  bool done;
};
/* The next text from stdin, without its separator; it lives until the next call.
 * 1, 0 = no more, -1 = cannot read.  Before waiting for input out is flushed. */
int stream_line(struct stream_in *in, struct stream_out *out, const char **text, size_t *length);
void stream_in_finish(struct stream_in *in);

#endif
