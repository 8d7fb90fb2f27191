/* text_read.h - words, numbers, types and attributes of a graph's text: what
 * text_parse.c puts lines together from.  Private to the two. */
#ifndef TFM_GRAPH_TEXT_READ_H
#define TFM_GRAPH_TEXT_READ_H

#include "base/map.h"
#include "graph/build.h"

struct reader {
  const char *name; /* of the text, for messages */
  const char *at, *end;
  unsigned line;
  struct tfm_error *err;
  struct graph *graph;
  struct build build;
  uint32_t value_room; /* values that the text can name */
  int32_t now;         /* the entry of what follows */
  struct map weights;  /* name -> index */
};

/* Sets err with the line; returns -1. */
int text_fail(struct reader *r, const char *what);
void text_skip(struct reader *r); /* blanks */
/* Is the text next?  Takes it if so. */
bool text_take(struct reader *r, const char *text);
int text_expect(struct reader *r, const char *text);
bool text_line_ends(struct reader *r);
/* A JSON string at the cursor; a word of letters and the characters in more; that
 * or a string; a value's or weight's name.  NULL = err is set. */
const char *text_string(struct reader *r);
const char *text_bare(struct reader *r, const char *more);
const char *text_word(struct reader *r, const char *more);
const char *text_name(struct reader *r);
int text_integer(struct reader *r, int64_t least, int64_t most, int64_t *out);
int text_u32(struct reader *r, uint32_t *out);
int text_dtype(struct reader *r, enum dtype *out);
int text_type(struct reader *r, struct type *out);
/* Attributes up to the closing bracket, which is taken. */
int text_attrs(struct reader *r, const char *close, bool named, const tfm_attr *const **out,
               uint32_t *count, unsigned depth);

#endif
