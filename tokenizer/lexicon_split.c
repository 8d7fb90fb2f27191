/* lexicon_split.c - the tokens by their first bytes, until each bucket has few.
 *
 * Byte after byte, as a radix sort from the highest digit down, but only of what is
 * still many: each step moves rows from one array to the same place in the other.
 * (In place each move would wait for the one before.)  A row has its token's next
 * bytes, so the texts are read once each eight steps; in all no more steps are done
 * than tokens have bytes. */
#include "tokenizer/lexicon_tree.h"

#include "base/large.h"

#include <stdlib.h>
#include <string.h>

enum { FEW = 512, FIRST_NODES = 1024, FIRST_BUCKETS = 64, BYTES = 256 };

/* The rows below a node, in row[side]; until it is filled, they are kept in it. */
struct range {
  uint32_t begin, end, depth, side;
};

struct splitter {
  struct lexicon *lexicon;
  struct lexicon_row *row[2];
};

static struct range range_of(struct lexicon_node node) {
  return (struct range){node.first, (uint32_t)node.id, node.count / 2, node.count % 2};
}

static bool add_range(struct splitter *splitter, struct range range, uint8_t label) {
  struct lexicon_node node = {range.begin, (int32_t)range.end, range.depth * 2 + range.side};
  return lexicon_tree_add(&splitter->lexicon->top, node, label);
}

static bool add_bucket(struct lexicon *lexicon, const struct lexicon_row *row, struct range range) {
  if (lexicon->buckets == lexicon->bucket_capacity) {
    size_t capacity = lexicon->buckets == 0 ? FIRST_BUCKETS : lexicon->buckets * 2;
    struct lexicon_bucket *grown = realloc(lexicon->bucket, capacity * sizeof *grown);
    if (grown == NULL)
      return false;
    lexicon->bucket = grown;
    lexicon->bucket_capacity = capacity;
  }
  struct lexicon_bucket *bucket = &lexicon->bucket[lexicon->buckets++];
  bucket->begin = range.begin;
  bucket->end = range.end;
  bucket->depth = range.depth;
  atomic_init(&bucket->tree, NULL);
  for (uint32_t i = range.begin; i < range.end; i++)
    lexicon->order[i] = row[i].id;
  return true;
}

static unsigned byte_of(struct lexicon_row row, uint32_t depth) {
  return (unsigned)(row.key >> (56 - 8 * (depth % LEXICON_KEY)) & 0xff);
}

/* Where the rows of each byte will begin. */
static void count_bytes(const struct lexicon_row *row, struct range range, uint32_t *begin) {
  uint32_t at = range.begin;
  memset(begin, 0, BYTES * sizeof *begin);
  for (uint32_t i = range.begin; i < range.end; i++)
    begin[byte_of(row[i], range.depth)]++;
  for (unsigned byte = 0; byte < BYTES; byte++) {
    uint32_t count = begin[byte];
    begin[byte] = at;
    at += count;
  }
}

/* Move the rows to the other side, by their next byte; they stay if all have the same. */
static void move(struct splitter *splitter, struct range *range, const uint32_t *begin) {
  const struct lexicon_row *from = splitter->row[range->side];
  struct lexicon_row *to = splitter->row[1 - range->side];
  uint32_t next[BYTES];
  unsigned first = byte_of(from[range->begin], range->depth);
  if (begin[first] == range->begin && (first + 1 == BYTES || begin[first + 1] == range->end))
    return;
  memcpy(next, begin, sizeof next);
  for (uint32_t i = range->begin; i < range->end; i++)
    to[next[byte_of(from[i], range->depth)]++] = from[i];
  range->side = 1 - range->side;
}

/* A child for each next byte. */
static bool split(struct splitter *splitter, struct range range, struct lexicon_node *node) {
  struct lexicon_row *row = splitter->row[range.side];
  uint32_t begin[BYTES];
  if (range.depth > 0 && range.depth % LEXICON_KEY == 0)
    for (uint32_t i = range.begin; i < range.end; i++)
      row[i] = lexicon_row(splitter->lexicon->token, row[i].id, range.depth);
  count_bytes(row, range, begin);
  move(splitter, &range, begin);
  for (unsigned byte = 0; byte < BYTES; byte++) {
    uint32_t end = byte + 1 < BYTES ? begin[byte + 1] : range.end;
    struct range child = {begin[byte], end, range.depth + 1, range.side};
    if (child.begin == child.end)
      continue;
    if (!add_range(splitter, child, (uint8_t)byte))
      return false;
    node->count++;
  }
  return true;
}

/* The token that ends where the others go on, first; its id, or -1. */
static int32_t take_end(struct lexicon_row *row, struct range *range) {
  for (uint32_t i = range->begin; i < range->end; i++)
    if (row[i].length == range->depth) {
      struct lexicon_row found = row[i];
      row[i] = row[range->begin];
      row[range->begin++] = found;
      return found.id;
    }
  return -1;
}

/* Fill one node, and add its children. */
static bool make_node(struct splitter *splitter, struct range range, struct lexicon_node *node) {
  struct lexicon *lexicon = splitter->lexicon;
  struct lexicon_row *row = splitter->row[range.side];
  *node = (struct lexicon_node){(uint32_t)lexicon->top.nodes, take_end(row, &range), 0};
  if (range.begin == range.end)
    return true;
  if (range.depth == 0 || range.end - range.begin > FEW)
    return split(splitter, range, node);
  if (node->id < 0 && range.end - range.begin == 1) {
    *node = (struct lexicon_node){0, row[range.begin].id, LEXICON_TAIL};
    return true;
  }
  node->first = (uint32_t)lexicon->buckets;
  node->count = LEXICON_LATER;
  return add_bucket(lexicon, row, range);
}

static bool make_nodes(struct splitter *splitter, uint32_t count) {
  struct lexicon_tree *top = &splitter->lexicon->top;
  if (!lexicon_tree_init(top, count < FIRST_NODES ? count + 1 : FIRST_NODES) ||
      !add_range(splitter, (struct range){0, count, 0, 0}, 0))
    return false;
  for (size_t i = 0; i < top->nodes; i++) {
    struct lexicon_node node;
    if (!make_node(splitter, range_of(top->node[i]), &node))
      return false;
    top->node[i] = node;
  }
  return true;
}

bool lexicon_split(struct lexicon *lexicon, const struct vocabulary *vocabulary) {
  struct splitter splitter = {.lexicon = lexicon};
  size_t room = vocabulary->count + 1;
  uint32_t count = 0;
  struct lexicon_row *rows = large_alloc(room * 2 * sizeof *rows);
  lexicon->order = large_alloc(room * sizeof *lexicon->order);
  if (rows == NULL || lexicon->order == NULL) {
    free(rows);
    return false;
  }
  for (size_t id = 0; id < vocabulary->size; id++)
    if (vocabulary->token[id].text != NULL && vocabulary->token[id].length > 0)
      rows[count++] = lexicon_row(vocabulary->token, (int32_t)id, 0);
  splitter.row[0] = rows;
  splitter.row[1] = rows + room;
  bool made = make_nodes(&splitter, count);
  free(rows);
  return made;
}
