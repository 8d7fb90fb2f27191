/* lexicon_tree.h - one tree of a lexicon; for lexicon*.c. */
#ifndef TFM_TOKENIZER_LEXICON_TREE_H
#define TFM_TOKENIZER_LEXICON_TREE_H

#include "tokenizer/lexicon.h"

enum { LEXICON_KEY = 8 };

/* A token while it is sorted. */
struct lexicon_row {
  uint64_t key; /* its next bytes, the first highest, zeros after the end */
  uint32_t length;
  int32_t id;
};

/* The row of a token whose first `depth` bytes are done with. */
struct lexicon_row lexicon_row(const struct slice *token, int32_t id, uint32_t depth);

/* A tree of tokens that all go on after `depth` bytes that they have in common, for
 * lexicon_tree_free; NULL = out of memory. */
struct lexicon_tree *lexicon_tree_make(const struct slice *token, const int32_t *id, size_t count,
                                       uint32_t depth);
void lexicon_tree_free(struct lexicon_tree *tree);

/* Room for so many nodes; false = out of memory.  lexicon_tree_finish after either. */
bool lexicon_tree_init(struct lexicon_tree *tree, size_t capacity);
void lexicon_tree_finish(struct lexicon_tree *tree);
/* Append a node; false = out of memory. */
bool lexicon_tree_add(struct lexicon_tree *tree, struct lexicon_node node, uint8_t label);

/* lexicon_split.c: sort the tokens into buckets, and make top of what leads to them.
 * false = out of memory. */
bool lexicon_split(struct lexicon *lexicon, const struct vocabulary *vocabulary);

#endif
