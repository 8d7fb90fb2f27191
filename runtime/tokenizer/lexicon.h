/* lexicon.h - all tokens of a vocabulary that a text begins with, shortest first. */
#ifndef TFM_RUNTIME_TOKENIZER_LEXICON_H
#define TFM_RUNTIME_TOKENIZER_LEXICON_H

#include "runtime/tokenizer/vocabulary.h"

struct lexicon_node {
  uint32_t first; /* of its children, which lie together */
  int32_t id;     /* the token that ends here, -1: none; of a chain or a tail, below, */
  uint32_t count; /* one that has its bytes */
};

/* Values of count for nodes without children of their own. */
#define LEXICON_CHAIN (UINT32_MAX - 1) /* label[first] bytes lead to node[first] alone */
#define LEXICON_TAIL  UINT32_MAX       /* all of the token's other bytes are one way */

struct lexicon {
  const struct slice *token; /* the vocabulary's */
  struct lexicon_node *node; /* node[0] is the root */
  uint8_t *label;            /* of each node: the byte that leads to it */
  size_t nodes;
  uint32_t root[256]; /* the root's children, 0 = none */
};

/* Where a search stands. */
struct lexicon_walk {
  uint32_t node;
  uint32_t depth; /* bytes of tokens that matched */
  uint32_t left;  /* bytes of a chain or a tail still to compare, 0 = all of them */
};
enum { LEXICON_END = UINT32_MAX }; /* walk.node: nothing more to find */

/* The vocabulary does not change after.  false = out of memory. */
bool lexicon_init(struct lexicon *lexicon, const struct vocabulary *vocabulary);
void lexicon_finish(struct lexicon *lexicon);

/* Search for tokens that begin with a prefix, which lexicon_next then does not look
 * for in the text; false if there is none. */
bool lexicon_start(const struct lexicon *lexicon, const char *prefix, size_t length,
                   struct lexicon_walk *walk);
/* The next longer token that the text begins with, *size bytes of it; -1: no more.
 * The walk and *size are {0} and 0 in the beginning. */
int32_t lexicon_next(const struct lexicon *lexicon, struct lexicon_walk *walk, const char *text,
                     size_t length, size_t *size);

#endif
