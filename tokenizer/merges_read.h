/* merges_read.h - "merges": ["a b", ["a", "b"], ...] */
#ifndef TFM_TOKENIZER_MERGES_READ_H
#define TFM_TOKENIZER_MERGES_READ_H

#include "tokenizer/merges.h"
#include "tokenizer/vocabulary.h"

/* Make the table from the reader's text or from json.  Both halves of a merge and
 * what they make must be in the vocabulary; prefix is the continuing subword's. */
int merges_read(struct merges *merges, const struct vocabulary *vocabulary, struct slice prefix,
                struct reader *reader, const json_t *json);

#endif
