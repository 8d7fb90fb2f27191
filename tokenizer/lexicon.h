/* lexicon.h - all tokens of a vocabulary that a text begins with, shortest first.
 *
 * Only the first few bytes are sorted out at once.  What follows them is a tree for
 * each few hundred tokens, made when a text first leads there: most texts meet a small
 * part of a large vocabulary, and a program is to start quickly. */
#ifndef TFM_TOKENIZER_LEXICON_H
#define TFM_TOKENIZER_LEXICON_H

#include "tokenizer/vocabulary.h"

#include <stdatomic.h>

struct lexicon_node {
  uint32_t first; /* of its children, which lie together */
  int32_t id;     /* the token that ends here, -1: none; of a chain or a tail, below, */
  uint32_t count; /* one that has its bytes */
};

/* Values of count for nodes without children of their own. */
#define LEXICON_LATER (UINT32_MAX - 2) /* what is below is in bucket[first] */
#define LEXICON_CHAIN (UINT32_MAX - 1) /* label[first] bytes lead to node[first] alone */
#define LEXICON_TAIL  UINT32_MAX       /* all of the token's other bytes are one way */

struct lexicon_tree {
  struct lexicon_node *node; /* node[0] is the root */
  uint8_t *label;            /* of each node: the byte that leads to it */
  size_t nodes, capacity;
};

/* Tokens that have their first `depth` bytes in common, and are longer. */
struct lexicon_bucket {
  uint32_t begin, end, depth;          /* order[begin..end) */
  _Atomic(struct lexicon_tree *) tree; /* of what follows; NULL: nobody came here yet */
};

struct lexicon {
  const struct slice *token; /* the vocabulary's */
  int32_t *order;            /* ids, by bucket */
  struct lexicon_bucket *bucket;
  size_t buckets, bucket_capacity;
  struct lexicon_tree top;
  uint32_t root[256]; /* top's root's children, 0 = none */
};

/* Where a search stands; {0} is the beginning. */
struct lexicon_walk {
  const struct lexicon_tree *tree; /* NULL: at the root */
  uint32_t node;
  uint32_t depth; /* bytes of tokens that matched */
  uint32_t left;  /* bytes of a chain or a tail still to compare, 0 = all of them */
  bool failed;    /* memory was out: what was found is not all */
};
enum { LEXICON_END = UINT32_MAX }; /* walk.node: nothing more to find */

/* The vocabulary does not change after, and has no token twice.  false = out of memory.
 * Any number of threads may search then. */
bool lexicon_init(struct lexicon *lexicon, const struct vocabulary *vocabulary);
void lexicon_finish(struct lexicon *lexicon);

/* Search for tokens that begin with a prefix, which lexicon_next then does not look
 * for in the text; false if there is none, or walk->failed. */
bool lexicon_start(const struct lexicon *lexicon, const char *prefix, size_t length,
                   struct lexicon_walk *walk);
/* The next longer token that the text begins with, *size bytes of it; -1: no more,
 * or walk->failed.  The walk and *size are {0} and 0 in the beginning. */
int32_t lexicon_next(const struct lexicon *lexicon, struct lexicon_walk *walk, const char *text,
                     size_t length, size_t *size);

#endif
