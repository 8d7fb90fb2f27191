/* tokenizing.h - what must hold of any tokenizer that opens, whatever made it. */
#ifndef TFM_TESTS_FUZZ_TOKENIZING_H
#define TFM_TESTS_FUZZ_TOKENIZING_H

#include "tokenizer/tokenizer.h"

/* Cut the text (and the pair, if not NULL), look at what comes out, and put it
 * together again. */
void tokenizing_text(const struct tokenizer *tokenizer, const char *text, size_t length,
                     const char *pair, size_t pair_length);
/* The same with truncation, padding, and special tokens as plain text. */
void tokenizing_limits(const struct tokenizer *tokenizer, const char *text, size_t length);
/* Any ids: as a whole and as a stream they are the same text, which is UTF-8. */
void tokenizing_ids(const struct tokenizer *tokenizer, const int32_t *ids, size_t count);
/* Open what is at the path, and try it on a text; on others, and ids, if the size of
 * the input is a multiple of four, so that most inputs cost less. */
void tokenizing_open(const char *path, size_t size);

#endif
