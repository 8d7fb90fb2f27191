/* merges_text.h - merges.txt: a merge a line, "#version" and empty lines between. */
#ifndef TFM_TOKENIZER_MERGES_TEXT_H
#define TFM_TOKENIZER_MERGES_TEXT_H

#include "tokenizer/reader.h"

struct merges_text {
  const char *at, *end;
  size_t line; /* of the merge that came last; the first line is 1 */
};

void merges_text_init(struct merges_text *text, const char *bytes, size_t size);
/* The next merge; false at the end. */
bool merges_text_next(struct merges_text *text, struct slice *merge);
/* The line of the merge of that index, for messages; 0 if the file cannot be read. */
size_t merges_text_line(const char *path, size_t index);

#endif
