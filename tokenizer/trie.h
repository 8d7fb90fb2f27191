/* trie.h - a set of byte strings with numbers, walked a byte at a time. */
#ifndef TFM_TOKENIZER_TRIE_H
#define TFM_TOKENIZER_TRIE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { TRIE_ROOT = 0, TRIE_NONE = 0 }; /* the root is nobody's child */

struct trie_edge {
  uint64_t key; /* node << 8 | byte, plus 1; 0 = free */
  uint32_t child;
};

struct trie {
  struct trie_edge *edge; /* open addressing, a power of two */
  size_t edges, capacity;
  uint64_t factor; /* odd and random: nobody can choose collisions */
  int32_t *number; /* of each node, -1 if no string ends there */
  size_t nodes, node_capacity;
  uint32_t first[256]; /* children of the root */
};

void trie_init(struct trie *trie);
void trie_finish(struct trie *trie);
/* Add a string of length > 0.  Returns 1, 0 if it was there (its number stays),
 * or -1: out of memory. */
int trie_add(struct trie *trie, const char *text, size_t length, int32_t number);

uint32_t trie_child(const struct trie *trie, uint32_t node, unsigned char byte);

static inline uint32_t trie_step(const struct trie *trie, uint32_t node, char byte) {
  return node == TRIE_ROOT ? trie->first[(unsigned char)byte]
                           : trie_child(trie, node, (unsigned char)byte);
}
static inline int32_t trie_number(const struct trie *trie, uint32_t node) {
  return trie->number[node];
}

#endif
