/* lexicon.c - a trie in three arrays, made from the sorted tokens in one go.
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
#include "runtime/tokenizer/lexicon.h"

#include "base/large.h"

#include <stdlib.h>
#include <string.h>

enum { KEY = 8, LEAST_CHAIN = 4, MOST_CHAIN = 255 };
enum { DIGITS = 5, DIGIT_BITS = 11, DIGIT_VALUES = 1 << DIGIT_BITS, FEW = 32 };

/* A token while the trie is made. */
struct row {
  uint64_t key; /* its first bytes, the first highest, zeros after the end */
  uint32_t length;
  int32_t id;
};

/* The tokens below a node; until it is filled, they are kept in it. */
struct range {
  uint32_t begin, end, depth;
};

struct maker {
  struct lexicon *lexicon;
  struct row *row;
  size_t capacity; /* of the nodes and labels */
  bool failed;
};

/* ---- sorting ---- */

static uint64_t key_of(struct slice text) {
  uint64_t key = 0;
  size_t length = text.length < KEY ? text.length : KEY;
  for (size_t i = 0; i < length; i++)
    key |= (uint64_t)(unsigned char)text.text[i] << (56 - 8 * i);
  return key;
}

static unsigned digit_of(struct row row, unsigned digit) {
  return (unsigned)(row.key >> (64 - DIGITS * DIGIT_BITS + digit * DIGIT_BITS)) % DIGIT_VALUES;
}

/* By the key's first bits, from the last digit to the first, each time without
 * changing the order of equals.  The result is in rows or in other, and is
 * returned. */
static struct row *sort_digits(struct row *rows, struct row *other, size_t count) {
  uint32_t(*start)[DIGIT_VALUES] = calloc(DIGITS, sizeof *start);
  if (start == NULL)
    return NULL;
  for (size_t i = 0; i < count; i++)
    for (unsigned d = 0; d < DIGITS; d++)
      start[d][digit_of(rows[i], d)]++;
  for (unsigned d = 0; d < DIGITS; d++) {
    uint32_t at = 0;
    for (unsigned v = 0; v < DIGIT_VALUES; v++) {
      uint32_t here = start[d][v];
      start[d][v] = at;
      at += here;
    }
    for (size_t i = 0; i < count; i++)
      other[start[d][digit_of(rows[i], d)]++] = rows[i];
    struct row *swap = rows;
    rows = other;
    other = swap;
  }
  free(start);
  return rows;
}

static bool before(const struct slice *token, struct row a, struct row b) {
  if (a.key != b.key)
    return a.key < b.key;
  uint32_t shorter = a.length < b.length ? a.length : b.length;
  uint32_t same = shorter < KEY ? 0 : KEY;
  int order = memcmp(token[a.id].text + same, token[b.id].text + same, shorter - same);
  return order != 0 ? order < 0 : a.length < b.length;
}

static void sift(const struct slice *token, struct row *heap, size_t count, size_t at) {
  struct row moved = heap[at];
  for (size_t child = at * 2 + 1; child < count; child = at * 2 + 1) {
    if (child + 1 < count && before(token, heap[child], heap[child + 1]))
      child++;
    if (!before(token, moved, heap[child]))
      break;
    heap[at] = heap[child];
    at = child;
  }
  heap[at] = moved;
}

static void sort_few(const struct slice *token, struct row *rows, size_t count) {
  for (size_t i = 1; i < count; i++) {
    struct row moved = rows[i];
    size_t at = i;
    for (; at > 0 && before(token, moved, rows[at - 1]); at--)
      rows[at] = rows[at - 1];
    rows[at] = moved;
  }
}

/* By heap, which is never slow. */
static void sort_many(const struct slice *token, struct row *rows, size_t count) {
  for (size_t i = count / 2; i-- > 0;)
    sift(token, rows, count, i);
  for (size_t left = count; left-- > 1;) {
    struct row last = rows[left];
    rows[left] = rows[0];
    rows[0] = last;
    sift(token, rows, left, 0);
  }
}

/* Tokens that are the same in all digits, by all their bytes. */
static void sort_groups(const struct slice *token, struct row *rows, size_t count) {
  const unsigned rest = 64 - DIGITS * DIGIT_BITS;
  for (size_t begin = 0, end; begin < count; begin = end) {
    for (end = begin + 1; end < count && rows[end].key >> rest == rows[begin].key >> rest; end++)
      ;
    if (end - begin > FEW)
      sort_many(token, rows + begin, end - begin);
    else if (end - begin > 1)
      sort_few(token, rows + begin, end - begin);
  }
}

/* All tokens but the empty one, sorted by bytes; NULL = out of memory.  *memory is
 * what to free. */
static struct row *sorted_rows(const struct vocabulary *vocabulary, size_t *count, void **memory) {
  struct row *rows = large_alloc((vocabulary->count + 1) * 2 * sizeof *rows);
  *memory = rows;
  *count = 0;
  if (rows == NULL)
    return NULL;
  for (size_t id = 0; id < vocabulary->size; id++) {
    struct slice text = vocabulary->token[id];
    if (text.text != NULL && text.length > 0)
      rows[(*count)++] = (struct row){key_of(text), (uint32_t)text.length, (int32_t)id};
  }
  rows = sort_digits(rows, rows + vocabulary->count + 1, *count);
  if (rows != NULL)
    sort_groups(vocabulary->token, rows, *count);
  return rows;
}

/* ---- making ---- */

static bool make_room(struct maker *maker) {
  struct lexicon *lexicon = maker->lexicon;
  size_t capacity = maker->capacity * 2;
  if (capacity >= UINT32_MAX)
    return false;
  void *node = realloc(lexicon->node, capacity * sizeof *lexicon->node);
  if (node != NULL)
    lexicon->node = node;
  void *label = realloc(lexicon->label, capacity);
  if (label != NULL)
    lexicon->label = label;
  if (node == NULL || label == NULL)
    return false;
  maker->capacity = capacity;
  return true;
}

/* A new last node, to be filled when its turn comes. */
static void add_node(struct maker *maker, struct range range, uint8_t label) {
  struct lexicon *lexicon = maker->lexicon;
  maker->failed = maker->failed || (lexicon->nodes == maker->capacity && !make_room(maker));
  if (maker->failed)
    return;
  lexicon->label[lexicon->nodes] = label;
  lexicon->node[lexicon->nodes++] =
      (struct lexicon_node){range.begin, (int32_t)range.end, range.depth};
}

static struct range range_of(const struct lexicon_node *node) {
  return (struct range){node->first, (uint32_t)node->id, node->count};
}

static uint8_t byte_of(const struct maker *maker, uint32_t at, uint32_t depth) {
  const struct row *row = &maker->row[at];
  return depth < KEY ? (uint8_t)(row->key >> (56 - 8 * depth) & 0xff)
                     : (uint8_t)maker->lexicon->token[row->id].text[depth];
}

/* How many more bytes the first and the last token have in common, and so all. */
static uint32_t common(const struct maker *maker, struct range range) {
  const struct row *first = &maker->row[range.begin], *last = &maker->row[range.end - 1];
  uint32_t shorter = first->length < last->length ? first->length : last->length;
  uint32_t depth = range.depth;
  while (depth < shorter &&
         byte_of(maker, range.begin, depth) == byte_of(maker, range.end - 1, depth))
    depth++;
  return depth - range.depth;
}

/* The end of the rows from at on that have the byte next. */
static uint32_t same_byte(const struct maker *maker, uint32_t at, struct range range,
                          uint8_t byte) {
  if (range.depth < KEY)
    for (unsigned shift = 56 - 8 * range.depth;
         at < range.end && (maker->row[at].key >> shift & 0xff) == byte;)
      at++;
  else
    while (at < range.end && byte_of(maker, at, range.depth) == byte)
      at++;
  return at;
}

/* Fill one node, and add its children. */
static struct lexicon_node make_node(struct maker *maker, struct range range) {
  struct lexicon_node node = {(uint32_t)maker->lexicon->nodes, -1, 0};
  if (range.begin < range.end && maker->row[range.begin].length == range.depth)
    node.id = maker->row[range.begin++].id;
  if (range.begin == range.end)
    return node;
  int32_t sample = maker->row[range.begin].id;
  if (node.id < 0 && range.end - range.begin == 1 && range.depth > 0)
    return (struct lexicon_node){0, sample, LEXICON_TAIL};
  uint32_t chain = node.id < 0 && range.depth > 0 ? common(maker, range) : 0;
  if (chain >= LEAST_CHAIN) {
    chain = chain < MOST_CHAIN ? chain : MOST_CHAIN;
    range.depth += chain;
    add_node(maker, range, (uint8_t)chain);
    return (struct lexicon_node){node.first, sample, LEXICON_CHAIN};
  }
  for (uint32_t at = range.begin, end; at < range.end; at = end) {
    uint8_t byte = byte_of(maker, at, range.depth);
    end = same_byte(maker, at, range, byte);
    add_node(maker, (struct range){at, end, range.depth + 1}, byte);
    node.count++;
  }
  return node;
}

static bool make_nodes(struct maker *maker, size_t count) {
  struct lexicon *lexicon = maker->lexicon;
  maker->capacity = count + count / 2 + 64;
  lexicon->node = large_alloc(maker->capacity * sizeof *lexicon->node);
  lexicon->label = malloc(maker->capacity);
  if (lexicon->node == NULL || lexicon->label == NULL)
    return false;
  add_node(maker, (struct range){0, (uint32_t)count, 0}, 0);
  for (size_t i = 0; i < lexicon->nodes && !maker->failed; i++) {
    struct lexicon_node node = make_node(maker, range_of(&lexicon->node[i]));
    if (!maker->failed)
      lexicon->node[i] = node;
  }
  return !maker->failed;
}

bool lexicon_init(struct lexicon *lexicon, const struct vocabulary *vocabulary) {
  struct maker maker = {.lexicon = lexicon};
  size_t count;
  void *memory;
  *lexicon = (struct lexicon){.token = vocabulary->token};
  maker.row = sorted_rows(vocabulary, &count, &memory);
  bool made = maker.row != NULL && make_nodes(&maker, count);
  free(memory);
  if (made)
    for (uint32_t i = 0; i < lexicon->node[0].count; i++)
      lexicon->root[lexicon->label[lexicon->node[0].first + i]] = lexicon->node[0].first + i;
  return made;
}

void lexicon_finish(struct lexicon *lexicon) {
  free(lexicon->node);
  free(lexicon->label);
  *lexicon = (struct lexicon){0};
}

/* ---- searching ---- */

/* The child for a byte; 0 if there is none. */
static uint32_t find_child(const struct lexicon *lexicon, const struct lexicon_node *node,
                           uint8_t byte) {
  const uint8_t *label = lexicon->label + node->first;
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
  const struct lexicon_node *node = &lexicon->node[walk->node];
  if (walk->left > 0)
    return walk->left;
  return node->count == LEXICON_TAIL ? (uint32_t)lexicon->token[node->id].length - walk->depth
                                     : lexicon->label[node->first];
}

/* Go over `bytes` of the chain or tail, if text has them. */
static bool follow(const struct lexicon *lexicon, struct lexicon_walk *walk, const char *text,
                   uint32_t bytes) {
  const struct lexicon_node *node = &lexicon->node[walk->node];
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
static int32_t token_at(const struct lexicon *lexicon, uint32_t node) {
  return is_bytes(&lexicon->node[node]) ? -1 : lexicon->node[node].id;
}

/* Go on by one byte, or by a chain or tail.  False: the text has no such way. */
static bool step(const struct lexicon *lexicon, struct lexicon_walk *walk, const char *text,
                 size_t length, size_t *size, int32_t *id) {
  const struct lexicon_node *node = &lexicon->node[walk->node];
  if (is_bytes(node)) {
    uint32_t bytes = bytes_left(lexicon, walk);
    if (length - *size < bytes || !follow(lexicon, walk, text + *size, bytes))
      return false;
    *size += bytes;
    bool ended = node->count == LEXICON_TAIL;
    *id = ended ? node->id : token_at(lexicon, walk->node);
    if (ended)
      walk->node = LEXICON_END;
    return true;
  }
  uint8_t byte = (uint8_t)text[*size];
  uint32_t child = walk->node == 0 ? lexicon->root[byte] : find_child(lexicon, node, byte);
  if (child == 0)
    return false;
  walk->node = child;
  walk->depth++;
  ++*size;
  *id = token_at(lexicon, child);
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
    if (is_bytes(&lexicon->node[walk->node]) && left < bytes_left(lexicon, walk))
      return follow(lexicon, walk, prefix + size, (uint32_t)left);
    if (!step(lexicon, walk, prefix, length, &size, &id))
      return false;
  }
  return walk->node != LEXICON_END;
}
