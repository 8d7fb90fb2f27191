/* lexicon.c - from the top down to the tree of a bucket, made when it is needed. */
#include "tokenizer/lexicon.h"

#include "tokenizer/lexicon_tree.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

bool lexicon_init(struct lexicon *lexicon, const struct vocabulary *vocabulary) {
  *lexicon = (struct lexicon){.token = vocabulary->token};
  if (!lexicon_split(lexicon, vocabulary))
    return false;
  const struct lexicon_node *root = &lexicon->top.node[0];
  for (uint32_t i = 0; i < root->count; i++)
    lexicon->root[lexicon->top.label[root->first + i]] = root->first + i;
  return true;
}

void lexicon_finish(struct lexicon *lexicon) {
  for (size_t i = 0; i < lexicon->buckets; i++)
    lexicon_tree_free(atomic_load(&lexicon->bucket[i].tree));
  free(lexicon->bucket);
  free(lexicon->order);
  lexicon_tree_finish(&lexicon->top);
  *lexicon = (struct lexicon){0};
}

/* A bucket's tree; NULL = out of memory.  Of threads that come at once each makes one,
 * and the first one's is kept. */
static const struct lexicon_tree *open_bucket(const struct lexicon *lexicon, uint32_t at) {
  struct lexicon_bucket *bucket = &lexicon->bucket[at];
  struct lexicon_tree *tree = atomic_load_explicit(&bucket->tree, memory_order_acquire);
  if (tree != NULL)
    return tree;
  struct lexicon_tree *made = lexicon_tree_make(lexicon->token, lexicon->order + bucket->begin,
                                                bucket->end - bucket->begin, bucket->depth);
  if (made == NULL || atomic_compare_exchange_strong(&bucket->tree, &tree, made))
    return made;
  lexicon_tree_free(made);
  return tree;
}

/* The child for a byte; 0 if there is none. */
static uint32_t find_child(const struct lexicon_tree *tree, const struct lexicon_node *node,
                           uint8_t byte) {
  const uint8_t *label = tree->label + node->first;
  uint32_t low = 0, high = node->count;
  if (high == 0 || byte < label[0])
    return 0;
  uint32_t guess = (uint32_t)byte - label[0]; /* where labels leave no gap */
  if (guess < high && label[guess] == byte)
    return node->first + guess;
  while (low < high) {
    uint32_t middle = (low + high) / 2;
    if (label[middle] < byte)
      low = middle + 1;
    else
      high = middle;
  }
  return low < node->count && label[low] == byte ? node->first + low : 0;
}

static bool is_bytes(const struct lexicon_node *node) {
  return node->count >= LEXICON_CHAIN;
}

/* Bytes that a chain or a tail has still to compare. */
static uint32_t bytes_left(const struct lexicon *lexicon, const struct lexicon_walk *walk) {
  const struct lexicon_node *node = &walk->tree->node[walk->node];
  if (walk->left > 0)
    return walk->left;
  return node->count == LEXICON_TAIL ? (uint32_t)lexicon->token[node->id].length - walk->depth
                                     : walk->tree->label[node->first];
}

/* Go over `bytes` of the chain or tail, if text has them. */
static bool follow(const struct lexicon *lexicon, struct lexicon_walk *walk, const char *text,
                   uint32_t bytes) {
  const struct lexicon_node *node = &walk->tree->node[walk->node];
  uint32_t left = bytes_left(lexicon, walk) - bytes;
  if (memcmp(lexicon->token[node->id].text + walk->depth, text, bytes) != 0)
    return false;
  walk->depth += bytes;
  walk->left = left;
  if (left == 0 && node->count == LEXICON_CHAIN)
    walk->node = node->first;
  return true;
}

/* The token that ends at a node that is no bytes, or -1. */
static int32_t token_at(const struct lexicon_node *node) {
  return is_bytes(node) ? -1 : node->id;
}

/* Go on by a chain or tail. */
static bool step_bytes(const struct lexicon *lexicon, struct lexicon_walk *walk, const char *text,
                       size_t length, size_t *size, int32_t *id) {
  const struct lexicon_node *node = &walk->tree->node[walk->node];
  uint32_t bytes = bytes_left(lexicon, walk);
  if (length - *size < bytes || !follow(lexicon, walk, text + *size, bytes))
    return false;
  *size += bytes;
  bool ended = node->count == LEXICON_TAIL;
  *id = ended ? node->id : token_at(&walk->tree->node[walk->node]);
  if (ended)
    walk->node = LEXICON_END;
  return true;
}

/* From a node whose tree comes later, into that tree. */
static bool enter(const struct lexicon *lexicon, struct lexicon_walk *walk) {
  const struct lexicon_node *node = &walk->tree->node[walk->node];
  if (node->count != LEXICON_LATER)
    return true;
  walk->tree = open_bucket(lexicon, node->first);
  walk->node = 0;
  walk->failed = walk->tree == NULL;
  return !walk->failed;
}

/* Go on by one byte, or by a chain or tail.  False: the text has no such way. */
static bool step(const struct lexicon *lexicon, struct lexicon_walk *walk, const char *text,
                 size_t length, size_t *size, int32_t *id) {
  uint8_t byte = (uint8_t)text[*size];
  uint32_t child;
  if (walk->tree == NULL) {
    walk->tree = &lexicon->top;
    child = lexicon->root[byte];
  } else {
    if (!enter(lexicon, walk))
      return false;
    const struct lexicon_node *node = &walk->tree->node[walk->node];
    if (is_bytes(node))
      return step_bytes(lexicon, walk, text, length, size, id);
    child = find_child(walk->tree, node, byte);
  }
  if (child == 0)
    return false;
  walk->node = child;
  walk->depth++;
  ++*size;
  *id = token_at(&walk->tree->node[child]);
  return true;
}

int32_t lexicon_next(const struct lexicon *lexicon, struct lexicon_walk *walk, const char *text,
                     size_t length, size_t *size) {
  int32_t id = -1;
  while (walk->node != LEXICON_END && *size < length && id < 0)
    if (!step(lexicon, walk, text, length, size, &id))
      walk->node = LEXICON_END;
  return id;
}

bool lexicon_start(const struct lexicon *lexicon, const char *prefix, size_t length,
                   struct lexicon_walk *walk) {
  size_t size = 0;
  int32_t id;
  *walk = (struct lexicon_walk){0};
  while (size < length) {
    size_t left = length - size;
    if (walk->node == LEXICON_END)
      return false;
    if (walk->tree != NULL && !enter(lexicon, walk))
      return false;
    if (walk->tree != NULL && is_bytes(&walk->tree->node[walk->node]) &&
        left < bytes_left(lexicon, walk))
      return follow(lexicon, walk, prefix + size, (uint32_t)left);
    if (!step(lexicon, walk, prefix, length, &size, &id))
      return false;
  }
  return walk->node != LEXICON_END;
}
