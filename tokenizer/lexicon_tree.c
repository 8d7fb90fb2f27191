/* lexicon_tree.c - a trie in two arrays, made from the sorted tokens in one go.
 *
 * Children of a node lie together and their labels do too, so a step looks at a few
 * bytes.  Most tokens of a large vocabulary part from all others before their end:
 * what follows is no nodes but the token's own text.
 *
 *     a  ab  abide  abides  acorn
 *
 *     root -a-> [a] -b-> [ab] -i-> chain "de" -> [abide] -s-> [abides]
 *                   -c-> tail "orn"
 *
 * So there are at most a few nodes for each token, however long tokens are. */
#include "tokenizer/lexicon_tree.h"

#include "base/hash.h"

#include <stdlib.h>
#include <string.h>

enum { KEY = LEXICON_KEY, LEAST_CHAIN = 4, MOST_CHAIN = 255, FEW = 32 };

/* The tokens below a node; until it is filled, they are kept in it. */
struct range {
  uint32_t begin, end, depth;
};

struct maker {
  const struct slice *token;
  const struct lexicon_row *row;
  uint32_t depth; /* where the rows' keys begin */
  struct lexicon_tree *tree;
};

/* ---- sorting ---- */

static uint64_t first_highest(uint64_t word) {
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
  word = __builtin_bswap64(word);
#endif
  return word;
}

static uint64_t half(const char *text) {
  return first_highest(hash_load_half(text)) >>
         (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? 32 : 0);
}

/* Parts may overlap: they are the same there. */
static uint64_t key_of(const char *text, size_t length) {
  if (length >= KEY)
    return first_highest(hash_load(text));
  unsigned unused = (unsigned)(64 - 8 * length);
  if (length >= 4)
    return half(text) << 32 | half(text + length - 4) << unused;
  if (length == 0)
    return 0;
  const unsigned char *byte = (const unsigned char *)text;
  return (uint64_t)byte[0] << 56 | (uint64_t)byte[length / 2] << (56 - 8 * (length / 2)) |
         (uint64_t)byte[length - 1] << unused;
}

struct lexicon_row lexicon_row(const struct slice *token, int32_t id, uint32_t depth) {
  struct slice text = token[id];
  return (struct lexicon_row){key_of(text.text + depth, text.length - depth), (uint32_t)text.length,
                              id};
}

/* Both are the same before `depth`. */
static bool before(const struct maker *maker, struct lexicon_row a, struct lexicon_row b) {
  if (a.key != b.key)
    return a.key < b.key;
  uint32_t shorter = a.length < b.length ? a.length : b.length;
  uint32_t same = shorter - maker->depth < KEY ? maker->depth : maker->depth + KEY;
  const struct slice *token = maker->token;
  int order = memcmp(token[a.id].text + same, token[b.id].text + same, shorter - same);
  return order != 0 ? order < 0 : a.length < b.length;
}

static void sift(const struct maker *maker, struct lexicon_row *heap, size_t count, size_t at) {
  struct lexicon_row moved = heap[at];
  for (size_t child = at * 2 + 1; child < count; child = at * 2 + 1) {
    if (child + 1 < count && before(maker, heap[child], heap[child + 1]))
      child++;
    if (!before(maker, moved, heap[child]))
      break;
    heap[at] = heap[child];
    at = child;
  }
  heap[at] = moved;
}

static void sort_few(const struct maker *maker, struct lexicon_row *rows, size_t count) {
  for (size_t i = 1; i < count; i++) {
    struct lexicon_row moved = rows[i];
    size_t at = i;
    for (; at > 0 && before(maker, moved, rows[at - 1]); at--)
      rows[at] = rows[at - 1];
    rows[at] = moved;
  }
}

/* By heap, which is never slow. */
static void sort_many(const struct maker *maker, struct lexicon_row *rows, size_t count) {
  for (size_t i = count / 2; i-- > 0;)
    sift(maker, rows, count, i);
  for (size_t left = count; left-- > 1;) {
    struct lexicon_row last = rows[left];
    rows[left] = rows[0];
    rows[0] = last;
    sift(maker, rows, left, 0);
  }
}

/* ---- nodes ---- */

bool lexicon_tree_init(struct lexicon_tree *tree, size_t capacity) {
  *tree = (struct lexicon_tree){.capacity = capacity};
  tree->node = malloc(capacity * sizeof *tree->node);
  tree->label = malloc(capacity);
  return tree->node != NULL && tree->label != NULL;
}

void lexicon_tree_finish(struct lexicon_tree *tree) {
  free(tree->node);
  free(tree->label);
}

static bool grow(struct lexicon_tree *tree) {
  size_t capacity = tree->capacity * 2;
  if (capacity >= LEXICON_LATER)
    return false;
  void *node = realloc(tree->node, capacity * sizeof *tree->node);
  if (node != NULL)
    tree->node = node;
  void *label = realloc(tree->label, capacity);
  if (label != NULL)
    tree->label = label;
  if (node == NULL || label == NULL)
    return false;
  tree->capacity = capacity;
  return true;
}

bool lexicon_tree_add(struct lexicon_tree *tree, struct lexicon_node node, uint8_t label) {
  if (tree->nodes == tree->capacity && !grow(tree))
    return false;
  tree->label[tree->nodes] = label;
  tree->node[tree->nodes++] = node;
  return true;
}

/* A new last node, to be filled when its turn comes. */
static bool add_range(struct maker *maker, struct range range, uint8_t label) {
  struct lexicon_node node = {range.begin, (int32_t)range.end, range.depth};
  return lexicon_tree_add(maker->tree, node, label);
}

static uint8_t byte_of(const struct maker *maker, uint32_t at, uint32_t depth) {
  const struct lexicon_row *row = &maker->row[at];
  uint32_t in_key = depth - maker->depth;
  if (in_key < KEY)
    return (uint8_t)(row->key >> (56 - 8 * in_key) & 0xff);
  return (uint8_t)maker->token[row->id].text[depth];
}

/* How many more bytes the first and the last token have in common, and so all. */
static uint32_t common(const struct maker *maker, struct range range) {
  const struct lexicon_row *first = &maker->row[range.begin], *last = &maker->row[range.end - 1];
  uint32_t shorter = first->length < last->length ? first->length : last->length;
  uint32_t depth = range.depth;
  while (depth < shorter &&
         byte_of(maker, range.begin, depth) == byte_of(maker, range.end - 1, depth))
    depth++;
  return depth - range.depth;
}

/* A child for each next byte; *node tells where they are. */
static bool add_children(struct maker *maker, struct range range, struct lexicon_node *node) {
  for (uint32_t at = range.begin, end; at < range.end; at = end) {
    uint8_t byte = byte_of(maker, at, range.depth);
    for (end = at + 1; end < range.end && byte_of(maker, end, range.depth) == byte;)
      end++;
    if (!add_range(maker, (struct range){at, end, range.depth + 1}, byte))
      return false;
    node->count++;
  }
  return true;
}

/* Fill one node, and add its children. */
static bool make_node(struct maker *maker, struct range range, struct lexicon_node *node) {
  *node = (struct lexicon_node){(uint32_t)maker->tree->nodes, -1, 0};
  if (maker->row[range.begin].length == range.depth)
    node->id = maker->row[range.begin++].id;
  if (range.begin == range.end)
    return true;
  int32_t sample = maker->row[range.begin].id;
  if (node->id < 0 && range.end - range.begin == 1) {
    *node = (struct lexicon_node){0, sample, LEXICON_TAIL};
    return true;
  }
  uint32_t chain = node->id < 0 ? common(maker, range) : 0;
  if (chain < LEAST_CHAIN)
    return add_children(maker, range, node);
  chain = chain < MOST_CHAIN ? chain : MOST_CHAIN;
  range.depth += chain;
  *node = (struct lexicon_node){node->first, sample, LEXICON_CHAIN};
  return add_range(maker, range, (uint8_t)chain);
}

static bool make_nodes(struct maker *maker, size_t count) {
  struct lexicon_tree *tree = maker->tree;
  if (!add_range(maker, (struct range){0, (uint32_t)count, maker->depth}, 0))
    return false;
  for (size_t i = 0; i < tree->nodes; i++) {
    struct lexicon_node node = tree->node[i];
    if (!make_node(maker, (struct range){node.first, (uint32_t)node.id, node.count}, &node))
      return false;
    tree->node[i] = node;
  }
  return true;
}

struct lexicon_tree *lexicon_tree_make(const struct slice *token, const int32_t *id, size_t count,
                                       uint32_t depth) {
  struct lexicon_row *rows = malloc((count + 1) * sizeof *rows);
  struct lexicon_tree *tree = calloc(1, sizeof *tree);
  struct maker maker = {token, rows, depth, tree};
  bool made = rows != NULL && tree != NULL && lexicon_tree_init(tree, count + count / 2 + 4);
  for (size_t i = 0; i < count && made; i++)
    rows[i] = lexicon_row(token, id[i], depth);
  if (made && count > FEW)
    sort_many(&maker, rows, count);
  else if (made)
    sort_few(&maker, rows, count);
  made = made && make_nodes(&maker, count);
  free(rows);
  if (made)
    return tree;
  lexicon_tree_free(tree);
  return NULL;
}

void lexicon_tree_free(struct lexicon_tree *tree) {
  if (tree != NULL)
    lexicon_tree_finish(tree);
  free(tree);
}
