/* trie.c - nodes are numbers; one hash table holds every edge but the root's. */
#include "tokenizer/trie.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

enum { FIRST_EDGES = 64, FIRST_NODES = 64 };

void trie_init(struct trie *trie) {
  memset(trie, 0, sizeof *trie);
  if (getrandom(&trie->factor, sizeof trie->factor, GRND_NONBLOCK) < 0)
    trie->factor = UINT64_C(0x9e3779b97f4a7c15);
  trie->factor |= 1;
}

void trie_finish(struct trie *trie) {
  free(trie->edge);
  free(trie->number);
  memset(trie, 0, sizeof *trie);
}

/* The slot that holds the key, or the free one where it would go. */
static size_t probe(const struct trie *trie, uint64_t key) {
  size_t mask = trie->capacity - 1;
  size_t i = (size_t)((key * trie->factor) >> 32) & mask;
  while (trie->edge[i].key != 0 && trie->edge[i].key != key)
    i = (i + 1) & mask;
  return i;
}

static bool grow_edges(struct trie *trie) {
  struct trie old = *trie;
  trie->capacity = old.capacity == 0 ? FIRST_EDGES : old.capacity * 2;
  trie->edge = calloc(trie->capacity, sizeof *trie->edge);
  if (trie->edge == NULL) {
    *trie = old;
    return false;
  }
  for (size_t i = 0; i < old.capacity; i++)
    if (old.edge[i].key != 0)
      trie->edge[probe(trie, old.edge[i].key)] = old.edge[i];
  free(old.edge);
  return true;
}

/* A new node's number; TRIE_NONE = out of memory (or of numbers). */
static uint32_t add_node(struct trie *trie) {
  if (trie->nodes == 0) /* the root comes before its first child */
    trie->nodes = 1;
  if (trie->nodes >= trie->node_capacity) {
    size_t capacity = trie->node_capacity == 0 ? FIRST_NODES : trie->node_capacity * 2;
    int32_t *number =
        capacity > UINT32_MAX ? NULL : realloc(trie->number, capacity * sizeof *number);
    if (number == NULL)
      return TRIE_NONE;
    trie->number = number;
    trie->node_capacity = capacity;
    trie->number[TRIE_ROOT] = -1;
  }
  trie->number[trie->nodes] = -1;
  return (uint32_t)trie->nodes++;
}

uint32_t trie_child(const struct trie *trie, uint32_t node, unsigned char byte) {
  if (trie->capacity == 0)
    return TRIE_NONE;
  const struct trie_edge *edge = &trie->edge[probe(trie, ((uint64_t)node << 8 | byte) + 1)];
  return edge->key == 0 ? TRIE_NONE : edge->child;
}

static uint32_t add_child(struct trie *trie, uint32_t node, unsigned char byte) {
  uint32_t child = add_node(trie);
  if (child == TRIE_NONE)
    return TRIE_NONE;
  if (node == TRIE_ROOT) {
    trie->first[byte] = child;
    return child;
  }
  if (trie->edges >= trie->capacity / 2 && !grow_edges(trie))
    return TRIE_NONE;
  uint64_t key = ((uint64_t)node << 8 | byte) + 1;
  trie->edge[probe(trie, key)] = (struct trie_edge){key, child};
  trie->edges++;
  return child;
}

int trie_add(struct trie *trie, const char *text, size_t length, int32_t number) {
  uint32_t node = TRIE_ROOT;
  for (size_t i = 0; i < length; i++) {
    uint32_t child = trie_step(trie, node, text[i]);
    if (child == TRIE_NONE)
      child = add_child(trie, node, (unsigned char)text[i]);
    if (child == TRIE_NONE)
      return -1;
    node = child;
  }
  if (trie->number[node] >= 0)
    return 0;
  trie->number[node] = number;
  return 1;
}
