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
/* To stdout's own buffer and on; to a terminal as text may be shown there. */
void stream_flush(struct stream_out *out);
void stream_out_finish(struct stream_out *out);

/* Zeroed at first but for the first three. */
struct stream_in {
  char separator;
  bool text;     /* a byte order mark at the start is no part of it */
  size_t limit;  /* of a line's bytes; 0 = none */
  size_t number; /* of the line last given, from 1 */
  char *data;    /* [begin, end) is read and not given yet */
  size_t begin, end, capacity, searched;
  bool done, begun, skipping;
};
enum { STREAM_ERROR = -1, STREAM_END, STREAM_LINE, STREAM_LATER, STREAM_LONG, STREAM_MEMORY };
/* The next text from stdin, without its separator; it lives until the next call.
 * STREAM_LATER: none is there now, and to wait for one was not asked.  STREAM_LONG: it
 * was longer than the limit, and is passed over.  STREAM_MEMORY: there is none.
 * STREAM_ERROR also after a signal that the program catches. */
int stream_next(struct stream_in *in, bool wait, const char **text, size_t *length);
/* That; before waiting for input out is flushed. */
int stream_line(struct stream_in *in, struct stream_out *out, const char **text, size_t *length);
void stream_in_finish(struct stream_in *in);

#endif
